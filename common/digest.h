/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

#include "common/slice.h"

/* SHA-256 (or, for the names that formats give files, SHA-1) of a stream of bytes (OpenSSL). */
struct digest;
#define DIGEST_HEX_SIZE 65

struct digest *digest_new(void);
struct digest *digest_new_sha1(void);
void digest_add(struct digest *d, struct slice bytes);
/* Lower-case hex, NUL-terminated; the digest is freed and nulled. */
void digest_finish(struct digest **d, char hex[DIGEST_HEX_SIZE]);

/* The same as octets, of a SHA-1. */
#define DIGEST_SHA1_LEN 20
void digest_finish_sha1(struct digest **d, uint8_t out[DIGEST_SHA1_LEN]);

/* SHA-1, for the WebSocket handshake alone (RFC 6455 4.2.2): it protects nothing. */
void digest_sha1(struct slice bytes, uint8_t out[DIGEST_SHA1_LEN]);

#endif
