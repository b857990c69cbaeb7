/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures as a UE makes and judges them. A certificate counts for the URI it was given for and for
 * no other, whatever stands in it; a signature counts when the sender that the message names is the one
 * whose certificate it is by. Sealed conferences use it inside the seal (ue_crypto), others as it comes.
 */
#include "ue/ue_smime.h"

#include <stdlib.h>

#include "common/mem.h"
#include "proto/gke_body.h"
#include "proto/media_type.h"
#include "proto/sip_uri.h"

#define CPIM_HEAD_MAX 8192

struct known {
	char *uri;
	struct cms_cert *cert;
};

struct ue_smime {
	struct cms_signer *me; /* NULL: nothing is signed */
	struct known known[UE_SMIME_CERTS_MAX];
	size_t n;
};

struct ue_smime *ue_smime_new(void)
{
	return xcalloc(1, sizeof(struct ue_smime));
}

void ue_smime_free(struct ue_smime **s)
{
	for (size_t i = 0; *s && i < (*s)->n; i++) {
		free((*s)->known[i].uri);
		cms_cert_free(&(*s)->known[i].cert);
	}
	if (*s)
		cms_signer_free(&(*s)->me);
	free(*s);
	*s = NULL;
}

int ue_smime_identity(struct ue_smime *s, struct slice cert, struct slice key)
{
	struct cms_signer *me;
	int rc = cms_signer_new(cert, key, &me);

	if (rc < 0)
		return rc;
	cms_signer_free(&s->me);
	s->me = me;
	return 0;
}

int ue_smime_believe(struct ue_smime *s, struct slice uri, struct slice cert)
{
	struct cms_cert *c;
	int rc;

	if (s->n == UE_SMIME_CERTS_MAX)
		return -ERR_LIMIT;
	rc = cms_cert_new(cert, &c);
	if (rc < 0)
		return rc;
	s->known[s->n++] = (struct known){slice_dup(uri), c};
	return 0;
}

/* By the certificate of one who bears this URI (any of them, when there are several); empty: of anybody. */
static int verify(const struct ue_smime *s, struct slice from, struct slice der,
		  struct bytes *content, const struct known **by_r)
{
	int rc = -ERR_NOT_FOUND;

	for (size_t i = 0; i < s->n; i++) {
		if (from.len > 0 && !sip_uri_same(slice_str(s->known[i].uri), from))
			continue;
		rc = cms_verify(der, s->known[i].cert, content);
		if (rc == 0)
			*by_r = &s->known[i];
		if (rc != -ERR_DENIED)
			return rc;
	}
	return rc;
}

static int on_sign(struct slice content, struct bytes *der, void *arg)
{
	const struct ue_smime *s = arg;

	return s->me ? cms_sign(s->me, content, der) : -ERR_WRONG_STATE;
}

static int on_verify(struct slice from, struct slice der, struct bytes *content, void *arg)
{
	const struct known *by;

	return from.len > 0 ? verify(arg, from, der, content, &by) : -ERR_NOT_FOUND;
}

/* The first certificate of his that bodies can be sealed to; NULL: he has none. */
static const struct cms_cert *cert_of(const struct ue_smime *s, struct slice who)
{
	for (size_t i = 0; i < s->n; i++)
		if (sip_uri_same(who, slice_str(s->known[i].uri)) &&
		    cms_cert_agrees(s->known[i].cert))
			return s->known[i].cert;
	return NULL;
}

static int on_seal_to(struct slice to, struct slice content, struct bytes *der, void *arg)
{
	const struct cms_cert *cert = cert_of(arg, to);

	return cert ? cms_seal_to(&cert, 1, content, der) : -ERR_NOT_FOUND;
}

static int on_open(struct slice der, struct bytes *content, void *arg)
{
	const struct ue_smime *s = arg;

	return s->me ? cms_open_alone(der, s->me, content) : -ERR_WRONG_STATE;
}

static bool on_knows(struct slice who, void *arg)
{
	const struct ue_smime *s = arg;

	for (size_t i = 0; i < s->n; i++)
		if (sip_uri_same(who, slice_str(s->known[i].uri)))
			return true;
	return false;
}

static bool on_reaches(struct slice who, void *arg)
{
	return cert_of(arg, who) != NULL;
}

const struct ue_signing ue_smime_signing = {
	.sign = on_sign,
	.verify = on_verify,
	.seal_to = on_seal_to,
	.open = on_open,
	.knows = on_knows,
	.reaches = on_reaches,
};
const struct ue_signing ue_smime_verifying = {
	.verify = on_verify,
	.seal_to = on_seal_to,
	.knows = on_knows,
	.reaches = on_reaches,
};

int ue_smime_sign(const struct ue_smime *s, const char *type, struct slice body, struct bytes *out)
{
	struct bytes entity = BYTES_INIT;
	int rc = -ERR_WRONG_STATE;

	if (!s->me)
		return rc;
	bytes_addf(&entity, "Content-Type: %s\r\n\r\n", type);
	bytes_add_slice(&entity, body);
	rc = bytes_ok(&entity) ? cms_sign(s->me, bytes_slice(&entity), out) : -ERR_LIMIT;
	bytes_fini(&entity);
	return rc;
}

/* A whole message: from the one who signed it, and from him whom the head around it names, if there is one. */
static int read_whole(const struct known *by, struct slice from, struct slice text,
		      struct ue_smime_said *said_r)
{
	struct ue_smime_said said = {.whole = true};

	if (cpim_parse(text, CPIM_HEAD_MAX, true, true, &said.head) != 1 || said.head.n_from != 1)
		return -ERR_SYNTAX;
	if (!sip_uri_same(said.head.from, slice_str(by->uri)) ||
	    (from.len > 0 && !sip_uri_same(said.head.from, from)))
		return -ERR_DENIED;
	said.type = said.head.content_type;
	said.payload = slice_from(text, said.head.head_len);
	*said_r = said;
	return 0;
}

int ue_smime_open(const struct ue_smime *s, struct slice from, struct slice der,
		  struct bytes *content, struct ue_smime_said *said_r)
{
	const struct known *by = NULL;
	struct bytes plain = BYTES_INIT;
	struct slice type, body;
	int rc = verify(s, from, der, &plain, &by);

	if (rc == 0)
		rc = gke_entity_read(bytes_slice(&plain), &type, &body);
	if (rc == 0 && slice_ieq_str(media_type_base(type), "message/cpim"))
		rc = read_whole(by, from, body, said_r);
	else if (rc == 0 && from.len > 0)
		*said_r = (struct ue_smime_said){.type = type, .payload = body};
	else if (rc == 0)
		rc = -ERR_DENIED; /* nothing says whose words these are */
	if (rc < 0) {
		bytes_fini(&plain);
		return rc;
	}
	bytes_fini(content);
	*content = plain;
	return 0;
}

static bool is_signed(const struct ue_message *m)
{
	struct slice type = m->cpim.content_type;

	return m->payload.ptr && slice_ieq_str(media_type_base(type), "application/pkcs7-mime") &&
	       slice_ieq_str(media_type_param(type, "smime-type"), "signed-data");
}

int ue_smime_show(const struct ue_smime *s, struct ue_message *m, struct bytes *content)
{
	struct ue_smime_said said;
	int rc;

	if (!is_signed(m))
		return 0;
	rc = ue_smime_open(s, m->cpim.from, m->payload, content, &said);
	if (rc < 0)
		return rc;
	if (said.whole) {
		m->cpim = said.head;
		m->bare = false;
	}
	m->cpim.content_type = said.type;
	m->payload = said.payload;
	m->size = said.payload.len;
	m->verified = true;
	return 0;
}
