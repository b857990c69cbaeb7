/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/stats: every metric is there under its name, the sum rule of copies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mrfp/stats.h"
#include "proto/ctl_msgs.h"

static void every_declared_metric_is_exposed(void **state)
{
	static const char *const names[] = {
#define STATS_ONE(type, field, name, text)                 name,
#define STATS_CLASS(type, field, name, text)               name,
#define STATS_CLASS_BY(type, field, dimension, name, text) name,
#define STATS_BY(type, field, dimension, name, text)       name,
#include "mrfp/stats.def"
	};
	struct metrics *m = metrics_new();
	struct bytes b = BYTES_INIT;
	struct stats s;

	(void)state;
	stats_init(&s, m);
	metrics_write(m, &b);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(slice_find(bytes_slice(&b), slice_str(names[i])) >= 0);
	assert_true(slice_find(bytes_slice(&b),
			       SLICE_LIT("mrfp_copies_total{class=\"geoloc\"} 0")) >= 0);
	assert_true(
		slice_find(
			bytes_slice(&b),
			SLICE_LIT(
				"mrfp_copies_settled_total{class=\"key\",outcome=\"aborted\"} 0")) >=
		0);
	assert_true(slice_find(bytes_slice(&b),
			       SLICE_LIT("mrfp_legs_cut_total{cause=\"slow\"} 0")) >= 0);
	bytes_fini(&b);
	metrics_free(&m);
}

static void copies_are_settled_plus_open(void **state)
{
	struct metrics *m = metrics_new();
	struct stats s;

	(void)state;
	stats_init(&s, m);
	for (int i = 0; i < 5; i++)
		stats_owe(&s, CPIM_FILE);
	stats_settle(&s, CPIM_FILE, OUTCOME_LOST, 1);
	stats_settle(&s, CPIM_FILE, OUTCOME_DELIVERED, 2);
	assert_int_equal(*s.copies[CPIM_FILE], 5);
	assert_int_equal(*s.open[CPIM_FILE], 2);
	assert_int_equal(*s.settled[CPIM_FILE][OUTCOME_LOST], 1);
	metrics_free(&m);
}

static void names_of_causes_and_statuses(void **state)
{
	(void)state;
	assert_string_equal(stats_cause_name(CTL_LOST_CLOSED), "closed");
	assert_string_equal(stats_cause_name(CTL_LOST_SLOW), "slow");
	assert_string_equal(stats_cause_name(CTL_LOST_IDLE), "idle");
	assert_string_equal(stats_cause_name(0), "none");
	assert_string_equal(stats_cause_name(CTL_LOST_QUIET), "quiet");
	assert_string_equal(stats_cause_name(CTL_LOST_FLOOD), "flood");
	assert_string_equal(stats_cause_name(CTL_LOST_FLOOD + 1), "none");
	assert_int_equal(stats_status(200), 0);
	assert_int_equal(stats_status(999), STATS_STATUSES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_declared_metric_is_exposed),
		cmocka_unit_test(copies_are_settled_plus_open),
		cmocka_unit_test(names_of_causes_and_statuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
