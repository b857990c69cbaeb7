/* SPDX-License-Identifier: Apache-2.0 */
/* Who belongs to a conference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mrfc/conference/members.h"

static void a_member_is_found_by_each_of_his_names(void **state)
{
	/* covers: ID-003, PRV-002 */
	const char *const aliases[] = {"tel:+4930123", "sip:alice@elsewhere.example"};
	struct members *set = members_new();
	struct member *m = members_add(set, SLICE_LIT("sip:Alice@Home1.example"), "Alice");

	(void)state;
	member_set_aliases(m, aliases, 2);
	member_set_shown(m, "sip:anonymous-1@anonymous.invalid");
	assert_ptr_equal(members_find(set, SLICE_LIT("tel:+4930-123")), m);
	assert_ptr_equal(members_find(set, SLICE_LIT("sip:anonymous-1@anonymous.invalid")), m);
	assert_ptr_equal(members_add(set, SLICE_LIT("sip:alice@elsewhere.example"), NULL), m);
	assert_int_equal(members_count(set), 1);
	assert_string_equal(m->display, "Alice");
	assert_string_equal(member_shown(m), "sip:anonymous-1@anonymous.invalid");
	member_set_shown(m, NULL);
	assert_string_equal(member_shown(m), m->uri);
	assert_null(members_find(set, SLICE_LIT("sip:anonymous-1@anonymous.invalid")));
	members_free(&set);
}

static void aliases_may_be_set_from_themselves(void **state)
{
	const char *const aliases[] = {"tel:+49301"};
	struct members *set = members_new();
	struct member *m = members_add(set, SLICE_LIT("sip:a@x.example"), NULL);

	(void)state;
	member_set_aliases(m, aliases, 1);
	member_set_aliases(m, (const char *const *)m->aliases, m->n_aliases);
	assert_ptr_equal(members_find(set, SLICE_LIT("tel:+49301")), m);
	member_set_aliases(m, NULL, 0);
	assert_null(members_find(set, SLICE_LIT("tel:+49301")));
	members_free(&set);
}

static void a_name_stays_with_its_first_owner(void **state)
{
	const char *const aliases[] = {"sip:b@x.example"};
	struct members *set = members_new();
	struct member *a = members_add(set, SLICE_LIT("sip:a@x.example"), NULL);
	struct member *b = members_add(set, SLICE_LIT("sip:b@x.example"), NULL);

	(void)state;
	member_set_aliases(a, aliases, 1);
	assert_ptr_equal(members_find(set, SLICE_LIT("sip:b@x.example")), b);
	member_remove(a);
	assert_ptr_equal(members_find(set, SLICE_LIT("sip:b@x.example")), b);
	assert_int_equal(members_count(set), 1);
	members_free(&set);
}

static void roles_have_names(void **state)
{
	enum member_role role;

	(void)state;
	for (int r = MEMBER_LISTENER; r <= MEMBER_OWNER; r++) {
		assert_int_equal(
			member_role_parse(slice_str(member_role_name((enum member_role)r)), &role),
			0);
		assert_int_equal((int)role, r);
	}
	assert_int_equal(member_role_parse(SLICE_LIT("king"), &role), -ERR_NOT_FOUND);
}

static void members_are_counted_by_state_in_order_of_arrival(void **state)
{
	struct members *set = members_new();
	struct member *a = members_add(set, SLICE_LIT("sip:a@x.example"), NULL);
	struct member *b = members_add(set, SLICE_LIT("sip:b@x.example"), NULL);

	(void)state;
	a->state = MEMBER_IN;
	assert_int_equal(members_count_in(set, MEMBER_IN), 1);
	assert_int_equal(members_count_in(set, MEMBER_INVITED), 1);
	assert_ptr_equal(members_first(set), a);
	assert_ptr_equal(members_next(a), b);
	assert_null(members_next(b));
	members_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_member_is_found_by_each_of_his_names),
		cmocka_unit_test(aliases_may_be_set_from_themselves),
		cmocka_unit_test(a_name_stays_with_its_first_owner),
		cmocka_unit_test(roles_have_names),
		cmocka_unit_test(members_are_counted_by_state_in_order_of_arrival),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
