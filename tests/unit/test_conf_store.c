/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the focus and the group commit before answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <event2/event.h>

#include <stdlib.h>

#include "common/mem.h"
#include "mrfc/state/conf_store.h"

struct rig {
	struct event_base *base;
	struct store *store;
	struct conf_store *cs;
	int done, last_err;
};

static int set_up(void **state)
{
	static struct rig rig;

	rig = (struct rig){.base = event_base_new()};
	rig.store = store_mem_new(rig.base);
	rig.cs = conf_store_new(rig.store);
	*state = &rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	conf_store_free(&rig->cs);
	store_free(&rig->store);
	event_base_free(rig->base);
	return 0;
}

static void on_done(int err, void *arg)
{
	struct rig *rig = arg;

	rig->done++;
	rig->last_err = err;
}

static void turn(struct rig *rig)
{
	event_base_loop(rig->base, EVLOOP_NONBLOCK);
}

static bool stored(struct rig *rig, const char *table, const char *key, const char *part)
{
	struct slice value;

	if (store_get(rig->store, table, slice_str(key), &value) != 0)
		return false;
	return slice_find(value, slice_str(part)) >= 0;
}

static const char *const aliases[] = {"tel:+15551234", "sip:a@example.net"};
static const struct session_record session = {.termination = 7,
					      .dialog = "t1",
					      .uri = "sip:alice@example.com",
					      .aliases = aliases,
					      .n_aliases = 2,
					      .contact = "sip:alice@192.0.2.1",
					      .local_sdp = "v=0\r\no=- 1 1 IN IP4 h\r\n",
					      .port = 2855,
					      .we_offered = true,
					      .charging_vector = "icid-value=1",
					      .charging_functions = "ccf=192.0.2.8",
					      .access_network = "3GPP-UTRAN-TDD",
					      .visited_network = "\"home\"",
					      .related_vector = "icid-value=0",
					      .dir = 2};

static const struct subscription_record subscription = {.leg = {.call_id = (char *)"c",
								.local_tag = (char *)"l",
								.local = (char *)"<sip:room@x>",
								.remote = (char *)"<sip:a@x>",
								.local_cseq = 17},
							.user = "sip:a@example.com",
							.expires_wall_ms = 1770000000000,
							.version = 5};

static const struct dialog_record dialog = {.leg = {.call_id = (char *)"c9",
						    .local_tag = (char *)"t1",
						    .remote_tag = (char *)"r1",
						    .local = (char *)"<sip:room@x>",
						    .remote = (char *)"<sip:a@x>",
						    .routes = (char *)"<sip:p1;lr>, <sip:p2;lr>",
						    .remote_cseq = 4000000000u,
						    .incoming = true},
					    .confirmed = true,
					    .expires_s = 1800,
					    .expires_wall_ms = 1770000001000};

static const struct conference *room(void)
{
	static struct conference c;

	c = (struct conference){.name = (char *)"room",
				.uri = (char *)"sip:room@conf.example.com",
				.subject = (char *)"Tea\nand cake",
				.creator = (char *)"sip:alice@example.com",
				.origin = CONFERENCE_BY_JOIN,
				.mode = CONFERENCE_CLOSED,
				.kept = true,
				.require_tls = CONFERENCE_TLS_HOP,
				.contribution_id = (char *)"abc",
				.created_wall_ms = 1760000000000,
				.epoch = 3,
				.next_termination = 9};
	memcpy(c.context, "0123456789abcdef", 16);
	return &c;
}

static void who_waits_is_called_from_the_loop_when_all_is_stored(void **state)
{
	struct rig *rig = *state;

	conf_store_put_session(rig->cs, "room", &session);
	conf_store_wait(rig->cs, on_done, rig);
	assert_int_equal(rig->done, 0);
	turn(rig);
	assert_int_equal(rig->done, 1);
	assert_int_equal(rig->last_err, 0);
	assert_true(stored(rig, "session", "room/7", "uri sip:alice@example.com\n"));
	conf_store_del_session(rig->cs, "room", 7);
	conf_store_flush(rig->cs);
	turn(rig);
	assert_false(stored(rig, "session", "room/7", ""));
}

static void each_wait_is_for_what_was_put_before_it(void **state)
{
	struct rig *rig = *state;

	conf_store_put_subscription(rig->cs, "room", "s1", &subscription);
	conf_store_wait(rig->cs, on_done, rig);
	conf_store_put_subscription(rig->cs, "room", "s2", &subscription);
	conf_store_wait(rig->cs, on_done, rig);
	conf_store_wait(rig->cs, on_done, rig);
	for (int i = 0; i < 4; i++)
		turn(rig);
	assert_int_equal(rig->done, 3);
	assert_true(stored(rig, "subscription", "room/s1", "version 5\n"));
	assert_true(stored(rig, "subscription", "room/s2", "user sip:a@example.com\n"));
}

static void a_waiter_that_went_away_is_not_called(void **state)
{
	struct rig *rig = *state;

	conf_store_wait(rig->cs, on_done, rig);
	conf_store_wait(rig->cs, on_done, rig);
	conf_store_cancel(rig->cs, rig);
	for (int i = 0; i < 4; i++)
		turn(rig);
	assert_int_equal(rig->done, 0);
}

static void a_value_cannot_smuggle_in_a_field(void **state)
{
	struct session_record evil = session;
	struct rig *rig = *state;

	evil.display = "x\nuri sip:mallory@example.com";
	conf_store_put_session(rig->cs, "room", &evil);
	conf_store_flush(rig->cs);
	assert_false(stored(rig, "session", "room/7", "\nuri sip:mallory"));
	assert_true(stored(rig, "session", "room/7", "display x\\nuri sip:mallory"));
}

/* What a load showed, in order. */
struct shown {
	struct rig *rig;
	struct bytes log;
	struct leg_record taken;
};

static void on_conference(const struct conference *c, void *arg)
{
	struct shown *s = arg;

	assert_string_equal(c->uri, room()->uri);
	assert_string_equal(c->subject, room()->subject);
	assert_string_equal(c->contribution_id, "abc");
	assert_null(c->conversation_id);
	assert_null(c->members);
	assert_int_equal(c->mode, CONFERENCE_CLOSED);
	assert_true(c->kept);
	assert_int_equal(c->require_tls, CONFERENCE_TLS_HOP);
	assert_int_equal(c->epoch, 3);
	assert_int_equal(c->next_termination, 9);
	assert_memory_equal(c->context, room()->context, 16);
	bytes_addf(&s->log, "C %s\n", c->name);
}

static void on_bar(const char *conference, const char *uri, void *arg)
{
	bytes_addf(&((struct shown *)arg)->log, "B %s %s\n", conference, uri);
}

static void on_member(const char *conference, const struct member *m, void *arg)
{
	bytes_addf(&((struct shown *)arg)->log, "M %s %s %d %d %zu\n", conference, m->uri,
		   (int)m->role, (int)m->state, m->n_aliases);
}

static void on_session(const char *conference, const struct session_record *s, void *arg)
{
	assert_string_equal(s->local_sdp, session.local_sdp);
	assert_string_equal(s->aliases[1], aliases[1]);
	assert_string_equal(s->dialog, "t1");
	assert_int_equal(s->port, 2855);
	assert_true(s->we_offered);
	assert_int_equal(s->dir, 2);
	assert_string_equal(s->charging_vector, session.charging_vector);
	assert_string_equal(s->charging_functions, session.charging_functions);
	assert_string_equal(s->access_network, session.access_network);
	assert_string_equal(s->visited_network, session.visited_network);
	assert_string_equal(s->related_vector, session.related_vector);
	bytes_addf(&((struct shown *)arg)->log, "S %s %d\n", conference, (int)s->termination);
}

static void on_dialog(const char *conference, struct dialog_record *d, void *arg)
{
	struct shown *s = arg;

	assert_string_equal(d->leg.routes, dialog.leg.routes);
	assert_int_equal(d->leg.remote_cseq, 4000000000u);
	assert_true(d->confirmed && d->leg.incoming);
	assert_true(d->expires_wall_ms == dialog.expires_wall_ms);
	s->taken.call_id = d->leg.call_id;
	d->leg.call_id = NULL;
	bytes_addf(&s->log, "D %s %s\n", conference, d->leg.local_tag);
}

static void on_subscription(const char *conference, const char *key, struct subscription_record *r,
			    void *arg)
{
	struct shown *s = arg;

	assert_int_equal(r->leg.local_cseq, 17);
	assert_int_equal(r->version, 5);
	bytes_addf(&s->log, "E %s %s\n", conference, key);
	/* A reader may write: it goes to the store when the walk is over. */
	conf_store_del_subscription(s->rig->cs, conference, key);
	conf_store_wait(s->rig->cs, on_done, s->rig);
}

static void on_owed(const char *conference, const char *member, uint64_t number, size_t octets,
		    void *arg)
{
	bytes_addf(&((struct shown *)arg)->log, "O %s %s %d %zu\n", conference, member, (int)number,
		   octets);
}

static void on_user(const struct user_record *u, void *arg)
{
	assert_null(u->ha1_md5);
	assert_int_equal(u->n_uris, 2);
	bytes_addf(&((struct shown *)arg)->log, "U %s %s\n", u->name, u->realm);
}

static const struct conf_store_reader reader = {.conference = on_conference,
						.bar = on_bar,
						.member = on_member,
						.session = on_session,
						.dialog = on_dialog,
						.subscription = on_subscription,
						.owed = on_owed,
						.user = on_user};

static void raw(struct rig *rig, const char *table, const char *key, const char *value)
{
	struct store_batch *b = store_batch_new();

	store_batch_put(b, table, slice_str(key), slice_str(value));
	store_commit(rig->store, b, NULL, NULL);
}

/* Another process: the same store, nothing else. */
static void restart(struct rig *rig)
{
	conf_store_free(&rig->cs);
	rig->cs = conf_store_new(rig->store);
}

static void put_all(struct rig *rig)
{
	struct member m = {.uri = (char *)"sip:a/b@example.com",
			   .aliases = (char **)(uintptr_t)aliases,
			   .n_aliases = 2,
			   .role = MEMBER_MODERATOR,
			   .state = MEMBER_AWAY};
	const struct user_record u = {
		.name = "al", .realm = "r", .ha1_sha256 = "00ff", .uris = aliases, .n_uris = 2};

	conf_store_put_conference(rig->cs, room());
	conf_store_put_bar(rig->cs, "room", "sip:eve@example.com");
	conf_store_put_member(rig->cs, "room", &m);
	conf_store_put_session(rig->cs, "room", &session);
	conf_store_put_dialog(rig->cs, "room", &dialog);
	conf_store_put_subscription(rig->cs, "room", "s1", &subscription);
	conf_store_put_user(rig->cs, &u);
}

static int keep(struct rig *rig, uint64_t number, const char *body)
{
	const struct kept_message m = {.message_id = "m1",
				       .content_type = "message/cpim",
				       .sender = "sip:bob@example.com",
				       .sender_termination = 4,
				       .wall_ms = 1770000000123,
				       .body = slice_str(body)};

	return conf_store_keep(rig->cs, "room", number, &m);
}

static void everything_is_there_after_a_restart_and_in_order(void **state)
{
	struct rig *rig = *state;
	struct shown shown = {.rig = rig};
	size_t n_skipped = 99;

	put_all(rig);
	assert_int_equal(keep(rig, 10, "ten"), 0);
	conf_store_owe(rig->cs, "room", "sip:a/b@example.com", 10, 3);
	conf_store_owe(rig->cs, "room", "sip:a/b@example.com", 9, 4);
	restart(rig);
	assert_int_equal(conf_store_load(rig->cs, &reader, &shown, &n_skipped), 0);
	assert_int_equal(n_skipped, 0);
	assert_string_equal(bytes_cstr(&shown.log), "C room\n"
						    "B room sip:eve@example.com\n"
						    "M room sip:a/b@example.com 2 2 2\n"
						    "S room 7\n"
						    "D room t1\n"
						    "E room s1\n"
						    "O room sip:a/b@example.com 9 4\n"
						    "O room sip:a/b@example.com 10 3\n"
						    "U al r\n");
	assert_string_equal(shown.taken.call_id, "c9");
	free(shown.taken.call_id);
	turn(rig);
	assert_int_equal(rig->done, 1);
	assert_false(stored(rig, "subscription", "room/s1", ""));
	bytes_fini(&shown.log);
}

static void on_tls(const struct conference *c, void *arg)
{
	bytes_addf(&((struct shown *)arg)->log, "%s %d\n", c->name, (int)c->require_tls);
}

#define CONTEXT(digit) "\ncontext " digit "0000000000000000000000000000000\n"

static void what_tls_a_conference_wants_is_in_its_record(void **state)
{
	/* covers: SEC-013 */
	static const struct conf_store_reader of_tls = {.conference = on_tls};
	struct rig *rig = *state;
	struct shown shown = {.rig = rig};
	size_t n_skipped = 99;

	conf_store_put_conference(rig->cs, room());
	conf_store_flush(rig->cs);
	assert_true(stored(rig, "conference", "room", "\nrequire-tls 2\n"));
	raw(rig, "conference", "hop", "name hop\nuri sip:h@x\nrequire-tls 2" CONTEXT("a"));
	raw(rig, "conference", "more", "name more\nuri sip:m@x\nrequire-tls 3" CONTEXT("b"));
	raw(rig, "conference", "old", "name old\nuri sip:o@x" CONTEXT("c"));
	raw(rig, "conference", "part", "name part\nuri sip:p@x\nrequire-tls 1" CONTEXT("d"));
	restart(rig);
	assert_int_equal(conf_store_load(rig->cs, &of_tls, &shown, &n_skipped), 0);
	assert_int_equal(n_skipped, 1); /* more */
	assert_string_equal(bytes_cstr(&shown.log), "hop 2\nold 0\npart 1\nroom 2\n");
	bytes_fini(&shown.log);
}

static void what_cannot_be_read_costs_itself_alone(void **state)
{
	struct rig *rig = *state;
	struct shown shown = {.rig = rig};
	size_t n_skipped = 0;

	put_all(rig);
	conf_store_flush(rig->cs);
	raw(rig, "conference", "broken", "name broken\n");
	raw(rig, "conference", "other", "garbage\n");
	raw(rig, "conference", "moved",
	    "name room\nuri x\ncontext 00000000000000000000000000000000\n");
	raw(rig, "member", "room/sip:x@x", "uri sip:y@x\n");
	raw(rig, "member", "noslash", "uri sip:y@x\n");
	raw(rig, "session", "broken/1", "termination 1\nuri sip:x@x\n");
	raw(rig, "session", "room/8", "termination 7\nuri sip:x@x\n");
	raw(rig, "owed", "room/sip:x@x\t12", "1");
	raw(rig, "owed", "room/sip:x@x\t0000000000000001", "-");
	raw(rig, "owed", "gone/sip:x@x\t0000000000000001", "1");
	raw(rig, "user", "u", "name \\\n");
	raw(rig, "kept", "room/0000000000000001", "nobody is owed it");
	restart(rig);
	assert_int_equal(conf_store_load(rig->cs, &reader, &shown, &n_skipped), 0);
	assert_int_equal(n_skipped, 11);
	assert_string_equal(bytes_cstr(&shown.log), "C room\nB room sip:eve@example.com\n"
						    "M room sip:a/b@example.com 2 2 2\n"
						    "S room 7\nD room t1\nE room s1\nU al r\n");
	free(shown.taken.call_id);
	/* Another conference may be called so one day. */
	assert_false(stored(rig, "session", "broken/1", ""));
	assert_false(stored(rig, "owed", "gone/sip:x@x\t0000000000000001", ""));
	assert_false(stored(rig, "kept", "room/0000000000000001", ""));
	assert_true(stored(rig, "conference", "other", "garbage"));
	bytes_fini(&shown.log);
}

static bool count(struct slice key, struct slice value, void *arg)
{
	size_t *n = arg;

	assert_true(slice_eq_str(key, "room2/x"));
	assert_true(slice_eq_str(value, "another's"));
	(*n)++;
	return true;
}

static void a_conference_goes_with_all_that_is_under_its_name(void **state)
{
	static const char *const tables[] = {"conference", "bar",          "member", "session",
					     "dialog",     "subscription", "kept",   "owed"};
	struct rig *rig = *state;
	struct store_batch *b;
	struct slice value;

	put_all(rig);
	assert_int_equal(keep(rig, 1, "x"), 0);
	conf_store_owe(rig->cs, "room", "sip:x@x", 1, 1);
	b = store_batch_new();
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		store_batch_put(b, tables[i], SLICE_LIT("room2/x"), SLICE_LIT("another's"));
	store_commit(rig->store, b, NULL, NULL);
	conf_store_del_conference(rig->cs, "room");
	conf_store_flush(rig->cs);
	assert_int_equal(store_get(rig->store, "conference", SLICE_LIT("room"), &value),
			 -ERR_NOT_FOUND);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		size_t n = 0;

		assert_int_equal(store_each(rig->store, tables[i], count, &n), 0);
		assert_int_equal(n, 1);
	}
}

static bool on_message(uint64_t number, const struct kept_message *m, void *arg)
{
	struct shown *s = arg;

	assert_string_equal(m->sender, "sip:bob@example.com");
	assert_string_equal(m->message_id, "m1");
	assert_int_equal(m->sender_termination, 4);
	assert_true(m->wall_ms == 1770000000123);
	bytes_addf(&s->log, "%d=" SLICE_FMT " ", (int)number, SLICE_ARG(m->body));
	conf_store_owed_done(s->rig->cs, "room", "sip:a@x", number);
	return number != 300;
}

static void what_is_owed_comes_in_order_and_each_body_goes_with_the_last_who_has_it(void **state)
{
	struct rig *rig = *state;
	struct shown shown = {.rig = rig};

	for (uint64_t number = 255; number < 258; number++)
		assert_int_equal(keep(rig, number, number == 256 ? "a\n\nb\\" : "body"), 0);
	assert_int_equal(keep(rig, 300, "last"), 0);
	assert_int_equal(keep(rig, 301, "not shown"), 0);
	for (uint64_t number = 301; number >= 255; number--) {
		if (number > 257 && number < 300)
			continue;
		conf_store_owe(rig->cs, "room", "sip:a@x", number, 4);
	}
	conf_store_owe(rig->cs, "room", "sip:a@x/y", 256, 4);
	conf_store_owe(rig->cs, "room", "sip:a@x/y", 300, 4);
	assert_int_equal(conf_store_owed_each(rig->cs, "room", "sip:a@x", 256, on_message, &shown),
			 0);
	assert_string_equal(bytes_cstr(&shown.log), "256=a\n\nb\\ 257=body 300=last ");
	conf_store_flush(rig->cs);
	assert_true(stored(rig, "kept", "room/00000000000000ff", ""));
	assert_true(stored(rig, "kept", "room/0000000000000100", ""));
	assert_false(stored(rig, "kept", "room/0000000000000101", ""));
	assert_false(stored(rig, "owed", "room/sip:a@x\t0000000000000100", ""));
	conf_store_owed_drop(rig->cs, "room", "sip:a@x/y");
	conf_store_flush(rig->cs);
	assert_false(stored(rig, "kept", "room/0000000000000100", ""));
	assert_true(stored(rig, "kept", "room/000000000000012d", ""));
	bytes_fini(&shown.log);
}

static void who_reads_twice_counts_once_what_is_owed(void **state)
{
	static const struct conf_store_reader users = {.user = on_user};
	struct rig *rig = *state;
	struct shown shown = {.rig = rig};
	size_t n_skipped;

	conf_store_put_conference(rig->cs, room());
	assert_int_equal(keep(rig, 7, "body"), 0);
	conf_store_owe(rig->cs, "room", "sip:a@x", 7, 4);
	conf_store_flush(rig->cs);
	restart(rig);
	for (int i = 0; i < 2; i++)
		assert_int_equal(conf_store_load(rig->cs, &users, &shown, &n_skipped), 0);
	assert_true(stored(rig, "kept", "room/0000000000000007", ""));
	conf_store_owed_done(rig->cs, "room", "sip:a@x", 7);
	conf_store_flush(rig->cs);
	assert_false(stored(rig, "kept", "room/0000000000000007", ""));
	bytes_fini(&shown.log);
}

static void a_body_is_kept_up_to_its_limit(void **state)
{
	struct rig *rig = *state;
	char *text = xcalloc(CONF_STORE_MAX_BODY + 2, 1);

	memset(text, 'x', CONF_STORE_MAX_BODY + 1);
	assert_int_equal(keep(rig, 1, text), -ERR_LIMIT);
	text[CONF_STORE_MAX_BODY] = '\0';
	assert_int_equal(keep(rig, 1, text), 0);
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_waits_is_called_from_the_loop_when_all_is_stored),
		TEST(each_wait_is_for_what_was_put_before_it),
		TEST(a_waiter_that_went_away_is_not_called),
		TEST(a_value_cannot_smuggle_in_a_field),
		TEST(everything_is_there_after_a_restart_and_in_order),
		TEST(what_tls_a_conference_wants_is_in_its_record),
		TEST(what_cannot_be_read_costs_itself_alone),
		TEST(a_conference_goes_with_all_that_is_under_its_name),
		TEST(what_is_owed_comes_in_order_and_each_body_goes_with_the_last_who_has_it),
		TEST(who_reads_twice_counts_once_what_is_owed),
		TEST(a_body_is_kept_up_to_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
