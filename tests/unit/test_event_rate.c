/* SPDX-License-Identifier: Apache-2.0 */
/* How often a user may ask to subscribe: the burst, the average, others' share, bounded memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "mrfc/conference/event_rate.h"

#define ALICE SLICE_LIT("sip:alice@example.com")
#define BOB   SLICE_LIT("sip:bob@example.com")

static void a_burst_is_free_and_then_the_average_counts(void **state)
{
	struct event_rate *r = event_rate_new(5);
	uint64_t now = 1000;

	(void)state;
	for (int i = 0; i < 50; i++)
		assert_int_equal(event_rate_take(r, ALICE, now), 0);
	assert_int_equal(event_rate_take(r, ALICE, now), 1);
	assert_int_equal(event_rate_take(r, SLICE_LIT("SIP:alice@EXAMPLE.com"), now), 1);
	assert_int_equal(event_rate_take(r, BOB, now), 0);
	assert_int_equal(event_rate_take(r, ALICE, now + 199), 1);
	assert_int_equal(event_rate_take(r, ALICE, now + 200), 0);
	assert_int_equal(event_rate_take(r, ALICE, now + 200), 1);
	for (int i = 0; i < 50; i++)
		assert_int_equal(event_rate_take(r, ALICE, now + 20000), 0);
	assert_int_equal(event_rate_take(r, ALICE, now + 20000), 1);
	event_rate_free(&r);
}

static void a_slow_rate_names_the_time_to_wait(void **state)
{
	struct event_rate *r = event_rate_new(1);

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(event_rate_take(r, SLICE_LIT("no uri"), 0), 0);
	assert_int_equal(event_rate_take(r, SLICE_LIT("no uri"), 0), 1);
	assert_int_equal(event_rate_take(r, SLICE_NULL, 0), 0);
	event_rate_free(&r);
}

static void without_a_rate_all_may_ask(void **state)
{
	struct event_rate *r = event_rate_new(0);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(event_rate_take(r, ALICE, 0), 0);
	event_rate_free(&r);
	event_rate_free(&r);
}

static void only_so_many_users_are_remembered(void **state)
{
	struct event_rate *r = event_rate_new(1);
	char uri[64];

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(event_rate_take(r, ALICE, 0), 0);
	assert_int_equal(event_rate_take(r, ALICE, 0), 1);
	for (int i = 0; i < EVENT_RATE_MAX_USERS - 1; i++) {
		(void)snprintf(uri, sizeof(uri), "sip:u%d@example.com", i);
		assert_int_equal(event_rate_take(r, slice_str(uri), 0), 0);
	}
	assert_int_equal(event_rate_take(r, ALICE, 0), 1);
	for (int i = 0; i < EVENT_RATE_MAX_USERS; i++) {
		(void)snprintf(uri, sizeof(uri), "sip:v%d@example.com", i);
		assert_int_equal(event_rate_take(r, slice_str(uri), 0), 0);
	}
	assert_int_equal(event_rate_take(r, ALICE, 0), 0); /* forgotten */
	event_rate_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_is_free_and_then_the_average_counts),
		cmocka_unit_test(a_slow_rate_names_the_time_to_wait),
		cmocka_unit_test(without_a_rate_all_may_ask),
		cmocka_unit_test(only_so_many_users_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
