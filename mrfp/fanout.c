/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tick's sends: messages of one turn leave together in one write per leg.
 */
#include "mrfp/fanout.h"

#include "mrfp/file.h"
#include "mrfp/pressure.h"

static void flush_legs(struct context *ctx)
{
	struct session *s;

	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		if (s->wire && !s->wire->blocked)
			wire_flush(s->wire);
		else if (s->wire)
			(void)session_pending(s); /* passes over its own: no lag of a busy sender */
	}
}

static void flush_contexts(struct plane *plane)
{
	struct context *ctx;

	while ((ctx = TAILQ_FIRST(&plane->dirty_contexts))) {
		TAILQ_REMOVE(&plane->dirty_contexts, ctx, dirty_link);
		ctx->dirty = false;
		flush_legs(ctx);
		pressure_check(ctx);
		file_check(ctx);
	}
}

void fanout_run(struct plane *plane)
{
	struct wire *w;

	do {
		flush_contexts(plane);
		while ((w = TAILQ_FIRST(&plane->dirty_wires))) {
			if (w->blocked) {
				TAILQ_REMOVE(&plane->dirty_wires, w, in_list);
				w->dirty = false;
			} else {
				wire_flush(w);
			}
		}
	} while (!TAILQ_EMPTY(&plane->dirty_contexts));
	pressure_relieve(plane);
	plane->over_limit = false;
	if (!TAILQ_EMPTY(&plane->dead_wires))
		wire_reap(plane);
}
