/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a UE in a conference asks of the focus besides the call: the conference event subscription
 * (RFC 4575, 6665) and REFERs to invite or remove somebody (RFC 3515, 4579 5.5 and 5.11).
 */
#include "ue/ue_sip_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

void ue_call_drop_subscription(struct ue_call *call)
{
	if (call->sub_orq)
		nta_outgoing_destroy(call->sub_orq);
	if (call->sub_leg)
		nta_leg_destroy(call->sub_leg);
	if (call->ev_resub)
		event_free(call->ev_resub);
	call->sub_orq = NULL;
	call->sub_leg = NULL;
	call->ev_resub = NULL;
}

static int on_notify(void *magic, nta_leg_t *leg, nta_incoming_t *irq, sip_t const *sip)
{
	struct ue_call *call = magic;
	char *state = NULL;
	struct slice xml = SLICE_NULL;

	(void)leg;
	if (sip->sip_request->rq_method != sip_method_notify)
		return 405;
	if (!sip->sip_event || strcasecmp(sip->sip_event->o_type, "conference") != 0)
		return 489;
	nta_incoming_treply(irq, SIP_200_OK, TAG_END());
	nta_incoming_destroy(irq);
	if (sip->sip_subscription_state)
		state = sip_header_as_string(call->sip->home,
					     (sip_header_t *)sip->sip_subscription_state);
	if (sip->sip_payload)
		xml = slice_make(sip->sip_payload->pl_data, sip->sip_payload->pl_len);
	call->sip->ops->conference_info(call, state ? state : "", xml, call->sip->arg);
	su_free(call->sip->home, state);
	return 0;
}

static void on_resubscribe(evutil_socket_t fd, short what, void *arg);

static int on_subscribe_answer(void *magic, nta_outgoing_t *orq, sip_t const *sip)
{
	struct ue_call *call = magic;
	int status = sip && sip->sip_status ? sip->sip_status->st_status : nta_outgoing_status(orq);
	nta_outgoing_t *next;
	struct timeval tv = {0, 0};

	if (status < 200)
		return 0;
	if ((next = ue_sip_again(call->sip, call->sub_leg, orq, on_subscribe_answer, call, sip))) {
		call->sub_orq = next;
		return 0;
	}
	if (sip && status < 300) {
		if (sip->sip_to->a_tag)
			nta_leg_rtag(call->sub_leg, sip->sip_to->a_tag);
		nta_leg_client_route(call->sub_leg, sip->sip_record_route, sip->sip_contact);
		if (sip->sip_expires)
			tv.tv_sec = (time_t)(sip->sip_expires->ex_delta * 3 / 4);
		if (tv.tv_sec > 0) {
			if (!call->ev_resub)
				call->ev_resub = evtimer_new(call->sip->base, on_resubscribe, call);
			evtimer_add(call->ev_resub, &tv);
		}
	} else if (call->state == UE_CALL_UP) {
		call->sip->ops->unwatched(call, status, ue_sip_phrase(orq, sip), call->sip->arg);
	}
	call->sub_orq = NULL;
	nta_outgoing_destroy(orq);
	return 0;
}

static int subscribe(struct ue_call *call, bool first)
{
	struct ue_sip *sip = call->sip;
	char expires[16], *pai = xasprintf("<%s>", sip->as);

	snprintf(expires, sizeof(expires), "%u", call->sub_expires);
	if (call->sub_orq)
		nta_outgoing_destroy(call->sub_orq);
	call->sub_orq = nta_outgoing_tcreate(
		call->sub_leg, on_subscribe_answer, call, NULL, SIP_METHOD_SUBSCRIBE,
		first ? (url_string_t const *)(call->target ? call->target : call->peer) : NULL,
		TAG_IF(first && !call->target, SIPTAG_ROUTE_STR(sip->route)),
		SIPTAG_CONTACT_STR(sip->contact), SIPTAG_P_ASSERTED_IDENTITY_STR(pai),
		SIPTAG_EVENT_STR("conference"),
		SIPTAG_ACCEPT_STR("application/conference-info+xml"), SIPTAG_EXPIRES_STR(expires),
		TAG_END());
	free(pai);
	ue_sip_kick(sip);
	return call->sub_orq ? 0 : -ERR_SYNTAX;
}

static void on_resubscribe(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)!subscribe(arg, false);
}

int ue_call_subscribe(struct ue_call *call, uint32_t expires_s)
{
	char *from = xasprintf("<%s>", call->sip->as), *to = xasprintf("<%s>", call->peer);

	ue_call_drop_subscription(call);
	call->sub_expires = expires_s;
	call->sub_leg = nta_leg_tcreate(call->sip->agent, on_notify, call, SIPTAG_FROM_STR(from),
					SIPTAG_TO_STR(to), TAG_END());
	free(from);
	free(to);
	if (!call->sub_leg)
		return -ERR_SYNTAX;
	nta_leg_tag(call->sub_leg, NULL);
	return subscribe(call, true);
}

static void refer_free(struct ue_refer *r)
{
	if (r->orq)
		nta_outgoing_destroy(r->orq);
	LIST_REMOVE(r, link);
	free(r);
}

void ue_call_drop_refers(struct ue_call *call)
{
	struct ue_refer *r;

	while ((r = LIST_FIRST(&call->refers)))
		refer_free(r);
}

static int on_refer_answer(void *magic, nta_outgoing_t *orq, sip_t const *sip)
{
	struct ue_refer *r = magic;
	struct ue_call *call = r->call;
	int status = sip && sip->sip_status ? sip->sip_status->st_status : nta_outgoing_status(orq);
	nta_outgoing_t *next;

	if (status < 200)
		return 0;
	if ((next = ue_sip_again(call->sip, call->leg, orq, on_refer_answer, r, sip))) {
		r->orq = next;
		r->cseq = nta_outgoing_cseq(next);
		return 0;
	}
	if (status >= 300) {
		unsigned ticket = r->ticket;

		r->orq = NULL;
		refer_free(r);
		call->sip->ops->referred(call, ticket, status, ue_sip_phrase(orq, sip), true, true,
					 call->sip->arg);
		nta_outgoing_destroy(orq);
		return 0;
	}
	r->orq = NULL;
	nta_outgoing_destroy(orq);
	return 0;
}

int ue_call_refer(struct ue_call *call, const char *uri, const char *method, unsigned ticket)
{
	struct ue_refer *r;
	char *refer_to, *by;

	if (call->state != UE_CALL_UP)
		return -ERR_WRONG_STATE;
	r = xcalloc(1, sizeof(*r));
	r->call = call;
	r->ticket = ticket;
	LIST_INSERT_HEAD(&call->refers, r, link);
	refer_to = strcmp(method, "INVITE") == 0 ? xasprintf("<%s>", uri)
						 : xasprintf("<%s;method=%s>", uri, method);
	by = xasprintf("<%s>", call->sip->as);
	r->orq = nta_outgoing_tcreate(call->leg, on_refer_answer, r, NULL, SIP_METHOD_REFER, NULL,
				      SIPTAG_CONTACT_STR(call->sip->contact),
				      SIPTAG_REFER_TO_STR(refer_to), SIPTAG_REFERRED_BY_STR(by),
				      SIPTAG_P_ASSERTED_IDENTITY_STR(by), TAG_END());
	free(refer_to);
	free(by);
	ue_sip_kick(call->sip);
	if (!r->orq) {
		refer_free(r);
		return -ERR_SYNTAX;
	}
	r->cseq = nta_outgoing_cseq(r->orq);
	return 0;
}

/* The REFER a NOTIFY belongs to: by id, or the first one of the dialog, which may go without. */
static struct ue_refer *find_refer(struct ue_call *call, sip_t const *sip)
{
	struct ue_refer *r, *oldest = NULL;
	uint32_t id = sip->sip_event->o_id ? (uint32_t)strtoul(sip->sip_event->o_id, NULL, 10) : 0;

	LIST_FOREACH(r, &call->refers, link) {
		if (id && r->cseq == id)
			return r;
		if (!oldest || r->cseq < oldest->cseq)
			oldest = r;
	}
	return id ? NULL : oldest;
}

int ue_call_refer_notify(struct ue_call *call, sip_t const *sip)
{
	struct ue_refer *r;
	struct slice line, token;
	uint64_t status = 0;
	unsigned ticket;
	bool final;
	char reason[64] = "";

	if (!sip->sip_event || strcasecmp(sip->sip_event->o_type, "refer") != 0)
		return 489;
	r = find_refer(call, sip);
	if (!r)
		return 481;
	final = sip->sip_subscription_state &&
		strcasecmp(sip->sip_subscription_state->ss_substate, "terminated") == 0;
	line = sip->sip_payload ? slice_make(sip->sip_payload->pl_data, sip->sip_payload->pl_len)
				: SLICE_NULL;
	slice_next(&line, ' ', &token); /* SIP/2.0 */
	if (!slice_next(&line, ' ', &token) || slice_u64(token, 699, &status) < 0)
		status = 0;
	slice_next(&line, '\r', &token);
	snprintf(reason, sizeof(reason), SLICE_FMT, SLICE_ARG(slice_trim(token)));
	ticket = r->ticket;
	if (final)
		refer_free(r);
	call->sip->ops->referred(call, ticket, (int)status, reason, final, false, call->sip->arg);
	return 200;
}
