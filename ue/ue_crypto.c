/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of a UE in a sealed conference: the epochs' keys it holds, requests for them, and the judgement
 * of messages that bring them, in an order in which nothing that is not authentic moves any state
 * (RFC 3830 5.3, 5.4). Only a message under our own pairwise key is taken: who holds the group's
 * key could forge one under that.
 */
#include <stdlib.h>

#include "common/mem.h"
#include "common/rand.h"
#include "common/secret.h"
#include "proto/sip_uri.h"
#include "ue/ue_crypto_priv.h"

#define DEAD_MS    600000 /* replays of files that were under way stay known */
#define SDP_IDS    "mikey"
#define MIKEY_SKEW ((uint64_t)UE_CRYPTO_SKEW_S << 32)

struct ue_crypto *ue_crypto_new(const struct ue_key *key, const char *me, enum gke_suite suite)
{
	struct ue_crypto *c = xcalloc(1, sizeof(*c));

	if (key) {
		c->key = secret_alloc(sizeof(*c->key));
		*c->key = *key;
	}
	c->me = sip_uri_name(slice_str(me));
	c->suite = suite;
	TAILQ_INIT(&c->epochs);
	bytes_init(&c->last_in, MIKEY_MAX_SIZE);
	bytes_init(&c->last_reply, MIKEY_MAX_SIZE);
	c->marks = c->own_marks = ue_marks_new();
	bytes_init(&c->asked, MIKEY_MAX_SIZE);
	rand_bytes(&c->messages.token, sizeof(c->messages.token));
	rand_bytes(&c->alone.token, sizeof(c->alone.token));
	rand_bytes(&c->files.token, sizeof(c->files.token));
	return c;
}

static void wipe_keys(struct ue_epoch *e)
{
	secret_free(&e->keys, sizeof(*e->keys));
}

static void epoch_free(struct ue_crypto *c, struct ue_epoch *e)
{
	TAILQ_REMOVE(&c->epochs, e, link);
	c->n_epochs--;
	wipe_keys(e);
	ue_replay_free(&e->seen);
	free(e);
}

void ue_crypto_free(struct ue_crypto **cp)
{
	struct ue_crypto *c = *cp;

	if (!c)
		return;
	while (!TAILQ_EMPTY(&c->epochs))
		epoch_free(c, TAILQ_FIRST(&c->epochs));
	secret_free(&c->key, sizeof(*c->key));
	ue_marks_free(&c->own_marks);
	bytes_fini(&c->last_in);
	bytes_fini(&c->last_reply);
	bytes_fini(&c->asked);
	free(c->me);
	free(c->room);
	free(c->ks);
	for (size_t i = 0; i < UE_CRYPTO_ALIASES; i++)
		free(c->aliases[i]);
	free(c);
	*cp = NULL;
}

void ue_crypto_room(struct ue_crypto *c, const char *uri)
{
	if (c->ks)
		return;
	free(c->room);
	c->room = sip_uri_name(slice_str(uri));
}

const char *ue_crypto_room_name(const struct ue_crypto *c)
{
	return c->room;
}

void ue_crypto_alias(struct ue_crypto *c, const char *uri)
{
	size_t i = 0;

	if (ue_crypto_is_me(c, slice_str(uri)))
		return;
	while (i + 1 < UE_CRYPTO_ALIASES && c->aliases[i])
		i++;
	free(c->aliases[i]);
	c->aliases[i] = sip_uri_name(slice_str(uri));
}

void ue_crypto_cipher(struct ue_crypto *c, enum cms_cipher cipher)
{
	c->cipher = cipher;
}

void ue_crypto_marks(struct ue_crypto *c, struct ue_marks *marks)
{
	c->marks = marks;
}

void ue_crypto_signing(struct ue_crypto *c, const struct ue_signing *signing, void *arg)
{
	c->signing = signing;
	c->signing_arg = arg;
}

bool ue_crypto_is_me(const struct ue_crypto *c, struct slice uri)
{
	if (sip_uri_same(uri, slice_str(c->me)))
		return true;
	for (size_t i = 0; i < UE_CRYPTO_ALIASES; i++)
		if (c->aliases[i] && sip_uri_same(uri, slice_str(c->aliases[i])))
			return true;
	return false;
}

/* --- epochs --- */

struct ue_epoch *ue_crypto_find(const struct ue_crypto *c, const struct gkid *id)
{
	struct ue_epoch *e;

	TAILQ_FOREACH(e, &c->epochs, link)
		if (gkid_eq(&e->id, id))
			return e;
	return NULL;
}

struct ue_epoch *ue_crypto_current(const struct ue_crypto *c)
{
	struct ue_epoch *e = TAILQ_FIRST(&c->epochs);

	return e && e->keys && !e->retired_ms ? e : NULL;
}

const struct gkid *ue_crypto_epoch(const struct ue_crypto *c)
{
	const struct ue_epoch *e = ue_crypto_current(c);

	return e ? &e->id : NULL;
}

bool ue_crypto_has(const struct ue_crypto *c, const struct gkid *id)
{
	const struct ue_epoch *e = ue_crypto_find(c, id);

	return e && e->keys;
}

enum ue_place ue_crypto_place(const struct ue_crypto *c, const struct gkid *id)
{
	if (!c->newest || !gkid_same_domain(&c->first, id) || gkid_epoch(id) > c->newest)
		return UE_PLACE_AHEAD;
	return gkid_epoch(id) < gkid_epoch(&c->first) ? UE_PLACE_BEFORE : UE_PLACE_OVER;
}

static void note_life(struct ue_crypto *c, const struct gkid *id)
{
	if (!c->newest || !gkid_same_domain(&c->first, id)) {
		c->first = *id;
		c->newest = 0;
	}
	if (gkid_epoch(id) > c->newest)
		c->newest = gkid_epoch(id);
}

/* The newest message decides which epoch is sent with, not its number. */
static void make_current(struct ue_crypto *c, const struct gkid *id, struct slice tek,
			 uint64_t now_ms)
{
	struct ue_epoch *e = ue_crypto_find(c, id), *other;

	if (e) { /* one of its life; another key for it replaces the first */
		TAILQ_REMOVE(&c->epochs, e, link);
	} else {
		e = xcalloc(1, sizeof(*e));
		e->id = *id;
		e->seen = ue_replay_new();
		c->n_epochs++;
	}
	if (!e->keys)
		e->keys = secret_alloc(sizeof(*e->keys));
	gke_derive(tek, &e->id, e->keys);
	e->retired_ms = 0;
	note_life(c, &e->id);
	TAILQ_FOREACH(other, &c->epochs, link)
		if (!other->retired_ms)
			other->retired_ms = now_ms ? now_ms : 1;
	TAILQ_INSERT_HEAD(&c->epochs, e, link);
	while (c->n_epochs > UE_CRYPTO_EPOCHS)
		epoch_free(c, TAILQ_LAST(&c->epochs, ue_epochs));
}

void ue_crypto_age(struct ue_crypto *c, uint64_t now_ms)
{
	struct ue_epoch *e, *next;

	for (e = TAILQ_FIRST(&c->epochs); e; e = next) {
		uint64_t over_ms =
			e->retired_ms && now_ms > e->retired_ms ? now_ms - e->retired_ms : 0;

		next = TAILQ_NEXT(e, link);
		if (over_ms >= DEAD_MS)
			epoch_free(c, e);
		else if (over_ms >= UE_CRYPTO_RETIRE_MS)
			wipe_keys(e);
	}
}

/* Do we know of this epoch, or of a later one of its life? */
static bool is_past(const struct ue_crypto *c, const struct gkid *id)
{
	const struct ue_epoch *e;

	TAILQ_FOREACH(e, &c->epochs, link)
		if (gkid_same_domain(&e->id, id) && gkid_epoch(&e->id) >= gkid_epoch(id))
			return true;
	return false;
}

bool ue_crypto_is_behind(struct ue_crypto *c, const struct gkid *roster, uint64_t now_ms)
{
	if (!roster || c->serves || is_past(c, roster)) {
		c->behind_ms = 0;
		return false;
	}
	if (!c->behind_ms) /* a yet newer one does not begin the time anew */
		c->behind_ms = now_ms ? now_ms : 1;
	return now_ms >= c->behind_ms + UE_CRYPTO_BEHIND_MS;
}

/* --- keys of our own --- */

void ue_crypto_serve(struct ue_crypto *c, const char *room, enum gke_suite suite)
{
	free(c->ks);
	free(c->room);
	c->ks = xstrdup(c->me);
	c->room = xstrdup(room);
	c->suite = suite;
	c->serves = true;
}

bool ue_crypto_serves(const struct ue_crypto *c)
{
	return c->serves;
}

void ue_crypto_put(struct ue_crypto *c, const struct gkid *id, struct slice tek, uint64_t now_ms)
{
	make_current(c, id, tek, now_ms);
}

/* --- key messages --- */

/*
 * Rising for all messages of ours, whatever the clock does; but not after one so far ahead that no key server can
 * have taken it: that clock was wrong.
 */
static uint64_t own_time(struct ue_crypto *c, uint64_t now)
{
	uint64_t last = ue_marks_own(c->marks);

	if (now <= last && last - now <= 2 * MIKEY_SKEW)
		now = last + 1;
	ue_marks_set_own(c->marks, now);
	return now;
}

int ue_crypto_request(struct ue_crypto *c, bool sdp, uint64_t wall_us, struct bytes *out)
{
	uint8_t rand[MIKEY_RAND_SIZE];
	struct slice room = slice_str(c->room);
	struct mikey_init init = {
		.suite = c->suite,
		.t = mikey_time(wall_us),
		.rand = rand,
		.idri = slice_str(c->me),
		.idrr = c->ks ? slice_str(c->ks) : room,
		.idrapp = room,
		.idrpsk_is_octets = true,
		.sdp_ids = sdp ? SLICE_LIT(SDP_IDS) : SLICE_NULL,
	};
	int err;

	if (!c->key || c->serves)
		return -ERR_WRONG_STATE;
	init.idrpsk = slice_str(c->key->id);
	init.t = own_time(c, init.t);
	rand_bytes(rand, sizeof(rand));
	rand_bytes(&init.csb_id, sizeof(init.csb_id));
	bytes_reset(&c->asked);
	err = mikey_build_init(&init, slice_make(c->key->key, UE_KEY_SIZE), &c->asked);
	bytes_add_slice(out, bytes_slice(&c->asked));
	return err;
}

/* Suite B is never given up for A: what is asked for, the user wants at least. */
static int take_suite(struct ue_crypto *c, enum gke_suite suite, const char **why_r)
{
	*why_r = "the conference is of suite A, and we ask for B (--suite a, if that is wanted)";
	if (suite == GKE_SUITE_A)
		return 0;
	*why_r = "the key server does not take our algorithms";
	if (c->suite == GKE_SUITE_B)
		return 0;
	*why_r = "the conference is of suite B, not A";
	c->suite = GKE_SUITE_B;
	return 1;
}

int ue_crypto_refused(struct ue_crypto *c, struct slice in, uint64_t wall_us, int64_t *off_us_r,
		      const char **why_r)
{
	struct mikey e, asked;
	int proven = mikey_parse(in, &e, NULL) == 0 &&
				     mikey_parse(bytes_slice(&c->asked), &asked, NULL) == 0
			     ? mikey_check_refusal(&e, &asked, slice_make(c->key->key, UE_KEY_SIZE))
			     : -ERR_SYNTAX;

	*off_us_r = 0;
	*why_r = "it came with an error message that is none of our key server";
	if (proven < 0)
		return 0;
	switch (e.error) {
	case MIKEY_ERR_PRF:
	case MIKEY_ERR_MAC:
	case MIKEY_ERR_ENCR:
		return take_suite(c, e.suite, why_r);
	case MIKEY_ERR_TS:
		*why_r = "our clock is off, says somebody who does not prove to be the key server";
		if (proven == 0 || e.clock == 0)
			return 0;
		*why_r = "our clock is off, the key server says";
		*off_us_r = (int64_t)(mikey_time_us(e.clock) - wall_us);
		return 1;
	default:
		*why_r = "the key server has no use for our key message";
		return 0;
	}
}

int ue_crypto_leg(const struct ue_crypto *c, struct slice offer, struct gke_leg *leg_r)
{
	struct mikey m;

	if (!c->key || mikey_parse(offer, &m, NULL) != 0 || m.data_type != MIKEY_PSK_INIT)
		return -ERR_SYNTAX;
	gke_leg(slice_make(c->key->key, UE_KEY_SIZE), m.rand, m.csb_id, leg_r);
	return 0;
}

static int drop(int err, const char *why, const char **why_r)
{
	*why_r = why;
	return err;
}

static int judge_time(const struct ue_crypto *c, const struct mikey *m, uint64_t wall_us,
		      const char **why_r)
{
	uint64_t now = mikey_time(wall_us);

	if (m->t > now ? m->t - now > MIKEY_SKEW : now - m->t > MIKEY_SKEW)
		return drop(-ERR_STALE,
			    "the key message's time is off by more than five minutes (is the clock "
			    "right?)",
			    why_r);
	if (m->t <= ue_marks_last(c->marks, m->idri))
		return drop(-ERR_STALE, "the key message is not newer than the last one: a replay",
			    why_r);
	return 0;
}

static bool is_gkid_of_ours(const struct ue_crypto *c, struct slice id)
{
	struct gkid gkid;

	return gkid_read(id, &gkid) == 0 && ue_crypto_find(c, &gkid);
}

/*
 * Before its first key a conference may be known by a Contact alone, whose host is an address: the user part
 * decides then, and the key server's name for it holds from there on.
 */
static bool is_room(const struct ue_crypto *c, struct slice name)
{
	struct sip_uri a, b;

	if (!c->room || sip_uri_same(name, slice_str(c->room)))
		return c->room != NULL;
	return !c->ks && sip_uri_parse(name, &a) == 0 &&
	       sip_uri_parse(slice_str(c->room), &b) == 0 && a.user.len > 0 &&
	       slice_eq(a.user, b.user);
}

static int judge_names(const struct ue_crypto *c, const struct mikey *m, const char **why_r)
{
	if (is_gkid_of_ours(c, m->idrpsk))
		return drop(-ERR_DENIED, "the key message is under the group's key: not taken here",
			    why_r);
	if (!ue_crypto_is_me(c, m->idrr))
		return drop(-ERR_DENIED, "the key message is for somebody else", why_r);
	if (!is_room(c, m->idrapp))
		return drop(-ERR_DENIED, "the key message is for another conference", why_r);
	if (m->idri.len == 0 || ue_crypto_is_me(c, m->idri))
		return drop(-ERR_DENIED, "the key message is not from a key server", why_r);
	if (c->ks && !slice_eq_str(m->idri, c->ks))
		return drop(-ERR_DENIED, "the key message is from another key server", why_r);
	if (!slice_eq_str(m->idrpsk, c->key->id))
		return drop(-ERR_DENIED, "the key message names another key than ours", why_r);
	return 0;
}

static void remember(struct ue_crypto *c, const struct mikey *m, struct bytes *reply_r)
{
	ue_marks_take(c->marks, m->idri, m->t);
	c->suite = m->suite;
	if (!c->ks) {
		c->ks = slice_dup(m->idri);
		free(c->room);
		c->room = slice_dup(m->idrapp);
	}
	if (!slice_eq_str(m->idrr, c->me)) { /* the name that the key server knows us by */
		char *old = c->me;

		c->me = slice_dup(m->idrr);
		ue_crypto_alias(c, old);
		free(old);
	}
	bytes_reset(&c->last_in);
	bytes_reset(&c->last_reply);
	bytes_add_slice(&c->last_in, m->raw);
	if (m->v)
		mikey_build_verify(m, slice_make(c->key->key, UE_KEY_SIZE), &c->last_reply);
	bytes_add_slice(reply_r, bytes_slice(&c->last_reply));
}

/* The order of the checks is that of the design: time, names, MAC; then alone is anything kept. */
static int take(struct ue_crypto *c, const struct mikey *m, uint64_t wall_us, uint64_t now_ms,
		struct bytes *reply_r, const char **why_r)
{
	struct mikey_key key;
	int rc;

	if (!c->key || c->serves)
		return drop(-ERR_DENIED,
			    c->serves ? "a key message, and the keys of this conference are ours"
				      : "a key message, and we have no key to open it",
			    why_r);
	rc = judge_time(c, m, wall_us, why_r);
	if (rc == 0)
		rc = judge_names(c, m, why_r);
	if (rc < 0)
		return rc;
	rc = mikey_open(m, slice_make(c->key->key, UE_KEY_SIZE), &key);
	if (rc == -ERR_DENIED)
		return drop(rc, "the key message is not authentic (wrong key, or changed)", why_r);
	if (rc < 0)
		return drop(rc, "the key message holds no key of a conference", why_r);
	if (rc == 0)
		return drop(-ERR_DENIED, "the key message asks for a key instead of bringing one",
			    why_r);
	make_current(c, &key.gkid, slice_make(key.tek, key.tek_size), now_ms);
	mem_wipe(&key, sizeof(key));
	remember(c, m, reply_r);
	return 1;
}

int ue_crypto_take(struct ue_crypto *c, struct slice in, uint64_t wall_us, uint64_t now_ms,
		   struct bytes *reply_r, const char **why_r)
{
	struct mikey m;
	int rc = mikey_parse(in, &m, NULL);

	if (c->last_in.len && slice_eq(in, bytes_slice(&c->last_in))) {
		bytes_add_slice(reply_r, bytes_slice(&c->last_reply)); /* ours may have been lost */
		return 0;
	}
	if (rc < 0)
		return drop(rc,
			    rc == -ERR_UNSUPPORTED
				    ? "the key message is of a kind that is not spoken here"
				    : "the key message is malformed",
			    why_r);
	if (m.data_type == MIKEY_ERROR)
		return drop(-ERR_DENIED, "the key server refused our request", why_r);
	if (m.data_type != MIKEY_PSK_INIT)
		return drop(-ERR_UNSUPPORTED, "the key message brings no key", why_r);
	return take(c, &m, wall_us, now_ms, reply_r, why_r);
}
