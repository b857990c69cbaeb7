/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_FINGERPRINT_H
#define COMMON_FINGERPRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"

/* Certificate fingerprints as in a=fingerprint, RFC 8122 section 5. Pure: computes no hash. */

/* From weak to strong; what is weaker than SHA-256 is understood by nobody here. */
enum fingerprint_hash { FINGERPRINT_SHA256 = 1, FINGERPRINT_SHA384, FINGERPRINT_SHA512 };

#define FINGERPRINT_OCTETS_MAX 64
struct fingerprint {
	enum fingerprint_hash hash;
	uint8_t octets[FINGERPRINT_OCTETS_MAX];
};

/* The most of one media line. */
#define FINGERPRINT_LIST_MAX 8
struct fingerprint_list {
	struct fingerprint items[FINGERPRINT_LIST_MAX];
	size_t n;
};

/* Octets of a hash value. */
size_t fingerprint_len(enum fingerprint_hash hash);
/*
 * "sha-256 AA:BB:...". Letters of either case. -ERR_SYNTAX: not a name and pairs of hex digits of
 * the hash's length; -ERR_UNSUPPORTED: well formed, but of a hash that is not trusted (md5, sha-1).
 */
MUST_CHECK int fingerprint_parse(struct slice text, struct fingerprint *fp_r);
/* The text of it, upper-case. */
void fingerprint_build(struct bytes *out, const struct fingerprint *fp);
/*
 * Add one text. 0 also for one of an untrusted hash, which is left out (a peer may give several,
 * 5.1); -ERR_SYNTAX, -ERR_LIMIT.
 */
MUST_CHECK int fingerprint_list_add(struct fingerprint_list *list, struct slice text);
/*
 * Pins in a setting: comma-separated texts, "AA:BB:..." alone being SHA-256. -ERR_SYNTAX (also an
 * untrusted hash), -ERR_LIMIT.
 */
MUST_CHECK int fingerprint_list_read(struct fingerprint_list *list_r, const char *text);
/* The strongest hash in the list, 0 in an empty one: only values of it count (RFC 8122 5.1). */
enum fingerprint_hash fingerprint_list_hash(const struct fingerprint_list *list);
bool fingerprint_list_has(const struct fingerprint_list *list, const struct fingerprint *fp);

#endif
