/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds senders back. Pausing is lazy: the flag is set once, whoever then sends waits behind what
 * it has just sent, so nobody is visited who sends nothing, and after a release each sender gets
 * its turn of one read. Knows no marks: pressure.c sets the flags.
 */
#include "mrfp/throttle.h"

void throttle_content(struct session *from, bool bulk)
{
	struct context *ctx = from->ctx;
	enum budget_level level = ctx->plane->budget.level;
	unsigned why = 0;

	if (bulk && ctx->throttle & THROTTLE_BULK)
		why |= WIRE_PAUSE_CONTEXT;
	if (ctx->throttle & THROTTLE_ALL)
		why |= WIRE_PAUSE_CHAT;
	if (level >= (bulk ? BUDGET_BULK : BUDGET_ALL))
		why |= WIRE_PAUSE_MEMORY;
	if (why && from->wire && !wire_is_let_go(from->wire))
		wire_pause(from->wire, why);
}

void throttle_private(struct session *from, struct session *to)
{
	struct context *ctx = to->ctx;

	if (ctx->plane->opt->slow != SLOW_PAUSE ||
	    to->direct.n_bytes <= to->direct.max_bytes / 4 * 3)
		return;
	if (!(ctx->throttle & THROTTLE_PRIVATE)) {
		ctx->throttle |= THROTTLE_PRIVATE;
		ctx->private_ms = ctx->plane->now_ms;
		throttle_enlist(ctx);
		throttle_reads(ctx->plane, true);
	}
	if (from->wire && !wire_is_let_go(from->wire))
		wire_pause(from->wire, WIRE_PAUSE_CHAT);
}

void throttle_enlist(struct context *ctx)
{
	if (ctx->enlisted)
		return;
	ctx->enlisted = true;
	LIST_INSERT_HEAD(&ctx->plane->throttled, ctx, throttled_link);
}

void throttle_release(struct context *ctx, unsigned why)
{
	struct session *s;

	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		if (s->wire)
			wire_resume(s->wire, why);
	}
}

void throttle_reads(struct plane *plane, bool small)
{
	plane->read_now = small ? PLANE_READ_SMALL : plane->read_most;
}
