/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers: binding, responses, partial messages, stalled connections, connections without session.
 * Sessions and connections are on the lists of the plane only while a clock of theirs runs.
 */
#include "mrfp/watch.h"

#include "common/log.h"
#include "mrfp/absorb.h"
#include "mrfp/admit.h"
#include "mrfp/alive.h"
#include "mrfp/depart.h"
#include "mrfp/hangup.h"
#include "mrfp/ingress.h"
#include "mrfp/keep.h"
#include "mrfp/nickname.h"
#include "mrfp/owed.h"
#include "mrfp/pressure.h"
#include "mrfp/relay.h"
#include "mrfp/settle.h"
#include "mrfp/verdict.h"

#define LOG_PLACE "watch"
#define ENDING_MS 2000 /* for a WebSocket peer's Close frame behind ours */

static void tell_slow(struct session *s, uint64_t n)
{
	struct plane *p = s->ctx->plane;
	struct ctl_notify event = {0};

	CTL_SET(&event, notify, event, CTL_EVENT_SLOW);
	CTL_SET(&event, notify, termination, s->termination);
	CTL_SET(&event, notify, copies_lost, n);
	CTL_SET(&event, notify, text, SLICE_LIT("no response in time, or no room"));
	p->notify(s->ctx, &event, p->notify_arg);
	s->lost_told = s->copies_lost;
}

static bool is_idle(const struct session *s)
{
	for (int i = 0; i < STREAM_COUNT; i++) {
		if (txring_open(&s->tx[i]))
			return false;
	}
	return !s->deadline_ms && !s->depart_ms && TAILQ_EMPTY(&s->inbox) &&
	       !(s->hold && s->joined);
}

static void hold_too_long(struct session *s)
{
	++*s->ctx->plane->stats.holds_late;
	log_warn("%s/%llu: live messages go out, though not all it missed was injected",
		 s->ctx->name, (unsigned long long)s->termination);
	owed_release(s);
}

static void tick_session(struct session *s, uint64_t now_ms)
{
	uint64_t clock_ms = s->wire ? wire_clock(s->wire) : now_ms;
	if (s->deadline_ms && now_ms >= s->deadline_ms) {
		s->deadline_ms = 0;
		hangup_and_close(s, CTL_LOST_UNBOUND);
		return;
	}
	if (s->flooding) {
		s->flooding = false;
		hangup_and_close(s, CTL_LOST_FLOOD);
		return;
	}
	if (s->hold && s->joined && now_ms >= s->hold_until_ms)
		hold_too_long(s);
	settle_expire(s, clock_ms);
	if (s->copies_lost > s->lost_told)
		tell_slow(s, s->copies_lost - s->lost_told);
	ingress_tick(s, clock_ms);
	if (depart_tick(s, now_ms))
		return;
	if (s->ctx->kind == CTL_KIND_RELAY && relay_tick(s, now_ms))
		return;
	if (is_idle(s))
		session_unbusy(s);
}

/* How long a connection may be without a session. */
static uint64_t patience_ms(const struct wire *w)
{
	return wire_is_ending(w) ? ENDING_MS : (uint64_t)w->plane->opt->bind_timeout_ms;
}

/* A blocked connection: does its peer at least send? */
static void listen_to(struct wire *w)
{
	const struct session *s;
	uint64_t n = 0;

	LIST_FOREACH(s, &w->sessions, in_wire)
		n += s->octets_in;
	if (n == w->said_octets)
		return;
	w->said_octets = n;
	w->said_ms = w->plane->now_ms;
}

/* True while it must be looked at again. */
static bool tick_wire(struct wire *w, uint64_t now_ms)
{
	const struct options *opt = w->plane->opt;
	char text[ADDR_STRLEN];
	struct session *s;

	/* Who does not read our answers has no excuse: only waiting for others stops its clock. */
	if (w->blocked)
		listen_to(w);
	if (w->overfull) {
		log_warn("the connection of %s does not take its responses and is cut",
			 addr_format(conn_peer(w->conn), text));
		wire_close(w);
		hangup_wire(w, CTL_LOST_SLOW);
		return false;
	}
	if (w->blocked && !(w->paused & WIRE_PAUSE_SENDER) &&
	    now_ms - w->moved_ms >= (uint64_t)opt->grace_ms) {
		log_warn("the connection of %s took nothing for %lld ms and is cut",
			 addr_format(conn_peer(w->conn), text), (long long)opt->grace_ms);
		wire_close(w);
		hangup_wire(w, CTL_LOST_SLOW);
		return false;
	}
	if (w->partial_ms && wire_clock(w) - w->partial_ms >= (uint64_t)opt->header_timeout_ms) {
		log_peer("%s does not end a head and is closed",
			 addr_format(conn_peer(w->conn), text));
		wire_close(w);
		hangup_wire(w, CTL_LOST_IDLE);
		return false;
	}
	if (w->paused & WIRE_PAUSE_RATE && now_ms >= w->throttled_ms)
		wire_resume(w, WIRE_PAUSE_RATE);
	s = LIST_FIRST(&w->sessions);
	if (!s && w->connected && now_ms - w->unbound_ms >= patience_ms(w)) {
		wire_close(w);
		return false;
	}
	return w->blocked || !s || w->partial_ms || w->paused & WIRE_PAUSE_RATE;
}

void watch_tick(struct plane *plane)
{
	struct session *s, *next;
	struct wire *w, *next_wire;

	for (s = TAILQ_FIRST(&plane->busy); s; s = next) {
		next = TAILQ_NEXT(s, in_busy);
		tick_session(s, plane->now_ms);
	}
	for (w = LIST_FIRST(&plane->watched); w; w = next_wire) {
		next_wire = LIST_NEXT(w, in_watched);
		if (!tick_wire(w, plane->now_ms))
			wire_unwatch(w);
	}
	alive_tick(plane);
	absorb_tick(plane);
	pressure_tick(plane);
	wire_ws_tick(plane);
	nickname_tick(plane->nicknames, plane->now_ms);
	verdict_tick(plane->verdicts, plane->now_ms);
	owed_tick(plane->owed, plane->now_ms);
	keep_tick(plane);
	if (plane->due > plane->due_lately)
		plane->due = plane->due_lately; /* older ones are not coming soon */
	plane->due_lately = 0;
	admit_sweep(plane);
}
