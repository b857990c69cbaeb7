/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token buckets in thousandths of a token, so that a rate per second is a refill per millisecond,
 * and the steps from a refusal to the end. Knows neither sessions nor clocks. RFC 7701 section 11.
 */
#include "common/rate.h"

static int64_t full(uint64_t per_s)
{
	return (int64_t)(per_s * RATE_ONE * RATE_BURST_S);
}

static void refill(struct rate *r, uint64_t per_s, uint64_t now_ms)
{
	uint64_t passed = now_ms - r->at_ms;

	/* More than fills any bucket is not multiplied out. */
	if (!r->at_ms || passed > UINT64_C(3600000)) {
		r->level = full(per_s);
	} else {
		r->level += (int64_t)(passed * per_s);
		if (r->level > full(per_s))
			r->level = full(per_s);
	}
	r->at_ms = now_ms;
}

bool rate_take(struct rate *r, uint64_t per_s, uint64_t cost, uint64_t now_ms)
{
	if (!per_s)
		return true;
	refill(r, per_s, now_ms);
	if (r->level < (int64_t)cost)
		return false;
	r->level -= (int64_t)cost;
	return true;
}

uint64_t rate_spend(struct rate *r, uint64_t per_s, uint64_t n, uint64_t now_ms)
{
	if (!per_s)
		return 0;
	refill(r, per_s, now_ms);
	r->level -= (int64_t)(n * RATE_ONE);
	return r->level >= 0 ? 0 : ((uint64_t)-r->level + per_s - 1) / per_s;
}

enum rate_verdict rate_judge(struct rate_conduct *c, uint64_t per_s, uint64_t cost, uint64_t now_ms)
{
	if (rate_take(&c->bucket, per_s, cost, now_ms)) {
		if (c->bucket.level >= full(per_s) / 2)
			c->n_refused = c->n_paused = 0;
		return RATE_PASS;
	}
	if (now_ms < c->paused_until_ms || ++c->n_refused < RATE_REFUSALS)
		return RATE_REFUSE;
	c->n_refused = 0;
	c->paused_until_ms = now_ms + RATE_PAUSE_MS;
	return ++c->n_paused > RATE_PAUSES ? RATE_CLOSE : RATE_PAUSE;
}
