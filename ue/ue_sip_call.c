/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of user equipment: INVITE dialogs in both directions, their end, re-INVITE and session
 * refresh. The conference subscription and REFERs of a call are in ue_sip_conf.c. RFC 3261, 4028.
 */
#include "ue/ue_sip_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"

#define LOG_PLACE "ue_sip"
#define ALLOW     "INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, UPDATE"

static struct slice body_of(sip_t const *sip)
{
	if (!sip || !sip->sip_payload || !sip->sip_content_type ||
	    strcasecmp(sip->sip_content_type->c_type, "application/sdp") != 0)
		return SLICE_NULL;
	return slice_make(sip->sip_payload->pl_data, sip->sip_payload->pl_len);
}

static struct ue_call *call_new(struct ue_sip *sip, enum ue_call_state state, char *peer_take)
{
	struct ue_call *call = xcalloc(1, sizeof(*call));

	call->sip = sip;
	call->state = state;
	call->peer = peer_take;
	bytes_init(&call->last_answer, 0);
	LIST_INIT(&call->refers);
	LIST_INSERT_HEAD(&sip->calls, call, link);
	return call;
}

void ue_call_free(struct ue_call *call)
{
	ue_call_drop_subscription(call);
	ue_call_drop_refers(call);
	if (call->irq)
		nta_incoming_destroy(call->irq);
	if (call->orq)
		nta_outgoing_destroy(call->orq);
	if (call->leg)
		nta_leg_destroy(call->leg);
	if (call->ev_refresh)
		event_free(call->ev_refresh);
	if (call->ev_free)
		event_free(call->ev_free);
	LIST_REMOVE(call, link);
	bytes_fini(&call->last_answer);
	free(call->peer);
	free(call->target);
	free(call);
}

static void on_over(evutil_socket_t fd, short what, void *arg)
{
	struct ue_call *call = arg;

	(void)fd;
	(void)what;
	call->sip->ops->ended(call, call->end_by_peer, call->end_cause, call->end_text,
			      call->sip->arg);
	ue_call_free(call);
}

/* Report and free from the loop, never inside one of Sofia's callbacks. */
static void call_over(struct ue_call *call, bool by_peer, int cause, const char *text)
{
	if (call->state == UE_CALL_OVER)
		return;
	call->state = UE_CALL_OVER;
	call->end_by_peer = by_peer;
	call->end_cause = cause;
	snprintf(call->end_text, sizeof(call->end_text), "%s", text ? text : "");
	call->ev_free = evtimer_new(call->sip->base, on_over, call);
	event_active(call->ev_free, EV_TIMEOUT, 0);
}

static void over_by_reason(struct ue_call *call, sip_t const *sip)
{
	sip_reason_t const *re = sip ? sip->sip_reason : NULL;
	int cause = re && re->re_cause ? (int)strtol(re->re_cause, NULL, 10) : 0;
	char text[100] = "";

	if (re && re->re_text) {
		struct slice t = slice_str(re->re_text);

		if (t.len >= 2 && t.ptr[0] == '"')
			t = slice_make(t.ptr + 1, t.len - 2);
		snprintf(text, sizeof(text), SLICE_FMT, SLICE_ARG(t));
	}
	call_over(call, true, cause, text);
}

static void on_session_expired(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ue_call_bye(arg);
}

/* The focus refreshes (we name it refresher); without a refresh in time we hang up. RFC 4028 10. */
static void session_timer(struct ue_call *call, sip_t const *sip)
{
	struct timeval tv = {0, 0};
	unsigned long se = sip && sip->sip_session_expires ? sip->sip_session_expires->x_delta : 0;

	if (se < 90)
		return;
	if (!call->ev_refresh)
		call->ev_refresh = evtimer_new(call->sip->base, on_session_expired, call);
	tv.tv_sec = (time_t)(se - (se / 3 < 32 ? se / 3 : 32));
	evtimer_add(call->ev_refresh, &tv);
}

static const char *peer_refresher(sip_t const *sip, char buf[48])
{
	if (!sip->sip_session_expires)
		return NULL;
	snprintf(buf, 48, "%lu;refresher=uac", sip->sip_session_expires->x_delta);
	return buf;
}

static int on_ack_or_cancel(void *magic, nta_incoming_t *irq, sip_t const *sip)
{
	struct ue_call *call = magic;

	if (sip && sip->sip_request->rq_method == sip_method_cancel) {
		call->irq = NULL;
		nta_incoming_destroy(irq);
		over_by_reason(call, sip);
		return 0;
	}
	call->irq = NULL;
	nta_incoming_destroy(irq);
	if (!sip)
		ue_call_bye(call);
	return 0;
}

/* re-INVITE or UPDATE. */
static int on_offer(struct ue_call *call, nta_incoming_t *irq, sip_t const *sip)
{
	struct slice offer = body_of(sip);
	bool invite = sip->sip_request->rq_method == sip_method_invite;
	char se[48];
	int status = 200;

	if (sip->sip_contact)
		nta_leg_server_route(call->leg, NULL, sip->sip_contact);
	if (invite || offer.len) {
		bytes_reset(&call->last_answer);
		status = call->sip->ops->offered(call, offer, &call->last_answer, call->sip->arg);
	}
	if (status != 200)
		return status;
	if (invite)
		nta_incoming_bind(irq, on_ack_or_cancel, call);
	nta_incoming_treply(irq, SIP_200_OK, SIPTAG_CONTACT_STR(call->sip->contact),
			    SIPTAG_ALLOW_STR(ALLOW),
			    TAG_IF(sip->sip_session_expires,
				   SIPTAG_SESSION_EXPIRES_STR(peer_refresher(sip, se))),
			    TAG_IF(sip->sip_session_expires, SIPTAG_REQUIRE_STR("timer")),
			    TAG_IF(call->last_answer.len && (invite || offer.len),
				   SIPTAG_CONTENT_TYPE_STR("application/sdp")),
			    TAG_IF(call->last_answer.len && (invite || offer.len),
				   SIPTAG_PAYLOAD_STR(bytes_cstr(&call->last_answer))),
			    TAG_END());
	session_timer(call, sip);
	if (invite) {
		if (call->irq)
			nta_incoming_destroy(call->irq);
		call->irq = irq;
	} else {
		nta_incoming_destroy(irq);
	}
	return 0;
}

static int on_dialog(void *magic, nta_leg_t *leg, nta_incoming_t *irq, sip_t const *sip)
{
	struct ue_call *call = magic;

	(void)leg;
	if (call->state == UE_CALL_OVER && sip->sip_request->rq_method != sip_method_ack)
		return 481;
	switch (sip->sip_request->rq_method) {
	case sip_method_ack:
		return 0;
	case sip_method_bye:
		nta_incoming_treply(irq, SIP_200_OK, TAG_END());
		nta_incoming_destroy(irq);
		over_by_reason(call, sip);
		return 0;
	case sip_method_invite:
	case sip_method_update:
		return on_offer(call, irq, sip);
	case sip_method_notify:
		return ue_call_refer_notify(call, sip);
	case sip_method_options:
		return 200;
	default:
		return 405;
	}
}

static void ack_2xx(struct ue_call *call, sip_t const *sip)
{
	nta_outgoing_t *ack;

	nta_leg_rtag(call->leg, sip->sip_to->a_tag);
	nta_leg_client_route(call->leg, sip->sip_record_route, sip->sip_contact);
	ack = nta_outgoing_tcreate(call->leg, NULL, NULL, NULL, SIP_METHOD_ACK, NULL,
				   SIPTAG_CSEQ(sip->sip_cseq), TAG_END());
	nta_outgoing_destroy(ack);
}

/* A Contact's URI without parameters. */
static char *contact_uri(sip_contact_t const *contact)
{
	url_t const *u = contact->m_url;

	return xasprintf("sip:%s%s%s%s%s", u->url_user ? u->url_user : "", u->url_user ? "@" : "",
			 u->url_host ? u->url_host : "", u->url_port ? ":" : "",
			 u->url_port ? u->url_port : "");
}

static void on_2xx(struct ue_call *call, sip_t const *sip)
{
	bool is_focus = false;

	ack_2xx(call, sip);
	if (call->state == UE_CALL_ENDING) { /* our CANCEL lost the race */
		ue_call_bye(call);
		return;
	}
	call->state = UE_CALL_UP;
	if (sip->sip_contact) {
		msg_param_t const *p = sip->sip_contact->m_params;

		for (; p && *p; p++)
			is_focus = is_focus || strcasecmp(*p, "isfocus") == 0;
		free(call->peer);
		call->peer = contact_uri(sip->sip_contact);
	}
	session_timer(call, sip);
	call->sip->ops->answered(call, call->peer, is_focus, body_of(sip), call->sip->arg);
}

/* The phrase of a refusal, and the text of its Warning (RFC 3261 20.43) if there is one. */
static char *refusal(nta_outgoing_t *orq, sip_t const *sip)
{
	sip_warning_t const *w = sip->sip_warning;

	return w && w->w_text && w->w_text[0]
		       ? xasprintf("%s (%s)", ue_sip_phrase(orq, sip), w->w_text)
		       : xstrdup(ue_sip_phrase(orq, sip));
}

/* Sofia counts from 1900. */
static uint64_t date_of(sip_t const *sip)
{
	const uint64_t to_1970 = 2208988800u;

	return sip && sip->sip_date && sip->sip_date->d_time > to_1970
		       ? sip->sip_date->d_time - to_1970
		       : 0;
}

uint64_t ue_call_date(const struct ue_call *call)
{
	return call->date_s;
}

static int on_invite_answer(void *magic, nta_outgoing_t *orq, sip_t const *sip)
{
	struct ue_call *call = magic;
	int status = sip && sip->sip_status ? sip->sip_status->st_status : nta_outgoing_status(orq);
	nta_outgoing_t *next;

	if (status < 200) {
		if (status > 100)
			call->sip->ops->progress(call, status, sip->sip_status->st_phrase,
						 call->sip->arg);
		return 0;
	}
	if (call->state == UE_CALL_CALLING &&
	    (next = ue_sip_again(call->sip, call->leg, orq, on_invite_answer, call, sip))) {
		call->orq = next;
		return 0;
	}
	call->date_s = date_of(sip);
	if (status < 300 && sip) {
		on_2xx(call, sip);
	} else if (!sip || nta_sip_is_internal(sip)) { /* nobody answered */
		char *why = status == 408 ? xasprintf("no answer from %s", call->sip->proxy)
					  : xasprintf("cannot reach %s (is mrfc running there? "
						      "see --proxy)",
						      call->sip->proxy);

		call_over(call, call->state != UE_CALL_ENDING, 0, why);
		free(why);
	} else {
		char *why = refusal(orq, sip);

		if (body_of(sip).len && call->state == UE_CALL_CALLING)
			call->sip->ops->refused(call, status, body_of(sip), call->sip->arg);
		call_over(call, call->state != UE_CALL_ENDING, status, why);
		free(why);
	}
	call->orq = NULL;
	nta_outgoing_destroy(orq);
	return 0;
}

/* name-addr; quote and backslash of the display name are escaped, RFC 3261 25.1. */
static char *from_value(const struct ue_sip *sip)
{
	struct bytes b = BYTES_INIT;
	const char *c;

	for (c = sip->display; c && *c; c++) {
		bytes_add_str(&b, c == sip->display ? "\"" : "");
		if (*c == '"' || *c == '\\')
			bytes_add_char(&b, '\\');
		bytes_add_char(&b, *c);
	}
	bytes_add_str(&b, b.len ? "\" <" : "<");
	bytes_add_str(&b, sip->as);
	bytes_add_char(&b, '>');
	return bytes_take(&b);
}

int ue_call_invite(struct ue_sip *sip, const char *uri, struct slice sdp, struct ue_call **call_r)
{
	struct ue_call *call = call_new(sip, UE_CALL_CALLING, xstrdup(uri));
	char *from = from_value(sip), *to = xasprintf("<%s>", uri);
	char *body = slice_dup(sdp);
	int err = -ERR_SYNTAX;

	call->leg = nta_leg_tcreate(sip->agent, on_dialog, call, SIPTAG_FROM_STR(from),
				    SIPTAG_TO_STR(to), TAG_END());
	if (!call->leg)
		goto out;
	nta_leg_tag(call->leg, NULL);
	call->orq = nta_outgoing_tcreate(
		call->leg, on_invite_answer, call, NULL, SIP_METHOD_INVITE,
		(url_string_t const *)uri, SIPTAG_ROUTE_STR(sip->route),
		SIPTAG_CONTACT_STR(sip->contact), SIPTAG_P_ASSERTED_IDENTITY_STR(from),
		SIPTAG_ALLOW_STR(ALLOW), SIPTAG_SUPPORTED_STR("timer"),
		SIPTAG_SESSION_EXPIRES_STR("1800;refresher=uas"),
		SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(body), TAG_END());
	err = call->orq ? 0 : -ERR_SYNTAX;
out:
	free(from);
	free(to);
	free(body);
	ue_sip_kick(sip);
	if (err < 0) {
		ue_call_free(call);
		return err;
	}
	*call_r = call;
	return 0;
}

int ue_call_incoming(struct ue_sip *sip, nta_incoming_t *irq, sip_t const *msg)
{
	struct ue_call *call;
	char *by = NULL;

	if (!msg->sip_contact || !msg->sip_from->a_url->url_host)
		return 400;
	if (msg->sip_payload && msg->sip_payload->pl_len && !body_of(msg).ptr)
		return 415; /* only a description alone */
	call = call_new(
		sip, UE_CALL_RINGING,
		xasprintf("sip:%s@%s",
			  msg->sip_from->a_url->url_user ? msg->sip_from->a_url->url_user : "",
			  msg->sip_from->a_url->url_host));
	call->target = contact_uri(msg->sip_contact);
	call->leg = nta_leg_tcreate(sip->agent, on_dialog, call, SIPTAG_CALL_ID(msg->sip_call_id),
				    SIPTAG_FROM(msg->sip_to), SIPTAG_TO(msg->sip_from), TAG_END());
	nta_leg_tag(call->leg, nta_incoming_tag(irq, NULL));
	nta_leg_server_route(call->leg, msg->sip_record_route, msg->sip_contact);
	nta_incoming_bind(irq, on_ack_or_cancel, call);
	call->irq = irq;
	call->date_s = date_of(msg);
	session_timer(call, msg);
	if (msg->sip_referred_by && msg->sip_referred_by->b_url->url_host)
		by = url_as_string(sip->home, msg->sip_referred_by->b_url);
	sip->ops->invited(call, call->peer, by, body_of(msg), sip->arg);
	su_free(sip->home, by);
	return 0;
}

void ue_call_ring(struct ue_call *call)
{
	if (call->irq)
		nta_incoming_treply(call->irq, SIP_180_RINGING,
				    SIPTAG_CONTACT_STR(call->sip->contact), TAG_END());
	ue_sip_kick(call->sip);
}

void ue_call_accept(struct ue_call *call, struct slice sdp)
{
	char *from = from_value(call->sip), se[48];
	msg_t *msg;
	sip_t *req;

	if (!call->irq)
		goto out;
	msg = nta_incoming_getrequest(call->irq);
	req = sip_object(msg);
	bytes_reset(&call->last_answer);
	bytes_add_slice(&call->last_answer, sdp);
	call->state = UE_CALL_UP;
	nta_incoming_treply(call->irq, SIP_200_OK, SIPTAG_CONTACT_STR(call->sip->contact),
			    SIPTAG_ALLOW_STR(ALLOW), SIPTAG_P_ASSERTED_IDENTITY_STR(from),
			    SIPTAG_SUPPORTED_STR("timer"),
			    TAG_IF(req->sip_session_expires,
				   SIPTAG_SESSION_EXPIRES_STR(peer_refresher(req, se))),
			    TAG_IF(req->sip_session_expires, SIPTAG_REQUIRE_STR("timer")),
			    SIPTAG_CONTENT_TYPE_STR("application/sdp"),
			    SIPTAG_PAYLOAD_STR(bytes_cstr(&call->last_answer)), TAG_END());
	msg_destroy(msg);
out:
	free(from);
	ue_sip_kick(call->sip);
}

void ue_call_reject(struct ue_call *call, int status)
{
	if (call->irq) {
		nta_incoming_treply(call->irq, status, NULL, TAG_END());
		nta_incoming_destroy(call->irq);
		call->irq = NULL;
	}
	call_over(call, false, status, "refused by us");
	ue_sip_kick(call->sip);
}

static int on_bye_answer(void *magic, nta_outgoing_t *orq, sip_t const *sip)
{
	struct ue_call *call = magic;
	int status = sip && sip->sip_status ? sip->sip_status->st_status : nta_outgoing_status(orq);
	nta_outgoing_t *next;

	if (status < 200)
		return 0;
	if ((next = ue_sip_again(call->sip, call->leg, orq, on_bye_answer, call, sip))) {
		call->orq = next;
		return 0;
	}
	call->orq = NULL;
	nta_outgoing_destroy(orq);
	call_over(call, false, 0, "");
	return 0;
}

void ue_call_bye(struct ue_call *call)
{
	if (call->state == UE_CALL_OVER)
		return;
	if (call->state == UE_CALL_RINGING) {
		ue_call_reject(call, 480);
		return;
	}
	if (call->state == UE_CALL_CALLING) {
		call->state = UE_CALL_ENDING;
		nta_outgoing_tcancel(call->orq, NULL, NULL, TAG_END());
		ue_sip_kick(call->sip);
		return;
	}
	if (call->state == UE_CALL_ENDING && call->orq &&
	    nta_outgoing_method(call->orq) == sip_method_bye)
		return;
	call->state = UE_CALL_ENDING;
	if (call->orq)
		nta_outgoing_destroy(call->orq);
	call->orq = nta_outgoing_tcreate(call->leg, on_bye_answer, call, NULL, SIP_METHOD_BYE, NULL,
					 TAG_END());
	if (!call->orq)
		call_over(call, false, 0, "");
	ue_sip_kick(call->sip);
}
