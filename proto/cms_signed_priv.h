/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_CMS_SIGNED_PRIV_H
#define PROTO_CMS_SIGNED_PRIV_H

#include <openssl/bio.h>
#include <openssl/x509.h>

#include "proto/cms_signed.h"

/* Certificates and keys, as OpenSSL has them (cms_signed_cert.c); used by cms_signed.c. */
struct cms_cert {
	X509 *x509;
};

struct cms_signer {
	struct cms_cert cert;
	EVP_PKEY *key;
};

/* A reader over octets of the caller's. */
BIO *cms_reader(struct slice octets);

#endif
