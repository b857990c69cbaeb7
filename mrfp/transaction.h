/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_TRANSACTION_H
#define MRFP_TRANSACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The open transactions of one leg in one stream of ids: SENDs of ours that wait for their
 * response, in the order they were sent. Responses usually come in that order: then a settle is
 * one comparison. Memory exists while something is open.
 */
struct tx {
	uint64_t num;    /* number in its series */
	uint64_t serial; /* message */
	uint32_t at_ms;  /* last octet written (low bits of the leg's clock) once sent */
	uint8_t kind;    /* enum cpim_kind */
	bool last;       /* its response settles the copy */
	bool whole;      /* the only chunk of its message */
	bool aborted;    /* a '#' chunk: settles as aborted */
	bool settled;    /* the copy has been settled otherwise */
	bool sent;
	bool done; /* answered, waiting for older ones to go first; private */
};

struct txring {
	struct tx *ring;
	uint32_t cap, head, n; /* head: index of the oldest */
};

#define TX_MAX 65536 /* open transactions of a leg and stream; older ones count as unanswered */

void txring_fini(struct txring *r);
static inline size_t txring_open(const struct txring *r)
{
	return r->n;
}
/*
 * Add at the end. When TX_MAX are open the oldest is taken out: returns true and *evicted_r then.
 */
bool txring_push(struct txring *r, const struct tx *t, struct tx *evicted_r);
/* The transaction got its response: take it out. False when no such one is open (MSRP-098). */
bool txring_settle(struct txring *r, uint64_t num, struct tx *tx_r);
/* Note the time when a frame was written that was pushed earlier. */
void txring_mark_sent(struct txring *r, uint64_t num, uint32_t at_ms);
/* Take out the oldest if it waits longer than timeout_ms (MSRP-094). */
bool txring_expire(struct txring *r, uint32_t now_ms, uint32_t timeout_ms, struct tx *tx_r);
/* The copy of this message is settled otherwise; true when its last chunk is among the open ones. */
bool txring_mark_settled(struct txring *r, uint64_t serial);
/* Number of the oldest open one; false: none is. */
static inline bool txring_oldest(const struct txring *r, uint64_t *num_r)
{
	if (!r->n)
		return false;
	*num_r = r->ring[r->head & (r->cap - 1)].num;
	return true;
}
/* Go through the open ones from *i = 0 on; NULL at the end. */
const struct tx *txring_next(const struct txring *r, size_t *i);
/* Newest open transaction of the message, or NULL. Valid until the next call. */
const struct tx *txring_find(const struct txring *r, uint64_t serial);

#endif
