/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection sends: all that is due in one gathered write a turn. The order is the end of
 * the frame under way, our responses, chat, frames for one leg alone, bulk; so a chat line waits
 * for one chunk at most (RFC 4975 5.1).
 */
#include "mrfp/wire.h"

#include "mrfp/wire_priv.h"

#define WRITE_BYTES (256u << 10)
#define DIRECT_IOV  32 /* frames for this leg in one write */
#define NO_LIMIT    SIZE_MAX

static void add_part(struct wire_batch *b, enum wire_part_kind kind, struct session *s, int n_iov,
		     size_t n_bytes)
{
	if (!n_iov)
		return;
	b->parts[b->n_parts].kind = kind;
	b->parts[b->n_parts].session = s;
	b->parts[b->n_parts++].n_bytes = n_bytes;
	b->n_iov += n_iov;
	b->n_bytes += n_bytes;
}

static size_t iov_sum(const struct iovec *iov, int n)
{
	size_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

static void add_queue(struct wire_batch *b, enum wire_part_kind kind, struct session *s,
		      const struct outq *q, int max)
{
	struct iovec *iov = b->iov + b->n_iov;
	int room = WIRE_IOV - b->n_iov, n;

	n = outq_iov(q, iov, max < room ? max : room);
	add_part(b, kind, s, n, iov_sum(iov, n));
}

static void add_log(struct wire_batch *b, struct session *s, int stream, size_t max_entries)
{
	size_t n_bytes, room = b->n_bytes < WRITE_BYTES ? WRITE_BYTES - b->n_bytes : 0;
	int n;

	if (!room || s->cur[stream].seq == s->ctx->log[stream].head)
		return;
	n = chunklog_iov(&s->ctx->log[stream], &s->cur[stream], &s->taste, &s->block,
			 b->iov + b->n_iov, WIRE_IOV - b->n_iov, max_entries, room, &n_bytes);
	add_part(b, stream == STREAM_CHAT ? PART_CHAT : PART_BULK, s, n, n_bytes);
}

static int rest_iov(const struct wire *w, struct iovec *iov)
{
	*iov = (struct iovec){w->rest->data + w->rest_off, w->rest->len - w->rest_off};
	return 1;
}

/* The frame under way first; of a bulk or direct source no more than that frame. */
static void add_mid(struct wire_batch *b, struct wire *w)
{
	switch (w->mid_part) {
	case PART_REST:
		add_part(b, PART_REST, NULL, rest_iov(w, b->iov), w->rest->len - w->rest_off);
		break;
	case PART_DIRECT:
		add_queue(b, PART_DIRECT, w->mid_session, &w->mid_session->direct, 1);
		break;
	case PART_CHAT:
		add_log(b, w->mid_session, STREAM_CHAT, NO_LIMIT);
		break;
	case PART_BULK:
		add_log(b, w->mid_session, STREAM_BULK, 1);
		break;
	default:
		break; /* own goes first anyway */
	}
}

static bool is_mid(const struct wire *w, const struct session *s, enum wire_part_kind kind)
{
	return w->mid_session == s && w->mid_part == kind;
}

void wire_collect(struct wire *w, struct wire_batch *b)
{
	struct session *s;

	b->n_iov = b->n_parts = 0;
	b->n_bytes = 0;
	if (w->mid_part)
		add_mid(b, w);
	if (!outq_empty(&w->own))
		add_queue(b, PART_OWN, NULL, &w->own, WIRE_IOV / 2);
	LIST_FOREACH(s, &w->sessions, in_wire) {
		if (b->n_parts + 4 > WIRE_PARTS)
			break;
		if (!is_mid(w, s, PART_CHAT))
			add_log(b, s, STREAM_CHAT, NO_LIMIT);
	}
	LIST_FOREACH(s, &w->sessions, in_wire) {
		if (b->n_parts + 4 > WIRE_PARTS)
			break;
		if (!outq_empty(&s->direct) && !is_mid(w, s, PART_DIRECT))
			add_queue(b, PART_DIRECT, s, &s->direct, DIRECT_IOV);
		if (!is_mid(w, s, PART_BULK))
			add_log(b, s, STREAM_BULK, NO_LIMIT);
	}
}

/* What a WebSocket message holds: one frame (RFC 7977 5.1), in the same order. iov[0] is for its head. */
static void collect_one(struct wire *w, struct wire_batch *b)
{
	struct session *s;

	b->n_iov = 1;
	b->n_parts = 0;
	b->n_bytes = 0;
	b->iov[0] = (struct iovec){0};
	wire_ws_take_control(w);
	if (w->rest)
		add_part(b, PART_REST, NULL, rest_iov(w, b->iov + 1), w->rest->len - w->rest_off);
	else
		add_queue(b, PART_OWN, NULL, &w->own, 1);
	for (s = LIST_FIRST(&w->sessions); s && !b->n_parts; s = LIST_NEXT(s, in_wire))
		add_log(b, s, STREAM_CHAT, 1);
	for (s = LIST_FIRST(&w->sessions); s && !b->n_parts; s = LIST_NEXT(s, in_wire)) {
		add_queue(b, PART_DIRECT, s, &s->direct, 1);
		if (!b->n_parts)
			add_log(b, s, STREAM_BULK, 1);
	}
	if (!b->n_parts)
		b->n_iov = 0;
}

/* Whose frame is out is asked last for the next one: sessions on one WebSocket take turns. */
static void to_back(struct wire *w, struct session *s)
{
	struct session *last = s, *o;

	LIST_FOREACH(o, &w->sessions, in_wire)
		last = o;
	if (last == s)
		return;
	LIST_REMOVE(s, in_wire);
	LIST_INSERT_AFTER(last, s, in_wire);
}

struct sent_arg {
	struct session *s;
	int stream;
	uint64_t at_ms;
};

static void on_log_sent(const struct chunk_meta *m, uint64_t num, void *arg)
{
	const struct sent_arg *a = arg;

	session_sent(a->s, a->stream, m, num, a->at_ms);
}

static void on_direct_sent(uint64_t tag, void *arg)
{
	const struct sent_arg *a = arg;

	txring_mark_sent(&a->s->tx[STREAM_DIRECT], tag, (uint32_t)a->at_ms);
	session_busy(a->s);
}

/* n bytes of one part are out; is a frame of it partly out now? */
static bool part_sent(struct wire *w, enum wire_part_kind kind, struct session *s, size_t n)
{
	struct sent_arg arg = {s, kind == PART_BULK ? STREAM_BULK : STREAM_CHAT, wire_clock(w)};

	switch (kind) {
	case PART_REST:
		w->rest_off += n;
		if (w->rest_off < w->rest->len)
			return true;
		chunk_unref(&w->rest);
		return false;
	case PART_OWN:
		outq_sent(&w->own, n, NULL, NULL);
		return outq_mid_frame(&w->own);
	case PART_DIRECT:
		outq_sent(&s->direct, n, on_direct_sent, &arg);
		return outq_mid_frame(&s->direct);
	default:
		chunklog_advance(&s->ctx->log[arg.stream], &s->cur[arg.stream], &s->taste,
				 &s->block, n, on_log_sent, &arg);
		return s->cur[arg.stream].off != 0;
	}
}

void wire_advance(struct wire *w, const struct wire_batch *b, size_t n)
{
	*w->plane->stats.octets_out += (int64_t)n;
	w->moved_ms = w->plane->now_ms;
	w->mid_part = PART_NONE;
	w->mid_session = NULL;
	for (int i = 0; i < b->n_parts && n; i++) {
		size_t take = n < b->parts[i].n_bytes ? n : b->parts[i].n_bytes;
		if (part_sent(w, b->parts[i].kind, b->parts[i].session, take)) {
			w->mid_part = (uint8_t)b->parts[i].kind;
			w->mid_session = b->parts[i].session;
		}
		n -= take;
	}
	if (w->ws && w->rest)
		w->mid_part = PART_REST;
	if (w->ws && b->parts[0].session)
		to_back(w, b->parts[0].session);
}

static void wait_writable(struct wire *w, bool on)
{
	w->blocked = on;
	if (on)
		wire_watch(w); /* while armed too: a tick before this write saw no block */
	if (w->armed == on)
		return; /* moved_ms tells since when */
	w->armed = on;
	conn_want_write(w->conn, on);
	if (on)
		w->moved_ms = w->plane->now_ms;
}

/* Something is left that one write did not hold (or that a leg will pass over). */
static bool has_more(const struct wire *w)
{
	const struct session *s;

	if (!outq_empty(&w->own) || (w->ws && wire_ws_has_control(w)))
		return true;
	LIST_FOREACH(s, &w->sessions, in_wire) {
		if (!outq_empty(&s->direct))
			return true;
		for (int i = 0; i < N_LOGS; i++) {
			if (s->cur[i].attached && s->cur[i].seq != s->ctx->log[i].head)
				return true;
		}
	}
	return false;
}

void wire_drained(struct wire *w)
{
	if (w->closing && conn_unsent(w->conn)) {
		wait_writable(w, true);
		return;
	}
	wait_writable(w, false);
	if (w->paused & WIRE_PAUSE_OWN)
		wire_resume(w, WIRE_PAUSE_OWN);
	if (w->closing) {
		wire_close(w);
		w->plane->ops->lost(w, CTL_LOST_CLOSED);
	}
}

bool wire_wrote(struct wire *w, const struct wire_batch *b, ssize_t n)
{
	if (n < 0 && n != -ERR_AGAIN) {
		wire_close(w);
		w->plane->ops->lost(w, CTL_LOST_RESET);
		return false;
	}
	if (n < 0 || (size_t)n < b->n_bytes || w->rest) {
		wait_writable(w, true);
		return false;
	}
	if (has_more(w))
		return true;
	wire_drained(w);
	return false;
}

void wire_flush(struct wire *w)
{
	struct iovec iov[WIRE_IOV];
	struct wire_part parts[WIRE_PARTS];
	struct wire_batch b = {.iov = iov, .parts = parts};
	ssize_t n;

	wire_undirty(w);
	if (w->dead || !w->connected)
		return;
	do {
		if (w->ws)
			collect_one(w, &b);
		else
			wire_collect(w, &b);
		if (!b.n_iov) {
			wire_drained(w);
			return;
		}
		n = w->ws ? wire_ws_writev(w, b.iov, b.n_iov, b.n_bytes)
			  : conn_writev(w->conn, b.iov, b.n_iov);
		if (n > 0)
			wire_advance(w, &b, (size_t)n);
	} while (wire_wrote(w, &b, n));
}

void wire_keep_rest(struct wire *w, struct session *s)
{
	struct iovec iov[8];
	struct bytes b = BYTES_INIT;
	size_t n_bytes;
	int n;

	if (w->mid_part == PART_DIRECT)
		n = outq_iov(&s->direct, iov, 1);
	else
		n = chunklog_iov(&s->ctx->log[w->mid_part - PART_CHAT],
				 &s->cur[w->mid_part - PART_CHAT], &s->taste, &s->block, iov, 8, 1,
				 NO_LIMIT, &n_bytes);
	for (int i = 0; i < n; i++)
		bytes_add(&b, iov[i].iov_base, iov[i].iov_len);
	w->rest = chunk_from(bytes_slice(&b));
	w->rest_off = 0;
	w->mid_part = PART_REST;
	w->mid_session = NULL;
	bytes_fini(&b);
}
