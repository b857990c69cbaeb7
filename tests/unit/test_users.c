/* SPDX-License-Identifier: Apache-2.0 */
/* Users of SIP digest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mrfc/conference/users.h"

static void a_user_has_an_identity_of_his_own(void **state)
{
	struct users *set = users_new();
	struct user *u;

	(void)state;
	assert_int_equal(users_add(set, "alice", "example.com", NULL, "Alice", &u), 0);
	assert_string_equal(u->uri, "sip:alice@example.com");
	assert_int_equal(users_add(set, "bob@Home.net", "example.com", NULL, NULL, &u), 0);
	assert_string_equal(u->uri, "sip:bob@home.net");
	assert_int_equal(users_add(set, "phone1", "example.com", "sip:carol@x.org", "", &u), 0);
	assert_string_equal(u->uri, "sip:carol@x.org");
	assert_null(u->display);
	assert_int_equal(users_count(set), 3);
	assert_ptr_equal(users_next(users_next(users_first(set))), u);
	assert_int_equal(users_add(set, "alice", "example.com", NULL, NULL, &u), -ERR_EXISTS);
	users_remove(set, users_find(set, "alice"));
	assert_null(users_find(set, "alice"));
	users_free(&set);
}

static void names_and_identities_are_checked(void **state)
{
	static const char *const bad[] = {"", "a b", "a\"b", "a@b@c", "\xc3\xa4", "a\n"};
	char longest[66];
	struct users *set = users_new();
	struct user *u;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(users_add(set, bad[i], "r", NULL, NULL, &u), -ERR_SYNTAX);
	memset(longest, 'a', 65);
	longest[65] = '\0';
	assert_int_equal(users_add(set, longest, "r", NULL, NULL, &u), -ERR_SYNTAX);
	assert_int_equal(users_add(set, longest + 1, "r", NULL, NULL, &u), 0);
	assert_int_equal(users_add(set, "x", "r", "tel:+1", NULL, &u), -ERR_SYNTAX);
	assert_int_equal(users_add(set, "x", "r", "sip:example.com", NULL, &u), -ERR_SYNTAX);
	users_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_has_an_identity_of_his_own),
		cmocka_unit_test(names_and_identities_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
