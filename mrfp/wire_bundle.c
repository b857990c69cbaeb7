/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A turn's sends and reads by io_uring. The kernel is done with all memory when a run returns, so
 * what follows from the results may close anything: results are first all taken over, then acted
 * upon. A ring that fails is given up, and each connection is served by itself from then on.
 */
#include "mrfp/wire_bundle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfp/wire_priv.h"

#define LOG_PLACE "wire"

#define IOV_ROOM   8192
#define PARTS_ROOM 2048
#define FEW        2 /* fewer than this: a call each costs no more */
#define SLOTS      64
#define SLOT_SIZE  (16u << 10)
#define MANY_DUE   8 /* responses; fewer are not worth a wait */

struct send {
	struct wire *wire;
	struct wire_batch batch;
	struct msghdr msg;
	ssize_t result;
};

struct bundle {
	struct uring *ring;
	size_t n_sends, n_iov, n_parts;
	struct send sends[URING_MAX];
	struct iovec iov[IOV_ROOM];
	struct wire_part parts[PARTS_ROOM];
	char slots[SLOTS][SLOT_SIZE];
};

struct bundle *bundle_new(struct uring *ring_take)
{
	struct bundle *b = xcalloc(1, sizeof(*b));

	b->ring = ring_take;
	return b;
}

void bundle_free(struct bundle **b)
{
	if (!*b)
		return;
	uring_close(&(*b)->ring);
	free(*b);
	*b = NULL;
}

/* --- sends --- */

static ssize_t as_conn(int32_t result)
{
	if (result >= 0)
		return result;
	return result == -EAGAIN || result == -EINTR ? -ERR_AGAIN : -ERR_IO;
}

static void write_each(struct bundle *b)
{
	for (size_t i = 0; i < b->n_sends; i++) {
		struct send *s = &b->sends[i];
		s->result = conn_writev(s->wire->conn, s->batch.iov, s->batch.n_iov);
	}
}

static void write_all(struct bundle *b, int64_t *n_calls)
{
	const int32_t *results;

	for (size_t i = 0; i < b->n_sends; i++) {
		struct send *s = &b->sends[i];
		s->msg = (struct msghdr){.msg_iov = s->batch.iov,
					 .msg_iovlen = (size_t)s->batch.n_iov};
		uring_send(b->ring, conn_fd(s->wire->conn), &s->msg);
	}
	(*n_calls)++;
	results = uring_run(b->ring);
	for (size_t i = 0; i < b->n_sends; i++)
		b->sends[i].result = as_conn(results[i]);
}

void bundle_run(struct plane *plane)
{
	struct bundle *b = plane->bundle;

	if (!b->n_sends)
		return;
	if (b->n_sends < FEW)
		write_each(b);
	else
		write_all(b, plane->stats.io_batches);
	for (size_t i = 0; i < b->n_sends; i++) {
		struct send *s = &b->sends[i];
		s->wire->bundled = false;
		if (s->result > 0)
			wire_advance(s->wire, &s->batch, (size_t)s->result);
	}
	for (size_t i = 0; i < b->n_sends; i++) {
		struct send *s = &b->sends[i];
		if (!s->wire->dead && wire_wrote(s->wire, &s->batch, s->result))
			wire_touch(s->wire);
	}
	b->n_sends = b->n_iov = b->n_parts = 0;
}

void bundle_send(struct plane *plane, struct wire *w)
{
	struct bundle *b = plane->bundle;
	struct send *s;

	if (w->bundled || w->dead || !w->connected || !wire_is_bare(w)) {
		if (!w->bundled)
			wire_flush(w);
		return;
	}
	wire_undirty(w);
	if (b->n_sends == URING_MAX || b->n_iov + WIRE_IOV > IOV_ROOM ||
	    b->n_parts + WIRE_PARTS > PARTS_ROOM)
		bundle_run(plane);
	s = &b->sends[b->n_sends];
	s->wire = w;
	s->batch.iov = b->iov + b->n_iov;
	s->batch.parts = b->parts + b->n_parts;
	wire_collect(w, &s->batch);
	if (s->batch.n_iov) {
		w->bundled = true;
		b->n_sends++;
		b->n_iov += (size_t)s->batch.n_iov;
		b->n_parts += (size_t)s->batch.n_parts;
		return;
	}
	if (w->closing)
		bundle_run(plane); /* the end of a connection changes what was collected */
	wire_drained(w);
}

/* --- reads --- */

/* The slot is full: the rest of what is there comes behind it. */
static void take_long(struct plane *plane, struct wire *w, const char *slot)
{
	char *at = plane->read_buf + PLANE_READ_HEADROOM;
	ssize_t n = 0;

	memcpy(at, slot, SLOT_SIZE);
	if (plane->read_now > SLOT_SIZE)
		n = conn_read(w->conn, at + SLOT_SIZE, plane->read_now - SLOT_SIZE);
	wire_take(w, at, n > 0 ? n + (ssize_t)SLOT_SIZE : (ssize_t)SLOT_SIZE);
}

static unsigned choose_readers(struct plane *plane, struct wire *readers[SLOTS])
{
	unsigned n = 0;
	struct wire *w;

	while (n < SLOTS && (w = TAILQ_FIRST(&plane->readable))) {
		TAILQ_REMOVE(&plane->readable, w, in_readable);
		w->readable = false;
		if (!w->paused)
			readers[n++] = w;
	}
	return n;
}

static void read_each(struct plane *plane, struct wire *const *readers, unsigned n)
{
	char *at = plane->read_buf + PLANE_READ_HEADROOM;

	for (unsigned i = 0; i < n; i++) {
		if (!readers[i]->dead)
			wire_take(readers[i], at, conn_read(readers[i]->conn, at, plane->read_now));
	}
}

static void read_all(struct plane *plane, struct wire *const *readers, unsigned n)
{
	struct bundle *b = plane->bundle;
	int32_t results[SLOTS];

	for (unsigned i = 0; i < n; i++)
		uring_recv(b->ring, conn_fd(readers[i]->conn), b->slots[i], SLOT_SIZE);
	(*plane->stats.io_batches)++;
	memcpy(results, uring_run(b->ring), n * sizeof(results[0])); /* the ring may run below */
	for (unsigned i = 0; i < n; i++) {
		ssize_t got = as_conn(results[i]);
		if (readers[i]->dead)
			continue;
		if (got == SLOT_SIZE)
			take_long(plane, readers[i], b->slots[i]);
		else
			wire_take(readers[i], b->slots[i], got);
		if (plane->over_limit)
			plane->ops->overfull(plane);
	}
}

void bundle_read(struct plane *plane)
{
	struct bundle *b = plane->bundle;
	struct wire *readers[SLOTS];
	unsigned n;

	if (TAILQ_EMPTY(&plane->readable))
		return;
	plane->now_ms = clock_now_ms();
	plane->reading = true;
	while ((n = choose_readers(plane, readers))) {
		if (n < FEW || !uring_ok(b->ring))
			read_each(plane, readers, n);
		else
			read_all(plane, readers, n);
	}
	plane->reading = false;
}

void bundle_gather(struct plane *plane)
{
	unsigned us = (unsigned)plane->opt->gather_us;

	if (us && plane->due >= MANY_DUE)
		uring_rest(plane->bundle->ring, us);
}

void bundle_check(struct plane *plane)
{
	if (uring_ok(plane->bundle->ring))
		return;
	log_error("io_uring failed; from now on each connection has a system call of its own");
	*plane->stats.uring = 0;
	bundle_free(&plane->bundle);
}
