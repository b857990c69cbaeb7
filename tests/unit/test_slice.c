/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/slice: comparing, cutting, numbers, UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "common/slice.h"

static void letters_compare_with_and_without_case(void **state)
{
	(void)state;
	assert_true(slice_eq(SLICE_LIT("abc"), SLICE_LIT("abc")));
	assert_false(slice_eq(SLICE_LIT("abc"), SLICE_LIT("aBc")));
	assert_true(slice_ieq(SLICE_LIT("To-PATH"), SLICE_LIT("to-path")));
	assert_false(slice_ieq(SLICE_LIT("to-path"), SLICE_LIT("to-paths")));
	/* '@' and '`' differ by the same bit as letters do, but are not letters */
	assert_false(slice_ieq(SLICE_LIT("@"), SLICE_LIT("`")));
	assert_false(slice_ieq(SLICE_LIT("\xc4"), SLICE_LIT("\xe4")));
	assert_true(slice_eq(SLICE_NULL, SLICE_LIT("")));
	assert_true(slice_eq_str(SLICE_LIT("a"), "a"));
	assert_true(slice_ieq_str(SLICE_LIT("A"), "a"));
	assert_true(slice_eq_str(SLICE_NULL, NULL));
}

static void a_prefix_may_not_be_longer_than_the_view(void **state)
{
	(void)state;
	assert_true(slice_starts(SLICE_LIT("MSRP x"), SLICE_LIT("MSRP ")));
	assert_false(slice_starts(SLICE_LIT("MSR"), SLICE_LIT("MSRP ")));
	assert_true(slice_starts(SLICE_LIT("x"), SLICE_NULL));
	assert_true(slice_istarts(SLICE_LIT("SIP:a"), SLICE_LIT("sip:")));
	assert_false(slice_starts(SLICE_LIT("SIP:a"), SLICE_LIT("sip:")));
}

static void searching_finds_the_first_place_or_nothing(void **state)
{
	(void)state;
	assert_int_equal(slice_chr(SLICE_LIT("a:b:c"), ':'), 1);
	assert_int_equal(slice_chr(SLICE_LIT("abc"), ':'), -1);
	assert_int_equal(slice_chr(SLICE_NULL, ':'), -1);
	assert_int_equal(slice_chr(SLICE_LIT("a\0b"), '\0'), 1);
	assert_int_equal(slice_find(SLICE_LIT("xx\r\n\r\nyy"), SLICE_LIT("\r\n\r\n")), 2);
	assert_int_equal(slice_find(SLICE_LIT("ab"), SLICE_LIT("abc")), -1);
	assert_int_equal(slice_find(SLICE_LIT("ab"), SLICE_NULL), 0);
	assert_int_equal(slice_find(SLICE_NULL, SLICE_LIT("a")), -1);
}

static void parts_never_reach_past_the_end(void **state)
{
	struct slice s = SLICE_LIT("abcd");

	(void)state;
	assert_int_equal(slice_from(s, 4).len, 0);
	assert_int_equal(slice_from(s, 99).len, 0);
	assert_true(slice_eq_str(slice_from(s, 3), "d"));
	assert_true(slice_eq_str(slice_first(s, 99), "abcd"));
	assert_true(slice_eq_str(slice_trim(SLICE_LIT(" \t\r\n a b \r\n")), "a b"));
	assert_int_equal(slice_trim(SLICE_LIT(" \t ")).len, 0);
}

static void n_separators_give_n_plus_one_tokens(void **state)
{
	struct slice rest = SLICE_LIT("a,,b"), token;

	(void)state;
	assert_true(slice_next(&rest, ',', &token));
	assert_true(slice_eq_str(token, "a"));
	assert_true(slice_next(&rest, ',', &token));
	assert_int_equal(token.len, 0);
	assert_true(slice_next(&rest, ',', &token));
	assert_true(slice_eq_str(token, "b"));
	assert_false(slice_next(&rest, ',', &token));

	rest = SLICE_LIT(",");
	assert_true(slice_next(&rest, ',', &token));
	assert_true(slice_next(&rest, ',', &token));
	assert_false(slice_next(&rest, ',', &token));

	rest = SLICE_LIT("");
	assert_true(slice_next(&rest, ',', &token));
	assert_false(slice_next(&rest, ',', &token));

	rest = SLICE_NULL;
	assert_false(slice_next(&rest, ',', &token));
}

static void numbers_are_digits_only_and_bounded(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_int_equal(slice_u64(SLICE_LIT("65535"), 65535, &v), 0);
	assert_int_equal(v, 65535);
	assert_int_equal(slice_u64(SLICE_LIT("65536"), 65535, &v), -ERR_LIMIT);
	assert_int_equal(slice_u64(SLICE_LIT("18446744073709551615"), UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(slice_u64(SLICE_LIT("18446744073709551616"), UINT64_MAX, &v), -ERR_LIMIT);
	assert_int_equal(slice_u64(SLICE_LIT("000000000000000000000000007"), 9, &v), 0);
	assert_int_equal(v, 7);
	v = 42;
	assert_int_equal(slice_u64(SLICE_LIT("99999999999999999999999x"), 9, &v), -ERR_SYNTAX);
	assert_int_equal(slice_u64(SLICE_LIT(""), 9, &v), -ERR_SYNTAX);
	assert_int_equal(slice_u64(SLICE_LIT("-1"), 9, &v), -ERR_SYNTAX);
	assert_int_equal(slice_u64(SLICE_LIT("+1"), 9, &v), -ERR_SYNTAX);
	assert_int_equal(slice_u64(SLICE_LIT(" 1"), 9, &v), -ERR_SYNTAX);
	assert_int_equal(v, 42);
}

static void copies_end_with_nul_and_must_fit(void **state)
{
	char four[4] = "zzz";
	char *dup = slice_dup(SLICE_LIT("abc"));

	(void)state;
	assert_string_equal(dup, "abc");
	free(dup);
	dup = slice_dup(SLICE_NULL);
	assert_string_equal(dup, "");
	free(dup);
	assert_int_equal(slice_copy(SLICE_LIT("abcd"), four, sizeof(four)), -ERR_LIMIT);
	assert_string_equal(four, "zzz");
	assert_int_equal(slice_copy(SLICE_LIT("abc"), four, sizeof(four)), 0);
	assert_string_equal(four, "abc");
	assert_int_equal(slice_copy(SLICE_NULL, four, 0), -ERR_LIMIT);
}

static void utf8_is_checked_as_rfc_3629_says(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} cases[] = {
		{"", true},
		{"plain", true},
		{"\xc3\xa9", true},
		{"\xe2\x82\xac", true},
		{"\xf0\x9f\x98\x80", true},
		{"\xf4\x8f\xbf\xbf", true},  /* U+10FFFF */
		{"\xf4\x90\x80\x80", false}, /* U+110000 */
		{"\xf5\x80\x80\x80", false},
		{"\xed\x9f\xbf", true},
		{"\xed\xa0\x80", false}, /* surrogate */
		{"\xc0\x80", false},     /* overlong */
		{"\xc1\xbf", false},
		{"\xc2\x80", true},
		{"\xe0\x9f\xbf", false},
		{"\xe0\xa0\x80", true},
		{"\xf0\x8f\xbf\xbf", false},
		{"\xf0\x90\x80\x80", true},
		{"\x80", false},
		{"\xc3", false},
		{"\xe2\x82", false},
		{"\xe2\x82\x28", false},
		{"\xf0\x9f\x98", false},
		{"a\xff", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (slice_is_utf8(slice_str(cases[i].text)) != cases[i].ok)
			fail_msg("case %zu", i);
	assert_true(slice_is_utf8(SLICE_LIT("a\0b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_compare_with_and_without_case),
		cmocka_unit_test(a_prefix_may_not_be_longer_than_the_view),
		cmocka_unit_test(searching_finds_the_first_place_or_nothing),
		cmocka_unit_test(parts_never_reach_past_the_end),
		cmocka_unit_test(n_separators_give_n_plus_one_tokens),
		cmocka_unit_test(numbers_are_digits_only_and_bounded),
		cmocka_unit_test(copies_end_with_nul_and_must_fit),
		cmocka_unit_test(utf8_is_checked_as_rfc_3629_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
