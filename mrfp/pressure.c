/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back-pressure and the log's bounds. The distance of a leg's cursor to the head of the log is the
 * measure: above the high-water mark senders of bulk are not read from, at the log's limit the
 * slowest leg goes (RFC 7701 6.4).
 */
#include "mrfp/pressure.h"

#include "common/log.h"
#include "mrfp/hangup.h"
#include "mrfp/ingress.h"
#include "mrfp/relay.h"

#define LOG_PLACE "pressure"

#define STALL_MS 500 /* a paused sender that took nothing for so long is read from again */

static uint64_t log_lag(const struct session *s)
{
	return chunklog_lag(&s->ctx->log[STREAM_CHAT], &s->cur[STREAM_CHAT]) +
	       chunklog_lag(&s->ctx->log[STREAM_BULK], &s->cur[STREAM_BULK]);
}

/* Over the limit: the leg that is farthest behind pays, until the rest fits. */
static void cut_slowest(struct context *ctx)
{
	uint64_t limit = (uint64_t)ctx->plane->opt->log_bytes;

	while (context_held(ctx) > limit) {
		struct session *s, *slowest = NULL;
		uint64_t most = 0;

		TAILQ_FOREACH(s, &ctx->sessions, in_context) {
			uint64_t lag = log_lag(s);
			if (lag > most) {
				most = lag;
				slowest = s;
			}
		}
		if (!slowest)
			return;
		log_warn("%s/%llu: cut, %llu octets behind and the log is full", ctx->name,
			 (unsigned long long)slowest->termination, (unsigned long long)most);
		hangup_and_close(slowest, CTL_LOST_LOG);
	}
}

/* It sends bulk itself and takes nothing: it may be waiting for us to read. */
static bool may_wait_for_us(const struct wire *w)
{
	return w->paused & WIRE_PAUSE_CONTEXT && w->blocked &&
	       w->plane->now_ms - w->moved_ms >= STALL_MS;
}

/* Is a leg so far behind that senders must wait? */
static bool is_behind(const struct context *ctx, uint64_t mark, size_t direct_mark)
{
	const struct session *s;

	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		/* In a file context a leg that has not bound yet waits in the log. */
		if (s->wire ? may_wait_for_us(s->wire) : !s->cur[0].attached)
			continue;
		if (log_lag(s) > mark || s->direct.n_bytes > direct_mark)
			return true;
	}
	return false;
}

static void set_congested(struct context *ctx)
{
	if (ctx->congested)
		return;
	ctx->congested = true;
	LIST_INSERT_HEAD(&ctx->plane->congested, ctx, congested_link);
	log_debug("%s: bulk senders wait", ctx->name);
}

static void congest(struct context *ctx)
{
	struct session *s;

	set_congested(ctx);
	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		if (s->wire && s->n_inbox && ingress_has_bulk(s))
			wire_pause(s->wire, WIRE_PAUSE_CONTEXT);
	}
}

static void relieve(struct context *ctx)
{
	struct session *s;

	ctx->congested = false;
	LIST_REMOVE(ctx, congested_link);
	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		if (s->wire)
			wire_resume(s->wire, WIRE_PAUSE_CONTEXT);
	}
}

static void check_high_water(struct context *ctx)
{
	uint64_t mark = (uint64_t)ctx->plane->opt->high_water;
	size_t direct_mark = (size_t)ctx->plane->opt->private_bytes / 4;

	if (context_held(ctx) <= mark && !ctx->direct_high)
		return; /* nobody can be behind */
	ctx->direct_high = false;
	if (is_behind(ctx, mark, direct_mark))
		congest(ctx);
}

void pressure_relieve(struct plane *plane)
{
	uint64_t mark = (uint64_t)plane->opt->high_water / 2;
	size_t direct_mark = (size_t)plane->opt->private_bytes / 8;
	struct context *ctx, *next;

	for (ctx = LIST_FIRST(&plane->congested); ctx; ctx = next) {
		next = LIST_NEXT(ctx, congested_link);
		if (ctx->kind == CTL_KIND_RELAY ? !relay_pressure(ctx)
						: !is_behind(ctx, mark, direct_mark))
			relieve(ctx);
	}
}

void pressure_check(struct context *ctx)
{
	if (ctx->kind == CTL_KIND_RELAY) { /* a sender is stopped long before the log is full */
		if (relay_pressure(ctx))
			set_congested(ctx);
		return;
	}
	cut_slowest(ctx);
	check_high_water(ctx);
}
