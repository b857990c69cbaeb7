/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_OUTQ_H
#define COMMON_OUTQ_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include "common/chunk.h"
#include "common/meter.h"

/*
 * Bounded list of one stream's own frames (whole frames, one chunk each), sent front to back.
 * Initialise with outq_init; set meter (or not) while it is empty.
 */
struct outq_item {
	STAILQ_ENTRY(outq_item) link;
	struct chunk *chunk;
	uint64_t tag; /* the owner's note, handed to the sent callback */
	uint8_t cls;  /* in the meter */
};

struct outq {
	STAILQ_HEAD(, outq_item) items;
	size_t offset;  /* bytes of the first item already sent */
	size_t n_bytes; /* unsent bytes */
	size_t n_items;
	size_t max_bytes;
	struct meter *meter; /* what its frames cost in memory is kept there; NULL: nowhere */
};

typedef void outq_sent_fn(uint64_t tag, void *arg);

void outq_init(struct outq *q, size_t max_bytes);
void outq_fini(struct outq *q);
/* Takes over the caller's reference in every case. -ERR_LIMIT when max_bytes would be passed. */
MUST_CHECK int outq_push(struct outq *q, struct chunk *chunk_take, uint64_t tag);
/* The same, with the frame's class in the meter (outq_push: 0). */
MUST_CHECK int outq_push_as(struct outq *q, struct chunk *chunk_take, uint64_t tag, unsigned cls);
static inline bool outq_empty(const struct outq *q)
{
	return q->n_items == 0;
}
/* Part of the first frame is out: nothing else may be written to the stream before its rest. */
static inline bool outq_mid_frame(const struct outq *q)
{
	return q->offset != 0;
}
/* Fill up to n iovecs from the front; returns how many. */
int outq_iov(const struct outq *q, struct iovec *iov, int n);
/* n bytes were sent: frees finished frames, calls sent (may be NULL) for each. */
void outq_sent(struct outq *q, size_t n, outq_sent_fn *sent, void *arg);

#endif
