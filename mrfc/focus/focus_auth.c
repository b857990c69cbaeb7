/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who sent a request: trusted peers assert it, all others have to prove it. Every request passes
 * focus_admit() first; those that make something ask focus_identify() for a name before anything
 * else is looked at. RFC 3325, RFC 3323, RFC 3261 22.
 */
#include "mrfc/focus/focus_auth.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfc/conference/privacy.h"
#include "mrfc/conference/trust.h"
#include "mrfc/focus/focus_charging.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_user.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "focus/auth"

bool focus_admit(struct sip_in *in, bool in_dialog, void *arg)
{
	struct focus *f = arg;
	int status;

	in->trusted = trust_has(f->trusted, &in->peer, in->subjects, in->n_subjects);
	status = charging_admit(f, in, in_dialog);
	if (status != 0) {
		sip_in_status(in, status);
		return false;
	}
	/* Who asks what this server can do (OPTIONS) may be anybody. */
	return in->trusted || !in_dialog || !f->config.authenticate_all ||
	       in->method == SIP_IN_OPTIONS || focus_authenticate(f, in);
}

/* Does the peer assert a URI of a conference, or of the one that its request would make? */
static bool poses_as_conference(struct focus *f, const struct sip_in *in,
				const struct identity *who)
{
	for (size_t i = 0; i <= who->n_aliases; i++) {
		const char *uri = i < who->n_aliases ? who->aliases[i] : who->uri;

		if (focus_uri_is_ours(f, uri) || sip_uri_same(slice_str(uri), slice_str(in->uri)))
			return true;
	}
	return false;
}

/* 0, or the status that its sender gets. */
static int identify(struct focus *f, struct sip_in *in, struct identity *who_r)
{
	const struct identity_claim claim = {
		.trusted = in->trusted,
		.user = in->user,
		.asserted = in->asserted,
		.n_asserted = in->n_asserted,
		.asserted_display = in->asserted_display,
		.from = in->from_uri,
		.from_display = in->from_display,
		.privacy = privacy_parse(sip_in_header(in, "Privacy", 0))};
	int err = identity_of(&claim, who_r);

	if (err != 0)
		return err == -ERR_SYNTAX ? 400 : 403;
	if (!poses_as_conference(f, in, who_r))
		return 0;
	identity_fini(who_r);
	return 403;
}

int focus_identify(struct focus *f, struct sip_in **in, struct identity *who_r)
{
	char where[ADDR_STRLEN];
	int status;

	if (!(*in)->trusted && !focus_authenticate(f, *in)) {
		sip_in_free(in);
		return -ERR_DENIED;
	}
	status = identify(f, *in, who_r);
	if (status != 0) {
		log_peer("%s by %s refused: no identity that %s may assert", (*in)->method_name,
			 (*in)->from_uri, addr_format(&(*in)->peer, where));
		focus_refuse(in, status, 0,
			     status == 400 ? "P-Asserted-Identity has too many URIs"
					   : "No trusted identity");
		return -ERR_DENIED;
	}
	if (privacy_impossible(who_r->privacy)) {
		log_peer("%s by %s refused: Privacy: %s", (*in)->method_name, who_r->uri,
			 sip_in_header(*in, "Privacy", 0));
		identity_fini(who_r);
		focus_refuse(in, 500, 0, "A critical privacy service is not offered here");
		return -ERR_DENIED;
	}
	return 0;
}

/* Is that URI one of his names? */
static bool is_name_of(const struct identity *who, struct slice uri)
{
	if (sip_uri_same(slice_str(who->uri), uri))
		return true;
	for (size_t i = 0; i < who->n_aliases; i++) {
		if (sip_uri_same(slice_str(who->aliases[i]), uri))
			return true;
	}
	return false;
}

bool focus_believes_referrer(const struct sip_in *in, const struct identity *who)
{
	struct bytes display = BYTES_INIT;
	struct slice uri;
	bool himself;

	if (in->referred_by == NULL || in->trusted)
		return in->referred_by != NULL;
	himself = sip_name_addr(slice_str(in->referred_by), &display, &uri) == 0 &&
		  is_name_of(who, uri);
	bytes_fini(&display);
	return himself;
}

char *focus_referrer(const struct sip_in *in, const struct identity *who, const char *shown)
{
	if (strcmp(shown, who->uri) == 0 && focus_believes_referrer(in, who))
		return xstrdup(in->referred_by);
	return xasprintf("<%s>", shown);
}

bool focus_trusts_hop(const struct focus *f, const char *route, const char *target)
{
	struct slice transport, host;
	struct sip_uri uri;
	struct addr at;
	char *name;
	bool trusted;

	if (sip_uri_parse(slice_str(route != NULL ? route : target), &uri) != 0)
		return false;
	host = uri.host;
	if (route != NULL)
		(void)sip_uri_param(uri.params, "maddr", &host);
	if (addr_from_host(host, 5060, &at) != 0)
		return false;
	if (route == NULL || !sip_uri_param(uri.params, "transport", &transport) ||
	    !slice_ieq_str(transport, "tls"))
		return trust_has_addr(f->trusted, &at);
	/* The proxy's certificate has its name, which is checked before anything is sent. */
	name = slice_dup(uri.host);
	trusted = trust_has(f->trusted, &at, (const char *const[]){name}, 1);
	free(name);
	return trusted;
}

void focus_assert_headers(const struct focus *f, const char *conference, const char *asked,
			  bool trusted_hop, struct bytes *all, struct bytes *trusted)
{
	bool to_all = privacy_asserts(privacy_parse(asked), false, f->config.assert_to_all);
	struct bytes privacy = BYTES_INIT;

	bytes_addf(to_all ? all : trusted, "P-Asserted-Identity: <%s>\r\n", conference);
	privacy_forward(asked, trusted_hop, &privacy);
	if (privacy.len > 0)
		sip_header_add(trusted_hop ? trusted : all, "Privacy", bytes_cstr(&privacy));
	bytes_fini(&privacy);
}
