/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conferences of an earlier process: made again from the store before the first request is taken,
 * with a higher ctl epoch, their dialogs, sessions and subscriptions. What media there is, the
 * MRFPs' audits tell: a room is recovering until the one that has it was heard. What is gone is
 * offered anew, as when an MRFP is lost. INVITEs wait for that, for a moment.
 */
#include "mrfc/focus/focus_recover.h"

#include <stdlib.h>
#include <uthash.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfc/focus/focus_events.h"
#include "mrfc/focus/focus_join.h"
#include "mrfc/focus/focus_leave.h"
#include "mrfc/focus/focus_media.h"
#include "mrfc/focus/focus_member.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_record.h"
#include "mrfc/focus/focus_refer.h"
#include "mrfc/focus/focus_reinvite.h"
#include "proto/ctl_msgs.h"

#define LOG_PLACE "focus/recover"

#define HOLD_MS      3000  /* an MRFP dials again within a second of our start */
#define GIVE_UP_MS   32000 /* no MRFP at all */
#define HELD_MAX     1024  /* requests */
#define HELD_RETRY_S 2

/* A session whose dialog is not read yet. */
struct pending {
	UT_hash_handle hh;
	char *tag, *nickname, *local_sdp;
	uint64_t joined_wall_ms;
	struct session *session;
};

/* An INVITE that waits. */
struct held {
	TAILQ_ENTRY(held) link;
	struct recovery *recovery;
	struct sip_in *in;
};

struct recovery {
	struct focus *focus;
	focus_recovered_fn *done;
	void *done_arg;
	struct pending *pending;
	TAILQ_HEAD(, held) held;
	size_t n_held;
	struct timer *timer;
	uint64_t began_ms;
	bool holding;
	size_t n_sessions, n_watchers, n_refers;
};

static void held_free(struct held *h)
{
	TAILQ_REMOVE(&h->recovery->held, h, link);
	h->recovery->n_held--;
	free(h);
}

static void on_held_event(enum sip_in_event event, struct slice sdp, void *arg)
{
	struct held *h = arg;

	(void)sdp;
	if (event != SIP_IN_CANCELLED)
		return;
	sip_in_free(&h->in);
	held_free(h);
}

bool recover_holds(struct focus *f, struct sip_in **in)
{
	struct recovery *r = f->recovery;
	struct held *h;

	if (r == NULL || !r->holding || f->stopping)
		return false;
	if (r->n_held == HELD_MAX) {
		focus_refuse(in, 503, HELD_RETRY_S, "Recovering");
		return true;
	}
	h = xcalloc(1, sizeof(*h));
	h->recovery = r;
	h->in = *in;
	*in = NULL;
	TAILQ_INSERT_TAIL(&r->held, h, link);
	r->n_held++;
	sip_in_bind(h->in, on_held_event, h);
	sip_in_status(h->in, 100);
	return true;
}

/* All that waited is taken, or refused. */
static void release(struct recovery *r, bool refuse)
{
	struct held *h;

	r->holding = false;
	while ((h = TAILQ_FIRST(&r->held)) != NULL) {
		struct sip_in *in = h->in;

		held_free(h);
		sip_in_bind(in, NULL, NULL);
		if (refuse)
			focus_refuse(&in, 503, HELD_RETRY_S, "Server stops");
		else
			focus_on_invite(in, r->focus);
	}
}

static void forget_pending(struct recovery *r, struct pending *p)
{
	HASH_DEL(r->pending, p);
	free(p->tag);
	free(p->nickname);
	free(p->local_sdp);
	free(p);
}

void recover_free(struct focus *f)
{
	struct recovery *r = f->recovery;
	struct pending *p, *next;

	if (r == NULL)
		return;
	f->recovery = NULL;
	release(r, true);
	HASH_ITER(hh, r->pending, p, next)
		forget_pending(r, p);
	conf_store_cancel(f->store, r);
	timer_free(&r->timer);
	free(r);
}

/* ---- from the store ---- */

static struct room *find_room(struct recovery *r, const char *name)
{
	struct conference *c = conference_find(r->focus->conferences, slice_str(name));

	return c != NULL ? room_of(c) : NULL;
}

static void on_conference(const struct conference *from, void *arg)
{
	struct recovery *r = arg;
	struct conference *c;

	if (conference_restore(r->focus->conferences, from, &c) != 0) {
		log_error("conference %s cannot be recovered: it is there twice", from->name);
		return;
	}
	room_new(r->focus, c)->recovering = true;
	if (c->e2e)
		key_room_open(room_of(c), true);
}

static void on_bar(const char *conference, const char *uri, void *arg)
{
	struct room *room = find_room(arg, conference);

	if (room != NULL && bars_restore(room->c->bars, slice_str(uri)) != 0)
		log_error("%s: %s stays barred no longer: not to be read", conference, uri);
}

static void on_member(const char *conference, const struct member *m, void *arg)
{
	struct room *room = find_room(arg, conference);

	if (room != NULL)
		member_restore(room, m);
}

static void on_owed(const char *conference, const char *member, uint64_t number, size_t octets,
		    void *arg)
{
	struct room *room = find_room(arg, conference);
	struct member *m = room != NULL ? members_find(room->c->members, slice_str(member)) : NULL;

	if (m != NULL)
		owed_restored(room, m, number, octets);
}

static char *dup_or_null(const char *s)
{
	return s != NULL ? xstrdup(s) : NULL;
}

static void take_local(struct focus_sdp_local *l, const struct session_record *r)
{
	l->origin_id = r->origin_id;
	l->version = r->origin_version;
	l->path = dup_or_null(r->path);
	l->host = xstrdup(r->host != NULL ? r->host : "");
	l->fingerprint = dup_or_null(r->fingerprint);
	l->port = (uint16_t)r->port;
	l->ws = r->ws;
	l->wss_proto = r->wss_proto;
	l->cema = r->cema;
	l->plain = r->plain;
	l->dir = (enum sdp_dir)r->local_dir;
	l->setup = (enum sdp_setup)r->local_setup;
	if (r->local_sdp != NULL)
		bytes_add_str(&l->last, r->local_sdp);
}

/* What the media side serves is not known yet: it was served when this was accepted. */
static void take_peer(struct session *s, const struct session_record *r)
{
	struct focus_sdp_policy policy = s->room->focus->sdp;
	struct focus_sdp_why why;

	policy.tls = policy.websocket = true;
	if (r->peer_sdp == NULL)
		return;
	s->has_peer = focus_sdp_read(slice_str(r->peer_sdp), r->peer_answered, &policy, &s->peer,
				     &why) == 0;
	if (!s->has_peer)
		log_error("%s: the recorded description of %s cannot be read: %s", s->room->c->name,
			  s->who.uri, why.text);
	else if (r->peer_answered)
		(void)focus_sdp_answered(&s->peer, &s->local);
}

static void on_session(const char *conference, const struct session_record *record, void *arg)
{
	struct recovery *r = arg;
	struct room *room = find_room(r, conference);
	struct identity who = {0};
	struct pending *p;
	struct session *s;

	if (room == NULL || record->dialog == NULL) {
		conf_store_del_session(r->focus->store, conference, record->termination);
		return;
	}
	who.uri = xstrdup(record->uri);
	who.display = dup_or_null(record->display);
	who.hidden = record->shown != NULL;
	for (size_t i = 0; i < record->n_aliases; i++)
		identity_add_alias(&who, record->aliases[i]);
	s = session_new(room, &who, record->contact);
	s->recorded_as = record->termination;
	session_set_termination(s, record->path != NULL ? record->termination : 0);
	s->missing = true;
	free(s->shown); /* made anew for who hides */
	s->shown = dup_or_null(record->shown);
	s->dialled_out = record->dialled_out;
	s->ended = s->held = record->ended; /* the MRFP holds its live messages back */
	s->we_offered = record->we_offered;
	s->peer_answered = record->peer_answered;
	s->dir = record->dir;
	s->by = dup_or_null(record->by);
	s->referred_by = dup_or_null(record->referred_by);
	s->charging =
		(struct focus_charging){.vector = dup_or_null(record->charging_vector),
					.functions = dup_or_null(record->charging_functions),
					.access_network = dup_or_null(record->access_network),
					.visited_network = dup_or_null(record->visited_network),
					.related = dup_or_null(record->related_vector)};
	s->refer_key = dup_or_null(record->refer);
	key_restore(s, record->key_id != NULL ? slice_str(record->key_id) : SLICE_NULL);
	take_local(&s->local, record);
	take_peer(s, record);
	if (record->termination >= room->c->next_termination)
		room->c->next_termination = record->termination + 1;
	p = xcalloc(1, sizeof(*p));
	p->tag = xstrdup(record->dialog);
	p->nickname = dup_or_null(record->nickname);
	p->joined_wall_ms = record->joined_wall_ms;
	p->session = s;
	HASH_ADD_KEYPTR(hh, r->pending, p->tag, strlen(p->tag), p);
}

static void enter(struct session *s, const struct pending *p)
{
	session_enter_roster(s, CONFINFO_DIALING_IN);
	if (!s->announced)
		return;
	roster_endpoint_status(s->endpoint, CONFINFO_CONNECTED,
			       p->joined_wall_ms != 0 ? p->joined_wall_ms : clock_wall_ms());
	session_set_dir(s, s->dir);
	if (p->nickname != NULL &&
	    roster_endpoint_nickname(s->endpoint, slice_str(p->nickname)) != 200)
		log_info("%s: %s lost its nickname", s->room->c->name, s->who.uri);
}

static void on_dialog(const char *conference, struct dialog_record *d, void *arg)
{
	struct recovery *r = arg;
	struct focus *f = r->focus;
	struct pending *p;
	struct session *s;

	HASH_FIND_STR(r->pending, d->leg.local_tag, p);
	if (p == NULL || strcmp(p->session->room->c->name, conference) != 0) {
		conf_store_del_dialog(f->store, conference, d->leg.local_tag);
		return;
	}
	s = p->session;
	if (d->leg.remote_tag == NULL ||
	    (!d->confirmed && !d->leg.incoming)) { /* a call of ours that had no answer */
		dialog_forsake(f->dialogs, &d->leg, conference);
	} else if (dialog_restore(f->dialogs, d, conference, bytes_slice(&s->local.last), s,
				  &s->dialog) == 0) {
		if (d->confirmed) {
			s->announced = true;
			s->room->n_entering--;
			if (p->joined_wall_ms == 0) /* recorded before the ACK */
				p->joined_wall_ms = d->confirmed_wall_ms;
		}
		session_step(s, !d->confirmed         ? SESSION_WAITING
				: s->termination == 0 ? SESSION_MOVING
						      : SESSION_UP);
		enter(s, p);
		r->n_sessions++;
	}
	forget_pending(r, p);
}

static void on_subscription(const char *conference, const char *key, struct subscription_record *s,
			    void *arg)
{
	struct recovery *r = arg;
	struct room *room = find_room(r, conference);

	if (room != NULL && s->refer && refer_restore(room, key, s) == 0)
		r->n_refers++;
	else if (room != NULL && !s->refer && watcher_restore(room, s) == 0)
		r->n_watchers++;
	else
		conf_store_del_subscription(r->focus->store, conference, key);
}

/* Nobody was asked or answered yet, or the call had no answer: what is left of it. */
static void drop_halves(struct room *room)
{
	struct session *s, *next;
	struct conference *c = room->c;

	room->ending_run = true; /* the room is judged when all is known */
	for (s = LIST_FIRST(&room->sessions); s != NULL; s = next) {
		next = LIST_NEXT(s, link);
		if (s->dialog == NULL && s->endpoint == NULL && s->dialled_out)
			session_enter_roster(s, CONFINFO_DIALING_OUT);
		if (s->dialog == NULL || (s->announced && !s->has_peer))
			focus_unwind(s, UNWIND_RESTARTED, 0, NULL, NULL);
	}
	room->ending_run = false;
	if (roster_count(c->roster) > 0)
		c->empty_since_ms = 0;
}

/* Nothing of it is on the media side, nor was. */
static bool has_media(const struct room *room)
{
	return !LIST_EMPTY(&room->sessions);
}

static void finish_room(struct recovery *r, struct room *room)
{
	struct session *s;

	members_restored(room);
	owed_recovered(room);
	drop_halves(room);
	conf_store_put_conference(r->focus->store, room->c);
	LIST_FOREACH(s, &room->sessions, link)
		session_store_dialog(s); /* with the next CSeqs reserved */
	room->recovering = has_media(room);
	room_view(room);
	if (LIST_EMPTY(&room->sessions)) {
		members_recovered(room);
		key_recovered(room);
		room_check(room); /* may end it */
	}
	events_run(room);
}

/* ---- from the MRFPs ---- */

static bool any_recovering(const struct focus *f)
{
	for (struct conference *c = conference_first(f->conferences); c != NULL;
	     c = conference_next(c)) {
		if (c->state == CONFERENCE_ACTIVE && room_of(c)->recovering)
			return true;
	}
	return false;
}

/* Its media are known: what is missing is made anew, what waited goes on. */
static void recovered(struct room *room)
{
	struct focus *f = room->focus;
	struct session *s, *next;

	room->recovering = false;
	members_recovered(room);
	key_recovered(room);
	if (media_mrfp_of(f->media, room->c->context)[0] == '\0') {
		owed_context_lost(room, false);
		room_move(room);
		return;
	}
	media_set_away(f->media, room->c->context, room->c->epoch, owed_is_away(room), NULL, NULL);
	for (s = LIST_FIRST(&room->sessions); s != NULL; s = next) {
		next = LIST_NEXT(s, link);
		if (s->missing || s->step == SESSION_MOVING) {
			if (s->termination != 0)
				owed_leg_ended(room, s->termination);
			reinvite_lost(s);
		} else if (!s->bound && s->lost_timer == NULL && f->config.lost_grace_ms != 0) {
			session_lost(s, CTL_LOST_CLOSED);
		}
		if (room->c->state != CONFERENCE_ACTIVE)
			return;
	}
	for (s = LIST_FIRST(&room->sessions); s != NULL; s = next) {
		next = LIST_NEXT(s, link);
		reinvite_held(s);
		reinvite_refresh_late(s);
	}
}

static void check_over(struct focus *f)
{
	struct recovery *r = f->recovery;

	if (r == NULL || r->done != NULL || any_recovering(f))
		return;
	log_info("recovered; it took %llu ms", (unsigned long long)(clock_now_ms() - r->began_ms));
	f->recovery = NULL;
	release(r, false);
	timer_free(&r->timer);
	free(r);
}

void recover_on_listed(struct focus *f, const uint8_t *ctx, uint64_t termination, bool bound)
{
	struct conference *c = conference_find_context(f->conferences, ctx);
	struct session *s = c != NULL && c->state == CONFERENCE_ACTIVE && room_of(c)->recovering
				    ? session_by_termination(room_of(c), termination)
				    : NULL;

	if (s == NULL)
		return;
	s->missing = false;
	if (!bound || s->bound)
		return;
	s->bound = true;
	session_found(s);
	dialog_alive(s->dialog); /* who connects has our answer */
	member_bound(s);
}

void recover_on_audited(struct focus *f, const char *mrfp)
{
	struct conference *c, *next;
	const char *where;

	if (f->recovery == NULL)
		return;
	for (c = conference_first(f->conferences); c != NULL; c = next) {
		next = conference_next(c);
		if (c->state != CONFERENCE_ACTIVE || !room_of(c)->recovering)
			continue;
		where = media_mrfp_of(f->media, c->context);
		if (where[0] == '\0' && (c->mrfp == NULL || strcmp(c->mrfp, mrfp) == 0))
			where = mrfp; /* was there, and is there no more */
		if (strcmp(where, mrfp) == 0)
			recovered(room_of(c));
	}
	check_over(f);
}

/* The MRFP of some rooms did not come back. */
static void on_timer(void *arg)
{
	struct recovery *r = arg;
	struct focus *f = r->focus;
	struct conference *c, *next;

	release(r, false);
	if (!media_available(f->media) && clock_now_ms() - r->began_ms < GIVE_UP_MS) {
		timer_start(r->timer, 100);
		return;
	}
	for (c = conference_first(f->conferences); c != NULL; c = next) {
		next = conference_next(c);
		if (c->state == CONFERENCE_ACTIVE && room_of(c)->recovering)
			recovered(room_of(c));
	}
	check_over(f);
}

static void on_committed(int err, void *arg)
{
	struct recovery *r = arg;
	focus_recovered_fn *done = r->done;

	r->done = NULL;
	timer_start(r->timer, HOLD_MS);
	done(err, r->done_arg);
	check_over(r->focus);
}

int focus_recover(struct focus *f, focus_recovered_fn *fn, void *arg)
{
	static const struct conf_store_reader reader = {.conference = on_conference,
							.bar = on_bar,
							.member = on_member,
							.session = on_session,
							.dialog = on_dialog,
							.subscription = on_subscription,
							.owed = on_owed};
	struct recovery *r = xcalloc(1, sizeof(*r));
	struct conference *c, *next;
	size_t n_skipped = 0;
	int err;

	r->focus = f;
	r->done = fn;
	r->done_arg = arg;
	r->began_ms = clock_now_ms();
	r->timer = timer_new(f->base, on_timer, r);
	TAILQ_INIT(&r->held);
	f->recovery = r;
	err = conf_store_load(f->store, &reader, r, &n_skipped);
	if (err != 0) {
		recover_free(f);
		return err;
	}
	for (c = conference_first(f->conferences); c != NULL; c = next) {
		next = conference_next(c);
		finish_room(r, room_of(c));
	}
	if (conference_count(f->conferences) > 0)
		log_info("recovering; conferences: %zu, sessions: %zu, subscriptions: %zu, REFERs: "
			 "%zu, skipped records: %zu",
			 conference_count(f->conferences), r->n_sessions, r->n_watchers,
			 r->n_refers, n_skipped);
	r->holding = any_recovering(f);
	conf_store_wait(f->store, on_committed, r);
	return 0;
}
