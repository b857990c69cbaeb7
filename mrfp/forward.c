/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From octets that arrive to chunks that leave. A message that came whole in one read is sent as
 * one chunk without a second copy; a long one leaves in chunks of 16 KiB (less where a relay is on
 * the way) as it comes. Byte ranges are those of the sender, so any order and any gap passes
 * (MSRP-067).
 */
#include "mrfp/forward.h"

#include "mrfp/key.h"
#include "mrfp/relay.h"
#include "mrfp/throttle.h"

/* In a relay: what is put in front comes with the first octet, and all others move up. */
static void relay_chunk(struct inmsg *m, uint64_t start, struct slice body, char flag, bool last)
{
	struct bytes both = BYTES_INIT;

	if (!m->out.wrap.len || (start == 1 && flag == '#')) {
		publish_chunk(m->from->ctx, &m->out, start, body, flag, last);
	} else if (start > 1) {
		publish_chunk(m->from->ctx, &m->out, start + m->out.wrap.len, body, flag, last);
	} else {
		bytes_add_slice(&both, bytes_slice(&m->out.wrap));
		bytes_add_slice(&both, body);
		publish_chunk(m->from->ctx, &m->out, 1, bytes_slice(&both), flag, last);
		bytes_fini(&both);
	}
}

/* One chunk out: to the room's log, or to each target that still wants it. */
static void send_chunk(struct inmsg *m, uint64_t start, struct slice body, char flag, bool last)
{
	struct context *ctx = m->from->ctx;
	struct receipt *r = m->receipt;

	if (m->key) {
		key_octets(m, start, body);
		if (last && flag != '#')
			key_finish(m);
		return;
	}
	if (flag == '+' && m->length != MSRP_UNSPECIFIED && start + body.len == m->length + 1)
		flag = '$'; /* its end came earlier than this part */
	if (!r && !m->out.meta.serial) {
		bool chat = m->out.total != MSRP_UNSPECIFIED && m->out.total <= FORWARD_CHAT_MAX;
		m->out.stream = chat ? STREAM_CHAT : STREAM_BULK;
		publish_begin(ctx, &m->out);
		if (ctx->kind == CTL_KIND_RELAY)
			relayed_begin(m, relay_other(m->from));
	}
	if (ctx->kind == CTL_KIND_RELAY) {
		if (m->state == INMSG_OPEN)
			relay_chunk(m, start, body, flag, last);
		return;
	}
	if (!r) {
		publish_chunk(ctx, &m->out, start, body, flag, last);
		return;
	}
	if (start + body.len - 1 > r->size)
		r->size = start + body.len - 1;
	for (size_t i = 0; i < r->n_targets; i++) {
		struct session *s;
		if (r->targets[i].state != RECEIPT_OPEN)
			continue;
		s = session_by_number(ctx, r->targets[i].number);
		if (!s)
			continue; /* no leg: its copy was settled when it left */
		if (publish_direct(s, &m->out, start, body, flag, last) == 0) {
			throttle_private(m->from, s);
			continue;
		}
		session_log_lost(s, r->serial, "its queue is full");
		(void)txring_mark_settled(&s->tx[STREAM_DIRECT], r->serial);
		receipt_settle(r, s, OUTCOME_LOST, 481);
	}
}

static size_t pending(const struct inmsg *m)
{
	return m->view.len + m->own.len;
}

/* Send n of the gathered octets. */
static void flush_some(struct inmsg *m, size_t n, char flag, bool last)
{
	if (m->view.len) {
		send_chunk(m, m->pend_pos, slice_first(m->view, n), flag, last);
		m->view = slice_from(m->view, n);
	} else {
		send_chunk(m, m->pend_pos, slice_first(bytes_slice(&m->own), n), flag, last);
		bytes_drop(&m->own, n);
		if (!m->own.len)
			bytes_fini(&m->own);
	}
	m->pend_pos += n;
}

static void view_to_own(struct inmsg *m)
{
	if (!m->view.len)
		return;
	bytes_add_slice(&m->own, m->view);
	m->view = SLICE_NULL;
}

void forward_octets(struct inmsg *m, uint64_t pos, struct slice piece, bool keep)
{
	size_t chunk = context_chunk(m->from->ctx);

	if (pending(m) && pos != m->pend_pos + pending(m))
		flush_some(m, pending(m), '+', false);
	while (piece.len) {
		size_t have = pending(m), take;

		if (have >= chunk) {
			flush_some(m, chunk, '+', false);
			continue;
		}
		if (!have) {
			m->pend_pos = pos;
			if (keep) {
				m->view = piece;
				/* All but the last chunk goes at once. */
				while (m->view.len > chunk)
					flush_some(m, chunk, '+', false);
				return;
			}
		} else if (m->view.len && m->view.ptr + m->view.len == piece.ptr && keep) {
			m->view.len += piece.len;
			while (m->view.len > chunk)
				flush_some(m, chunk, '+', false);
			return;
		}
		view_to_own(m);
		take = chunk - have < piece.len ? chunk - have : piece.len;
		bytes_add_slice(&m->own, slice_first(piece, take));
		piece = slice_from(piece, take);
		pos += take;
	}
}

void forward_end(struct inmsg *m, uint64_t pos, char flag, bool last)
{
	if (pending(m))
		flush_some(m, pending(m), flag, last);
	else if (flag != '+' || last)
		send_chunk(m, pos, SLICE_NULL, flag, last);
}

void forward_views_die(struct inmsg *m)
{
	size_t n = m->view.len;

	if (!n)
		return;
	/* The last octets wait for their end-line, so that the message does not end in an empty chunk. */
	if (n >= FORWARD_CHUNK_MIN && m->total != MSRP_UNSPECIFIED && m->pend_pos + n <= m->total)
		flush_some(m, n, '+', false);
	else if (n >= 2 * (size_t)FORWARD_CHUNK_MIN && m->total == MSRP_UNSPECIFIED)
		flush_some(m, n - FORWARD_CHUNK_MIN, '+', false);
	view_to_own(m);
}

void forward_abort(struct inmsg *m)
{
	uint64_t pos = m->pend_pos ? m->pend_pos : 1;

	if (m->state != INMSG_OPEN)
		return;
	if (!m->out.meta.serial)
		return; /* nothing of it went out */
	m->view = SLICE_NULL;
	bytes_fini(&m->own);
	send_chunk(m, pos, SLICE_NULL, '#', true);
}

bool forward_is_futile(const struct inmsg *m)
{
	const struct receipt *r = m->receipt;

	return r && !r->n_open && !r->n_delivered;
}

bool forward_is_bulk(const struct inmsg *m)
{
	uint64_t total = m->state == INMSG_OPEN ? m->out.total : m->total;

	return total == MSRP_UNSPECIFIED || total > FORWARD_CHAT_MAX ||
	       m->n_passed > FORWARD_CHAT_MAX; /* it repeats itself */
}
