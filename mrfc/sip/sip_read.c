/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a SIP message says, copied into our structs: identities, option tags, session timer, event,
 * Refer-To, the session description of a plain or multipart body. Reads only; refuses nothing.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mrfc/sip/sip_priv.h"
#include "mrfc/sip/sip_tls.h"

#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/su_string.h>

#include "common/mem.h"
#include "proto/media_type.h"
#include "proto/sip_uri.h"

static const struct {
	const char *tag;
	unsigned bit;
	bool ours;           /* may stand in Require */
	sip_method_t method; /* there only, and outside of dialogs if it is INVITE (RFC 5366 5.1) */
} options[] = {
	{"timer", SIP_OPT_TIMER, true, sip_method_unknown},
	{"100rel", SIP_OPT_100REL, true, sip_method_unknown},
	{"norefersub", SIP_OPT_NOREFERSUB, true, sip_method_unknown},
	/* Kept, and never a reason to refuse (RFC 4412 4.6.2: values unknown to us are ignored). */
	{"resource-priority", SIP_OPT_PRIORITY, true, sip_method_unknown},
	{"replaces", SIP_OPT_REPLACES, true, sip_method_unknown},
	{"join", SIP_OPT_JOIN, true, sip_method_unknown},
	{"precondition", SIP_OPT_PRECONDITION, true, sip_method_unknown},
	{"recipient-list-invite", SIP_OPT_RECIPIENT_LIST, true, sip_method_invite},
	{"multiple-refer", SIP_OPT_MULTIPLE_REFER, true, sip_method_refer},
};

enum sip_in_method sip_read_method(sip_request_t const *rq)
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

/* Preconditions belong to the profile of operators' networks (OA-005). */
static bool is_ours(struct sip_agent const *a, size_t i)
{
	return options[i].ours && (options[i].bit != SIP_OPT_PRECONDITION || a->preconditions);
}

static bool may_require(struct sip_agent const *a, const char *tag, sip_method_t method,
			bool in_dialog)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (!is_ours(a, i) || strcasecmp(tag, options[i].tag) != 0)
			continue;
		return options[i].method == sip_method_unknown ||
		       (options[i].method == method && !(in_dialog && method == sip_method_invite));
	}
	return false;
}

char *sip_read_unsupported(su_home_t *home, struct sip_agent const *a, sip_t const *sip,
			   bool in_dialog)
{
	char *all = NULL;

	for (msg_list_t const *list = sip->sip_require; list != NULL; list = list->k_next) {
		for (msg_param_t const *p = list->k_items; p != NULL && *p != NULL; p++) {
			if (!may_require(a, *p, sip->sip_request->rq_method, in_dialog))
				all = all == NULL ? su_strdup(home, *p)
						  : su_sprintf(home, "%s, %s", all, *p);
		}
	}
	return all;
}

/* A header that the stack does not know. */
static const char *unknown_header(sip_t const *sip, const char *name)
{
	for (sip_unknown_t *u = sip->sip_unknown; u != NULL; u = u->un_next) {
		if (u->un_name != NULL && strcasecmp(u->un_name, name) == 0)
			return u->un_value;
	}
	return NULL;
}

int sip_read_parts(su_home_t *home, sip_t const *sip,
		   struct multipart_part parts_r[SIP_IN_MAX_PARTS], size_t *n_r)
{
	sip_payload_t const *body = sip->sip_payload;
	struct multipart_part whole = {.content_type = SLICE_LIT("application/sdp")};

	*n_r = 0;
	if (body == NULL || body->pl_len == 0)
		return 0;
	if (sip->sip_content_type != NULL)
		whole.content_type = slice_str(
			sip_header_as_string(home, (const sip_header_t *)sip->sip_content_type));
	if (sip->sip_content_disposition != NULL)
		whole.disposition = slice_str(sip_header_as_string(
			home, (const sip_header_t *)sip->sip_content_disposition));
	whole.id = slice_str(unknown_header(sip, "Content-ID"));
	whole.body = slice_make(body->pl_data, body->pl_len);
	return multipart_flatten(&whole, SIP_IN_MAX_PARTS, parts_r, n_r);
}

static bool is_sdp(const struct multipart_part *p)
{
	return slice_ieq_str(media_type_base(p->content_type), "application/sdp");
}

struct slice sip_in_sdp(su_home_t *home, sip_t const *sip)
{
	struct multipart_part parts[SIP_IN_MAX_PARTS];
	size_t n;

	if (sip_read_parts(home, sip, parts, &n) != 0)
		return SLICE_NULL;
	for (size_t i = 0; i < n; i++) {
		if (is_sdp(&parts[i]))
			return parts[i].body;
	}
	return SLICE_NULL;
}

/* A header value of a part as one line. */
static const char *text_of(su_home_t *home, struct slice value)
{
	char *text = value.ptr != NULL ? su_strndup(home, value.ptr, (isize_t)value.len) : NULL;

	for (char *c = text; c != NULL && *c != '\0'; c++) {
		if (*c == '\r' || *c == '\n')
			*c = ' ';
	}
	return text;
}

size_t sip_read_other_parts(su_home_t *home, sip_t const *sip,
			    struct sip_part parts_r[SIP_IN_MAX_PARTS])
{
	struct multipart_part parts[SIP_IN_MAX_PARTS];
	size_t n, n_others = 0;

	if (sip_read_parts(home, sip, parts, &n) != 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		const struct multipart_part *p = &parts[i];

		if (is_sdp(p))
			continue;
		parts_r[n_others++] =
			(struct sip_part){.type = text_of(home, p->content_type),
					  .id = text_of(home, p->id),
					  .encoding = text_of(home, p->encoding),
					  .disposition = text_of(home, p->disposition),
					  .body = p->body};
	}
	return n_others;
}

/* The stack's own printer cuts credentials off at its first buffer. */
static const char *credentials_text(su_home_t *home, sip_authorization_t const *au)
{
	char *text = su_sprintf(home, "%s ", au->au_scheme);

	for (msg_param_t const *p = au->au_params; p != NULL && *p != NULL; p++)
		text = su_sprintf(home, "%s%s%s", text, p == au->au_params ? "" : ", ", *p);
	return text;
}

/* Every header stands in the message's chain, whether it is known or not. */
const char *sip_read_header(su_home_t *home, sip_t const *sip, const char *name, unsigned n)
{
	for (sip_header_t const *h = sip->sip_request != NULL
					     ? (sip_header_t const *)sip->sip_request
					     : (sip_header_t const *)sip->sip_status;
	     h != NULL; h = (sip_header_t const *)h->sh_succ) {
		bool unknown = h->sh_class == sip_unknown_class;
		const char *mine = unknown ? h->sh_unknown->un_name : h->sh_class->hc_name;

		if (mine == NULL || strcasecmp(mine, name) != 0 || n-- > 0)
			continue;
		if (h->sh_class == sip_authorization_class)
			return credentials_text(home, h->sh_authorization);
		return unknown ? h->sh_unknown->un_value : sip_header_as_string(home, h);
	}
	return NULL;
}

const char *sip_in_header(const struct sip_in *in, const char *name, unsigned n)
{
	const struct sip_in_object *o = (const void *)in;

	return sip_read_header(o->home, o->sip, name, n);
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
	struct slice method;
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
	/* The stack's own look-up reads on behind the last parameter. */
	if (sip_uri_param(slice_str(url->url_params), "method", &method) && method.len > 0) {
		o->in.refer_method = su_sprintf(o->home, SLICE_FMT, SLICE_ARG(method));
		url->url_params = url_strip_param_string((char *)url->url_params, "method");
	}
	o->in.refer_headers = url->url_headers;
	url->url_headers = NULL;
	o->in.refer_to = url_as_string(o->home, url);
	o->in.refer_display = display_name(o->home, r->r_display);
}

void sip_read_peer(msg_t *msg, struct addr *peer_r)
{
	su_sockaddr_t *su = msg_addr(msg);

	peer_r->len = 0;
	if (su != NULL && su->su_family == AF_INET) {
		peer_r->in4 = su->su_sin;
		peer_r->len = sizeof(struct sockaddr_in);
	} else if (su != NULL && su->su_family == AF_INET6) {
		peer_r->in6 = su->su_sin6;
		peer_r->len = sizeof(struct sockaddr_in6);
	}
}

static void take_tls(struct sip_in_object *o)
{
	tport_t *tp = nta_incoming_transport(o->agent->nta, o->irq, o->msg);

	o->in.tls = sip_tls_carries(tp);
	tport_unref(tp);
	if (o->in.tls)
		o->in.n_subjects = sip_tls_subjects(o->agent, o->home, o->msg, o->in.subjects);
}

void sip_read_request(struct sip_in_object *o)
{
	struct sip_in *in = &o->in;

	in->method = sip_read_method(o->sip->sip_request);
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
	in->contribution_id = unknown_header(o->sip, "Contribution-ID");
	in->conversation_id = unknown_header(o->sip, "Conversation-ID");
	in->n_parts = sip_read_other_parts(o->home, o->sip, in->parts);
	take_identities(o);
	take_timer(o);
	take_subscription(o);
	take_refer(o);
	sip_read_peer(o->msg, &in->peer);
	take_tls(o);
}
