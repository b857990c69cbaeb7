/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mrfc/conference/psi.h"

#define DOMAIN "conf.example.com"

static struct psi_set *parsed(const char *list)
{
	struct psi_set *set = NULL;
	struct slice bad = SLICE_NULL;

	assert_int_equal(psi_set_parse(list, DOMAIN, &set, &bad), 0);
	return set;
}

static void without_identities_every_name_is_fine(void **state)
{
	struct psi_set *set = parsed("");
	struct bytes name = BYTES_INIT;

	(void)state;
	assert_true(psi_set_has(set, slice_str("anything")));
	assert_false(psi_set_name(set, "abc", &name));
	psi_set_free(&set);
	psi_set_free(&set);
}

static void a_wildcard_takes_what_its_expression_takes(void **state)
{
	struct psi_set *set = parsed("sip:chat-![a-z0-9]{2,20}!-x@" DOMAIN);

	(void)state;
	assert_true(psi_set_has(set, slice_str("chat-ab-x")));
	assert_true(psi_set_has(set, slice_str("chat-12345678901234567890-x")));
	assert_false(psi_set_has(set, slice_str("chat-123456789012345678901-x")));
	assert_false(psi_set_has(set, slice_str("chat-a-x")));
	assert_false(psi_set_has(set, slice_str("chat-AB-x")));
	assert_false(psi_set_has(set, slice_str("chat-ab")));
	assert_false(psi_set_has(set, slice_str("chat--x")));
	assert_false(psi_set_has(set, slice_str("xchat-ab-x")));
	assert_false(psi_set_has(set, slice_str("chat-x")));
	assert_false(psi_set_has(set, slice_str("")));
	psi_set_free(&set);
}

static void the_expression_is_one_whole(void **state)
{
	struct psi_set *set = parsed("sip:!one|two|[a-f0-9]+!@" DOMAIN);

	(void)state;
	assert_true(psi_set_has(set, slice_str("one")));
	assert_true(psi_set_has(set, slice_str("two")));
	assert_false(psi_set_has(set, slice_str("onetwo")));
	assert_false(psi_set_has(set, slice_str("one-more")));
	psi_set_free(&set);
}

static void distinct_ones_stand_beside_it(void **state)
{
	struct psi_set *set =
		parsed("sip:townhall@" DOMAIN ", SIP:chat-!.*!@Conf.Example.COM,sip:desk@" DOMAIN);
	struct bytes name = BYTES_INIT;

	(void)state;
	assert_true(psi_set_has(set, slice_str("townhall")));
	assert_true(psi_set_has(set, slice_str("desk")));
	assert_true(psi_set_has(set, slice_str("chat-")));
	assert_false(psi_set_has(set, slice_str("townhall2")));
	assert_true(psi_set_name(set, "q7w8", &name));
	assert_string_equal(bytes_cstr(&name), "chat-q7w8");
	bytes_fini(&name);
	psi_set_free(&set);
}

static void a_name_that_is_too_long_is_none(void **state)
{
	struct psi_set *set = parsed("sip:!.*!@" DOMAIN);
	char name[300];

	(void)state;
	memset(name, 'a', sizeof(name));
	assert_true(psi_set_has(set, slice_make(name, 255)));
	assert_false(psi_set_has(set, slice_make(name, 256)));
	psi_set_free(&set);
}

static void what_is_no_identity_is_named(void **state)
{
	static const char *const bad[] = {
		"chat-!.*!@" DOMAIN,        "sip:chat-!.*!@other.example",
		"sip:chat-!.*@" DOMAIN,     "sip:@" DOMAIN,
		"sip:chat-!(!@" DOMAIN,     "sip:chat",
		"sip:chat-![A-Z]!@" DOMAIN, ",",
		"sip:a@" DOMAIN ",",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct psi_set *set = NULL;
		struct slice which = SLICE_NULL;

		assert_int_equal(psi_set_parse(bad[i], DOMAIN, &set, &which), -ERR_SYNTAX);
		assert_null(set);
		assert_non_null(which.ptr);
	}
}

static void as_many_as_fit(void **state)
{
	struct bytes list = BYTES_INIT;
	struct psi_set *set = NULL;
	struct slice bad = SLICE_NULL;

	(void)state;
	for (int i = 0; i < 32; i++)
		bytes_addf(&list, "%ssip:r%d@" DOMAIN, i ? "," : "", i);
	set = parsed(bytes_cstr(&list));
	assert_true(psi_set_has(set, slice_str("r31")));
	psi_set_free(&set);
	bytes_add_str(&list, ",sip:r32@" DOMAIN);
	assert_int_equal(psi_set_parse(bytes_cstr(&list), DOMAIN, &set, &bad), -ERR_SYNTAX);
	bytes_fini(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_identities_every_name_is_fine),
		cmocka_unit_test(a_wildcard_takes_what_its_expression_takes),
		cmocka_unit_test(the_expression_is_one_whole),
		cmocka_unit_test(distinct_ones_stand_beside_it),
		cmocka_unit_test(a_name_that_is_too_long_is_none),
		cmocka_unit_test(what_is_no_identity_is_named),
		cmocka_unit_test(as_many_as_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
