/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timer and deferred calls for the MRFP pool. The only place of the control side that knows
 * libevent and the clock; links and pool are handed now_ms.
 */
#include "mrfc/mp/mrfp_link_loop.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"

struct mrfp_loop {
	const struct mrfp_loop_events *events;
	void *arg;
	struct event *tick;
	struct event *turn;
};

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct mrfp_loop *l = arg;

	(void)fd;
	(void)what;
	l->events->tick(clock_now_ms(), l->arg);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct mrfp_loop *l = arg;

	(void)fd;
	(void)what;
	l->events->turn(l->arg);
}

struct mrfp_loop *mrfp_loop_new(struct event_base *base, uint32_t tick_ms,
				const struct mrfp_loop_events *events, void *arg)
{
	struct timeval every = {tick_ms / 1000, (tick_ms % 1000) * 1000L};
	struct mrfp_loop *l = xcalloc(1, sizeof(*l));

	l->events = events;
	l->arg = arg;
	l->tick = event_new(base, -1, EV_PERSIST, on_tick, l);
	l->turn = event_new(base, -1, 0, on_turn, l);
	event_add(l->tick, &every);
	return l;
}

void mrfp_loop_free(struct mrfp_loop **l)
{
	if (!*l)
		return;
	event_free((*l)->tick);
	event_free((*l)->turn);
	free(*l);
	*l = NULL;
}

void mrfp_loop_soon(struct mrfp_loop *l)
{
	event_active(l->turn, EV_TIMEOUT, 0);
}

uint64_t mrfp_loop_now_ms(const struct mrfp_loop *l)
{
	(void)l;
	return clock_now_ms();
}
