/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_MP_MRFP_LINK_LOOP_H
#define MRFC_MP_MRFP_LINK_LOOP_H

#include <stdint.h>

struct event_base;

/* The pool's share of the loop: a regular tick, and a turn later in this loop turn on demand. */
struct mrfp_loop;

struct mrfp_loop_events {
	void (*tick)(uint64_t now_ms, void *arg);
	void (*turn)(void *arg); /* once after mrfp_loop_soon() */
};

struct mrfp_loop *mrfp_loop_new(struct event_base *base, uint32_t tick_ms,
				const struct mrfp_loop_events *events, void *arg);
void mrfp_loop_free(struct mrfp_loop **l);
/* Ask for a turn; never called from within. */
void mrfp_loop_soon(struct mrfp_loop *l);
uint64_t mrfp_loop_now_ms(const struct mrfp_loop *l);

#endif
