/* SPDX-License-Identifier: Apache-2.0 */
/* The table of ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mrfc/conference/unwind.h"
#include "proto/ctl_msgs.h"

static void every_cause_has_a_complete_row_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < UNWIND_N; i++) {
		const struct unwind_rule *r = unwind_rule((enum unwind_cause)i);

		assert_non_null(r->name);
		assert_non_null(r->text);
		assert_in_range(r->status, 400, 699);
		if (i == UNWIND_REPLACED)
			assert_int_equal(r->reason,
					 200); /* no trouble: the call goes on elsewhere */
		else
			assert_in_range(r->reason, 400, 699);
		assert_int_not_equal(r->leaving, CONFINFO_LEFT_NONE);
		assert_null(strchr(r->text, '"')); /* goes into a quoted string */
		for (int j = 0; j < i; j++)
			assert_string_not_equal(unwind_rule((enum unwind_cause)j)->name, r->name);
	}
}

static void reasons_of_our_byes_are_those_of_the_product(void **state)
{
	/* covers: FOC-020 */
	(void)state;
	assert_int_equal(unwind_rule(UNWIND_ENDED)->reason, 410);
	assert_int_equal(unwind_rule(UNWIND_REMOVED)->reason, 603);
	assert_int_equal(unwind_rule(UNWIND_FLOOD)->reason, 603);
	assert_int_equal(unwind_rule(UNWIND_MEDIA_LOST)->reason, 408);
	assert_int_equal(unwind_rule(UNWIND_TOO_SLOW)->reason, 408);
	assert_int_equal(unwind_rule(UNWIND_MRFP_LOST)->reason, 503);
}

static void without_media_resources_the_answer_is_503_with_retry_after(void **state)
{
	/* covers: FOC-010 */
	static const int errors[] = {-ERR_CLOSED, -ERR_LIMIT, -ERR_TIMEOUT, -ERR_IO};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		const struct unwind_rule *r = unwind_rule(unwind_of_media(errors[i]));

		assert_int_equal(r->status, 503);
		assert_true(r->retry_after_s > 0);
	}
	assert_int_equal(unwind_rule(unwind_of_media(-ERR_DENIED))->status, 488);
}

static void lost_media_are_told_by_their_cause(void **state)
{
	(void)state;
	assert_int_equal(unwind_of_lost(CTL_LOST_SLOW), UNWIND_TOO_SLOW);
	assert_int_equal(unwind_of_lost(CTL_LOST_LOG), UNWIND_TOO_SLOW);
	assert_int_equal(unwind_of_lost(CTL_LOST_FLOOD), UNWIND_FLOOD);
	assert_int_equal(unwind_of_lost(CTL_LOST_RESET), UNWIND_MEDIA_LOST);
	assert_int_equal(unwind_of_lost(CTL_LOST_UNBOUND), UNWIND_MEDIA_LOST);
	assert_int_equal(unwind_of_lost(CTL_LOST_SHUTDOWN), UNWIND_MRFP_LOST);
	assert_int_equal(unwind_of_lost(99), UNWIND_MEDIA_LOST);
}

static void only_leaving_and_being_removed_end_a_membership(void **state)
{
	/* covers: IMS-005 */
	(void)state;
	for (int i = 0; i < UNWIND_N; i++) {
		enum unwind_cause c = (enum unwind_cause)i;
		/* Who gave his place to somebody else gave it up; to a device of his own, he is in. */
		bool out = c == UNWIND_REMOVED || c == UNWIND_REPLACED;
		bool ends = c == UNWIND_DEPARTED || out;

		assert_int_equal(unwind_ends_membership(c, false, NULL, 480), ends);
		assert_int_equal(unwind_ends_membership(c, true, NULL, 480), out);
	}
}

static void a_bye_leaves_by_its_reason_where_that_counts(void **state)
{
	/* covers: IMS-005 */
	static const struct {
		const char *reason;
		bool leaves;
	} cases[] = {
		{"SIP;cause=200;text=\"Call completed\"", true},
		{" sip ; text=\"x\" ; Cause = 200 ", true},
		{"SIP;cause=2000", false},
		{"SIP;cause=480", false},
		{"Q.850;cause=200", false},
		{"SIP", false},
		{"SIP;text=\"cause=200\"", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
			unwind_ends_membership(UNWIND_DEPARTED, true, cases[i].reason, 487),
			cases[i].leaves);
		assert_true(unwind_ends_membership(UNWIND_DEPARTED, false, cases[i].reason, 487));
	}
}

static void a_call_declined_for_good_ends_a_membership(void **state)
{
	/* covers: IMS-005 */
	static const int gone[] = {404, 410, 603, 604}, later[] = {408, 480, 486, 487, 500, 503};

	(void)state;
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		assert_true(unwind_ends_membership(UNWIND_REFUSED, true, NULL, gone[i]));
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		assert_false(unwind_ends_membership(UNWIND_REFUSED, false, NULL, later[i]));
	assert_false(unwind_ends_membership(UNWIND_BUSY, false, NULL, 486));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cause_has_a_complete_row_of_its_own),
		cmocka_unit_test(reasons_of_our_byes_are_those_of_the_product),
		cmocka_unit_test(without_media_resources_the_answer_is_503_with_retry_after),
		cmocka_unit_test(lost_media_are_told_by_their_cause),
		cmocka_unit_test(only_leaving_and_being_removed_end_a_membership),
		cmocka_unit_test(a_bye_leaves_by_its_reason_where_that_counts),
		cmocka_unit_test(a_call_declined_for_good_ends_a_membership),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
