/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_SMIME_H
#define UE_UE_SMIME_H

#include "proto/cms_signed.h"
#include "ue/ue_crypto.h"
#include "ue/ue_msrp.h"

/*
 * Signatures of a UE: its own certificate and key, and the certificates of those whose signatures it
 * believes. What is signed may be a whole CPIM message or only what a CPIM message carries (RFC 8591
 * 9.1). No I/O.
 */
struct ue_smime;
#define UE_SMIME_CERTS_MAX 64

struct ue_smime *ue_smime_new(void);
void ue_smime_free(struct ue_smime **s);
/* Sign with this from now on. Errors of cms_signer_new. */
MUST_CHECK int ue_smime_identity(struct ue_smime *s, struct slice cert, struct slice key);
/* This URI's signatures are by this certificate. Errors of cms_cert_new; -ERR_LIMIT. */
MUST_CHECK int ue_smime_believe(struct ue_smime *s, struct slice uri, struct slice cert);

/* For ue_crypto_signing, with the struct ue_smime as arg; the other one signs nothing, as it has no key. */
extern const struct ue_signing ue_smime_signing, ue_smime_verifying;

/* SignedData of a MIME entity of this type. -ERR_WRONG_STATE: no identity. */
MUST_CHECK int ue_smime_sign(const struct ue_smime *s, const char *type, struct slice body,
			     struct bytes *out);

struct ue_smime_said {
	bool whole;            /* a whole CPIM message was signed */
	struct cpim_head head; /* of it */
	struct slice type;     /* of what is said */
	struct slice payload;
};
/*
 * from: who the head around it says it is from; empty: it stands alone, and what is signed must be a
 * whole message whose sender's signature it is. *said_r: views into content. -ERR_NOT_FOUND: no
 * certificate of this sender; -ERR_DENIED: not by him, or changed; -ERR_SYNTAX, -ERR_UNSUPPORTED.
 */
MUST_CHECK int ue_smime_open(const struct ue_smime *s, struct slice from, struct slice der,
			     struct bytes *content, struct ue_smime_said *said_r);
/*
 * A message that came: when it is signed, what was signed takes its place (views into content) and it is
 * verified. Errors of ue_smime_open: it stays as it is. 0, too, for messages that are not signed.
 */
MUST_CHECK int ue_smime_show(const struct ue_smime *s, struct ue_message *m, struct bytes *content);

#endif
