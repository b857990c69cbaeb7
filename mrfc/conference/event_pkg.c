/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who watches a conference and when each is told what, RFC 4575 3 and 4 over RFC 6665. Each
 * subscription has one due time in a heap: the next NOTIFY it may get, or its expiry. A change of
 * the roster first waits for the conference's coalescing time, then for each subscription's rate
 * (a burst, then an interval). Owns the subscriptions; knows dialogs by pointer only.
 */
#include "mrfc/conference/event_pkg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>

#include "common/mem.h"
#include "mrfc/conference/event_heap.h"
#include "proto/sip_uri.h"

#define NEVER UINT64_MAX

/* Why the next NOTIFY is the last one. */
enum sub_end { SUB_GOES_ON, SUB_TIMEOUT, SUB_REJECTED, SUB_NORESOURCE };
enum sub_state {
	SUB_IDLE,    /* nothing is out: due when something is owed or it expires */
	SUB_WAITING, /* a NOTIFY is out */
	SUB_BACKOFF, /* the peer asked to try again later */
	SUB_OVER     /* to be released */
};

/* A user with his subscriptions, found by his URI in comparable form. */
struct sub_user {
	UT_hash_handle hh;
	LIST_HEAD(, subscription) subs;
	size_t len;
	char key[];
};

struct subscription {
	struct event_timer timer; /* first: the heap's node */
	TAILQ_ENTRY(subscription) link;
	LIST_ENTRY(subscription) of_user_link;
	struct sub_user *of_user;
	void *dialog;
	char *user;
	enum sub_state state;
	enum sub_end end;
	bool last_sent; /* the NOTIFY that is out is the last one */
	bool owed_full;
	bool limited;     /* the last document did not list everyone */
	bool owed;        /* the roster moved on and the coalescing time has passed */
	uint32_t version; /* of the last document */
	uint64_t seen;    /* roster serial of the last document */
	uint64_t expires_at_ms;
	uint64_t retry_at_ms;
	uint64_t paid_until_ms; /* rate: each partial NOTIFY pays for one interval */
};

struct event_pkg {
	struct roster *roster;
	struct event_pkg_limits limits;
	struct event_pkg_ops ops;
	void *arg;
	struct roster_view view;
	char *subject, *epoch;
	TAILQ_HEAD(sub_head, subscription) subs;
	size_t n_subs;
	struct sub_user *users;
	bool limited;      /* documents list not everyone */
	struct bytes body; /* of one round's documents, one after the other */
	struct event_heap heap;
	uint64_t flush_at_ms; /* NEVER: nothing to coalesce */
	bool running;
};

static const char *const end_reasons[] = {
	[SUB_TIMEOUT] = "timeout",
	[SUB_REJECTED] = "rejected",
	[SUB_NORESOURCE] = "noresource",
};

struct event_pkg *event_pkg_new(struct roster *roster, const struct event_pkg_limits *limits,
				const struct event_pkg_ops *ops, void *arg)
{
	struct event_pkg *e = xcalloc(1, sizeof(*e));

	e->roster = roster;
	e->limits = *limits;
	e->ops = *ops;
	e->arg = arg;
	e->view.active = true;
	e->flush_at_ms = NEVER;
	TAILQ_INIT(&e->subs);
	return e;
}

static struct sub_user *user_find(const struct event_pkg *e, struct slice user)
{
	struct bytes key = BYTES_INIT;
	struct sub_user *u = NULL;

	sip_uri_name_key(user, &key);
	if (key.len > 0)
		HASH_FIND(hh, e->users, key.data, key.len, u);
	bytes_fini(&key);
	return u;
}

static void user_add(struct event_pkg *e, struct subscription *s)
{
	struct sub_user *u = user_find(e, slice_str(s->user));
	struct bytes key = BYTES_INIT;

	if (!u) {
		sip_uri_name_key(slice_str(s->user), &key);
		u = xcalloc(1, sizeof(*u) + key.len + 1);
		LIST_INIT(&u->subs);
		u->len = key.len;
		if (key.len > 0)
			memcpy(u->key, key.data, key.len);
		HASH_ADD_KEYPTR(hh, e->users, u->key, u->len, u);
		bytes_fini(&key);
	}
	s->of_user = u;
	LIST_INSERT_HEAD(&u->subs, s, of_user_link);
}

static void user_drop(struct event_pkg *e, struct subscription *s)
{
	struct sub_user *u = s->of_user;

	LIST_REMOVE(s, of_user_link);
	if (!LIST_EMPTY(&u->subs))
		return;
	HASH_DEL(e->users, u);
	free(u);
}

static void sub_free(struct event_pkg *e, struct subscription *s)
{
	user_drop(e, s);
	event_heap_remove(&e->heap, &s->timer);
	TAILQ_REMOVE(&e->subs, s, link);
	e->n_subs--;
	free(s->user);
	free(s);
}

void event_pkg_free(struct event_pkg **ep)
{
	struct event_pkg *e = *ep;

	if (!e)
		return;
	while (!TAILQ_EMPTY(&e->subs))
		sub_free(e, TAILQ_FIRST(&e->subs));
	event_heap_fini(&e->heap);
	free(e->subject);
	free(e->epoch);
	free(e);
	*ep = NULL;
}

void event_pkg_set_view(struct event_pkg *e, const struct roster_view *view)
{
	char *subject = view->subject ? xstrdup(view->subject) : NULL;
	char *epoch = view->epoch ? xstrdup(view->epoch) : NULL;

	free(e->subject);
	free(e->epoch);
	e->subject = subject;
	e->epoch = epoch;
	e->view = *view;
	e->view.subject = subject;
	e->view.epoch = epoch;
}

size_t event_pkg_count(const struct event_pkg *e)
{
	return e->n_subs;
}

size_t event_pkg_count_user(const struct event_pkg *e, struct slice user)
{
	const struct sub_user *u = user_find(e, user);
	const struct subscription *s;
	size_t n = 0;

	if (!u)
		return 0;
	LIST_FOREACH(s, &u->subs, of_user_link)
		n += event_pkg_active(s);
	return n;
}

/*
 * When the rate lets the next partial NOTIFY go. The debt of a full burst is burst intervals; less
 * may be spent at once.
 */
static uint64_t rate_due(const struct event_pkg *e, const struct subscription *s)
{
	uint64_t burst = e->limits.burst ? e->limits.burst : 1;
	uint64_t credit = (burst - 1) * e->limits.min_interval_ms;

	return s->paid_until_ms > credit ? s->paid_until_ms - credit : 0;
}

static void rate_spend(const struct event_pkg *e, struct subscription *s, uint64_t now_ms)
{
	if (s->paid_until_ms < now_ms)
		s->paid_until_ms = now_ms;
	s->paid_until_ms += e->limits.min_interval_ms;
}

static uint64_t sub_due(const struct event_pkg *e, const struct subscription *s)
{
	uint64_t due;

	switch (s->state) {
	case SUB_IDLE:
		if (s->end != SUB_GOES_ON || s->owed_full)
			return 0;
		due = s->owed ? rate_due(e, s) : NEVER;
		return due < s->expires_at_ms ? due : s->expires_at_ms;
	case SUB_BACKOFF:
		return s->retry_at_ms < s->expires_at_ms ? s->retry_at_ms : s->expires_at_ms;
	case SUB_WAITING:
		return NEVER;
	case SUB_OVER:
		break;
	}
	return 0;
}

/* Call after every change of a subscription. */
static void sub_schedule(struct event_pkg *e, struct subscription *s)
{
	event_heap_set(&e->heap, &s->timer, sub_due(e, s));
}

static uint64_t expiry(uint32_t expires_s, uint64_t now_ms)
{
	return now_ms + (uint64_t)expires_s * 1000;
}

struct subscription *event_pkg_subscribe(struct event_pkg *e, void *dialog, struct slice user,
					 uint32_t expires_s, uint64_t now_ms)
{
	struct subscription *s = xcalloc(1, sizeof(*s));

	s->dialog = dialog;
	s->user = slice_dup(user);
	TAILQ_INSERT_TAIL(&e->subs, s, link);
	user_add(e, s);
	e->n_subs++;
	event_pkg_refresh(e, s, expires_s, now_ms);
	return s;
}

void event_pkg_resume(struct subscription *s, uint32_t version)
{
	s->version = version;
}

bool event_pkg_active(const struct subscription *s)
{
	return s->end == SUB_GOES_ON && s->state != SUB_OVER;
}

void event_pkg_refresh(struct event_pkg *e, struct subscription *s, uint32_t expires_s,
		       uint64_t now_ms)
{
	if (!event_pkg_active(s))
		return;
	s->expires_at_ms = expiry(expires_s, now_ms);
	s->owed_full = true;
	if (expires_s == 0)
		s->end = SUB_TIMEOUT;
	if (s->state == SUB_BACKOFF)
		s->state = SUB_IDLE; /* the peer is alive */
	sub_schedule(e, s);
}

/* These end a subscription whatever else they say (RFC 6665 4.2.2, RFC 5057), 408 for want of an answer. */
static bool is_fatal(int status)
{
	switch (status) {
	case 404:
	case 405:
	case 408:
	case 410:
	case 416:
	case 489:
	case 501:
	case 604:
		return true;
	default:
		return status >= 480 && status <= 485;
	}
}

/* Any other error that names no time for another try ends it, too. */
void event_pkg_notified(struct event_pkg *e, struct subscription *s, int sip_status,
			uint32_t retry_after_s, uint64_t now_ms)
{
	bool ok = sip_status >= 200 && sip_status < 300;

	if (s->state != SUB_WAITING || sip_status < 200)
		return;
	if (s->last_sent) {
		s->state = SUB_OVER;
	} else if (ok) {
		s->state = SUB_IDLE;
	} else if (retry_after_s > 0 && !is_fatal(sip_status)) {
		s->state = SUB_BACKOFF;
		s->retry_at_ms = expiry(retry_after_s, now_ms);
		s->owed_full = true; /* what it missed is not known to us */
	} else {
		s->state = SUB_OVER;
	}
	sub_schedule(e, s);
}

void event_pkg_changed(struct event_pkg *e, uint64_t now_ms)
{
	if (e->flush_at_ms == NEVER)
		e->flush_at_ms = now_ms + e->limits.coalesce_ms;
}

static void sub_finish(struct event_pkg *e, struct subscription *s, enum sub_end end)
{
	if (!event_pkg_active(s))
		return;
	s->end = end;
	if (s->state == SUB_BACKOFF)
		s->state = SUB_IDLE;
	sub_schedule(e, s);
}

void event_pkg_terminate_user(struct event_pkg *e, struct slice user, uint64_t now_ms)
{
	struct sub_user *u = user_find(e, user);
	struct subscription *s;

	(void)now_ms;
	if (!u)
		return;
	LIST_FOREACH(s, &u->subs, of_user_link)
		sub_finish(e, s, SUB_REJECTED);
}

void event_pkg_terminate_all(struct event_pkg *e, uint64_t now_ms)
{
	struct subscription *s;

	(void)now_ms;
	TAILQ_FOREACH(s, &e->subs, link)
		sub_finish(e, s, SUB_NORESOURCE);
}

static void state_header(const struct subscription *s, uint64_t now_ms, char *buf, size_t size)
{
	uint64_t left = s->expires_at_ms > now_ms ? (s->expires_at_ms - now_ms) / 1000 : 0;

	if (s->end == SUB_GOES_ON)
		(void)snprintf(buf, size, "active;expires=%" PRIu64, left);
	else
		(void)snprintf(buf, size, "terminated;reason=%s", end_reasons[s->end]);
}

/*
 * Is the conference too large to list everyone? Once it is, it has to lose a tenth to be small again:
 * each crossing costs a full document for everybody.
 */
static bool is_limited(struct event_pkg *e)
{
	uint32_t limit = e->limits.roster_limit, n = roster_count(e->roster);

	if (limit == 0)
		return false;
	e->limited = n > (e->limited ? limit - limit / 10 : limit);
	return e->limited;
}

/* The next document for s; remembers that it has been shown. */
static void sub_document(struct event_pkg *e, struct subscription *s, struct bytes *out)
{
	struct roster_view *v = &e->view;
	bool full = s->owed_full || s->end != SUB_GOES_ON, limited = is_limited(e);

	v->version = ++s->version;
	v->watcher = roster_find(e->roster, slice_str(s->user));
	v->limited = limited;
	if (s->end == SUB_NORESOURCE)
		roster_document_deleted(e->roster, s->version, out);
	else
		roster_document(e->roster, full || limited != s->limited ? 0 : s->seen, v, out);
	s->limited = limited;
	s->seen = roster_serial(e->roster);
}

static void sub_send(struct event_pkg *e, struct subscription *s, uint64_t now_ms)
{
	char header[64];

	bytes_reset(&e->body);
	sub_document(e, s, &e->body);
	if (!bytes_ok(&e->body)) {
		/* Members' own texts made it too large to send: better none than a part. */
		bytes_reset(&e->body);
		s->end = SUB_NORESOURCE;
	}
	state_header(s, now_ms, header, sizeof(header));
	if (!s->owed_full && s->end == SUB_GOES_ON)
		rate_spend(e, s, now_ms);
	s->owed = s->owed_full = false;
	s->last_sent = s->end != SUB_GOES_ON;
	s->state = SUB_WAITING;
	sub_schedule(e, s);
	e->ops.send(s->dialog, header, bytes_slice(&e->body), e->arg);
}

static void sub_run(struct event_pkg *e, struct subscription *s, uint64_t now_ms)
{
	if (s->state == SUB_OVER) {
		e->ops.ended(s->dialog, e->arg);
		sub_free(e, s);
		return;
	}
	s->state = SUB_IDLE; /* a back-off that is over */
	if (s->end == SUB_GOES_ON && now_ms >= s->expires_at_ms)
		s->end = SUB_TIMEOUT;
	sub_send(e, s, now_ms);
}

/* What has changed is now owed to everyone who has not seen it. */
static void flush(struct event_pkg *e)
{
	uint64_t serial = roster_serial(e->roster);
	struct subscription *s;

	e->flush_at_ms = NEVER;
	TAILQ_FOREACH(s, &e->subs, link) {
		if (s->owed || s->seen == serial)
			continue;
		s->owed = true;
		sub_schedule(e, s);
	}
}

static uint64_t next_at(const struct event_pkg *e)
{
	uint64_t at = event_heap_first_at(&e->heap), retire = roster_retire_at(e->roster);

	if (e->flush_at_ms < at)
		at = e->flush_at_ms;
	return retire < at ? retire : at;
}

uint64_t event_pkg_run(struct event_pkg *e, uint64_t now_ms)
{
	struct event_timer *first;
	uint64_t at;

	if (e->running)
		return 0;
	e->running = true;
	if (roster_retire(e->roster, now_ms))
		event_pkg_changed(e, now_ms);
	if (e->flush_at_ms <= now_ms)
		flush(e);
	while ((first = event_heap_due(&e->heap, now_ms)) != NULL)
		sub_run(e, CONTAINER_OF(first, struct subscription, timer), now_ms);
	bytes_fini(&e->body);
	e->running = false;
	at = next_at(e);
	if (at == NEVER)
		return NEVER;
	return at > now_ms ? at - now_ms : 0;
}
