/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that come in: the checks every request has to pass before anybody looks at it (RFC 3261
 * 8.2, the hazards of the transport layer), the copy of what matters into our struct, and answers.
 * Owns Sofia's server transactions. Knows methods and headers, no conference.
 */
#include "mrfc/sip/sip_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mrfc/sip/sip_priv.h"
#include "mrfc/sip/sip_tls.h"

#include <sofia-sip/msg_header.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "proto/media_type.h"

#define LOG_PLACE "sip/in"

#define ALLOW     "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, REFER, SUBSCRIBE, PRACK"
#define SUPPORTED "timer, 100rel, norefersub, replaces, join, recipient-list-invite, multiple-refer"
#define ACCEPT    "application/sdp, multipart/mixed, multipart/related"

const char *sip_in_allow(void)
{
	return ALLOW;
}

const char *sip_in_accept(void)
{
	return ACCEPT;
}

const char *sip_in_supported(void)
{
	return SUPPORTED;
}

static struct sip_in_object *object_new(struct sip_agent *a, nta_incoming_t *irq)
{
	struct sip_in_object *o = xcalloc(1, sizeof(*o));

	o->agent = a;
	o->irq = irq;
	o->msg = nta_incoming_getrequest(irq);
	o->sip = sip_object(o->msg);
	o->home = msg_home(o->msg);
	sip_read_request(o);
	return o;
}

/* It has its final answer, or never gets one. */
static void no_more_pending(struct sip_in_object *o)
{
	o->agent->n_pending -= o->pending ? 1 : 0;
	o->pending = false;
}

static int count(struct sip_agent *a, const char *method, int status)
{
	if (a->handlers != NULL)
		a->handlers->answered(method, status, a->handlers_arg);
	return status;
}

/* Does this method make or refresh a dialog towards a Contact? */
static bool wants_contact(sip_method_t m)
{
	return m == sip_method_invite || m == sip_method_subscribe || m == sip_method_refer;
}

static bool contact_ok(sip_contact_t const *m)
{
	return m != NULL && m->m_next == NULL &&
	       (m->m_url->url_type == url_sip || m->m_url->url_type == url_sips) &&
	       m->m_url->url_host != NULL && m->m_url->url_host[0] != '\0';
}

static int refuse(struct sip_agent *a, nta_incoming_t *irq, sip_t const *sip, int status,
		  const char *headers)
{
	nta_incoming_treply(irq, status, sip_status_phrase(status),
			    TAG_IF(headers != NULL, SIPTAG_HEADER_STR(headers)), TAG_END());
	return count(a, sip->sip_request->rq_method_name, status);
}

static bool is_list(const struct multipart_part *p)
{
	return slice_ieq_str(media_type_base(p->content_type), "application/resource-lists+xml");
}

/* A body that is there must be one we read (FOC-027). 0, 400 or 415. */
static int check_body(su_home_t *home, sip_t const *sip, bool in_dialog)
{
	struct multipart_part parts[SIP_IN_MAX_PARTS];
	sip_method_t m = sip->sip_request->rq_method;
	size_t n;

	if (sip->sip_payload == NULL || sip->sip_payload->pl_len == 0)
		return 0;
	if (sip->sip_content_encoding != NULL)
		return 415;
	if (sip_read_parts(home, sip, parts, &n) != 0)
		return 400;
	if ((m != sip_method_invite && m != sip_method_update) || sip_in_sdp(home, sip).ptr != NULL)
		return 0;
	for (size_t i = 0; i < n; i++) { /* a list without an offer: RFC 5366 */
		if (m == sip_method_invite && !in_dialog && is_list(&parts[i]))
			return 0;
	}
	return 415;
}

/* A header that may stand once stands twice: the parser put the second one aside (REF-003, REF-014). */
static bool repeats_header(sip_t const *sip)
{
	for (sip_error_t const *e = sip->sip_error; e != NULL; e = e->er_next) {
		msg_hclass_t const *c = e->er_common->h_class;

		if (c != NULL && c->hc_kind == msg_kind_single && c->hc_name != NULL &&
		    c->hc_name[0] != '\0')
			return true;
	}
	return false;
}

/* Replaces or Join stands in it (REF-025). */
static bool names_dialog(sip_t const *sip)
{
	if (sip->sip_replaces != NULL)
		return true;
	for (sip_unknown_t *u = sip->sip_unknown; u != NULL; u = u->un_next) {
		if (u->un_name != NULL && strcasecmp(u->un_name, "Join") == 0)
			return true;
	}
	return false;
}

static int refuse_body(struct sip_agent *a, nta_incoming_t *irq, sip_t const *sip, int status)
{
	if (status == 400)
		refuse(a, irq, sip, 400, "Warning: 399 mrfc \"malformed body\"\r\n");
	else if (status != 0)
		refuse(a, irq, sip, status, "Accept: " ACCEPT "\r\nAccept-Encoding: identity\r\n");
	return status;
}

static bool over_tls(struct sip_agent *a, nta_incoming_t *irq)
{
	tport_t *tp = nta_incoming_transport(a->nta, irq, NULL);
	bool tls = sip_tls_carries(tp);

	tport_unref(tp);
	return tls;
}

/*
 * What is secured end to end came in the clear: not so without TLS here (RFC 3261 8.2.2.1), and not
 * on this way where there is (RFC 5630 5.3).
 */
static int refuse_sips(struct sip_agent *a, nta_incoming_t *irq, sip_t const *sip)
{
	if (a->tls_contact == NULL)
		return refuse(a, irq, sip, 416, NULL);
	return refuse(a, irq, sip, 480, "Warning: 380 mrfc \"SIPS Not Allowed\"\r\n");
}

/* Our Contact as this one's peer has to see it. */
static const char *contact_of(const struct sip_in_object *o, const char *contact)
{
	if (contact == NULL || !o->in.tls)
		return contact;
	return sip_tls_contact(o->agent, o->home, contact,
			       o->sip->sip_request->rq_url->url_type == url_sips);
}

/* 0, or the status of the refusal that was sent. */
static int check(struct sip_agent *a, nta_incoming_t *irq, sip_t const *sip, bool in_dialog)
{
	sip_method_t m = sip->sip_request->rq_method;
	su_home_t home[1] = {SU_HOME_INIT(home)};
	int status = 0;
	char *tags;

	su_home_init(home);
	tags = sip_read_unsupported(home, a, sip, in_dialog);
	if (sip_read_method(sip->sip_request) == SIP_IN_OTHER)
		status = refuse(a, irq, sip, m == sip_method_unknown ? 501 : 405,
				"Allow: " ALLOW "\r\n");
	else if (!in_dialog && m != sip_method_options && sip->sip_max_forwards != NULL &&
		 sip->sip_max_forwards->mf_count == 0)
		status = refuse(a, irq, sip, 483, NULL);
	else if (sip->sip_request->rq_url->url_type != url_sip &&
		 sip->sip_request->rq_url->url_type != url_sips)
		status = refuse(a, irq, sip, 416, NULL);
	else if (sip->sip_request->rq_url->url_type == url_sips && !over_tls(a, irq))
		status = refuse_sips(a, irq, sip);
	else if (tags != NULL)
		status = refuse(a, irq, sip, 420, su_sprintf(home, "Unsupported: %s\r\n", tags));
	else if (names_dialog(sip) && m != sip_method_invite)
		status = refuse(a, irq, sip, 400,
				"Warning: 399 mrfc \"Replaces and Join belong in INVITE\"\r\n");
	else if (repeats_header(sip))
		status =
			refuse(a, irq, sip, 400, "Warning: 399 mrfc \"a header stands twice\"\r\n");
	else if (wants_contact(m) && !contact_ok(sip->sip_contact))
		status = refuse(a, irq, sip, 400,
				"Warning: 399 mrfc \"exactly one sip Contact is needed\"\r\n");
	else if (sip->sip_contact != NULL && !contact_ok(sip->sip_contact))
		status = refuse(a, irq, sip, 400, NULL);
	else
		status = refuse_body(a, irq, sip, check_body(home, sip, in_dialog));
	su_home_deinit(home);
	return status;
}

struct sip_in *sip_in_new(struct sip_agent *a, nta_leg_t *leg, nta_incoming_t *irq,
			  sip_t const *sip, bool in_dialog)
{
	struct sip_in *in;

	(void)leg;
	if (check(a, irq, sip, in_dialog) != 0) {
		nta_incoming_destroy(irq);
		return NULL;
	}
	in = &object_new(a, irq)->in;
	if (in->method == SIP_IN_INVITE && !in_dialog) {
		sip_in_object(in)->pending = true;
		a->n_pending++;
	}
	if (in->method != SIP_IN_PRACK && a->handlers->admit != NULL &&
	    !a->handlers->admit(in, in_dialog, a->handlers_arg))
		sip_in_free(&in);
	return in;
}

/* Does it belong to a dialog, or to another request? */
static bool continues(sip_t const *sip)
{
	sip_method_t m = sip->sip_request->rq_method;

	return sip->sip_to->a_tag != NULL || m == sip_method_cancel || m == sip_method_bye ||
	       m == sip_method_prack || m == sip_method_update || m == sip_method_info ||
	       m == sip_method_notify;
}

static bool has_priority(sip_t const *sip)
{
	for (sip_unknown_t *u = sip->sip_unknown; u != NULL; u = u->un_next) {
		if (u->un_name != NULL && strcasecmp(u->un_name, "Resource-Priority") == 0)
			return true;
	}
	return false;
}

/* By its address, or a name in its certificate. */
static bool is_trusted(struct sip_agent *a, msg_t *msg, const struct addr *peer)
{
	const char *subjects[SIP_IN_MAX_SUBJECTS];
	size_t n = sip_tls_subjects(a, msg_home(msg), msg, subjects);
	bool trusted = a->handlers->trusts(peer, NULL, a->handlers_arg);

	for (size_t i = 0; i < n && !trusted; i++)
		trusted = a->handlers->trusts(peer, subjects[i], a->handlers_arg);
	return trusted;
}

/*
 * Too much to take on: answered without a transaction, so that a flood leaves nothing behind. What
 * continues something never comes here.
 */
static bool shed(struct sip_agent *a, msg_t *msg, sip_t const *sip)
{
	struct overload_request r = {.priority = has_priority(sip),
				     .invite = sip->sip_request->rq_method == sip_method_invite};
	struct addr peer = {0};
	char retry[40], where[ADDR_STRLEN];
	enum overload_verdict v;

	sip_read_peer(msg, &peer);
	r.peer = &peer;
	r.trusted = is_trusted(a, msg, &peer);
	v = overload_judge(a->overload, &r, a->n_pending, clock_now_ms());
	if (v == OVERLOAD_PASS)
		return false;
	if (v == OVERLOAD_RATE)
		log_peer("%s sends more requests than sip.max_rate allows",
			 addr_format(&peer, where));
	a->handlers->shed(overload_name(v), v != OVERLOAD_RATE, a->handlers_arg);
	count(a, sip->sip_request->rq_method_name, 503);
	snprintf(retry, sizeof(retry), "Retry-After: %u\r\n", overload_retry_s(v));
	nta_msg_treply(a->nta, msg, SIP_503_SERVICE_UNAVAILABLE, SIPTAG_HEADER_STR(retry),
		       TAG_END());
	return true;
}

void sip_in_turn(struct sip_agent *a)
{
	uint64_t n_shed;
	int change = overload_turn(a->overload, clock_now_ms(), &n_shed);

	if (change > 0)
		log_warn("overload: new requests get 503 until those that wait are served");
	if (change < 0) {
		log_warn("the overload is over, %llu requests got 503", (unsigned long long)n_shed);
		a->handlers->shed(NULL, false, a->handlers_arg);
	}
}

void sip_in_hand_up(struct sip_in *in, struct sip_leg *leg)
{
	struct sip_agent *a = sip_in_object(in)->agent;

	switch (in->method) {
	case SIP_IN_INVITE:
		a->handlers->invite(in, a->handlers_arg);
		break;
	case SIP_IN_SUBSCRIBE:
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

int sip_in_on_message(struct sip_agent *a, nta_agent_t *nta, msg_t *msg, sip_t *sip)
{
	nta_incoming_t *irq;
	struct sip_in *in;

	if (sip == NULL || sip->sip_request == NULL ||
	    sip->sip_request->rq_method == sip_method_ack || a->handlers == NULL) {
		msg_destroy(msg);
		return 0;
	}
	if (!continues(sip) && shed(a, msg, sip))
		return 0;
	irq = nta_incoming_create(nta, NULL, msg, sip, TAG_END());
	if (irq == NULL)
		return 0;
	/* Of no dialog we know: FOC-018. CANCEL without its INVITE is answered likewise (9.2). */
	if (continues(sip)) {
		refuse(a, irq, sip, 481, NULL);
		nta_incoming_destroy(irq);
		return 0;
	}
	in = sip_in_new(a, NULL, irq, sip, false);
	if (in == NULL)
		return 0;
	sip_in_hand_up(in, NULL);
	return 0;
}

static const char *phrase_of(const struct sip_answer *answer)
{
	if (answer->phrase != NULL)
		return answer->phrase;
	if (answer->status == 433) /* RFC 5079; the stack knows it not */
		return "Anonymity Disallowed";
	const char *usual = sip_status_phrase(answer->status);
	return usual != NULL ? usual : "Answer";
}

void sip_in_answer(struct sip_in *in, const struct sip_answer *answer)
{
	struct sip_in_object *o = sip_in_object(in);
	sip_payload_t *body = NULL;

	if (o->answered || o->irq == NULL)
		return;
	if (answer->content_type != NULL)
		body = sip_payload_create(o->home, answer->body.ptr, (isize_t)answer->body.len);
	/* Final answers say what time it is here: times of key requests are judged by it (RFC 3261 20.17). */
	bool dated = answer->status >= 200 && nta_incoming_method(o->irq) == sip_method_invite;
	nta_incoming_treply(
		o->irq, answer->status, phrase_of(answer),
		TAG_IF(dated, SIPTAG_DATE(sip_date_create(o->home, 0))),
		TAG_IF(answer->contact != NULL, SIPTAG_CONTACT_STR(contact_of(o, answer->contact))),
		TAG_IF(answer->headers != NULL, SIPTAG_HEADER_STR(answer->headers)),
		TAG_IF(o->echo != NULL && answer->status > 100, SIPTAG_HEADER_STR(o->echo)),
		TAG_IF(body != NULL, SIPTAG_CONTENT_TYPE_STR(answer->content_type)),
		TAG_IF(body != NULL, SIPTAG_PAYLOAD(body)), TAG_END());
	if (answer->status >= 200) {
		o->answered = true;
		no_more_pending(o);
		count(o->agent, in->method_name, answer->status);
	}
	sip_agent_kick(o->agent);
}

void sip_in_echo(struct sip_in *in, const char *lines)
{
	struct sip_in_object *o = sip_in_object(in);

	o->echo = o->echo == NULL ? su_strdup(o->home, lines) : su_strcat(o->home, o->echo, lines);
}

void sip_in_set_user(struct sip_in *in, const char *uri)
{
	in->user = su_strdup(sip_in_object(in)->home, uri);
}

void sip_in_set_charging(struct sip_in *in, const char *vector)
{
	in->charging = su_strdup(sip_in_object(in)->home, vector);
}

void sip_in_status(struct sip_in *in, int status)
{
	sip_in_answer(in, &(struct sip_answer){.status = status});
}

void sip_in_end(struct sip_in **in, const struct sip_answer *answer)
{
	sip_in_answer(*in, answer);
	sip_in_free(in);
}

void sip_in_end_status(struct sip_in **in, int status)
{
	sip_in_end(in, &(struct sip_answer){.status = status});
}

bool sip_in_answered(const struct sip_in *in)
{
	return ((const struct sip_in_object *)(const void *)in)->answered;
}

void sip_in_free(struct sip_in **in)
{
	struct sip_in_object *o;

	if (*in == NULL)
		return;
	o = sip_in_object(*in);
	*in = NULL;
	if (o->irq != NULL && !o->answered) {
		nta_incoming_treply(o->irq, SIP_500_INTERNAL_SERVER_ERROR, TAG_END());
		count(o->agent, o->in.method_name, 500);
	}
	no_more_pending(o);
	sip_in_free(&o->prack);
	if (o->reliable != NULL)
		nta_reliable_destroy(o->reliable);
	if (o->irq != NULL)
		nta_incoming_destroy(o->irq);
	sip_agent_kick(o->agent);
	msg_destroy(o->msg);
	free(o);
}

static int on_ack_cancel(struct sip_in_object *o, nta_incoming_t *irq, sip_t const *sip)
{
	(void)irq;
	if (o->event == NULL)
		return 0;
	if (sip == NULL) {
		o->event(SIP_IN_NO_ACK, SLICE_NULL, o->event_arg);
	} else if (sip->sip_request->rq_method == sip_method_cancel) {
		o->answered = true; /* the stack sends 200 and 487 itself */
		no_more_pending(o);
		count(o->agent, "INVITE", 487);
		nta_incoming_treply(o->irq, SIP_487_REQUEST_CANCELLED,
				    TAG_IF(o->echo != NULL, SIPTAG_HEADER_STR(o->echo)), TAG_END());
		o->event(SIP_IN_CANCELLED, SLICE_NULL, o->event_arg);
	} else if (sip->sip_request->rq_method == sip_method_ack) {
		su_home_t home[1] = {SU_HOME_INIT(home)};

		/* The callback may free o: nothing of it is touched afterwards. */
		su_home_init(home);
		o->event(SIP_IN_ACKED, sip_in_sdp(home, sip), o->event_arg);
		su_home_deinit(home);
	}
	return 0;
}

void sip_in_bind(struct sip_in *in, sip_in_event_fn *fn, void *arg)
{
	struct sip_in_object *o = sip_in_object(in);

	o->event = fn;
	o->event_arg = arg;
	nta_incoming_bind(o->irq, fn != NULL ? on_ack_cancel : NULL, fn != NULL ? o : NULL);
}

/* A PRACK with an offer is answered by who answers offers; any other here. */
static int on_prack(struct sip_in_object *o, nta_reliable_t *rel, nta_incoming_t *prack,
		    sip_t const *sip)
{
	bool acked = prack != NULL && sip != NULL;
	su_home_t home[1] = {SU_HOME_INIT(home)};
	bool offer;

	su_home_init(home);
	offer = acked && sip_in_sdp(home, sip).ptr != NULL;
	su_home_deinit(home);
	nta_reliable_destroy(rel);
	o->reliable = NULL;
	if (offer)
		o->prack = &object_new(o->agent, prack)->in;
	else if (acked)
		nta_incoming_treply(prack, SIP_200_OK, TAG_END());
	if (o->event != NULL)
		o->event(acked ? SIP_IN_PRACKED : SIP_IN_NO_PRACK, SLICE_NULL, o->event_arg);
	return acked && !offer ? 200 : 0;
}

struct sip_in *sip_in_take_prack(struct sip_in *in)
{
	struct sip_in_object *o = sip_in_object(in);
	struct sip_in *prack = o->prack;

	o->prack = NULL;
	return prack;
}

void sip_in_ring_reliably(struct sip_in *in, const struct sip_answer *answer)
{
	struct sip_in_object *o = sip_in_object(in);
	sip_payload_t *body = NULL;

	if (answer->content_type != NULL)
		body = sip_payload_create(o->home, answer->body.ptr, (isize_t)answer->body.len);
	o->reliable = nta_reliable_treply(
		o->irq, on_prack, o, answer->status, phrase_of(answer),
		TAG_IF(answer->contact != NULL, SIPTAG_CONTACT_STR(contact_of(o, answer->contact))),
		TAG_IF(answer->headers != NULL, SIPTAG_HEADER_STR(answer->headers)),
		TAG_IF(o->echo != NULL, SIPTAG_HEADER_STR(o->echo)),
		TAG_IF(body != NULL, SIPTAG_CONTENT_TYPE_STR(answer->content_type)),
		TAG_IF(body != NULL, SIPTAG_PAYLOAD(body)), TAG_END());
	sip_agent_kick(o->agent);
	if (o->reliable == NULL)
		log_warn("no reliable provisional answer could be sent");
}
