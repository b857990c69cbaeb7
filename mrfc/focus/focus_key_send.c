/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of a new key on their way to members: by MSRP, a bounded number at once; the same octets again
 * while nobody confirms them, then in a new offer, then conference.stale_member decides. Who is on
 * hold or without a connection waits without losing time.
 */
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfc/focus/focus_key_owner.h"
#include "mrfc/focus/focus_leave.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_reinvite.h"
#include "proto/key_mgmt.h"
#include "proto/mikey.h"

#define LOG_PLACE "focus/key"

#define FLYING_MAX 64   /* messages of one room that the media side has not taken yet */
#define BUSY_MS    1000 /* a description is under way: look again */

static bool is_held(const struct session *s)
{
	return s->dir == SDP_INACTIVE || s->dir == SDP_SENDONLY;
}

/* Its leg is there and takes messages of ours. */
bool key_can_send(const struct session *s)
{
	return s->bound && s->termination != 0 && !is_held(s) &&
	       (s->step == SESSION_UP || s->step == SESSION_WAITING || s->step == SESSION_CHANGING);
}

static void open_copy(struct session_key *sk)
{
	if (!sk->copy.open)
		LIST_INSERT_HEAD(&sk->session->room->key->unconfirmed, sk, unconfirmed);
	rekey_copy_open(&sk->copy);
}

static void close_copy(struct session_key *sk)
{
	if (sk->copy.open)
		LIST_REMOVE(sk, unconfirmed);
	rekey_copy_close(&sk->copy);
}

void key_send_forget(struct session_key *sk)
{
	struct room *room = sk->session->room;

	close_copy(sk);
	media_cancel(room->focus->media, sk);
	if (sk->flying)
		room->key->n_flying--;
	sk->flying = false;
}

/* Bytes of the newest epoch: what confirms any of them has their timestamp, or a later one. */
static void take_epoch(struct session_key *sk, struct slice bytes)
{
	const struct gkid *newest = &sk->session->room->key->epoch;
	struct mikey m;

	if (sk->stage == KEY_HOLDER && gkid_eq(&sk->epoch, newest))
		return;
	if (!gkid_same_domain(&sk->epoch, newest))
		sk->claimed_t = 0;
	sk->epoch = *newest;
	sk->epoch_t = mikey_parse(bytes, &m, NULL) == 0 ? m.t : 0;
}

void key_deliver(struct session *s, struct slice bytes, bool fresh)
{
	struct session_key *sk = s->key;
	struct bytes value = BYTES_INIT;

	bytes_reset(&sk->last);
	bytes_add_slice(&sk->last, bytes);
	take_epoch(sk, bytes);
	sk->stage = KEY_HOLDER;
	key_mgmt_build(bytes, &value);
	free(s->local.key_mgmt);
	s->local.key_mgmt = bytes_take(&value);
	log_debug("%s: %s key for %s", s->room->c->name, fresh ? "a new" : "the", s->who.uri);
	open_copy(sk);
	if (s->step == SESSION_KEYING)
		key_ready(s);
	else if (s->step == SESSION_PROVING)
		key_proven(s); /* what it confirms is no longer asked for: this will be */
	else if (key_move_over(s))
		reinvite_keyed(s);
	else
		key_soon(s->room);
	reinvite_refresh_late(s);
}

void key_nudge(struct session *s)
{
	if (s->key != NULL && s->key->copy.open)
		key_soon(s->room);
	owner_look(s->room);
}

void key_park(struct session *s)
{
	if (s->key != NULL)
		rekey_copy_park(&s->key->copy);
	owner_look(s->room);
}

static void set_stale(struct session *s, bool stale)
{
	s->key->stale = stale;
	if (s->endpoint != NULL && roster_endpoint_stale(s->endpoint, stale))
		room_changed(s->room);
}

void key_confirmed(struct session *s, const struct gkid *id)
{
	struct session_key *sk = s->key;
	bool claimed = sk->claims;

	sk->claims = false;
	if (sk->stage != KEY_HOLDER || sk->claimed_t == 0)
		return; /* another session of his did */
	if (!gkid_eq(id, &sk->epoch) || sk->claimed_t < sk->epoch_t) {
		if (claimed)
			rekey_copy_lags(&sk->copy, clock_now_ms());
		return;
	}
	if (!sk->copy.open && !sk->stale)
		return; /* once more */
	stats_key(s->room->focus->stats, STATS_KEY_CONFIRMED);
	close_copy(sk);
	set_stale(s, false);
	if (s->step == SESSION_PROVING)
		key_proven(s);
}

void key_told_by_sdp(struct session *s)
{
	struct session_key *sk = s->key;

	/* It may have been made before the newest bytes came. */
	if (sk == NULL || !sk->copy.open || s->local.key_mgmt == NULL ||
	    strstr(bytes_cstr(&s->local.last), s->local.key_mgmt) == NULL)
		return;
	stats_key(s->room->focus->stats, STATS_KEY_SDP);
	rekey_copy_sent(&sk->copy, clock_now_ms());
	key_soon(s->room);
}

void key_claims(struct session *s, struct slice bytes)
{
	struct mikey m;

	if (mikey_parse(bytes, &m, NULL) != 0 || m.data_type != MIKEY_PSK_VERIFY)
		return;
	if (m.t > s->key->claimed_t)
		s->key->claimed_t = m.t;
	s->key->claims = true;
}

/* --- by MSRP --- */

static void on_injected(const struct media_result *result, void *arg)
{
	struct session_key *sk = arg;
	struct room *room = sk->session->room;

	sk->flying = false;
	room->key->n_flying--;
	if (result->err != 0) /* another time will come */
		log_info("%s: a key for %s cannot be sent now: %s", room->c->name,
			 sk->session->who.uri, err_name(result->err));
	key_soon(room);
}

static void inject(struct session_key *sk, uint64_t now_ms)
{
	struct session *s = sk->session;

	sk->flying = true;
	s->room->key->n_flying++;
	stats_key(s->room->focus->stats, sk->copy.n_sent == 0 ? STATS_KEY_MSRP : STATS_KEY_AGAIN);
	rekey_copy_sent(&sk->copy, now_ms);
	media_inject(s->room->focus->media, session_context(s), session_epoch(s), s->termination,
		     SLICE_LIT(MIKEY_TYPE), bytes_slice(&sk->last), 0, on_injected, sk);
}

/* --- what is due --- */

static void give_up(struct session *s)
{
	struct focus *f = s->room->focus;

	stats_key(f->stats, STATS_KEY_STALE);
	if (!f->config.stale_stays) {
		focus_unwind(s, UNWIND_STALE_KEY, 0, NULL, NULL);
		return;
	}
	log_info("%s: %s does not confirm the group key", s->room->c->name, s->who.uri);
	close_copy(s->key);
	set_stale(s, true);
}

void key_offer_failed(struct session *s)
{
	if (s->key != NULL && s->key->copy.open && s->key->copy.reoffered)
		give_up(s);
}

static uint64_t send_one(struct session_key *sk, uint64_t now_ms)
{
	struct session *s = sk->session;
	struct room *room = s->room;
	uint64_t due_ms;

	if (is_held(s) || s->lost_timer != NULL)
		rekey_copy_park(&sk->copy);
	if (!key_can_send(s) || sk->flying)
		return REKEY_NEVER; /* key_nudge(), on_injected() */
	switch (rekey_copy_next(&sk->copy, room->focus->config.key_patience_ms, now_ms, &due_ms)) {
	case REKEY_WAIT:
		return due_ms;
	case REKEY_SEND:
		if (room->key->n_flying < FLYING_MAX)
			inject(sk, now_ms);
		return REKEY_NEVER; /* on_injected() of this or of others */
	case REKEY_REOFFER:
		if (s->step != SESSION_UP)
			return now_ms + BUSY_MS;
		stats_key(room->focus->stats, STATS_KEY_OFFER);
		rekey_copy_reoffered(&sk->copy, now_ms);
		reinvite_offer_key(s);
		return now_ms + REKEY_ANSWER_MS;
	case REKEY_GIVE_UP:
		give_up(s);
		break;
	}
	return REKEY_NEVER;
}

uint64_t key_send_due(struct room *room, uint64_t now_ms)
{
	struct session_key *sk, *next;
	uint64_t due_ms = REKEY_NEVER;

	for (sk = LIST_FIRST(&room->key->unconfirmed); sk != NULL; sk = next) {
		uint64_t his_ms;

		next = LIST_NEXT(sk, unconfirmed);
		his_ms = send_one(sk, now_ms);
		if (room->c->state != CONFERENCE_ACTIVE)
			return REKEY_NEVER; /* it ended with this one */
		if (his_ms < due_ms)
			due_ms = his_ms;
	}
	return due_ms;
}

/* --- from members --- */

void key_on_message(struct focus *f, struct session *s, struct slice body)
{
	if (s == NULL || s->key == NULL || s->key->stage == KEY_NEW || s->key->stage == KEY_MAKER) {
		stats_key_refused(f->stats, -ERR_DENIED);
		log_peer("audit: a key message of who is no member of a sealed conference");
		return;
	}
	if (key_pass_on(s, body) != 0)
		log_debug("%s: a key message of %s is dropped", s->room->c->name, s->who.uri);
}
