/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What members send to the key server, judged in the order of RFC 3830 5.3: form, time, names,
 * algorithms, MAC. Only what passed all of it moves the sender's last timestamp.
 */
#include <stdlib.h>

#include "common/mem.h"
#include "proto/ks/keyserver_priv.h"
#include "proto/sip_uri.h"

#define REQUEST_EVERY_MS 5000
#define REQUEST_BURST    3

/* --- senders --- */

static void sender_name(const struct member_key *key, struct bytes *out)
{
	sip_uri_name_key(slice_str(key->uri), out);
	bytes_addf(out, " %s", key->id);
}

static struct ks_sender *sender_get(struct keyserver *ks, const struct member_key *key)
{
	struct bytes name = BYTES_INIT;
	struct ks_sender *s;

	sender_name(key, &name);
	HASH_FIND(hh, ks->senders, bytes_cstr(&name), name.len, s);
	if (s == NULL) {
		s = xcalloc(1, sizeof(*s));
		s->name = bytes_take(&name);
		/* Without a memory, what is older than this process may be a replay. */
		s->last_t = ks->memory.last_t != NULL ? ks->memory.last_t(s->name, ks->memory.arg)
						      : ks->start_t;
		HASH_ADD_KEYPTR(hh, ks->senders, s->name, strlen(s->name), s);
	}
	bytes_fini(&name);
	return s;
}

void ks_senders_free(struct keyserver *ks)
{
	struct ks_sender *s, *next;

	HASH_ITER(hh, ks->senders, s, next) {
		HASH_DEL(ks->senders, s);
		free(s->name);
		free(s);
	}
}

static void remember_t(struct keyserver *ks, struct ks_sender *s, uint64_t t)
{
	s->last_t = t;
	if (ks->memory.set_last_t != NULL)
		ks->memory.set_last_t(s->name, t, ks->memory.arg);
}

bool ks_request_allowed(struct keyserver *ks, const struct member_key *key, uint64_t now_ms)
{
	struct ks_sender *s = sender_get(ks, key);
	uint64_t until = (s->busy_until_ms > now_ms ? s->busy_until_ms : now_ms) + REQUEST_EVERY_MS;

	if (until - now_ms > REQUEST_BURST * REQUEST_EVERY_MS)
		return false;
	s->busy_until_ms = until;
	return true;
}

/* --- requests --- */

static int no(int err, const char *why, const char **why_r)
{
	*why_r = why;
	return -err;
}

static bool in_window(const struct keyserver *ks, uint64_t t, const struct keyserver_now *now)
{
	uint64_t us = mikey_time_us(t);
	uint64_t off = us > now->wall_us ? us - now->wall_us : now->wall_us - us;

	return off <= ks->skew_us;
}

static bool names(struct slice id, const char *uri)
{
	return uri != NULL && sip_uri_same(id, slice_str(uri));
}

/* An offer may be made before its sender knows the conference's name. */
static bool is_room(const struct keyserver *ks, const struct ks_room *room, struct slice id,
		    bool joining)
{
	return names(id, room->uri) || (joining && names(id, ks->factory));
}

static int check_names(const struct keyserver *ks, const struct ks_room *room, const char *uri,
		       const struct mikey *m, bool joining, const char **why_r)
{
	if (!names(m->idrr, ks->name) && !is_room(ks, room, m->idrr, joining))
		return no(ERR_DENIED, "it is for another key server", why_r);
	if (!is_room(ks, room, m->idrapp, joining))
		return no(ERR_DENIED, "it is about another conference", why_r);
	if (!names(m->idri, uri))
		return no(ERR_DENIED, "it names another user", why_r);
	return 0;
}

static int check_mac(const struct mikey *m, const struct member_key *key, const char **why_r)
{
	struct mikey_key unwanted;
	int rc = mikey_open(m, slice_make(key->key, MEMBER_KEY_SIZE), &unwanted);

	if (rc == 0)
		return 0;
	if (rc == -ERR_DENIED)
		return no(ERR_DENIED, "the key message is not authentic (wrong key?)", why_r);
	if (rc > 0)
		mem_wipe(&unwanted, sizeof(unwanted));
	return no(ERR_SYNTAX, "it is no key request", why_r);
}

int ks_judge_request(struct keyserver *ks, const struct ks_room *room, const char *uri,
		     struct slice bytes, bool joining, const struct keyserver_now *now,
		     const struct member_key **key_r, const char **why_r)
{
	const struct member_key *key;
	struct ks_sender *sender;
	struct mikey m;
	int err;

	if (mikey_parse(bytes, &m, NULL) != 0)
		return no(ERR_SYNTAX, "it is no MIKEY message of the kind that is used here",
			  why_r);
	if (m.data_type != MIKEY_PSK_INIT || m.kemac.len != 0)
		return no(ERR_SYNTAX, "it is no key request", why_r);
	if (!in_window(ks, m.t, now))
		return no(ERR_STALE, "its clock is off", why_r);
	err = check_names(ks, room, uri, &m, joining, why_r);
	if (err != 0)
		return err;
	key = m.idrpsk.len > 0 ? ks_key_find(ks, uri, m.idrpsk) : NULL;
	if (key == NULL)
		return no(ERR_NOT_FOUND, "there is no key of that name", why_r);
	if (m.suite != room->suite)
		return no(ERR_SYNTAX,
			  room->suite == GKE_SUITE_A
				  ? "the key request is of suite B, the conference of suite A"
				  : "the key request is of suite A, the conference of suite B",
			  why_r);
	sender = sender_get(ks, key);
	if (m.t <= sender->last_t)
		return no(ERR_STALE, "it is a replay", why_r);
	err = check_mac(&m, key, why_r);
	if (err != 0)
		return err;
	remember_t(ks, sender, m.t);
	*key_r = key;
	return 0;
}

/* --- confirmations --- */

/* Which of the last messages to him has this timestamp? */
static struct ks_sent *sent_at(const struct ks_room *room, struct ks_member *m, uint64_t t)
{
	for (int i = 0; i < KS_REMEMBERED; i++) {
		struct ks_sent *sent = &m->sent[i];

		if (sent->t != 0 && sent->t == t && room->epoch - sent->epoch < KS_REMEMBERED)
			return sent;
	}
	return NULL;
}

/* As much of that message as a confirmation of it says. */
static struct mikey said(const struct keyserver *ks, struct ks_room *room,
			 const struct ks_member *m, const struct ks_sent *sent)
{
	struct gkid gkid = gkid_make(room->domain, sent->epoch);

	return (struct mikey){.data_type = MIKEY_PSK_INIT,
			      .v = true,
			      .suite = room->suite,
			      .csb_id = gkid_csb_id(&gkid),
			      .t = sent->t,
			      .rand = slice_make(ks_rand(room, sent->epoch), MIKEY_RAND_SIZE),
			      .idri = slice_str(ks->name),
			      .idrr = slice_str(m->uri)};
}

int ks_judge_confirmation(const struct keyserver *ks, struct ks_room *room,
			  const struct groupkey_member *from, struct slice bytes,
			  struct ks_member **member_r, struct ks_sent **sent_r)
{
	struct ks_person *person = ks_person_find(room, from->uri);
	const struct member_key *key;
	struct mikey r, init;
	struct ks_member *m;
	struct ks_sent *sent;
	int err;

	if (mikey_parse(bytes, &r, NULL) != 0 || r.data_type != MIKEY_PSK_VERIFY || person == NULL)
		return -ERR_SYNTAX;
	TAILQ_FOREACH(m, &person->keys, link) {
		sent = sent_at(room, m, r.t);
		if (sent == NULL ||
		    (from->key_id.len > 0 && !slice_eq_str(from->key_id, m->key_id)))
			continue;
		key = ks_key_find(ks, m->uri, slice_str(m->key_id));
		if (key == NULL)
			return -ERR_DENIED;
		init = said(ks, room, m, sent);
		err = mikey_check_verify(&r, &init, slice_make(key->key, MEMBER_KEY_SIZE));
		if (err != 0)
			return err;
		*member_r = m;
		*sent_r = sent;
		return 0;
	}
	return -ERR_STALE;
}
