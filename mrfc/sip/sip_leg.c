/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIP dialogs over Sofia's legs: creation on either side, dispatch of requests inside a dialog to
 * its usages (RFC 6665 4.5.2: an INVITE session and subscriptions may share one), target refresh.
 * Owns the leg; knows nothing of what a usage means.
 */
#include "mrfc/sip/sip_leg.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mrfc/sip/sip_priv.h"

#include "common/mem.h"

struct sip_leg {
	struct sip_agent *agent;
	nta_leg_t *nta;
	LIST_HEAD(, sip_usage) usages;
	char *hop;        /* the peer by address, NULL */
	bool dispatching; /* freed after the callback then */
	bool doomed;
};

nta_leg_t *sip_leg_nta(struct sip_leg *leg)
{
	return leg->nta;
}

struct sip_agent *sip_leg_agent(struct sip_leg *leg)
{
	return leg->agent;
}

static struct sip_usage *invite_usage(struct sip_leg *leg)
{
	struct sip_usage *u;

	LIST_FOREACH(u, &leg->usages, link) {
		if (u->invite)
			return u;
	}
	return NULL;
}

static bool same_id(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

struct sip_usage *sip_leg_find(struct sip_leg *leg, const char *event, const char *id)
{
	struct sip_usage *u;

	if (event == NULL)
		return NULL;
	LIST_FOREACH(u, &leg->usages, link) {
		if (!u->invite && strcasecmp(u->event, event) == 0 && same_id(u->event_id, id))
			return u;
	}
	return NULL;
}

static void dispatch(struct sip_leg *leg, struct sip_in *in)
{
	struct sip_agent *a = leg->agent;
	struct sip_usage *u;

	switch (in->method) {
	case SIP_IN_INVITE:
	case SIP_IN_UPDATE:
	case SIP_IN_BYE:
	case SIP_IN_PRACK:
		u = invite_usage(leg);
		if (u != NULL)
			u->request(in, u->arg);
		else
			sip_in_end_status(&in, 481);
		break;
	case SIP_IN_SUBSCRIBE:
		u = sip_leg_find(leg, in->event, in->event_id);
		if (u != NULL)
			u->request(in, u->arg);
		else
			a->handlers->subscribe(in, leg, a->handlers_arg);
		break;
	case SIP_IN_REFER:
		a->handlers->refer(in, leg, a->handlers_arg);
		break;
	case SIP_IN_OPTIONS:
		a->handlers->options(in, a->handlers_arg);
		break;
	default:
		sip_in_end_status(&in, 405);
		break;
	}
}

static void destroy(struct sip_leg *leg)
{
	nta_leg_destroy(leg->nta);
	sip_agent_kick(leg->agent);
	free(leg->hop);
	free(leg);
}

const char *sip_leg_hop(const struct sip_leg *leg)
{
	return leg->hop;
}

void sip_leg_set_hop(struct sip_leg *leg, const char *uri)
{
	char *old = leg->hop;

	leg->hop = xstrdup(uri);
	free(old);
}

/* The source address with the port that the peer's Via names (a TCP source port takes no calls). */
static void hop_from(struct sip_leg *leg, const struct sip_in_object *o)
{
	sip_via_t const *via = o->sip->sip_via;
	struct addr at = o->in.peer;
	char text[ADDR_STRLEN], *uri;
	bool tcp = via != NULL && strcasecmp(via->v_protocol, sip_transport_tcp) == 0;

	if (at.len == 0)
		return;
	if (tcp)
		addr_set_port(&at, via->v_port != NULL ? (uint16_t)strtoul(via->v_port, NULL, 10)
						       : 5060);
	uri = xasprintf("sip:%s%s", addr_format(&at, text), tcp ? ";transport=tcp" : "");
	sip_leg_set_hop(leg, uri);
	free(uri);
}

static int on_request(struct sip_leg *leg, nta_leg_t *nta, nta_incoming_t *irq, sip_t const *sip)
{
	struct sip_in *in;

	if (sip->sip_request->rq_method == sip_method_ack) {
		nta_incoming_destroy(irq);
		return 0;
	}
	if (sip->sip_request->rq_method == sip_method_cancel) {
		nta_incoming_treply(irq, SIP_481_NO_TRANSACTION, TAG_END());
		nta_incoming_destroy(irq);
		return 0;
	}
	in = sip_in_new(leg->agent, nta, irq, sip, true);
	if (in == NULL)
		return 0;
	leg->dispatching = true;
	dispatch(leg, in);
	leg->dispatching = false;
	if (leg->doomed)
		destroy(leg);
	return 0;
}

struct sip_leg *sip_leg_accept(struct sip_in *in)
{
	struct sip_in_object *o = sip_in_object(in);
	struct sip_leg *leg = xcalloc(1, sizeof(*leg));

	leg->agent = o->agent;
	LIST_INIT(&leg->usages);
	leg->nta = nta_leg_tcreate(o->agent->nta, on_request, leg,
				   SIPTAG_CALL_ID(o->sip->sip_call_id), SIPTAG_FROM(o->sip->sip_to),
				   SIPTAG_TO(o->sip->sip_from), TAG_END());
	nta_leg_tag(leg->nta, nta_incoming_tag(o->irq, NULL));
	nta_leg_server_route(leg->nta, o->sip->sip_record_route, o->sip->sip_contact);
	hop_from(leg, o);
	return leg;
}

struct sip_leg *sip_leg_call(struct sip_agent *a, const char *from, const char *to,
			     const char *call_id)
{
	struct sip_leg *leg = xcalloc(1, sizeof(*leg));

	leg->agent = a;
	LIST_INIT(&leg->usages);
	leg->nta = nta_leg_tcreate(a->nta, on_request, leg, SIPTAG_CALL_ID_STR(call_id),
				   SIPTAG_FROM_STR(from), SIPTAG_TO_STR(to), TAG_END());
	if (leg->nta == NULL || nta_leg_tag(leg->nta, NULL) == NULL) {
		if (leg->nta != NULL)
			nta_leg_destroy(leg->nta);
		free(leg);
		return NULL;
	}
	return leg;
}

void sip_leg_attach(struct sip_leg *leg, struct sip_usage *usage)
{
	usage->leg = leg;
	LIST_INSERT_HEAD(&leg->usages, usage, link);
}

void sip_leg_detach(struct sip_usage *usage)
{
	struct sip_leg *leg = usage->leg;

	if (leg == NULL)
		return;
	usage->leg = NULL;
	LIST_REMOVE(usage, link);
	if (!LIST_EMPTY(&leg->usages))
		return;
	if (leg->dispatching)
		leg->doomed = true;
	else
		destroy(leg);
}

void sip_leg_refresh_target(struct sip_leg *leg, const struct sip_in *in)
{
	const struct sip_in_object *o = (const void *)in;

	if (o->sip->sip_contact != NULL)
		nta_leg_server_route(leg->nta, NULL, o->sip->sip_contact);
}

const char *sip_leg_local_tag(const struct sip_leg *leg)
{
	return nta_leg_get_tag(leg->nta);
}

const char *sip_leg_remote_tag(const struct sip_leg *leg)
{
	return nta_leg_get_rtag(leg->nta);
}
