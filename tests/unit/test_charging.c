/* SPDX-License-Identifier: Apache-2.0 */
/* P-Charging-Vector, text to struct and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mrfc/sip/charging.h"

#define FULL                                                                                        \
	"icid-value=1234bc9876e;icid-generated-at=192.0.6.8;orig-ioi=home1.net;term-ioi=home2.net;" \
	"transit-ioi=\"operatorA.1,void,operatorB.3\";related-icid=77;related-icid-generated-at=[::1]"

static void check_round(const char *in, const char *wanted)
{
	struct charging_vector v;
	struct bytes out = BYTES_INIT;

	assert_int_equal(charging_vector_parse(slice_str(in), &v), 0);
	charging_vector_build(&v, &out);
	assert_string_equal(bytes_cstr(&out), wanted);
	bytes_fini(&out);
	charging_vector_fini(&v);
}

static void a_vector_is_read_and_written_as_it_was(void **state)
{
	/* covers: CHG-001, CHG-008 */
	struct charging_vector v, copy;

	(void)state;
	check_round(FULL, FULL);
	assert_int_equal(charging_vector_parse(SLICE_LIT(FULL), &v), 0);
	assert_string_equal(v.icid, "1234bc9876e");
	assert_string_equal(v.transit_ioi, "operatorA.1,void,operatorB.3");
	charging_vector_copy(&v, &copy);
	charging_vector_fini(&v);
	assert_string_equal(copy.related_icid_generated_at, "[::1]");
	charging_vector_fini(&copy);
}

static void blanks_case_quotes_and_unknown_parameters_do_no_harm(void **state)
{
	(void)state;
	check_round(" ICID-Value = \"a\\\"b c\" ; foo=bar ;baz; Term-IOI=x ",
		    "icid-value=\"a\\\"b c\";term-ioi=x");
	check_round("icid-value=a;", "icid-value=a");
}

static void what_is_no_vector_is_refused(void **state)
{
	/* covers: CHG-001, CHG-003 */
	static const char *const bad[] = {
		"",
		"orig-ioi=home1.net",
		"icid-value",
		"icid-value=",
		"icid-value=\"\"",
		"icid-value=a;icid-value=b",
		"icid-value=a, icid-value=b",
		"icid-value=\"a",
		"icid-value=a b",
		"icid-value=a;term-ioi=\"x\"y",
		"icid-value=a;b c=d",
		"icid-value=a\nX: y",
	};
	struct charging_vector v;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(charging_vector_parse(slice_str(bad[i]), &v), -ERR_SYNTAX);
}

static void every_prefix_is_read_or_refused_without_harm(void **state)
{
	struct charging_vector v;

	(void)state;
	for (size_t n = 0; n <= sizeof(FULL) - 1; n++) {
		char *part = malloc(n + 1); /* its end is watched by the sanitizer */
		memcpy(part, FULL, n);
		if (charging_vector_parse(slice_make(part, n), &v) == 0)
			charging_vector_fini(&v);
		free(part);
	}
}

static void its_length_is_limited(void **state)
{
	char text[CHARGING_VALUE_MAX + 2] = "icid-value=";
	struct charging_vector v;

	(void)state;
	memset(text + 11, 'x', sizeof(text) - 12);
	text[CHARGING_VALUE_MAX + 1] = '\0';
	assert_int_equal(charging_vector_parse(slice_make(text, CHARGING_VALUE_MAX), &v), 0);
	charging_vector_fini(&v);
	assert_int_equal(charging_vector_parse(slice_make(text, CHARGING_VALUE_MAX + 1), &v),
			 -ERR_LIMIT);
}

static void one_made_here_is_like_no_other(void **state)
{
	/* covers: CHG-001, CHG-002 */
	struct charging_vector a, b;

	(void)state;
	charging_vector_make("192.0.2.1", &a);
	charging_vector_make("192.0.2.1", &b);
	assert_string_not_equal(a.icid, b.icid);
	assert_string_equal(a.icid_generated_at, "192.0.2.1");
	charging_vector_fini(&a);
	charging_vector_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vector_is_read_and_written_as_it_was),
		cmocka_unit_test(blanks_case_quotes_and_unknown_parameters_do_no_harm),
		cmocka_unit_test(what_is_no_vector_is_refused),
		cmocka_unit_test(every_prefix_is_read_or_refused_without_harm),
		cmocka_unit_test(its_length_is_limited),
		cmocka_unit_test(one_made_here_is_like_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
