/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages on their way in, as objects: their lists, memory and states. What to do with them is
 * ingress.c's business.
 */
#include "mrfp/inmsg.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "proto/msrp_head.h"

#define LOG_PLACE "ingress"

static const char *const state_names[INMSG_STATES] = {"head", "gather", "verdict",
						      "open", "taken",  "refused"};

const char *inmsg_state_name(enum inmsg_state st)
{
	return st < INMSG_STATES ? state_names[st] : "?";
}

struct inmsg *inmsg_new(struct session *from, struct slice id)
{
	struct inmsg *m = xcalloc(1, sizeof(*m));

	m->from = from;
	m->total = m->length = MSRP_UNSPECIFIED;
	if (slice_copy(id, m->id, sizeof(m->id)))
		m->id[0] = '\0'; /* checked by the caller */
	TAILQ_INIT(&m->held);
	STAILQ_INIT(&m->deferred);
	TAILQ_INSERT_TAIL(&from->inbox, m, link);
	from->n_inbox++;
	session_busy(from);
	return m;
}

struct inmsg *inmsg_find(struct session *from, struct slice id)
{
	struct inmsg *m;

	TAILQ_FOREACH(m, &from->inbox, link) {
		if (slice_eq_str(id, m->id))
			return m;
	}
	return NULL;
}

bool inmsg_forget_refused(struct session *s)
{
	struct inmsg *m;

	TAILQ_FOREACH(m, &s->inbox, link) {
		if (m->state == INMSG_REFUSED) {
			inmsg_free(&m);
			return true;
		}
	}
	return false;
}

uint64_t inmsg_size_limit(const struct inmsg *m)
{
	if (m->length != MSRP_UNSPECIFIED)
		return m->length;
	return m->total != MSRP_UNSPECIFIED ? m->total : UINT64_MAX;
}

int inmsg_check_range(const struct inmsg *m, const struct msrp_head *head)
{
	const struct msrp_range *r = &head->range;

	if (!r->present)
		return m ? 400 : 0;
	if (!r->start || (r->total != MSRP_UNSPECIFIED && r->start > r->total + 1))
		return 400;
	if (m && r->start - 1 > inmsg_size_limit(m))
		return 400;
	return 0;
}

void inmsg_drop_held(struct inmsg *m)
{
	struct held *h;

	while ((h = TAILQ_FIRST(&m->held))) {
		TAILQ_REMOVE(&m->held, h, link);
		bytes_fini(&h->data);
		free(h);
	}
	m->n_held_bytes = 0;
	bytes_fini(&m->head);
}

void inmsg_wait(struct inmsg *m)
{
	m->state = INMSG_VERDICT;
	m->from->n_verdicts++;
}

static void wait_no_more(struct inmsg *m)
{
	if (m->state != INMSG_VERDICT)
		return;
	m->from->n_verdicts--;
	m->from->verdict_bytes -= m->n_verdict_bytes;
	m->n_verdict_bytes = 0;
}

void inmsg_go_on(struct inmsg *m)
{
	wait_no_more(m);
	m->state = INMSG_OPEN;
}

static void drop_deferred(struct inmsg *m)
{
	struct deferred *d;

	while ((d = STAILQ_FIRST(&m->deferred))) {
		STAILQ_REMOVE_HEAD(&m->deferred, link);
		free(d->paths);
		free(d);
	}
}

void inmsg_count(struct inmsg *m)
{
	struct budget *b = &m->from->ctx->plane->budget;
	size_t n = sizeof(*m) + m->head.cap + m->n_held_bytes + m->own.cap + m->n_key;

	b->partial += n - m->n_counted;
	m->n_counted = n;
}

void inmsg_free(struct inmsg **mp)
{
	struct inmsg *m = *mp;

	if (!m)
		return;
	wait_no_more(m);
	drop_deferred(m);
	TAILQ_REMOVE(&m->from->inbox, m, link);
	m->from->n_inbox--;
	m->from->ctx->plane->budget.partial -= m->n_counted;
	inmsg_drop_held(m);
	bytes_fini(&m->own);
	ranges_fini(&m->got);
	outmsg_fini(&m->out);
	free(m->cpim_from);
	free(m->cpim_to);
	free(m->key);
	free(m->absent);
	free(m);
	*mp = NULL;
}

void inmsg_set_state(struct inmsg *m, enum inmsg_state to, const char *cause)
{
	if (m->state == to || m->state == INMSG_REFUSED || to == INMSG_HEAD)
		return;
	log_debug("%s/%llu: message %s: %s -> %s (%s)", m->from->ctx->name,
		  (unsigned long long)m->from->termination, m->id, inmsg_state_name(m->state),
		  inmsg_state_name(to), cause);
	wait_no_more(m);
	m->state = to;
	if (to == INMSG_REFUSED) {
		m->view = SLICE_NULL;
		bytes_fini(&m->own);
	}
	inmsg_drop_held(m);
}
