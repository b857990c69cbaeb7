/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rooms leave an MRFP that drains: it is told to hand up all messages, then a new context elsewhere,
 * new terminations in it, re-INVITEs with the new paths. Meanwhile the room has two contexts, and each session up to two terminations. What
 * the new context brings is held there (and kept for who is not bound yet) until all are bound and the
 * old terminations have been taken away with their rest; that rest is given first, then the new
 * context is let go. So each has each message once, and those of a sender in their order. A session
 * that does not follow in time delays the others no longer: it goes on in the former context alone.
 */
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "mrfc/focus/focus_media.h"
#include "mrfc/focus/focus_member.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_reinvite.h"

#define LOG_PLACE "focus/drain"

#define STEP_MS    50
#define HOLD_MS    3000 /* after the latest re-INVITE those who follow wait for the others */
#define HOLD_MAX   15000
#define LINGER_MS  300  /* bound at the new MRFP, it may still answer or send at the old one */
#define GRACE_MS   2000 /* and what it has not answered then it gets again at the new one */
#define CLOSE_MS   3000
#define SETTLE_MS  10000 /* answered, but no connection comes */
#define RETRY_MS   1000
#define BUDGET_TOP 0.25 /* seconds' worth of re-INVITEs that may go at once */

const uint8_t *session_context(const struct session *s)
{
	return s->stays ? s->room->drain.context : s->room->c->context;
}

uint64_t session_epoch(const struct session *s)
{
	return s->stays ? s->room->drain.epoch : s->room->c->epoch;
}

struct room *drain_room_of(struct focus *f, const uint8_t *ctx, bool *former_r)
{
	struct conference *c = conference_find_context(f->conferences, ctx);
	struct room *room = c != NULL ? room_of(c) : NULL;

	if (former_r != NULL)
		*former_r = room == NULL;
	if (room == NULL) {
		LIST_FOREACH(room, &f->draining, drain.link) {
			if (memcmp(room->drain.context, ctx, MEDIA_CONTEXT_SIZE) == 0)
				break;
		}
	}
	return room != NULL && room->c->state == CONFERENCE_ACTIVE ? room : NULL;
}

struct session *drain_by_former(struct room *room, uint64_t termination)
{
	struct session *s;

	if (!room->drain.on || termination == 0)
		return NULL;
	LIST_FOREACH(s, &room->sessions, link) {
		if (s->former == termination)
			return s;
	}
	return NULL;
}

/* --- one session --- */

static void release_former(struct session *s)
{
	const struct room_drain *d = &s->room->drain;
	struct media *media = s->room->focus->media;

	if (s->former == 0)
		return;
	if (owed_former_taken(s))
		media_subtract_missed(media, d->context, d->epoch, s->former, GRACE_MS, NULL, NULL);
	else
		media_subtract(media, d->context, d->epoch, s->former, NULL, NULL);
	s->former = 0;
}

void drain_leave(struct session *s)
{
	release_former(s);
}

static void ask_to_move(struct session *s, uint64_t now_ms)
{
	struct room_drain *d = &s->room->drain;

	session_found(s); /* if its connection is lost, this is a chance to come back */
	s->former = s->termination;
	s->former_live = s->live;
	s->stays = false;
	s->bound = s->live = false;
	key_park(s);
	s->moved_ms = d->asked_ms = now_ms;
	s->settled_ms = 0;
	d->n_moved++;
	reinvite_move(s);
}

bool drain_came_back(struct session *s, const char *why)
{
	struct room_drain *d = &s->room->drain;

	if (s->former == 0)
		return false;
	log_info("%s: %s stays where it is for now: %s", s->room->c->name, s->who.uri,
		 why != NULL ? why : "no place");
	session_set_termination(s, s->former);
	s->live = s->former_live;
	s->former = 0;
	s->former_live = false;
	s->stays = s->bound = true; /* if it is not, that is told again */
	d->n_moved--;
	d->retry_ms = clock_now_ms() + RETRY_MS;
	session_step(s, SESSION_UP);
	return true;
}

bool drain_may_give(const struct session *s, const struct member *m)
{
	const struct room_drain *d = &s->room->drain;
	const struct owed_former *o;

	if (!d->on)
		return true;
	if (d->hold || s->stays || s->former != 0)
		return false;
	LIST_FOREACH(o, &s->room->owed.formers, link) {
		if (o->before && owed_member_of(s->room, o->termination) == m)
			return false; /* its rest comes first */
	}
	return true;
}

/* --- one room --- */

static void begin(struct room *room, uint64_t now_ms)
{
	struct focus *f = room->focus;
	struct room_drain *d = &room->drain;

	log_info("%s: leaves %s, which drains", room->c->name,
		 media_mrfp_of(f->media, room->c->context));
	*d = (struct room_drain){.on = true, .hold = true, .epoch = room->c->epoch};
	d->began_ms = d->asked_ms = now_ms;
	conference_move_context(f->conferences, room->c, d->context);
	LIST_INSERT_HEAD(&f->draining, room, drain.link);
	owed_move_begins(room);
	conf_store_put_conference(f->store, room->c);
}

/* From now on each message comes up here, so that who comes in elsewhere can have it. */
static void on_told(const struct media_result *result, void *arg)
{
	struct room *room = arg;
	struct focus *f = room->focus;

	room->drain.telling = false;
	if ((result->err != 0 && !LIST_EMPTY(&room->sessions)) ||
	    room->c->state != CONFERENCE_ACTIVE || room->recovering || room->move_until_ms != 0 ||
	    !media_should_move(f->media, room->c->context)) {
		owed_stays(room);
		return;
	}
	begin(room, clock_now_ms());
	drain_run(f);
}

static void prepare(struct room *room)
{
	room->drain.telling = true;
	(void)owed_is_away(room);
	media_set_away(room->focus->media, room->c->context, room->c->epoch, true, on_told, room);
}

static bool has_rest(const struct room *room)
{
	const struct owed_former *o;

	LIST_FOREACH(o, &room->owed.formers, link) {
		if (o->before)
			return true;
	}
	return false;
}

/* Those who are live get what they missed, then what was held. */
static void give_all(struct room *room)
{
	struct session *s;
	struct member *m;

	LIST_FOREACH(s, &room->sessions, link) {
		m = s->live && s->held ? member_of(room, &s->who) : NULL;
		if (m != NULL)
			owed_give(s, m);
	}
}

static void over(struct room *room)
{
	struct focus *f = room->focus;
	struct room_drain *d = &room->drain;

	log_info("%s: is on %s now; sessions moved: %u", room->c->name,
		 media_mrfp_of(f->media, room->c->context), d->n_moved);
	media_subtract(f->media, d->context, d->epoch, 0, NULL, NULL);
	d->on = d->hold = false;
	LIST_REMOVE(room, drain.link);
	owed_move_over(room);
	stats_drained(f->stats);
	conf_store_put_conference(f->store, room->c);
	conf_store_flush(f->store);
	give_all(room);
}

void drain_room_ends(struct room *room)
{
	struct room_drain *d = &room->drain;

	if (d->telling)
		media_cancel(room->focus->media, room);
	d->telling = false;
	if (!d->on)
		return;
	media_subtract(room->focus->media, d->context, d->epoch, 0, NULL, NULL);
	d->on = d->hold = false;
	LIST_REMOVE(room, drain.link);
}

void drain_context_lost(struct room *room)
{
	struct session *s, *next;

	log_warn("%s: the MRFP that it was leaving is gone", room->c->name);
	owed_context_lost(room, true);
	for (s = LIST_FIRST(&room->sessions); s != NULL; s = next) {
		next = LIST_NEXT(s, link);
		s->former = 0;
		if (!s->stays)
			continue;
		s->stays = false;
		reinvite_lost(s);
		if (room->c->state != CONFERENCE_ACTIVE)
			return;
	}
	drain_run(room->focus);
}

/* Has it moved as far as it will? */
static bool is_settled(struct session *s, uint64_t now_ms)
{
	if (s->step != SESSION_UP || (!s->bound && now_ms - s->moved_ms < SETTLE_MS)) {
		s->settled_ms = 0;
		return false;
	}
	if (s->settled_ms == 0)
		s->settled_ms = now_ms;
	return now_ms - s->settled_ms >= LINGER_MS;
}

/* What the sessions of a room are waiting for. */
struct survey {
	unsigned n_here;    /* to be asked */
	unsigned n_on_way;  /* asked, not settled */
	unsigned n_settled; /* with their former termination still */
	unsigned n_later;   /* not up yet: asked when they are */
};

static struct survey look(struct room *room, uint64_t now_ms)
{
	struct survey v = {0};
	struct session *s;

	LIST_FOREACH(s, &room->sessions, link) {
		if (s->stays && s->step == SESSION_UP)
			v.n_here++;
		else if (s->stays)
			v.n_later++;
		else if (s->former != 0 && is_settled(s, now_ms))
			v.n_settled++;
		else if (s->former != 0)
			v.n_on_way++;
	}
	return v;
}

static void ask(struct room *room, uint64_t now_ms)
{
	struct focus *f = room->focus;
	struct session *s;

	if (now_ms < room->drain.retry_ms || room->move_until_ms != 0)
		return;
	LIST_FOREACH(s, &room->sessions, link) {
		if (f->drain_budget < 1)
			return;
		if (!s->stays || s->step != SESSION_UP || !key_may_offer(s))
			continue;
		f->drain_budget -= 1;
		ask_to_move(s, now_ms);
	}
}

static void release_settled(struct room *room, uint64_t now_ms)
{
	struct session *s;

	LIST_FOREACH(s, &room->sessions, link) {
		if (s->former != 0 && is_settled(s, now_ms))
			release_former(s);
	}
}

/* True: nobody waits for the others any more. */
static bool hold_is_over(struct room *room, const struct survey *v, uint64_t now_ms)
{
	struct room_drain *d = &room->drain;
	bool late = now_ms - d->asked_ms >= HOLD_MS || now_ms - d->began_ms >= HOLD_MAX;

	if (!d->closing && (late || (v->n_here == 0 && v->n_on_way == 0))) {
		if (late && v->n_here + v->n_on_way > 0)
			log_info("%s: does not wait for %u sessions that do not follow",
				 room->c->name, v->n_here + v->n_on_way);
		d->closing = true;
		d->closing_ms = now_ms;
		release_settled(room, now_ms);
	}
	return d->closing && (!has_rest(room) || now_ms - d->closing_ms >= CLOSE_MS);
}

static void step(struct room *room, uint64_t now_ms)
{
	struct room_drain *d = &room->drain;
	struct survey v;

	ask(room, now_ms);
	v = look(room, now_ms);
	if (d->hold && hold_is_over(room, &v, now_ms)) {
		d->hold = false;
		give_all(room);
	}
	if (d->hold)
		return;
	release_settled(room, now_ms);
	give_all(room);
	if (v.n_here == 0 && v.n_on_way == 0 && v.n_settled == 0 && v.n_later == 0 &&
	    !has_rest(room))
		over(room);
}

/* --- all --- */

static void fill_budget(struct focus *f, uint64_t now_ms)
{
	double rate = f->config.move_rate != 0 ? f->config.move_rate : 1e6;
	double top = rate * BUDGET_TOP > 1 ? rate * BUDGET_TOP : 1;

	f->drain_budget += rate * (double)(now_ms - f->drain_ms) / 1000;
	if (f->drain_budget > top || f->drain_ms == 0)
		f->drain_budget = top;
	f->drain_ms = now_ms;
}

void drain_run(struct focus *f)
{
	uint64_t now_ms = clock_now_ms();
	struct room *room, *next;
	struct conference *c;
	double left;
	size_t n = 0;

	fill_budget(f, now_ms);
	for (room = LIST_FIRST(&f->draining); room != NULL; room = next) {
		next = LIST_NEXT(room, drain.link);
		step(room, now_ms);
	}
	/* As many rooms as can be moved at once: the others chat on meanwhile. */
	left = f->drain_budget;
	for (c = media_draining(f->media) ? conference_first(f->conferences) : NULL;
	     c != NULL && left >= 1; c = conference_next(c)) {
		room = room_of(c);
		if (c->state != CONFERENCE_ACTIVE || room->drain.on || room->recovering ||
		    room->move_until_ms != 0 || !media_should_move(f->media, c->context))
			continue;
		left -= 1;
		if (!room->drain.telling)
			prepare(room);
	}
	LIST_FOREACH(room, &f->draining, drain.link)
		n++;
	stats_set_draining(f->stats, n);
	conf_store_flush(f->store);
	if (n > 0) /* else the next second looks whether there is a place now */
		timer_start(f->drain_timer, STEP_MS);
}
