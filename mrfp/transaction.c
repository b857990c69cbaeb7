/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open outgoing transactions as a ring in sending order. A response out of order is found by
 * search and leaves a hole that goes when its elders have gone. Time is the caller's, in 32 bits
 * (a leg's clock stands still while we do not read from it). RFC 4975 7.1.1, 7.2.
 */
#include "mrfp/transaction.h"

#include <stdlib.h>

#include "common/mem.h"

#define RING_MIN  8
#define RING_KEEP 64 /* an empty ring above this gives its memory back */

static inline struct tx *at(const struct txring *r, uint32_t i)
{
	return &r->ring[(r->head + i) & (r->cap - 1)];
}

void txring_fini(struct txring *r)
{
	free(r->ring);
	*r = (struct txring){0};
}

static void drop_front(struct txring *r)
{
	r->head++;
	r->n--;
	while (r->n && at(r, 0)->done) {
		r->head++;
		r->n--;
	}
	if (!r->n && r->cap > RING_KEEP)
		txring_fini(r);
}

static void grow(struct txring *r)
{
	uint32_t cap = r->cap ? r->cap * 2 : RING_MIN;
	struct tx *ring = xcalloc(cap, sizeof(*ring));

	for (uint32_t i = 0; i < r->n; i++)
		ring[i] = *at(r, i);
	free(r->ring);
	r->ring = ring;
	r->cap = cap;
	r->head = 0;
}

bool txring_push(struct txring *r, const struct tx *t, struct tx *evicted_r)
{
	bool evicted = false;

	if (r->n == TX_MAX) {
		*evicted_r = *at(r, 0);
		drop_front(r);
		evicted = true;
	}
	if (r->n == r->cap)
		grow(r);
	*at(r, r->n++) = *t;
	return evicted;
}

/* Index of the open transaction num, or n. */
static uint32_t find(const struct txring *r, uint64_t num)
{
	uint32_t low = 0, high = r->n;

	while (low < high) { /* numbers rise */
		uint32_t mid = low + (high - low) / 2;
		if (at(r, mid)->num < num)
			low = mid + 1;
		else
			high = mid;
	}
	return low < r->n && at(r, low)->num == num && !at(r, low)->done ? low : r->n;
}

bool txring_settle(struct txring *r, uint64_t num, struct tx *tx_r)
{
	uint32_t i;

	if (!r->n)
		return false;
	i = at(r, 0)->num == num ? 0 : find(r, num);
	if (i == r->n)
		return false;
	*tx_r = *at(r, i);
	if (i == 0)
		drop_front(r);
	else
		at(r, i)->done = true;
	return true;
}

void txring_mark_sent(struct txring *r, uint64_t num, uint32_t at_ms)
{
	uint32_t i = find(r, num);

	if (i < r->n) {
		at(r, i)->sent = true;
		at(r, i)->at_ms = at_ms;
	}
}

bool txring_expire(struct txring *r, uint32_t now_ms, uint32_t timeout_ms, struct tx *tx_r)
{
	const struct tx *t;

	if (!r->n)
		return false;
	t = at(r, 0);
	if (!t->sent || now_ms - t->at_ms < timeout_ms || now_ms - t->at_ms > INT32_MAX)
		return false;
	*tx_r = *t;
	drop_front(r);
	return true;
}

bool txring_mark_settled(struct txring *r, uint64_t serial)
{
	bool last = false;

	for (uint32_t i = 0; i < r->n; i++) {
		struct tx *t = at(r, i);
		if (t->serial == serial && !t->done) {
			t->settled = true;
			last = last || t->last;
		}
	}
	return last;
}

const struct tx *txring_find(const struct txring *r, uint64_t serial)
{
	for (uint32_t i = r->n; i > 0; i--) {
		const struct tx *t = at(r, i - 1);
		if (t->serial == serial && !t->done)
			return t;
	}
	return NULL;
}

const struct tx *txring_next(const struct txring *r, size_t *i)
{
	while (*i < r->n) {
		const struct tx *t = at(r, (uint32_t)(*i)++);
		if (!t->done)
			return t;
	}
	return NULL;
}
