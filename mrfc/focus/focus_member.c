/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who belongs to a room, apart from who has a session in it (IMS-005, IMS-006): sessions that come
 * and go move their member between in and away, members who leave or are removed are out for good,
 * and who comes back has the other absent ones called again. The only file that changes a member's
 * state; the queue of missed messages hears of it by its hooks.
 */
#include "mrfc/focus/focus_member.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfc/focus/focus_access.h"
#include "mrfc/focus/focus_control.h"
#include "mrfc/focus/focus_dialout.h"
#include "mrfc/focus/focus_priv.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "focus/member"

#define RECALL_COALESCE_MS 100
#define RECALL_BATCH       20 /* calls per turn of that timer */

static const char *const state_names[] = {"invited", "in", "away"};

struct member *member_of(struct room *room, const struct identity *who)
{
	struct member *m = members_find(room->c->members, slice_str(who->uri));

	for (size_t i = 0; m == NULL && i < who->n_aliases; i++)
		m = members_find(room->c->members, slice_str(who->aliases[i]));
	return m;
}

bool room_is_kept(const struct room *room)
{
	/* Nobody was ever in: there is nothing to keep, unless the operator said so. */
	return room->c->kept && (room->c->most_in > 0 || room->c->origin == CONFERENCE_BY_API);
}

/* Absent members of kept rooms stand in the roster; how he went, where it is known. */
static void show(struct room *room, struct member *m, const struct unwind_rule *how, int status,
		 const char *by)
{
	struct participant *p = roster_find(room->c->roster, slice_str(m->uri));
	bool absent = room->c->kept && m->state != MEMBER_IN &&
		      session_of_user(room, slice_str(m->uri), false) == NULL;

	if (!absent) {
		if (p != NULL)
			roster_hide_absent(p, clock_now_ms());
		return;
	}
	p = roster_user(room->c->roster, slice_str(m->uri), m->display);
	roster_set_shown(p, m->shown);
	roster_set_role(p, room_role_shown(m->role));
	if (m->state == MEMBER_INVITED)
		roster_show_absent(p, CONFINFO_PENDING, CONFINFO_LEFT_NONE, 0, NULL);
	else if (how != NULL)
		roster_show_absent(p, CONFINFO_DISCONNECTED, how->leaving, status, by);
	else
		roster_show_absent(p, CONFINFO_DISCONNECTED, CONFINFO_DEPARTED, 0, NULL);
}

static void set_state(struct room *room, struct member *m, enum member_state state,
		      const char *cause)
{
	const struct member_hooks *hooks = room->focus->member_hooks;

	if (m->state != state)
		log_debug("%s: member %s: %s -> %s (%s)", room->c->name, m->uri,
			  state_names[m->state], state_names[state], cause);
	m->state = state;
	if (state != MEMBER_IN && hooks != NULL)
		hooks->away(room, m);
}

void room_keep(struct room *room)
{
	struct member *m;

	if (room->c->kept)
		return;
	room->c->kept = true;
	for (m = members_first(room->c->members); m != NULL; m = members_next(m))
		show(room, m, NULL, 0, NULL);
	conf_store_put_conference(room->focus->store, room->c);
}

struct member *room_add_member(struct room *room, struct slice uri, const char *display,
			       const char *by)
{
	struct member *m = members_find(room->c->members, uri);

	if (m != NULL)
		return m;
	m = members_add(room->c->members, uri, display);
	m->since_wall_ms = clock_wall_ms();
	m->invited_by = by != NULL ? xstrdup(by) : NULL;
	log_info("%s: %s is a member%s%s", room->c->name, m->uri, by != NULL ? ", invited by " : "",
		 by != NULL ? by : "");
	set_state(room, m, MEMBER_INVITED, "added");
	show(room, m, NULL, 0, NULL);
	member_store(room, m);
	return m;
}

struct member *room_list_member(struct room *room, struct slice uri, const char *display,
				const char *by)
{
	struct member *m;

	room->c->mode = room->focus->config.closed_rooms ? CONFERENCE_CLOSED : CONFERENCE_OPEN;
	room_keep(room);
	m = room_add_member(room, uri, display, by);
	m->listed = true;
	member_store(room, m);
	return m;
}

int room_invite_member(struct room *room, struct slice uri, const char *display, const char *by)
{
	struct session *s;

	return dialout_start(room, uri, display, by, NULL, NULL, &s);
}

void room_drop_member(struct room *room, struct member *m)
{
	const struct member_hooks *hooks = room->focus->member_hooks;
	struct participant *p = roster_find(room->c->roster, slice_str(m->uri));
	bool was_owner;

	log_info("%s: %s is no member any more", room->c->name, m->uri);
	if (hooks != NULL)
		hooks->gone(room, m);
	if (p != NULL)
		roster_hide_absent(p, clock_now_ms());
	member_unstore(room, m);
	was_owner = m->role == MEMBER_OWNER;
	member_remove(m);
	if (was_owner)
		room_hand_over(room, NULL);
}

/* Calls everybody who is absent and was not called of late, some at a time. */
static void on_recall(void *arg)
{
	struct room *room = arg;
	uint64_t now_ms = clock_now_ms(), every_ms = room->focus->config.reinvite_interval_ms;
	unsigned left = RECALL_BATCH;
	struct member *m, *next;

	if (room->c->state != CONFERENCE_ACTIVE)
		return;
	for (m = members_first(room->c->members); m != NULL; m = next) {
		int err;

		next = members_next(m);
		if (m->state == MEMBER_IN ||
		    (m->called_ms != 0 && now_ms - m->called_ms < every_ms))
			continue;
		if (session_of_user(room, slice_str(m->uri), false) != NULL)
			continue;
		if (left-- == 0) {
			timer_start(room->recall_timer, RECALL_COALESCE_MS);
			return;
		}
		m->called_ms = now_ms;
		err = room_invite_member(room, slice_str(m->uri), m->display, NULL);
		if (err != 0)
			log_info("%s: %s cannot be called: %s", room->c->name, m->uri,
				 err_name(err));
	}
}

static void call_absent(struct room *room)
{
	if (room->recall_timer == NULL)
		room->recall_timer = timer_new(room->focus->base, on_recall, room);
	if (!timer_running(room->recall_timer))
		timer_start(room->recall_timer, RECALL_COALESCE_MS);
}

void room_recall(struct room *room)
{
	if (room->focus->config.reinvite && room_is_kept(room))
		call_absent(room);
}

bool focus_uri_is_user(const char *text)
{
	struct sip_uri u;

	return sip_uri_parse(slice_str(text), &u) == 0 && u.user.len > 0 &&
	       (u.scheme == SIP_URI_SIP || u.scheme == SIP_URI_SIPS || u.scheme == SIP_URI_TEL);
}

int focus_set_members(struct focus *f, struct conference *c, enum conference_mode mode,
		      const char *const *uris, size_t n, bool call)
{
	struct room *room = room_of(c);

	for (size_t i = 0; i < n; i++) {
		if (!focus_uri_is_user(uris[i]) || room_uri_is_mine(f, uris[i]))
			return -ERR_SYNTAX;
	}
	for (size_t i = 0; i < n; i++)
		(void)room_list_member(room, slice_str(uris[i]), NULL, NULL);
	c->mode = mode;
	conf_store_put_conference(f->store, c);
	conf_store_flush(f->store);
	room_changed(room);
	if (call)
		call_absent(room);
	return 0;
}

/* By his INVITE a member brings life into the room: the others shall know (IMS-006). */
static bool is_rejoin(const struct room *room, const struct session *s, const struct member *m)
{
	return !s->dialled_out && room->c->most_in > 0 &&
	       (m->state == MEMBER_AWAY ||
		(m->state == MEMBER_INVITED && roster_count(room->c->roster) == 0));
}

void member_entering(struct session *s)
{
	struct member *m = member_of(s->room, &s->who);

	if (s->dialled_out && m == NULL)
		m = room_add_member(s->room, slice_str(s->who.uri), s->who.display, s->by);
	if (m == NULL)
		return;
	if (s->dialled_out)
		m->called_ms = clock_now_ms();
	show(s->room, m, NULL, 0, NULL); /* his endpoint stands for him now */
}

void member_came(struct session *s)
{
	struct room *room = s->room;
	struct conference *c = room->c;
	struct member *m = member_of(room, &s->who);
	bool rejoin = m != NULL && is_rejoin(room, s, m);
	enum member_role role;

	role = room_role_of(room, m != NULL ? m->uri : s->who.uri);
	if (m == NULL)
		m = members_add(c->members, slice_str(s->who.uri), s->who.display);
	m->role = role;
	m->listed = m->listed || role == MEMBER_OWNER;
	if (m->since_wall_ms == 0)
		m->since_wall_ms = clock_wall_ms();
	if (s->shown != NULL)
		member_set_shown(m, s->shown);
	if (s->who.n_aliases > 0)
		member_set_aliases(m, (const char *const *)s->who.aliases, s->who.n_aliases);
	m->called_ms = 0; /* he may be called again as soon as he is away */
	set_state(room, m, MEMBER_IN, s->dialled_out ? "dialed out" : "dialed in");
	if (roster_count(c->roster) > c->most_in) {
		c->most_in = roster_count(c->roster);
		conf_store_put_conference(room->focus->store, c);
	}
	member_store(room, m);
	if (rejoin)
		room_recall(room);
	member_bound(s);
}

void member_bound(struct session *s)
{
	const struct member_hooks *hooks = s->room->focus->member_hooks;
	struct member *m;

	if (!s->announced || !s->bound || hooks == NULL)
		return;
	m = member_of(s->room, &s->who);
	if (m != NULL)
		hooks->bound(s, m);
}

void member_went(struct session *s, enum unwind_cause cause, int status, const char *by,
		 const char *bye_reason)
{
	struct room *room = s->room;
	struct member *m = member_of(room, &s->who);

	if (m == NULL || room->ending_run ||
	    session_of_user(room, slice_str(s->who.uri), true) != NULL)
		return; /* still in with another device */
	if ((s->announced || s->dialled_out) &&
	    unwind_ends_membership(cause, room->focus->config.leave_by_reason, bye_reason,
				   status)) {
		room_drop_member(room, m);
		return;
	}
	if (s->announced)
		set_state(room, m, MEMBER_AWAY, unwind_rule(cause)->name);
	/* Where nothing is kept for him, hanging up is leaving. */
	if (s->announced && cause == UNWIND_DEPARTED && m->role == MEMBER_OWNER &&
	    !room_is_kept(room))
		room_hand_over(room, m);
	show(room, m, unwind_rule(cause), status, by);
	member_store(room, m);
}

void member_restore(struct room *room, const struct member *from)
{
	struct member *m = members_add(room->c->members, slice_str(from->uri), from->display);

	m->role = from->role;
	m->state = from->state;
	m->listed = from->listed;
	m->invited_by = from->invited_by != NULL ? xstrdup(from->invited_by) : NULL;
	m->since_wall_ms = from->since_wall_ms;
	member_set_aliases(m, (const char *const *)from->aliases, from->n_aliases);
	member_set_shown(m, from->shown);
}

void members_restored(struct room *room)
{
	struct member *m;
	struct session *s;

	LIST_FOREACH(s, &room->sessions, link) {
		if (!s->announced)
			continue;
		m = member_of(room, &s->who);
		if (m == NULL)
			m = members_add(room->c->members, slice_str(s->who.uri), s->who.display);
		m->state = MEMBER_IN;
	}
	if (roster_count(room->c->roster) > room->c->most_in)
		room->c->most_in = roster_count(room->c->roster);
	for (m = members_first(room->c->members); m != NULL; m = members_next(m)) {
		if (m->state == MEMBER_IN && session_of_user(room, slice_str(m->uri), true) == NULL)
			m->state = MEMBER_AWAY;
		show(room, m, NULL, 0, NULL);
		member_store(room, m);
	}
}

void members_recovered(struct room *room)
{
	struct member *m, *next;

	for (m = members_first(room->c->members); m != NULL; m = next) {
		next = members_next(m);
		if (m->state != MEMBER_IN)
			set_state(room, m, m->state, "recovered");
	}
}

void member_store(struct room *room, const struct member *m)
{
	conf_store_put_member(room->focus->store, room->c->name, m);
}

void member_unstore(struct room *room, const struct member *m)
{
	conf_store_del_member(room->focus->store, room->c->name, m->uri);
}
