/* SPDX-License-Identifier: Apache-2.0 */
/* One-shot timers of the loop behind a door, so that dialogs and the focus see no libevent. */
#include "mrfc/timer.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/mem.h"

struct timer {
	struct event *event;
	timer_fn *fn;
	void *arg;
};

static void on_fire(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;

	(void)fd;
	(void)what;
	t->fn(t->arg);
}

struct timer *timer_new(struct event_base *base, timer_fn *fn, void *arg)
{
	struct timer *t = xcalloc(1, sizeof(*t));

	t->fn = fn;
	t->arg = arg;
	t->event = evtimer_new(base, on_fire, t);
	return t;
}

void timer_start(struct timer *t, uint64_t delay_ms)
{
	struct timeval tv = {.tv_sec = (time_t)(delay_ms / 1000),
			     .tv_usec = (suseconds_t)(delay_ms % 1000) * 1000};

	event_add(t->event, &tv);
}

void timer_stop(struct timer *t)
{
	event_del(t->event);
}

bool timer_running(const struct timer *t)
{
	return event_pending(t->event, EV_TIMEOUT, NULL) != 0;
}

void timer_free(struct timer **tp)
{
	struct timer *t = *tp;

	if (t == NULL)
		return;
	*tp = NULL;
	event_free(t->event);
	free(t);
}
