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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cause_has_a_complete_row_of_its_own),
		cmocka_unit_test(reasons_of_our_byes_are_those_of_the_product),
		cmocka_unit_test(without_media_resources_the_answer_is_503_with_retry_after),
		cmocka_unit_test(lost_media_are_told_by_their_cause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
