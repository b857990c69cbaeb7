/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes out: decides once per message who gets it (types, sizes, direction; the rest is in
 * each leg's taste), then appends chunks. Message-IDs are numbers of the context's own series, so
 * a REPORT or a stop needs no table. RFC 7701 6.1; RFC 4975 5.1, 7.1.
 */
#include "mrfp/publish.h"

#include <stdlib.h>

#include "mrfp/keep.h"
#include "proto/media_type.h"

void outmsg_fini(struct outmsg *m)
{
	free(m->content_type);
	free(m->disposition);
	free(m->other_mime);
	m->content_type = m->disposition = m->other_mime = NULL;
	bytes_fini(&m->wrap);
}

/* Types, size and direction. */
static bool wants(const struct session *s, const struct outmsg *m)
{
	struct slice top = slice_str(m->content_type), inner = slice_str(m->type);

	if (!taste_wants(&s->taste, &m->meta))
		return false;
	if (s->taste.accept != ACCEPT_OWN)
		return true;
	if (!slice_ieq_str(media_type_base(top), "message/cpim"))
		inner = SLICE_NULL;
	else if (!inner.len)
		inner = SLICE_LIT("unknown/unknown"); /* longer than is kept */
	return session_admits(s, m->meta.kind, top, inner);
}

/* Content and notifications may be owed to who misses them; typing and keys are of the moment. */
static void keep(struct context *ctx, const struct outmsg *m)
{
	const struct keep_message k = {.serial = m->meta.serial,
				       .sender = m->sender,
				       .source = m->meta.source,
				       .kind = m->meta.kind,
				       .message_id = m->id,
				       .content_type = m->content_type};

	if (m->stream == STREAM_CHAT && m->meta.kind != CPIM_COMPOSING && m->meta.kind != CPIM_KEY)
		keep_begin(ctx, &k);
}

void publish_begin(struct context *ctx, struct outmsg *m)
{
	struct stats *st = &ctx->plane->stats;
	unsigned kind = m->meta.kind;
	struct session *s;

	m->meta.serial = ++ctx->serial;
	m->meta.first = true;
	if (m->total != MSRP_UNSPECIFIED)
		m->meta.size = m->total;
	context_note_type(ctx, m->meta.serial, slice_str(m->type));
	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		if ((!s->cur[0].attached && !s->parked[0].attached) ||
		    s->taste.number == m->meta.source)
			continue;
		stats_owe(st, kind);
		s->open[kind]++;
		if (wants(s, m))
			continue;
		session_settle(s, kind, OUTCOME_SKIPPED);
		taste_settle(&s->taste, m->meta.serial);
	}
	if (keep_wanted(ctx))
		keep(ctx, m);
}

void publish_begin_private(struct context *ctx, struct outmsg *m)
{
	m->meta.serial = ++ctx->serial;
	m->stream = STREAM_DIRECT;
}

static struct msrp_rest rest_of(const struct context *ctx, const struct outmsg *m, uint64_t start,
				struct slice body, char flag, char id[MSRP_TID_MAX + 1])
{
	struct msrp_rest rest = {0};

	rest.message_id =
		slice_make(id, series_format(&ctx->message_ids, m->meta.serial, SLICE_NULL, id));
	rest.success_report = m->success_report;
	rest.range = frame_range(start, body.len,
				 m->total == MSRP_UNSPECIFIED ? m->total : m->total + m->wrap.len);
	if (flag != '#' || body.len) {
		rest.content_type = slice_str(m->content_type);
		rest.content_disposition = slice_str(m->disposition);
		rest.other_mime = slice_str(m->other_mime);
	}
	return rest;
}

/* A message of unknown size outgrew what a peer takes: that copy stops (MSRP-128). */
static void stop_overgrown(struct context *ctx, const struct chunk_meta *meta)
{
	struct session *s;

	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		if ((!s->cur[0].attached && !(s->hold && s->joined)) || !s->taste.max_size ||
		    meta->size <= s->taste.max_size || s->taste.number == meta->source ||
		    meta->serial <= s->taste.since || taste_is_settled(&s->taste, meta->serial))
			continue;
		session_settle(s, meta->kind, OUTCOME_SKIPPED);
		taste_settle(&s->taste, meta->serial);
		(void)txring_mark_settled(&s->tx[STREAM_BULK], meta->serial);
		publish_stop(s, meta->serial);
	}
}

/* Is it time to write to legs and to look at the limits, before more is read? */
static void note_held(struct context *ctx)
{
	const struct options *opt = ctx->plane->opt;
	uint64_t held = context_held(ctx);

	if (held > ctx->plane->peak_context)
		ctx->plane->peak_context = held;
	if (held > (uint64_t)opt->log_bytes ||
	    (held > (uint64_t)opt->chat_water && !(ctx->throttle & THROTTLE_ALL)))
		ctx->plane->over_limit = true;
	if (budget_note(&ctx->plane->budget))
		ctx->plane->over_limit = true;
}

static void keep_newest(struct context *ctx, const struct outmsg *m, uint64_t start, size_t len,
			bool last)
{
	const struct chunklog_entry *e = chunklog_newest(&ctx->log[STREAM_CHAT]);

	if (e && e->meta.serial == m->meta.serial)
		keep_chunk(ctx, m->meta.serial, e, start,
			   frame_body_at(e->bytes, e->start_len, len), len, last,
			   m->meta.flag == '#');
}

void publish_chunk(struct context *ctx, struct outmsg *m, uint64_t start, struct slice body,
		   char flag, bool last)
{
	char id[MSRP_TID_MAX + 1];
	struct msrp_rest rest = rest_of(ctx, m, start, body, flag, id);

	if (m->total == MSRP_UNSPECIFIED && start + body.len - 1 > m->meta.size) {
		m->meta.size = start + body.len - 1;
		stop_overgrown(ctx, &m->meta);
	}
	m->meta.flag = flag;
	m->meta.last = last;
	chunklog_append(&ctx->log[m->stream], &m->meta, &rest, body);
	if (ctx->keep && m->stream == STREAM_CHAT)
		keep_newest(ctx, m, start, body.len, last);
	m->meta.first = false;
	context_touch(ctx);
	note_held(ctx);
}

/* Remember the transaction; the oldest gives way when there are too many. */
static void note_direct(struct session *to, const struct tx *t)
{
	struct tx evicted;
	struct receipt *r;

	if (!txring_push(&to->tx[STREAM_DIRECT], t, &evicted) || !evicted.last || evicted.settled)
		return;
	session_log_lost(to, evicted.serial, "too many without response");
	r = receipt_find(to->ctx, evicted.serial);
	if (r)
		receipt_settle(r, to, OUTCOME_LOST, 481);
	else
		session_settle(to, evicted.kind, OUTCOME_LOST);
}

int publish_direct(struct session *to, struct outmsg *m, uint64_t start, struct slice body,
		   char flag, bool last)
{
	struct context *ctx = to->ctx;
	char id[MSRP_TID_MAX + 1];
	struct msrp_rest rest = rest_of(ctx, m, start, body, flag, id);
	struct tx t = {.serial = m->meta.serial,
		       .kind = m->meta.kind,
		       .last = last,
		       .aborted = flag == '#'};
	struct slice paths = slice_make(to->block.paths, to->block.paths_len);
	uint32_t start_len;
	struct chunk *frame;

	if (!to->wire)
		return -ERR_WRONG_STATE;
	frame = frame_send(&ctx->direct, SLICE_NULL, paths, &rest, body, flag, &t.num, &start_len);
	if (outq_push_as(&to->direct, frame, t.num, m->meta.kind))
		return -ERR_LIMIT;
	note_direct(to, &t);
	session_busy(to);
	wire_touch(to->wire);
	if (to->direct.n_bytes > to->direct.max_bytes / 4) {
		ctx->direct_high = true; /* its senders may have to be paused */
		context_touch(ctx);
	}
	if (budget_note(&ctx->plane->budget))
		ctx->plane->over_limit = true;
	return 0;
}

void publish_empty(struct session *to)
{
	char id[MSRP_TID_MAX + 1];
	struct msrp_rest rest = {.range = {true, 1, 0, 0}};
	struct tx evicted, t = {.settled = true};
	struct context *ctx = to->ctx;
	struct chunk *frame;
	uint32_t start_len;

	if (!to->wire)
		return;
	rest.message_id =
		slice_make(id, series_format(&ctx->message_ids, ++ctx->serial, SLICE_NULL, id));
	frame = frame_send(&ctx->direct, SLICE_NULL,
			   slice_make(to->block.paths, to->block.paths_len), &rest, SLICE_NULL, '$',
			   &t.num, &start_len);
	if (outq_push(&to->direct, frame, t.num) == 0)
		(void)txring_push(&to->tx[STREAM_DIRECT], &t, &evicted);
	wire_touch(to->wire);
}

int publish_direct_whole(struct session *to, struct outmsg *m, struct slice body)
{
	size_t chunk = context_chunk(to->ctx);
	uint64_t pos = 1;
	int err = 0;

	do {
		struct slice part = slice_first(body, chunk);
		bool last = part.len == body.len;

		err = publish_direct(to, m, pos, part, last ? '$' : '+', last);
		pos += part.len;
		body = slice_from(body, part.len);
	} while (body.len && err == 0);
	if (err < 0)
		(void)txring_mark_settled(&to->tx[STREAM_DIRECT], m->meta.serial);
	return err;
}

void publish_stop(struct session *to, uint64_t serial)
{
	char id[MSRP_TID_MAX + 1];
	struct msrp_rest rest = {0};
	struct tx t = {.serial = serial, .settled = true};
	uint32_t start_len;
	struct chunk *frame;

	if (!to->wire)
		return;
	rest.message_id =
		slice_make(id, series_format(&to->ctx->message_ids, serial, SLICE_NULL, id));
	rest.range = (struct msrp_range){true, 1, 0, MSRP_UNSPECIFIED};
	frame = frame_send(&to->ctx->direct, SLICE_NULL,
			   slice_make(to->block.paths, to->block.paths_len), &rest, SLICE_NULL, '#',
			   &t.num, &start_len);
	if (outq_push(&to->direct, frame, t.num))
		return;
	note_direct(to, &t);
	wire_touch(to->wire);
}
