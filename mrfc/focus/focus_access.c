/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the policy of conferences has to know, gathered from rooms, members and settings; and what
 * follows from its answers: refusals with their text, bans. Decides nothing: conference/access.c
 * does. RFC 4353 4.5, RFC 4579 6; FOC-008, IMS-020.
 */
#include "mrfc/focus/focus_access.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfc/focus/focus_auth.h"
#include "mrfc/focus/focus_control.h"
#include "mrfc/focus/focus_events.h"
#include "mrfc/focus/focus_leave.h"
#include "mrfc/focus/focus_priv.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "focus/access"

/* A comma-separated list of URIs. */
static bool is_listed(const char *list, const char *user)
{
	struct slice rest = slice_str(list != NULL ? list : ""), one;

	while (slice_next(&rest, ',', &one)) {
		if (slice_trim(one).len != 0 && sip_uri_same(slice_trim(one), slice_str(user)))
			return true;
	}
	return false;
}

bool focus_is_operator(const struct focus *f, const char *user)
{
	return is_listed(f->config.operators, user);
}

static void add_user(const struct room *room, const char *user, struct access_facts *facts)
{
	const struct conference *c = room->c;
	const struct member *m = members_find(c->members, slice_str(user));

	facts->barred = facts->barred || bars_has(c->bars, slice_str(user));
	facts->is_operator = facts->is_operator || is_listed(room->focus->config.operators, user);
	if (m != NULL && !facts->member) {
		facts->member = true;
		facts->role = m->role;
		facts->listed = m->listed;
		facts->anonymous = m->shown != NULL;
	}
}

/* Is one of the next left sessions on the way in of the same user? */
static bool enters_again(const struct session *s, uint32_t left)
{
	const struct session *other = s;

	while (left > 0 && (other = LIST_NEXT(other, link)) != NULL) {
		if (other->announced)
			continue;
		left--;
		if (s->endpoint != NULL && other->endpoint != NULL
			    ? s->endpoint->user == other->endpoint->user
			    : strcmp(s->who.uri, other->who.uri) == 0)
			return true;
	}
	return false;
}

/* Who is on the way in holds a place too: one, however many calls of his are on the way. */
static uint32_t n_entering_users(const struct room *room)
{
	uint32_t left = room->n_entering, n = 0;
	const struct session *s;

	if (room_max_users(room) == 0)
		return left; /* nobody counts */
	LIST_FOREACH(s, &room->sessions, link) {
		if (left == 0)
			break;
		if (s->announced)
			continue;
		left--;
		if ((s->endpoint == NULL || s->endpoint->user->n_present == 0) &&
		    !enters_again(s, left))
			n++;
	}
	return n;
}

static void add_room(struct room *room, const char *user, struct access_facts *facts)
{
	const struct focus *f = room->focus;
	const struct conference *c = room->c;

	facts->ending = c->state != CONFERENCE_ACTIVE || f->stopping;
	facts->locked = c->locked;
	facts->closed = c->mode == CONFERENCE_CLOSED;
	facts->invite = f->config.invite_who;
	facts->remove = f->config.remove_who;
	facts->watchers = f->config.watchers;
	facts->max_users = room_max_users(room);
	facts->owner = room_role_of(room, user) == MEMBER_OWNER;
	facts->present = session_of_user(room, slice_str(user), false) != NULL;
	facts->n_users = roster_count(c->roster) + n_entering_users(room);
}

void focus_facts(struct room *room, const char *user, struct access_facts *facts_r)
{
	*facts_r = (struct access_facts){0};
	add_user(room, user, facts_r);
	add_room(room, user, facts_r);
}

void focus_facts_who(struct room *room, const struct identity *who, struct access_facts *facts_r)
{
	focus_facts(room, who->uri, facts_r);
	for (size_t i = 0; i < who->n_aliases; i++)
		add_user(room, who->aliases[i], facts_r);
}

void focus_facts_target(struct room *room, struct slice uri, struct access_facts *facts)
{
	const struct member *m = members_find(room->c->members, uri);
	char *text = slice_dup(uri);

	facts->target_member = true;
	facts->target = m != NULL ? m->role : room_role_of(room, text);
	free(text);
}

void focus_facts_bring(struct room *room, const char *user, const char *by,
		       struct access_facts *facts_r)
{
	struct identity who = {.uri = xstrdup(user)};
	struct access_facts his;

	if (by != NULL)
		focus_facts(room, by, &his);
	identity_add_number(&who, user);
	focus_facts_who(room, &who, facts_r);
	identity_fini(&who);
	facts_r->vouched = by == NULL || access_vouches(&his);
}

/* Are two URIs of one user: the same, or both known of him? */
static bool is_same_user(struct room *room, const struct identity *who, struct slice uri)
{
	struct participant *p = roster_find(room->c->roster, uri);

	if (sip_uri_same(slice_str(who->uri), uri))
		return true;
	for (size_t i = 0; i < who->n_aliases; i++) {
		if (sip_uri_same(slice_str(who->aliases[i]), uri))
			return true;
	}
	return p != NULL && p == roster_find(room->c->roster, slice_str(who->uri));
}

enum access_denial focus_judge_remove(struct room *room, const struct identity *who,
				      struct slice uri)
{
	struct session *device = session_of_device(room, uri);
	struct slice target = device != NULL ? slice_str(device->who.uri) : uri;
	struct access_facts facts;

	focus_facts_who(room, who, &facts);
	facts.self = is_same_user(room, who, target);
	focus_facts_target(room, target, &facts);
	return access_judge(facts.self ? ACCESS_LEAVE : ACCESS_KICK, &facts);
}

enum access_denial focus_judge_bring(struct room *room, const struct identity *who, const char *uri)
{
	struct access_facts facts;
	enum access_denial d;

	focus_facts_who(room, who, &facts);
	d = access_judge(ACCESS_INVITE, &facts);
	if (d != ACCESS_GRANTED)
		return d;
	focus_facts_bring(room, uri, who->uri, &facts);
	return access_bring(&facts);
}

bool room_has_owner(const struct room *room)
{
	const struct member *m;

	for (m = members_first(room->c->members); m != NULL; m = members_next(m)) {
		if (m->role == MEMBER_OWNER)
			return true;
	}
	return false;
}

enum member_role room_role_of(const struct room *room, const char *user)
{
	const struct conference *c = room->c;
	const struct member *m = members_find(c->members, slice_str(user));

	/* Whoever made it owns it, here or not, unless another does (FOC-011). */
	if (c->creator != NULL && sip_uri_same(slice_str(c->creator), slice_str(user)) &&
	    !room_has_owner(room))
		return MEMBER_OWNER;
	return m != NULL ? m->role : MEMBER_SPEAKER;
}

const char *room_role_shown(enum member_role role)
{
	return role == MEMBER_SPEAKER ? NULL : member_role_name(role);
}

uint32_t room_max_users(const struct room *room)
{
	return room->c->max_users != 0 ? room->c->max_users : room->focus->config.max_users;
}

const char *focus_denial_text(const struct focus *f, enum access_denial d)
{
	const char *configured = d == ACCESS_FULL     ? f->config.text_full
				 : d == ACCESS_CLOSED ? f->config.text_closed
				 : d == ACCESS_LOCKED ? f->config.text_locked
				 : d == ACCESS_BARRED ? f->config.text_barred
						      : NULL;

	return configured != NULL && configured[0] != '\0' ? configured : access_text(d);
}

void focus_deny(struct focus *f, struct sip_in **in, enum access_denial d)
{
	focus_refuse(in, access_status(d), 0, focus_denial_text(f, d));
}

int focus_ban(struct focus *f, struct conference *c, struct slice uri)
{
	struct member *m = members_find(c->members, uri);
	struct participant *p = m == NULL ? roster_find(c->roster, uri) : NULL;
	char *names;
	int err;

	if (c->state != CONFERENCE_ACTIVE)
		return -ERR_WRONG_STATE;
	if (m != NULL)
		err = bars_add(c->bars, slice_str(m->uri), (const char *const *)m->aliases,
			       m->n_aliases);
	else if (p != NULL)
		err = bars_add(c->bars, slice_str(p->uri), (const char *const *)p->aliases,
			       p->n_aliases);
	else
		err = bars_add(c->bars, uri, NULL, 0);
	if (err != 0)
		return err;
	log_info("%s: " SLICE_FMT " is barred", c->name, SLICE_ARG(uri));
	room_end_watching(room_of(c), uri);
	events_run(room_of(c));
	names = bars_names(c->bars, uri);
	conf_store_put_bar(f->store, c->name, names);
	conf_store_flush(f->store);
	free(names);
	return 0;
}

int focus_unban(struct focus *f, struct conference *c, struct slice uri)
{
	char *names = bars_names(c->bars, uri);
	int err = bars_remove(c->bars, uri);

	if (err == 0) {
		log_info("%s: " SLICE_FMT " is barred no more", c->name, SLICE_ARG(uri));
		conf_store_del_bar(f->store, c->name, names);
		conf_store_flush(f->store);
	}
	free(names);
	return err;
}
