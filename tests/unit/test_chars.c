/* SPDX-License-Identifier: Apache-2.0 */
/* Character classes, against their definitions spelt out, and the search for line ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/chars.h"

static void classes_hold_exactly_their_characters(void **state)
{
	static const char alnum[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	(void)state;
	for (int i = 0; i < 256; i++) {
		char c = (char)i;
		bool is_alnum = chars_in(c, alnum);

		assert_int_equal(chars_is(c, CHARS_ALNUM), is_alnum);
		assert_int_equal(chars_is(c, CHARS_DIGIT), is_alnum && c <= '9');
		assert_int_equal(chars_is(c, CHARS_UPPER), is_alnum && c >= 'A' && c <= 'Z');
		assert_int_equal(chars_is(c, CHARS_HEX), chars_in(c, "0123456789abcdefABCDEF"));
		assert_int_equal(chars_is(c, CHARS_IDENT), is_alnum || chars_in(c, ".-+%="));
		assert_int_equal(chars_is(c, CHARS_TOKEN),
				 is_alnum || chars_in(c, "!#$%&'*+-.^_`{|}~"));
		assert_int_equal(chars_is(c, CHARS_UNRESERVED), is_alnum || chars_in(c, "-._~"));
		assert_int_equal(chars_is(c, CHARS_HOST),
				 is_alnum || chars_in(c, "-._~!$&'()*+,="));
		assert_int_equal(chars_is(c, CHARS_SESSION), is_alnum || chars_in(c, "-._~+=/"));
		assert_int_equal(chars_is(c, CHARS_BLANK), c == ' ' || c == '\t');
		assert_int_equal(chars_hex(c) >= 0, chars_is(c, CHARS_HEX));
	}
}

/* covers: MSRP-010 */
static void every_odd_byte_is_noticed_wherever_it_stands(void **state)
{
	(void)state;
	for (int i = 0; i < 256; i++) {
		unsigned int want = i >= 0x80                              ? CHARS_TEXT_HIGH
				    : (i < 0x20 && i != '\t') || i == 0x7f ? CHARS_TEXT_CONTROL
									   : CHARS_TEXT_PLAIN;

		for (size_t at = 0; at < 20; at++) {
			char text[] = "abcdefghijklmnopqrst";

			text[at] = (char)i;
			assert_int_equal(chars_text_kind(slice_make(text, 20)), want);
			assert_int_equal(chars_text_kind(slice_make(text, at + 1)), want);
			assert_int_equal(chars_text_kind(slice_make(text, at)), CHARS_TEXT_PLAIN);
		}
	}
	assert_true(chars_is_text(SLICE_LIT("a\tb \xc3\xa4\xf0\x9f\x98\x80")));
	assert_false(chars_is_text(SLICE_LIT("a\xc3")));
	assert_false(chars_is_text(SLICE_LIT("\xc3\xa4\x01")));
}

static void percent_escapes_are_decoded(void **state)
{
	(void)state;
	assert_int_equal(chars_pct(SLICE_LIT("%41")), 0x41);
	assert_int_equal(chars_pct(SLICE_LIT("%fFx")), 0xff);
	assert_int_equal(chars_pct(SLICE_LIT("%4")), -1);
	assert_int_equal(chars_pct(SLICE_LIT("%4g")), -1);
	assert_int_equal(chars_pct(SLICE_LIT("41")), -1);
	assert_true(chars_pct_text(SLICE_LIT("a%20b+"), "+"));
	assert_false(chars_pct_text(SLICE_LIT("a%20b+"), ""));
	assert_false(chars_pct_text(SLICE_LIT("a%2"), ""));
}

static void line_ends_are_found_where_the_search_goes_on(void **state)
{
	struct slice s = SLICE_LIT("a\nb\rc\r\nd\r\n");

	(void)state;
	assert_int_equal(chars_crlf(s, 0), 5);
	assert_int_equal(chars_crlf(s, 6), 5); /* the CR was seen before */
	assert_int_equal(chars_crlf(s, 7), 8);
	assert_int_equal(chars_crlf(s, 10), -1);
	assert_int_equal(chars_crlf(SLICE_LIT("\n"), 0), -1);
	assert_int_equal(chars_crlf(SLICE_NULL, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_hold_exactly_their_characters),
		cmocka_unit_test(every_odd_byte_is_noticed_wherever_it_stands),
		cmocka_unit_test(percent_escapes_are_decoded),
		cmocka_unit_test(line_ends_are_found_where_the_search_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
