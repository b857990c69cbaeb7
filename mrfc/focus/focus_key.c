/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed conferences and the key server: who belongs is told in changes gathered by rekey.h, epochs
 * and each member's bytes come back. The media side hears which epochs are in use, the roster which
 * one is the newest. What is carried is opaque; how it gets to members is focus_key_send.c's.
 */
#include <stdlib.h>
#include <uthash.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfc/focus/focus_key_owner.h"
#include "mrfc/focus/focus_leave.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_record.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "focus/key"

/* --- when --- */

static void run_in(struct room_key *k, uint64_t at_ms)
{
	uint64_t now_ms = clock_now_ms();

	if (at_ms == REKEY_NEVER || k->recovering)
		return;
	if (timer_running(k->timer) && k->timer_ms <= at_ms)
		return; /* sooner, and looks again then */
	k->timer_ms = at_ms;
	timer_start(k->timer, at_ms > now_ms ? at_ms - now_ms : 0);
}

void key_note(struct room_key *k, enum rekey_change change)
{
	rekey_note(&k->rekey, change, k->n_sessions, clock_now_ms());
	run_in(k, rekey_due(&k->rekey));
}

/* Who waits for a key in a call or an INVITE. */
static bool is_waiting(const struct session *s)
{
	return s->step == SESSION_KEYING;
}

static void give_up_waiting(struct room *room, const char *why)
{
	struct session *s, *next;

	for (s = LIST_FIRST(&room->sessions); s != NULL; s = next) {
		next = LIST_NEXT(s, link);
		if (is_waiting(s))
			focus_unwind(s, UNWIND_NO_KEY_SERVER, 0, NULL, why);
		if (room->c->state != CONFERENCE_ACTIVE)
			return;
	}
}

/* All that wait to be told of; their order does not matter. */
static size_t joined_of(struct room *room, struct groupkey_member *list)
{
	struct session *s;
	size_t n = 0;

	LIST_FOREACH(s, &room->sessions, link) {
		struct session_key *sk = s->key;

		if (sk == NULL || sk->stage != KEY_NEW)
			continue;
		list[n++] = (struct groupkey_member){.uri = sk->member->uri,
						     .key_id = bytes_slice(&sk->member->id),
						     .request = bytes_slice(&sk->request)};
	}
	return n;
}

static size_t left_of(struct room_key *k, struct groupkey_member *list)
{
	size_t n = 0;

	for (struct key_member *m = k->members; m != NULL; m = m->hh.next) {
		if (m->gone)
			list[n++] = (struct groupkey_member){.uri = m->uri,
							     .key_id = bytes_slice(&m->id)};
	}
	return n;
}

static void were_told(struct room *room)
{
	struct key_member *m, *next;
	struct session *s;

	HASH_ITER(hh, room->key->members, m, next) {
		m->gone = false;
		if (LIST_EMPTY(&m->sessions))
			key_member_free(room->key, m);
	}
	LIST_FOREACH(s, &room->sessions, link) {
		if (s->key == NULL || s->key->stage != KEY_NEW)
			continue;
		s->key->stage = KEY_TOLD;
		s->key->member->told = true;
		bytes_fini(&s->key->request);
	}
}

static int tell_change(struct room *room, size_t *n_joined_r, size_t *n_left_r)
{
	struct groupkey *g = room->focus->config.keys;
	struct room_key *k = room->key;
	struct groupkey_member *joined = xcalloc(k->n_sessions + 1, sizeof(*joined));
	struct groupkey_member *left = xcalloc(HASH_COUNT(k->members) + 1, sizeof(*left));
	size_t n_joined = joined_of(room, joined), n_left = left_of(k, left);
	int err = 0;

	if (n_joined + n_left > 0)
		err = g->ops->change(g, room->c->uri, joined, n_joined, left, n_left);
	free(joined);
	free(left);
	*n_joined_r = n_joined;
	*n_left_r = n_left;
	return err;
}

static void change_now(struct room *room)
{
	struct room_key *k = room->key;
	size_t n_joined, n_left;
	uint32_t n = rekey_begin(&k->rekey, clock_now_ms());
	int err = k->opened ? tell_change(room, &n_joined, &n_left) : -ERR_CLOSED;

	if (err == -ERR_AGAIN) /* on_back() tells all, on_down() ends the wait */
		return;
	if (err != 0) {
		log_warn("%s: the key server cannot be told of %u changes: %s", room->c->name, n,
			 err_name(err));
		give_up_waiting(room, "no key server");
		return;
	}
	if (n_joined + n_left > 0)
		log_info("%s: %zu come, %zu go: the key server is told", room->c->name, n_joined,
			 n_left);
	were_told(room);
}

static void on_timer(void *arg)
{
	struct room *room = arg;
	struct room_key *k = room->key;
	uint64_t due_ms;

	if (k->recovering || room->c->state != CONFERENCE_ACTIVE)
		return;
	if (rekey_due(&k->rekey) <= clock_now_ms())
		change_now(room);
	if (room->key == NULL || room->c->state != CONFERENCE_ACTIVE)
		return; /* it has ended with its last session */
	due_ms = key_send_due(room, clock_now_ms());
	if (room->c->state != CONFERENCE_ACTIVE)
		return;
	if (rekey_due(&k->rekey) < due_ms)
		due_ms = rekey_due(&k->rekey);
	run_in(k, due_ms);
}

void key_soon(struct room *room)
{
	run_in(room->key, clock_now_ms());
}

/* --- the key server's events --- */

struct room *key_room_of_uri(struct focus *f, const char *uri)
{
	struct conference *c;
	struct sip_uri u;

	if (sip_uri_parse(slice_str(uri), &u) != 0)
		return NULL;
	c = conference_find(f->conferences, u.user);
	return c != NULL && c->state == CONFERENCE_ACTIVE && room_of(c)->key != NULL ? room_of(c)
										     : NULL;
}

static void on_epoch(const char *uri, const struct gkid *id, void *arg)
{
	struct room *room = key_room_of_uri(arg, uri);
	char hex[GKID_HEX_SIZE];

	if (room == NULL)
		return;
	gkid_hex(id, hex);
	log_debug("%s: epoch %s", room->c->name, hex);
	key_take_epoch(room, id);
}

static void on_message(const char *uri, const char *user, struct slice key_id, struct slice bytes,
		       bool fresh, void *arg)
{
	struct room *room = key_room_of_uri(arg, uri);
	struct key_member *m = room != NULL ? key_member_meant(room->key, user, key_id) : NULL;
	struct session_key *sk, *next;

	for (sk = m != NULL ? LIST_FIRST(&m->sessions) : NULL; sk != NULL; sk = next) {
		next = LIST_NEXT(sk, of_member);
		if (sk->stage != KEY_NEW)
			key_deliver(sk->session, bytes, fresh);
		if (room->c->state != CONFERENCE_ACTIVE)
			return;
	}
}

static void on_confirmed(const char *uri, const char *user, struct slice key_id,
			 const struct gkid *id, void *arg)
{
	struct room *room = key_room_of_uri(arg, uri);
	struct key_member *m = room != NULL ? key_member_meant(room->key, user, key_id) : NULL;
	struct session_key *sk;

	if (m == NULL)
		return;
	LIST_FOREACH(sk, &m->sessions, of_member)
		key_confirmed(sk->session, id);
}

/*
 * No key for him: who waits for one is out. When none of his is known any more, who has the former
 * one is out, too: the newest will not reach him.
 */
static void on_refused(const char *uri, const char *user, struct slice key_id, int err,
		       const char *why, void *arg)
{
	struct focus *f = arg;
	struct room *room = key_room_of_uri(f, uri);
	struct key_member *m = room != NULL ? key_member_find(room->key, user, key_id) : NULL;
	bool removed = err == -ERR_NOT_FOUND;
	struct session_key *sk, *next;

	stats_key_refused(f->stats, err);
	for (sk = m != NULL ? LIST_FIRST(&m->sessions) : NULL; sk != NULL; sk = next) {
		next = LIST_NEXT(sk, of_member);
		if (sk->stage == KEY_NEW || (sk->stage == KEY_HOLDER && !removed))
			continue;
		m->told = !removed && key_member_holds(m);
		key_refused(sk->session, err, why);
		if (room->c->state != CONFERENCE_ACTIVE)
			return;
	}
}

static void on_down(const char *uri, const char *why, void *arg)
{
	struct focus *f = arg;
	struct conference *c, *next;
	struct room *room = uri != NULL ? key_room_of_uri(f, uri) : NULL;

	if (room != NULL) {
		log_warn("%s: no key server: %s", room->c->name, why);
		give_up_waiting(room, why);
	}
	if (uri != NULL)
		return;
	log_error("no key server: %s", why);
	for (c = conference_first(f->conferences); c != NULL; c = next) {
		next = conference_next(c);
		if (room_of(c)->key != NULL && c->state == CONFERENCE_ACTIVE)
			give_up_waiting(room_of(c), "no key server");
	}
}

static bool open_there(struct room *room)
{
	struct focus *f = room->focus;
	const struct groupkey_policy policy = {.suite = f->config.key_suite,
					       .owner = room->c->creator};
	struct groupkey *g = f->config.keys;
	int err = g != NULL ? g->ops->open(g, room->c->uri, &policy) : -ERR_CLOSED;

	if (err != 0)
		log_error("%s: no key server for it: %s", room->c->name, err_name(err));
	room->key->opened = err == 0;
	return err == 0;
}

/* The server begins anew with this room: everybody is to be told of. */
static void tell_again(struct room *room)
{
	struct key_member *m, *next;
	struct session *s;

	HASH_ITER(hh, room->key->members, m, next) {
		m->told = m->gone = m->judging = false;
		if (LIST_EMPTY(&m->sessions))
			key_member_free(room->key, m);
	}
	LIST_FOREACH(s, &room->sessions, link) {
		if (s->key != NULL && s->key->stage != KEY_MAKER)
			s->key->stage = KEY_NEW;
	}
	key_note(room->key, REKEY_KICK);
}

static void on_back(const char *uri, void *arg)
{
	struct focus *f = arg;
	struct room *one = uri != NULL ? key_room_of_uri(f, uri) : NULL;

	if (one != NULL && open_there(one))
		tell_again(one);
	if (uri != NULL)
		return;
	log_info("the key server is there again");
	for (struct conference *c = conference_first(f->conferences); c != NULL;
	     c = conference_next(c)) {
		struct room *room = room_of(c);

		if (room->key != NULL && c->state == CONFERENCE_ACTIVE && open_there(room))
			tell_again(room);
	}
}

static const struct groupkey_events key_events = {
	.epoch = on_epoch,
	.message = on_message,
	.confirmed = on_confirmed,
	.refused = on_refused,
	.error = key_on_error,
	.judged = key_on_judged,
	.down = on_down,
	.back = on_back,
};

void key_init(struct focus *f)
{
	if (f->config.keys != NULL)
		groupkey_set_events(f->config.keys, &key_events, f);
	owner_init(f);
}

/* --- rooms and sessions --- */

void key_room_open(struct room *room, bool recovering)
{
	struct room_key *k = xcalloc(1, sizeof(*k));

	k->room = room;
	k->recovering = recovering;
	k->timer = timer_new(room->focus->base, on_timer, room);
	LIST_INIT(&k->unconfirmed);
	room->key = k;
	key_gate_init(room);
	(void)open_there(room);
}

void key_room_close(struct room *room)
{
	struct room_key *k = room->key;
	struct groupkey *g = room->focus->config.keys;
	struct key_member *m, *next;

	if (k == NULL)
		return;
	if (k->opened)
		g->ops->close(g, room->c->uri);
	HASH_ITER(hh, k->members, m, next)
		key_member_free(k, m);
	timer_free(&k->timer);
	timer_free(&k->gate_timer);
	free(k);
	room->key = NULL;
}

void key_used(struct room *room, uint64_t n_messages)
{
	struct groupkey *g = room->focus->config.keys;

	if (room->key != NULL && room->key->opened && g->ops->sent != NULL)
		g->ops->sent(g, room->c->uri, n_messages);
}

void key_recovered(struct room *room)
{
	if (room->key == NULL || !room->key->recovering)
		return;
	room->key->recovering = false;
	owner_look(room);
	if (room->key->n_sessions > 0)
		key_note(room->key, REKEY_KICK);
}
