/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_IDENTITY_H
#define MRFC_CONFERENCE_IDENTITY_H

#include "common/addr.h"

/*
 * Who sent a request: P-Asserted-Identity of a trusted peer (RFC 3325), else its From; nobody else
 * is believed (FOC-006).
 */
struct identity_claim {
	const struct addr *peer;
	const char *const *asserted; /* URIs, in order */
	size_t n_asserted;
	const char *asserted_display; /* NULL */
	const char *from;             /* URI; NULL: P-Asserted-Identity only */
	const char *from_display;     /* NULL */
};

#define IDENTITY_MAX_ALIASES 9
struct identity {
	char *uri;                           /* address-of-record form; sip before tel */
	char *display;                       /* NULL */
	char *aliases[IDENTITY_MAX_ALIASES]; /* every other URI of the same user (SW-010) */
	size_t n_aliases;
};

/* -ERR_DENIED: not trusted, or no usable identity. Release with identity_fini. */
MUST_CHECK int identity_of(const struct addr_set *trusted, const struct identity_claim *claim,
			   struct identity *id_r);
void identity_fini(struct identity *id);
/* Add a further URI unless it is there already. */
void identity_add_alias(struct identity *id, const char *uri);

#endif
