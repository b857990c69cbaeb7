/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probes of the next hops: one OPTIONS at a time to each, with a patience much shorter than a SIP
 * transaction's. Owns the probes' transactions; the table of hops has their states.
 */
#include "mrfc/sip/sip_probe.h"

#include <stdlib.h>

#include "mrfc/sip/sip_priv.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

#define LOG_PLACE "sip/hop"

#define DOWN_INTERVAL_MS 1000  /* one that is down is asked at least this often */
#define REST_MS          10000 /* and tried again after this time where none is asked */

struct probe {
	struct sip_agent *agent;
	size_t hop;
	nta_outgoing_t *orq; /* NULL: none is out */
	struct timer *timer; /* its patience, or the time of the next one */
	unsigned interval_ms;
};

struct sip_probe {
	size_t n;
	struct probe probes[HOP_MAX];
};

void sip_hop_report(struct sip_agent *a, size_t hop, bool ok)
{
	const struct hop *h = hop_table_at(a->hops, hop);

	if (hop_table_report(a->hops, hop, ok, clock_now_ms(), a->probe != NULL ? 0 : REST_MS)) {
		if (ok)
			log_info("next hop %s is back", h->name);
		else
			log_warn("next hop %s does not answer", h->name);
	}
	if (a->handlers != NULL)
		a->handlers->hop(h->name, ok ? "answered" : "failed", h->up, a->handlers_arg);
}

static void settle(struct probe *p, bool ok)
{
	const struct hop *h = hop_table_at(p->agent->hops, p->hop);

	nta_outgoing_destroy(p->orq);
	p->orq = NULL;
	sip_hop_report(p->agent, p->hop, ok);
	timer_start(p->timer,
		    h->up || p->interval_ms < DOWN_INTERVAL_MS ? p->interval_ms : DOWN_INTERVAL_MS);
}

static int on_answer(struct sip_out *magic, nta_outgoing_t *orq, sip_t const *sip)
{
	struct probe *p = (struct probe *)(void *)magic;
	int status = nta_outgoing_status(orq);

	if (orq != p->orq || status < 200)
		return 0;
	settle(p, sip != NULL && !nta_sip_is_internal(sip) && status != 503);
	return 0;
}

static void ask(struct probe *p)
{
	struct sip_agent *a = p->agent;
	const struct hop *h = hop_table_at(a->hops, p->hop);
	su_home_t home[1] = {SU_HOME_INIT(home)};

	su_home_init(home);
	p->orq = nta_outgoing_tcreate(a->dialogless, on_answer, (struct sip_out *)(void *)p,
				      URL_STRING_MAKE(h->uri), SIP_METHOD_OPTIONS,
				      URL_STRING_MAKE(su_sprintf(home, "sip:%s", h->name)),
				      SIPTAG_FROM_STR(su_sprintf(home, "<sip:%s>", a->domain)),
				      SIPTAG_TO_STR(su_sprintf(home, "<sip:%s>", h->name)),
				      SIPTAG_ACCEPT_STR("application/sdp"), TAG_END());
	su_home_deinit(home);
	sip_agent_kick(a);
	if (p->orq == NULL) {
		sip_hop_report(a, p->hop, false);
		timer_start(p->timer, DOWN_INTERVAL_MS);
		return;
	}
	timer_start(p->timer, a->hop_timeout_ms);
}

static void on_timer(void *arg)
{
	struct probe *p = arg;

	if (p->orq != NULL)
		settle(p, false);
	else
		ask(p);
	sip_agent_kick(p->agent);
}

struct sip_probe *sip_probe_new(struct sip_agent *a, unsigned interval_ms)
{
	struct sip_probe *set;

	if (interval_ms == 0 || hop_table_count(a->hops) == 0)
		return NULL;
	set = xcalloc(1, sizeof(*set));
	set->n = hop_table_count(a->hops);
	for (size_t i = 0; i < set->n; i++) {
		set->probes[i] = (struct probe){.agent = a, .hop = i, .interval_ms = interval_ms};
		set->probes[i].timer = timer_new(a->base, on_timer, &set->probes[i]);
		timer_start(set->probes[i].timer, 0);
	}
	return set;
}

void sip_probe_free(struct sip_probe **setp)
{
	struct sip_probe *set = *setp;

	if (set == NULL)
		return;
	*setp = NULL;
	for (size_t i = 0; i < set->n; i++) {
		if (set->probes[i].orq != NULL)
			nta_outgoing_destroy(set->probes[i].orq);
		timer_free(&set->probes[i].timer);
	}
	free(set);
}
