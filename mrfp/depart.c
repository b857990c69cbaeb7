/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Terminations that the MRFC takes away. One whose user goes on elsewhere may be given time: what
 * its peer has in its buffers and has not answered would be handed up too, and come to it a second
 * time; what it has said and we have not read would have no answer.
 */
#include "mrfp/depart.h"

#include "common/log.h"
#include "mrfp/absorb.h"
#include "mrfp/hangup.h"
#include "mrfp/keep.h"
#include "mrfp/owed.h"
#include "mrfp/relayed.h"
#include "mrfp/report.h"

#define LOG_PLACE "depart"

#define GRACE_MAX_MS 30000

void depart_all(struct context *ctx)
{
	struct session *s;

	while ((s = TAILQ_FIRST(&ctx->sessions)))
		hangup_free(&s);
	receipts_free(ctx);
	keep_free(ctx);
	absorb_end(ctx);
	relayed_free(ctx);
	context_free(&ctx);
}

void depart(struct session **s, bool missed)
{
	struct context *ctx = (*s)->ctx;

	if (missed)
		owed_leave(*s);
	hangup_free(s);
	if (!ctx->n_sessions)
		depart_all(ctx);
}

static bool owes_answers(const struct session *s)
{
	for (unsigned k = 0; k < STATS_CLASSES; k++) {
		if (s->open[k])
			return true;
	}
	return !TAILQ_EMPTY(&s->inbox);
}

bool depart_later(struct session *s, uint32_t ms)
{
	if (!s->joined || s->hold || !s->wire)
		return false;
	if (s->depart_ms)
		return true;
	if (owes_answers(s))
		log_info("%s/%llu: goes when it has answered", s->ctx->name,
			 (unsigned long long)s->termination);
	s->depart_ms = s->ctx->plane->now_ms + (ms < GRACE_MAX_MS ? ms : GRACE_MAX_MS);
	s->depart_octets = s->octets_in;
	session_busy(s);
	return true;
}

bool depart_tick(struct session *s, uint64_t now_ms)
{
	bool speaks;

	if (!s->depart_ms)
		return false;
	speaks = s->octets_in != s->depart_octets;
	s->depart_octets = s->octets_in;
	if (s->joined && (speaks || owes_answers(s)) && now_ms < s->depart_ms)
		return false;
	depart(&s, true);
	return true;
}
