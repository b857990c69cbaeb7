/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_CMS_SIGNED_H
#define PROTO_CMS_SIGNED_H

#include "common/bytes.h"

/*
 * CMS SignedData (RFC 5652) by one ECDSA P-256 signer with SHA-256, named by his subject key
 * identifier, and AuthEnvelopedData for recipients with P-256 certificates (KeyAgreeRecipientInfo,
 * dhSinglePass-stdDH-sha256kdf, AES-128 wrap). Certificates and keys are PEM or DER text of the caller's.
 */
struct cms_signer; /* certificate and private key */
struct cms_cert;   /* certificate of somebody */

/* -ERR_SYNTAX; -ERR_UNSUPPORTED: not P-256; -ERR_DENIED: they do not belong together. */
MUST_CHECK int cms_signer_new(struct slice cert_pem, struct slice key_pem, struct cms_signer **s_r);
void cms_signer_free(struct cms_signer **s);
MUST_CHECK int cms_cert_new(struct slice cert_pem_or_der, struct cms_cert **c_r);
void cms_cert_free(struct cms_cert **c);
/* May bodies be sealed to it? Not when its key usage leaves out keyAgreement (RFC 5280 4.2.1.3). */
bool cms_cert_agrees(const struct cms_cert *c);
/* SHA-256 of the certificate's DER. */
void cms_cert_hash(const struct cms_cert *c, uint8_t out[32]);

/* The content stands inside (encapsulated). */
MUST_CHECK int cms_sign(const struct cms_signer *s, struct slice content, struct bytes *out);
/* -ERR_DENIED: not signed by this certificate, or changed; -ERR_SYNTAX, -ERR_UNSUPPORTED. */
MUST_CHECK int cms_verify(struct slice der, const struct cms_cert *by, struct bytes *content);

/* At most 100 recipients (-ERR_LIMIT). Randomness is OpenSSL's here. */
MUST_CHECK int cms_seal_to(const struct cms_cert *const *to, size_t n, struct slice plaintext,
			   struct bytes *out);
/* -ERR_NOT_FOUND: not for this one; -ERR_DENIED: changed. */
MUST_CHECK int cms_open_mine(struct slice der, const struct cms_signer *mine, struct bytes *out);
/* The same, but -ERR_UNSUPPORTED when others can open it, too. */
MUST_CHECK int cms_open_alone(struct slice der, const struct cms_signer *mine, struct bytes *out);

#endif
