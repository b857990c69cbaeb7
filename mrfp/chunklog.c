/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared log of a context and the cursors of its legs. Owns the bytes of all chunks between
 * its slowest cursor and its head. A frame of a leg is [start line][leg's paths][shared rest];
 * with a suffix (two legs of the context on one connection) its id differs, so the suffix goes in
 * behind the id in the start line and in the end-line. Refuses to know sockets and time.
 */
#include "mrfp/chunklog.h"

#include <stdlib.h>

#include "common/mem.h"

#define RING_MIN  16
#define SEND_LEN  (sizeof(" SEND\r\n") - 1)
#define FLAG_LEN  (sizeof("$\r\n") - 1)
#define FRAME_IOV 7 /* iovecs of one frame, at most */

/* Index of the first settled serial that is not below this one; a leg far behind has thousands. */
static uint32_t settled_at(const struct taste *t, uint64_t serial)
{
	uint32_t low = 0, high = t->n_settled;
	const uint64_t *list = t->settled + t->first_settled;

	if (high && list[high - 1] < serial)
		return high; /* as it is with a new message */
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (list[mid] < serial)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool taste_is_settled(const struct taste *t, uint64_t serial)
{
	uint32_t at;

	if (!t->n_settled)
		return false;
	at = settled_at(t, serial);
	return at < t->n_settled && t->settled[t->first_settled + at] == serial;
}

/* Room for one more behind the last: what was forgotten in front, or twice as much. */
static void settled_reserve(struct taste *t)
{
	if (t->first_settled + t->n_settled < t->cap_settled)
		return;
	if (t->first_settled > t->cap_settled / 2) {
		memmove(t->settled, t->settled + t->first_settled,
			t->n_settled * sizeof(*t->settled));
		t->first_settled = 0;
		return;
	}
	t->cap_settled = t->cap_settled ? t->cap_settled * 2 : 4;
	t->settled = xrealloc(t->settled, t->cap_settled * sizeof(*t->settled));
}

void taste_settle(struct taste *t, uint64_t serial)
{
	uint64_t *place;
	uint32_t at;

	if (taste_is_settled(t, serial))
		return;
	settled_reserve(t);
	at = t->n_settled ? settled_at(t, serial) : 0;
	place = t->settled + t->first_settled + at;
	memmove(place + 1, place, (t->n_settled - at) * sizeof(*place));
	*place = serial;
	t->n_settled++;
}

void taste_forget(struct taste *t, uint64_t serial)
{
	uint64_t *list;
	uint32_t at;

	if (!taste_is_settled(t, serial))
		return;
	list = t->settled + t->first_settled;
	at = settled_at(t, serial);
	t->n_settled--;
	if (at <= t->n_settled / 2) { /* move the shorter side */
		memmove(list + 1, list, at * sizeof(*list));
		t->first_settled++;
	} else {
		memmove(list + at, list + at + 1, (t->n_settled - at) * sizeof(*list));
	}
	if (!t->n_settled)
		taste_fini(t);
}

void taste_fini(struct taste *t)
{
	free(t->settled);
	t->settled = NULL;
	t->first_settled = t->n_settled = t->cap_settled = 0;
}

bool taste_wants(const struct taste *t, const struct chunk_meta *m)
{
	if (m->source == t->number || !(m->admit >> t->accept & 1))
		return false;
	if (t->deaf && !m->control)
		return false;
	return !t->max_size || m->size <= t->max_size;
}

static inline bool wanted(const struct taste *t, const struct chunk_meta *m)
{
	if (m->source == t->number || m->serial <= t->since)
		return false;
	return !t->n_settled || !taste_is_settled(t, m->serial);
}

void chunklog_init(struct chunklog *l)
{
	memset(l, 0, sizeof(*l));
	series_init(&l->tids);
}

static inline struct chunklog_entry *entry_at(const struct chunklog *l, uint64_t seq)
{
	return &l->ring[seq & (l->cap - 1)];
}

static void drop(struct chunklog *l, struct chunklog_entry *e)
{
	if (l->meter)
		meter_sub(l->meter, e->meta.kind, chunklog_cost(e->bytes->len));
	chunk_unref(&e->bytes);
}

void chunklog_fini(struct chunklog *l)
{
	for (uint64_t s = l->tail; s < l->head; s++)
		drop(l, entry_at(l, s));
	free(l->ring);
	l->ring = NULL;
	l->cap = 0;
	l->tail = l->head;
}

uint64_t chunklog_held(const struct chunklog *l)
{
	return l->tail == l->head ? 0 : l->pos_head - entry_at(l, l->tail)->pos;
}

uint64_t chunklog_lag(const struct chunklog *l, const struct cursor *c)
{
	return !c->attached || c->seq == l->head ? 0 : l->pos_head - entry_at(l, c->seq)->pos;
}

void chunklog_attach(struct chunklog *l, struct cursor *c)
{
	c->seq = l->head;
	c->off = 0;
	c->attached = true;
	l->n_cursors++;
}

/* Free what everybody has passed. */
static void collect(struct chunklog *l)
{
	while (l->tail < l->head && entry_at(l, l->tail)->left == 0) {
		drop(l, entry_at(l, l->tail));
		l->tail++;
	}
	if (l->tail == l->head && l->cap > 64 * RING_MIN) {
		free(l->ring);
		l->ring = NULL;
		l->cap = 0;
	}
}

static void pass(struct chunklog *l, struct chunklog_entry *e)
{
	if (--e->left == 0 && e == entry_at(l, l->tail))
		collect(l);
}

void chunklog_detach(struct chunklog *l, struct cursor *c)
{
	if (!c->attached)
		return;
	for (uint64_t s = c->seq; s < l->head; s++)
		entry_at(l, s)->left--;
	c->attached = false;
	c->seq = l->head;
	c->off = 0;
	l->n_cursors--;
	collect(l);
}

void chunklog_move(struct chunklog *l, struct cursor *from, struct cursor *to)
{
	if (!from->attached)
		return;
	*to = *from;
	*from = (struct cursor){.seq = l->head};
	if (!to->off)
		return;
	to->off = 0;
	to->seq++;
	pass(l, entry_at(l, to->seq - 1));
}

const struct chunk_meta *chunklog_at(const struct chunklog *l, uint64_t seq)
{
	return seq < l->head ? &entry_at(l, seq)->meta : NULL;
}

uint64_t chunklog_num_at(const struct chunklog *l, uint64_t seq)
{
	return entry_at(l, seq)->num;
}

const struct chunklog_entry *chunklog_newest(const struct chunklog *l)
{
	return l->tail == l->head ? NULL : entry_at(l, l->head - 1);
}

static void grow(struct chunklog *l)
{
	size_t cap = l->cap ? l->cap * 2 : RING_MIN;
	struct chunklog_entry *ring;

	ring = xcalloc(cap, sizeof(*ring));
	for (uint64_t s = l->tail; s < l->head; s++)
		ring[s & (cap - 1)] = *entry_at(l, s);
	free(l->ring);
	l->ring = ring;
	l->cap = cap;
}

void chunklog_append(struct chunklog *l, const struct chunk_meta *meta,
		     const struct msrp_rest *rest, struct slice body)
{
	struct chunklog_entry *e;

	if (!l->n_cursors)
		return;
	if (l->head - l->tail == l->cap)
		grow(l);
	e = entry_at(l, l->head);
	e->meta = *meta;
	e->bytes = frame_send(&l->tids, SLICE_NULL, SLICE_NULL, rest, body, meta->flag, &e->num,
			      &e->start_len);
	e->pos = l->pos_head;
	e->left = l->n_cursors;
	l->pos_head += chunklog_cost(e->bytes->len);
	if (l->meter)
		meter_add(l->meter, meta->kind, chunklog_cost(e->bytes->len));
	l->head++;
}

/* Step over entries that this leg does not want; only between frames. */
static inline void skip(struct chunklog *l, struct cursor *c, struct taste *t)
{
	if (c->off)
		return;
	while (c->seq < l->head) {
		struct chunklog_entry *e = entry_at(l, c->seq);
		if (wanted(t, &e->meta))
			return;
		if (e->meta.last && t->n_settled)
			taste_forget(t, e->meta.serial);
		c->seq++;
		pass(l, e);
	}
}

const struct chunk_meta *chunklog_ahead(const struct chunklog *l, const struct cursor *c,
					uint64_t serial)
{
	for (uint64_t s = l->head; c->attached && s > c->seq; s--) {
		const struct chunk_meta *m = &entry_at(l, s - 1)->meta;
		if (m->serial == serial)
			return m;
	}
	return NULL;
}

bool chunklog_pending(struct chunklog *l, struct cursor *c, struct taste *t)
{
	if (!c->attached)
		return false;
	skip(l, c, t);
	return c->seq < l->head;
}

static inline size_t frame_len(const struct chunklog_entry *e, const struct leg_block *leg)
{
	return e->bytes->len + leg->paths_len + 2u * leg->suffix_len;
}

/* The parts of one frame in order. */
static int frame_parts(const struct chunklog_entry *e, const struct leg_block *leg,
		       struct iovec part[FRAME_IOV])
{
	char *p = e->bytes->data;
	size_t len = e->bytes->len, start = e->start_len;
	void *paths = (void *)(uintptr_t)leg->paths;
	void *suffix = (void *)(uintptr_t)leg->suffix;
	size_t suffix_len = leg->suffix_len;

	if (!suffix_len) {
		part[0] = (struct iovec){p, start};
		part[1] = (struct iovec){paths, leg->paths_len};
		part[2] = (struct iovec){p + start, len - start};
		return 3;
	}
	part[0] = (struct iovec){p, start - SEND_LEN};
	part[1] = (struct iovec){suffix, suffix_len};
	part[2] = (struct iovec){p + start - SEND_LEN, SEND_LEN};
	part[3] = (struct iovec){paths, leg->paths_len};
	part[4] = (struct iovec){p + start, len - start - FLAG_LEN};
	part[5] = (struct iovec){suffix, suffix_len};
	part[6] = (struct iovec){p + len - FLAG_LEN, FLAG_LEN};
	return 7;
}

int chunklog_iov(struct chunklog *l, struct cursor *c, struct taste *t, const struct leg_block *leg,
		 struct iovec *iov, int n_iov, size_t max_entries, size_t max_bytes,
		 size_t *bytes_r)
{
	struct iovec part[FRAME_IOV];
	size_t off = c->off, bytes = 0;
	int n = 0;

	*bytes_r = 0;
	if (!c->attached)
		return 0;
	skip(l, c, t);
	for (uint64_t s = c->seq; s < l->head && max_entries && n + FRAME_IOV <= n_iov; s++) {
		const struct chunklog_entry *e = entry_at(l, s);
		int n_part;

		if (!off && !wanted(t, &e->meta))
			continue;
		if (bytes && bytes + frame_len(e, leg) > max_bytes)
			break;
		n_part = frame_parts(e, leg, part);
		for (int i = 0; i < n_part; i++) {
			if (off >= part[i].iov_len) {
				off -= part[i].iov_len;
				continue;
			}
			iov[n].iov_base = (char *)part[i].iov_base + off;
			iov[n].iov_len = part[i].iov_len - off;
			bytes += iov[n++].iov_len;
			off = 0;
		}
		max_entries--;
	}
	*bytes_r = bytes;
	return n;
}

void chunklog_advance(struct chunklog *l, struct cursor *c, struct taste *t,
		      const struct leg_block *leg, size_t n, chunklog_sent_fn *sent, void *arg)
{
	while (n) {
		struct chunklog_entry *e;
		size_t rest;

		skip(l, c, t);
		e = entry_at(l, c->seq);
		rest = frame_len(e, leg) - c->off;
		if (n < rest) {
			c->off += (uint32_t)n;
			return;
		}
		n -= rest;
		c->off = 0;
		c->seq++;
		sent(&e->meta, e->num, arg);
		pass(l, e);
	}
	skip(l, c, t);
}
