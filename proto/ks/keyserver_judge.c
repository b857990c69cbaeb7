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

static bool in_time(uint64_t *busy_until_ms, uint64_t now_ms)
{
	uint64_t until = (*busy_until_ms > now_ms ? *busy_until_ms : now_ms) + REQUEST_EVERY_MS;

	if (until - now_ms > REQUEST_BURST * REQUEST_EVERY_MS)
		return false;
	*busy_until_ms = until;
	return true;
}

static bool request_allowed(struct keyserver *ks, const struct member_key *key, uint64_t now_ms)
{
	return in_time(&sender_get(ks, key)->busy_until_ms, now_ms);
}

/* Apart from the other: an old message of his that somebody plays back takes no request from him. */
static bool error_allowed(struct keyserver *ks, const struct member_key *key, uint64_t now_ms)
{
	return in_time(&sender_get(ks, key)->explained_until_ms, now_ms);
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

/*
 * A request that is genuine, but for its time or suite, is answered with what is right here, proven by
 * his key (RFC 3830 5.1.2), so that he may do better; whatever else is wrong tells nothing.
 */
static void explain(struct keyserver *ks, const struct ks_room *room, const char *uri,
		    const struct mikey *m, bool joining, const struct keyserver_now *now,
		    struct bytes *error)
{
	const struct member_key *key = m->idrpsk.len > 0 ? ks_key_find(ks, uri, m->idrpsk) : NULL;
	const char *why;

	if (key == NULL || check_names(ks, room, uri, m, joining, &why) != 0 ||
	    check_mac(m, key, &why) != 0 || !error_allowed(ks, key, now->mono_ms))
		return;
	mikey_build_refusal(m, room->suite, in_window(ks, m->t, now) ? MIKEY_ERR_PRF : MIKEY_ERR_TS,
			    mikey_time(now->wall_us), slice_make(key->key, MEMBER_KEY_SIZE), error);
}

static int judge(struct keyserver *ks, const struct ks_room *room, const char *uri,
		 const struct mikey *m, bool joining, const struct keyserver_now *now,
		 const struct member_key **key_r, const char **why_r)
{
	const struct member_key *key;
	struct ks_sender *sender;
	int err;

	if (!in_window(ks, m->t, now))
		return no(ERR_STALE, "its clock is off", why_r);
	err = check_names(ks, room, uri, m, joining, why_r);
	if (err != 0)
		return err;
	key = m->idrpsk.len > 0 ? ks_key_find(ks, uri, m->idrpsk) : NULL;
	if (key == NULL)
		return no(ERR_NOT_FOUND, "there is no key of that name", why_r);
	if (m->suite != room->suite)
		return no(ERR_SYNTAX,
			  room->suite == GKE_SUITE_A
				  ? "the key request is of suite B, the conference of suite A"
				  : "the key request is of suite A, the conference of suite B",
			  why_r);
	sender = sender_get(ks, key);
	if (m->t <= sender->last_t)
		return no(ERR_STALE, "it is a replay", why_r);
	err = check_mac(m, key, why_r);
	if (err != 0)
		return err;
	remember_t(ks, sender, m->t);
	*key_r = key;
	return 0;
}

int ks_judge_request(struct keyserver *ks, const struct ks_room *room, const char *uri,
		     struct slice bytes, enum ks_way way, const struct keyserver_now *now,
		     const struct member_key **key_r, const char **why_r, struct bytes *error)
{
	struct mikey m;
	int err;

	if (mikey_parse(bytes, &m, NULL) != 0)
		return no(ERR_SYNTAX, "it is no MIKEY message of the kind that is used here",
			  why_r);
	if (m.data_type != MIKEY_PSK_INIT || m.kemac.len != 0)
		return no(ERR_SYNTAX, "it is no key request", why_r);
	err = judge(ks, room, uri, &m, way == KS_JOINING, now, key_r, why_r);
	if (err != 0 && way != KS_LATER && (m.suite != room->suite || !in_window(ks, m.t, now)))
		explain(ks, room, uri, &m, way == KS_JOINING, now, error);
	return err;
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

/* Does it confirm a message to one of his keys? 0 and which; -ERR_SYNTAX, -ERR_DENIED, -ERR_STALE. */
static int judge_confirmation(const struct keyserver *ks, struct ks_room *room,
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

/* --- what members send --- */

static int take_confirmation(struct keyserver *ks, struct ks_room *room,
			     const struct groupkey_member *from, struct slice bytes)
{
	struct ks_member *m;
	struct ks_sent *sent;
	struct gkid gkid;
	int err = judge_confirmation(ks, room, from, bytes, &m, &sent);

	if (err != 0 || sent->n_confirmed >= KS_CONFIRMS)
		return err;
	sent->n_confirmed++;
	gkid = gkid_make(room->domain, sent->epoch);
	ks_tell(ks, KEYSERVER_CONFIRMED, room, m->uri, slice_str(m->key_id), &gkid, 0, NULL);
	return 0;
}

const char *keyserver_reason(int err)
{
	switch (-err) {
	case ERR_DENIED:
		return "denied";
	case ERR_STALE:
		return "stale";
	case ERR_LIMIT:
		return "rate";
	case ERR_NOT_FOUND:
		return "unknown";
	default:
		return "malformed";
	}
}

/* What came of it: 0, or why it is dropped. In an offer of his: also in words, and what may be told him. */
struct verdict {
	bool in_offer;
	const char *why;
	struct bytes error;
};

static int take(struct keyserver *ks, struct ks_room *room, const struct groupkey_member *from,
		struct slice bytes, const struct keyserver_now *now, struct verdict *v)
{
	enum ks_way way = v->in_offer ? KS_OFFER : KS_LATER;
	const struct member_key *key;
	struct ks_member *m;
	int err;

	if (ks_person_find(room, from->uri) == NULL) {
		ks_tell(ks, KEYSERVER_REFUSED, room, from->uri, from->key_id, NULL, -ERR_DENIED,
			"he is no member, or no more");
		return -ERR_DENIED;
	}
	if (mikey_data_type(bytes) == MIKEY_PSK_VERIFY)
		return take_confirmation(ks, room, from, bytes);
	err = ks_judge_request(ks, room, from->uri, bytes, way, now, &key, &v->why, &v->error);
	if (err != 0)
		return err;
	m = ks_member_find(room, from->uri, slice_str(key->id));
	v->why = "he is not in with that key of his";
	if (m == NULL)
		return -ERR_DENIED;
	v->why = "he asks too often";
	if (!request_allowed(ks, key, now->mono_ms))
		return -ERR_LIMIT;
	if (!m->items[KS_FRESH].queued)
		ks_owe(ks, room, m, KS_ANSWER);
	return 0;
}

int keyserver_request(struct keyserver *ks, const char *uri, const struct groupkey_member *from,
		      struct slice bytes, const struct keyserver_now *now)
{
	struct ks_room *room = ks_room_find(ks, uri);
	struct verdict v = {.error = BYTES_INIT};

	return room != NULL ? take(ks, room, from, bytes, now, &v) : -ERR_NOT_FOUND;
}

int keyserver_renew(struct keyserver *ks, const char *uri, const struct groupkey_member *from,
		    struct slice bytes, const struct keyserver_now *now)
{
	struct ks_room *room = ks_room_find(ks, uri);
	struct verdict v = {
		.in_offer = true, .why = "it is no key message for this", .error = BYTES_INIT};
	int err = room != NULL ? take(ks, room, from, bytes, now, &v) : -ERR_NOT_FOUND;

	if (room == NULL)
		return err;
	if (v.error.len > 0)
		ks_tell_error(ks, room, from->uri, from->key_id, &v.error);
	ks_tell(ks, KEYSERVER_JUDGED, room, from->uri, from->key_id, NULL, err,
		err != 0 ? v.why : "");
	return err;
}
