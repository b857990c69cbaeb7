/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an answer to a request of ours says, copied into our struct: who sent it, identities, session
 * timer, description. Reads only.
 */
#include <strings.h>

#include "mrfc/sip/sip_out.h"
#include "mrfc/sip/sip_priv.h"
#include "mrfc/sip/sip_tls.h"

#include <sofia-sip/msg_addr.h>

bool sip_lists_tag(msg_list_t const *list, const char *tag)
{
	for (; list != NULL; list = list->k_next) {
		for (msg_param_t const *p = list->k_items; p != NULL && *p != NULL; p++) {
			if (strcasecmp(*p, tag) == 0)
				return true;
		}
	}
	return false;
}

static void take_timer(sip_t const *sip, struct session_timer_ask *t)
{
	t->supported = sip_lists_tag(sip->sip_supported, "timer") ||
		       sip_lists_tag(sip->sip_require, "timer");
	if (sip->sip_min_se != NULL)
		t->min_se_s = (uint32_t)sip->sip_min_se->min_delta;
	if (sip->sip_session_expires == NULL)
		return;
	sip_session_expires_t *x = sip->sip_session_expires;
	t->expires_s = x->x_delta > UINT32_MAX / 1000 ? UINT32_MAX / 1000 : (uint32_t)x->x_delta;
	if (x->x_refresher != NULL)
		t->refresher = strcasecmp(x->x_refresher, "uas") == 0 ? SESSION_REFRESHER_UAS
								      : SESSION_REFRESHER_UAC;
}

static void take_peer(struct sip_agent *a, su_home_t *home, nta_outgoing_t *orq,
		      struct sip_out_result *r)
{
	msg_t *msg = nta_outgoing_getresponse(orq);
	su_sockaddr_t *su;

	if (msg == NULL)
		return;
	su = msg_addr(msg);
	if (su != NULL && su->su_family == AF_INET) {
		r->peer.in4 = su->su_sin;
		r->peer.len = sizeof(struct sockaddr_in);
	} else if (su != NULL && su->su_family == AF_INET6) {
		r->peer.in6 = su->su_sin6;
		r->peer.len = sizeof(struct sockaddr_in6);
	}
	r->n_subjects = sip_tls_subjects(a, home, msg, r->subjects);
	msg_destroy(msg);
}

void sip_take_result(struct sip_agent *a, su_home_t *home, nta_outgoing_t *orq, sip_t const *sip,
		     struct sip_out_result *r)
{
	*r = (struct sip_out_result){.status = nta_outgoing_status(orq)};
	if (sip == NULL) {
		r->phrase = sip_status_phrase(r->status);
		return;
	}
	r->status = sip->sip_status->st_status;
	r->phrase = sip->sip_status->st_phrase;
	if (sip->sip_contact != NULL)
		r->contact = url_as_string(home, sip->sip_contact->m_url);
	for (sip_p_asserted_identity_t *p = sip_p_asserted_identity(sip);
	     p != NULL && r->n_asserted < SIP_IN_MAX_ASSERTED; p = p->paid_next) {
		if (r->n_asserted == 0)
			r->asserted_display = p->paid_display;
		r->asserted[r->n_asserted++] = url_as_string(home, p->paid_url);
	}
	if (!nta_sip_is_internal(sip))
		take_peer(a, home, orq, r);
	take_timer(sip, &r->timer);
	r->allows_update =
		sip->sip_allow != NULL && sip_is_allowed(sip->sip_allow, sip_method_update, NULL);
	if (sip->sip_retry_after != NULL)
		r->retry_after_s = (uint32_t)sip->sip_retry_after->af_delta;
	r->reliable = sip->sip_rseq != NULL && sip_lists_tag(sip->sip_require, "100rel");
	r->sdp = sip_in_sdp(home, sip);
	if (sip_read_header(home, sip, "P-Refused-URI-List", 0) != NULL)
		r->n_parts = sip_read_other_parts(home, sip, r->parts);
}
