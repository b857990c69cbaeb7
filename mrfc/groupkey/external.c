/* SPDX-License-Identifier: Apache-2.0 */
/* The key server's client: calls to frames, frames to events, a connection that comes back. */
#include "mrfc/groupkey/external.h"

#include <errno.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "mrfc/groupkey/ks_relay.h"
#include "mrfc/timer.h"

#define LOG_PLACE "groupkey"

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 1000
#define PING_MS        1000
#define MISSES_MAX     3

struct external {
	struct groupkey g;
	struct event_base *base;
	struct addr at;
	struct ks_security security;
	struct ks_stream *stream; /* NULL: none */
	bool up;                  /* it said hello */
	struct timer *redial, *ping;
	uint64_t backoff_ms;
	unsigned misses;
	struct log_trouble trouble; /* why it is away */
	int64_t *up_now;
};

static void dial(void *arg);

static struct external *external_of(const struct groupkey *g)
{
	return (struct external *)(uintptr_t)g; /* its first member */
}

static void lost(struct external *x, const char *why)
{
	bool was_up = x->up;
	char where[ADDR_STRLEN];

	ks_stream_free(&x->stream);
	x->up = false;
	*x->up_now = 0;
	timer_stop(x->ping);
	timer_start(x->redial, x->backoff_ms);
	x->backoff_ms = x->backoff_ms * 2 < BACKOFF_MAX_MS ? x->backoff_ms * 2 : BACKOFF_MAX_MS;
	log_trouble_at(&x->trouble, clock_now_ms(), LOG_PLACE, "no key server at %s: %s; trying on",
		       addr_format(&x->at, where), why);
	if (was_up && x->g.events != NULL)
		x->g.events->down(NULL, why, x->g.arg);
}

/* 0; -ERR_CLOSED: there is none to send it to. */
static int tell_server(struct external *x, const struct ks_frame *f)
{
	if (!x->up)
		return -ERR_CLOSED;
	if (ks_stream_send(x->stream, f) == 0)
		return 0;
	x->misses = MISSES_MAX; /* the next tick ends it: never inside a call */
	return -ERR_CLOSED;
}

static void on_hello(struct external *x, const struct ks_frame *f)
{
	char where[ADDR_STRLEN];

	if (f->number != KS_VERSION) {
		lost(x, "it speaks another version");
		return;
	}
	x->up = true;
	log_trouble_over(&x->trouble);
	x->backoff_ms = BACKOFF_MIN_MS;
	*x->up_now = 1;
	log_info("the key server at %s serves", addr_format(&x->at, where));
	if (x->g.events != NULL)
		x->g.events->back(NULL, x->g.arg);
}

static void on_frame(struct ks_stream *s, const struct ks_frame *f, void *arg)
{
	struct external *x = arg;

	(void)s;
	x->misses = 0;
	if (!x->up) {
		if (f->verb == KS_HELLO)
			on_hello(x, f);
		else
			lost(x, "it did not say hello");
		return;
	}
	if (ks_relay_tell(&x->g, f) != 0)
		log_debug("a frame of the key server makes no sense");
}

static void on_up(struct ks_stream *s, void *arg)
{
	struct external *x = arg;
	const struct ks_frame hello = {.verb = KS_HELLO, .number = KS_VERSION};

	x->misses = 0;
	timer_start(x->ping, PING_MS);
	if (ks_stream_send(s, &hello) != 0)
		lost(x, "nothing can be sent");
}

static void on_closed(struct ks_stream *s, const char *why, void *arg)
{
	(void)s;
	lost(arg, why);
}

static const struct ks_stream_events stream_events = {
	.up = on_up, .frame = on_frame, .closed = on_closed};

static void on_ping(void *arg)
{
	struct external *x = arg;
	const struct ks_frame ping = {.verb = KS_PING};

	if (x->stream == NULL)
		return;
	if (x->misses++ >= MISSES_MAX || ks_stream_send(x->stream, &ping) != 0)
		lost(x, "no sign of life");
	else
		timer_start(x->ping, PING_MS);
}

static void dial(void *arg)
{
	struct external *x = arg;

	if (ks_stream_connect(x->base, &x->security, &x->at, &stream_events, x, &x->stream) != 0)
		lost(x, strerror(errno));
}

/* --- calls --- */

static int external_open(struct groupkey *g, const char *room, const struct groupkey_policy *policy)
{
	return tell_server(external_of(g), &(struct ks_frame){.verb = KS_OPEN,
							      .room = slice_str(room),
							      .number = policy->suite});
}

static void external_close(struct groupkey *g, const char *room)
{
	if (tell_server(external_of(g),
			&(struct ks_frame){.verb = KS_CLOSE, .room = slice_str(room)}) != 0)
		log_debug("%s is closed: its keys went with the connection", room);
}

static int external_change(struct groupkey *g, const char *room,
			   const struct groupkey_member *joined, size_t n_joined,
			   const struct groupkey_member *left, size_t n_left)
{
	struct bytes list = BYTES_INIT;
	int err;

	for (size_t i = 0; i < n_left; i++)
		ks_relay_add(&list, false, &left[i]);
	for (size_t i = 0; i < n_joined; i++)
		ks_relay_add(&list, true, &joined[i]);
	err = bytes_ok(&list)
		      ? tell_server(external_of(g), &(struct ks_frame){.verb = KS_CHANGE,
								       .room = slice_str(room),
								       .bytes = bytes_slice(&list)})
		      : -ERR_LIMIT;
	bytes_fini(&list);
	return err;
}

static int send_request(struct groupkey *g, const char *room, const struct groupkey_member *from,
			struct slice bytes, bool renews)
{
	struct ks_frame f = ks_relay_request(room, from, bytes);

	f.number = renews;
	return tell_server(external_of(g), &f);
}

static int external_request(struct groupkey *g, const char *room,
			    const struct groupkey_member *from, struct slice bytes)
{
	return send_request(g, room, from, bytes, false);
}

static int external_renew(struct groupkey *g, const char *room, const struct groupkey_member *from,
			  struct slice bytes)
{
	return send_request(g, room, from, bytes, true);
}

static void external_sent(struct groupkey *g, const char *room, uint64_t n_messages)
{
	if (tell_server(external_of(g), &(struct ks_frame){.verb = KS_SENT,
							   .room = slice_str(room),
							   .number = n_messages}) != 0)
		log_debug("%s gets another key anyway when the key server is back", room);
}

static bool external_ready(const struct groupkey *g, const char *room)
{
	(void)room;
	return external_of(g)->up;
}

static void external_free(struct groupkey *g)
{
	struct external *x = external_of(g);

	ks_stream_free(&x->stream);
	timer_free(&x->redial);
	timer_free(&x->ping);
	free(x);
}

static const struct groupkey_ops external_ops = {
	.open = external_open,
	.close = external_close,
	.change = external_change,
	.request = external_request,
	.renew = external_renew,
	.sent = external_sent,
	.ready = external_ready,
	.free = external_free,
};

struct groupkey *groupkey_external_new(struct event_base *base, const struct addr *at,
				       const struct ks_security *security, struct metrics *metrics)
{
	struct external *x = xcalloc(1, sizeof(*x));

	x->g.ops = &external_ops;
	x->base = base;
	x->at = *at;
	x->security = *security;
	x->backoff_ms = BACKOFF_MIN_MS;
	x->redial = timer_new(base, dial, x);
	x->ping = timer_new(base, on_ping, x);
	x->up_now = metrics_cell(
		metrics_add(metrics, METRICS_GAUGE, "mrfc_groupkey_up", "",
			    "1: the key server of its own is connected, 0: it is not."),
		NULL, 0);
	timer_start(x->redial, 0);
	return &x->g;
}
