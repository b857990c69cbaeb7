/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways out: one function undoes a session from whatever state it is in, by the table of causes;
 * conferences end with it, by policy or by order. RFC 4579 5.11, 5.12; flows F10 to F12.
 */
#include "mrfc/focus/focus_leave.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"
#include "mrfc/focus/focus_charging.h"
#include "mrfc/focus/focus_control.h"
#include "mrfc/focus/focus_dialout.h"
#include "mrfc/focus/focus_events.h"
#include "mrfc/focus/focus_file.h"
#include "mrfc/focus/focus_list.h"
#include "mrfc/focus/focus_member.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_record.h"
#include "mrfc/focus/focus_refer.h"
#include "mrfc/focus/focus_replace.h"
#include "mrfc/focus/focus_turn.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "focus/leave"

static void session_free(struct session *s)
{
	if (s->has_peer)
		focus_sdp_peer_fini(&s->peer);
	if (s->has_offered)
		focus_sdp_peer_fini(s->offered);
	free(s->offered);
	focus_sdp_local_fini(&s->local);
	bytes_fini(&s->held_offer);
	for (size_t i = 0; i < SESSION_FILE_IDS; i++)
		free(s->file_ids[i]);
	turn_forget(s);
	list_order_free(&s->order);
	list_call_fini(&s->by_list);
	timer_free(&s->lost_timer);
	replace_forget(s);
	identity_fini(&s->who);
	free(s->contact);
	free(s->shown);
	free(s->by);
	free(s->referred_by);
	free(s->replaces);
	chunk_unref(&s->token);
	free(s->asked_privacy);
	free(s->refer_key);
	charging_fini(&s->charging);
	free(s);
}

/* The BYE is answered when its effect is stored. */
static void on_bye_stored(int err, void *arg)
{
	struct sip_in *bye = arg;

	(void)err; /* the session is over in any case */
	sip_in_end_status(&bye, 200);
}

/* Who stays a member is owed what he has not answered. */
static void take_away(struct session *s)
{
	struct media *media = s->room->focus->media;

	if (s->termination == 0)
		return;
	if (owed_taken(s))
		media_subtract_missed(media, session_context(s), session_epoch(s), s->termination,
				      0, NULL, NULL);
	else
		media_subtract(media, session_context(s), session_epoch(s), s->termination, NULL,
			       NULL);
}

static void tell_refer(struct session *s, int status)
{
	struct refer *r = s->refer;

	if (r == NULL)
		return;
	s->refer = NULL;
	refer_done(r, status, NULL);
}

void focus_unwind(struct session *s, enum unwind_cause cause, int status, const char *by,
		  const char *why)
{
	const struct unwind_rule *rule = unwind_rule(cause);
	const char *text = why != NULL && why[0] != '\0' ? why : rule->text;
	struct room *room = s->room;
	struct focus *f = room->focus;
	bool creator_left = s->announced && room->c->end_policy == CONFERENCE_END_CREATOR_LEAVES &&
			    room->c->origin != CONFERENCE_BY_API && room->c->creator != NULL &&
			    sip_uri_same(slice_str(room->c->creator), slice_str(s->who.uri));
	char *headers = focus_refusal_headers(rule->retry_after_s, 399, text);
	struct sip_in *bye = NULL;

	if (status == 0)
		status = rule->status;
	log_at(rule->level, LOG_PLACE, "%s: %s is out: %s (%s)", room->c->name, s->who.uri,
	       rule->name, text);
	stats_unwound(f->stats, cause);
	LIST_REMOVE(s, link);
	session_unindex(s);
	room->n_entering -= s->announced ? 0 : 1;
	file_member_gone(s);
	key_leave(s, rule->reason == 603);
	media_cancel(f->media, s);
	conf_store_cancel(f->store, s);
	session_unstore(s);
	if (s->dialog != NULL) {
		bye = dialog_take_bye(s->dialog);
		dialog_close(&s->dialog, status, headers, rule->reason, rule->text);
	}
	free(headers);
	if (s->endpoint != NULL) {
		s->endpoint->owner = NULL;
		free(s->endpoint->leave_why);
		s->endpoint->leave_why = xstrdup(text);
		roster_endpoint_end(s->endpoint, rule->leaving, status, by, clock_now_ms());
	}
	member_went(s, cause, status, by, bye != NULL ? sip_in_header(bye, "Reason", 0) : NULL);
	drain_leave(s);
	take_away(s);
	if (bye != NULL)
		conf_store_wait(f->store, on_bye_stored, bye);
	else
		conf_store_flush(f->store);
	tell_refer(s, status);
	if (s->announced && session_of_user(room, slice_str(s->who.uri), true) == NULL)
		file_user_left(room, s->who.uri);
	if (creator_left && session_of_user(room, slice_str(s->who.uri), true) != NULL)
		creator_left = false; /* still in with another device */
	if (creator_left && room_is_kept(room) && member_of(room, &s->who) != NULL)
		creator_left = false; /* away, he still belongs */
	if (creator_left && f->config.owner_transfers && room_has_owner(room))
		creator_left = false; /* it is another's now */
	session_free(s);
	if (room->ending_run)
		return;
	room_changed(room);
	if (creator_left)
		room_end(room, UNWIND_ENDED);
	else
		room_check(room);
}

/* Has it somebody to live for? Kept rooms live for their members, others for their sessions. */
static bool has_reason(struct room *room)
{
	struct session *s;

	if (room->c->end_policy == CONFERENCE_END_MAX_IDLE && room->c->most_in > 0)
		return true;
	if (room_is_kept(room))
		return members_count(room->c->members) > 0;
	LIST_FOREACH(s, &room->sessions, link) {
		if (!s->dialled_out || s->announced)
			return true;
	}
	/* Nobody is in, nobody on the way in: who is being called would find it empty. */
	return false;
}

/* There were two once, and now there are fewer. */
static bool has_too_few(struct room *room)
{
	size_t n = room_is_kept(room) ? members_count(room->c->members)
				      : roster_count(room->c->roster);

	return room->c->end_policy == CONFERENCE_END_MIN_PARTICIPANTS && room->c->most_in >= 2 &&
	       n < 2;
}

void room_check(struct room *room)
{
	if (room->c->state != CONFERENCE_ACTIVE || room->c->origin == CONFERENCE_BY_API)
		return; /* the operator's lives until he ends it, or it is idle for too long */
	if (!has_reason(room) || has_too_few(room))
		room_end(room, UNWIND_ENDED);
}

void room_end(struct room *room, enum unwind_cause cause)
{
	struct focus *f = room->focus;
	struct conference *c = room->c;

	if (c->state != CONFERENCE_ACTIVE)
		return;
	log_info("%s: ends (%s)", c->name, unwind_rule(cause)->name);
	c->state = CONFERENCE_ENDING;
	room->ending_run = true;
	timer_stop(room->move_timer);
	if (room->recall_timer != NULL)
		timer_stop(room->recall_timer);
	if (conference_set_contribution(f->conferences, c, NULL) != 0)
		log_debug("%s: keeps its Contribution-ID", c->name); /* cannot be */
	file_room_ends(room);
	while (!LIST_EMPTY(&room->sessions))
		focus_unwind(LIST_FIRST(&room->sessions), cause, 0, NULL, NULL);
	media_subtract(f->media, c->context, c->epoch, 0, NULL, NULL);
	key_room_close(room);
	drain_room_ends(room);
	conf_store_del_conference(f->store, c->name);
	conf_store_flush(f->store);
	stats_ended(f->stats);
	room_view(room);
	event_pkg_terminate_all(c->events, clock_now_ms());
	room->ending_run = false;
	events_run(room); /* frees the conference when its last subscription is gone */
}

void room_free(struct room *room)
{
	struct conference *c = room->c;
	struct focus *f = room->focus;
	struct session *s;

	file_room_ends(room);
	drain_room_ends(room);
	while ((s = LIST_FIRST(&room->sessions)) != NULL) { /* only at the process' end */
		LIST_REMOVE(s, link);
		session_unindex(s);
		key_leave(s, false);
		media_cancel(f->media, s);
		conf_store_cancel(f->store, s);
		session_free(s);
	}
	while (!LIST_EMPTY(&room->watchers))
		watcher_free(LIST_FIRST(&room->watchers));
	room->recovering = false;
	key_room_close(room);
	timer_free(&room->events_timer);
	timer_free(&room->move_timer);
	timer_free(&room->recall_timer);
	if (f->turn_room == room)
		f->turn_room = NULL;
	free(room->session_replaces);
	owed_room_fini(room);
	free(room);
	c->focus = NULL;
	conference_remove(f->conferences, &c);
}

/* A conference that is ending keeps its name while it has subscriptions (FOC-001). */
bool room_name_free(struct focus *f, struct slice name)
{
	struct conference *c = conference_find(f->conferences, name);

	if (c != NULL && room_of(c)->reaping) {
		room_free(room_of(c)); /* it only waits for its turn in the loop */
		c = NULL;
	}
	return c == NULL;
}

void leave_on_ended(struct session *s, enum dialog_end how, int status, const char *phrase)
{
	switch (how) {
	case DIALOG_END_BYE:
		focus_unwind(s, UNWIND_DEPARTED, 0, NULL, NULL);
		break;
	case DIALOG_END_CANCELLED:
		focus_unwind(s, UNWIND_CANCELLED, 0, NULL, NULL);
		break;
	case DIALOG_END_NO_ACK:
		focus_unwind(s, UNWIND_NO_ACK, 0, NULL, NULL);
		break;
	case DIALOG_END_NO_PRACK:
		focus_unwind(s, UNWIND_NO_PRACK, 0, NULL, NULL);
		break;
	case DIALOG_END_EXPIRED:
		focus_unwind(s, UNWIND_EXPIRED, 0, NULL, NULL);
		break;
	case DIALOG_END_GONE:
		focus_unwind(s, UNWIND_GONE, 0, NULL, phrase);
		break;
	case DIALOG_END_REFUSED:
		if (dialout_follow(s, status))
			break;
		focus_unwind(s, status == 486 || status == 600 ? UNWIND_BUSY : UNWIND_REFUSED,
			     status, NULL, phrase);
		break;
	}
}

void focus_end(struct focus *f, struct conference *c, int reason_cause)
{
	(void)f;
	room_end(room_of(c), reason_cause == 503 ? UNWIND_STORE_FAILED : UNWIND_ENDED);
}

static void end_names(struct room *room, const char *uri, char *const *aliases, size_t n)
{
	event_pkg_terminate_user(room->c->events, slice_str(uri), clock_now_ms());
	for (size_t i = 0; i < n; i++)
		event_pkg_terminate_user(room->c->events, slice_str(aliases[i]), clock_now_ms());
}

void room_end_watching(struct room *room, struct slice uri)
{
	const struct member *m = members_find(room->c->members, uri);
	const struct participant *p = roster_find(room->c->roster, uri);

	event_pkg_terminate_user(room->c->events, uri, clock_now_ms());
	if (m != NULL)
		end_names(room, m->uri, m->aliases, m->n_aliases);
	if (p != NULL)
		end_names(room, p->uri, p->aliases, p->n_aliases);
}

int focus_remove(struct focus *f, struct conference *c, struct slice uri, const char *by)
{
	struct room *room = room_of(c);
	struct member *m;
	struct session *s;
	char *whose;
	int n = 0;

	/* Each round may end the conference with its last session: look anew. */
	whose = slice_dup(uri);
	while (c->state == CONFERENCE_ACTIVE &&
	       (s = session_of_user(room, slice_str(whose), false)) != NULL) {
		bool last = LIST_FIRST(&room->sessions) == s && LIST_NEXT(s, link) == NULL;

		if (n++ == 0) /* FOC-019b */
			room_end_watching(room, slice_str(whose));
		focus_unwind(s, UNWIND_REMOVED, 0, by, NULL);
		if (last)
			break; /* the conference may be gone now */
	}
	if (n == 0 && c->state == CONFERENCE_ACTIVE &&
	    (m = members_find(c->members, slice_str(whose))) != NULL) { /* absent */
		n++;
		room_end_watching(room, slice_str(whose));
		room_drop_member(room, m);
		conf_store_flush(f->store);
		room_changed(room);
		room_check(room);
	}
	free(whose);
	return n > 0 ? 0 : -ERR_NOT_FOUND;
}

/* Another device of the same user is in, or on the way in. */
static bool has_other(struct session *s)
{
	struct roster_endpoint *e;

	if (s->endpoint == NULL)
		return false;
	LIST_FOREACH(e, &s->endpoint->user->endpoints, link) {
		if (e->owner != NULL && e->owner != s)
			return true;
	}
	return false;
}

int room_remove(struct room *room, struct slice uri, const char *by)
{
	struct session *s = session_of_device(room, uri);
	struct sip_uri u;
	struct slice gr;

	if (s != NULL && has_other(s)) {
		focus_unwind(s, UNWIND_REMOVED, 0, by, NULL);
		return 0;
	}
	if (s != NULL)
		return focus_remove(room->focus, room->c, slice_str(s->who.uri), by);
	if (sip_uri_parse(uri, &u) == 0 && sip_uri_param(u.params, "gr", &gr))
		return -ERR_NOT_FOUND; /* a device that is not in; the user's others stay */
	return focus_remove(room->focus, room->c, uri, by);
}
