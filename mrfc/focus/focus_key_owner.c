/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The owner's terminal as key server of its conference. One session of an owner, that lists the type
 * of its frames, is the maker: the media side lets its frames through and those of nobody else, and it
 * counts as the holder of every key. When it goes, or its user owns the conference no more, another
 * owner's session takes over, with keys of a new domain.
 */
#include "mrfc/focus/focus_key_owner.h"

#include "common/log.h"
#include "mrfc/focus/focus_access.h"
#include "mrfc/focus/focus_leave.h"
#include "mrfc/focus/focus_media.h"
#include "mrfc/focus/focus_reinvite.h"
#include "mrfc/groupkey/member_server.h"
#include "proto/ks/ks_frame.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "focus/key"

bool owner_mode(const struct focus *f)
{
	return member_server_is(f->config.keys);
}

bool owner_is_maker(const struct session *s)
{
	return s->key != NULL && s->key->stage == KEY_MAKER;
}

const char *owner_lacks(const struct focus_sdp_peer *p)
{
	return key_takes(p, KS_BODY_TYPE)
		       ? NULL
		       : "The keys of the conference are made by its owner's terminal: "
			 "a=accept-types lacks " KS_BODY_TYPE;
}

static bool owns(const struct room *room, const char *uri)
{
	return room_role_of(room, uri) == MEMBER_OWNER;
}

static bool is_in(const struct session *s)
{
	return s->step == SESSION_UP || s->step == SESSION_WAITING || s->step == SESSION_CHANGING ||
	       s->step == SESSION_MOVING;
}

/*
 * Nobody makes the keys, or who did has lost its connection; or the same owner comes with another
 * terminal, after owner_is_elsewhere() was asked.
 */
static bool is_open_to(const struct room *room, const struct identity *who)
{
	const struct session *maker = room->key->maker;

	return maker == NULL || maker->lost_timer != NULL ||
	       (maker->step == SESSION_MOVING && !maker->bound) ||
	       sip_uri_same(slice_str(maker->who.uri), slice_str(who->uri));
}

bool owner_would_serve(const struct room *room, const struct identity *who,
		       const struct focus_sdp_peer *p, const char **lack_r)
{
	*lack_r = NULL;
	if (!owner_mode(room->focus) || room->key == NULL || !owns(room, who->uri) ||
	    !is_open_to(room, who))
		return false;
	if (p != NULL)
		*lack_r = owner_lacks(p);
	return true;
}

bool owner_is_elsewhere(const struct room *room, const struct identity *who, const char *contact,
			const struct session *replaced)
{
	struct groupkey *g = room->focus->config.keys;
	const struct session *maker = room->key->maker;

	if (maker == NULL || maker == replaced || !room->key->maker_up ||
	    maker->lost_timer != NULL || !key_can_send(maker) || !g->ops->ready(g, room->c->uri) ||
	    !sip_uri_same(slice_str(maker->who.uri), slice_str(who->uri)))
		return false;
	return maker->contact == NULL || contact == NULL || strcmp(maker->contact, contact) != 0;
}

static void permit(struct session *s, bool serves)
{
	if (s->termination != 0)
		media_set_key_server(s->room->focus->media, session_context(s), session_epoch(s),
				     s->termination, serves);
}

static void is_down(struct room *room, const char *why)
{
	room->key->maker_up = false;
	member_server_gone(room->focus->config.keys, room->c->uri, why);
}

/* What it was a member with it has to show anew. */
static void dismiss(struct room *room, const char *why)
{
	struct session *s = room->key->maker;

	log_info("%s: %s makes its keys no more", room->c->name, s->who.uri);
	permit(s, false);
	room->key->maker = NULL;
	is_down(room, why);
	key_from_maker(s);
}

bool owner_begin(struct session *s)
{
	const char *lack;

	if (owner_mode(s->room->focus) && s->room->key != NULL &&
	    owner_is_elsewhere(s->room, &s->who, s->contact, s->giver))
		return false;
	if (!owner_would_serve(s->room, &s->who, s->has_peer && !s->we_offered ? &s->peer : NULL,
			       &lack) ||
	    lack != NULL)
		return false;
	if (s->room->key->maker != NULL)
		dismiss(s->room, "its owner is here with another terminal");
	key_begin_maker(s);
	s->room->key->maker = s;
	s->room->key->maker_up = false;
	log_info("%s: %s is to make its keys", s->room->c->name, s->who.uri);
	member_server_expect(s->room->focus->config.keys, s->room->c->uri);
	return true;
}

/* --- who, and whether he can be reached --- */

void owner_leave(struct session *s)
{
	struct room *room = s->room;

	room->key->maker = NULL;
	is_down(room, "the owner's terminal has left");
}

/* An owner's session that could serve, best one that is connected. */
static struct session *successor(struct room *room)
{
	struct session *s, *best = NULL;

	LIST_FOREACH(s, &room->sessions, link) {
		if (s->key == NULL || !s->has_peer || !is_in(s) || !owns(room, s->who.uri) ||
		    owner_lacks(&s->peer) != NULL)
			continue;
		if (best == NULL || (s->bound && !best->bound))
			best = s;
	}
	return best;
}

static void appoint(struct room *room)
{
	struct session *s = successor(room);

	if (s == NULL)
		return;
	key_to_maker(s);
	room->key->maker = s;
	log_info("%s: %s is to make its keys", room->c->name, s->who.uri);
	member_server_expect(room->focus->config.keys, room->c->uri);
	if (key_move_over(s)) /* it needs none */
		reinvite_keyed(s);
	reinvite_refresh_late(s);
}

void owner_look(struct room *room)
{
	struct room_key *k = room->key;

	if (k == NULL || !owner_mode(room->focus) || k->recovering || room->ending_run ||
	    room->focus->stopping || room->c->state != CONFERENCE_ACTIVE)
		return;
	if (k->maker != NULL && is_in(k->maker) && !owns(room, k->maker->who.uri))
		dismiss(room, "the conference has another owner");
	if (k->maker == NULL)
		appoint(room);
	if (k->maker == NULL || k->maker_up == key_can_send(k->maker))
		return;
	k->maker_up = !k->maker_up;
	if (k->maker_up) {
		permit(k->maker, true);
		member_server_up(room->focus->config.keys, room->c->uri);
	} else {
		is_down(room, "the owner's terminal is not connected");
	}
}

void owner_again(struct room *room)
{
	if (room->key != NULL && owner_mode(room->focus) && room->key->maker_up) {
		permit(room->key->maker, true);
		member_server_up(room->focus->config.keys, room->c->uri);
	}
}

/* --- frames --- */

static struct room *room_meant(struct focus *f, const char *uri)
{
	struct room *room = key_room_of_uri(f, uri);

	return room != NULL && room->key->maker != NULL ? room : NULL;
}

static int on_send(const char *uri, struct slice body, void *arg)
{
	struct focus *f = arg;
	struct room *room = room_meant(f, uri);
	struct session *s = room != NULL ? room->key->maker : NULL;

	if (s == NULL || !room->key->maker_up)
		return -ERR_CLOSED;
	media_inject(f->media, session_context(s), session_epoch(s), s->termination,
		     SLICE_LIT(KS_BODY_TYPE), body, 0, NULL, NULL);
	return 0;
}

static void on_cut(const char *uri, const char *why, void *arg)
{
	struct room *room = room_meant(arg, uri);

	if (room != NULL)
		focus_unwind(room->key->maker, UNWIND_BAD_KEY_SERVER, 0, NULL, why);
}

void owner_init(struct focus *f)
{
	const struct member_carrier carrier = {.send = on_send, .cut = on_cut, .arg = f};

	if (owner_mode(f))
		member_server_carry(f->config.keys, &carrier);
}

void key_on_frames(struct focus *f, struct session *s, struct slice body)
{
	if (s == NULL || s->room->key == NULL || s->room->key->maker != s ||
	    !s->room->key->maker_up) {
		stats_key_refused(f->stats, -ERR_DENIED);
		log_peer("audit: frames of a key server from who is none");
		return;
	}
	if (member_server_take(f->config.keys, s->room->c->uri, body) != 0)
		log_debug("a key server's frames were not all right");
}
