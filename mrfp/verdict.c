/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts under way, and messages whose sender is not described yet. One refers to its message by context, termination and number, so that either
 * may go meanwhile. Bounded: few questions are with the MRFC at a time, and a sender with much
 * waiting is not read from, so that what waits is what one read brought.
 */
#include "mrfp/verdict.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"

#define LOG_PLACE "verdict"

#define ASKED_MAX   256         /* questions with the MRFC */
#define LEG_WAITING 16          /* messages of a leg above which it is not read from */
#define LEG_OCTETS  (64u << 10) /* the same for their octets */

struct waiting {
	TAILQ_ENTRY(waiting) link;
	uint8_t context[CTL_CONTEXT_SIZE];
	uint64_t termination;
	uint64_t number; /* inmsg.verdict */
	uint64_t due_ms;
	uint32_t transaction; /* when asked */
	bool asked, early;
	char *type;
};

struct verdicts {
	struct plane *plane;
	verdict_answer_fn *answer;
	verdict_resume_fn *resume;
	TAILQ_HEAD(waiting_list, waiting) waiting; /* asked ones first */
	struct waiting_list early;                 /* for a description */
	size_t n_asked;
	uint64_t last_number;
};

struct verdicts *verdicts_new(struct plane *plane, verdict_answer_fn *answer,
			      verdict_resume_fn *resume)
{
	struct verdicts *v = xcalloc(1, sizeof(*v));

	v->plane = plane;
	v->answer = answer;
	v->resume = resume;
	TAILQ_INIT(&v->waiting);
	TAILQ_INIT(&v->early);
	return v;
}

static void drop(struct verdicts *v, struct waiting *w)
{
	TAILQ_REMOVE(w->early ? &v->early : &v->waiting, w, link);
	if (w->asked)
		v->n_asked--;
	free(w->type);
	free(w);
}

void verdicts_free(struct verdicts **vp)
{
	struct verdicts *v = *vp;

	if (!v)
		return;
	while (!TAILQ_EMPTY(&v->waiting))
		drop(v, TAILQ_FIRST(&v->waiting));
	while (!TAILQ_EMPTY(&v->early))
		drop(v, TAILQ_FIRST(&v->early));
	free(v);
	*vp = NULL;
}

bool verdict_wanted(const struct inmsg *m)
{
	return m->from->ctx->policy & CTL_POLICY_AUTHORISE && m->out.meta.kind != CPIM_COMPOSING;
}

static struct session *find_leg(const struct verdicts *v, const struct waiting *w)
{
	struct context *ctx = context_find(v->plane, w->context);

	return ctx ? session_find(ctx, w->termination) : NULL;
}

/* The message, if it still waits. */
static struct inmsg *find(const struct verdicts *v, const struct waiting *w)
{
	struct session *s = find_leg(v, w);
	struct inmsg *m;

	if (!s)
		return NULL;
	TAILQ_FOREACH(m, &s->inbox, link) {
		if (m->verdict == w->number && m->state == INMSG_VERDICT)
			return m;
	}
	return NULL;
}

static void ask_one(struct verdicts *v, struct waiting *w, const struct inmsg *m)
{
	struct plane *p = v->plane;
	struct ctl_notify n = {0};

	CTL_SET(&n, notify, event, CTL_EVENT_AUTHORISE);
	CTL_SET(&n, notify, termination, w->termination);
	CTL_SET(&n, notify, message_id, slice_str(m->id));
	if (w->type[0])
		CTL_SET(&n, notify, content_type, slice_str(w->type));
	if (m->total != MSRP_UNSPECIFIED)
		CTL_SET(&n, notify, size, m->total);
	w->asked = true;
	v->n_asked++;
	w->transaction = p->notify(m->from->ctx, &n, p->notify_arg);
}

static struct waiting *wait_for_word(struct inmsg *m)
{
	struct session *s = m->from;
	struct verdicts *v = s->ctx->plane->verdicts;
	struct waiting *w = xcalloc(1, sizeof(*w));

	inmsg_wait(m);
	m->verdict = w->number = ++v->last_number;
	memcpy(w->context, s->ctx->id, sizeof(w->context));
	w->termination = s->termination;
	w->due_ms = v->plane->now_ms + (uint64_t)v->plane->opt->verdict_timeout_ms;
	return w;
}

void verdict_ask(struct inmsg *m, struct slice type)
{
	struct verdicts *v = m->from->ctx->plane->verdicts;
	struct waiting *w = wait_for_word(m);

	w->type = slice_dup(type);
	TAILQ_INSERT_TAIL(&v->waiting, w, link);
	if (v->n_asked < ASKED_MAX)
		ask_one(v, w, m);
}

void verdict_await_peer(struct inmsg *m)
{
	struct verdicts *v = m->from->ctx->plane->verdicts;
	struct waiting *w = wait_for_word(m);

	w->early = true;
	TAILQ_INSERT_TAIL(&v->early, w, link);
}

void verdict_held(struct inmsg *m, size_t n)
{
	struct session *s = m->from;

	m->n_verdict_bytes += n;
	s->verdict_bytes += n;
	if (s->verdict_bytes > LEG_OCTETS || s->n_verdicts > LEG_WAITING)
		wire_pause(s->wire, WIRE_PAUSE_VERDICT);
}

void verdict_defer(struct inmsg *m, const struct request *rq)
{
	struct deferred *d;

	if (rq->mute)
		return;
	d = xcalloc(1, sizeof(*d));
	d->partial = rq->failure_report == MSRP_FR_PARTIAL;
	memcpy(d->tid, rq->tid, sizeof(d->tid));
	d->paths = rq->paths ? xstrdup(rq->paths)
			     : xstrndup(m->from->reply_paths, m->from->reply_paths_len);
	STAILQ_INSERT_TAIL(&m->deferred, d, link);
	verdict_held(m, sizeof(*d));
}

void verdict_answer_all(struct inmsg *m, int status)
{
	struct verdicts *v = m->from->ctx->plane->verdicts;
	struct deferred *d;

	while ((d = STAILQ_FIRST(&m->deferred))) {
		STAILQ_REMOVE_HEAD(&m->deferred, link);
		if (m->from->wire && !(status == 200 && d->partial))
			v->answer(m->from, slice_str(d->tid), slice_str(d->paths), status);
		free(d->paths);
		free(d);
	}
}

/* The message may be gone; its leg is read from again in any case. */
static void finish(struct verdicts *v, struct waiting *w, int status)
{
	struct session *s = find_leg(v, w);
	struct inmsg *m = find(v, w);

	drop(v, w);
	if (m)
		v->resume(m, status);
	if (s && s->wire && s->verdict_bytes <= LEG_OCTETS / 2 && s->n_verdicts <= LEG_WAITING / 2)
		wire_resume(s->wire, WIRE_PAUSE_VERDICT);
}

/* As many questions as may be with the MRFC. */
static void ask_more(struct verdicts *v)
{
	struct waiting *w, *next;

	for (w = TAILQ_FIRST(&v->waiting); w && v->n_asked < ASKED_MAX; w = next) {
		const struct inmsg *m = w->asked ? NULL : find(v, w);

		next = TAILQ_NEXT(w, link);
		if (m)
			ask_one(v, w, m);
		else if (!w->asked)
			finish(v, w, 0);
	}
}

void verdict_reply(struct verdicts *v, uint32_t transaction, int status)
{
	struct waiting *w;

	TAILQ_FOREACH(w, &v->waiting, link) {
		if (!w->asked)
			return;
		if (w->transaction == transaction) {
			finish(v, w, status >= 200 && status < 600 ? status : 403);
			ask_more(v);
			return;
		}
	}
}

void verdict_described(struct verdicts *v)
{
	struct waiting *w = TAILQ_FIRST(&v->early);

	while (w) {
		const struct session *s = find_leg(v, w);

		if (s && !s->remote_path[0]) {
			w = TAILQ_NEXT(w, link);
			continue;
		}
		finish(v, w, VERDICT_JUDGE);
		w = TAILQ_FIRST(&v->early); /* what it brought may have ended others */
	}
}

void verdict_tick(struct verdicts *v, uint64_t now_ms)
{
	struct waiting *w;

	while ((w = TAILQ_FIRST(&v->waiting)) && now_ms >= w->due_ms) {
		if (w->asked) /* it must not push out events that are to be kept */
			v->plane->withdraw(w->transaction, v->plane->notify_arg);
		if (find(v, w)) {
			(*v->plane->stats.verdicts_late)++;
			log_info("no verdict about a message in time: refused");
		}
		finish(v, w, 403);
	}
	while ((w = TAILQ_FIRST(&v->early)) && now_ms >= w->due_ms)
		finish(v, w, 403);
	ask_more(v);
}
