/* SPDX-License-Identifier: Apache-2.0 */
/* What is taken on, and what is shed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/rate.h"
#include "mrfc/sip/overload.h"

#define RATE 5

static const struct overload_config limits = {
	.max_rate = RATE, .max_lag_ms = 1000, .max_pending = 3};

static enum overload_verdict ask(struct overload *o, const char *host, bool trusted, bool priority,
				 uint32_t n_pending, uint64_t now_ms)
{
	struct addr a;
	const struct overload_request r = {
		.peer = &a, .trusted = trusted, .priority = priority, .invite = true};

	assert_int_equal(addr_from_host(slice_str(host), 5060, &a), 0);
	return overload_judge(o, &r, n_pending, now_ms);
}

static void an_untrusted_address_has_its_rate(void **state)
{
	struct overload *o = overload_new(&limits);

	(void)state;
	for (int i = 0; i < RATE * RATE_BURST_S; i++)
		assert_int_equal(ask(o, "192.0.2.1", false, false, 0, 1000), OVERLOAD_PASS);
	assert_int_equal(ask(o, "192.0.2.1", false, false, 0, 1000), OVERLOAD_RATE);
	assert_int_equal(ask(o, "192.0.2.1", false, true, 0, 1000), OVERLOAD_RATE);
	assert_int_equal(ask(o, "::ffff:192.0.2.1", false, false, 0, 1000), OVERLOAD_RATE);
	assert_int_equal(ask(o, "192.0.2.2", false, false, 0, 1000), OVERLOAD_PASS);
	assert_int_equal(ask(o, "192.0.2.1", true, false, 0, 1000), OVERLOAD_PASS);
	assert_int_equal(ask(o, "192.0.2.1", false, false, 0, 1200), OVERLOAD_PASS);
	assert_int_equal(ask(o, "192.0.2.1", false, false, 0, 1200), OVERLOAD_RATE);
	overload_free(&o);
	assert_null(o);
}

static void a_network_of_ipv6_is_one_peer(void **state)
{
	struct overload *o = overload_new(&limits);
	char host[32];

	(void)state;
	for (int i = 0; i < RATE * RATE_BURST_S; i++) {
		snprintf(host, sizeof(host), "2001:db8::%x", i + 1);
		assert_int_equal(ask(o, host, false, false, 0, 1000), OVERLOAD_PASS);
	}
	assert_int_equal(ask(o, "2001:db8::ffff", false, false, 0, 1000), OVERLOAD_RATE);
	assert_int_equal(ask(o, "2001:db8:0:1::1", false, false, 0, 1000), OVERLOAD_PASS);
	overload_free(&o);
}

static void the_address_that_was_silent_longest_is_forgotten(void **state)
{
	struct overload *o = overload_new(&limits);
	char host[32];

	(void)state;
	for (int i = 0; i < RATE * RATE_BURST_S; i++) {
		assert_int_equal(ask(o, "192.0.2.1", false, false, 0, 1000), OVERLOAD_PASS);
		assert_int_equal(ask(o, "192.0.2.2", false, false, 0, 1000), OVERLOAD_PASS);
	}
	for (int i = 0; i < OVERLOAD_PEERS - 1; i++) {
		snprintf(host, sizeof(host), "10.0.%d.%d", i / 256, i % 256);
		assert_int_equal(ask(o, host, false, false, 0, 1000), OVERLOAD_PASS);
	}
	assert_int_equal(ask(o, "192.0.2.2", false, false, 0, 1000), OVERLOAD_RATE);
	assert_int_equal(ask(o, "192.0.2.1", false, false, 0, 1000), OVERLOAD_PASS);
	overload_free(&o);
}

static void who_is_late_takes_nothing_on_but_priority(void **state)
{
	/* covers: IMS-030 */
	struct overload *o = overload_new(&limits);

	(void)state;
	assert_int_equal(ask(o, "192.0.2.1", true, false, 0, 99000), OVERLOAD_PASS);
	overload_rested(o, 100000);
	assert_int_equal(ask(o, "192.0.2.1", true, false, 0, 101000), OVERLOAD_PASS);
	assert_int_equal(ask(o, "192.0.2.1", true, false, 0, 101001), OVERLOAD_LAG);
	assert_int_equal(ask(o, "192.0.2.1", true, true, 0, 101001), OVERLOAD_PASS);
	/* Whoever may write it himself is not believed. */
	assert_int_equal(ask(o, "192.0.2.1", false, true, 0, 101001), OVERLOAD_LAG);
	overload_rested(o, 101002);
	assert_int_equal(ask(o, "192.0.2.1", true, false, 0, 101002), OVERLOAD_PASS);
	overload_free(&o);
}

static void invites_that_wait_are_counted(void **state)
{
	struct overload *o = overload_new(&limits);

	(void)state;
	assert_int_equal(ask(o, "192.0.2.1", true, false, 2, 1), OVERLOAD_PASS);
	assert_int_equal(ask(o, "192.0.2.1", true, false, 3, 1), OVERLOAD_PENDING);
	assert_int_equal(ask(o, "192.0.2.1", true, true, 3, 1), OVERLOAD_PASS);
	overload_free(&o);
}

static void its_begin_and_end_are_told_once(void **state)
{
	struct overload *o = overload_new(&limits);
	uint64_t n = 0;

	(void)state;
	assert_int_equal(overload_turn(o, 10, &n), 0);
	(void)ask(o, "192.0.2.1", true, false, 3, 10);
	(void)ask(o, "192.0.2.1", true, false, 3, 20);
	assert_int_equal(overload_turn(o, 20, &n), 1);
	assert_int_equal(overload_turn(o, 20 + OVERLOAD_QUIET_MS - 1, &n), 0);
	assert_int_equal(overload_turn(o, 20 + OVERLOAD_QUIET_MS, &n), -1);
	assert_int_equal(n, 2);
	assert_int_equal(overload_turn(o, 90000, &n), 0);
	overload_free(&o);
}

static void without_limits_all_pass(void **state)
{
	const struct overload_config none = {.max_pending = 1};
	struct overload *o = overload_new(&none);

	(void)state;
	overload_rested(o, 1);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(ask(o, "192.0.2.1", false, false, 0, 1000000), OVERLOAD_PASS);
	overload_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_untrusted_address_has_its_rate),
		cmocka_unit_test(a_network_of_ipv6_is_one_peer),
		cmocka_unit_test(the_address_that_was_silent_longest_is_forgotten),
		cmocka_unit_test(who_is_late_takes_nothing_on_but_priority),
		cmocka_unit_test(invites_that_wait_are_counted),
		cmocka_unit_test(its_begin_and_end_are_told_once),
		cmocka_unit_test(without_limits_all_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
