/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of ours: INVITE, re-INVITE, UPDATE, BYE, NOTIFY on a leg, their answers copied into our
 * struct, the ACK of a 2xx and the PRACK of a reliable provisional answer. Owns Sofia's client
 * transactions. Knows no conference.
 */
#include "mrfc/sip/sip_out.h"

#include <stdio.h>
#include <stdlib.h>

#include "mrfc/sip/sip_priv.h"
#include "mrfc/sip/sip_probe.h"
#include "mrfc/sip/sip_tls.h"

#include <sofia-sip/nta_tag.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "sip/out"

/* What another try needs: copies. */
struct again {
	char *method, *uri, *contact, *headers, *trusted, *content_type;
	struct bytes body;
};

struct sip_out {
	struct sip_leg *leg; /* NULL once fired */
	nta_outgoing_t *orq;
	struct again *again;    /* NULL: it goes one way only */
	size_t hop;             /* with it: the one that has it now */
	unsigned tried;         /* bits of those that had it */
	bool heard;             /* this one has said something */
	struct timer *patience; /* for that */
	bool invite;
	sip_out_fn *fn;
	void *arg;
	bool answered; /* a 2xx to INVITE came */
	bool acked;
	bool cancelled;
	uint32_t cseq;
	uint32_t rseq; /* last provisional answer acknowledged */
	bool calling;  /* in the callback */
	bool doomed;
};

/* A 2xx to INVITE: the dialog takes its shape. */
static void establish(struct sip_out *out, sip_t const *sip)
{
	nta_leg_t *leg = sip_leg_nta(out->leg);

	out->answered = true;
	out->cseq = sip->sip_cseq->cs_seq;
	if (sip->sip_to->a_tag != NULL)
		nta_leg_rtag(leg, sip->sip_to->a_tag);
	nta_leg_client_reroute(leg, sip->sip_record_route, sip->sip_contact, 1);
}

/* branch NULL: the stack has the INVITE, and acknowledges its 2xx again by itself. */
static void send_ack(struct sip_leg *leg, uint32_t number, const char *branch)
{
	nta_outgoing_t *ack;
	struct sip_way way;
	char cseq[32];

	if (!sip_find_way(leg, NULL, NULL, &way))
		return;
	snprintf(cseq, sizeof(cseq), "%u ACK", number);
	ack = nta_outgoing_tcreate(sip_leg_nta(leg), NULL, NULL, way.hop, SIP_METHOD_ACK, NULL,
				   TAG_IF(branch != NULL, NTATAG_ACK_BRANCH(branch)),
				   SIPTAG_CSEQ_STR(cseq), TAG_END());
	if (ack == NULL)
		log_warn("no ACK could be sent for a 2xx");
	nta_outgoing_destroy(ack);
	sip_agent_kick(sip_leg_agent(leg));
}

/*
 * Answers of no request of ours. A 2xx to an INVITE that an earlier process sent is acknowledged,
 * lest the peer gives the session up (RFC 3261 13.3.1.4); whose call is over hangs up.
 */
static int on_stray(struct sip_out *as_agent, nta_outgoing_t *orq, sip_t const *sip)
{
	struct sip_agent *a = (struct sip_agent *)(void *)as_agent;
	char branch[7 + 21] = "z9hG4bK";
	struct sip_leg *leg;

	(void)orq;
	if (sip == NULL || sip->sip_status == NULL || sip->sip_status->st_status / 100 != 2 ||
	    sip->sip_cseq == NULL || sip->sip_cseq->cs_method != sip_method_invite ||
	    sip->sip_to->a_tag == NULL || sip->sip_from->a_tag == NULL)
		return 0;
	leg = sip_leg_of_answer(a, sip);
	if (leg == NULL)
		return 0;
	if (nta_leg_get_rtag(sip_leg_nta(leg)) == NULL) {
		nta_leg_rtag(sip_leg_nta(leg), sip->sip_to->a_tag);
		nta_leg_client_reroute(sip_leg_nta(leg), sip->sip_record_route, sip->sip_contact,
				       1);
	}
	rand_ident(branch + 7, 20);
	send_ack(leg, sip->sip_cseq->cs_seq, branch);
	sip_leg_answered_late(leg);
	return 0;
}

void sip_out_open(struct sip_agent *a)
{
	a->stray = nta_outgoing_default(a->nta, on_stray, (struct sip_out *)(void *)a);
}

void sip_out_ack(struct sip_out *out)
{
	if (!out->answered || out->acked)
		return;
	out->acked = true;
	send_ack(out->leg, out->cseq, NULL);
}

/* RFC 3262 4: one PRACK for each new RSeq. */
static void acknowledge_provisional(struct sip_out *out, sip_t const *sip)
{
	nta_outgoing_t *prack;
	struct sip_way way;
	char rack[48];

	if (sip->sip_rseq == NULL || !sip_lists_tag(sip->sip_require, "100rel") ||
	    sip->sip_rseq->rs_response <= out->rseq || sip->sip_to->a_tag == NULL)
		return;
	out->rseq = sip->sip_rseq->rs_response;
	/* The early dialog takes its shape, so that the PRACK belongs to it. */
	nta_leg_rtag(sip_leg_nta(out->leg), sip->sip_to->a_tag);
	nta_leg_client_reroute(sip_leg_nta(out->leg), sip->sip_record_route, sip->sip_contact, 1);
	if (!sip_find_way(out->leg, NULL, NULL, &way))
		return;
	snprintf(rack, sizeof(rack), "%u %u INVITE", out->rseq, (unsigned)sip->sip_cseq->cs_seq);
	prack = nta_outgoing_tcreate(sip_leg_nta(out->leg), NULL, NULL, way.hop, SIP_METHOD_PRACK,
				     NULL, SIPTAG_RACK_STR(rack), TAG_END());
	nta_outgoing_destroy(prack);
	sip_leg_sent(out->leg);
}

static void again_free(struct again **ap)
{
	struct again *a = *ap;

	if (a == NULL)
		return;
	*ap = NULL;
	free(a->method);
	free(a->uri);
	free(a->contact);
	free(a->headers);
	free(a->trusted);
	free(a->content_type);
	bytes_fini(&a->body);
	free(a);
}

static void end(struct sip_out *out)
{
	sip_out_ack(out);
	if (out->orq != NULL)
		nta_outgoing_destroy(out->orq);
	timer_free(&out->patience);
	again_free(&out->again);
	free(out);
}

static bool try_next(struct sip_out *out);

/* What the next hop's answer, or its absence, says of the hop. True: the request goes elsewhere. */
static bool judge_hop(struct sip_out *out, sip_t const *sip, int status)
{
	struct sip_agent *a = sip_leg_agent(out->leg);
	bool silent = sip == NULL || nta_sip_is_internal(sip);

	if (!silent && !out->heard)
		sip_hop_report(a, out->hop, true);
	else if (silent)
		sip_hop_report(a, out->hop, false);
	out->heard = out->heard || !silent;
	timer_stop(out->patience);
	/* RFC 3261 21.5.4: who answers 503 itself is not asked again for this one. */
	return (silent || status == 503) && try_next(out);
}

static int on_response(struct sip_out *out, nta_outgoing_t *orq, sip_t const *sip)
{
	int status = nta_outgoing_status(orq);
	su_home_t home[1] = {SU_HOME_INIT(home)};
	struct sip_out_result result;

	if (out->again != NULL && !out->answered && judge_hop(out, sip, status))
		return 0;
	if (status <= 100)
		return 0;
	if (out->fn == NULL) { /* fired: nobody waits */
		if (status >= 200)
			end(out);
		return 0;
	}
	if (out->invite && sip != NULL && status < 200)
		acknowledge_provisional(out, sip);
	if (out->answered)
		return 0; /* the same 2xx again: its ACK is on the way, or will be */
	if (out->invite && sip != NULL && status >= 200 && status < 300)
		establish(out, sip);
	su_home_init(home);
	sip_take_result(sip_leg_agent(out->leg), home, orq, sip, &result);
	out->calling = true;
	out->fn(&result, out->arg);
	out->calling = false;
	su_home_deinit(home);
	if (out->doomed)
		end(out);
	return 0;
}

/*
 * A hop that we gave up has the call all the same, and somebody took it: he hears at once that
 * nobody is there.
 */
static void hang_up(struct sip_agent *a, sip_t const *sip)
{
	nta_leg_t *leg =
		nta_leg_tcreate(a->nta, NULL, NULL, SIPTAG_CALL_ID(sip->sip_call_id),
				SIPTAG_FROM(sip->sip_from), SIPTAG_TO(sip->sip_to), TAG_END());
	char cseq[32];

	if (leg == NULL)
		return;
	nta_leg_client_route(leg, sip->sip_record_route, sip->sip_contact);
	snprintf(cseq, sizeof(cseq), "%u ACK", (unsigned)sip->sip_cseq->cs_seq);
	nta_outgoing_destroy(nta_outgoing_tcreate(leg, NULL, NULL, NULL, SIP_METHOD_ACK, NULL,
						  SIPTAG_CSEQ_STR(cseq), TAG_END()));
	snprintf(cseq, sizeof(cseq), "%u BYE", (unsigned)sip->sip_cseq->cs_seq + 1);
	nta_outgoing_destroy(nta_outgoing_tcreate(leg, NULL, NULL, NULL, SIP_METHOD_BYE, NULL,
						  SIPTAG_CSEQ_STR(cseq), TAG_END()));
	nta_leg_destroy(leg);
}

static int on_given_up(struct sip_out *magic, nta_outgoing_t *orq, sip_t const *sip)
{
	struct sip_agent *a = (struct sip_agent *)(void *)magic;
	int status = nta_outgoing_status(orq);

	if (status < 200)
		return 0;
	if (sip != NULL && status < 300 && sip->sip_cseq->cs_method == sip_method_invite &&
	    sip->sip_contact != NULL &&
	    sip_is_numeric(sip->sip_record_route != NULL ? sip->sip_record_route->r_url
							 : sip->sip_contact->m_url))
		hang_up(a, sip);
	nta_outgoing_destroy(orq);
	return 0;
}

/* The transaction ends by itself: CANCEL as soon as the hop says anything, or nothing ever. */
static void give_up(struct sip_out *out)
{
	struct sip_agent *a = sip_leg_agent(out->leg);

	if (nta_outgoing_status(out->orq) >= 200) {
		nta_outgoing_destroy(out->orq);
	} else {
		nta_outgoing_bind(out->orq, on_given_up, (struct sip_out *)(void *)a);
		if (out->invite)
			(void)nta_outgoing_tcancel(out->orq, NULL, NULL, TAG_END());
	}
	out->orq = NULL;
}

static bool trusted_first_hop(struct sip_agent *a, const char *route, const char *uri)
{
	int i = route != NULL ? hop_table_find(a->hops, route) : -ERR_NOT_FOUND;
	const struct hop *hop = i >= 0 ? hop_table_at(a->hops, (size_t)i) : NULL;
	struct sip_uri parsed;
	struct addr at;

	if (a->handlers == NULL)
		return false;
	if (hop != NULL)
		return a->handlers->trusts(&hop->at, hop->tls_name, a->handlers_arg);
	return sip_uri_parse(slice_str(uri), &parsed) == 0 &&
	       addr_from_host(parsed.host, parsed.port, &at) == 0 &&
	       a->handlers->trusts(&at, NULL, a->handlers_arg);
}

static nta_outgoing_t *create(struct sip_out *out, nta_leg_t *leg,
			      const struct sip_out_request *request, const struct sip_way *way)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	sip_payload_t *body = NULL;
	nta_outgoing_t *orq;
	bool trusted = request->trusted != NULL && request->uri != NULL &&
		       trusted_first_hop(sip_leg_agent(out->leg), request->route, request->uri);

	su_home_init(home);
	if (request->content_type != NULL)
		body = sip_payload_create(home, request->body.ptr, (isize_t)request->body.len);
	const char *contact = request->contact;
	if (contact != NULL && way->tls)
		contact = sip_tls_contact(sip_leg_agent(out->leg), home, contact, way->sips);
	char *route = request->route != NULL ? su_sprintf(home, "<%s>", request->route) : NULL;
	bool dated = sip_method_code(request->method) == sip_method_invite; /* RFC 3261 20.17 */
	orq = nta_outgoing_tcreate(
		leg, on_response, out, way->hop, sip_method_code(request->method), request->method,
		request->uri != NULL ? URL_STRING_MAKE(request->uri) : NULL,
		TAG_IF(dated, SIPTAG_DATE(sip_date_create(home, 0))),
		TAG_IF(route != NULL, SIPTAG_ROUTE_STR(route)),
		TAG_IF(contact != NULL, SIPTAG_CONTACT_STR(contact)),
		TAG_IF(request->headers != NULL, SIPTAG_HEADER_STR(request->headers)),
		TAG_IF(trusted, SIPTAG_HEADER_STR(request->trusted)),
		TAG_IF(body != NULL, SIPTAG_CONTENT_TYPE_STR(request->content_type)),
		TAG_IF(body != NULL, SIPTAG_PAYLOAD(body)), TAG_END());
	su_home_deinit(home);
	sip_agent_kick(sip_leg_agent(out->leg));
	return orq;
}

/*
 * A stand-in of the dialog whose next request has the number of this one again: the stack counts up
 * by itself otherwise.
 */
static nta_leg_t *same_again(struct sip_agent *a, nta_outgoing_t *orq)
{
	msg_t *msg = nta_outgoing_getrequest(orq);
	sip_t const *sip = msg != NULL ? sip_object(msg) : NULL;
	nta_leg_t *leg = NULL;
	char cseq[48];

	if (sip != NULL) {
		snprintf(cseq, sizeof(cseq), "%u %s", (unsigned)sip->sip_cseq->cs_seq - 1,
			 sip->sip_cseq->cs_method_name);
		leg = nta_leg_tcreate(a->nta, NULL, NULL, SIPTAG_CALL_ID(sip->sip_call_id),
				      SIPTAG_FROM(sip->sip_from), SIPTAG_TO(sip->sip_to),
				      SIPTAG_CSEQ_STR(cseq), TAG_END());
	}
	msg_destroy(msg);
	return leg;
}

static bool try_next(struct sip_out *out)
{
	struct sip_agent *a = sip_leg_agent(out->leg);
	const struct again *g = out->again;
	int next = out->cancelled ? -ERR_NOT_FOUND
				  : hop_table_choose(a->hops, out->tried, clock_now_ms());
	nta_leg_t *leg = next >= 0 ? same_again(a, out->orq) : NULL;
	const struct hop *hop;

	if (leg == NULL)
		return false;
	a->handlers->hop(hop_table_at(a->hops, out->hop)->name, "failover",
			 hop_table_at(a->hops, out->hop)->up, a->handlers_arg);
	give_up(out);
	hop = hop_table_at(a->hops, (size_t)next);
	out->hop = (size_t)next;
	out->tried |= 1u << next;
	out->heard = false;
	sip_leg_set_hop(out->leg, hop->uri);
	out->orq = create(out, leg,
			  &(struct sip_out_request){.method = g->method,
						    .uri = g->uri,
						    .route = hop->uri,
						    .contact = g->contact,
						    .headers = g->headers,
						    .trusted = g->trusted,
						    .content_type = g->content_type,
						    .body = bytes_slice(&g->body)},
			  &(struct sip_way){.tls = hop->tls_name != NULL});
	nta_leg_destroy(leg);
	timer_start(out->patience, a->hop_timeout_ms);
	return true;
}

static void on_patience(void *arg)
{
	struct sip_out *out = arg;
	struct sip_agent *a = sip_leg_agent(out->leg);

	sip_hop_report(a, out->hop, false);
	(void)try_next(out); /* else this one has all the time of its transaction */
	sip_agent_kick(a);
}

static char *copy(const char *text)
{
	return text != NULL ? xstrdup(text) : NULL;
}

/* Through one of several hops: what another try needs is kept. */
static void prepare_again(struct sip_out *out, const struct sip_out_request *request)
{
	struct sip_agent *a = sip_leg_agent(out->leg);
	int hop = request->route != NULL ? hop_table_find(a->hops, request->route) : -ERR_NOT_FOUND;
	struct again *g;

	if (hop < 0)
		return;
	g = out->again = xcalloc(1, sizeof(*g));
	g->method = copy(request->method);
	g->uri = copy(request->uri);
	g->contact = copy(request->contact);
	g->headers = copy(request->headers);
	g->trusted = copy(request->trusted);
	g->content_type = copy(request->content_type);
	bytes_add_slice(&g->body, request->body);
	out->hop = (size_t)hop;
	out->tried = 1u << hop;
	out->patience = timer_new(a->base, on_patience, out);
	timer_start(out->patience, a->hop_timeout_ms);
}

static struct sip_out *start(struct sip_leg *leg, const struct sip_out_request *request,
			     sip_out_fn *fn, void *arg)
{
	struct sip_out *out;
	struct sip_way way;

	if (!sip_find_way(leg, request->route, request->uri, &way))
		return NULL;
	out = xcalloc(1, sizeof(*out));
	out->leg = leg;
	out->invite = sip_method_code(request->method) == sip_method_invite;
	out->fn = fn;
	out->arg = arg;
	if (fn != NULL)
		prepare_again(out, request);
	out->orq = create(out, sip_leg_nta(leg), request, &way);
	if (out->orq == NULL) {
		log_warn("%s could not be sent", request->method);
		end(out);
		return NULL;
	}
	sip_leg_sent(leg);
	return out;
}

struct sip_out *sip_out_send(struct sip_leg *leg, const struct sip_out_request *request,
			     sip_out_fn *fn, void *arg)
{
	return start(leg, request, fn, arg);
}

void sip_out_fire(struct sip_leg *leg, const struct sip_out_request *request)
{
	struct sip_agent *a = sip_leg_agent(leg);
	struct sip_out *out = start(leg, request, NULL, NULL);

	if (out == NULL)
		return;
	/* Without a listener the stack finishes the transaction alone. */
	sip_out_free(&out);
	sip_agent_kick(a);
}

void sip_out_cancel(struct sip_out *out)
{
	nta_outgoing_t *cancel = nta_outgoing_tcancel(out->orq, NULL, NULL, TAG_END());

	(void)cancel;
	out->cancelled = true;
	sip_agent_kick(sip_leg_agent(out->leg));
}

void sip_out_free(struct sip_out **outp)
{
	struct sip_out *out = *outp;

	if (out == NULL)
		return;
	*outp = NULL;
	if (out->calling)
		out->doomed = true;
	else
		end(out);
}
