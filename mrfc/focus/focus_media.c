/* SPDX-License-Identifier: Apache-2.0 */
/* What the media side reports: connections bound and lost, nicknames, a whole MRFP gone. */
#include "mrfc/focus/focus_media.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfc/focus/focus_file.h"
#include "mrfc/focus/focus_key_owner.h"
#include "mrfc/focus/focus_leave.h"
#include "mrfc/focus/focus_member.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_record.h"
#include "mrfc/focus/focus_recover.h"
#include "mrfc/focus/focus_reinvite.h"
#include "mrfc/focus/focus_replace.h"
#include "proto/ctl_msgs.h"

#define LOG_PLACE "focus/media"

static struct session *find(struct focus *f, const uint8_t *ctx, uint64_t termination)
{
	struct room *room = drain_room_of(f, ctx, NULL);

	return room != NULL ? session_by_termination(room, termination) : NULL;
}

static void on_bound(const uint8_t *ctx, uint64_t termination, const char *peer, void *arg)
{
	struct session *s = find(arg, ctx, termination);

	if (s == NULL)
		return;
	log_debug("%s: %s is bound from %s", s->room->c->name, s->who.uri,
		  peer != NULL ? peer : "?");
	s->bound = true;
	session_found(s);
	dialog_alive(s->dialog); /* who connects has our answer */
	owed_bound(s);
	key_nudge(s);
	member_bound(s);
	replace_go_on(s);
}

void session_found(struct session *s)
{
	timer_free(&s->lost_timer);
}

static void on_grace_over(void *arg)
{
	struct session *s = arg;

	focus_unwind(s, unwind_of_lost(s->lost_cause), 0, NULL, NULL);
}

void session_lost(struct session *s, int cause)
{
	log_info("%s: %s lost its connection", s->room->c->name, s->who.uri);
	s->lost_cause = cause;
	key_park(s);
	if (s->lost_timer == NULL)
		s->lost_timer = timer_new(s->room->focus->base, on_grace_over, s);
	timer_start(s->lost_timer, s->room->focus->config.lost_grace_ms);
}

/* A broken connection may come back by a new offer (MSRP-048); other losses are verdicts. */
static bool may_come_back(int cause)
{
	return cause == CTL_LOST_CLOSED || cause == CTL_LOST_RESET || cause == CTL_LOST_CONNECT ||
	       cause == CTL_LOST_IDLE;
}

static void on_lost(const uint8_t *ctx, uint64_t termination, int cause, uint64_t copies_lost,
		    void *arg)
{
	struct session *s = find(arg, ctx, termination);

	if (s == NULL) {
		if (drain_room_of(arg, ctx, NULL) == NULL) /* else of one that has moved on */
			(void)file_on_lost(arg, ctx, termination, cause);
		return;
	}
	s->bound = false;
	if (s->live) /* found by an audit: no end mark came */
		owed_leg_ended(s->room, termination);
	if (s->endpoint != NULL)
		roster_endpoint_lost(s->endpoint, copies_lost);
	if (!may_come_back(cause) || s->room->focus->config.lost_grace_ms == 0) {
		focus_unwind(s, unwind_of_lost(cause), 0, NULL, NULL);
		return;
	}
	session_lost(s, cause);
}

static void on_listed(const uint8_t *ctx, uint64_t termination, bool bound, void *arg)
{
	recover_on_listed(arg, ctx, termination, bound);
}

static void on_audited(const char *mrfp, void *arg)
{
	recover_on_audited(arg, mrfp);
	key_audited(arg, mrfp);
}

static void on_slow(const uint8_t *ctx, uint64_t termination, uint64_t copies_lost, void *arg)
{
	struct session *s = find(arg, ctx, termination);

	if (s != NULL && s->endpoint != NULL)
		roster_endpoint_lost(s->endpoint, copies_lost);
}

/* A nickname that is to be stored before its owner hears 200. */
struct naming {
	LIST_ENTRY(naming) link;
	struct focus *focus;
	struct media_later later;
};

static void on_name_stored(int err, void *arg)
{
	struct naming *n = arg;

	(void)err; /* the conference goes on with it all the same */
	media_nickname_done(n->focus->media, &n->later, 200);
	LIST_REMOVE(n, link);
	free(n);
}

void namings_free(struct focus *f)
{
	struct naming *n;

	while ((n = LIST_FIRST(&f->namings)) != NULL) {
		focus_stored_forget(f, n);
		LIST_REMOVE(n, link);
		free(n);
	}
}

static int on_nickname(const uint8_t *ctx, uint64_t termination, struct slice nick,
		       const struct media_later *later, void *arg)
{
	struct focus *f = arg;
	struct session *s = find(f, ctx, termination);
	struct naming *n;
	int status;

	if (s == NULL || s->endpoint == NULL || !f->config.nicknames)
		return 403;
	status = roster_endpoint_nickname(s->endpoint, nick);
	if (status == 200) {
		session_store(s);
		if (nick.len == 0)
			log_info("%s: %s has no nickname any more", s->room->c->name, s->who.uri);
		else
			log_info("%s: %s is called \"" SLICE_FMT "\"", s->room->c->name, s->who.uri,
				 SLICE_ARG(nick));
		room_changed(s->room);
		n = xcalloc(1, sizeof(*n));
		n->focus = f;
		n->later = *later;
		LIST_INSERT_HEAD(&f->namings, n, link);
		focus_stored(f, on_name_stored, n);
		return 0;
	}
	return status;
}

static void on_context_lost(const uint8_t *ctx, void *arg)
{
	struct focus *f = arg;
	struct conference *c = conference_find_context(f->conferences, ctx);
	bool former;
	struct room *room = drain_room_of(f, ctx, &former);

	if (room != NULL && former) {
		drain_context_lost(room);
	} else if (c != NULL) {
		owed_context_lost(room_of(c), false);
		room_move(room_of(c));
	} else {
		(void)file_on_context_lost(f, ctx);
	}
}

static bool on_known(const uint8_t *ctx, uint64_t termination, void *arg)
{
	struct focus *f = arg;
	bool former;
	struct room *room = drain_room_of(f, ctx, &former);
	const struct session *s;

	if (room == NULL)
		return file_knows(f, ctx, termination);
	if (termination == 0)
		return true;
	s = session_by_termination(room, termination);
	return s != NULL ? s->stays == former : former && drain_by_former(room, termination);
}

static void on_owed(const uint8_t *ctx, const struct media_owed *o, const struct media_later *later,
		    void *arg)
{
	struct focus *f = arg;
	bool former;
	struct room *room = drain_room_of(f, ctx, &former);
	bool here = room != NULL && f->member_hooks != NULL;

	if (here && later != NULL)
		owed_message(room, former, o, later);
	else if (here)
		owed_leg_ended(room, o->missed_by);
	else if (later != NULL)
		media_owed_done(f->media, later, true);
}

static void on_told(const uint8_t *ctx, uint64_t termination, uint64_t number, int status,
		    void *arg)
{
	struct focus *f = arg;
	struct room *room = drain_room_of(f, ctx, NULL);

	if (room != NULL)
		owed_told(room, termination, number, status);
}

/* Who is asked to move still has the session that he moves from. */
static struct session *key_sender(struct focus *f, const uint8_t *ctx, uint64_t termination)
{
	bool former;
	struct room *room = drain_room_of(f, ctx, &former);
	struct session *s = room != NULL ? session_by_termination(room, termination) : NULL;

	return s == NULL && room != NULL && former ? drain_by_former(room, termination) : s;
}

static void on_key(const uint8_t *ctx, uint64_t termination, struct slice body, bool frames,
		   void *arg)
{
	if (frames)
		key_on_frames(arg, find(arg, ctx, termination), body);
	else
		key_on_message(arg, key_sender(arg, ctx, termination), body);
}

static void on_sealed(const uint8_t *ctx, uint64_t n, void *arg)
{
	struct room *room = drain_room_of(arg, ctx, NULL);

	if (room != NULL)
		key_used(room, n);
}

static void on_file_over(const uint8_t *ctx, int outcome, uint64_t size, void *arg)
{
	file_on_over(arg, ctx, outcome, size);
}

const struct media_events *focus_media_events(void)
{
	static const struct media_events events = {.bound = on_bound,
						   .lost = on_lost,
						   .nickname = on_nickname,
						   .file_over = on_file_over,
						   .context_lost = on_context_lost,
						   .known = on_known,
						   .owed = on_owed,
						   .told = on_told,
						   .key = on_key,
						   .sealed = on_sealed,
						   .listed = on_listed,
						   .audited = on_audited,
						   .slow = on_slow};

	return &events;
}
