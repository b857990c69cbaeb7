/* SPDX-License-Identifier: Apache-2.0 */
/* The table of conferences: names, contexts, walking and removal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "mrfc/conference/conference.h"

static struct conference *create(struct conference_table *t, const char *name)
{
	struct conference *c;

	assert_int_equal(conference_create(t, name, "sip:alice@example.com", CONFERENCE_BY_JOIN,
					   1770000000000, &c),
			 0);
	return c;
}

/* covers: FOC-001 */
static void a_name_belongs_to_one_conference(void **state)
{
	struct conference_table *t = conference_table_new("conf.example.com");
	struct conference *c = create(t, "room"), *other = c;

	(void)state;
	assert_string_equal(c->name, "room");
	assert_string_equal(c->uri, "sip:room@conf.example.com");
	assert_string_equal(c->creator, "sip:alice@example.com");
	assert_int_equal(c->state, CONFERENCE_ACTIVE);
	assert_int_equal(c->origin, CONFERENCE_BY_JOIN);
	assert_true(c->epoch != 0 && c->next_termination != 0);
	assert_non_null(c->roster);
	assert_int_equal(conference_create(t, "room", NULL, CONFERENCE_BY_API, 1, &other),
			 -ERR_EXISTS);
	assert_ptr_equal(other, c);
	assert_ptr_equal(conference_find(t, slice_str("room")), c);
	assert_null(conference_find(t, slice_str("Room")));
	assert_null(conference_find(t, SLICE_NULL));
	conference_remove(t, &c);
	assert_null(c);
	assert_null(conference_find(t, slice_str("room")));
	c = create(t, "room");
	conference_table_free(&t);
	assert_null(t);
	conference_table_free(&t);
}

/* covers: FOC-001, FOC-002 */
static void the_factory_makes_a_new_name_each_time(void **state)
{
	struct conference_table *t = conference_table_new("conf.example.com");
	struct conference *a = create(t, NULL), *b = create(t, "");

	(void)state;
	assert_string_not_equal(a->name, b->name);
	assert_true(strlen(a->name) >= 14);
	assert_ptr_equal(conference_find(t, slice_str(b->name)), b);
	assert_int_equal(conference_count(t), 2);
	conference_table_free(&t);
}

static void conferences_are_counted_by_who_made_them(void **state)
{
	struct conference_table *t = conference_table_new("conf.example.com"), *u;
	struct conference *a = create(t, NULL), *b = create(t, NULL), *copy = NULL, *operators;

	(void)state;
	assert_int_equal(
		conference_create(t, NULL, "sip:bob@example.com", CONFERENCE_BY_API, 0, &operators),
		0);
	assert_int_equal(conference_count_of(t, "sip:alice@example.com"), 2);
	assert_int_equal(conference_count_of(t, "sip:bob@example.com"), 0);
	assert_int_equal(conference_count_of(t, NULL), 0);
	u = conference_table_new("conf.example.com");
	assert_int_equal(conference_restore(u, a, &copy), 0);
	assert_int_equal(conference_count_of(u, "sip:alice@example.com"), 1);
	conference_remove(t, &a);
	assert_int_equal(conference_count_of(t, "sip:alice@example.com"), 1);
	conference_remove(t, &b);
	assert_int_equal(conference_count_of(t, "sip:alice@example.com"), 0);
	conference_table_free(&t);
	conference_table_free(&u);
}

static void names_are_checked_letter_by_letter_and_bounded(void **state)
{
	static const char *const bad[] = {"a b", "a@b", "a/b", "\xc3\xab", "a;b", "a%20"};
	struct conference_table *t = conference_table_new("h");
	struct conference *c = NULL;
	char name[66];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(conference_create(t, bad[i], NULL, CONFERENCE_BY_API, 1, &c),
				 -ERR_SYNTAX);
	memset(name, 'x', sizeof(name));
	name[65] = '\0';
	assert_int_equal(conference_create(t, name, NULL, CONFERENCE_BY_API, 1, &c), -ERR_SYNTAX);
	name[64] = '\0';
	assert_int_equal(conference_create(t, name, NULL, CONFERENCE_BY_API, 1, &c), 0);
	assert_null(c->creator);
	(void)create(t, "A-z_0.9");
	conference_table_free(&t);
}

static void a_media_context_leads_to_its_conference(void **state)
{
	struct conference_table *t = conference_table_new("h");
	struct conference *a = create(t, "a"), *b = create(t, "b");
	uint8_t unknown[MEDIA_CONTEXT_SIZE];

	(void)state;
	assert_ptr_equal(conference_find_context(t, a->context), a);
	assert_ptr_equal(conference_find_context(t, b->context), b);
	memcpy(unknown, a->context, sizeof(unknown));
	unknown[15] ^= 1;
	assert_null(conference_find_context(t, unknown));
	conference_table_free(&t);
}

static void walking_survives_the_removal_of_what_was_returned(void **state)
{
	struct conference_table *t = conference_table_new("h");
	struct conference *c, *next;
	char names[4] = "";

	(void)state;
	(void)create(t, "a");
	(void)create(t, "b");
	(void)create(t, "c");
	for (c = conference_first(t); c; c = next) {
		next = conference_next(c);
		strncat(names, c->name, 1);
		conference_remove(t, &c);
	}
	assert_string_equal(names, "abc");
	assert_int_equal(conference_count(t), 0);
	assert_null(conference_first(t));
	conference_table_free(&t);
}

/* covers: IMS-004 */
static void a_contribution_id_leads_to_one_conference_and_may_be_given_up(void **state)
{
	struct conference_table *t = conference_table_new("conf.example.com");
	struct conference *one, *two;

	(void)state;
	assert_int_equal(conference_create(t, "one", NULL, CONFERENCE_BY_JOIN, 1, &one), 0);
	assert_int_equal(conference_create(t, "two", NULL, CONFERENCE_BY_JOIN, 1, &two), 0);
	assert_null(conference_find_contribution(t, "abc"));
	assert_int_equal(conference_set_contribution(t, one, "abc"), 0);
	assert_ptr_equal(conference_find_contribution(t, "abc"), one);
	assert_int_equal(conference_set_contribution(t, two, "abc"), -ERR_EXISTS);
	assert_null(two->contribution_id);
	assert_int_equal(conference_set_contribution(t, one, NULL), 0);
	assert_null(one->contribution_id);
	assert_int_equal(conference_set_contribution(t, one, NULL), 0);
	assert_int_equal(conference_set_contribution(t, two, "abc"), 0);
	assert_ptr_equal(conference_find_contribution(t, "abc"), two);
	conference_table_free(&t);
}

static void what_was_recorded_comes_back_with_a_higher_epoch(void **state)
{
	/* covers: FOC-030 */
	struct conference_table *t = conference_table_new("conf.example.com");
	struct conference from = {.name = (char *)"tea",
				  .uri = (char *)"sip:tea@conf.example.com",
				  .creator = (char *)"sip:alice@example.com",
				  .contribution_id = (char *)"c1",
				  .mrfp = (char *)"m1",
				  .kept = true,
				  .created_wall_ms = 17,
				  .context = {1, 2, 3},
				  .epoch = 41,
				  .next_termination = 7};
	struct conference *c, *again;

	(void)state;
	assert_int_equal(conference_restore(t, &from, &c), 0);
	assert_ptr_equal(conference_find(t, SLICE_LIT("tea")), c);
	assert_ptr_equal(conference_find_context(t, from.context), c);
	assert_ptr_equal(conference_find_contribution(t, "c1"), c);
	assert_string_equal(c->mrfp, "m1");
	assert_true(c->kept);
	assert_int_equal(c->created_wall_ms, 17);
	assert_true(c->epoch > 41);
	assert_true(c->next_termination > 7);
	assert_int_equal(conference_restore(t, &from, &again), -ERR_EXISTS);
	from.name = (char *)"no such";
	assert_int_equal(conference_restore(t, &from, &again), -ERR_SYNTAX);
	conference_table_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_belongs_to_one_conference),
		cmocka_unit_test(the_factory_makes_a_new_name_each_time),
		cmocka_unit_test(conferences_are_counted_by_who_made_them),
		cmocka_unit_test(names_are_checked_letter_by_letter_and_bounded),
		cmocka_unit_test(a_media_context_leads_to_its_conference),
		cmocka_unit_test(walking_survives_the_removal_of_what_was_returned),
		cmocka_unit_test(a_contribution_id_leads_to_one_conference_and_may_be_given_up),
		cmocka_unit_test(what_was_recorded_comes_back_with_a_higher_epoch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
