/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Audit of an MRFP after it registered: page by page its terminations are compared with what the
 * pool and its user know. What nobody wants is subtracted, what the MRFP has lost is told, what a
 * restarted MRFC knows from its store is adopted. Of contexts with requests in flight nothing is taken
 * away: their truth is on its way.
 */
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfc/mp/mrfp_pool_priv.h"

#define LOG_PLACE "mrfp_pool"
#define RETRY_MS  5000
#define AGAIN_MS  1000

/* One page asked for; audit tells whether a newer one has begun since. */
struct page {
	struct pool_member *member;
	uint32_t audit;
};

static void subtract(struct pool_member *m, const uint8_t *context, uint64_t epoch,
		     uint64_t termination)
{
	struct mrfp_pool *p = m->pool;
	struct ctl_subtract msg = {0};

	++*p->stats.audit_subtracted;
	if (!termination)
		pool_context_note(p, context);
	if (termination)
		log_info("%s: subtract termination %llu that nobody knows", mrfp_link_id(m->mrfp),
			 (unsigned long long)termination);
	else
		log_info("%s: subtract a context that nobody knows", mrfp_link_id(m->mrfp));
	CTL_SET(&msg, subtract, epoch, epoch);
	if (termination)
		CTL_SET(&msg, subtract, termination, termination);
	if (mrfp_link_request(m->mrfp, CTL_CMD_SUBTRACT, context, CTL_BODY_subtract, &msg,
			      mrfp_loop_now_ms(p->loop), NULL, NULL) < 0)
		m->audit_due_ms = mrfp_loop_now_ms(p->loop) + RETRY_MS;
}

static bool known(const struct mrfp_pool *p, const uint8_t *id, uint64_t termination)
{
	return p->events && p->events->known(id, termination, p->events_arg);
}

static void adopt(struct pool_member *m, const uint8_t *id, uint64_t termination)
{
	struct pool_context *c = pool_context_find(m->pool, id);

	++*m->pool->stats.audit_adopted;
	if (!c)
		c = pool_context_new(m, id);
	c->seen = m->audit;
	pool_termination_add(c, termination);
}

void pool_audit_event(struct pool_member *m, const uint8_t *context, uint64_t termination)
{
	struct pool_context *c;

	if (m->trust.audited)
		return;
	c = pool_context_find(m->pool, context);
	if (c && (c->member != m || !termination || pool_termination_find(c, termination)))
		return;
	if (!known(m->pool, context, 0))
		return;
	if (termination && known(m->pool, context, termination))
		adopt(m, context, termination);
	else if (!c)
		pool_context_new(m, context);
	c = pool_context_find(m->pool, context);
	if (termination > c->highest)
		c->highest = termination; /* one that was taken away may have last words */
}

static void tell_listed(struct pool_member *m, const struct ctl_audit_termination *t)
{
	const struct mrfp_pool_events *events = m->pool->events;
	const uint8_t *id = (const uint8_t *)t->context.ptr;

	if (events && events->listed && known(m->pool, id, t->termination))
		events->listed(id, t->termination, t->bound != 0, m->pool->events_arg);
}

static void judge(struct pool_member *m, const struct ctl_audit_termination *t)
{
	struct mrfp_pool *p = m->pool;
	const uint8_t *id = (const uint8_t *)t->context.ptr;
	struct pool_context *c = pool_context_find(p, id);
	struct pool_termination *mine;

	if (c && c->member == m) {
		c->seen = m->audit;
		mine = pool_termination_find(c, t->termination);
		if (mine)
			mine->seen = m->audit;
		if (c->n_pending) {
			/* Its truth is on the way; what then still is nobody's goes. */
			if (!known(p, id, t->termination)) {
				m->audit_due_ms = mrfp_loop_now_ms(p->loop) + AGAIN_MS;
				return;
			}
			if (!mine)
				adopt(m, id, t->termination);
			tell_listed(m, t);
			return;
		}
	}
	if ((c && c->member != m) || (p->events && !p->events->known(id, 0, p->events_arg))) {
		subtract(m, id, t->epoch, 0);
		return;
	}
	if (p->events && !p->events->known(id, t->termination, p->events_arg)) {
		subtract(m, id, t->epoch, t->termination);
		return;
	}
	if (!c || !pool_termination_find(c, t->termination))
		adopt(m, id, t->termination);
	tell_listed(m, t);
}

/* Something here since before the audit that it did not list; at most one context or termination. */
static bool tell_one_lost(struct pool_member *m)
{
	const struct mrfp_pool_events *events = m->pool->events;
	struct pool_termination *t, *next;
	struct pool_context *c;
	uint8_t id[CTL_CONTEXT_SIZE];

	LIST_FOREACH(c, &m->contexts, link) {
		if (c->n_pending || !c->terminations)
			continue;
		memcpy(id, c->id, sizeof(id));
		if (c->seen != m->audit && c->born != m->audit) {
			pool_context_free(c);
			if (events)
				events->context_lost(id, m->pool->events_arg);
			return true;
		}
		HASH_ITER(hh, c->terminations, t, next) {
			uint64_t number = t->id;

			if (t->seen == m->audit || t->born == m->audit)
				continue;
			pool_termination_del(c, number);
			if (events)
				events->termination_lost(id, number, m->pool->events_arg);
			return true;
		}
	}
	return false;
}

static void ask(struct pool_member *m, uint64_t cursor);

static void finish(struct pool_member *m)
{
	uint32_t audit = m->audit;

	while (m->audit == audit && tell_one_lost(m))
		++*m->pool->stats.audit_lost;
	m->trust.audited = true;
	m->trust.audited_ms = mrfp_loop_now_ms(m->pool->loop);
	log_info("%s: audited; contexts: %u, terminations: %u", mrfp_link_id(m->mrfp),
		 m->n_contexts, m->n_terminations);
	if (m->audit == audit && m->pool->events && m->pool->events->audited)
		m->pool->events->audited(mrfp_link_id(m->mrfp), m->pool->events_arg);
}

static void take_page(struct pool_member *m, struct slice tlvs)
{
	struct mrfp_pool *p = m->pool;
	struct ctl_decode_error error;
	struct ctl_audit_termination t;
	struct ctl_audit_reply reply;
	uint32_t audit = m->audit;

	p->arena.used = 0;
	if (ctl_decode(tlvs, CTL_BODY_audit_reply, &reply, &p->arena, &error) < 0 ||
	    reply.code != CTL_R_OK) {
		log_warn("%s: audit refused or malformed", mrfp_link_id(m->mrfp));
		m->audit_due_ms = mrfp_loop_now_ms(p->loop) + RETRY_MS;
		return;
	}
	for (size_t i = 0; i < reply.terminations.n && m->audit == audit; i++) {
		if (ctl_decode(reply.terminations.items[i], CTL_BODY_audit_termination, &t,
			       &p->arena, &error) < 0 ||
		    t.context.len != CTL_CONTEXT_SIZE || !t.termination) {
			log_warn("%s: malformed termination in an audit", mrfp_link_id(m->mrfp));
			continue;
		}
		judge(m, &t);
	}
	if (reply.cursor)
		ask(m, reply.cursor);
	else
		finish(m);
}

static void on_page(const struct mrfp_reply *reply, void *arg)
{
	struct page *page = arg;
	struct pool_member *m = page->member;

	if (page->audit != m->audit)
		; /* overtaken by the audit of a later registration */
	else if (reply->err)
		m->audit_due_ms = mrfp_loop_now_ms(m->pool->loop) + RETRY_MS;
	else
		take_page(m, reply->tlvs);
	free(page);
}

static void ask(struct pool_member *m, uint64_t cursor)
{
	struct page *page = xcalloc(1, sizeof(*page));
	struct ctl_audit msg = {0};

	page->member = m;
	page->audit = m->audit;
	CTL_SET(&msg, audit, cursor, cursor);
	if (mrfp_link_request(m->mrfp, CTL_CMD_AUDIT_VALUE, NULL, CTL_BODY_audit, &msg,
			      mrfp_loop_now_ms(m->pool->loop), on_page, page) < 0) {
		m->audit_due_ms = mrfp_loop_now_ms(m->pool->loop) + RETRY_MS;
		free(page);
	}
}

void pool_audit_start(struct pool_member *m)
{
	m->audit++;
	m->audit_due_ms = 0;
	ask(m, 0);
}
