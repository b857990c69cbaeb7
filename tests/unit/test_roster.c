/* SPDX-License-Identifier: Apache-2.0 */
/* The roster: who is shown, what changed since when, how departures fade, nicknames of users. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/ctl_msgs.h"
#include "roster_rig.h"

/* covers: CONF-009, CONF-012, CONF-015 */
static void a_full_document_has_the_description_the_counts_and_everyone(void **state)
{
	struct roster *r = room();
	struct roster_endpoint *a = join(r, ALICE ";transport=tcp", "sip:alice@192.0.2.11");
	struct confinfo_parsed *p;
	const struct confinfo_doc *d;

	(void)state;
	roster_set_display(a->user, "Alice");
	roster_set_role(a->user, "owner");
	roster_endpoint_dir(a, CTL_DIR_RECVONLY);
	roster_endpoint_by(a, BOB);
	(void)join(r, BOB, "sip:bob@192.0.2.12");
	p = shown(r, 0);
	d = confinfo_doc(p);
	assert_int_equal(d->state, CONFINFO_FULL);
	assert_int_equal(d->version, 5);
	assert_string_equal(d->entity, "sip:room@conf.example.com");
	assert_true(d->with_description && d->with_counts && d->active && !d->locked);
	assert_string_equal(d->subject, "Lunch");
	assert_int_equal(d->user_count, 2);
	assert_int_equal(d->users_state, CONFINFO_FULL);
	assert_int_equal(d->n_users, 2);
	assert_string_equal(d->users[0].entity, ALICE);
	assert_string_equal(d->users[0].display, "Alice");
	assert_string_equal(d->users[0].role, "owner");
	assert_int_equal(d->users[0].n_endpoints, 1);
	assert_string_equal(d->users[0].endpoints[0].entity, "sip:alice@192.0.2.11");
	assert_int_equal(d->users[0].endpoints[0].status, CONFINFO_CONNECTED);
	assert_int_equal(d->users[0].endpoints[0].joining, CONFINFO_DIALED_IN);
	assert_string_equal(d->users[0].endpoints[0].joined_when, "2026-02-01T10:00:00Z");
	assert_string_equal(d->users[0].endpoints[0].joined_by, BOB);
	assert_string_equal(d->users[0].endpoints[0].media_status, "recvonly");
	assert_string_equal(d->users[1].endpoints[0].media_status, "sendrecv");
	confinfo_free(&p);
	roster_free(&r);
}

/* covers: CONF-008, CONF-012 */
static void a_partial_document_has_only_what_changed_since(void **state)
{
	struct roster *r = room();
	struct roster_endpoint *a = join(r, ALICE, "sip:a@h");
	uint64_t first = roster_serial(r), second;
	struct confinfo_parsed *p;

	(void)state;
	(void)join(r, BOB, "sip:b@h");
	second = roster_serial(r);
	assert_string_equal(summary(r, first), "bob:connected ");
	p = shown(r, first);
	assert_int_equal(confinfo_doc(p)->state, CONFINFO_PARTIAL);
	assert_int_equal(confinfo_doc(p)->users_state, CONFINFO_PARTIAL);
	assert_int_equal(confinfo_doc(p)->users[0].state, CONFINFO_FULL);
	assert_false(confinfo_doc(p)->with_description);
	assert_true(confinfo_doc(p)->with_counts);
	assert_int_equal(confinfo_doc(p)->user_count, 2);
	confinfo_free(&p);
	assert_string_equal(summary(r, second), "");
	roster_endpoint_status(a, CONFINFO_ON_HOLD, WALL);
	assert_string_equal(summary(r, second), "alice:on-hold ");
	assert_string_equal(summary(r, first), "bob:connected alice:on-hold ");
	roster_endpoint_status(a, CONFINFO_ON_HOLD, WALL);
	roster_endpoint_dir(a, CTL_DIR_SENDRECV);
	assert_int_equal(roster_serial(r), second + 1); /* no change, no serial */
	roster_free(&r);
}

static void a_changed_subject_brings_the_description_again(void **state)
{
	struct roster *r = room();
	struct confinfo_parsed *p;
	uint64_t serial;

	(void)state;
	(void)join(r, ALICE, "sip:a@h");
	serial = roster_serial(r);
	roster_touch(r);
	p = shown(r, serial);
	assert_int_equal(confinfo_doc(p)->state, CONFINFO_PARTIAL);
	assert_true(confinfo_doc(p)->with_description);
	assert_int_equal(confinfo_doc(p)->n_users, 0);
	confinfo_free(&p);
	p = shown(r, roster_serial(r));
	assert_false(confinfo_doc(p)->with_description);
	confinfo_free(&p);
	roster_free(&r);
}

/* covers: CONF-013 */
static void who_leaves_is_shown_disconnected_then_deleted(void **state)
{
	struct roster *r = room();
	struct roster_endpoint *b;
	struct confinfo_parsed *p;
	const struct confinfo_endpoint *e;
	uint64_t before, gone;

	(void)state;
	(void)join(r, ALICE, "sip:a@h");
	b = join(r, BOB, "sip:b@h");
	before = roster_serial(r);
	assert_true(roster_retire_at(r) == UINT64_MAX);
	roster_endpoint_end(b, CONFINFO_BOOTED, 603, ALICE, 1000);
	gone = roster_serial(r);
	p = shown(r, before);
	assert_int_equal(confinfo_doc(p)->user_count, 1);
	assert_int_equal(confinfo_doc(p)->n_users, 1);
	e = &confinfo_doc(p)->users[0].endpoints[0];
	assert_int_equal(e->status, CONFINFO_DISCONNECTED);
	assert_int_equal(e->leaving, CONFINFO_BOOTED);
	assert_string_equal(e->left_reason, "SIP;cause=603");
	assert_string_equal(e->left_by, ALICE);
	assert_null(e->media_status);
	confinfo_free(&p);

	assert_int_equal(roster_retire_at(r), 1000 + ROSTER_SHOW_GONE_MS);
	assert_false(roster_retire(r, 999 + ROSTER_SHOW_GONE_MS));
	assert_true(roster_retire(r, 1000 + ROSTER_SHOW_GONE_MS));
	assert_false(roster_retire(r, 1000 + ROSTER_SHOW_GONE_MS));
	assert_string_equal(summary(r, gone), "bob:deleted ");
	assert_string_equal(summary(r, before), "bob:deleted ");
	assert_string_equal(summary(r, 0), "alice:connected ");
	roster_free(&r);
}

static void an_ended_endpoint_is_kept_for_a_while_and_then_forgotten(void **state)
{
	struct roster *r = room();
	struct roster_endpoint *b;
	uint64_t before;

	(void)state;
	(void)join(r, ALICE, "sip:a@h");
	b = join(r, BOB, "sip:b@h");
	before = roster_serial(r);
	roster_endpoint_end(b, CONFINFO_BUSY, 486, NULL, 1000);
	roster_sweep(r, 60999, 60000);
	assert_non_null(roster_find(r, slice_str(BOB)));
	assert_int_equal(LIST_FIRST(&roster_find(r, slice_str(BOB))->endpoints)->leave_cause, 486);
	roster_sweep(r, 61000, 60000);
	assert_null(roster_find(r, slice_str(BOB)));
	assert_non_null(roster_find(r, slice_str(ALICE)));
	/* Who has not heard of the end gets everything, without bob. */
	assert_string_equal(summary(r, before), "alice:connected ");
	assert_string_equal(summary(r, roster_serial(r)), "");
	roster_free(&r);
}

static void who_comes_back_in_time_is_the_same_user(void **state)
{
	struct roster *r = room();
	struct participant *bob;
	uint64_t deleted;

	(void)state;
	bob = join(r, BOB, "sip:b@h")->user;
	roster_endpoint_end(LIST_FIRST(&bob->endpoints), CONFINFO_DEPARTED, 0, NULL, 1000);
	assert_true(roster_retire(r, 2000));
	deleted = roster_serial(r);
	assert_ptr_equal(join(r, BOB, "sip:b@h")->user, bob);
	assert_string_equal(summary(r, deleted), "bob:connected ");
	assert_string_equal(LIST_FIRST(&bob->endpoints)->entity, "sip:b@h");
	roster_sweep(r, 100000, 1);
	assert_string_equal(summary(r, 0), "bob:connected ");
	assert_int_equal(roster_count(r), 1);
	roster_free(&r);
}

/* covers: FOC-024, CONF-011 */
static void a_second_device_is_a_second_endpoint_with_its_own_key(void **state)
{
	struct roster *r = room();
	struct roster_endpoint *one = join(r, ALICE, "sip:a@h"), *two = join(r, ALICE, "sip:a@h"),
			       *three = join(r, ALICE, "sip:a@h");
	uint64_t serial;

	(void)state;
	assert_ptr_equal(one->user, two->user);
	assert_string_equal(one->entity, "sip:a@h");
	assert_string_equal(two->entity, "sip:a@h;mrf-leg=2");
	assert_string_equal(three->entity, "sip:a@h;mrf-leg=3");
	assert_int_equal(roster_count(r), 1);
	serial = roster_serial(r);
	roster_endpoint_end(two, CONFINFO_DEPARTED, 0, NULL, 1000);
	assert_int_equal(roster_count(r), 1);
	assert_int_equal(one->user->n_live, 2);
	assert_string_equal(summary(r, serial), "alice:connected disconnected connected ");
	(void)roster_retire(r, 2000);
	assert_string_equal(summary(r, serial), "alice:connected connected ");
	roster_sweep(r, 5000, 0);
	assert_string_equal(summary(r, serial), "alice:connected connected ");
	roster_free(&r);
}

/* covers: CONF-014 */
static void a_dial_out_is_shown_from_its_first_moment_but_not_counted(void **state)
{
	struct roster *r = room();
	struct participant *p = roster_user(r, slice_str(BOB), "Bob");
	struct roster_endpoint *e;

	(void)state;
	assert_string_equal(summary(r, 0), "");
	e = roster_endpoint_add(p, slice_str(BOB), CONFINFO_DIALING_OUT, CONFINFO_DIALED_OUT, NULL);
	assert_string_equal(summary(r, 0), "bob:dialing-out ");
	roster_endpoint_status(e, CONFINFO_ALERTING, WALL);
	assert_string_equal(summary(r, 0), "bob:alerting ");
	assert_int_equal(roster_count(r), 0);
	assert_int_equal(e->joined_wall_ms, 0);
	roster_endpoint_status(e, CONFINFO_CONNECTED, WALL);
	assert_int_equal(roster_count(r), 1);
	roster_endpoint_status(e, CONFINFO_ON_HOLD, WALL + 1);
	roster_endpoint_status(e, CONFINFO_CONNECTED, WALL + 2);
	assert_int_equal(e->joined_wall_ms, WALL);
	assert_int_equal(roster_count(r), 1);
	roster_free(&r);
}

static void a_user_is_found_by_each_asserted_name(void **state)
{
	static const char *const names[] = {"tel:+15551230001", "sip:al@example.com"};
	static const char *const fewer[] = {"sip:al@example.com"};
	struct roster *r = room();
	struct participant *p = roster_user(r, slice_str(ALICE), NULL);

	(void)state;
	roster_set_aliases(p, names, 2);
	assert_ptr_equal(roster_find(r, slice_str("tel:+1-555-123-0001")), p);
	assert_ptr_equal(roster_find(r, slice_str("sip:al@EXAMPLE.com;transport=tcp")), p);
	assert_ptr_equal(roster_user(r, slice_str("sip:al@example.com"), NULL), p);
	roster_set_aliases(p, fewer, 1);
	assert_null(roster_find(r, slice_str("tel:+15551230001")));
	assert_ptr_equal(roster_find(r, slice_str(ALICE)), p);
	/* A name in use stays with its first owner. */
	roster_set_aliases(roster_user(r, slice_str(BOB), NULL), fewer, 1);
	assert_ptr_equal(roster_find(r, slice_str("sip:al@example.com")), p);
	assert_null(roster_find(r, SLICE_NULL));
	roster_free(&r);
}

static void a_user_without_any_endpoint_can_be_forgotten_at_once(void **state)
{
	struct roster *r = room();
	struct participant *p = roster_user(r, slice_str(ALICE), "Alice");

	(void)state;
	assert_int_equal(roster_serial(r), 1);
	assert_ptr_equal(roster_first(r), p);
	assert_null(roster_next(p));
	roster_forget(p);
	assert_null(roster_first(r));
	p = join(r, ALICE, "sip:a@h")->user;
	roster_forget(p);
	assert_ptr_equal(roster_first(r), p);
	roster_free(&r);
}

static void lost_copies_are_counted_at_the_endpoint_and_its_user(void **state)
{
	struct roster *r = room();
	struct roster_endpoint *e = join(r, ALICE, "sip:a@h");

	(void)state;
	roster_endpoint_lost(e, 3);
	roster_endpoint_lost(e, 4);
	assert_int_equal(e->lost, 7);
	assert_int_equal(e->user->lost, 7);
	roster_free(&r);
}

static int nick(struct participant *p, const char *text)
{
	return roster_nickname(p, slice_str(text));
}

/* covers: SW-066, SW-068, CONF-019, SW-070 */
static void a_nickname_is_shown_and_a_refused_one_changes_nothing(void **state)
{
	struct roster *r = room();
	struct participant *a = join(r, ALICE, "sip:a@h")->user, *b = join(r, BOB, "sip:b@h")->user;
	struct confinfo_parsed *p;
	uint64_t serial;

	(void)state;
	assert_int_equal(nick(a, "Queen of Hearts"), 200);
	serial = roster_serial(r);
	assert_int_equal(nick(b, "queen  of hearts"), 425);
	assert_int_equal(nick(b, "   "), 424);
	assert_int_equal(nick(b, "\xff"), 424);
	assert_null(b->nickname);
	assert_int_equal(nick(b, "Bobby"), 200);
	assert_int_equal(nick(b, "Queen of hearts"), 425);
	assert_string_equal(b->nickname, "Bobby");
	p = shown(r, serial);
	assert_int_equal(confinfo_doc(p)->n_users, 1);
	assert_string_equal(confinfo_doc(p)->users[0].nickname, "Bobby");
	confinfo_free(&p);
	/* The old one is free at once. */
	assert_int_equal(nick(a, "Alice"), 200);
	assert_int_equal(nick(b, "Queen of Hearts"), 200);
	assert_int_equal(nick(a, "bobby"), 200);
	roster_free(&r);
}

/* covers: SW-062 */
static void an_empty_nickname_removes_it(void **state)
{
	struct roster *r = room();
	struct participant *a = join(r, ALICE, "sip:a@h")->user, *b = join(r, BOB, "sip:b@h")->user;
	uint64_t serial;

	(void)state;
	assert_int_equal(nick(a, "x"), 200);
	serial = roster_serial(r);
	assert_int_equal(nick(a, ""), 200);
	assert_null(a->nickname);
	assert_string_equal(summary(r, serial), "alice:connected ");
	assert_int_equal(nick(b, "X"), 200);
	serial = roster_serial(r);
	assert_int_equal(nick(a, ""), 200);
	assert_int_equal(roster_serial(r), serial);
	roster_free(&r);
}

/* covers: SW-067, SW-069 */
static void a_nickname_ends_with_the_last_session_that_asked_for_it(void **state)
{
	struct roster *r = room();
	struct roster_endpoint *one = join(r, ALICE, "sip:1@h"), *two = join(r, ALICE, "sip:2@h"),
			       *three = join(r, ALICE, "sip:3@h");
	struct participant *bob = join(r, BOB, "sip:b@h")->user;

	(void)state;
	assert_int_equal(roster_endpoint_nickname(one, SLICE_LIT("Ally")), 200);
	assert_false(two->holds_nickname);
	assert_int_equal(roster_endpoint_nickname(two, SLICE_LIT("ally")), 200);
	assert_int_equal(roster_endpoint_nickname(three, SLICE_LIT("")), 200);
	roster_endpoint_end(one, CONFINFO_DEPARTED, 0, NULL, 1);
	assert_int_equal(nick(bob, "Ally"), 425);
	roster_endpoint_end(two, CONFINFO_DEPARTED, 0, NULL, 2);
	assert_null(one->user->nickname);
	assert_int_equal(nick(bob, "Ally"), 200);
	roster_free(&r);
}

static void a_nickname_of_the_user_ends_with_the_users_last_session(void **state)
{
	struct roster *r = room();
	struct roster_endpoint *one = join(r, ALICE, "sip:1@h"), *two = join(r, ALICE, "sip:2@h");
	struct participant *bob = join(r, BOB, "sip:b@h")->user;

	(void)state;
	assert_int_equal(nick(one->user, "Ally"), 200);
	roster_endpoint_end(one, CONFINFO_DEPARTED, 0, NULL, 1);
	assert_string_equal(two->user->nickname, "Ally");
	roster_endpoint_end(two, CONFINFO_DEPARTED, 0, NULL, 1);
	assert_int_equal(nick(bob, "Ally"), 200);
	roster_free(&r);
}

/* covers: SW-066 */
static void a_reserved_word_is_nobodys_nickname(void **state)
{
	struct roster *r = room();
	struct participant *a = join(r, ALICE, "sip:a@h")->user;

	(void)state;
	roster_reserve_nickname(r, SLICE_LIT("Moderator"));
	roster_reserve_nickname(r, SLICE_LIT("Moderator"));
	assert_int_equal(nick(a, "moderator"), 425);
	roster_free(&r);
}

static void a_limited_document_lists_ranks_and_the_watcher(void **state)
{
	struct roster *r = room();
	struct roster_view view = {.version = 1, .limited = true, .own = true};
	struct participant *owner = NULL, *watcher = NULL;
	uint64_t since;
	struct bytes out = BYTES_INIT;
	struct confinfo_parsed *p;
	char uri[64];

	(void)state;
	for (int i = 0; i < 4; i++) {
		(void)snprintf(uri, sizeof(uri), "sip:u%d@example.com", i);
		watcher = join(r, uri, uri)->user;
		if (i == 1)
			owner = watcher;
	}
	roster_set_role(owner, "owner");
	view.watcher = watcher;
	roster_set_role(roster_find(r, slice_str("sip:u0@example.com")), "listener"); /* no rank */
	roster_document(r, 0, &view, &out);
	assert_int_equal(confinfo_parse(bytes_slice(&out), &p), 0);
	assert_int_equal(confinfo_doc(p)->user_count, 4);
	assert_int_equal(confinfo_doc(p)->n_users, 2);
	assert_string_equal(confinfo_doc(p)->users[0].entity, "sip:u3@example.com");
	assert_true(confinfo_doc(p)->users[0].yourown);
	assert_string_equal(confinfo_doc(p)->users[1].entity, "sip:u1@example.com");
	confinfo_free(&p);
	bytes_reset(&out);
	/* Who has lost his rank stands in the lists of all: they get a new one. */
	since = roster_serial(r);
	roster_set_role(owner, NULL);
	roster_document(r, since, &view, &out);
	assert_int_equal(confinfo_parse(bytes_slice(&out), &p), 0);
	assert_int_equal(confinfo_doc(p)->state, CONFINFO_FULL);
	assert_int_equal(confinfo_doc(p)->n_users, 1);
	confinfo_free(&p);
	bytes_reset(&out);
	view.limited = false;
	roster_document(r, since, &view, &out);
	assert_int_equal(confinfo_parse(bytes_slice(&out), &p), 0);
	assert_int_equal(confinfo_doc(p)->state, CONFINFO_PARTIAL);
	assert_int_equal(confinfo_doc(p)->n_users, 1);
	assert_null(confinfo_doc(p)->users[0].role);
	confinfo_free(&p);
	bytes_fini(&out);
	roster_free(&r);
}

/* covers: CONF-006 */
static void the_document_of_a_conference_that_ended_is_deleted(void **state)
{
	struct roster *r = room();
	struct bytes out = BYTES_INIT;
	struct confinfo_parsed *p;

	(void)state;
	(void)join(r, ALICE, "sip:a@h");
	roster_document_deleted(r, 9, &out);
	assert_int_equal(confinfo_parse(bytes_slice(&out), &p), 0);
	assert_int_equal(confinfo_doc(p)->state, CONFINFO_DELETED);
	assert_int_equal(confinfo_doc(p)->version, 9);
	assert_int_equal(confinfo_doc(p)->n_users, 0);
	confinfo_free(&p);
	bytes_fini(&out);
	roster_free(&r);
	assert_null(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_document_has_the_description_the_counts_and_everyone),
		cmocka_unit_test(a_partial_document_has_only_what_changed_since),
		cmocka_unit_test(a_changed_subject_brings_the_description_again),
		cmocka_unit_test(who_leaves_is_shown_disconnected_then_deleted),
		cmocka_unit_test(an_ended_endpoint_is_kept_for_a_while_and_then_forgotten),
		cmocka_unit_test(who_comes_back_in_time_is_the_same_user),
		cmocka_unit_test(a_second_device_is_a_second_endpoint_with_its_own_key),
		cmocka_unit_test(a_dial_out_is_shown_from_its_first_moment_but_not_counted),
		cmocka_unit_test(a_user_is_found_by_each_asserted_name),
		cmocka_unit_test(a_user_without_any_endpoint_can_be_forgotten_at_once),
		cmocka_unit_test(lost_copies_are_counted_at_the_endpoint_and_its_user),
		cmocka_unit_test(a_nickname_is_shown_and_a_refused_one_changes_nothing),
		cmocka_unit_test(an_empty_nickname_removes_it),
		cmocka_unit_test(a_nickname_ends_with_the_last_session_that_asked_for_it),
		cmocka_unit_test(a_nickname_of_the_user_ends_with_the_users_last_session),
		cmocka_unit_test(a_reserved_word_is_nobodys_nickname),
		cmocka_unit_test(a_limited_document_lists_ranks_and_the_watcher),
		cmocka_unit_test(the_document_of_a_conference_that_ended_is_deleted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
