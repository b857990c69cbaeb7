/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_IDENTITY_H
#define MRFC_CONFERENCE_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

/*
 * Who sent a request: P-Asserted-Identity of a trusted peer (RFC 3325), else its From; or the user
 * whose credentials came with it. Nobody else is believed (FOC-006).
 */
struct identity_claim {
	bool trusted;     /* the peer is */
	const char *user; /* proven by credentials; NULL. The rest is not believed then */
	const char *const *asserted; /* URIs, in order */
	size_t n_asserted;
	const char *asserted_display; /* NULL */
	const char *from;             /* URI; NULL: P-Asserted-Identity only */
	const char *from_display;     /* NULL */
	unsigned privacy;             /* PRIVACY_* */
};

#define IDENTITY_MAX_ALIASES 9
struct identity {
	char *uri;                           /* address-of-record form; sip before tel */
	char *display;                       /* NULL */
	char *aliases[IDENTITY_MAX_ALIASES]; /* every other URI of the same user (SW-010) */
	size_t n_aliases;
	bool hidden;      /* others shall not learn who he is (RFC 3323) */
	unsigned privacy; /* as claimed */
};

/*
 * -ERR_DENIED: not trusted, or no usable identity; -ERR_SYNTAX: the trusted peer asserts more than
 * one sip and one tel URI (RFC 3325 9.1). Release with identity_fini.
 */
MUST_CHECK int identity_of(const struct identity_claim *claim, struct identity *id_r);
void identity_fini(struct identity *id);
/* Add a further URI unless it is there already. */
void identity_add_alias(struct identity *id, const char *uri);
/* The tel form of a URI that is a number: sip:+15551230001@host;user=phone (RFC 3261 19.1.6). */
void identity_add_number(struct identity *id, const char *uri);

#endif
