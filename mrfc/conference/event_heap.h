/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_EVENT_HEAP_H
#define MRFC_CONFERENCE_EVENT_HEAP_H

#include <stddef.h>
#include <stdint.h>

/*
 * Many deadlines of one object in order (a binary heap of embedded timers): O(log n) to set, the
 * earliest at once. No clock. Zeroed storage is an empty heap and a timer that is not set.
 */
struct event_timer {
	uint64_t at_ms; /* private */
	size_t index;   /* private: place in the heap + 1; 0 when not in it */
};
struct event_heap {
	struct event_timer **items;
	size_t n, cap;
};

void event_heap_fini(struct event_heap *h);
/* Set or move a timer; UINT64_MAX takes it out. */
void event_heap_set(struct event_heap *h, struct event_timer *t, uint64_t at_ms);
void event_heap_remove(struct event_heap *h, struct event_timer *t);
/* The earliest deadline; UINT64_MAX when there is none. */
uint64_t event_heap_first_at(const struct event_heap *h);
/* The earliest timer if it is due at now_ms (it stays in the heap); else NULL. */
struct event_timer *event_heap_due(const struct event_heap *h, uint64_t now_ms);

#endif
