/* SPDX-License-Identifier: Apache-2.0 */
/* Media types: base, syntax of parameters, accept lists with wildcards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/mem.h"
#include "proto/media_type.h"

static void the_base_is_what_stands_before_the_parameters(void **state)
{
	(void)state;
	assert_true(slice_eq_str(media_type_base(SLICE_LIT("text/plain")), "text/plain"));
	assert_true(
		slice_eq_str(media_type_base(SLICE_LIT("text/plain;charset=utf-8")), "text/plain"));
	assert_true(slice_eq_str(media_type_base(SLICE_LIT(" Text/Plain ; a=b")), "Text/Plain"));
	assert_true(slice_eq_str(media_type_base(SLICE_LIT("application/vnd.gsma.rcs-ft-http+xml")),
				 "application/vnd.gsma.rcs-ft-http+xml"));
	assert_int_equal(media_type_base(SLICE_LIT("text")).len, 0);
	assert_int_equal(media_type_base(SLICE_LIT("text/")).len, 0);
	assert_int_equal(media_type_base(SLICE_LIT("/plain")).len, 0);
	assert_int_equal(media_type_base(SLICE_LIT("text/plain x")).len, 0);
	assert_int_equal(media_type_base(SLICE_NULL).len, 0);
}

/* covers: MSRP-027 */
static void parameters_must_be_well_formed(void **state)
{
	static const char *const good[] = {
		"text/plain",
		"text/plain; charset=utf-8",
		"a/b;c=\"d;e\"",
		"a/b;c",
		"a/b ; c = d ; e=\"\\\"\\\\\"",
		"a/b;\r\n c=d",
		"message/cpim;x=\"\"",
		"a/b;c=\"\xc3\xa4\"",
	};
	static const char *const bad[] = {
		"",          "text",        "a/b c",          "a/b;",           "a/b;=d",
		"a/b;c=",    "a/b;c=\"d",   "a/b;c=\"a\\x\"", "a/b;c=\"d\\\"",  "a/b;c=\"d\"e",
		"a/b;c=(x)", "a/b/c",       "a/b;;c=d",       "a/b;c=\"\x01\"", "a/b;c=\"\xff\"",
		"a b/c",     "a/b;c=d e=f",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(media_type_ok(slice_str(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(media_type_ok(slice_str(bad[i])));
}

/* covers: MSRP-124 */
static void accept_lists_know_wildcards_and_no_case(void **state)
{
	struct slice cpim = SLICE_LIT("message/cpim");

	(void)state;
	assert_true(media_type_listed(SLICE_LIT("*"), cpim));
	assert_true(media_type_listed(SLICE_LIT("text/plain *"), cpim));
	assert_true(media_type_listed(SLICE_LIT("message/*"), cpim));
	assert_true(media_type_listed(SLICE_LIT("text/plain message/cpim"), cpim));
	assert_true(media_type_listed(SLICE_LIT("Message/CPIM"), cpim));
	assert_true(media_type_listed(SLICE_LIT("MESSAGE/*"), cpim));
	assert_true(media_type_listed(cpim, SLICE_LIT("Message/CPIM; charset=utf-8")));
	assert_true(media_type_listed(SLICE_LIT("message/cpim;x=y"), cpim));
	assert_true(media_type_listed(SLICE_LIT("  text/plain   message/cpim "), cpim));
	assert_false(media_type_listed(SLICE_LIT("text/*"), cpim));
	assert_false(media_type_listed(SLICE_LIT("mess/*"), cpim));
	assert_false(media_type_listed(SLICE_LIT("message/cpi"), cpim));
	assert_false(media_type_listed(SLICE_LIT("message/cpim2"), cpim));
	assert_false(media_type_listed(SLICE_LIT(""), cpim));
	assert_false(media_type_listed(SLICE_NULL, cpim));
	assert_false(media_type_listed(SLICE_LIT("*"), SLICE_LIT("nonsense")));
}

static void parameters_are_found_by_name(void **state)
{
	struct slice v = SLICE_LIT("text/plain; charset=UTF-8;name=\"a b\";flag");

	(void)state;
	assert_true(slice_eq_str(media_type_param(v, "charset"), "UTF-8"));
	assert_true(slice_eq_str(media_type_param(v, "NAME"), "a b"));
	assert_int_equal(media_type_param(v, "flag").len, 0);
	assert_int_equal(media_type_param(v, "text").len, 0);
	assert_true(slice_eq_str(
		media_type_param(SLICE_LIT("attachment; filename=\"x;y.txt\""), "filename"),
		"x;y.txt"));
	assert_int_equal(media_type_param(SLICE_LIT("text/plain"), "charset").len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_base_is_what_stands_before_the_parameters),
		cmocka_unit_test(parameters_must_be_well_formed),
		cmocka_unit_test(accept_lists_know_wildcards_and_no_case),
		cmocka_unit_test(parameters_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
