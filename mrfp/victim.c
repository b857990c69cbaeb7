/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding who pays: the slowest leg of a context, the largest context, the leg that costs the
 * process most. Walks over all legs, so it is asked only when a limit was reached.
 */
#include "mrfp/victim.h"

#include "mrfp/inmsg.h"

#define STILL_MS 100 /* took nothing for so long */

uint64_t victim_log_lag(const struct session *s)
{
	return chunklog_lag(&s->ctx->log[STREAM_CHAT], &s->cur[STREAM_CHAT]) +
	       chunklog_lag(&s->ctx->log[STREAM_BULK], &s->cur[STREAM_BULK]) + session_held_lag(s);
}

/* How little there is to hope of it. */
static unsigned stillness(const struct session *s)
{
	const struct wire *w = s->wire;

	if (w && wire_is_let_go(w))
		return 2;
	return w && w->blocked && w->plane->now_ms - w->moved_ms >= STILL_MS;
}

/*
 * In a burst all are about as far behind, the quick and the dead: of those that are at least half as
 * far behind as the farthest, the stillest.
 */
static struct session *farthest(struct context *ctx, uint64_t (*lag_of)(const struct session *))
{
	struct session *s, *found = NULL;
	uint64_t most = 0, found_lag = 0;

	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		uint64_t lag = lag_of(s);
		most = lag > most ? lag : most;
	}
	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		uint64_t lag = lag_of(s);
		unsigned still = stillness(s);

		if (!lag || lag < most / 2)
			continue;
		if (found &&
		    (still < stillness(found) || (still == stillness(found) && lag <= found_lag)))
			continue;
		found = s;
		found_lag = lag;
	}
	return found;
}

struct session *victim_in_logs(struct context *ctx)
{
	return farthest(ctx, victim_log_lag);
}

struct session *victim_in_context(struct context *ctx)
{
	return farthest(ctx, session_lag);
}

struct context *victim_context(struct plane *plane)
{
	struct context *ctx, *tmp, *found = NULL;
	uint64_t most = 0;

	HASH_ITER(hh, plane->contexts, ctx, tmp) {
		uint64_t held = context_held(ctx);
		struct session *s;

		TAILQ_FOREACH(s, &ctx->sessions, in_context)
			held += s->direct.n_bytes;
		if (held > most) {
			most = held;
			found = ctx;
		}
	}
	return found;
}

uint64_t victim_open(const struct session *s)
{
	uint64_t sum = 0;

	for (int i = 0; i < STREAM_COUNT; i++)
		sum += s->tx[i].cap * sizeof(struct tx);
	return sum;
}

static uint64_t partial(const struct session *s)
{
	const struct inmsg *m;
	uint64_t sum = wire_kept(s->wire);

	TAILQ_FOREACH(m, &s->inbox, link)
		sum += m->n_counted;
	return sum;
}

static uint64_t part_of(const struct session *s, enum budget_part part)
{
	if (!s->wire)
		return 0;
	switch (part) {
	case BUDGET_OWN:
		return s->wire->own.n_bytes;
	case BUDGET_PARTIAL:
		return partial(s);
	default:
		return victim_open(s);
	}
}

struct session *victim_in_process(struct plane *plane)
{
	enum budget_part part = BUDGET_LOGS;
	struct session *s, *tmp, *found = NULL;
	struct context *ctx;
	uint64_t most = 0;

	for (enum budget_part i = BUDGET_LOGS; i < BUDGET_PARTS; i++) {
		if (budget_part(&plane->budget, i) > budget_part(&plane->budget, part))
			part = i;
	}
	if (part == BUDGET_LOGS || part == BUDGET_QUEUES) {
		ctx = victim_context(plane);
		return ctx ? victim_in_context(ctx) : NULL;
	}
	HASH_ITER(by_local, plane->sessions, s, tmp) {
		uint64_t n = part_of(s, part);
		if (n > most) {
			most = n;
			found = s;
		}
	}
	return found;
}
