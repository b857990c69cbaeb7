/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mrfc/conference/access.h"

static void an_ended_conference_is_not_found_by_anybody(void **state)
{
	/* covers: FOC-007, CONF-003 */
	const struct access_facts f = {.ending = true, .owner = true, .present = true};

	(void)state;
	assert_int_equal(access_join(&f), 404);
	assert_int_equal(access_invite(&f), 404);
	assert_int_equal(access_remove(&f), 404);
	assert_int_equal(access_end(&f), 404);
	assert_int_equal(access_subscribe(&f), 404);
}

static void who_is_barred_stays_out(void **state)
{
	/* covers: FOC-008, CONF-004 */
	const struct access_facts f = {.barred = true, .present = true};

	(void)state;
	assert_int_equal(access_join(&f), 403);
	assert_int_equal(access_invite(&f), 403);
	assert_int_equal(access_subscribe(&f), 403);
}

static void the_last_place_is_given_and_then_the_conference_is_full(void **state)
{
	/* covers: FOC-009, FOC-024 */
	struct access_facts f = {.n_users = 9, .max_users = 10};

	(void)state;
	assert_int_equal(access_join(&f), 0);
	f.n_users = 10;
	assert_int_equal(access_join(&f), 486);
	f.present = true; /* a second device of who is in */
	assert_int_equal(access_join(&f), 0);
	f = (struct access_facts){.n_users = 100000};
	assert_int_equal(access_join(&f), 0);
}

static void only_who_is_in_may_bring_others_in(void **state)
{
	/* covers: REF-002 */
	struct access_facts f = {0};

	(void)state;
	assert_int_equal(access_invite(&f), 403);
	f.present = true;
	assert_int_equal(access_invite(&f), 0);
}

static void the_owner_removes_others_and_everybody_himself(void **state)
{
	/* covers: REF-015 */
	struct access_facts f = {.present = true};

	(void)state;
	assert_int_equal(access_remove(&f), 403);
	f.self = true;
	assert_int_equal(access_remove(&f), 0);
	f = (struct access_facts){.owner = true};
	assert_int_equal(access_remove(&f), 0);
	f = (struct access_facts){.present = true, .anyone_may = true};
	assert_int_equal(access_remove(&f), 0);
	f.present = false;
	assert_int_equal(access_remove(&f), 403);
}

static void the_owner_ends_the_conference(void **state)
{
	/* covers: FOC-019 */
	struct access_facts f = {.present = true};

	(void)state;
	assert_int_equal(access_end(&f), 403);
	f.owner = true;
	assert_int_equal(access_end(&f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ended_conference_is_not_found_by_anybody),
		cmocka_unit_test(who_is_barred_stays_out),
		cmocka_unit_test(the_last_place_is_given_and_then_the_conference_is_full),
		cmocka_unit_test(only_who_is_in_may_bring_others_in),
		cmocka_unit_test(the_owner_removes_others_and_everybody_himself),
		cmocka_unit_test(the_owner_ends_the_conference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
