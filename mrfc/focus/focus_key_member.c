/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of a sealed conference as the key server knows them, each a user with one of his keys, and the
 * sessions that belong to them. Who comes and goes is noted here, and told in focus_key.c.
 */
#include <stdlib.h>

#include "common/mem.h"
#include "mrfc/focus/focus_key_owner.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_record.h"

#define KEY_ID_MAX 64

static struct bytes name_of(const char *uri, struct slice id)
{
	struct bytes name = BYTES_INIT;

	bytes_add_str(&name, uri);
	bytes_add_char(&name, '\n');
	bytes_add_slice(&name, id);
	return name;
}

struct key_member *key_member_find(const struct room_key *k, const char *uri, struct slice id)
{
	struct bytes name = name_of(uri, id);
	struct key_member *m;

	HASH_FIND(hh, k->members, name.data, name.len, m);
	bytes_fini(&name);
	return m;
}

static struct key_member *member_get(struct room_key *k, const char *uri, struct slice id)
{
	struct key_member *m = key_member_find(k, uri, id);
	struct bytes name;

	if (m != NULL)
		return m;
	name = name_of(uri, id);
	m = xcalloc(1, sizeof(*m) + name.len);
	LIST_INIT(&m->sessions);
	m->uri = xstrdup(uri);
	bytes_add_slice(&m->id, id);
	m->name_len = name.len;
	memcpy(m->name, name.data, name.len);
	bytes_fini(&name);
	HASH_ADD(hh, k->members, name, m->name_len, m);
	return m;
}

void key_member_free(struct room_key *k, struct key_member *m)
{
	HASH_DEL(k->members, m);
	bytes_fini(&m->id);
	free(m->uri);
	free(m);
}

static void attach(struct session_key *sk, struct key_member *m)
{
	sk->member = m;
	LIST_INSERT_HEAD(&m->sessions, sk, of_member);
}

/* The server has told which key of his it took: his sessions so far are of that one. */
static struct key_member *adopt(struct room_key *k, struct key_member *nameless, struct slice id)
{
	struct key_member *m = member_get(k, nameless->uri, id);
	struct session_key *sk;

	m->told = m->told || nameless->told;
	m->gone = m->gone || nameless->gone;
	m->judging = m->judging || nameless->judging;
	while ((sk = LIST_FIRST(&nameless->sessions)) != NULL) {
		LIST_REMOVE(sk, of_member);
		attach(sk, m);
		session_store(sk->session);
	}
	key_member_free(k, nameless);
	return m;
}

struct key_member *key_member_meant(struct room_key *k, const char *uri, struct slice key_id)
{
	struct key_member *m = key_member_find(k, uri, key_id);
	struct key_member *nameless = key_member_find(k, uri, SLICE_NULL);

	if (nameless == NULL || key_id.len == 0)
		return m;
	return adopt(k, nameless, key_id);
}

bool key_member_holds(const struct key_member *m)
{
	const struct session_key *sk;

	LIST_FOREACH(sk, &m->sessions, of_member) {
		if (sk->stage == KEY_HOLDER)
			return true;
	}
	return false;
}

/* --- sessions --- */

static struct session_key *begin(struct session *s)
{
	struct session_key *sk = xcalloc(1, sizeof(*sk));

	sk->session = s;
	s->key = sk;
	s->local.sealed = true;
	s->local.key_server = owner_mode(s->room->focus);
	s->room->key->n_sessions++;
	return sk;
}

static void begin_with(struct session *s, struct slice id)
{
	struct key_member *m = member_get(s->room->key, s->who.uri, slice_first(id, KEY_ID_MAX));

	attach(begin(s), m);
}

/* It is no session of this member any more. */
static void detach(struct room *room, struct session_key *sk, enum rekey_change change)
{
	struct key_member *m = sk->member;

	LIST_REMOVE(sk, of_member);
	sk->member = NULL;
	if (!LIST_EMPTY(&m->sessions))
		return; /* in with another session of the same key */
	if (!m->told) {
		key_member_free(room->key, m);
		return;
	}
	m->gone = true;
	if (!room->ending_run)
		key_note(room->key, change);
}

void key_begin_maker(struct session *s)
{
	begin(s)->stage = KEY_MAKER;
}

void key_to_maker(struct session *s)
{
	struct session_key *sk = s->key;

	key_send_forget(sk);
	bytes_reset(&sk->last);
	bytes_fini(&sk->request);
	free(s->local.key_mgmt);
	s->local.key_mgmt = NULL;
	sk->stage = KEY_MAKER;
	detach(s->room, sk, REKEY_LEAVE);
}

void key_from_maker(struct session *s)
{
	s->key->stage = KEY_NEW;
	attach(s->key, member_get(s->room->key, s->who.uri, SLICE_NULL));
	key_note(s->room->key, REKEY_JOIN);
}

void key_ask(struct session *s, struct slice key_id, struct slice request)
{
	begin_with(s, key_id);
	bytes_add_slice(&s->key->request, request);
	key_note(s->room->key, REKEY_JOIN);
}

void key_leave(struct session *s, bool kicked)
{
	struct room *room = s->room;
	struct session_key *sk = s->key;

	if (sk == NULL)
		return;
	if (sk->stage == KEY_MAKER)
		owner_leave(s);
	s->key = NULL;
	key_send_forget(sk);
	room->key->n_sessions--;
	if (sk->member != NULL)
		detach(room, sk, kicked ? REKEY_KICK : REKEY_LEAVE);
	bytes_fini(&sk->request);
	bytes_fini(&sk->last);
	timer_free(&sk->wait_timer);
	free(sk);
	owner_look(room);
}

struct slice key_id_of(const struct session *s)
{
	return s->key != NULL && s->key->member != NULL ? bytes_slice(&s->key->member->id)
							: SLICE_NULL;
}

int key_pass_on(struct session *s, struct slice bytes)
{
	struct groupkey *g = s->room->focus->config.keys;
	const struct key_member *m = s->key->member;
	struct groupkey_member from;

	if (m == NULL) /* it is itself the key server */
		return -ERR_DENIED;
	from = (struct groupkey_member){.uri = m->uri, .key_id = bytes_slice(&m->id)};
	key_claims(s, bytes);
	return g->ops->request(g, s->room->c->uri, &from, bytes);
}

void key_restore(struct session *s, struct slice key_id)
{
	if (s->room->key != NULL)
		begin_with(s, key_id);
}
