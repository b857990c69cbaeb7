/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pool shows: the read model of the admin API, readiness, metrics.
 */
#include <stdlib.h>

#include "common/mem.h"
#include "mrfc/mp/mrfp_pool_priv.h"

static enum mrfp_state shown_state(const struct pool_member *m)
{
	switch (mrfp_link_state(m->mrfp)) {
	case MRFP_LINK_UP:
		return MRFP_UP;
	case MRFP_LINK_DRAINING:
		return MRFP_DRAINING;
	default:
		return MRFP_DOWN;
	}
}

void mrfp_pool_each(const struct mrfp_pool *p, mrfp_each_fn *fn, void *arg)
{
	const struct pool_member *m;

	LIST_FOREACH(m, &p->members, link) {
		struct mrfp_info info = {
			.id = mrfp_link_id(m->mrfp),
			.state = shown_state(m),
			.msrp = m->msrp,
			.contexts = m->n_contexts,
			.terminations = m->n_terminations,
			.max_terminations = m->max_terminations,
			.load = m->load,
			.tls = m->fingerprint[0] != '\0',
			.websocket = m->websocket,
			.held_back = m->held_back,
		};

		fn(&info, arg);
	}
}

bool mrfp_pool_up(const struct mrfp_pool *p)
{
	const struct pool_member *m;

	LIST_FOREACH(m, &p->members, link)
		if (shown_state(m) == MRFP_UP)
			return true;
	return false;
}

bool mrfp_pool_has_tls(const struct mrfp_pool *p)
{
	const struct pool_member *m;

	LIST_FOREACH(m, &p->members, link)
		if (shown_state(m) == MRFP_UP && m->fingerprint[0])
			return true;
	return false;
}

bool mrfp_pool_has_websocket(const struct mrfp_pool *p)
{
	const struct pool_member *m;

	LIST_FOREACH(m, &p->members, link)
		if (shown_state(m) == MRFP_UP && m->websocket)
			return true;
	return false;
}

const char *mrfp_pool_of(const struct mrfp_pool *p, const uint8_t context[CTL_CONTEXT_SIZE])
{
	const struct pool_context *c = pool_context_find(p, context);

	return c ? mrfp_link_id(c->member->mrfp) : "";
}

uint64_t mrfp_pool_max_size(const struct mrfp_pool *p)
{
	const struct pool_member *m;
	uint64_t least = 0;

	LIST_FOREACH(m, &p->members, link)
		if (shown_state(m) == MRFP_UP && m->max_size && (!least || m->max_size < least))
			least = m->max_size;
	return least;
}

static int64_t *cell(struct metrics_family *f, const char *value)
{
	return metrics_cell(f, &value, 1);
}

static void on_collect(void *arg)
{
	struct mrfp_pool *p = arg;
	const struct pool_member *m;

	for (int s = MRFP_UP; s <= MRFP_DOWN; s++)
		*p->stats.state[s] = 0;
	*p->stats.contexts = 0;
	*p->stats.terminations = 0;
	LIST_FOREACH(m, &p->members, link) {
		const char *id = mrfp_link_id(m->mrfp);

		*cell(p->stats.of_load, id) = m->load;
		*cell(p->stats.of_contexts, id) = m->n_contexts;
		*cell(p->stats.of_terminations, id) = m->n_terminations;
		*cell(p->stats.of_state, id) = shown_state(m);
		++*p->stats.state[shown_state(m)];
		*p->stats.contexts += m->n_contexts;
		*p->stats.terminations += m->n_terminations;
	}
}

static void init_link_stats(struct mrfp_link_stats *s, struct metrics *m)
{
	struct metrics_family *requests, *failed;

	requests = metrics_add(m, METRICS_COUNTER, "mrfc_mp_requests_total", "command",
			       "Requests sent to MRFPs, repeats not counted.");
	failed = metrics_add(m, METRICS_COUNTER, "mrfc_mp_requests_failed_total", "cause",
			     "Requests without a good end: timeout, closed (MRFP given up), "
			     "refused (error reply).");
	for (int c = CTL_CMD_SERVICE_CHANGE; c <= CTL_CMD_KEEPALIVE; c++)
		s->requests[c] = cell(requests, ctl_command_name(c));
	s->timeouts = cell(failed, "timeout");
	s->closed = cell(failed, "closed");
	s->refused = cell(failed, "refused");
	s->resent = metrics_cell(metrics_add(m, METRICS_COUNTER, "mrfc_mp_requests_resent_total",
					     "", "Requests sent again after a reconnect."),
				 NULL, 0);
	s->in_flight = metrics_cell(metrics_add(m, METRICS_GAUGE, "mrfc_mp_requests_in_flight", "",
						"Requests waiting for their reply."),
				    NULL, 0);
}

void pool_stats_init(struct mrfp_pool *p, struct metrics *metrics)
{
	static const char *const events[] = {
		"",      "bound", "lost",      "nickname", "key",  "accounting", "slow",
		"alarm", "load",  "authorise", "owed",     "told", "sealed"};
	static const char *const states[] = {"up", "draining", "down"};
	struct pool_stats *s = &p->stats;
	struct metrics_family *links, *notifies, *audit, *state;

	init_link_stats(&s->link, metrics);
	links = metrics_add(metrics, METRICS_COUNTER, "mrfc_mp_links_total", "event",
			    "Links of MRFPs: registered, refused, lost (may come back), gone "
			    "(contexts lost).");
	s->registered = cell(links, "registered");
	s->refused = cell(links, "refused");
	s->link.lost = cell(links, "lost");
	s->link.gone = cell(links, "gone");
	notifies = metrics_add(metrics, METRICS_COUNTER, "mrfc_mp_notifies_total", "event",
			       "Events of MRFPs, repeats not counted.");
	for (int e = CTL_EVENT_BOUND; e < CTL_EVENT_END; e++)
		s->notifies[e] = cell(notifies, events[e]);
	s->invented =
		metrics_cell(metrics_add(metrics, METRICS_COUNTER, "mrfc_mp_invented_total", "",
					 "Events of MRFPs about contexts or terminations that "
					 "never were; after ten of them the link is closed."),
			     NULL, 0);
	audit = metrics_add(metrics, METRICS_COUNTER, "mrfc_mp_audit_total", "outcome",
			    "What audits found: subtracted (not wanted here), lost (not there), "
			    "adopted (known from the store).");
	s->audit_subtracted = cell(audit, "subtracted");
	s->audit_lost = cell(audit, "lost");
	s->audit_adopted = cell(audit, "adopted");
	state = metrics_add(metrics, METRICS_GAUGE, "mrfc_mrfps", "state",
			    "MRFPs that have registered.");
	for (int i = MRFP_UP; i <= MRFP_DOWN; i++)
		s->state[i] = cell(state, states[i]);
	s->contexts = metrics_cell(metrics_add(metrics, METRICS_GAUGE, "mrfc_mp_contexts", "",
					       "Contexts placed on MRFPs."),
				   NULL, 0);
	s->terminations = metrics_cell(metrics_add(metrics, METRICS_GAUGE, "mrfc_mp_terminations",
						   "", "Terminations on MRFPs."),
				       NULL, 0);
	s->full = metrics_cell(metrics_add(metrics, METRICS_COUNTER, "mrfc_mp_full_total", "",
					   "Terminations refused as no MRFP had room for them."),
			       NULL, 0);
	s->of_state = metrics_add(metrics, METRICS_GAUGE, "mrfc_mrfp_state", "mrfp",
				  "State of each MRFP: 0 up, 1 draining, 2 down.");
	s->of_load = metrics_add(metrics, METRICS_GAUGE, "mrfc_mrfp_load", "mrfp",
				 "Load that each MRFP tells, per mille.");
	s->of_contexts = metrics_add(metrics, METRICS_GAUGE, "mrfc_mrfp_contexts", "mrfp",
				     "Contexts placed on each MRFP.");
	s->of_terminations = metrics_add(metrics, METRICS_GAUGE, "mrfc_mrfp_terminations", "mrfp",
					 "Terminations on each MRFP.");
	metrics_on_collect(metrics, on_collect, p);
}
