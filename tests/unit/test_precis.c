/* SPDX-License-Identifier: Apache-2.0 */
/* Nicknames as strings: the profile of RFC 8266, code points that are refused, look-alikes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/mem.h"
#include "proto/precis.h"

typedef int form_fn(struct slice name, struct bytes *out);

static bool gives(form_fn *form, const char *name, const char *expected)
{
	struct bytes out = BYTES_INIT;
	int rc = form(slice_str(name), &out);
	bool ok = expected ? rc == 0 && slice_eq_str(bytes_slice(&out), expected)
			   : rc == -ERR_SYNTAX && out.len == 0;

	if (!ok)
		print_message("<%s> gave %d <%s>\n", name, rc, out.data ? out.data : "");
	bytes_fini(&out);
	return ok;
}

static bool same(const char *a, const char *b)
{
	struct bytes x = BYTES_INIT, y = BYTES_INIT;
	bool equal = precis_nickname_compare(slice_str(a), &x) == 0 &&
		     precis_nickname_compare(slice_str(b), &y) == 0 &&
		     slice_eq(bytes_slice(&x), bytes_slice(&y));

	bytes_fini(&x);
	bytes_fini(&y);
	return equal;
}

/* RFC 8266 section 3, table 1. covers: SW-064 */
static void the_examples_of_the_profile(void **state)
{
	static const char *const table[][2] = {
		{"Foo", "foo"},         {"foo", "foo"},
		{"Foo Bar", "foo bar"}, {"foo bar", "foo bar"},
		{"\u03a3", "\u03c3"},   {"\u03c3", "\u03c3"},
		{"\u03c2", "\u03c2"},   {"\u03d4", "\u03cb"}, /* stable in the second round only */
		{"\u221e", "\u221e"},   {"Richard \u2163", "richard iv"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_true(gives(precis_nickname_compare, table[i][0], table[i][1]));
	assert_true(same("\u03a3", "\u03c3"));
	assert_false(same("\u03a3", "\u03c2"));
	assert_false(same("\u03c3", "\u03c2"));
}

/* covers: SW-064 */
static void what_is_shown_keeps_its_case(void **state)
{
	static const char *const table[][2] = {
		{"  Foo   Bar ", "Foo Bar"},
		{"Richard \u2163", "Richard IV"},
		{"\uff26\uff4f\uff4f\u3000Bar", "Foo Bar"}, /* full width, ideographic space */
		{"\u00a0Foo\u2003\u202fBar\u1680", "Foo Bar"},
		{"e\u0301", "\u00e9"}, /* a mark is composed */
		{"\ufb01sh", "fish"},  /* a ligature taken apart */
		{"\u212b", "\u00c5"},  /* Angstrom sign */
		{"h\u00e9 \u4e2d\u6587 \U0001f600", "h\u00e9 \u4e2d\u6587 \U0001f600"},
		{"a\"b\\c", "a\"b\\c"},
		{"\u0e19\u0e33", "\u0e19\u0e4d\u0e32"}, /* Thai sara am */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		assert_true(gives(precis_nickname_enforce, table[i][0], table[i][1]));
		assert_true(gives(precis_nickname_enforce, table[i][1], table[i][1]));
	}
}

/* covers: SW-064 */
static void names_that_clash_and_names_that_do_not(void **state)
{
	(void)state;
	assert_true(same("  Foo  Bar ", "foo bar"));
	assert_true(same("\uff26\uff2f\uff2f", "foo"));
	assert_true(same("\ufb01sh", "FISH"));
	assert_true(same("\u017fam", "sam"));       /* long s */
	assert_true(same("Zo\u0308e", "z\u00f6e")); /* combining mark */
	assert_true(same("\u212aelvin", "kelvin")); /* Kelvin sign */
	assert_true(same("\u0130", "i\u0307"));     /* capital I with a dot, in no language */
	assert_false(same("\u0130", "i"));
	assert_false(same("I", "\u0131")); /* no Turkish rules: dotless i stays */
	assert_true(same("I", "i"));
	assert_false(same("stra\u00dfe", "strasse"));    /* lower case, not folding */
	assert_true(same("STRA\u1e9eE", "stra\u00dfe")); /* capital sharp s */
	assert_false(same("STRASSE", "stra\u00dfe"));
	assert_true(same("\u0391\u0392\u03a3", "\u03b1\u03b2\u03c2")); /* a sigma at the end */
	assert_true(same("\u01c5", "\u01c6"));                         /* a title case letter */
	assert_false(same("foobar", "foo bar"));
	assert_false(same("Zo\u00eb", "zoe"));
}

/* covers: SW-061, SW-065 */
static void what_freeform_strings_do_not_have_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"   ",
		"\u3000\u00a0",
		"a\tb",
		"a\nb",
		"a\x01",
		"\x7f",
		"a\xc2\x85"
		"b",
		"\xff",
		"\xc3",
		"\xc0\xaf",
		"\xed\xa0\x80",     /* a surrogate */
		"\xf4\x90\x80\x80", /* beyond Unicode */
		"\u0378",           /* unassigned */
		"a\ue000",          /* private use */
		"\U000f0000",
		"\ufdd0", /* no character */
		"\U0001ffff",
		"a\u202eb",     /* bidi override */
		"a\u2066b",     /* bidi isolate */
		"a\u200eb",     /* left-to-right mark */
		"a\u200bb",     /* zero width space */
		"a\u00adb",     /* soft hyphen */
		"\ufeffa",      /* byte order mark */
		"a\u2060b",     /* word joiner */
		"\u2764\ufe0f", /* variation selector */
		"\U000e0061",   /* a tag */
		"a\u2028b",     /* line separator */
		"\u115f",       /* Hangul filler */
		"\u1100",       /* old Hangul jamo */
		"\u314b",       /* becomes one */
		"\u0640",       /* tatweel */
		"\ufe71",       /* becomes one */
		"\u302e",
		"a\u200cb", /* joiners where nothing joins */
		"a\u200db",
		"\u200d",
		"\U0001f468\u200d\U0001f469",
		"a\u00b7a",     /* middle dot outside l.l */
		"\u0375a",      /* keraia before no Greek */
		"a\u05f3",      /* geresh after no Hebrew */
		"a\u30fbb",     /* middle dot without Japanese */
		"\u0661\u06f1", /* two kinds of Arabic digits */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_true(gives(precis_nickname_enforce, bad[i], NULL));
		assert_true(gives(precis_nickname_compare, bad[i], NULL));
	}
}

/* covers: SW-061 */
static void code_points_with_a_context_are_taken_in_it(void **state)
{
	static const char *const good[] = {
		"\u0915\u094d\u200d\u0937",       /* ZWJ after a virama */
		"\u0915\u094d\u200c\u0937",       /* ZWNJ after a virama */
		"\u0628\u200c\u0628",             /* ZWNJ between letters that join */
		"\u0628\u064b\u200c\u064b\u0628", /* marks between */
		"col\u00b7lega",
		"\u0375\u03b1",
		"\u05d0\u05f3",
		"\u05d0\u05f4\u05d0",
		"\u30a2\u30fb\u30a4",
		"\u4e2d\u30fb",
		"\u0661\u0662",
		"\u06f1\u06f2",
		"\u00df",
		"\u3007",
		"\u06fd",
		"\u0f0b",
		"\u0627\u0644\u0633\u0644\u0627\u0645", /* right to left as it is */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(gives(precis_nickname_enforce, good[i], good[i]));
}

/* covers: SW-061 */
static void the_limit_is_1023_octets_before_and_after(void **state)
{
	struct bytes out = BYTES_INIT;
	char name[PRECIS_NICKNAME_MAX + 2];

	(void)state;
	memset(name, 'x', sizeof(name));
	assert_int_equal(precis_nickname_enforce(slice_make(name, PRECIS_NICKNAME_MAX), &out), 0);
	assert_int_equal(out.len, PRECIS_NICKNAME_MAX);
	assert_int_equal(precis_nickname_enforce(slice_make(name, PRECIS_NICKNAME_MAX + 1), &out),
			 -ERR_SYNTAX);
	bytes_fini(&out);
	/* 341 of three octets each are 1023; this one becomes 18 letters. */
	for (size_t i = 0; i < PRECIS_NICKNAME_MAX; i += 3)
		memcpy(name + i, "\ufdfa", 3);
	assert_int_equal(precis_nickname_enforce(slice_make(name, PRECIS_NICKNAME_MAX), &out),
			 -ERR_SYNTAX);
	assert_int_equal(precis_nickname_enforce(slice_make(name, 3 * 10), &out), 0);
	bytes_fini(&out);
}

/* What is given is accepted and unchanged, for every code point. */
static void the_result_is_stable(void **state)
{
	struct bytes once = BYTES_INIT, twice = BYTES_INIT, lower = BYTES_INIT, again = BYTES_INIT;
	unsigned n = 0;

	(void)state;
	for (uint32_t c = 0x20; c < 0x32000; c++) {
		char s[8] = "a";
		size_t len = 1;

		if (c >= 0x800 && c < 0x10000) {
			s[len++] = (char)(0xe0 | c >> 12);
			s[len++] = (char)(0x80 | (c >> 6 & 0x3f));
		} else if (c >= 0x10000) {
			s[len++] = (char)(0xf0 | c >> 18);
			s[len++] = (char)(0x80 | (c >> 12 & 0x3f));
			s[len++] = (char)(0x80 | (c >> 6 & 0x3f));
		} else if (c >= 0x80) {
			s[len++] = (char)(0xc0 | c >> 6);
		}
		s[len++] = (char)(c < 0x80 ? c : 0x80 | (c & 0x3f));
		once.len = twice.len = lower.len = again.len = 0;
		if (precis_nickname_enforce(slice_make(s, len), &once))
			continue;
		n++;
		assert_int_equal(precis_nickname_enforce(bytes_slice(&once), &twice), 0);
		assert_true(slice_eq(bytes_slice(&once), bytes_slice(&twice)));
		if (precis_nickname_compare(slice_make(s, len), &lower))
			continue;
		assert_int_equal(precis_nickname_compare(bytes_slice(&once), &again), 0);
		assert_true(slice_eq(bytes_slice(&lower), bytes_slice(&again)));
	}
	assert_true(n > 100000);
	bytes_fini(&once);
	bytes_fini(&twice);
	bytes_fini(&lower);
	bytes_fini(&again);
}

static bool alike(const char *a, const char *b)
{
	struct bytes x = BYTES_INIT, y = BYTES_INIT;
	bool equal;

	precis_skeleton(slice_str(a), &x);
	precis_skeleton(slice_str(b), &y);
	equal = x.len && slice_eq(bytes_slice(&x), bytes_slice(&y));
	bytes_fini(&x);
	bytes_fini(&y);
	return equal;
}

/* covers: SW-072 */
static void look_alikes_have_one_skeleton(void **state)
{
	(void)state;
	assert_true(alike("root", "r00t"));
	assert_true(alike("Paul", "PauI"));
	assert_true(alike("paul", "pau1"));
	assert_true(alike("paypal", "\u0440\u0430\u0443\u0440\u0430l"));
	assert_true(alike("ALICE", "\u0391LICE"));
	assert_true(alike("modern", "modem"));
	assert_true(alike("vvilliam", "William"));
	assert_false(alike("bob", "rob"));
	assert_false(alike("Bill", "Bili"));
	assert_false(alike("\u4e2d", "\u6587"));
}

/* covers: SW-072 */
static void words_of_two_alphabets_are_told(void **state)
{
	(void)state;
	assert_true(precis_mixes_scripts(SLICE_LIT("p\u0430ul")));
	assert_true(precis_mixes_scripts(SLICE_LIT("x \u0391lice")));
	assert_true(precis_mixes_scripts(SLICE_LIT("\u03b1\u0430")));
	assert_false(precis_mixes_scripts(SLICE_LIT("\u0418\u0432\u0430\u043d Smith")));
	assert_false(precis_mixes_scripts(SLICE_LIT("\u4e2dabc\u3042")));
	assert_false(precis_mixes_scripts(SLICE_LIT("Alice 2")));
	assert_false(precis_mixes_scripts(SLICE_LIT("\u0418\u0432\u0430\u043d2")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_profile),
		cmocka_unit_test(what_is_shown_keeps_its_case),
		cmocka_unit_test(names_that_clash_and_names_that_do_not),
		cmocka_unit_test(what_freeform_strings_do_not_have_is_refused),
		cmocka_unit_test(code_points_with_a_context_are_taken_in_it),
		cmocka_unit_test(the_limit_is_1023_octets_before_and_after),
		cmocka_unit_test(the_result_is_stable),
		cmocka_unit_test(look_alikes_have_one_skeleton),
		cmocka_unit_test(words_of_two_alphabets_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
