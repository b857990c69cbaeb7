/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/metrics: the exposition format, labels, the bound of a family. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/metrics.h"

static void families_print_in_order_with_help_and_type(void **state)
{
	struct metrics *m = metrics_new();
	struct metrics_family *msgs = metrics_add(m, METRICS_COUNTER, "mrfp_messages_total",
						  "class,result", "Messages by result.");
	struct metrics_family *open =
		metrics_add(m, METRICS_GAUGE, "mrfp_open", "", "Open\\now\nhere.");
	struct bytes out = BYTES_INIT;

	(void)state;
	*metrics_cell(msgs, (const char *const[]){"chat", "accepted"}, 2) += 3;
	*metrics_cell(msgs, (const char *const[]){"imdn", "refused"}, 2) += 1;
	*metrics_cell(msgs, (const char *const[]){"chat", "accepted"}, 2) += 1;
	*metrics_cell(open, NULL, 0) = -2;
	metrics_write(m, &out);
	assert_string_equal(bytes_cstr(&out),
			    "# HELP mrfp_messages_total Messages by result.\n"
			    "# TYPE mrfp_messages_total counter\n"
			    "mrfp_messages_total{class=\"chat\",result=\"accepted\"} 4\n"
			    "mrfp_messages_total{class=\"imdn\",result=\"refused\"} 1\n"
			    "# HELP mrfp_open Open\\\\now\\nhere.\n"
			    "# TYPE mrfp_open gauge\n"
			    "mrfp_open -2\n");
	bytes_fini(&out);
	metrics_free(&m);
	assert_null(m);
}

static void a_family_without_labels_shows_zero_from_the_start(void **state)
{
	struct metrics *m = metrics_new();
	struct bytes out = BYTES_INIT;

	(void)state;
	metrics_add(m, METRICS_COUNTER, "x_total", "", "X.");
	metrics_write(m, &out);
	assert_non_null(strstr(bytes_cstr(&out), "\nx_total 0\n"));
	bytes_fini(&out);
	metrics_free(&m);
}

static void label_values_are_escaped(void **state)
{
	struct metrics *m = metrics_new();
	struct metrics_family *f = metrics_add(m, METRICS_COUNTER, "x_total", "a", "X.");
	struct bytes out = BYTES_INIT;

	(void)state;
	*metrics_cell(f, (const char *const[]){"q\"b\\n\n"}, 1) = 1;
	*metrics_cell(f, (const char *const[]){"\xff\xc3\xa9"}, 1) = 2;
	*metrics_cell(f, (const char *const[]){"\xc3\xa9"}, 1) = 3;
	metrics_write(m, &out);
	assert_non_null(strstr(bytes_cstr(&out), "x_total{a=\"q\\\"b\\\\n\\n\"} 1\n"));
	assert_non_null(strstr(bytes_cstr(&out), "x_total{a=\"???\"} 2\n"));
	assert_non_null(strstr(bytes_cstr(&out), "x_total{a=\"\xc3\xa9\"} 3\n"));
	bytes_fini(&out);
	metrics_free(&m);
}

static void the_thousand_and_first_combination_is_other(void **state)
{
	struct metrics *m = metrics_new();
	struct metrics_family *f = metrics_add(m, METRICS_COUNTER, "x_total", "a,b", "X.");
	int64_t *first = NULL, *last = NULL;
	struct bytes out = BYTES_INIT;
	char v[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(v, sizeof(v), "%d", i);
		last = metrics_cell(f, (const char *const[]){v, "y"}, 2);
		*last = i;
		if (i == 0)
			first = last;
	}
	*metrics_cell(f, (const char *const[]){"1000", "y"}, 2) += 5;
	*metrics_cell(f, (const char *const[]){"1001", "y"}, 2) += 5;
	assert_ptr_equal(metrics_cell(f, (const char *const[]){"0", "y"}, 2), first);
	assert_ptr_equal(metrics_cell(f, (const char *const[]){"999", "y"}, 2), last);
	metrics_write(m, &out);
	assert_non_null(strstr(bytes_cstr(&out), "x_total{a=\"999\",b=\"y\"} 999\n"));
	assert_non_null(strstr(bytes_cstr(&out), "x_total{a=\"other\",b=\"other\"} 10\n"));
	assert_null(strstr(bytes_cstr(&out), "a=\"1000\""));
	bytes_fini(&out);
	metrics_free(&m);
}

static void count_up(void *arg)
{
	*(int64_t *)arg += 1;
}

static void collectors_run_before_each_exposition(void **state)
{
	struct metrics *m = metrics_new();
	struct metrics_family *f = metrics_add(m, METRICS_GAUGE, "g", "", "G.");
	struct bytes out = BYTES_INIT;

	(void)state;
	metrics_on_collect(m, count_up, metrics_cell(f, NULL, 0));
	metrics_write(m, &out);
	metrics_write(m, &out);
	assert_non_null(strstr(bytes_cstr(&out), "\ng 1\n"));
	assert_non_null(strstr(bytes_cstr(&out), "\ng 2\n"));
	bytes_fini(&out);
	metrics_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_print_in_order_with_help_and_type),
		cmocka_unit_test(a_family_without_labels_shows_zero_from_the_start),
		cmocka_unit_test(label_values_are_escaped),
		cmocka_unit_test(the_thousand_and_first_combination_is_other),
		cmocka_unit_test(collectors_run_before_each_exposition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
