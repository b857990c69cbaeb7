/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/rate: buckets fill with time and no further, and the steps from refusal to the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/rate.h"

/* covers: SW-084 */
static void a_bucket_gives_its_burst_and_then_its_rate(void **state)
{
	struct rate r = {0};
	uint64_t now = 5000;

	(void)state;
	for (int i = 0; i < 200 * RATE_BURST_S; i++)
		assert_true(rate_take(&r, 200, RATE_ONE, now));
	assert_false(rate_take(&r, 200, RATE_ONE, now));
	now += 4; /* 0.8 of one */
	assert_false(rate_take(&r, 200, RATE_ONE, now));
	now += 1;
	assert_true(rate_take(&r, 200, RATE_ONE, now));
	assert_false(rate_take(&r, 200, RATE_ONE, now));
	for (int i = 0; i < 1000; i++) {
		now += 5;
		assert_true(rate_take(&r, 200, RATE_ONE, now));
		assert_false(rate_take(&r, 200, RATE_ONE, now));
	}
	now += UINT64_C(1) << 40; /* never more than full */
	for (int i = 0; i < 200 * RATE_BURST_S; i++)
		assert_true(rate_take(&r, 200, RATE_ONE, now));
	assert_false(rate_take(&r, 200, RATE_ONE, now));
}

/* covers: SW-084 */
static void a_rate_of_nothing_is_no_limit(void **state)
{
	struct rate r = {0};
	struct rate_conduct c = {0};

	(void)state;
	for (int i = 0; i < 100000; i++) {
		assert_true(rate_take(&r, 0, RATE_ONE, 1));
		assert_int_equal(rate_spend(&r, 0, 1u << 20, 1), 0);
		assert_int_equal(rate_judge(&c, 0, RATE_ONE, 1), RATE_PASS);
	}
}

static void parts_of_one_cost_parts_of_one(void **state)
{
	struct rate r = {0};

	(void)state;
	for (int i = 0; i < 10 * RATE_BURST_S; i++)
		assert_true(rate_take(&r, 1, RATE_ONE / 10, 7));
	assert_false(rate_take(&r, 1, RATE_ONE / 10, 7));
	assert_true(rate_take(&r, 1, RATE_ONE / 10, 107));
}

/* covers: SW-084 */
static void what_is_spent_beyond_the_bucket_is_owed(void **state)
{
	struct rate r = {0}, fast = {0};

	(void)state;
	assert_int_equal(rate_spend(&r, 1000, 1000 * RATE_BURST_S, 9), 0);
	assert_int_equal(rate_spend(&r, 1000, 1, 9), 1);
	assert_int_equal(rate_spend(&r, 1000, 499, 9), 500);
	assert_int_equal(rate_spend(&r, 1000, 0, 508), 1);
	assert_int_equal(rate_spend(&r, 1000, 0, 509), 0);
	assert_int_equal(rate_spend(&fast, UINT64_C(1) << 40, UINT64_C(1) << 43, 600), 0);
}

/* covers: SW-084 */
static void who_goes_on_is_refused_then_paused_then_let_go(void **state)
{
	struct rate_conduct c = {0};
	uint64_t now = 1;

	(void)state;
	for (int i = 0; i < 10 * RATE_BURST_S; i++)
		assert_int_equal(rate_judge(&c, 10, RATE_ONE, now), RATE_PASS);
	for (int pause = 0; pause < RATE_PAUSES; pause++) {
		for (int i = 0; i < RATE_REFUSALS - 1; i++)
			assert_int_equal(rate_judge(&c, 10, RATE_ONE, now), RATE_REFUSE);
		assert_int_equal(rate_judge(&c, 10, RATE_ONE, now), RATE_PAUSE);
		for (int i = 0; i < 5 * RATE_REFUSALS; i++) /* was under way */
			assert_int_equal(rate_judge(&c, 10, RATE_ONE, now), RATE_REFUSE);
		now += RATE_PAUSE_MS;
		for (int i = 0; i < 10; i++)
			assert_int_equal(rate_judge(&c, 10, RATE_ONE, now), RATE_PASS);
	}
	for (int i = 0; i < RATE_REFUSALS - 1; i++)
		assert_int_equal(rate_judge(&c, 10, RATE_ONE, now), RATE_REFUSE);
	assert_int_equal(rate_judge(&c, 10, RATE_ONE, now), RATE_CLOSE);
}

/* covers: SW-084 */
static void who_slows_down_is_forgiven(void **state)
{
	struct rate_conduct c = {0};
	uint64_t now = 1;

	(void)state;
	for (int round = 0; round < 3 * RATE_PAUSES; round++) {
		for (int i = 0; i < 10 * RATE_BURST_S; i++)
			assert_int_equal(rate_judge(&c, 10, RATE_ONE, now), RATE_PASS);
		for (int i = 0; i < RATE_REFUSALS - 1; i++)
			assert_int_equal(rate_judge(&c, 10, RATE_ONE, now), RATE_REFUSE);
		now += RATE_BURST_S * 1000;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_gives_its_burst_and_then_its_rate),
		cmocka_unit_test(a_rate_of_nothing_is_no_limit),
		cmocka_unit_test(parts_of_one_cost_parts_of_one),
		cmocka_unit_test(what_is_spent_beyond_the_bucket_is_owed),
		cmocka_unit_test(who_goes_on_is_refused_then_paused_then_let_go),
		cmocka_unit_test(who_slows_down_is_forgiven),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
