/* SPDX-License-Identifier: Apache-2.0 */
/* Typing: the receiver's and the sender's state machine of RFC 3994. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "ue/ue_typing.h"

#define BOB   SLICE_LIT("sip:bob@example.com")
#define CAROL SLICE_LIT("sip:carol@example.com")

/* covers: COMP-002 */
static void an_active_state_ends_by_idle_content_or_time(void **state)
{
	struct ue_typing *t = ue_typing_new();
	char *who;

	(void)state;
	assert_int_equal(ue_typing_next_ms(t), 0);
	assert_true(ue_typing_heard(t, BOB, true, 0, 1000));
	assert_false(ue_typing_heard(t, BOB, true, 0, 2000)); /* consecutive ones are no change */
	assert_int_equal(ue_typing_next_ms(t), 122000);
	assert_true(ue_typing_heard(t, CAROL, true, 60, 1000));
	assert_int_equal(ue_typing_next_ms(t), 61000);
	assert_null(ue_typing_expired(t, 60999));
	who = ue_typing_expired(t, 61000);
	assert_string_equal(who, "sip:carol@example.com");
	free(who);
	assert_null(ue_typing_expired(t, 61000));
	assert_true(ue_typing_heard(t, BOB, false, 0, 61000));
	assert_false(ue_typing_heard(t, BOB, false, 0, 61000));
	assert_true(ue_typing_heard(t, BOB, true, 0, 62000));
	assert_true(ue_typing_content(t, BOB));
	assert_false(ue_typing_content(t, BOB));
	assert_int_equal(ue_typing_next_ms(t), 0);
	assert_true(ue_typing_heard(t, BOB, true, 0, 63000));
	ue_typing_free(&t);
	assert_null(t);
}

/* covers: COMP-001 */
static void a_composer_tells_changes_and_refreshes(void **state)
{
	struct ue_composer c = {0};

	(void)state;
	assert_false(ue_composer_set(&c, false, 1000));
	assert_true(ue_composer_set(&c, true, 1000));
	assert_int_equal(c.idle_ms, 16000);
	assert_false(ue_composer_set(&c, true, 10000));
	assert_int_equal(c.idle_ms, 25000);
	assert_false(ue_composer_set(&c, true, 60999));
	assert_true(ue_composer_set(&c, true, 61000)); /* refresh: 60 s */
	assert_true(ue_composer_set(&c, false, 62000));
	assert_false(ue_composer_set(&c, false, 62000));
	assert_true(ue_composer_set(&c, true, 63000));
	ue_composer_sent(&c); /* content tells it: no idle */
	assert_false(ue_composer_set(&c, false, 64000));
	assert_true(ue_composer_set(&c, true, 64000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_active_state_ends_by_idle_content_or_time),
		cmocka_unit_test(a_composer_tells_changes_and_refreshes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
