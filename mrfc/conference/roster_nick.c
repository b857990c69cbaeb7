/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nicknames of the roster's users, RFC 7701 section 7: taking, replacing, giving up, and the end
 * with the last session that asked. Comparison and ownership are in nickname.c; MSRP status codes
 * are decided here.
 */
#include <stdlib.h>

#include "mrfc/conference/roster_priv.h"

void roster_drop_nickname(struct participant *p)
{
	struct roster_endpoint *e;

	if (!p->nickname)
		return;
	nickname_release(&p->roster->nicknames, slice_str(p->nickname), p);
	free(p->nickname);
	p->nickname = NULL;
	LIST_FOREACH(e, &p->endpoints, link)
		e->holds_nickname = false;
}

bool roster_nickname_held(const struct participant *p)
{
	struct roster_endpoint *e;

	LIST_FOREACH(e, &p->endpoints, link) {
		if (e->holds_nickname)
			return true;
	}
	return false;
}

/* Claimed: it replaces the old one, which is free at once. */
static void set_nickname(struct participant *p, struct bytes *shown)
{
	if (p->nickname && slice_eq(slice_str(p->nickname), bytes_slice(shown)))
		return;
	if (p->nickname && !nickname_same(slice_str(p->nickname), bytes_slice(shown)))
		nickname_release(&p->roster->nicknames, slice_str(p->nickname), p);
	free(p->nickname);
	p->nickname = bytes_take(shown);
	roster_detail_changed(p);
}

/* 200, or why nick cannot be p's: 424, 425. */
static int take_nickname(struct participant *p, struct slice nick)
{
	struct bytes shown = BYTES_INIT;
	int err = nickname_shown(nick, &shown);

	if (err == 0)
		err = nickname_claim(&p->roster->nicknames, bytes_slice(&shown), p);
	if (err == 0)
		set_nickname(p, &shown);
	bytes_fini(&shown);
	if (err == 0)
		return 200;
	return err == -ERR_EXISTS ? 425 : 424;
}

static int remove_nickname(struct participant *p)
{
	if (p->nickname) {
		roster_drop_nickname(p);
		roster_detail_changed(p);
	}
	return 200;
}

int roster_nickname(struct participant *p, struct slice nick)
{
	struct roster_endpoint *e;
	int status;

	if (nick.len == 0)
		return remove_nickname(p);
	status = take_nickname(p, nick);
	if (status != 200)
		return status;
	LIST_FOREACH(e, &p->endpoints, link)
		e->holds_nickname = !e->ended;
	return 200;
}

int roster_endpoint_nickname(struct roster_endpoint *e, struct slice nick)
{
	struct participant *p = e->user;
	struct roster_endpoint *other;
	bool same;
	int status;

	if (nick.len == 0) {
		e->holds_nickname = false;
		return roster_nickname_held(p) ? 200 : remove_nickname(p);
	}
	same = p->nickname && nickname_same(slice_str(p->nickname), nick);
	status = take_nickname(p, nick);
	if (status != 200)
		return status;
	LIST_FOREACH(other, &p->endpoints, link) {
		if (!same)
			other->holds_nickname = false;
	}
	e->holds_nickname = true;
	return 200;
}

void roster_refuse_lookalikes(struct roster *r)
{
	r->nicknames.strict = true;
}

void roster_reserve_nickname(struct roster *r, struct slice word)
{
	/* Taken or malformed: then nobody can have it either. */
	if (nickname_claim(&r->nicknames, word, NULL) < 0)
		return;
}
