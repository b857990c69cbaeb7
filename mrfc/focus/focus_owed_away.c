/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who misses what comes (IMS-007). That is decided by the order of the MRFP's events alone: a leg is
 * live from its bound event to its end mark, and a member without a live leg misses what is handed
 * up. While a room goes from one MRFP to another it has two contexts, and each member is live, or
 * misses what comes, in each of them apart.
 */
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfc/focus/focus_member.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_record.h"

#define LOG_PLACE "focus/owed"

#define FORMERS_MAX  256
#define MOVE_NUMBERS (1u << 20) /* that a former context may take while its room moves */

bool owed_is_away(struct room *room)
{
	/* While it moves, who comes in at one MRFP misses what is said at the other. */
	room->owed.told_away = room->owed.n_missing > 0 || !LIST_EMPTY(&room->owed.formers) ||
			       room->drain.telling || room->drain.on;
	return room->owed.told_away;
}

static void update_away(struct room *room)
{
	bool was = room->owed.told_away;

	if (owed_is_away(room) != was)
		media_set_away(room->focus->media, room->c->context, room->c->epoch,
			       room->owed.told_away, NULL, NULL);
}

/* before: what comes in the context that the room is leaving. */
static void set_misses(struct room *room, struct member *m, bool before, bool misses)
{
	bool *his = before ? &m->misses_before : &m->misses;

	if (*his == misses)
		return;
	*his = misses;
	*(before ? &room->owed.n_missing_before : &room->owed.n_missing) +=
		misses ? 1 : (uint32_t)-1;
	log_debug("%s: %s %s what comes%s", room->c->name, m->uri, misses ? "misses" : "gets live",
		  before ? " in the former context" : "");
}

static uint32_t *n_live(struct member *m, bool before)
{
	return before ? &m->n_live_before : &m->n_live;
}

uint32_t owed_n_live(const struct member *m, bool before)
{
	return before ? m->n_live_before : m->n_live;
}

static struct owed_former *former_find(const struct room *room, uint64_t termination)
{
	struct owed_former *o;

	LIST_FOREACH(o, &room->owed.formers, link) {
		if (o->termination == termination)
			return o;
	}
	return NULL;
}

void owed_former_free(struct owed_former *o)
{
	LIST_REMOVE(o, link);
	free(o->uri);
	free(o);
}

struct member *owed_member_of(struct room *room, uint64_t termination)
{
	struct session *s = session_by_termination(room, termination);
	const struct owed_former *o;

	if (s == NULL)
		s = drain_by_former(room, termination);
	if (s != NULL)
		return member_of(room, &s->who);
	o = former_find(room, termination);
	return o != NULL ? members_find(room->c->members, slice_str(o->uri)) : NULL;
}

bool owed_is_live(struct room *room, uint64_t termination)
{
	const struct session *s = session_by_termination(room, termination);
	const struct session *before = drain_by_former(room, termination);
	const struct owed_former *o = former_find(room, termination);

	return s != NULL ? s->live : before != NULL ? before->former_live : o != NULL && o->live;
}

/* A later process does not hear of the event again. */
static void set_ended(struct session *s, bool ended)
{
	if (s->ended == ended)
		return;
	s->ended = ended;
	if (s->recorded_as == s->termination)
		session_store(s);
	conf_store_flush(s->room->focus->store);
}

static void leg_is_live(struct session *s, struct member *m)
{
	set_ended(s, false);
	if (!s->live) {
		s->live = true;
		++*n_live(m, s->stays);
	}
	set_misses(s->room, m, s->stays, false);
	if (s->room->drain.on && *n_live(m, !s->stays) == 0) {
		set_misses(s->room, m, !s->stays, true); /* he is only here */
		owed_entered(s, m);
	}
	update_away(s->room);
	owed_give(s, m);
}

void owed_bound(struct session *s)
{
	struct member *m = member_of(s->room, &s->who);

	if (s->room->focus->member_hooks == NULL || m == NULL)
		return; /* not yet: comes with the hook */
	if (s->live)
		s->held = true; /* told again: the MRFP waits for us */
	leg_is_live(s, m);
}

static void on_bound(struct session *s, struct member *m)
{
	if (!s->live)
		leg_is_live(s, m);
}

static void leg_ends(struct room *room, struct member *m, bool before)
{
	if (m == NULL)
		return;
	if (*n_live(m, before) > 0)
		--*n_live(m, before);
	if (*n_live(m, before) == 0)
		set_misses(room, m, before, true);
}

/* The end of a session's second leg: it waits there to be taken away. */
static void former_leg_ended(struct session *s)
{
	struct room *room = s->room;

	if (s->former_live)
		leg_ends(room, member_of(room, &s->who), true);
	s->former_live = false;
	update_away(room);
}

void owed_leg_ended(struct room *room, uint64_t termination)
{
	struct session *s = session_by_termination(room, termination);
	struct owed_former *o = s == NULL ? former_find(room, termination) : NULL;
	struct member *m = owed_member_of(room, termination);
	struct session *before = drain_by_former(room, termination);

	if (room->focus->member_hooks == NULL)
		return;
	if (before != NULL) {
		former_leg_ended(before);
		return;
	}
	owed_give_stop(room, termination);
	if (s != NULL ? s->live : o != NULL && o->live)
		leg_ends(room, m, s != NULL ? s->stays : o->before);
	if (s != NULL) {
		if (s->live)
			set_ended(s, true);
		s->live = false;
		s->held = true; /* the MRFP does so by itself */
	}
	if (o != NULL)
		owed_former_free(o);
	update_away(room);
}

void owed_context_lost(struct room *room, bool before)
{
	struct owed_former *o, *next;
	struct session *s;

	if (room->focus->member_hooks == NULL)
		return;
	LIST_FOREACH(s, &room->sessions, link) {
		if (s->termination != 0 && s->stays == before)
			owed_leg_ended(room, s->termination);
		if (s->former != 0 && before)
			owed_leg_ended(room, s->former);
	}
	for (o = LIST_FIRST(&room->owed.formers); o != NULL; o = next) {
		next = LIST_NEXT(o, link);
		if (o->before == before)
			owed_leg_ended(room, o->termination);
	}
}

static void former_new(struct room *room, uint64_t termination, const struct member *m, bool before)
{
	struct owed_former *o = xcalloc(1, sizeof(*o));

	o->termination = termination;
	o->live = true;
	o->before = before;
	o->uri = xstrdup(m->uri);
	LIST_INSERT_HEAD(&room->owed.formers, o, link);
	update_away(room); /* before the termination goes */
}

bool owed_taken(struct session *s)
{
	struct room *room = s->room;
	struct member *m = member_of(room, &s->who);
	struct owed_former *o;
	unsigned n = 0;

	if (room->focus->member_hooks == NULL || room->ending_run)
		return false;
	owed_give_stop(room, s->termination);
	if (m == NULL || !s->live)
		return false;
	LIST_FOREACH(o, &room->owed.formers, link)
		n++;
	if (n >= FORMERS_MAX)
		return false;
	s->live = false;
	former_new(room, s->termination, m, s->stays);
	return true;
}

bool owed_former_taken(struct session *s)
{
	struct room *room = s->room;
	struct member *m = member_of(room, &s->who);

	if (room->focus->member_hooks == NULL || room->ending_run || m == NULL || !s->former_live)
		return false;
	s->former_live = false;
	former_new(room, s->former, m, true);
	return true;
}

void owed_stays(struct room *room)
{
	update_away(room);
}

void owed_move_begins(struct room *room)
{
	struct room_owed *q = &room->owed;
	struct owed_former *o;
	struct session *s;
	struct member *m;

	owed_give_stop(room, 0);
	LIST_FOREACH(s, &room->sessions, link)
		s->stays = s->termination != 0;
	LIST_FOREACH(o, &q->formers, link)
		o->before = true;
	q->next_ahead = q->next_number + MOVE_NUMBERS;
	q->n_missing_before = q->n_missing;
	q->told_away = false; /* the new context */
	for (m = members_first(room->c->members); m != NULL; m = members_next(m)) {
		m->misses_before = m->misses;
		m->n_live_before = m->n_live;
		m->n_live = 0;
		if (m->n_live_before > 0)
			set_misses(room, m, false, true);
	}
	LIST_FOREACH(s, &room->sessions, link)
		owed_entering(s);
}

void owed_move_over(struct room *room)
{
	struct room_owed *q = &room->owed;
	struct session *s;
	struct member *m;

	q->next_number = q->next_ahead;
	q->n_missing_before = 0;
	for (m = members_first(room->c->members); m != NULL; m = members_next(m)) {
		m->misses_before = false;
		m->n_live_before = 0;
	}
	owed_entering_drop(room);
	LIST_FOREACH(s, &room->sessions, link)
		s->entered = 0;
	update_away(room);
}

bool owed_holds(const struct session *s)
{
	struct member *m = member_of(s->room, &s->who);
	const struct owed_former *o;

	if (s->room->focus->member_hooks == NULL)
		return false;
	if (s->room->drain.on && !s->stays)
		return true;
	if (m == NULL)
		return false;
	LIST_FOREACH(o, &s->room->owed.formers, link) {
		if (members_find(s->room->c->members, slice_str(o->uri)) == m && m->n_live <= 1)
			return true;
	}
	return m->misses || (m->n_live == 0 && m->n_owed > 0);
}

/* --- hooks of members --- */

static void on_away(struct room *room, struct member *m)
{
	if (m->state == MEMBER_INVITED && !room->c->kept)
		return;
	if (m->n_live == 0) /* else its end mark is on the way */
		set_misses(room, m, false, true);
	if (room->drain.on && m->n_live_before == 0)
		set_misses(room, m, true, true);
	update_away(room);
}

static void on_gone(struct room *room, struct member *m)
{
	if (m->n_owed > 0) {
		stats_owed(room->focus->stats, "left", m->n_owed);
		conf_store_owed_drop(room->focus->store, room->c->name, m->uri);
	}
	m->n_owed = 0;
	m->owed_octets = 0;
	set_misses(room, m, false, false);
	set_misses(room, m, true, false);
	update_away(room);
}

const struct member_hooks *owed_hooks(void)
{
	static const struct member_hooks hooks = {
		.away = on_away, .bound = on_bound, .gone = on_gone};

	return &hooks;
}

void owed_legs_restored(struct room *room)
{
	struct session *s;
	struct member *m;

	LIST_FOREACH(s, &room->sessions, link) {
		m = member_of(room, &s->who);
		if (m == NULL || !s->announced || s->live || s->ended || s->termination == 0)
			continue;
		s->live = true; /* what says otherwise is among the events to come */
		m->n_live++;
	}
	for (m = members_first(room->c->members); m != NULL; m = members_next(m)) {
		if (m->n_live == 0 && (m->state != MEMBER_INVITED || room->c->kept))
			set_misses(room, m, false, true);
	}
	update_away(room);
}
