/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that name contexts or terminations which never were. What ended lately is remembered, as
 * its last events may be under way; all else is counted, and an MRFP that goes on loses its link.
 */
#include "common/log.h"
#include "mrfc/mp/mrfp_pool_priv.h"

#define LOG_PLACE "mrfp_pool"

static bool is_former(const struct mrfp_pool *p, const uint8_t *id)
{
	uint64_t n = p->n_former < POOL_FORMER ? p->n_former : POOL_FORMER;

	for (uint64_t i = 0; i < n; i++) {
		if (!memcmp(p->former[i], id, CTL_CONTEXT_SIZE))
			return true;
	}
	return false;
}

void pool_trust_tick(struct pool_member *m, uint64_t now_ms)
{
	struct pool_trust *t = &m->trust;

	if (t->audited && (!t->strange || now_ms - t->audited_ms >= POOL_TRUST_WAIT_MS))
		t->settled = true;
	t->strange = false;
}

static void invented(struct pool_member *m)
{
	struct pool_trust *t = &m->trust;

	t->strange = true;
	if (!t->settled)
		return;
	++*m->pool->stats.invented;
	log_peer("%s: an event about something that never was", mrfp_link_id(m->mrfp));
	if (++t->n_invented >= POOL_INVENTED_MAX)
		mrfp_link_close(m->mrfp, "it invents contexts or terminations");
}

uint16_t pool_trust_event(struct pool_member *m, const uint8_t *context, uint64_t termination)
{
	struct pool_context *c = pool_context_find(m->pool, context);

	if (!c || c->member != m) {
		if (!c && !is_former(m->pool, context))
			invented(m);
		return CTL_R_UNKNOWN_CONTEXT;
	}
	if (termination <= c->highest)
		return CTL_R_OK;
	invented(m);
	return CTL_R_UNKNOWN_TERMINATION;
}
