/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nicknames of the roster's users, RFC 7701 section 7: taking, replacing, giving up, and the end
 * with the last session that asked. Comparison and ownership are in nickname.c; MSRP status codes
 * are decided here.
 */
#include <stdlib.h>

#include "mrfc/roster_priv.h"

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

/* 200, or why nick cannot be p's: 424, 425. On success it replaces the old one, free at once. */
static int take_nickname(struct participant *p, struct slice nick)
{
	struct nickname_table *t = &p->roster->nicknames;
	int err = nickname_claim(t, nick, p);

	if (err < 0)
		return err == -ERR_EXISTS ? 425 : 424;
	if (p->nickname && slice_eq(slice_str(p->nickname), nick))
		return 200;
	if (p->nickname && !nickname_same(slice_str(p->nickname), nick))
		nickname_release(t, slice_str(p->nickname), p);
	free(p->nickname);
	p->nickname = slice_dup(nick);
	roster_detail_changed(p);
	return 200;
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

void roster_reserve_nickname(struct roster *r, struct slice word)
{
	/* Taken or malformed: then nobody can have it either. */
	if (nickname_claim(&r->nicknames, word, NULL) < 0)
		return;
}
