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
#include "mrfc/sip/sip_ref.h"

#include <sofia-sip/nta_tag.h>

#include "common/mem.h"
#include "proto/sip_uri.h"

#define CSEQ_FIRST  1
#define CSEQ_AHEAD  16 /* numbers reserved at a time */
#define CSEQ_MARGIN 8  /* so many are left when the next are reserved */

struct sip_leg {
	struct sip_agent *agent;
	nta_leg_t *nta;
	LIST_HEAD(, sip_usage) usages;
	char *hop; /* the peer by address, NULL */
	char *call_id, *local, *remote;
	uint32_t cseq_bound; /* of ours: recorded, so none above it may be used */
	bool incoming;       /* the peer made the dialog */
	bool dispatching;    /* freed after the callback then */
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
	struct sip_usage *u;

	switch (in->method) {
	case SIP_IN_INVITE:
	case SIP_IN_UPDATE:
	case SIP_IN_BYE:
	case SIP_IN_PRACK:
		u = invite_usage(leg);
		if (u != NULL && u->repeated != NULL && in->method == SIP_IN_INVITE &&
		    sip_in_object(in)->sip->sip_to->a_tag == NULL)
			u->repeated(in, u->arg);
		else if (u != NULL)
			u->request(in, u->arg);
		else
			sip_in_end_status(&in, 481);
		break;
	case SIP_IN_SUBSCRIBE:
		u = sip_leg_find(leg, in->event, in->event_id);
		if (u != NULL)
			u->request(in, u->arg);
		else
			sip_in_hand_up(in, leg);
		break;
	default:
		sip_in_hand_up(in, leg);
		break;
	}
}

static void destroy(struct sip_leg *leg)
{
	if (leg->nta != NULL)
		nta_leg_destroy(leg->nta);
	sip_agent_kick(leg->agent);
	free(leg->hop);
	free(leg->call_id);
	free(leg->local);
	free(leg->remote);
	free(leg);
}

static void tell_changed(struct sip_leg *leg)
{
	struct sip_usage *u;

	LIST_FOREACH(u, &leg->usages, link) {
		if (u->changed != NULL)
			u->changed(u->arg);
	}
}

void sip_leg_sent(struct sip_leg *leg)
{
	if (nta_leg_get_seq(leg->nta) + CSEQ_MARGIN <= leg->cseq_bound)
		return;
	leg->cseq_bound = nta_leg_get_seq(leg->nta) + CSEQ_AHEAD;
	tell_changed(leg);
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

/*
 * The source address, over TCP with the port that the peer's Via names (a source port takes no
 * calls). Over TLS the connection itself is meant (RFC 5923).
 */
static void hop_from(struct sip_leg *leg, const struct sip_in_object *o)
{
	sip_via_t const *via = o->sip->sip_via;
	struct addr at = o->in.peer;
	char text[ADDR_STRLEN], *uri;
	bool tcp = !o->in.tls && via != NULL && strcasecmp(via->v_protocol, sip_transport_tcp) == 0;

	if (at.len == 0)
		return;
	if (tcp)
		addr_set_port(&at, via->v_port != NULL ? (uint16_t)strtoul(via->v_port, NULL, 10)
						       : 5060);
	uri = xasprintf("sip:%s%s", addr_format(&at, text),
			o->in.tls ? ";transport=tls"
			: tcp     ? ";transport=tcp"
				  : "");
	sip_leg_set_hop(leg, uri);
	free(uri);
}

/* The end of a request without anything still in use of it. */
static void dispatched(struct sip_leg *leg)
{
	leg->dispatching = false;
	if (leg->doomed)
		destroy(leg);
}

static void on_ack(struct sip_leg *leg)
{
	struct sip_usage *u = invite_usage(leg);

	leg->dispatching = true;
	if (u != NULL && u->acked != NULL)
		u->acked(u->arg);
	dispatched(leg);
}

static int on_request(struct sip_leg *leg, nta_leg_t *nta, nta_incoming_t *irq, sip_t const *sip)
{
	struct sip_in *in;

	if (sip->sip_request->rq_method == sip_method_ack) {
		on_ack(leg);
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
	if (in->tls) /* perhaps over another connection than before */
		hop_from(leg, sip_in_object(in));
	leg->dispatching = true;
	dispatch(leg, in);
	dispatched(leg);
	return 0;
}

static struct sip_leg *leg_new(struct sip_agent *a, const char *call_id, const char *local,
			       const char *remote, bool incoming)
{
	struct sip_leg *leg = xcalloc(1, sizeof(*leg));

	leg->agent = a;
	leg->call_id = xstrdup(call_id);
	leg->local = xstrdup(local);
	leg->remote = xstrdup(remote);
	leg->incoming = incoming;
	leg->cseq_bound = CSEQ_FIRST + CSEQ_AHEAD;
	LIST_INIT(&leg->usages);
	return leg;
}

/* From or To as text without its parameters, the tag among them. */
static char *address_text(su_home_t *home, sip_addr_t const *a)
{
	sip_addr_t bare = *a;
	const char *text;

	bare.a_next = NULL;
	bare.a_params = NULL;
	bare.a_tag = NULL;
	bare.a_comment = NULL;
	text = sip_header_as_string(home, (sip_header_t const *)&bare);
	return (char *)(uintptr_t)(text != NULL ? text : "");
}

struct sip_leg *sip_leg_accept(struct sip_in *in)
{
	struct sip_in_object *o = sip_in_object(in);
	su_home_t home[1] = {SU_HOME_INIT(home)};
	struct sip_leg *leg;
	sip_cseq_t cseq[1];

	su_home_init(home);
	leg = leg_new(o->agent, in->call_id, address_text(home, o->sip->sip_to),
		      address_text(home, o->sip->sip_from), true);
	su_home_deinit(home);
	sip_cseq_init(cseq)->cs_seq = CSEQ_FIRST;
	leg->nta =
		nta_leg_tcreate(o->agent->nta, on_request, leg, SIPTAG_CALL_ID(o->sip->sip_call_id),
				SIPTAG_FROM(o->sip->sip_to), SIPTAG_TO(o->sip->sip_from),
				SIPTAG_CSEQ(cseq), NTATAG_REMOTE_CSEQ(in->cseq), TAG_END());
	nta_leg_tag(leg->nta, nta_incoming_tag(o->irq, NULL));
	nta_leg_server_route(leg->nta, o->sip->sip_record_route, o->sip->sip_contact);
	hop_from(leg, o);
	return leg;
}

struct sip_leg *sip_leg_call(struct sip_agent *a, const char *from, const char *to,
			     const char *call_id)
{
	struct sip_leg *leg = leg_new(a, call_id, from, to, false);
	sip_cseq_t cseq[1];

	sip_cseq_init(cseq)->cs_seq = CSEQ_FIRST;
	leg->nta = nta_leg_tcreate(a->nta, on_request, leg, SIPTAG_CALL_ID_STR(call_id),
				   SIPTAG_FROM_STR(from), SIPTAG_TO_STR(to), SIPTAG_CSEQ(cseq),
				   TAG_END());
	if (leg->nta == NULL || nta_leg_tag(leg->nta, NULL) == NULL) {
		destroy(leg);
		return NULL;
	}
	return leg;
}

static char *route_text(su_home_t *home, sip_route_t const *routes)
{
	struct bytes b = BYTES_INIT;

	for (; routes != NULL; routes = routes->r_next)
		bytes_addf(&b, "%s<%s>", b.len > 0 ? ", " : "", url_as_string(home, routes->r_url));
	return b.len > 0 ? bytes_take(&b) : NULL;
}

static char *dup_or_null(const char *s)
{
	return s != NULL ? xstrdup(s) : NULL;
}

void sip_leg_save(const struct sip_leg *leg, struct leg_record *record_r)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	sip_route_t const *routes = NULL;
	sip_contact_t const *target = NULL;

	su_home_init(home);
	nta_leg_get_route(leg->nta, &routes, &target);
	*record_r = (struct leg_record){
		.call_id = xstrdup(leg->call_id),
		.local_tag = dup_or_null(sip_leg_local_tag(leg)),
		.remote_tag = dup_or_null(sip_leg_remote_tag(leg)),
		.local = xstrdup(leg->local),
		.remote = xstrdup(leg->remote),
		.target = target != NULL ? dup_or_null(url_as_string(home, target->m_url)) : NULL,
		.routes = route_text(home, routes),
		.hop = dup_or_null(leg->hop),
		.local_cseq = leg->cseq_bound,
		.remote_cseq = nta_leg_get_rseq(leg->nta),
		.incoming = leg->incoming};
	su_home_deinit(home);
}

/* The stack's leg of a record; NULL. */
static nta_leg_t *nta_of(struct sip_leg *leg, su_home_t *home, const struct leg_record *r)
{
	sip_route_t *routes = r->routes != NULL ? sip_route_make(home, r->routes) : NULL;
	sip_contact_t *target = NULL;
	sip_cseq_t cseq[1];

	if (r->target != NULL)
		target = sip_contact_make(home, su_sprintf(home, "<%s>", r->target));
	if ((r->routes != NULL && routes == NULL) || (r->target != NULL && target == NULL))
		return NULL;
	sip_cseq_init(cseq)->cs_seq = r->local_cseq;
	leg->nta =
		nta_leg_tcreate(leg->agent->nta, on_request, leg, SIPTAG_CALL_ID_STR(r->call_id),
				SIPTAG_FROM_STR(r->local), SIPTAG_TO_STR(r->remote),
				SIPTAG_CSEQ(cseq), NTATAG_REMOTE_CSEQ(r->remote_cseq), TAG_END());
	if (leg->nta == NULL || nta_leg_tag(leg->nta, r->local_tag) == NULL)
		return NULL;
	if (r->remote_tag != NULL)
		nta_leg_rtag(leg->nta, r->remote_tag);
	/* The route set is kept in the order of our requests, whoever made the dialog. */
	if (target != NULL)
		nta_leg_server_route(leg->nta, routes, target);
	return leg->nta;
}

static struct sip_leg *find_leg(struct sip_agent *a, su_home_t *home, const char *call_id,
				const char *remote_tag, const char *local_tag)
{
	sip_call_id_t *id = sip_call_id_make(home, call_id);
	nta_leg_t *nta =
		id != NULL && remote_tag != NULL
			? nta_leg_by_dialog(a->nta, NULL, id, remote_tag, NULL, local_tag, NULL)
			: NULL;

	return nta != NULL ? nta_leg_magic(nta, on_request) : NULL;
}

/* A second record of the same dialog may be the younger one. */
static void raise_cseq(struct sip_leg *leg, uint32_t cseq)
{
	nta_leg_t *old = leg->nta;
	struct leg_record all;
	su_home_t home[1] = {SU_HOME_INIT(home)};

	if (cseq <= nta_leg_get_seq(old))
		return;
	sip_leg_save(leg, &all);
	all.local_cseq = cseq;
	leg->cseq_bound = cseq + CSEQ_AHEAD;
	su_home_init(home);
	if (nta_of(leg, home, &all) != NULL)
		nta_leg_destroy(old); /* nothing is under way in it */
	else
		leg->nta = old;
	su_home_deinit(home);
	leg_record_fini(&all);
}

struct sip_leg *sip_leg_restore(struct sip_agent *a, const struct leg_record *r)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	struct sip_leg *leg = NULL;

	if (r->call_id == NULL || r->local_tag == NULL || r->local == NULL || r->remote == NULL)
		return NULL;
	su_home_init(home);
	leg = find_leg(a, home, r->call_id, r->remote_tag, r->local_tag);
	if (leg != NULL) {
		raise_cseq(leg, r->local_cseq);
	} else {
		leg = leg_new(a, r->call_id, r->local, r->remote, r->incoming);
		leg->hop = r->hop != NULL ? xstrdup(r->hop) : NULL;
		leg->cseq_bound = r->local_cseq + CSEQ_AHEAD;
		if (nta_of(leg, home, r) == NULL) {
			destroy(leg);
			leg = NULL;
		}
	}
	su_home_deinit(home);
	sip_agent_kick(a);
	return leg;
}

struct sip_leg *sip_leg_of_answer(struct sip_agent *a, sip_t const *sip)
{
	nta_leg_t *nta = nta_leg_by_dialog(a->nta, NULL, sip->sip_call_id, sip->sip_to->a_tag, NULL,
					   sip->sip_from->a_tag, NULL);

	return nta != NULL ? nta_leg_magic(nta, on_request) : NULL;
}

void sip_leg_answered_late(struct sip_leg *leg)
{
	struct sip_usage *u = invite_usage(leg);

	if (u != NULL && u->late != NULL)
		u->late(u->arg);
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

	if (o->sip->sip_contact == NULL)
		return;
	nta_leg_server_route(leg->nta, NULL, o->sip->sip_contact);
	tell_changed(leg);
}

const char *sip_leg_local_tag(const struct sip_leg *leg)
{
	return nta_leg_get_tag(leg->nta);
}

const char *sip_leg_remote_tag(const struct sip_leg *leg)
{
	return nta_leg_get_rtag(leg->nta);
}

struct sip_leg *sip_leg_named(struct sip_agent *a, const struct sip_ref *ref)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	sip_call_id_t *id;
	nta_leg_t *nta;

	su_home_init(home);
	id = sip_call_id_make(home, su_sprintf(home, SLICE_FMT, SLICE_ARG(ref->call_id)));
	nta = id == NULL
		      ? NULL
		      : nta_leg_by_dialog(a->nta, NULL, id,
					  su_sprintf(home, SLICE_FMT, SLICE_ARG(ref->from_tag)),
					  NULL, su_sprintf(home, SLICE_FMT, SLICE_ARG(ref->to_tag)),
					  NULL);
	su_home_deinit(home);
	return nta != NULL ? nta_leg_magic(nta, on_request) : NULL;
}

struct sip_usage *sip_leg_session(struct sip_leg *leg)
{
	return invite_usage(leg);
}
