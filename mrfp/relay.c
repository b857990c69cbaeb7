/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two-termination kind of context (TS 24.247 9.3.3): any type that the other leg accepts goes to
 * it as it is, a bare message to a peer that wants message/cpim first is wrapped (RFC 4975 section 13).
 * Nothing is dropped for a leg that is slow or not there yet: its sender is not read from, until the
 * grace time or msrp.response_timeout ends that. What is told to whom is relayed.c's.
 */
#include "mrfp/relay.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfp/policy.h"
#include "proto/media_type.h"
#include "proto/msrp_head.h"

#define LOG_PLACE "relay"

#define STALL_MS    500  /* a leg that is not read from and takes nothing may be waiting for us */
#define WINDOW_HIGH 8192 /* unanswered SENDs at which their sender waits */

struct session *relay_other(const struct session *s)
{
	struct session *o;

	TAILQ_FOREACH(o, &s->ctx->sessions, in_context) {
		if (o != s)
			return o;
	}
	return NULL;
}

/* --- what may pass --- */

static bool is_multipart(struct slice type)
{
	struct slice base = media_type_base(type);

	return slice_ieq_str(base, "multipart/mixed") ||
	       slice_ieq_str(base, "multipart/alternative");
}

/* MSRP-101; every endpoint takes these two multiparts (RFC 4975 7.3.1). */
static bool admits(const struct session *to, unsigned kind, struct slice top, struct slice inner)
{
	struct accept_list a = {.types = to->accept_types,
				.wrapped = to->accept_wrapped,
				.refused = to->refused_types};
	char none[] = "";

	if (is_multipart(top))
		a.types = none;
	return accept_list_admits(&a, kind, top, inner);
}

static bool is_cpim(struct slice type)
{
	return policy_top_type(type) == TOP_CPIM;
}

/* message/cpim is the first type that the peer lists: it wants all messages wrapped (MSRP-144). */
static bool wants_wrapped(const struct session *to)
{
	struct slice list = slice_trim(slice_str(to->accept_types));
	ptrdiff_t sp = slice_chr(list, ' ');

	return is_cpim(sp < 0 ? list : slice_first(list, (size_t)sp));
}

static void build_wrap(struct inmsg *m, const struct session *to, struct slice type)
{
	char date[CLOCK_RFC3339_SIZE];
	struct cpim_fields f = {
		.from_uri = slice_str(m->from->uris.uri[0]),
		.to_uri = slice_str(to->uris.uri[0]),
		.date_time = slice_str(clock_rfc3339(m->from->ctx->plane->wall_ms(), date)),
		.content_type = type,
		.content_disposition = slice_str(m->out.disposition),
	};

	cpim_build(&m->out.wrap, &f);
	free(m->out.content_type);
	m->out.content_type = xstrdup("message/cpim");
	free(m->out.disposition);
	m->out.disposition = NULL;
}

uint64_t relay_max_size(const struct inmsg *m)
{
	const struct session *to = relay_other(m->from);
	uint64_t max = context_max_size(m->from->ctx, m->out.meta.kind);

	if (to && to->taste.max_size && to->taste.max_size < max)
		max = to->taste.max_size;
	return max > m->out.wrap.len ? max - m->out.wrap.len : 0;
}

static void open_message(struct inmsg *m, struct slice type)
{
	m->out.meta.control = policy_is_control(m->out.meta.kind);
	m->out.meta.source = m->from->taste.number;
	m->out.meta.size = m->total == MSRP_UNSPECIFIED ? 0 : m->total;
	m->out.meta.admit = UINT64_MAX; /* judged here */
	m->out.total = m->total;
	m->out.stream = STREAM_BULK;
	m->out.success_report = m->success_report;
	if (slice_copy(media_type_base(type), m->out.type, sizeof(m->out.type)))
		m->out.type[0] = '\0';
}

/* Order of refusals as in a room (SW-056): direction, type, size. */
static int decide(struct inmsg *m, unsigned kind, struct slice top, struct slice inner)
{
	struct session *to = relay_other(m->from);
	uint64_t max;
	bool wrap;

	if (!to || to->state == SESSION_LOST)
		return 481;
	m->out.meta.kind = (uint8_t)kind;
	if (!policy_may_send(m->from, kind) || (to->taste.deaf && !policy_is_control(kind)))
		return 403;
	wrap = !is_cpim(top) && !m->out.other_mime && wants_wrapped(to) && to->uris.n &&
	       m->from->uris.n && admits(to, kind, SLICE_LIT("message/cpim"), top);
	if (!wrap && !admits(to, kind, top, inner))
		return 415;
	open_message(m, inner.len ? inner : top);
	if (wrap)
		build_wrap(m, to, top); /* top is gone then */
	max = relay_max_size(m);
	return (m->total != MSRP_UNSPECIFIED && m->total > max) || ranges_top(&m->got) > max ? 413
											     : 200;
}

int relay_start(struct inmsg *m, const struct msrp_head *head)
{
	struct slice top = slice_str(m->out.content_type);
	int status;

	if (!policy_disposition_ok(head->content_disposition))
		return 415;
	if (is_cpim(top))
		return 200; /* its class stands in its head */
	status = decide(m, cpim_kind_of(top, head->content_disposition), top, SLICE_NULL);
	if (status == 200)
		m->state = INMSG_OPEN;
	return status;
}

int relay_head(struct inmsg *m, const struct cpim_head *cpim)
{
	struct slice top = slice_str(m->out.content_type);

	return decide(m, cpim->kind, top, cpim->content_type);
}

/* --- a leg without connection --- */

void relay_park(struct session *s)
{
	if (s->cur[0].attached || s->parked[0].attached)
		return;
	for (int i = 0; i < N_LOGS; i++)
		chunklog_attach(&s->ctx->log[i], &s->parked[i]);
	s->taste.since = s->ctx->serial;
}

/* Cost of what waits for the leg; what it sent itself is passed over first. */
static uint64_t lag_of(struct session *s)
{
	struct cursor *c = s->parked[0].attached ? s->parked : s->cur;
	uint64_t lag = 0;

	for (int i = 0; i < N_LOGS; i++) {
		if (chunklog_pending(&s->ctx->log[i], &c[i], &s->taste))
			lag += chunklog_lag(&s->ctx->log[i], &c[i]);
	}
	return lag;
}

/* Nobody came in time: all that waits is lost and reported. */
static void give_up_waiting(struct session *s)
{
	uint64_t lost = s->copies_lost;

	relayed_give_up_waiting(s);
	for (unsigned k = 0; k < STATS_CLASSES; k++) {
		while (s->open[k])
			session_settle(s, k, OUTCOME_LOST);
	}
	for (int i = 0; i < N_LOGS; i++) {
		chunklog_detach(&s->ctx->log[i], &s->parked[i]);
		chunklog_attach(&s->ctx->log[i], &s->parked[i]);
	}
	s->taste.since = s->ctx->serial;
	log_info("%s/%llu: no connection in time, %llu copies lost", s->ctx->name,
		 (unsigned long long)s->termination, (unsigned long long)(s->copies_lost - lost));
	context_touch(s->ctx);
}

bool relay_tick(struct session *s, uint64_t now_ms)
{
	bool more = relayed_flush(s);

	if (!s->parked[0].attached || !lag_of(s)) {
		s->parked_due_ms = 0;
		return more;
	}
	if (!s->parked_due_ms) {
		s->parked_due_ms = now_ms + (uint64_t)s->ctx->plane->opt->response_timeout_ms;
	} else if (now_ms >= s->parked_due_ms) {
		s->parked_due_ms = 0;
		give_up_waiting(s);
		return more;
	}
	return true;
}

/* --- back-pressure --- */

static bool may_wait_for_us(const struct session *s)
{
	const struct wire *w = s->wire;

	return w && w->paused & WIRE_PAUSE_PEER && w->blocked &&
	       w->plane->now_ms - w->moved_ms >= STALL_MS;
}

/* Must the sender wait for this receiver? was: it does already, and goes on at half the mark. */
static bool is_behind(struct session *to, bool was)
{
	const struct options *opt = to->ctx->plane->opt;
	uint64_t lag = lag_of(to), mark = (uint64_t)opt->high_water;
	unsigned window = was ? WINDOW_HIGH / 2 : WINDOW_HIGH;

	if (mark > (uint64_t)opt->log_bytes / 2)
		mark = (uint64_t)opt->log_bytes / 2;
	if (lag > (was ? mark / 2 : mark) &&
	    !(may_wait_for_us(to) && lag < (uint64_t)opt->log_bytes / 2))
		return true;
	/* Answers come only from who is read from. */
	if (!to->wire || to->wire->paused)
		return false;
	return txring_open(&to->tx[STREAM_CHAT]) > window ||
	       txring_open(&to->tx[STREAM_BULK]) > window;
}

bool relay_pressure(struct context *ctx)
{
	struct session *s;
	bool paused = false;

	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		struct session *to = relay_other(s);

		if (!s->wire)
			continue;
		wire_hold_back(s, to && is_behind(to, s->held_back));
		paused = paused || s->held_back;
	}
	return paused;
}
