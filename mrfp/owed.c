/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hands up what members miss. The border between missed and live is the place of two events in the
 * stream of all: what comes before a leg's `bound` it has missed, what comes behind it gets live;
 * what comes behind the end mark (owed without body) it misses again. So each message is one or the
 * other, and never both. Owns the responses that wait; the messages are keep.c's.
 */
#include "mrfp/owed.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfp/keep.h"
#include "mrfp/settle.h"

#define LOG_PLACE "owed"

#define WAITING_MAX 4096 /* responses */

struct waiting {
	TAILQ_ENTRY(waiting) link;
	uint8_t context[CTL_CONTEXT_SIZE];
	uint64_t termination;
	uint64_t due_ms;
	uint32_t transaction;
	bool to_one; /* a private message: without the MRFC's word there is nobody to get it */
	struct chunk *report; /* behind the response; NULL: none */
	char *paths;
	char tid[MSRP_TID_MAX + 1];
};

struct owed {
	struct plane *plane;
	owed_answer_fn *answer;
	TAILQ_HEAD(, waiting) waiting; /* in the order of their events */
	size_t n_waiting;
};

struct owed *owed_new(struct plane *plane, owed_answer_fn *answer)
{
	struct owed *o = xcalloc(1, sizeof(*o));

	o->plane = plane;
	o->answer = answer;
	TAILQ_INIT(&o->waiting);
	return o;
}

static void drop(struct owed *o, struct waiting *w)
{
	TAILQ_REMOVE(&o->waiting, w, link);
	o->n_waiting--;
	chunk_unref(&w->report);
	free(w->paths);
	free(w);
}

void owed_free(struct owed **op)
{
	struct owed *o = *op;

	if (!o)
		return;
	while (!TAILQ_EMPTY(&o->waiting))
		drop(o, TAILQ_FIRST(&o->waiting));
	free(o);
	*op = NULL;
}

/* --- up --- */

/* 0: there was no room for it. missed_by 0: all who are away. */
static uint32_t hand_up(const struct context *ctx, const struct kept *k, uint64_t missed_by)
{
	struct plane *p = ctx->plane;
	struct ctl_notify n = {0};
	struct bytes body = BYTES_INIT;
	uint32_t transaction;

	keep_join(k, &body);
	CTL_SET(&n, notify, event, CTL_EVENT_OWED);
	if (missed_by)
		CTL_SET(&n, notify, termination, missed_by);
	if (k->sender)
		CTL_SET(&n, notify, sender, k->sender);
	CTL_SET(&n, notify, message_id, slice_str(k->message_id));
	CTL_SET(&n, notify, content_type, slice_str(k->content_type));
	CTL_SET(&n, notify, body, bytes_slice(&body));
	transaction = p->notify(ctx, &n, p->notify_arg);
	bytes_fini(&body);
	if (transaction)
		++*p->stats.owed;
	else
		++*p->stats.owed_dropped;
	return transaction;
}

/* Legs that came back while it was under way, and so did not get it live. */
static uint32_t hand_up_late(struct context *ctx, const struct kept *k)
{
	const struct session *s;
	uint32_t transaction = 0;

	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		if (s->joined && s->returned && s->taste.since >= k->serial &&
		    s->taste.number != k->source)
			transaction = hand_up(ctx, k, s->termination);
	}
	return transaction;
}

/* The response, and the REPORT behind it, wait for the reply to this event. */
static void wait_for(struct request *rq, uint32_t transaction)
{
	struct session *s = rq->msg->from;
	struct owed *o = s->ctx->plane->owed;
	struct waiting *w;

	if (rq->mute || !rq->tid[0] || rq->failure_report == MSRP_FR_PARTIAL ||
	    o->n_waiting >= WAITING_MAX)
		return;
	w = xcalloc(1, sizeof(*w));
	memcpy(w->context, s->ctx->id, sizeof(w->context));
	w->termination = s->termination;
	w->transaction = transaction;
	w->due_ms = o->plane->now_ms + (uint64_t)o->plane->opt->keep_wait_ms;
	w->paths = rq->paths ? xstrdup(rq->paths) : xstrndup(s->reply_paths, s->reply_paths_len);
	memcpy(w->tid, rq->tid, sizeof(w->tid));
	w->to_one = rq->msg->absent != NULL;
	w->report = rq->report;
	rq->report = NULL;
	rq->answered = true;
	TAILQ_INSERT_TAIL(&o->waiting, w, link);
	o->n_waiting++;
}

void owed_message(struct request *rq)
{
	const struct inmsg *m = rq->msg;
	struct context *ctx = m->from->ctx;
	uint32_t transaction = 0, late = 0;
	const struct kept *k;

	if (m->absent) {
		if (m->absent_transaction)
			wait_for(rq, m->absent_transaction);
		else
			rq->status = 404;
		return;
	}
	if (!keep_wanted(ctx) ||
	    (!ctx->away && !ctx->n_missing && m->out.meta.serial > ctx->returned_serial))
		return;
	k = keep_find(ctx, m->out.meta.serial);
	if (!k || !k->complete)
		return;
	if (ctx->away || ctx->n_missing)
		transaction = hand_up(ctx, k, 0);
	if (k->serial <= ctx->returned_serial)
		late = hand_up_late(ctx, k);
	if (transaction || late)
		wait_for(rq, late ? late : transaction);
}

/* --- a leg goes --- */

struct serials {
	uint64_t *list;
	size_t n;
};

static void add_serial(struct serials *l, uint64_t serial)
{
	if (!(l->n & (l->n - 1)))
		l->list = xrealloc(l->list, (l->n ? l->n * 2 : 1) * sizeof(*l->list));
	l->list[l->n++] = serial;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Chat messages of which something is not answered, or not out. */
static void find_open(const struct session *s, struct serials *l)
{
	const struct chunklog *log = &s->ctx->log[STREAM_CHAT];
	const struct cursor *c =
		s->parked[STREAM_CHAT].attached ? &s->parked[STREAM_CHAT] : &s->cur[STREAM_CHAT];
	const struct chunk_meta *meta;
	uint64_t seq = c->attached ? c->seq : log->head;
	const struct tx *t;
	size_t i = 0;

	while ((t = txring_next(&s->tx[STREAM_CHAT], &i))) {
		if (!t->settled)
			add_serial(l, t->serial);
	}
	while ((meta = chunklog_at(log, seq++))) {
		if (meta->source != s->taste.number && meta->serial > s->taste.since &&
		    !taste_is_settled(&s->taste, meta->serial))
			add_serial(l, meta->serial);
	}
	if (l->n)
		qsort(l->list, l->n, sizeof(*l->list), by_number);
}

static void hand_up_open(struct session *s)
{
	struct context *ctx = s->ctx;
	struct serials open = {0};
	uint64_t before = 0;
	unsigned n = 0;

	find_open(s, &open);
	for (size_t i = 0; i < open.n; i++) {
		const struct kept *k = keep_find(ctx, open.list[i]);

		if (open.list[i] == before || !k || !s->open[k->kind])
			continue;
		before = open.list[i];
		/* One that is still coming goes up when it is whole, as somebody is missing then. */
		if (k->complete && !hand_up(ctx, k, s->termination))
			continue;
		n++; /* the leg's copy is lost all the same: the member gets another one */
	}
	free(open.list);
	if (n)
		log_info("%s/%llu: %u messages it has not answered are kept for it", ctx->name,
			 (unsigned long long)s->termination, n);
}

void owed_leave(struct session *s)
{
	struct context *ctx = s->ctx;
	struct plane *p = ctx->plane;
	struct ctl_notify n = {0};

	if (!keep_wanted(ctx) || !s->joined)
		return;
	hand_up_open(s);
	CTL_SET(&n, notify, event, CTL_EVENT_OWED);
	CTL_SET(&n, notify, termination, s->termination);
	p->notify(ctx, &n, p->notify_arg);
	s->missing = s->hold = true;
	ctx->n_missing++;
}

void owed_release(struct session *s)
{
	s->hold = false;
	session_release(s);
}

/* --- back from the MRFC --- */

/* status: of the response; the REPORT follows a 200 alone. */
static void finish(struct owed *o, struct waiting *w, int status)
{
	struct context *ctx = context_find(o->plane, w->context);
	struct session *s = ctx ? session_find(ctx, w->termination) : NULL;

	if (s && s->wire && s->reply_paths) {
		o->answer(s, slice_str(w->tid), slice_str(w->paths), status);
		if (w->report && s->wire && status == 200) {
			wire_push(s->wire, w->report);
			w->report = NULL;
		}
	}
	drop(o, w);
}

void owed_reply(struct owed *o, uint32_t transaction, bool ok)
{
	struct waiting *w;

	TAILQ_FOREACH(w, &o->waiting, link) {
		if (w->transaction == transaction) {
			/* Not stored: as when it were lost on the way (RFC 4975 10.4). */
			finish(o, w, ok ? 200 : w->to_one ? 404 : 408);
			return;
		}
	}
}

void owed_tick(struct owed *o, uint64_t now_ms)
{
	struct waiting *w;

	while ((w = TAILQ_FIRST(&o->waiting)) && now_ms >= w->due_ms) {
		++*o->plane->stats.owed_late;
		log_peer("a message for who is away is not stored in time");
		if (w->to_one) /* its sender is told 404, so it must not arrive later */
			o->plane->withdraw(w->transaction, o->plane->notify_arg);
		finish(o, w, w->to_one ? 404 : 200); /* the event to all still stands */
	}
}

void owed_tell_held(struct plane *plane)
{
	struct session *s, *tmp;

	HASH_ITER(by_local, plane->sessions, s, tmp) {
		struct ctl_notify n = {0};

		if (!s->hold || !s->joined)
			continue;
		CTL_SET(&n, notify, event, CTL_EVENT_BOUND);
		CTL_SET(&n, notify, termination, s->termination);
		plane->notify(s->ctx, &n, plane->notify_arg);
	}
}
