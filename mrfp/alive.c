/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signs of life. A bound peer that says nothing is asked by an empty SEND; whatever it then says is
 * a sign. One answer per connection will do: behind a gateway all its sessions share the fate of
 * the connection. A session without a message in either direction may be ended as well; that is
 * the end of the session, not of the membership.
 */
#include "mrfp/alive.h"

#include "common/log.h"
#include "mrfp/hangup.h"
#include "mrfp/publish.h"

#define LOG_PLACE "alive"
#define LOOK_MS   1000

/* False when the connection was cut. */
static bool ask(struct wire *w, struct session *first, uint64_t now_ms)
{
	const struct options *opt = w->plane->opt;
	char text[ADDR_STRLEN];

	if (w->asked_ms && w->heard_ms >= w->asked_ms)
		w->asked_ms = 0;
	if (w->paused) {
		w->asked_ms = 0; /* we do not listen */
		return true;
	}
	if (!w->asked_ms) {
		if (now_ms - w->heard_ms < (uint64_t)opt->keepalive_ms)
			return true;
		w->asked_ms = now_ms;
		(*w->plane->stats.keepalives_out)++;
		publish_empty(first);
		return true;
	}
	if (now_ms - w->asked_ms < (uint64_t)opt->response_timeout_ms)
		return true;
	log_info("%s gave no sign of life for %llu ms", addr_format(conn_peer(w->conn), text),
		 (unsigned long long)(now_ms - w->heard_ms));
	wire_close(w);
	hangup_wire(w, CTL_LOST_IDLE);
	return false;
}

/* True when the session was ended. */
static bool quiet(struct session *s)
{
	uint32_t traffic = (uint32_t)(s->messages_in + s->copies_delivered);

	if (traffic != s->traffic || s->n_inbox) {
		s->traffic = traffic;
		s->quiet_s = 0;
		return false;
	}
	if (++s->quiet_s * UINT64_C(1000) < (uint64_t)s->ctx->plane->opt->session_idle_ms)
		return false;
	s->quiet_s = 0;
	log_info("%s/%llu: no message for long, ended", s->ctx->name,
		 (unsigned long long)s->termination);
	hangup_and_close(s, CTL_LOST_QUIET);
	return true;
}

static void look_at(struct wire *w, uint64_t now_ms)
{
	const struct options *opt = w->plane->opt;
	struct session *s = LIST_FIRST(&w->sessions), *next;

	while (s && s->state != SESSION_BOUND)
		s = LIST_NEXT(s, in_wire);
	if (!s || (opt->keepalive_ms && !ask(w, s, now_ms)) || !opt->session_idle_ms)
		return;
	for (s = LIST_FIRST(&w->sessions); s && !w->dead; s = next) {
		next = LIST_NEXT(s, in_wire);
		if (s->state == SESSION_BOUND)
			(void)quiet(s);
	}
}

void alive_tick(struct plane *plane)
{
	struct wire *w, *next;

	if ((!plane->opt->keepalive_ms && !plane->opt->session_idle_ms) ||
	    plane->now_ms < plane->alive_ms)
		return;
	plane->alive_ms = plane->now_ms + LOOK_MS;
	for (w = LIST_FIRST(&plane->wires); w; w = next) {
		next = LIST_NEXT(w, in_all);
		look_at(w, plane->now_ms);
	}
}
