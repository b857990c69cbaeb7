/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is changed of a conference while it lives: subject, lock, limits, mode, lifetime, and its
 * members' roles, with what follows from it in the roster, at the MRFP and in the store. By whom is
 * the caller's question. RFC 4353 4.5, RFC 4575 5.3-5.5; FOC-011, CONF-015.
 */
#include "mrfc/focus/focus_control.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfc/focus/focus_access.h"
#include "mrfc/focus/focus_key_owner.h"
#include "mrfc/focus/focus_leave.h"
#include "mrfc/focus/focus_member.h"
#include "mrfc/focus/focus_priv.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "focus/control"

#define WARN_BEFORE_MS 60000 /* a lifetime's end */

static void set_subject(struct conference *c, const char *subject)
{
	free(c->subject);
	c->subject = subject != NULL && subject[0] != '\0' ? xstrdup(subject) : NULL;
	log_info("%s: the subject is \"%s\"", c->name, c->subject != NULL ? c->subject : "");
}

int focus_change(struct focus *f, struct conference *c, const struct focus_change *change)
{
	struct room *room = room_of(c);

	if (c->state != CONFERENCE_ACTIVE)
		return -ERR_WRONG_STATE;
	if (change->what & FOCUS_CHANGE_SUBJECT)
		set_subject(c, change->subject);
	if ((change->what & FOCUS_CHANGE_LOCKED) && c->locked != change->locked) {
		c->locked = change->locked;
		log_info("%s: %s", c->name, c->locked ? "locked" : "open to all again");
	}
	if (change->what & FOCUS_CHANGE_MAX_USERS)
		c->max_users = change->max_users;
	if (change->what & FOCUS_CHANGE_MODE)
		c->mode = change->mode;
	if (change->what & FOCUS_CHANGE_UNTIL) {
		c->until_wall_ms = change->until_wall_ms;
		room->time_warned = false;
	}
	conf_store_put_conference(f->store, c);
	conf_store_flush(f->store);
	room_view(room);
	roster_touch(c->roster);
	room_changed(room);
	return 0;
}

void room_check_time(struct room *room, uint64_t wall_ms)
{
	struct conference *c = room->c;

	if (c->state != CONFERENCE_ACTIVE || c->until_wall_ms == 0)
		return;
	if (wall_ms >= c->until_wall_ms) {
		log_warn("%s: its time is over", c->name);
		room_end(room, UNWIND_OVERDUE);
	} else if (!room->time_warned && c->until_wall_ms - wall_ms <= WARN_BEFORE_MS) {
		room->time_warned = true;
		log_warn("%s: ends in %llu s, its time is over then", c->name,
			 (unsigned long long)((c->until_wall_ms - wall_ms + 999) / 1000));
	}
}

bool room_is_listener(struct room *room, const struct identity *who)
{
	const struct member *m = member_of(room, who);

	return m != NULL && m->role == MEMBER_LISTENER;
}

/* His sessions' terminations may send, or may not. */
static void tell_media(struct room *room, const struct member *m)
{
	struct session *s;

	LIST_FOREACH(s, &room->sessions, link) {
		if (s->termination != 0 && member_of(room, &s->who) == m)
			media_set_listener(room->focus->media, session_context(s), session_epoch(s),
					   s->termination, m->role == MEMBER_LISTENER);
	}
}

static void set_role(struct room *room, struct member *m, enum member_role role)
{
	struct participant *p = roster_find(room->c->roster, slice_str(member_shown(m)));
	bool was_listener = m->role == MEMBER_LISTENER;

	log_info("%s: %s is %s, was %s", room->c->name, m->uri, member_role_name(role),
		 member_role_name(m->role));
	m->role = role;
	if (was_listener != (role == MEMBER_LISTENER))
		tell_media(room, m);
	if (p != NULL)
		roster_set_role(p, room_role_shown(role));
	member_store(room, m);
	owner_look(room);
}

int focus_set_role(struct focus *f, struct conference *c, struct slice uri, enum member_role role)
{
	struct room *room = room_of(c);
	struct member *m = members_find(c->members, uri);

	if (c->state != CONFERENCE_ACTIVE)
		return -ERR_WRONG_STATE;
	if (m == NULL)
		return -ERR_NOT_FOUND;
	if (m->role == role)
		return 0;
	set_role(room, m, role);
	conf_store_flush(f->store);
	room_changed(room);
	return 0;
}

/* The oldest of the role, those with a session first; not this one. */
static struct member *oldest(const struct conference *c, enum member_role role,
			     const struct member *but)
{
	struct member *m, *absent = NULL;

	for (m = members_first(c->members); m != NULL; m = members_next(m)) {
		if (m->role != role || m == but)
			continue;
		if (m->state == MEMBER_IN)
			return m;
		if (m->state == MEMBER_AWAY && absent == NULL)
			absent = m;
	}
	return absent;
}

void room_hand_over(struct room *room, struct member *from)
{
	static const enum member_role order[] = {MEMBER_MODERATOR, MEMBER_SPEAKER, MEMBER_LISTENER};
	struct member *heir = NULL;

	if (!room->focus->config.owner_transfers || room->c->state != CONFERENCE_ACTIVE ||
	    oldest(room->c, MEMBER_OWNER, from) != NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(order) && heir == NULL; i++)
		heir = oldest(room->c, order[i], from);
	if (heir == NULL)
		return;
	set_role(room, heir, MEMBER_OWNER);
	if (from != NULL)
		set_role(room, from, MEMBER_SPEAKER);
}
