/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions that change while they last: re-INVITE and UPDATE of the peer (hold, new path, other
 * capabilities), and our own re-INVITEs that take a conference's sessions to another MRFP when
 * theirs is gone. A failed change leaves the session as it was (FOC-023).
 */
#include "mrfc/focus/focus_reinvite.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "mrfc/focus/focus_file.h"
#include "mrfc/focus/focus_key_owner.h"
#include "mrfc/focus/focus_leave.h"
#include "mrfc/focus/focus_media.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_record.h"
#include "mrfc/focus/focus_tls.h"

#define LOG_PLACE "focus/reinvite"

#define MOVE_PATIENCE_MS 2500 /* an MRFP must register again in this time */
#define MOVE_POLL_MS     100

static void take_offered(struct session *s, bool answered)
{
	if (s->has_peer)
		focus_sdp_peer_fini(&s->peer);
	s->peer = *s->offered;
	s->has_peer = true;
	s->peer_answered = answered;
	s->has_offered = false;
}

static void drop_offered(struct session *s)
{
	if (s->has_offered)
		focus_sdp_peer_fini(s->offered);
	s->has_offered = false;
}

/* What holds, as an offer; lines of before keep their places (RFC 3264 8). */
static void write_offer(struct session *s)
{
	const struct focus_sdp_policy *policy = &s->room->focus->sdp;

	if (s->has_peer)
		focus_sdp_reoffer(&s->local, &s->peer, policy);
	else
		focus_sdp_offer(&s->local, policy);
}

/* An offer of ours that waits for its turn is older than what was said just now (RFC 3264 8). */
static void renew_offer(struct session *s)
{
	if (!dialog_offer_waits(s->dialog))
		return;
	write_offer(s);
	dialog_offer(s->dialog, bytes_slice(&s->local.last));
}

static void refuse_change(struct session *s, int status, int warning, const char *why)
{
	char *headers = focus_refusal_headers(0, warning, why);

	log_info("%s: change by %s refused: %d, %s", s->room->c->name, s->who.uri, status, why);
	drop_offered(s);
	dialog_refuse(s->dialog, status, headers);
	free(headers);
}

static void on_undone(const struct media_result *result, void *arg)
{
	struct session *s = arg;

	if (result->err != 0)
		log_warn("%s: change by %s could not be undone: %s", s->room->c->name, s->who.uri,
			 result->reason != NULL ? result->reason : "media server");
	session_step(s, SESSION_UP);
	s->cancelled = false;
	dialog_refuse(s->dialog, 487, NULL);
	session_store(s);
	conf_store_flush(s->room->focus->store);
}

/* The media side has the change but it is not to be: back to what was (FOC-023). */
static void undo(struct session *s)
{
	struct focus *f = s->room->focus;
	struct media_remote remote;

	drop_offered(s);
	focus_sdp_remote(&s->peer, s->peer_answered, &f->sdp, &remote);
	media_modify(f->media, session_context(s), session_epoch(s), s->termination, &remote, false,
		     on_undone, s);
}

static void on_stored(int err, void *arg)
{
	struct session *s = arg;

	(void)err; /* who is in goes on while the store fails: it is written when it can be */
	if (s->cancelled) {
		undo(s);
		return;
	}
	session_step(s, SESSION_UP);
	take_offered(s, false);
	focus_sdp_answer(&s->local, &s->peer, &s->room->focus->sdp);
	key_told_by_sdp(s);
	session_set_dir(s, (int)s->peer.sdp.media[s->peer.chat].dir);
	dialog_answer(s->dialog, bytes_slice(&s->local.last));
	renew_offer(s);
	room_changed(s->room);
}

static void on_modified(const struct media_result *result, void *arg)
{
	struct session *s = arg;

	if (result->err != 0) {
		session_step(s, SESSION_UP);
		s->cancelled = false;
		refuse_change(s, unwind_rule(unwind_of_media(result->err))->status, 399,
			      result->reason != NULL ? result->reason : "media server");
		return;
	}
	if (s->cancelled) {
		undo(s);
		return;
	}
	session_found(s); /* if it does not bind, the media side will tell again */
	if (!file_lines_change(s))
		reinvite_lines_ready(s);
}

void reinvite_lines_ready(struct session *s)
{
	if (s->cancelled) {
		undo(s);
		return;
	}
	session_store(s);
	conf_store_wait(s->room->focus->store, on_stored, s);
}

void reinvite_lines_closed(struct session *s)
{
	if (s->step != SESSION_UP || !s->has_peer) /* else the answer under way tells it */
		return;
	write_offer(s);
	dialog_offer(s->dialog, bytes_slice(&s->local.last));
}

void reinvite_on_cancelled(struct session *s)
{
	log_info("%s: change by %s cancelled", s->room->c->name, s->who.uri);
	s->cancelled = true;
}

/* Our description is of an earlier process: it was recorded without its key. */
static bool lost_key(const struct session *s)
{
	return s->local.key_mgmt != NULL &&
	       strstr(bytes_cstr(&s->local.last), "a=key-mgmt:") == NULL;
}

/* What is offered is fine, as far as can be told here. */
static void change(struct session *s)
{
	struct focus *f = s->room->focus;
	struct media_remote remote;

	if (s->has_peer &&
	    focus_sdp_same(s->offered, s->peer.sdp.origin_id, s->peer.sdp.origin_version)) {
		drop_offered(s); /* a refresh: nothing changed (MSRP-131) */
		if (lost_key(s)) {
			focus_sdp_answer(&s->local, &s->peer, &f->sdp);
			key_told_by_sdp(s);
		}
		dialog_answer(s->dialog, bytes_slice(&s->local.last));
		return;
	}
	key_leg_of_theirs(s, s->offered);
	focus_sdp_remote(s->offered, false, &f->sdp, &remote);
	session_step(s, SESSION_CHANGING);
	media_modify(f->media, session_context(s), session_epoch(s), s->termination, &remote, false,
		     on_modified, s);
}

void reinvite_judged(struct session *s, int status, const char *why)
{
	session_step(s, SESSION_UP);
	if (s->cancelled) {
		s->cancelled = false;
		drop_offered(s);
		dialog_refuse(s->dialog, 487, NULL);
	} else if (status != 0) {
		refuse_change(s, status, 399, why);
	} else {
		change(s);
	}
}

/* What we would say has no key; but an owner may want to become who makes them. */
static bool needs_key(const struct session *s)
{
	const char *lack;

	return !s->room->recovering && !key_may_offer(s) &&
	       !owner_would_serve(s->room, &s->who, NULL, &lack);
}

void reinvite_on_change(struct session *s, struct slice offer)
{
	struct focus *f = s->room->focus;
	struct focus_sdp_why why;
	const char *misfit;
	bool waits;
	int status;

	if (s->step != SESSION_UP) { /* our own move is in progress */
		dialog_refuse(s->dialog, 491, NULL);
		return;
	}
	if (needs_key(s)) {
		log_info("%s: %s changes before there is a key", s->room->c->name, s->who.uri);
		dialog_refuse(s->dialog, 491, NULL);
		return;
	}
	if (offer.ptr == NULL) { /* we offer what holds; the ACK has the answer */
		write_offer(s);
		dialog_answer(s->dialog, bytes_slice(&s->local.last));
		renew_offer(s);
		return;
	}
	if (s->room->recovering) { /* what MRFP to tell is not known yet */
		bytes_reset(&s->held_offer);
		bytes_add_slice(&s->held_offer, offer);
		session_step(s, SESSION_CHANGING);
		return;
	}
	focus_demand(f, s->room, NULL);
	status = focus_sdp_read(offer, false, &f->sdp, session_offered(s), &why);
	if (status != 0) {
		refuse_change(s, status, why.warning, why.text);
		return;
	}
	s->has_offered = true;
	misfit = focus_sdp_misfit(s->offered, &s->local);
	if (misfit != NULL) {
		refuse_change(s, 488, 399, misfit);
		return;
	}
	status = key_judge_change(s, s->offered, &why, &waits);
	if (status != 0) /* the session stays sealed, and as it was */
		refuse_change(s, status, why.warning, why.text);
	else if (waits)
		session_step(s, SESSION_CHANGING);
	else
		change(s);
}

void reinvite_held(struct session *s)
{
	struct bytes offer = s->held_offer;

	if (offer.len == 0)
		return;
	s->held_offer = BYTES_INIT;
	session_step(s, SESSION_UP);
	if (s->cancelled)
		dialog_refuse(s->dialog, 487, NULL);
	else
		reinvite_on_change(s, bytes_slice(&offer));
	s->cancelled = false;
	bytes_fini(&offer);
}

static void on_settled(const struct media_result *result, void *arg)
{
	struct session *s = arg;
	bool moved = s->step == SESSION_MOVING;

	if (result->err != 0) {
		focus_unwind(s, unwind_of_media(result->err), 0, NULL, result->reason);
		return;
	}
	dialog_ack(s->dialog);
	session_step(s, SESSION_UP);
	session_set_dir(s, (int)s->peer.sdp.media[s->peer.chat].dir);
	if (moved) {
		log_info("%s: %s has media again", s->room->c->name, s->who.uri);
		stats_reestablished(s->room->focus->stats, "ok");
	}
	session_store(s);
	conf_store_flush(s->room->focus->store);
	room_changed(s->room);
	reinvite_fall_back(s);
}

void reinvite_on_answer(struct session *s, struct slice sdp)
{
	struct focus *f = s->room->focus;
	struct focus_sdp_why why = {399, "no answer"};
	struct media_remote remote;
	const char *misfit;

	if (sdp.ptr == NULL || focus_sdp_read(sdp, true, &f->sdp, session_offered(s), &why) != 0) {
		focus_unwind(s, UNWIND_BAD_ANSWER, 0, NULL, why.text);
		return;
	}
	s->has_offered = true;
	s->reoffer = focus_sdp_answered(s->offered, &s->local);
	take_offered(s, true);
	misfit = focus_sdp_misfit(&s->peer, &s->local);
	if (misfit != NULL) {
		focus_unwind(s, UNWIND_BAD_ANSWER, 0, NULL, misfit);
		return;
	}
	if (!key_take_later_answer(s, &s->peer))
		return;
	(void)key_leg_of_ours(s, NULL);
	focus_sdp_remote(&s->peer, true, &f->sdp, &remote);
	media_modify(f->media, session_context(s), session_epoch(s), s->termination, &remote, false,
		     on_settled, s);
}

void reinvite_offer_key(struct session *s)
{
	write_offer(s);
	dialog_offer(s->dialog, bytes_slice(&s->local.last));
}

bool reinvite_refresh(struct session *s)
{
	if (s->key == NULL)
		return false;
	if (s->step == SESSION_UP && !s->room->recovering && key_may_offer(s)) {
		s->key->refresh_waits = false;
		reinvite_offer_key(s);
	} else {
		log_info("%s: the refresh for %s waits", s->room->c->name, s->who.uri);
		s->key->refresh_waits = true;
	}
	return true;
}

void reinvite_refresh_late(struct session *s)
{
	if (s->key != NULL && s->key->refresh_waits)
		(void)reinvite_refresh(s);
}

void reinvite_fall_back(struct session *s)
{
	if (!s->reoffer || s->step != SESSION_UP)
		return;
	s->reoffer = false;
	s->local.plain = true;
	log_info("%s: %s does not know CEMA and is behind a border: offering without it",
		 s->room->c->name, s->who.uri);
	write_offer(s);
	dialog_offer(s->dialog, bytes_slice(&s->local.last));
}

void reinvite_on_failed(struct session *s, int status)
{
	if (s->step != SESSION_MOVING) { /* the session is as it was, but for a key */
		key_offer_failed(s);
		return;
	}
	log_info("%s: %s refused to move: %d", s->room->c->name, s->who.uri, status);
	stats_reestablished(s->room->focus->stats, "failed");
	focus_unwind(s, UNWIND_MRFP_LOST, 0, NULL, "the new offer was refused");
}

static void offer_move(struct session *s)
{
	if (s->key != NULL)
		s->key->refresh_waits = false; /* this is one, too */
	write_offer(s);
	session_store(s);
	conf_store_flush(s->room->focus->store);
	dialog_offer(s->dialog, bytes_slice(&s->local.last));
}

static void on_move_keyed(const struct media_result *result, void *arg)
{
	(void)result; /* without it by certificates */
	offer_move(arg);
}

static void on_readded(const struct media_result *result, void *arg)
{
	struct session *s = arg;

	if (result->err != 0) {
		if (!drain_came_back(s, result->reason))
			focus_unwind(s, UNWIND_MRFP_LOST, 0, NULL, result->reason);
		return;
	}
	focus_sdp_local_set(&s->local, result);
	if (!key_move_waits(s))
		reinvite_keyed(s);
}

void reinvite_keyed(struct session *s)
{
	if (!key_leg_of_ours(s, on_move_keyed))
		offer_move(s);
}

/* Until it answers it can what it could: others may write to it meanwhile (SW-050). */
static void take_abilities(const struct session *s, struct media_remote *remote)
{
	struct media_remote known;

	focus_sdp_remote(&s->peer, s->peer_answered, &s->room->focus->sdp, &known);
	remote->has_chatroom = known.has_chatroom;
	remote->nickname = known.nickname;
	remote->private_messages = known.private_messages;
	remote->accept_types = known.accept_types;
	remote->accept_wrapped_types = known.accept_wrapped_types;
	remote->max_size = known.max_size;
	remote->direction = known.direction;
}

void reinvite_move(struct session *s)
{
	struct media_remote remote = {.setup = MEDIA_SETUP_UNKNOWN,
				      .tls = s->local.fingerprint != NULL,
				      .ws = s->local.ws,
				      .v6 = s->local.host && strchr(s->local.host, ':'),
				      .match_session_only = s->room->focus->sdp.session_match};

	if (s->has_peer)
		take_abilities(s, &remote);
	session_step(s, SESSION_MOVING);
	session_add_termination(s, &remote, on_readded);
}

/* Sessions that are not up yet cannot be saved. */
static void lose_session(struct session *s)
{
	struct focus *f = s->room->focus;

	if (s->waits_turn)
		return; /* has no media yet */
	session_found(s);
	media_cancel(f->media, s);
	conf_store_cancel(f->store, s);
	/* Its record stays: who goes on from it finds it lost, too. */
	session_set_termination(s, 0);
	s->bound = false;
	(void)key_move_over(s);
	key_park(s);
	bytes_fini(&s->held_offer);
	if (s->step == SESSION_CHANGING) {
		key_unjudged(s);
		session_step(s, SESSION_UP);
		s->cancelled = false;
		refuse_change(s, 500, 399, "media server lost");
	}
	if (s->step == SESSION_UP || s->step == SESSION_MOVING) {
		dialog_ack(s->dialog); /* of an answer that now comes to nothing */
		session_step(s, SESSION_MOVING);
	} else {
		focus_unwind(s, UNWIND_MRFP_LOST, 0, NULL, NULL);
	}
}

/* The ACK may have reached an earlier process only: our offer will show whether it is in. */
static void take_as_confirmed(struct session *s)
{
	if (s->step == SESSION_WAITING && s->has_peer)
		dialog_alive(s->dialog);
}

void reinvite_lost(struct session *s)
{
	bool up;

	take_as_confirmed(s);
	up = s->step == SESSION_UP || s->step == SESSION_MOVING;
	lose_session(s); /* one that is not up is gone now */
	if (up)
		reinvite_move(s);
}

void room_move(struct room *room)
{
	struct focus *f = room->focus;
	uint64_t now_ms = clock_now_ms();
	struct session *s, *next;

	if (room->c->state != CONFERENCE_ACTIVE)
		return;
	room->recovering = false;
	if (room->move_until_ms == 0) {
		log_warn("%s: its MRFP is gone, its sessions look for another", room->c->name);
		room->move_until_ms = now_ms + MOVE_PATIENCE_MS;
		room->c->epoch++;
		conf_store_put_conference(f->store, room->c);
		for (s = LIST_FIRST(&room->sessions); s != NULL; s = next) {
			next = LIST_NEXT(s, link);
			if (!s->stays) {
				take_as_confirmed(s);
				lose_session(s);
			}
			if (room->c->state != CONFERENCE_ACTIVE)
				return; /* it ended with this session, and the others are gone */
		}
	}
	if (!media_available(f->media) && now_ms < room->move_until_ms) {
		timer_start(room->move_timer, MOVE_POLL_MS);
		return;
	}
	room->move_until_ms = 0;
	for (s = LIST_FIRST(&room->sessions); s != NULL; s = next) {
		next = LIST_NEXT(s, link);
		if (s->step != SESSION_MOVING || s->stays)
			continue;
		if (media_available(f->media)) {
			reinvite_move(s);
		} else {
			stats_reestablished(f->stats, "failed");
			focus_unwind(s, UNWIND_MRFP_LOST, 0, NULL, NULL);
		}
		if (room->c->state != CONFERENCE_ACTIVE)
			return;
	}
}
