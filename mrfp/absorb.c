/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between messages that come in (route.c) and the deciders aggregate.c and sampler.c: feeds them,
 * keeps the list of contexts that hold notifications, counts. The account of notifications is
 * absorbed = summarised + dropped + held (stats.def). RFC 5438 8.3; IMS-013, COMP-003.
 */
#include "mrfp/absorb.h"

#include "common/log.h"
#include "mrfp/summary.h"
#include "proto/iscomposing.h"

#define LOG_PLACE "absorb"

static bool is_large(const struct context *ctx, int64_t limit)
{
	return ctx->kind == CTL_KIND_CHAT && (int64_t)ctx->n_bound > limit;
}

bool absorb_samples(const struct context *ctx)
{
	return is_large(ctx, ctx->plane->opt->composing_limit);
}

bool absorb_waits(const struct inmsg *m, unsigned kind, size_t have)
{
	const struct context *ctx = m->from->ctx;

	if (kind != CPIM_IMDN && kind != CPIM_COMPOSING)
		return false;
	if (have > ABSORB_MAX || (m->total != MSRP_UNSPECIFIED && m->total > ABSORB_MAX))
		return false;
	return kind == CPIM_IMDN ? is_large(ctx, ctx->plane->opt->imdn_pass_limit)
				 : absorb_samples(ctx);
}

static void send_due(struct context *ctx, uint64_t now_ms)
{
	struct stats *st = &ctx->plane->stats;
	struct aggregate *g;

	while ((g = aggregates_due(ctx->aggregates, now_ms))) {
		bool sent = summary_send(ctx, g);

		*st->imdn_held -= g->n_held;
		*(sent ? st->imdn_summarised : st->imdn_dropped) += g->n_held;
		if (!sent)
			log_info("%s: %u notifications for %s dropped, who has no session now",
				 ctx->name, g->n_held, g->to);
		aggregates_done(ctx->aggregates, g);
	}
}

bool absorb_imdn(struct inmsg *m, const struct cpim_head *cpim, struct session *to,
		 struct slice document)
{
	struct context *ctx = m->from->ctx;
	struct plane *p = ctx->plane;
	struct aggregate_limits limits = {.pass = (uint32_t)p->opt->imdn_pass_limit,
					  .window_ms = (uint64_t)p->opt->imdn_window_ms};
	struct imdn doc;
	struct aggregate_item item = {
		.to = cpim->to, .from = cpim->from, .document = document, .imdn = &doc};
	bool held;

	/* The IMDN routes of RFC 5438 6.6 name who wants to see each one. */
	if (cpim->n_imdn_routes || !to->uris.n || imdn_parse(document, &doc))
		return false;
	if (doc.status == IMDN_OTHER) { /* what is not understood is not summed up */
		imdn_fini(&doc);
		return false;
	}
	item.owner = slice_str(to->uris.uri[0]);
	if (!ctx->aggregates) {
		ctx->aggregates = aggregates_new();
		LIST_INSERT_HEAD(&p->aggregating, ctx, aggregating_link);
	}
	held = aggregates_hold(ctx->aggregates, &limits, &item, p->now_ms);
	imdn_fini(&doc);
	if (held) {
		(*p->stats.imdn_absorbed)++;
		(*p->stats.imdn_held)++;
	}
	send_due(ctx, p->now_ms);
	return held;
}

bool absorb_composing(struct inmsg *m, struct slice document)
{
	struct session *s = m->from;
	struct plane *p = s->ctx->plane;
	struct sampler_limits limits = {.interval_ms = (uint64_t)p->opt->composing_interval_ms,
					.rate = (uint32_t)p->opt->composing_rate};
	struct iscomposing c = {.active = true}; /* what cannot be read is passed as seldom */

	if (iscomposing_parse(document, &c))
		c = (struct iscomposing){.active = true};
	if (sampler_passes(&s->ctx->typing, &s->typing, &limits, c.active, p->now_ms)) {
		iscomposing_fini(&c);
		return false;
	}
	iscomposing_fini(&c);
	(*p->stats.composing_suppressed)++;
	return true;
}

void absorb_end(struct context *ctx)
{
	uint64_t n;

	if (!ctx->aggregates)
		return;
	LIST_REMOVE(ctx, aggregating_link);
	n = aggregates_free(&ctx->aggregates);
	*ctx->plane->stats.imdn_held -= (int64_t)n;
	*ctx->plane->stats.imdn_dropped += (int64_t)n;
}

void absorb_tick(struct plane *plane)
{
	struct context *ctx, *next;

	for (ctx = LIST_FIRST(&plane->aggregating); ctx; ctx = next) {
		next = LIST_NEXT(ctx, aggregating_link);
		send_due(ctx, plane->now_ms);
		if (!aggregates_expire(ctx->aggregates, plane->now_ms))
			absorb_end(ctx);
	}
}
