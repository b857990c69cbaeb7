/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digest challenges of a UE's requests: a 401 is answered by the same request with the leg's next CSeq,
 * a new branch and Authorization, RFC 3261 22.2. Challenges that ue_digest does not take are passed over.
 */
#include "ue/ue_sip_priv.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/rand.h"
#include "ue/ue_digest.h"

#define STALE_MAX  3 /* in a row: no endless exchange with a server that keeps nothing */
#define CNONCE_LEN 20

struct ue_sip_auth {
	char *user, *password;
	char *nonce; /* last used one, and how often */
	uint32_t count;
	unsigned stale; /* challenges in a row to requests that had credentials */
};

struct ue_sip_auth *ue_sip_auth_new(const char *as, const char *user, const char *password)
{
	struct ue_sip_auth *a = xcalloc(1, sizeof(*a));
	const char *from = strchr(as, ':');

	from = from ? from + 1 : as;
	a->user = user ? xstrdup(user) : xstrndup(from, strcspn(from, "@"));
	a->password = xstrdup(password);
	return a;
}

void ue_sip_auth_free(struct ue_sip_auth **ap)
{
	struct ue_sip_auth *a = *ap;

	if (!a)
		return;
	*ap = NULL;
	mem_wipe(a->password, strlen(a->password));
	free(a->password);
	free(a->user);
	free(a->nonce);
	free(a);
}

/* Put together from what Sofia took apart: sip_header_as_string() cuts long ones short. */
static int read_challenge(sip_www_authenticate_t const *au, struct ue_digest_challenge *c_r)
{
	struct bytes text = BYTES_INIT;
	int err;

	bytes_addf(&text, "%s ", au->au_scheme ? au->au_scheme : "");
	for (msg_param_t const *p = au->au_params; p && *p; p++) {
		bytes_add_str(&text, p == au->au_params ? "" : ", ");
		bytes_add_str(&text, *p);
	}
	err = ue_digest_read(bytes_slice(&text), c_r);
	bytes_fini(&text);
	return err;
}

/* The first challenge that we can answer. */
static int find_challenge(sip_t const *response, struct ue_digest_challenge *c_r)
{
	sip_www_authenticate_t const *au = response->sip_www_authenticate;
	int err = -ERR_UNSUPPORTED;

	for (; au && err < 0; au = au->au_next)
		err = read_challenge(au, c_r);
	return err;
}

/* Whether an answer to c may be right where `request` was not. */
static bool may_answer(struct ue_sip_auth *a, const struct ue_digest_challenge *c,
		       sip_t const *request)
{
	if (!request->sip_authorization) {
		a->stale = 0;
		return true;
	}
	return c->stale && (!a->nonce || strcmp(a->nonce, c->nonce) != 0) &&
	       ++a->stale <= STALE_MAX;
}

static char *make_answer(struct ue_sip *sip, const struct ue_digest_challenge *c,
			 sip_t const *request)
{
	struct ue_sip_auth *a = sip->auth;
	char cnonce[CNONCE_LEN + 1], *value;
	char *uri = url_as_string(sip->home, request->sip_request->rq_url);

	if (!a->nonce || strcmp(a->nonce, c->nonce) != 0) {
		free(a->nonce);
		a->nonce = xstrdup(c->nonce);
		a->count = 0;
	}
	rand_ident(cnonce, CNONCE_LEN);
	value = ue_digest_answer(
		c, &(struct ue_digest_answer){.user = a->user,
					      .password = a->password,
					      .method = request->sip_request->rq_method_name,
					      .uri = uri ? uri : "",
					      .cnonce = cnonce,
					      .count = ++a->count});
	su_free(sip->home, uri);
	return value;
}

/* A copy without what belongs to one transaction. */
static msg_t *copy_request(msg_t *old)
{
	msg_t *msg = msg_dup(old);
	sip_t *sip = msg ? sip_object(msg) : NULL;

	if (!sip)
		return NULL;
	while (sip->sip_via)
		sip_header_remove(msg, sip, (sip_header_t *)sip->sip_via);
	while (sip->sip_authorization)
		sip_header_remove(msg, sip, (sip_header_t *)sip->sip_authorization);
	if (sip->sip_cseq)
		sip_header_remove(msg, sip, (sip_header_t *)sip->sip_cseq);
	return msg;
}

static nta_outgoing_t *resend(struct ue_sip *sip, nta_leg_t *leg, msg_t *old,
			      const char *authorization, nta_response_f *fn, void *magic)
{
	msg_t *msg = copy_request(old);
	sip_request_t const *rq = sip_object(old)->sip_request;
	nta_outgoing_t *orq = NULL;

	if (!msg)
		return NULL;
	if (sip_add_tl(msg, sip_object(msg), SIPTAG_AUTHORIZATION_STR(authorization), TAG_END()) >=
		    0 &&
	    nta_msg_request_complete(msg, leg, rq->rq_method, rq->rq_method_name, NULL) >= 0)
		orq = nta_outgoing_mcreate(sip->agent, fn, magic, NULL, msg, TAG_END());
	if (!orq)
		msg_destroy(msg);
	return orq;
}

nta_outgoing_t *ue_sip_again(struct ue_sip *sip, nta_leg_t *leg, nta_outgoing_t *orq,
			     nta_response_f *fn, void *magic, sip_t const *response)
{
	struct ue_digest_challenge c;
	nta_outgoing_t *next = NULL;
	msg_t *old;

	if (!sip->auth || !response || !response->sip_status ||
	    response->sip_status->st_status != 401 || find_challenge(response, &c) < 0)
		return NULL;
	old = nta_outgoing_getrequest(orq);
	if (old && may_answer(sip->auth, &c, sip_object(old))) {
		char *value = make_answer(sip, &c, sip_object(old));

		next = resend(sip, leg, old, value, fn, magic);
		free(value);
	}
	if (old)
		msg_destroy(old);
	ue_digest_fini(&c);
	if (next)
		nta_outgoing_destroy(orq);
	return next;
}

const char *ue_sip_phrase(nta_outgoing_t *orq, sip_t const *response)
{
	msg_t *request;
	bool tried;

	if (!response || !response->sip_status)
		return "";
	if (response->sip_status->st_status != 401)
		return response->sip_status->st_phrase;
	request = nta_outgoing_getrequest(orq);
	tried = request && sip_object(request)->sip_authorization;
	if (request)
		msg_destroy(request);
	return tried ? "wrong user or password" : response->sip_status->st_phrase;
}
