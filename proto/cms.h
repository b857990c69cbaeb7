/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_CMS_H
#define PROTO_CMS_H

#include "common/bytes.h"
#include "proto/gke.h"

/*
 * CMS AuthEnvelopedData (RFC 5083) of the one shape in which a conference's bodies are sealed:
 * DER, one KEKRecipientInfo naming the epoch's key, AES-GCM with a tag of 16 octets, content id-data, no
 * attributes (RFC 8591 4.2). `openssl cms` reads and writes the same. No randomness of its own.
 */
#define CMS_MAX_SIZE (1u << 20)
#define CMS_OVERHEAD 200 /* more than it ever is over the plaintext; AES-256, with the date */

enum cms_cipher { CMS_AES128, CMS_AES256 };

struct cms_seal {
	enum cms_cipher cipher;
	struct gkid gkid;
	struct slice kek;     /* 16 or 32 octets, as the cipher */
	const uint8_t *cek;   /* 16 or 32 fresh random octets */
	const uint8_t *nonce; /* 12 fresh random octets */
	struct slice date;    /* GeneralizedTime of the epoch's start, 15 octets; empty: none */
};
/* -ERR_LIMIT: plaintext too long. */
MUST_CHECK int cms_seal(const struct cms_seal *how, struct slice plaintext, struct bytes *out);

/* What stands in front of the sealed octets; views into the input. */
struct cms_head {
	enum cms_cipher cipher;
	struct gkid gkid;
	struct slice date;        /* empty: none; a hint, not authenticated */
	struct slice wrapped_key; /* 24 or 40 octets */
	struct slice nonce, ciphertext, tag;
};
/*
 * -ERR_SYNTAX: not DER, not this shape; -ERR_UNSUPPORTED: other algorithms or parameters; -ERR_LIMIT.
 * Nothing is allocated.
 */
MUST_CHECK int cms_parse(struct slice der, struct cms_head *head_r);
/*
 * GKID of a sealed body by its first octets alone (128 suffice): for a switch that holds no key.
 * -ERR_SYNTAX: not this shape so far as can be seen.
 */
MUST_CHECK int cms_peek(struct slice first, struct gkid *gkid_r);
/*
 * The same for a body that one certificate's owner alone opens (cms_signed.h): it names no key of a group. 0:
 * it begins as one; 1: others can open it, too. -ERR_SYNTAX.
 */
MUST_CHECK int cms_peek_person(struct slice first);
/* -ERR_DENIED: wrong key, or changed; out is untouched then: nothing is released. */
MUST_CHECK int cms_open(const struct cms_head *head, struct slice kek, struct bytes *out);

#endif
