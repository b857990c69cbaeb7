/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The roster as conference-info documents, RFC 4575: full, partial since a serial, deleted. A user
 * that changed is written whole (state="full"), which needs no memory of what each watcher knew of
 * its endpoints; a user without visible endpoints is written as deleted.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/mem.h"
#include "mrfc/conference/roster_priv.h"
#include "proto/ctl_msgs.h"

/* What a written endpoint needs beside the roster's own strings. */
struct doc_texts {
	char when[32];
	char reason[32];
};

/* Scratch for one user's endpoints, grown as needed. */
struct doc_scratch {
	struct confinfo_endpoint *endpoints;
	struct doc_texts *texts;
	size_t cap;
};

static const char *rfc3339(uint64_t wall_ms, char buf[32])
{
	time_t t = (time_t)(wall_ms / 1000);
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return NULL;
	return buf;
}

static const char *media_status(const struct roster_endpoint *e)
{
	if (e->status == CONFINFO_DISCONNECTED)
		return NULL;
	switch (e->media_dir) {
	case CTL_DIR_SENDONLY:
		return "sendonly";
	case CTL_DIR_RECVONLY:
		return "recvonly";
	case CTL_DIR_INACTIVE:
		return "inactive";
	default:
		return "sendrecv";
	}
}

static void fill_endpoint(const struct roster_endpoint *e, struct confinfo_endpoint *out,
			  struct doc_texts *texts)
{
	*out = (struct confinfo_endpoint){
		.entity = e->entity,
		.state = CONFINFO_FULL,
		.status = e->status,
		.joining = e->joining,
		.joined_by = e->joined_by,
		.leaving = e->leaving,
		.left_by = e->left_by,
		.media_status = media_status(e),
	};
	if (e->joined_wall_ms)
		out->joined_when = rfc3339(e->joined_wall_ms, texts->when);
	if ((e->ended || e->absent) && e->leave_cause) {
		(void)snprintf(texts->reason, sizeof(texts->reason), "SIP;cause=%d",
			       e->leave_cause);
		out->left_reason = texts->reason;
	}
}

static void scratch_grow(struct doc_scratch *s)
{
	s->cap = s->cap ? s->cap * 2 : 4;
	s->endpoints = xrealloc(s->endpoints, s->cap * sizeof(*s->endpoints));
	s->texts = xrealloc(s->texts, s->cap * sizeof(*s->texts));
}

/* Makes room first: texts are pointed to. Returns the number of visible endpoints. */
static size_t fill_endpoints(const struct participant *p, struct doc_scratch *s)
{
	const struct roster_endpoint *e;
	size_t n = 0;

	LIST_FOREACH(e, &p->endpoints, link)
		n += !e->retired;
	while (s->cap < n)
		scratch_grow(s);
	n = 0;
	LIST_FOREACH(e, &p->endpoints, link) {
		if (e->retired)
			continue;
		fill_endpoint(e, &s->endpoints[n], &s->texts[n]);
		n++;
	}
	return n;
}

/* Himself, and moderators where policy says so, see who hides behind an anonymous URI (PRV-003, 009). */
static bool may_know(const struct participant *p, const struct roster_view *view)
{
	const struct participant *w = view->watcher;

	return w &&
	       (w == p || (view->reveal && w->role &&
			   (strcmp(w->role, "owner") == 0 || strcmp(w->role, "moderator") == 0)));
}

/* A user nobody sees any more is not in a full document and "deleted" in a partial one. */
static void write_user(const struct participant *p, const struct roster_view *view, bool full,
		       struct doc_scratch *s, struct bytes *out)
{
	struct confinfo_user u = {
		.entity = roster_shown(p),
		.state = CONFINFO_FULL,
		.display = p->shown ? NULL : p->display,
		.aor = p->shown && may_know(p, view) ? p->uri : NULL,
		.nickname = p->nickname,
		.role = p->role,
		.yourown = p == view->watcher,
		.n_endpoints = fill_endpoints(p, s),
	};

	u.endpoints = s->endpoints;
	if (u.n_endpoints == 0) {
		if (full)
			return;
		u.state = CONFINFO_DELETED;
	}
	confinfo_add_user(out, &u);
}

bool roster_limited(const struct roster *r, const struct roster_view *view)
{
	uint32_t limit = view->roster_limit ? view->roster_limit : ROSTER_LIMIT_DEFAULT;

	return r->n_present > limit;
}

static bool is_listed(const struct participant *p, const struct roster_view *view, bool limited)
{
	return !limited || p->role || p == view->watcher;
}

/* The user that changed first after since; NULL: none did. */
static const struct participant *first_since(const struct roster *r, uint64_t since)
{
	const struct participant *p = TAILQ_LAST(&r->changed, changed_head), *first = NULL;

	while (p && p->changed > since) {
		first = p;
		p = TAILQ_PREV(p, changed_head, by_change);
	}
	return first;
}

void roster_document(const struct roster *r, uint64_t since, const struct roster_view *view,
		     struct bytes *out)
{
	bool full = since == 0 || since < r->horizon, limited = roster_limited(r, view);
	const struct participant *p = full ? NULL : first_since(r, since);
	struct doc_scratch scratch = {0};
	struct confinfo_doc doc = {
		.entity = r->uri,
		.state = full ? CONFINFO_FULL : CONFINFO_PARTIAL,
		.version = view->version,
		.subject = view->subject,
		.max_users = view->max_users,
		.with_description = full || r->described > since,
		.with_counts = true,
		.user_count = r->n_present,
		.active = view->active,
		.locked = view->locked,
		.users_state = full ? CONFINFO_FULL : CONFINFO_PARTIAL,
		.n_users = p ? 1 : 0,
	};

	confinfo_begin(out, &doc);
	p = full ? TAILQ_FIRST(&r->users) : p;
	for (; p; p = full ? TAILQ_NEXT(p, link) : TAILQ_NEXT(p, by_change)) {
		if (is_listed(p, view, limited))
			write_user(p, view, full, &scratch, out);
	}
	confinfo_end(out, &doc);
	free(scratch.endpoints);
	free(scratch.texts);
}

void roster_document_deleted(const struct roster *r, uint32_t version, struct bytes *out)
{
	const struct confinfo_doc doc = {
		.entity = r->uri, .state = CONFINFO_DELETED, .version = version};

	confinfo_build(out, &doc);
}
