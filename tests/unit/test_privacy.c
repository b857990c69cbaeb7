/* SPDX-License-Identifier: Apache-2.0 */
/* What users who hide ask for, and what follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mrfc/conference/privacy.h"

static void the_header_is_read_as_a_set_of_services(void **state)
{
	/* covers: ID-005, PRV-006 */
	(void)state;
	assert_int_equal(privacy_parse(NULL), 0);
	assert_int_equal(privacy_parse(""), 0);
	assert_int_equal(privacy_parse("id"), PRIVACY_ID);
	assert_int_equal(privacy_parse(" ID ; critical;"), PRIVACY_ID | PRIVACY_CRITICAL);
	assert_int_equal(privacy_parse("header;session,user"),
			 PRIVACY_HEADER | PRIVACY_SESSION | PRIVACY_USER);
	assert_int_equal(privacy_parse("history"), PRIVACY_OTHER);
	assert_int_equal(privacy_parse("none"), PRIVACY_NONE);
}

static void who_asks_for_it_or_has_an_anonymous_from_is_hidden(void **state)
{
	/* covers: PRV-001, PRV-007 */
	(void)state;
	assert_true(privacy_hides(PRIVACY_ID, "sip:a@example.com"));
	assert_true(privacy_hides(PRIVACY_USER, "sip:a@example.com"));
	assert_true(privacy_hides(PRIVACY_HEADER, "sip:a@example.com"));
	assert_true(privacy_hides(0, "sip:anonymous@anonymous.invalid"));
	assert_true(privacy_hides(0, "sip:Anonymous@host.invalid"));
	assert_true(privacy_hides(PRIVACY_ID | PRIVACY_NONE, NULL));
	assert_false(privacy_hides(PRIVACY_NONE, "sip:anonymous@anonymous.invalid"));
	assert_false(privacy_hides(PRIVACY_SESSION | PRIVACY_CRITICAL, "sip:a@example.com"));
	assert_false(privacy_hides(0, "sip:a@example.com"));
	assert_false(privacy_hides(0, NULL));
}

static void only_what_is_critical_and_not_offered_fails(void **state)
{
	/* covers: PRV-006 */
	(void)state;
	assert_true(privacy_impossible(PRIVACY_SESSION | PRIVACY_CRITICAL));
	assert_true(privacy_impossible(PRIVACY_OTHER | PRIVACY_CRITICAL | PRIVACY_ID));
	assert_false(privacy_impossible(PRIVACY_SESSION));
	assert_false(privacy_impossible(PRIVACY_OTHER));
	assert_false(
		privacy_impossible(PRIVACY_ID | PRIVACY_USER | PRIVACY_HEADER | PRIVACY_CRITICAL));
}

static void anonymous_uris_are_unique_and_never_the_one_for_everybody(void **state)
{
	/* covers: PRV-002 */
	char *seen[64];

	(void)state;
	for (size_t i = 0; i < 64; i++) {
		seen[i] = privacy_make_uri();
		assert_true(privacy_is_anonymous(seen[i]));
		assert_int_equal(strncmp(seen[i], "sip:anonymous-", 14), 0);
		assert_true(strlen(seen[i]) >= strlen("sip:anonymous-@anonymous.invalid") + 14);
		assert_string_not_equal(seen[i], PRIVACY_ANONYMOUS);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(seen[i], seen[j]);
	}
	for (size_t i = 0; i < 64; i++)
		free(seen[i]);
}

static void identities_go_to_trusted_hops_and_else_by_the_user_s_wish(void **state)
{
	/* covers: ID-004 */
	(void)state;
	assert_true(privacy_asserts(PRIVACY_ID, true, false));
	assert_false(privacy_asserts(PRIVACY_ID, false, true));
	assert_true(privacy_asserts(PRIVACY_NONE, false, false));
	assert_true(privacy_asserts(0, false, true));
	assert_false(privacy_asserts(0, false, false));
}

static void what_was_asked_goes_on_but_what_was_done(void **state)
{
	/* covers: ID-005 */
	struct bytes out = BYTES_INIT;

	(void)state;
	privacy_forward("header; ID;critical", true, &out);
	assert_string_equal(bytes_cstr(&out), "header;ID;critical");
	bytes_reset(&out);
	privacy_forward("header; ID;critical", false, &out);
	assert_string_equal(bytes_cstr(&out), "header;critical");
	bytes_reset(&out);
	privacy_forward("id", false, &out);
	assert_int_equal(out.len, 0);
	privacy_forward(NULL, true, &out);
	assert_int_equal(out.len, 0);
	bytes_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_header_is_read_as_a_set_of_services),
		cmocka_unit_test(who_asks_for_it_or_has_an_anonymous_from_is_hidden),
		cmocka_unit_test(only_what_is_critical_and_not_offered_fails),
		cmocka_unit_test(anonymous_uris_are_unique_and_never_the_one_for_everybody),
		cmocka_unit_test(identities_go_to_trusted_hops_and_else_by_the_user_s_wish),
		cmocka_unit_test(what_was_asked_goes_on_but_what_was_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
