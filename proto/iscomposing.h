/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_ISCOMPOSING_H
#define PROTO_ISCOMPOSING_H

#include "common/bytes.h"

/* Typing indications, RFC 3994: the document application/im-iscomposing+xml. */
#define ISCOMPOSING_MAX_BYTES (8u << 10)
#define ISCOMPOSING_TYPE      "application/im-iscomposing+xml"
#define ISCOMPOSING_TIMEOUT_S 120 /* an active state without refresh ends then (section 3.3) */
#define ISCOMPOSING_REFRESH_S 60  /* shortest refresh that a sender should choose (3.2) */
#define ISCOMPOSING_IDLE_S    15  /* a composer who does nothing is idle then (3.2) */

struct iscomposing {
	bool active;        /* states other than "active" are idle (section 3.5) */
	char *last_active;  /* date and time; NULL: none */
	char *content_type; /* "text", "text/plain"; NULL: none */
	uint32_t refresh_s; /* 0: none */
};

/*
 * Read a document. -ERR_SYNTAX: malformed, without state, or with a document type; -ERR_LIMIT:
 * longer than ISCOMPOSING_MAX_BYTES or too deep. A refresh that is no positive number is as none.
 * Strings are the caller's: iscomposing_fini.
 */
MUST_CHECK int iscomposing_parse(struct slice text, struct iscomposing *c_r);
void iscomposing_fini(struct iscomposing *c);
void iscomposing_build(struct bytes *out, const struct iscomposing *c);

#endif
