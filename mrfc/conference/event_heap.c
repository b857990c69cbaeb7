/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binary heap of deadlines, for objects with one timer per member (the subscriptions of a large
 * conference). Timers are embedded in their owners and know their place, so that moving one is
 * O(log n). Owns only its array.
 */
#include "mrfc/conference/event_heap.h"

#include <stdlib.h>

#include "common/mem.h"

void event_heap_fini(struct event_heap *h)
{
	free(h->items);
	*h = (struct event_heap){0};
}

static void put(struct event_heap *h, size_t i, struct event_timer *t)
{
	h->items[i] = t;
	t->index = i + 1;
}

static void sift_up(struct event_heap *h, size_t i)
{
	struct event_timer *t = h->items[i];

	while (i > 0 && h->items[(i - 1) / 2]->at_ms > t->at_ms) {
		put(h, i, h->items[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(h, i, t);
}

static void sift_down(struct event_heap *h, size_t i)
{
	struct event_timer *t = h->items[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= h->n)
			break;
		if (child + 1 < h->n && h->items[child + 1]->at_ms < h->items[child]->at_ms)
			child++;
		if (h->items[child]->at_ms >= t->at_ms)
			break;
		put(h, i, h->items[child]);
		i = child;
	}
	put(h, i, t);
}

void event_heap_remove(struct event_heap *h, struct event_timer *t)
{
	size_t i = t->index - 1;
	struct event_timer *last;

	if (t->index == 0)
		return;
	t->index = 0;
	last = h->items[--h->n];
	if (last == t)
		return;
	put(h, i, last);
	sift_up(h, i);
	sift_down(h, last->index - 1);
}

void event_heap_set(struct event_heap *h, struct event_timer *t, uint64_t at_ms)
{
	if (at_ms == UINT64_MAX) {
		event_heap_remove(h, t);
		return;
	}
	if (t->index == 0) {
		if (h->n == h->cap) {
			h->cap = h->cap ? h->cap * 2 : 8;
			h->items = xrealloc(h->items, h->cap * sizeof(struct event_timer *));
		}
		put(h, h->n++, t);
	}
	t->at_ms = at_ms;
	sift_up(h, t->index - 1);
	sift_down(h, t->index - 1);
}

uint64_t event_heap_first_at(const struct event_heap *h)
{
	return h->n ? h->items[0]->at_ms : UINT64_MAX;
}

struct event_timer *event_heap_due(const struct event_heap *h, uint64_t now_ms)
{
	return h->n && h->items[0]->at_ms <= now_ms ? h->items[0] : NULL;
}
