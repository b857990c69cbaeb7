/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_TRUST_H
#define MRFC_CONFERENCE_TRUST_H

#include "common/addr.h"

/*
 * The trust domain of RFC 3325: peers known by address, or by a name in the certificate of their
 * TLS connection. Nobody else's identity headers are believed, and nobody else is sent any.
 */
struct trust;

/* networks as addr_set_parse; names comma-separated host names. -ERR_SYNTAX. */
MUST_CHECK int trust_new(const char *networks, const char *names, struct trust **trust_r);
void trust_free(struct trust **trust);
/* peer->len 0: of our own making, not trusted. subjects: names of a certificate that was checked. */
bool trust_has(const struct trust *t, const struct addr *peer, const char *const *subjects,
	       size_t n_subjects);
/* By address alone. */
bool trust_has_addr(const struct trust *t, const struct addr *peer);

#endif
