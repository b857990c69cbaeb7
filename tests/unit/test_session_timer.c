/* SPDX-License-Identifier: Apache-2.0 */
/* Session timers: RFC 4028 table 2 and the two moments that follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mrfc/sip/session_timer.h"

#define NONE SESSION_REFRESHER_NONE
#define UAC  SESSION_REFRESHER_UAC
#define UAS  SESSION_REFRESHER_UAS

static void the_answer_follows_table_2_of_rfc_4028(void **state)
{
	/* covers: TIM-003, TIM-004, TIM-008 */
	static const struct {
		struct session_timer_ask ask;
		uint32_t expires_s;
		enum session_refresher refresher;
		bool require;
	} rows[] = {
		{{false, 0, 0, NONE}, 1800, UAS, false},     /* no timer: only we can refresh */
		{{false, 1200, 0, NONE}, 1200, UAS, false},  /* a proxy asks for it */
		{{true, 1200, 0, NONE}, 1200, UAC, true},    /* our choice */
		{{true, 1200, 0, UAC}, 1200, UAC, true},     /* never overridden */
		{{true, 1200, 0, UAS}, 1200, UAS, true},     /* never overridden */
		{{true, 0, 0, NONE}, 1800, UAC, true},       /* we insert it */
		{{true, 86400, 0, NONE}, 1800, UAC, true},   /* not longer than we want */
		{{true, 4000, 3000, NONE}, 3000, UAC, true}, /* not below the request's Min-SE */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct session_timer t;

		assert_int_equal(session_timer_answer(&rows[i].ask, 1800, 90, &t), 0);
		assert_int_equal(t.expires_s, rows[i].expires_s);
		assert_int_equal(t.refresher, rows[i].refresher);
		assert_int_equal(t.we_refresh, rows[i].refresher == UAS);
		assert_int_equal(t.require, rows[i].require);
	}
}

static void an_interval_below_the_minimum_is_refused_to_who_understands_it(void **state)
{
	/* covers: TIM-002 */
	struct session_timer_ask ask = {.supported = true, .expires_s = 89};
	struct session_timer t = {.expires_s = 7};

	(void)state;
	assert_int_equal(session_timer_answer(&ask, 1800, 90, &t), -ERR_LIMIT);
	assert_int_equal(t.expires_s, 7);
	ask.expires_s = 90;
	assert_int_equal(session_timer_answer(&ask, 1800, 90, &t), 0);
	assert_int_equal(t.expires_s, 90);
	ask = (struct session_timer_ask){.supported = false, .expires_s = 60};
	assert_int_equal(session_timer_answer(&ask, 1800, 90, &t), 0);
}

static void without_a_wish_of_ours_a_silent_peer_gets_no_timer(void **state)
{
	struct session_timer_ask ask = {.supported = true};
	struct session_timer t;

	(void)state;
	assert_int_equal(session_timer_answer(&ask, 0, 90, &t), 0);
	assert_int_equal(t.expires_s, 0);
	assert_false(t.we_refresh);
	assert_int_equal(session_timer_due_ms(&t), 0);
}

static void the_answer_to_our_invite_names_the_refresher(void **state)
{
	/* covers: TIM-004 */
	struct session_timer t;

	(void)state;
	session_timer_accepted(&(struct session_timer_ask){true, 600, 0, UAS}, 1800, 90, &t);
	assert_int_equal(t.expires_s, 600);
	assert_false(t.we_refresh);
	session_timer_accepted(&(struct session_timer_ask){true, 600, 0, UAC}, 1800, 90, &t);
	assert_true(t.we_refresh);
	/* The peer knows no timer: we go on alone. */
	session_timer_accepted(&(struct session_timer_ask){0}, 1800, 90, &t);
	assert_int_equal(t.expires_s, 1800);
	assert_true(t.we_refresh);
	session_timer_accepted(&(struct session_timer_ask){0}, 0, 90, &t);
	assert_int_equal(t.expires_s, 0);
}

static void an_answer_below_our_minimum_counts_as_the_minimum(void **state)
{
	/* covers: TIM-002, TIM-005 */
	struct session_timer t;

	(void)state;
	session_timer_accepted(&(struct session_timer_ask){true, 1, 0, UAC}, 1800, 90, &t);
	assert_int_equal(t.expires_s, 90);
	assert_int_equal(session_timer_due_ms(&t), 45000);
	session_timer_accepted(&(struct session_timer_ask){true, 89, 0, UAS}, 1800, 90, &t);
	assert_int_equal(t.expires_s, 90);
	assert_int_equal(session_timer_due_ms(&t), 60000);
	session_timer_accepted(&(struct session_timer_ask){true, 91, 0, UAS}, 1800, 90, &t);
	assert_int_equal(t.expires_s, 91);
}

static void a_refresh_is_due_at_half_time_and_the_end_comes_a_little_early(void **state)
{
	/* covers: TIM-005, TIM-006 */
	struct session_timer t = {.expires_s = 1800, .we_refresh = true};

	(void)state;
	assert_int_equal(session_timer_due_ms(&t), 900000);
	assert_int_equal(session_timer_end_ms(&t), 1768000);
	t.we_refresh = false;
	assert_int_equal(session_timer_due_ms(&t), 1768000);
	t.expires_s = 90; /* a third is shorter than 32 s */
	assert_int_equal(session_timer_due_ms(&t), 60000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_follows_table_2_of_rfc_4028),
		cmocka_unit_test(an_interval_below_the_minimum_is_refused_to_who_understands_it),
		cmocka_unit_test(without_a_wish_of_ours_a_silent_peer_gets_no_timer),
		cmocka_unit_test(the_answer_to_our_invite_names_the_refresher),
		cmocka_unit_test(an_answer_below_our_minimum_counts_as_the_minimum),
		cmocka_unit_test(a_refresh_is_due_at_half_time_and_the_end_comes_a_little_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
