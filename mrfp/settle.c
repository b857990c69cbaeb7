/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matches responses to transactions of a leg and settles copies. A copy is delivered when the
 * chunk that ends its message got its 200; one refusal ends it, and nothing more of that message
 * goes to that leg (MSRP-076, 097, 109). RFC 4975 sections 7.2, 7.3.2 and 10.
 */
#include "mrfp/settle.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfp/inmsg.h"
#include "mrfp/relayed.h"
#include "proto/media_type.h"

#define LOG_PLACE         "settle"
#define REFUSED_TYPES_MAX 512

/* Which stream of the session's context gave this id, for this leg? */
static int stream_of(const struct session *s, struct slice tid, uint64_t *num_r)
{
	const struct context *ctx = s->ctx;
	struct slice suffix;

	for (int i = 0; i < N_LOGS; i++) {
		if (series_match(&ctx->log[i].tids, tid, num_r, &suffix)) {
			bool mine =
				slice_eq(suffix, slice_make(s->block.suffix, s->block.suffix_len));
			return mine ? i : -1;
		}
	}
	return series_match(&ctx->direct, tid, num_r, &suffix) ? STREAM_DIRECT : -1;
}

/* One copy's fate, whichever way it went. */
static void settle_copy(struct session *s, int stream, uint64_t serial, unsigned kind,
			enum stats_outcome outcome, int status)
{
	struct receipt *r = stream == STREAM_DIRECT ? receipt_find(s->ctx, serial) : NULL;

	if (outcome == OUTCOME_LOST)
		session_log_lost(s, serial, "no answer");
	if (r)
		receipt_settle(r, s, outcome, status);
	else
		session_settle(s, kind, outcome);
	if (s->ctx->kind == CTL_KIND_RELAY)
		relayed_settled(s, serial, outcome, status);
}

/* The peer takes nothing more of this message. */
static void stop_copy(struct session *s, int stream, const struct tx *t, enum stats_outcome outcome,
		      int status)
{
	bool last_out;

	if (t->settled)
		return;
	settle_copy(s, stream, t->serial, t->kind, outcome, status);
	last_out = !t->whole && txring_mark_settled(&s->tx[stream], t->serial);
	if (t->last || last_out)
		return;
	if (stream != STREAM_DIRECT)
		taste_settle(&s->taste, t->serial);
	if (s->wire && (outcome == OUTCOME_REFUSED || status == 408))
		publish_stop(s, t->serial);
}

/* 415: this type is not sent to the peer again in this session (MSRP-097). */
static void refuse_type(struct session *s, struct slice type)
{
	char *list;

	if (!type.len || strlen(s->refused_types) + type.len > REFUSED_TYPES_MAX ||
	    media_type_listed(slice_str(s->refused_types), type))
		return;
	list = xasprintf("%s%s" SLICE_FMT, s->refused_types, s->refused_types[0] ? " " : "",
			 SLICE_ARG(type));
	session_text(&s->refused_types, slice_str(list));
	free(list);
	session_apply_taste(s);
}

static enum settle_verdict settle_one(struct session *s, int stream, const struct tx *t, int status)
{
	enum stats_outcome ok = t->aborted ? OUTCOME_ABORTED : OUTCOME_DELIVERED;
	enum stats_outcome failed = OUTCOME_REFUSED;

	if (status >= 200 && status < 300) {
		if (t->last && !t->settled) {
			settle_copy(s, stream, t->serial, t->kind, ok, status);
			if (!t->whole) /* answers to earlier chunks change nothing now */
				(void)txring_mark_settled(&s->tx[stream], t->serial);
		}
		return SETTLE_OK;
	}
	if (t->aborted)
		failed = OUTCOME_ABORTED;
	else if (status == 408) /* a relay's timeout is as ours (MSRP-096) */
		failed = OUTCOME_LOST;
	stop_copy(s, stream, t, failed, status);
	if (status == 415)
		refuse_type(s, context_type_of(s->ctx, t->serial));
	return status == 481 || status == 506 ? SETTLE_GONE : SETTLE_OK;
}

enum settle_verdict settle_answer(struct wire *w, struct slice tid, int status,
				  struct session **session_r)
{
	struct stats *st = &w->plane->stats;
	struct session *s;
	struct tx t;

	(*st->answers[stats_status(status)])++;
	LIST_FOREACH(s, &w->sessions, in_wire) {
		uint64_t num;
		int stream = stream_of(s, tid, &num);

		if (stream >= 0 && txring_settle(&s->tx[stream], num, &t)) {
			if (w->plane->due)
				w->plane->due--;
			*session_r = s;
			return settle_one(s, stream, &t, status);
		}
	}
	(*st->unknown_answers)++;
	return SETTLE_UNKNOWN;
}

/* A message of which this leg has not got all, as a transaction; false when there is no such one. */
static bool find_unfinished(const struct session *s, uint64_t serial, int *stream_r, struct tx *t_r)
{
	const struct chunk_meta *meta = NULL;
	const struct session *from;
	const struct inmsg *m;

	for (int i = 0; i < N_LOGS && !meta; i++) {
		meta = chunklog_ahead(&s->ctx->log[i], &s->cur[i], serial);
		*stream_r = i;
	}
	TAILQ_FOREACH(from, &s->ctx->sessions, in_context) {
		TAILQ_FOREACH(m, &from->inbox, link) {
			if (!meta && m->out.meta.serial == serial && m->state == INMSG_OPEN) {
				meta = &m->out.meta;
				*stream_r = m->out.stream;
			}
		}
	}
	if (!meta || meta->source == s->taste.number || serial <= s->taste.since ||
	    taste_is_settled(&s->taste, serial))
		return false;
	*t_r = (struct tx){.serial = serial, .kind = meta->kind};
	return true;
}

/* Stream and newest open transaction of the message, or -1. */
static int find_open(const struct session *s, uint64_t serial, struct tx *t_r)
{
	for (int i = 0; i < STREAM_COUNT; i++) {
		const struct tx *t = txring_find(&s->tx[i], serial);
		if (t) {
			*t_r = *t;
			return i;
		}
	}
	return -1;
}

/* Is the copy of a private message still open at this leg? */
static bool is_target(const struct session *s, uint64_t serial)
{
	const struct receipt *r = receipt_find(s->ctx, serial);

	for (size_t i = 0; r && i < r->n_targets; i++) {
		if (r->targets[i].number == s->taste.number)
			return r->targets[i].state == RECEIPT_OPEN;
	}
	return false;
}

enum settle_verdict settle_report(struct session *s, struct slice message_id, int status)
{
	struct slice suffix;
	uint64_t serial;
	struct tx t;
	int stream;

	if (!series_match(&s->ctx->message_ids, message_id, &serial, &suffix) || suffix.len)
		return SETTLE_UNKNOWN;
	if (status >= 200 && status < 300)
		return SETTLE_OK;
	stream = find_open(s, serial, &t);
	if (stream < 0 && !find_unfinished(s, serial, &stream, &t))
		return SETTLE_UNKNOWN;
	if (stream == STREAM_DIRECT && !is_target(s, serial))
		return SETTLE_OK;
	t.last = t.whole = false; /* its transaction may still be open: find it */
	stop_copy(s, stream, &t, OUTCOME_REFUSED, status);
	return status == 481 || status == 506 ? SETTLE_GONE : SETTLE_OK;
}

unsigned settle_expire(struct session *s, uint64_t now_ms)
{
	uint32_t timeout_ms = (uint32_t)s->ctx->plane->opt->response_timeout_ms;
	unsigned n = 0;
	int status = s->ctx->kind == CTL_KIND_RELAY ? 408 : 481;
	struct tx t;

	for (int i = 0; i < STREAM_COUNT; i++) {
		while (txring_expire(&s->tx[i], (uint32_t)now_ms, timeout_ms, &t)) {
			stop_copy(s, i, &t, t.aborted ? OUTCOME_ABORTED : OUTCOME_LOST, status);
			n++;
		}
	}
	return n;
}

uint64_t settle_leave(struct session *s)
{
	uint64_t before = s->copies_lost;

	receipts_leg_lost(s);
	for (unsigned k = 0; k < STATS_CLASSES; k++) {
		while (s->open[k] > s->kept[k])
			session_settle(s, k, OUTCOME_LOST);
	}
	return s->copies_lost - before;
}
