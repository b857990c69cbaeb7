/* SPDX-License-Identifier: Apache-2.0 */
/* Nicknames of a conference: comparison, ownership, malformed ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mrfc/conference/nickname.h"
#include "proto/precis.h"

static const int alice, bob;

static int claim(struct nickname_table *t, const char *nick, const void *owner)
{
	return nickname_claim(t, slice_str(nick), owner);
}

/* covers: SW-064 */
static void names_are_compared_without_case_and_surplus_blanks(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{"Foo Bar", "foo bar", true},       {"  Foo   Bar ", "foo bar", true},
		{"foobar", "foo bar", false},       {"Zo\xc3\xab", "zo\xc3\xab", true},
		{"Zo\xc3\xab", "zoe", false},       {"a", "b", false},
		{"ZO\xc3\x8b", "zo\xc3\xab", true}, {"", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(nickname_same(slice_str(cases[i].a), slice_str(cases[i].b)),
				 cases[i].same);
}

/* covers: SW-066 */
static void a_name_has_one_owner_until_it_is_given_up(void **state)
{
	struct nickname_table t = {0};

	(void)state;
	assert_int_equal(claim(&t, "Queen of Hearts", &alice), 0);
	assert_int_equal(claim(&t, "queen  of hearts", &bob), -ERR_EXISTS);
	assert_int_equal(claim(&t, "QUEEN OF HEARTS", &alice), 0);
	nickname_release(&t, slice_str("queen of hearts"), &bob);
	assert_int_equal(claim(&t, "queen of hearts", &bob), -ERR_EXISTS);
	nickname_release(&t, slice_str("queen of hearts"), &alice);
	assert_int_equal(claim(&t, "queen of hearts", &bob), 0);
	nickname_fini(&t);
	assert_null(t.by_key);
}

/* covers: SW-066 */
static void a_reserved_word_has_no_owner_ever(void **state)
{
	struct nickname_table t = {0};

	(void)state;
	assert_int_equal(claim(&t, "Moderator", NULL), 0);
	assert_int_equal(claim(&t, "moderator", NULL), -ERR_EXISTS);
	assert_int_equal(claim(&t, "moderator", &alice), -ERR_EXISTS);
	nickname_fini(&t);
}

/* covers: SW-061, SW-065 */
static void malformed_names_are_refused_at_each_limit(void **state)
{
	static const char *const bad[] = {"", " ", "    ", "a\tb", "a\x01", "\x7f", "\xff", "\xc3"};
	struct nickname_table t = {0};
	char longest[PRECIS_NICKNAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(claim(&t, bad[i], &alice), -ERR_SYNTAX);
	memset(longest, 'x', sizeof(longest));
	longest[PRECIS_NICKNAME_MAX] = '\0';
	assert_int_equal(claim(&t, longest, &alice), 0);
	longest[PRECIS_NICKNAME_MAX] = 'x';
	longest[PRECIS_NICKNAME_MAX + 1] = '\0';
	assert_int_equal(claim(&t, longest, &alice), -ERR_SYNTAX);
	nickname_fini(&t);
}

/* covers: SW-072 */
static void look_alikes_of_another_owner_clash_where_that_is_policy(void **state)
{
	struct nickname_table t = {.strict = true};

	(void)state;
	assert_int_equal(claim(&t, "Root", NULL), 0);
	assert_int_equal(claim(&t, "r00t", &alice), -ERR_EXISTS);
	assert_int_equal(claim(&t, "Paul", &alice), 0);
	assert_int_equal(claim(&t, "PauI", &bob), -ERR_EXISTS);
	assert_int_equal(claim(&t, "PauI", &alice), 0); /* her own */
	assert_int_equal(claim(&t, "p\u0430ul x", &bob), -ERR_EXISTS);
	nickname_release(&t, slice_str("Paul"), &alice);
	assert_int_equal(claim(&t, "Paul", &bob), -ERR_EXISTS);
	nickname_release(&t, slice_str("pauI"), &alice);
	assert_int_equal(claim(&t, "Paul", &bob), 0);
	nickname_fini(&t);
	assert_null(t.by_key);
	assert_null(t.by_skeleton);
	t.strict = false;
	assert_int_equal(claim(&t, "Root", &alice), 0);
	assert_int_equal(claim(&t, "r00t", &bob), 0);
	assert_int_equal(claim(&t, "p\u0430ul", &bob), 0);
	nickname_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_compared_without_case_and_surplus_blanks),
		cmocka_unit_test(a_name_has_one_owner_until_it_is_given_up),
		cmocka_unit_test(a_reserved_word_has_no_owner_ever),
		cmocka_unit_test(malformed_names_are_refused_at_each_limit),
		cmocka_unit_test(look_alikes_of_another_owner_clash_where_that_is_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
