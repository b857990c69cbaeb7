/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The roster as conference-info documents, RFC 4575: full, partial since a serial, deleted. A user
 * that changed is written whole (state="full"), which needs no memory of what each watcher knew of
 * its endpoints; a user without visible endpoints is written as deleted. What a change made of a
 * user is written once and kept with him: the documents of all watchers are put together from the
 * same pieces, but for the watcher's own user and for who may know the anonymous.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
		.stale = e->stale && !e->ended,
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

	return w && (w == p || (view->reveal && w->ranked));
}

/* A user nobody sees any more is "deleted"; a full document leaves him out. */
static void write_user(const struct participant *p, const struct roster_view *view,
		       struct doc_scratch *s, struct bytes *out)
{
	struct confinfo_user u = {
		.entity = roster_shown(p),
		.state = CONFINFO_FULL,
		.display = p->shown ? NULL : p->display,
		.aor = p->shown && may_know(p, view) ? p->uri : NULL,
		.nickname = p->nickname,
		.role = p->role,
		.further_role = view->administrator && p->role && strcmp(p->role, "owner") == 0
					? "administrator"
					: NULL,
		.yourown = view->own && p == view->watcher,
		.n_endpoints = fill_endpoints(p, s),
	};

	u.endpoints = s->endpoints;
	if (u.n_endpoints == 0)
		u.state = CONFINFO_DELETED;
	confinfo_add_user(out, &u);
}

static bool is_visible(const struct participant *p)
{
	const struct roster_endpoint *e;

	LIST_FOREACH(e, &p->endpoints, link) {
		if (!e->retired)
			return true;
	}
	return false;
}

/* As everybody sees him: written when he has changed, copied otherwise. */
static void add_common(struct participant *p, const struct roster_view *view, struct doc_scratch *s,
		       struct bytes *out)
{
	const struct roster_view nobody = {.administrator = view->administrator};
	size_t start = out->len;

	if (p->xml && p->xml_of == p->changed) {
		bytes_add(out, p->xml, p->xml_len);
		return;
	}
	write_user(p, &nobody, s, out);
	if (!bytes_ok(out))
		return;
	p->xml_len = out->len - start;
	p->xml = xrealloc(p->xml, p->xml_len);
	memcpy(p->xml, out->data + start, p->xml_len);
	p->xml_of = p->changed;
}

static void add_user(struct participant *p, const struct roster_view *view, bool full,
		     struct doc_scratch *s, struct bytes *out)
{
	if (full && !is_visible(p))
		return;
	if (p == view->watcher || (p->shown && may_know(p, view)))
		write_user(p, view, s, out);
	else
		add_common(p, view, s, out);
}

/* The user that changed first after since; NULL: none did. */
static struct participant *first_since(struct roster *r, uint64_t since)
{
	struct participant *p = TAILQ_LAST(&r->changed, changed_head), *first = NULL;

	while (p && p->changed > since) {
		first = p;
		p = TAILQ_PREV(p, changed_head, by_change);
	}
	return first;
}

/* Everyone, or who changed since. */
static void add_all(struct roster *r, uint64_t since, const struct roster_view *view,
		    struct doc_scratch *s, struct bytes *out)
{
	struct participant *p = since == 0 ? TAILQ_FIRST(&r->users) : first_since(r, since);

	for (; p; p = since == 0 ? TAILQ_NEXT(p, link) : TAILQ_NEXT(p, by_change))
		add_user(p, view, since == 0, s, out);
}

/* The watcher first, so that he finds himself. */
static void add_ranked(struct roster *r, uint64_t since, const struct roster_view *view,
		       struct doc_scratch *s, struct bytes *out)
{
	struct participant *p;

	if (view->watcher && view->watcher->changed > since &&
	    (since != 0 || is_visible(view->watcher)))
		write_user(view->watcher, view, s, out);
	TAILQ_FOREACH(p, &r->ranked, by_rank) {
		if (p != view->watcher && p->changed > since)
			add_user(p, view, since == 0, s, out);
	}
}

static bool any_since(const struct roster *r, uint64_t since, const struct roster_view *view)
{
	const struct participant *p;

	if (!view->limited)
		return (p = TAILQ_LAST(&r->changed, changed_head)) != NULL && p->changed > since;
	if (view->watcher && view->watcher->changed > since)
		return true;
	TAILQ_FOREACH(p, &r->ranked, by_rank) {
		if (p->changed > since)
			return true;
	}
	return false;
}

void roster_document(struct roster *r, uint64_t since, const struct roster_view *view,
		     struct bytes *out)
{
	bool full = since < r->horizon || (view->limited && since < r->demoted) || since == 0;
	struct doc_scratch scratch = {0};
	struct confinfo_doc doc = {
		.entity = r->uri,
		.state = full ? CONFINFO_FULL : CONFINFO_PARTIAL,
		.version = view->version,
		.subject = view->subject,
		.epoch = view->epoch,
		.max_users = view->max_users,
		.with_description = full || r->described > since,
		.with_counts = true,
		.user_count = r->n_present,
		.active = view->active,
		.locked = view->locked,
		.users_state = full ? CONFINFO_FULL : CONFINFO_PARTIAL,
		.n_users = !full && any_since(r, since, view) ? 1 : 0,
	};

	if (full)
		since = 0;
	confinfo_begin(out, &doc);
	if (view->limited)
		add_ranked(r, since, view, &scratch, out);
	else
		add_all(r, since, view, &scratch, out);
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
