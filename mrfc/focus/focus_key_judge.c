/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests for a key in new offers: they wait for the key server's judgement. Nothing of them is
 * read here but whose they are.
 */
#include "common/mem.h"
#include "mrfc/focus/focus_priv.h"

int key_renew(struct session *s, struct slice bytes)
{
	struct groupkey *g = s->room->focus->config.keys;
	struct key_member *m = s->key->member;
	struct groupkey_member from;
	int err;

	if (m == NULL || s->key->stage == KEY_NEW || g->ops->renew == NULL)
		return -ERR_CLOSED;
	if (m->judging)
		return -ERR_EXISTS;
	from = (struct groupkey_member){.uri = m->uri, .key_id = bytes_slice(&m->id)};
	err = g->ops->renew(g, s->room->c->uri, &from, bytes);
	m->judging = s->key->judging = err == 0;
	return err;
}

void key_unjudged(struct session *s)
{
	if (s->key == NULL || !s->key->judging)
		return;
	s->key->judging = false;
	if (s->key->member != NULL)
		s->key->member->judging = false;
	timer_stop(s->key->wait_timer);
}

void key_on_error(const char *uri, const char *user, struct slice key_id, struct slice bytes,
		  void *arg)
{
	struct room *room = key_room_of_uri(arg, uri);
	struct key_member *m = room != NULL ? key_member_find(room->key, user, key_id) : NULL;
	struct session_key *sk;

	if (m == NULL)
		return;
	LIST_FOREACH(sk, &m->sessions, of_member) {
		if (sk->judging || (sk->session->step == SESSION_KEYING && sk->stage == KEY_TOLD))
			key_explain(sk->session, bytes);
	}
}

void key_on_judged(const char *uri, const char *user, struct slice key_id, int err, const char *why,
		   void *arg)
{
	struct room *room = key_room_of_uri(arg, uri);
	struct key_member *m = room != NULL ? key_member_find(room->key, user, key_id) : NULL;
	struct session_key *sk;

	if (m == NULL)
		return;
	m->judging = false;
	LIST_FOREACH(sk, &m->sessions, of_member) {
		if (sk->judging) { /* there is one at most */
			sk->judging = false;
			key_judged(sk->session, err, why);
			return;
		}
	}
}
