/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tick's sends: messages of one turn leave together in one write per leg, and where the kernel
 * allows all those writes in one system call.
 */
#include "mrfp/fanout.h"

#include "mrfp/file.h"
#include "mrfp/pressure.h"
#include "mrfp/wire_bundle.h"

TAILQ_HEAD(context_list, context);

static void send_due(struct plane *plane, struct wire *w)
{
	if (plane->bundle)
		bundle_send(plane, w);
	else
		wire_flush(w);
}

static void send_legs(struct context *ctx)
{
	struct session *s;

	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		if (s->wire && !s->wire->blocked)
			send_due(ctx->plane, s->wire);
		else if (s->wire)
			(void)session_pending(s); /* passes over its own: no lag of a busy sender */
	}
}

static void send_contexts(struct plane *plane, struct context_list *sent)
{
	struct context *ctx;

	while ((ctx = TAILQ_FIRST(&plane->dirty_contexts))) {
		TAILQ_REMOVE(&plane->dirty_contexts, ctx, dirty_link);
		ctx->dirty = false;
		TAILQ_INSERT_TAIL(sent, ctx, sent_link);
		send_legs(ctx);
	}
}

static void send_wires(struct plane *plane)
{
	struct wire *w;

	while ((w = TAILQ_FIRST(&plane->dirty_wires))) {
		if (!w->blocked) {
			send_due(plane, w);
			continue;
		}
		TAILQ_REMOVE(&plane->dirty_wires, w, in_list);
		w->dirty = false;
	}
}

void fanout_run(struct plane *plane)
{
	struct context_list sent = TAILQ_HEAD_INITIALIZER(sent);
	struct context *ctx;

	do {
		send_contexts(plane, &sent);
		send_wires(plane);
		if (plane->bundle)
			bundle_run(plane);
		while ((ctx = TAILQ_FIRST(&sent))) {
			TAILQ_REMOVE(&sent, ctx, sent_link);
			pressure_check(ctx);
			file_check(ctx);
		}
	} while (!TAILQ_EMPTY(&plane->dirty_contexts) || !TAILQ_EMPTY(&plane->dirty_wires));
	pressure_relieve(plane);
	plane->over_limit = false;
	if (plane->reading)
		return;
	if (plane->bundle)
		bundle_check(plane);
	if (!TAILQ_EMPTY(&plane->dead_wires))
		wire_reap(plane);
}
