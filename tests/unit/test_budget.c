/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/budget: the sum, its peak, and levels that do not swing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mrfp/budget.h"

static void the_total_is_the_sum_of_its_parts(void **state)
{
	struct budget b;
	uint64_t sum = 0;

	(void)state;
	budget_init(&b, 1000000);
	meter_add(&b.logs, 0, 1);
	meter_add(&b.logs, 5, 10);
	meter_add(&b.queues, 2, 100);
	meter_add(&b.own, 0, 1000);
	b.partial = 10000;
	b.open = 100000;
	assert_int_equal(budget_total(&b), 111111);
	for (int i = 0; i < BUDGET_PARTS; i++)
		sum += budget_part(&b, (enum budget_part)i);
	assert_int_equal(sum, 111111);
	assert_int_equal(budget_part(&b, BUDGET_LOGS), 11);
	assert_int_equal(b.logs.by_class[5], 10);
	meter_sub(&b.logs, 5, 10);
	assert_int_equal(budget_total(&b), 111101);
}

static void levels_rise_at_their_marks(void **state)
{
	static const struct {
		uint64_t total;
		enum budget_level level;
	} steps[] = {{799, BUDGET_FREE}, {800, BUDGET_BULK}, {949, BUDGET_BULK},
		     {950, BUDGET_ALL},  {999, BUDGET_ALL},  {1000, BUDGET_FULL}};
	struct budget b;

	(void)state;
	budget_init(&b, 1000);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		enum budget_level old = b.level;
		b.partial = steps[i].total;
		assert_int_equal(budget_note(&b), steps[i].total >= b.alarm);
		assert_int_equal(budget_update(&b), old != steps[i].level);
		assert_int_equal(b.level, steps[i].level);
	}
	assert_true(budget_note(&b)); /* full: at every message */
	assert_int_equal(b.peak, 1000);
}

static void levels_fall_later_than_they_rise(void **state)
{
	static const struct {
		uint64_t total;
		enum budget_level level;
	} steps[] = {{950, BUDGET_FULL}, {949, BUDGET_ALL},  {850, BUDGET_ALL}, {849, BUDGET_BULK},
		     {700, BUDGET_BULK}, {699, BUDGET_FREE}, {0, BUDGET_FREE}};
	struct budget b;

	(void)state;
	budget_init(&b, 1000);
	b.partial = 2000;
	assert_true(budget_update(&b));
	assert_int_equal(b.level, BUDGET_FULL); /* all steps at once */
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		b.partial = steps[i].total;
		(void)budget_update(&b);
		assert_int_equal(b.level, steps[i].level);
		assert_non_null(budget_level_name(b.level));
	}
	b.partial = 2000;
	(void)budget_update(&b);
	b.partial = 0;
	assert_true(budget_update(&b));
	assert_int_equal(b.level, BUDGET_FREE);
}

static void a_large_ceiling_does_not_overflow(void **state)
{
	struct budget b;

	(void)state;
	budget_init(&b, INT64_MAX);
	b.partial = (uint64_t)INT64_MAX / 2;
	assert_false(budget_note(&b));
	b.partial = (uint64_t)INT64_MAX / 10 * 9;
	assert_true(budget_note(&b));
	assert_true(budget_update(&b));
	assert_int_equal(b.level, BUDGET_BULK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_total_is_the_sum_of_its_parts),
		cmocka_unit_test(levels_rise_at_their_marks),
		cmocka_unit_test(levels_fall_later_than_they_rise),
		cmocka_unit_test(a_large_ceiling_does_not_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
