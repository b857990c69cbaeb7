/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The roster as a UE sees it (RFC 4575 4.6). Pure state: documents in, arrivals and departures
 * out. A user is here while one of its endpoints is connected or on hold.
 */
#include "ue/ue_roster.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "proto/sip_uri.h"

void ue_roster_init(struct ue_roster *r)
{
	*r = (struct ue_roster){0};
}

static void user_fini(struct ue_roster_user *u)
{
	free(u->uri);
	free(u->display);
	free(u->nickname);
}

void ue_roster_fini(struct ue_roster *r)
{
	size_t i;

	for (i = 0; i < r->n_users; i++)
		user_fini(&r->users[i]);
	free(r->users);
	*r = (struct ue_roster){0};
}

static struct ue_roster_user *find_or_add(struct ue_roster *r, const char *uri)
{
	size_t i;

	for (i = 0; i < r->n_users; i++)
		if (slice_eq_str(slice_str(uri), r->users[i].uri))
			return &r->users[i];
	r->users = xrealloc(r->users, (r->n_users + 1) * sizeof(r->users[0]));
	r->users[r->n_users] = (struct ue_roster_user){.uri = xstrdup(uri)};
	return &r->users[r->n_users++];
}

/* NULL leaves it, "" clears it; true when it changed. */
static bool set_text(char **field, const char *text)
{
	if (!text || slice_eq_str(slice_str(text), *field ? *field : ""))
		return false;
	free(*field);
	*field = text[0] ? xstrdup(text) : NULL;
	return true;
}

static bool is_here(enum confinfo_status s)
{
	return s == CONFINFO_CONNECTED || s == CONFINFO_ON_HOLD || s == CONFINFO_MUTED;
}

static void apply_user(struct ue_roster *r, const struct confinfo_user *u, ue_roster_change_fn *fn,
		       void *arg)
{
	struct ue_roster_user *mine = find_or_add(r, u->entity);
	bool was = mine->here, here = u->state == CONFINFO_PARTIAL && was;
	bool renamed;
	size_t i;

	mine->seen = true;
	set_text(&mine->display, u->display);
	renamed = set_text(&mine->nickname,
			   !u->nickname && u->state == CONFINFO_FULL ? "" : u->nickname);
	for (i = 0; i < u->n_endpoints; i++) {
		const struct confinfo_endpoint *e = &u->endpoints[i];

		if (i == 0)
			here = false;
		if (e->state == CONFINFO_DELETED)
			continue;
		here = here || is_here(e->status);
		mine->status = e->status;
		if (e->joining != CONFINFO_JOIN_NONE)
			mine->joining = e->joining;
	}
	if (u->state == CONFINFO_DELETED)
		here = false;
	mine->here = here;
	if (was != here)
		fn(mine, here ? UE_ROSTER_ARRIVED : UE_ROSTER_DEPARTED, arg);
	else if (here && renamed)
		fn(mine, UE_ROSTER_RENAMED, arg);
}

static void drop_unseen(struct ue_roster *r, ue_roster_change_fn *fn, void *arg)
{
	size_t i = 0;

	while (i < r->n_users) {
		struct ue_roster_user *u = &r->users[i];

		if (u->seen) {
			i++;
			continue;
		}
		if (u->here)
			fn(u, UE_ROSTER_DEPARTED, arg);
		user_fini(u);
		*u = r->users[--r->n_users];
	}
}

/* Descriptions come whole: one without an epoch is of a conference without a group key. */
static void take_epoch(struct ue_roster *r, const struct confinfo_doc *doc)
{
	if (doc->with_description)
		snprintf(r->epoch, sizeof(r->epoch), "%s", doc->epoch ? doc->epoch : "");
}

int ue_roster_apply(struct ue_roster *r, const struct confinfo_doc *doc, ue_roster_change_fn *fn,
		    void *arg)
{
	size_t i;

	if (r->have_version && doc->version < r->version)
		return -ERR_STALE;
	if (r->have_version && doc->version == r->version && doc->state == CONFINFO_PARTIAL)
		return -ERR_STALE;
	if (doc->state == CONFINFO_PARTIAL && (!r->have_version || doc->version != r->version + 1))
		return -ERR_WRONG_STATE;
	r->version = doc->version;
	r->have_version = true;
	take_epoch(r, doc);
	for (i = 0; i < r->n_users; i++)
		r->users[i].seen =
			doc->state == CONFINFO_PARTIAL && doc->users_state == CONFINFO_PARTIAL;
	for (i = 0; i < doc->n_users; i++) {
		apply_user(r, &doc->users[i], fn, arg);
		if (doc->users[i].state == CONFINFO_DELETED)
			find_or_add(r, doc->users[i].entity)->seen = false;
	}
	drop_unseen(r, fn, arg);
	return 0;
}

const struct ue_roster_user *ue_roster_find(const struct ue_roster *r, struct slice uri)
{
	size_t i;

	for (i = 0; i < r->n_users; i++)
		if (sip_uri_same(uri, slice_str(r->users[i].uri)))
			return &r->users[i];
	return NULL;
}

uint32_t ue_roster_count(const struct ue_roster *r)
{
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < r->n_users; i++)
		n += r->users[i].here;
	return n;
}
