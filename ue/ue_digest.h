/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_DIGEST_H
#define UE_UE_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"

/* SIP digest as a client: SHA-256 with qop=auth alone (RFC 7616, RFC 8760). No I/O, no randomness. */

struct ue_digest_challenge {
	char *realm, *nonce;
	char *opaque; /* NULL: none */
	bool stale;
};

/*
 * Read one value of WWW-Authenticate ("Digest realm=..."). -ERR_UNSUPPORTED: another scheme,
 * algorithm or quality of protection; -ERR_SYNTAX, -ERR_LIMIT: malformed. *c_r is empty after an error.
 */
MUST_CHECK int ue_digest_read(struct slice value, struct ue_digest_challenge *c_r);
void ue_digest_fini(struct ue_digest_challenge *c);

struct ue_digest_answer {
	const char *user, *password;
	const char *method, *uri; /* of the request */
	const char *cnonce;
	uint32_t count; /* how often the nonce was used, this time included */
};

/* The value of Authorization; the caller frees it. */
char *ue_digest_answer(const struct ue_digest_challenge *c, const struct ue_digest_answer *a);

#endif
