/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_TLS_CA_H
#define COMMON_TLS_CA_H

#include "common/slice.h"
#include "common/tls_priv.h"

/* Authorities of a PEM file, each with a comment or not. -ERR_CONFIG with a sentence in why. */
MUST_CHECK int tls_ca_load(const char *file, X509_STORE **store_r, char why[TLS_WHY_SIZE]);
/*
 * Do the certificates that a peer showed (DER, its own first) lead to one of the authorities now, for the peer's role
 * (client: it connected to us), and does an alternative name of its own say host (RFC 4975 5.4)? A
 * dNSName is a name without wildcard, an iPAddress an address, a URI one of host alone: no user's
 * (RFC 5922 7.1). Its subject says nothing. NULL, or what is wrong; static text.
 */
const char *tls_ca_problem(X509_STORE *store, struct slice shown, bool client, struct slice host);
/* The same of one certificate's names. */
bool tls_ca_names(X509 *cert, struct slice host);

#endif
