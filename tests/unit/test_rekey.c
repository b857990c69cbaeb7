/* SPDX-License-Identifier: Apache-2.0 */
/* When changes of membership become an epoch, and what follows an unconfirmed key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mrfc/conference/rekey.h"

#define T 1000000

/* covers: GK-006 */
static void windows_are_those_of_the_change_and_of_the_size(void **state)
{
	static const struct {
		enum rekey_change change;
		uint32_t n;
		uint64_t window_ms;
	} cases[] = {
		{REKEY_JOIN, 0, 200},      {REKEY_JOIN, 1000, 200},    {REKEY_JOIN, 1001, 201},
		{REKEY_JOIN, 10000, 2000}, {REKEY_LEAVE, 1, 2000},     {REKEY_LEAVE, 1000, 2000},
		{REKEY_LEAVE, 1001, 2002}, {REKEY_LEAVE, 5000, 10000}, {REKEY_KICK, 10000, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rekey r = {0};

		assert_true(rekey_due(&r) == REKEY_NEVER);
		rekey_note(&r, cases[i].change, cases[i].n, T);
		assert_int_equal(rekey_due(&r), T + cases[i].window_ms);
	}
}

/* covers: GK-006 */
static void all_changes_of_a_window_are_one_epoch(void **state)
{
	struct rekey r = {0};
	unsigned n_epochs = 0;

	(void)state;
	for (uint64_t now = T; now < T + 1000; now += 20) { /* 50 leave in a second */
		rekey_note(&r, REKEY_LEAVE, 100, now);
		if (now >= rekey_due(&r))
			n_epochs += rekey_begin(&r, now) > 0;
	}
	assert_int_equal(rekey_due(&r), T + 2000); /* the first one's window, not moved by others */
	assert_int_equal(rekey_begin(&r, T + 2000), 50);
	assert_int_equal(n_epochs, 0);
	assert_true(rekey_due(&r) == REKEY_NEVER);
}

/* covers: GK-006 */
static void the_most_urgent_change_takes_the_others_along(void **state)
{
	struct rekey r = {0};

	(void)state;
	rekey_note(&r, REKEY_LEAVE, 10, T);
	rekey_note(&r, REKEY_JOIN, 10, T + 100);
	assert_int_equal(rekey_due(&r), T + 300);
	rekey_note(&r, REKEY_LEAVE, 10, T + 150);
	assert_int_equal(rekey_due(&r), T + 300);
	rekey_note(&r, REKEY_KICK, 10, T + 160);
	assert_int_equal(rekey_due(&r), T + 160);
	assert_int_equal(rekey_begin(&r, T + 160), 4);
}

/* covers: GK-006 */
static void kicks_in_a_row_keep_a_distance(void **state)
{
	struct rekey r = {0};

	(void)state;
	rekey_note(&r, REKEY_KICK, 1000, T);
	assert_int_equal(rekey_due(&r), T);
	assert_int_equal(rekey_begin(&r, T), 1);
	rekey_note(&r, REKEY_KICK, 999, T + 50);
	rekey_note(&r, REKEY_KICK, 998, T + 60);
	assert_int_equal(rekey_due(&r), T + 200);
	assert_int_equal(rekey_begin(&r, T + 200), 2);
	rekey_note(&r, REKEY_KICK, 998, T + 5000);
	assert_int_equal(rekey_due(&r), T + 5000);
}

static void expect(const struct rekey_copy *c, uint64_t now, enum rekey_step step, uint64_t due)
{
	uint64_t due_ms;

	assert_int_equal(rekey_copy_next(c, REKEY_PATIENCE_MS, now, &due_ms), step);
	assert_true(due_ms == due);
}

/* covers: GK-008 */
static void a_copy_is_repeated_after_2_4_and_8_s_then_offered_then_given_up(void **state)
{
	struct rekey_copy c = {0};

	(void)state;
	expect(&c, T, REKEY_WAIT, REKEY_NEVER);
	rekey_copy_open(&c);
	expect(&c, T, REKEY_SEND, T);
	rekey_copy_sent(&c, T);
	expect(&c, T, REKEY_WAIT, T + 2000);
	expect(&c, T + 1999, REKEY_WAIT, T + 2000);
	expect(&c, T + 2000, REKEY_SEND, T + 2000);
	rekey_copy_sent(&c, T + 2100);
	expect(&c, T + 2100, REKEY_WAIT, T + 4000);
	rekey_copy_sent(&c, T + 4000);
	expect(&c, T + 4000, REKEY_WAIT, T + 8000);
	expect(&c, T + 8000, REKEY_SEND, T + 8000);
	rekey_copy_sent(&c, T + 8000);
	expect(&c, T + 29999, REKEY_WAIT, T + 30000);
	expect(&c, T + 30000, REKEY_REOFFER, T + 30000);
	rekey_copy_reoffered(&c, T + 30000);
	expect(&c, T + 30000, REKEY_WAIT, T + 62000);
	expect(&c, T + 62000, REKEY_GIVE_UP, T + 62000);
	rekey_copy_close(&c);
	expect(&c, T + 62000, REKEY_WAIT, REKEY_NEVER);
}

static void little_patience_leaves_out_what_would_come_later(void **state)
{
	struct rekey_copy c = {0};
	uint64_t due_ms;

	(void)state;
	rekey_copy_open(&c);
	rekey_copy_sent(&c, T);
	assert_int_equal(rekey_copy_next(&c, 3000, T + 2000, &due_ms), REKEY_SEND);
	rekey_copy_sent(&c, T + 2000);
	assert_int_equal(rekey_copy_next(&c, 3000, T + 2999, &due_ms), REKEY_WAIT);
	assert_int_equal(due_ms, T + 3000);
	assert_int_equal(rekey_copy_next(&c, 3000, T + 3000, &due_ms), REKEY_REOFFER);
}

/* covers: GK-015 */
static void who_is_on_hold_gets_it_as_for_the_first_time_afterwards(void **state)
{
	struct rekey_copy c = {0};

	(void)state;
	rekey_copy_park(&c);
	assert_false(c.open);
	rekey_copy_open(&c);
	rekey_copy_sent(&c, T);
	rekey_copy_park(&c);
	expect(&c, T + 60000, REKEY_SEND, T + 60000);
}

/* covers: GK-008 */
static void patience_runs_from_the_first_key_that_was_not_confirmed(void **state)
{
	struct rekey_copy c = {0};
	uint64_t at = T;

	(void)state;
	rekey_copy_open(&c);
	rekey_copy_sent(&c, at);
	while (at < T + 29000) { /* others come and go each second */
		at += 1000;
		rekey_copy_open(&c);
		expect(&c, at, REKEY_SEND, at);
		rekey_copy_sent(&c, at);
	}
	expect(&c, at, REKEY_WAIT, T + 30000);
	expect(&c, T + 30000, REKEY_REOFFER, T + 30000);
	rekey_copy_reoffered(&c, T + 30000);
	rekey_copy_open(&c); /* yet another one does not help him */
	expect(&c, T + 31000, REKEY_SEND, T + 31000);
	rekey_copy_sent(&c, T + 31000);
	expect(&c, T + 33000, REKEY_SEND, T + 33000);
	for (int i = 0; i < 3; i++)
		rekey_copy_sent(&c, T + 33000);
	expect(&c, T + 61999, REKEY_WAIT, T + 62000);
	expect(&c, T + 62000, REKEY_GIVE_UP, T + 62000);
	rekey_copy_close(&c); /* the next one begins anew */
	rekey_copy_open(&c);
	rekey_copy_sent(&c, T + 70000);
	for (int i = 0; i < 3; i++)
		rekey_copy_sent(&c, T + 80000);
	expect(&c, T + 90000, REKEY_WAIT, T + 100000);
}

/* covers: GK-008 */
static void who_confirms_the_one_before_has_time_again(void **state)
{
	struct rekey_copy c = {0};

	(void)state;
	rekey_copy_lags(&c, T);
	assert_false(c.open);
	rekey_copy_open(&c);
	for (int i = 0; i < 4; i++)
		rekey_copy_sent(&c, T);
	rekey_copy_reoffered(&c, T + 30000);
	rekey_copy_lags(&c, T + 31000);
	expect(&c, T + 60000, REKEY_WAIT, T + 61000);
	expect(&c, T + 61000, REKEY_REOFFER, T + 61000);
	rekey_copy_open(&c);
	rekey_copy_lags(&c, T + 61500); /* before this one was sent at all */
	for (int i = 0; i < 4; i++)
		rekey_copy_sent(&c, T + 62000);
	expect(&c, T + 80000, REKEY_WAIT, T + 92000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_are_those_of_the_change_and_of_the_size),
		cmocka_unit_test(all_changes_of_a_window_are_one_epoch),
		cmocka_unit_test(the_most_urgent_change_takes_the_others_along),
		cmocka_unit_test(kicks_in_a_row_keep_a_distance),
		cmocka_unit_test(a_copy_is_repeated_after_2_4_and_8_s_then_offered_then_given_up),
		cmocka_unit_test(little_patience_leaves_out_what_would_come_later),
		cmocka_unit_test(who_is_on_hold_gets_it_as_for_the_first_time_afterwards),
		cmocka_unit_test(patience_runs_from_the_first_key_that_was_not_confirmed),
		cmocka_unit_test(who_confirms_the_one_before_has_time_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
