/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that come in: the checks every request has to pass before anybody looks at it (RFC 3261
 * 8.2, the hazards of the transport layer), the copy of what matters into our struct, and answers.
 * Owns Sofia's server transactions. Knows methods and headers, no conference.
 */
#include "mrfc/sip_in.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mrfc/sip_priv.h"

#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/msg_mime.h>
#include <sofia-sip/su_string.h>

#include "common/log.h"
#include "common/mem.h"

#define LOG_PLACE "sip/in"

#define ALLOW     "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, REFER, SUBSCRIBE, PRACK"
#define SUPPORTED "timer, 100rel, norefersub"

static const struct {
	const char *tag;
	unsigned bit;
	bool ours; /* may stand in Require */
} options[] = {
	{"timer", SIP_OPT_TIMER, true},
	{"100rel", SIP_OPT_100REL, true},
	{"norefersub", SIP_OPT_NOREFERSUB, true},
	{"replaces", SIP_OPT_REPLACES, false},
};

const char *sip_in_allow(void)
{
	return ALLOW;
}

const char *sip_in_supported(void)
{
	return SUPPORTED;
}

static enum sip_in_method method_of(sip_request_t const *rq)
{
	switch (rq->rq_method) {
	case sip_method_invite:
		return SIP_IN_INVITE;
	case sip_method_update:
		return SIP_IN_UPDATE;
	case sip_method_bye:
		return SIP_IN_BYE;
	case sip_method_subscribe:
		return SIP_IN_SUBSCRIBE;
	case sip_method_refer:
		return SIP_IN_REFER;
	case sip_method_options:
		return SIP_IN_OPTIONS;
	case sip_method_prack:
		return SIP_IN_PRACK;
	default:
		return SIP_IN_OTHER;
	}
}

static unsigned option_bits(msg_list_t const *list)
{
	unsigned bits = 0;

	for (; list != NULL; list = list->k_next) {
		for (msg_param_t const *p = list->k_items; p != NULL && *p != NULL; p++) {
			for (size_t i = 0; i < ARRAY_LEN(options); i++) {
				if (strcasecmp(*p, options[i].tag) == 0)
					bits |= options[i].bit;
			}
		}
	}
	return bits;
}

/* Require's tags we do not have, comma-separated; NULL when there is none. */
static char *unsupported_tags(su_home_t *home, msg_list_t const *list)
{
	char *all = NULL;

	for (; list != NULL; list = list->k_next) {
		for (msg_param_t const *p = list->k_items; p != NULL && *p != NULL; p++) {
			bool known = false;

			for (size_t i = 0; i < ARRAY_LEN(options); i++)
				known = known ||
					(options[i].ours && strcasecmp(*p, options[i].tag) == 0);
			if (!known)
				all = all == NULL ? su_strdup(home, *p)
						  : su_sprintf(home, "%s, %s", all, *p);
		}
	}
	return all;
}

static bool type_is(msg_content_type_t const *c, const char *type)
{
	return c != NULL && c->c_type != NULL && strcasecmp(c->c_type, type) == 0;
}

struct slice sip_in_sdp(su_home_t *home, sip_t const *sip)
{
	sip_payload_t *body = sip->sip_payload;
	msg_multipart_t *parts;

	if (body == NULL || body->pl_len == 0)
		return SLICE_NULL;
	if (sip->sip_content_type == NULL || type_is(sip->sip_content_type, "application/sdp"))
		return slice_make(body->pl_data, body->pl_len);
	if (!type_is(sip->sip_content_type, "multipart/mixed"))
		return SLICE_NULL;
	/* The parser takes its input apart: give it a copy. */
	body = sip_payload_dup(home, body);
	parts = body != NULL ? msg_multipart_parse(home, sip->sip_content_type, body) : NULL;
	for (; parts != NULL; parts = parts->mp_next) {
		if (type_is(parts->mp_content_type, "application/sdp") && parts->mp_payload != NULL)
			return slice_make(parts->mp_payload->pl_data, parts->mp_payload->pl_len);
	}
	return SLICE_NULL;
}

/* A quoted display name as Sofia keeps it, without its quotes. */
static const char *display_name(su_home_t *home, const char *quoted)
{
	size_t len;
	char *out, *w;

	if (quoted == NULL || quoted[0] == '\0')
		return NULL;
	if (quoted[0] != '"')
		return quoted;
	len = strlen(quoted);
	out = w = su_alloc(home, (isize_t)len);
	for (size_t i = 1; i + 1 < len; i++) {
		if (quoted[i] == '\\' && i + 2 < len)
			i++;
		*w++ = quoted[i];
	}
	*w = '\0';
	return out[0] != '\0' ? out : NULL;
}

static void take_identities(struct sip_in_object *o)
{
	struct sip_in *in = &o->in;
	sip_t *sip = o->sip;

	in->from_uri = url_as_string(o->home, sip->sip_from->a_url);
	in->from_display = display_name(o->home, sip->sip_from->a_display);
	in->from_tag = sip->sip_from->a_tag;
	in->to_uri = url_as_string(o->home, sip->sip_to->a_url);
	for (sip_p_asserted_identity_t *p = sip_p_asserted_identity(sip);
	     p != NULL && in->n_asserted < SIP_IN_MAX_ASSERTED; p = p->paid_next) {
		if (in->n_asserted == 0 || in->asserted_display == NULL)
			in->asserted_display = display_name(o->home, p->paid_display);
		in->asserted[in->n_asserted++] = url_as_string(o->home, p->paid_url);
	}
}

static void take_timer(struct sip_in_object *o)
{
	sip_session_expires_t *x = o->sip->sip_session_expires;
	struct session_timer_ask *t = &o->in.timer;

	t->supported = ((o->in.supported | o->in.require) & SIP_OPT_TIMER) != 0;
	if (o->sip->sip_min_se != NULL)
		t->min_se_s = (uint32_t)o->sip->sip_min_se->min_delta;
	if (x == NULL)
		return;
	t->expires_s = x->x_delta > UINT32_MAX / 1000 ? UINT32_MAX / 1000 : (uint32_t)x->x_delta;
	if (x->x_refresher != NULL)
		t->refresher = strcasecmp(x->x_refresher, "uac") == 0   ? SESSION_REFRESHER_UAC
			       : strcasecmp(x->x_refresher, "uas") == 0 ? SESSION_REFRESHER_UAS
									: SESSION_REFRESHER_NONE;
}

static void take_subscription(struct sip_in_object *o)
{
	sip_t *sip = o->sip;

	o->in.expires = sip->sip_expires != NULL ? (int64_t)sip->sip_expires->ex_delta : -1;
	if (sip->sip_event != NULL) {
		o->in.event = sip->sip_event->o_type;
		o->in.event_id = sip->sip_event->o_id;
	}
	o->in.accepts_confinfo = sip->sip_accept == NULL;
	for (sip_accept_t *ac = sip->sip_accept; ac != NULL; ac = ac->ac_next) {
		if (ac->ac_type != NULL &&
		    (strcasecmp(ac->ac_type, "application/conference-info+xml") == 0 ||
		     strcmp(ac->ac_type, "*/*") == 0 ||
		     strcasecmp(ac->ac_type, "application/*") == 0))
			o->in.accepts_confinfo = true;
	}
}

/* Refer-To's URI without its method parameter and embedded headers (REF-004, REF-013). */
static void take_refer(struct sip_in_object *o)
{
	sip_t *sip = o->sip;
	sip_refer_to_t *r = sip->sip_refer_to;
	sip_refer_sub_t *sub = sip_refer_sub(sip);
	char method[32];
	url_t *url;

	o->in.refer_sub_false =
		sub != NULL && sub->rs_value != NULL && strcasecmp(sub->rs_value, "false") == 0;
	if (sip->sip_referred_by != NULL)
		o->in.referred_by =
			sip_header_as_string(o->home, (sip_header_t *)sip->sip_referred_by);
	if (r == NULL || r->r_next != NULL)
		return;
	url = url_hdup(o->home, r->r_url);
	if (url == NULL)
		return;
	if (url_param(url->url_params, "method", method, sizeof(method)) > 0) {
		o->in.refer_method = su_strdup(o->home, method);
		url->url_params = url_strip_param_string((char *)url->url_params, "method");
	}
	url->url_headers = NULL;
	o->in.refer_to = url_as_string(o->home, url);
	o->in.refer_display = display_name(o->home, r->r_display);
}

static void take_peer(struct sip_in_object *o)
{
	socklen_t len = 0;
	su_sockaddr_t *su = NULL;
	msg_t *msg = nta_incoming_getrequest(o->irq);

	if (msg == NULL)
		return;
	su = msg_addr(msg);
	if (su != NULL && su->su_family == AF_INET) {
		o->in.peer.in4 = su->su_sin;
		len = sizeof(struct sockaddr_in);
	} else if (su != NULL && su->su_family == AF_INET6) {
		o->in.peer.in6 = su->su_sin6;
		len = sizeof(struct sockaddr_in6);
	}
	o->in.peer.len = len;
	msg_destroy(msg);
}

static struct sip_in_object *object_new(struct sip_agent *a, nta_incoming_t *irq)
{
	struct sip_in_object *o = xcalloc(1, sizeof(*o));
	struct sip_in *in = &o->in;

	o->agent = a;
	o->irq = irq;
	o->msg = nta_incoming_getrequest(irq);
	o->sip = sip_object(o->msg);
	o->home = msg_home(o->msg);
	in->method = method_of(o->sip->sip_request);
	in->method_name = o->sip->sip_request->rq_method_name;
	in->uri = url_as_string(o->home, o->sip->sip_request->rq_url);
	in->call_id = o->sip->sip_call_id->i_id;
	in->cseq = o->sip->sip_cseq->cs_seq;
	in->supported = option_bits(o->sip->sip_supported);
	in->require = option_bits(o->sip->sip_require);
	in->allows_update = sip_is_allowed(o->sip->sip_allow, sip_method_update, NULL) &&
			    o->sip->sip_allow != NULL;
	if (o->sip->sip_subject != NULL)
		in->subject = o->sip->sip_subject->g_string;
	if (o->sip->sip_contact != NULL)
		in->contact = url_as_string(o->home, o->sip->sip_contact->m_url);
	in->sdp = sip_in_sdp(o->home, o->sip);
	take_identities(o);
	take_timer(o);
	take_subscription(o);
	take_refer(o);
	take_peer(o);
	return o;
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

/* A body that is there must be one we read (FOC-027). */
static bool body_ok(sip_t const *sip, bool has_sdp)
{
	sip_method_t m = sip->sip_request->rq_method;

	if (sip->sip_payload == NULL || sip->sip_payload->pl_len == 0)
		return true;
	if (sip->sip_content_encoding != NULL)
		return false;
	if (m == sip_method_invite || m == sip_method_update)
		return has_sdp;
	return true;
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

/* 0, or the status of the refusal that was sent. */
static int check(struct sip_agent *a, nta_incoming_t *irq, sip_t const *sip, bool in_dialog)
{
	sip_method_t m = sip->sip_request->rq_method;
	su_home_t home[1] = {SU_HOME_INIT(home)};
	int status = 0;
	char *tags;

	su_home_init(home);
	tags = unsupported_tags(home, sip->sip_require);
	if (method_of(sip->sip_request) == SIP_IN_OTHER)
		status = refuse(a, irq, sip, m == sip_method_unknown ? 501 : 405,
				"Allow: " ALLOW "\r\n");
	else if (!in_dialog && m != sip_method_options && sip->sip_max_forwards != NULL &&
		 sip->sip_max_forwards->mf_count == 0)
		status = refuse(a, irq, sip, 483, NULL);
	else if (sip->sip_request->rq_url->url_type != url_sip &&
		 sip->sip_request->rq_url->url_type != url_sips)
		status = refuse(a, irq, sip, 416, NULL);
	else if (tags != NULL)
		status = refuse(a, irq, sip, 420, su_sprintf(home, "Unsupported: %s\r\n", tags));
	else if (repeats_header(sip))
		status =
			refuse(a, irq, sip, 400, "Warning: 399 mrfc \"a header stands twice\"\r\n");
	else if (wants_contact(m) && !contact_ok(sip->sip_contact))
		status = refuse(a, irq, sip, 400,
				"Warning: 399 mrfc \"exactly one sip Contact is needed\"\r\n");
	else if (sip->sip_contact != NULL && !contact_ok(sip->sip_contact))
		status = refuse(a, irq, sip, 400, NULL);
	else if (!body_ok(sip, sip_in_sdp(home, sip).ptr != NULL))
		status = refuse(
			a, irq, sip, 415,
			"Accept: application/sdp, multipart/mixed\r\nAccept-Encoding: identity\r\n");
	su_home_deinit(home);
	return status;
}

struct sip_in *sip_in_new(struct sip_agent *a, nta_leg_t *leg, nta_incoming_t *irq,
			  sip_t const *sip, bool in_dialog)
{
	(void)leg;
	if (check(a, irq, sip, in_dialog) != 0) {
		nta_incoming_destroy(irq);
		return NULL;
	}
	return &object_new(a, irq)->in;
}

int sip_in_on_default(struct sip_leg *none, nta_leg_t *leg, nta_incoming_t *irq, sip_t const *sip)
{
	struct sip_agent *a = (struct sip_agent *)(void *)none;
	struct sip_in *in;

	if (sip->sip_request->rq_method == sip_method_ack) {
		nta_incoming_destroy(irq);
		return 0;
	}
	/* Of no dialog we know: FOC-018. CANCEL without its INVITE is answered likewise (9.2). */
	if (sip->sip_to->a_tag != NULL || sip->sip_request->rq_method == sip_method_cancel ||
	    sip->sip_request->rq_method == sip_method_bye ||
	    sip->sip_request->rq_method == sip_method_prack ||
	    sip->sip_request->rq_method == sip_method_update ||
	    sip->sip_request->rq_method == sip_method_info ||
	    sip->sip_request->rq_method == sip_method_notify) {
		refuse(a, irq, sip, 481, NULL);
		nta_incoming_destroy(irq);
		return 0;
	}
	in = sip_in_new(a, leg, irq, sip, false);
	if (in == NULL)
		return 0;
	switch (in->method) {
	case SIP_IN_INVITE:
		a->handlers->invite(in, a->handlers_arg);
		break;
	case SIP_IN_SUBSCRIBE:
		a->handlers->subscribe(in, NULL, a->handlers_arg);
		break;
	case SIP_IN_REFER:
		a->handlers->refer(in, NULL, a->handlers_arg);
		break;
	case SIP_IN_OPTIONS:
		a->handlers->options(in, a->handlers_arg);
		break;
	default:
		sip_in_end_status(&in, 405);
		break;
	}
	return 0;
}

static const char *phrase_of(const struct sip_answer *answer)
{
	if (answer->phrase != NULL)
		return answer->phrase;
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
	nta_incoming_treply(o->irq, answer->status, phrase_of(answer),
			    TAG_IF(answer->contact != NULL, SIPTAG_CONTACT_STR(answer->contact)),
			    TAG_IF(answer->headers != NULL, SIPTAG_HEADER_STR(answer->headers)),
			    TAG_IF(body != NULL, SIPTAG_CONTENT_TYPE_STR(answer->content_type)),
			    TAG_IF(body != NULL, SIPTAG_PAYLOAD(body)), TAG_END());
	if (answer->status >= 200) {
		o->answered = true;
		count(o->agent, in->method_name, answer->status);
	}
	sip_agent_kick(o->agent);
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
		count(o->agent, "INVITE", 487);
		nta_incoming_treply(o->irq, SIP_487_REQUEST_CANCELLED, TAG_END());
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

static int on_prack(struct sip_in_object *o, nta_reliable_t *rel, nta_incoming_t *prack,
		    sip_t const *sip)
{
	bool acked = prack != NULL && sip != NULL;

	nta_reliable_destroy(rel);
	o->reliable = NULL;
	if (acked)
		nta_incoming_treply(prack, SIP_200_OK, TAG_END());
	if (o->event != NULL)
		o->event(acked ? SIP_IN_PRACKED : SIP_IN_NO_PRACK, SLICE_NULL, o->event_arg);
	return acked ? 200 : 0;
}

void sip_in_ring_reliably(struct sip_in *in, const struct sip_answer *answer)
{
	struct sip_in_object *o = sip_in_object(in);

	o->reliable = nta_reliable_treply(
		o->irq, on_prack, o, answer->status, phrase_of(answer),
		TAG_IF(answer->contact != NULL, SIPTAG_CONTACT_STR(answer->contact)),
		TAG_IF(answer->headers != NULL, SIPTAG_HEADER_STR(answer->headers)), TAG_END());
	sip_agent_kick(o->agent);
	if (o->reliable == NULL)
		log_warn("no reliable provisional answer could be sent");
}
