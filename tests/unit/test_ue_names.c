/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/ue_names: what the conference is called, and which messages were for one user only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ue/ue_names.h"

#define AS "sip:carol@example.com"

static bool private(const struct ue_names *n, const char *to)
{
	return ue_names_private(n, slice_str(to), AS);
}

static void a_room_that_was_called_keeps_the_name_it_was_called_by(void **state)
{
	struct ue_names n = {0};

	(void)state;
	ue_names_called(&n, "sip:tea@conf.example.com");
	ue_names_focus(&n, "sip:tea@127.0.0.1:5060");
	assert_string_equal(n.conference, "sip:tea@conf.example.com");
	ue_names_fini(&n);
}

static void a_room_made_by_a_factory_is_named_by_its_contact(void **state)
{
	struct ue_names n = {0};

	(void)state;
	ue_names_called(&n, "sip:conference-factory@conf.example.com");
	ue_names_focus(&n, "sip:c8x@127.0.0.1:5060");
	assert_string_equal(n.conference, "sip:c8x@127.0.0.1:5060");
	ue_names_fini(&n);
}

static void a_message_to_the_conference_by_any_of_its_names_is_for_everyone(void **state)
{
	struct ue_names n = {0};

	(void)state;
	ue_names_focus(&n, "sip:tea@127.0.0.1:5060");
	ue_names_entity(&n, "sip:tea@conf.example.com");
	assert_false(private(&n, "sip:tea@127.0.0.1:5060"));
	assert_false(private(&n, "sip:tea@conf.example.com;transport=tcp"));
	assert_false(private(&n, "sip:tea@an.alias.example.com"));
	assert_false(private(&n, "sip:anonymous@anonymous.invalid"));
	assert_false(private(&n, ""));
	ue_names_fini(&n);
}

static void a_message_to_us_by_any_of_our_names_is_private(void **state)
{
	struct ue_names n = {0};

	(void)state;
	ue_names_focus(&n, "sip:tea@127.0.0.1:5060");
	assert_true(private(&n, AS));
	assert_true(private(&n, "sip:carol@127.0.0.1:5070"));
	assert_true(private(&n, "tel:+15550100"));
	ue_names_fini(&n);
}

static void a_user_called_like_the_room_is_told_of_by_its_own_uri(void **state)
{
	struct ue_names n = {0};

	(void)state;
	ue_names_focus(&n, "sip:carol@conf.example.com");
	assert_true(private(&n, AS));
	assert_false(private(&n, "sip:carol@conf.example.com"));
	ue_names_fini(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_room_that_was_called_keeps_the_name_it_was_called_by),
		cmocka_unit_test(a_room_made_by_a_factory_is_named_by_its_contact),
		cmocka_unit_test(a_message_to_the_conference_by_any_of_its_names_is_for_everyone),
		cmocka_unit_test(a_message_to_us_by_any_of_our_names_is_private),
		cmocka_unit_test(a_user_called_like_the_room_is_told_of_by_its_own_uri),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
