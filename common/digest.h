/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

#include "common/slice.h"

/* SHA-256 of a stream of bytes (OpenSSL). */
struct digest;
#define DIGEST_HEX_SIZE 65

struct digest *digest_new(void);
void digest_add(struct digest *d, struct slice bytes);
/* Lower-case hex, NUL-terminated; the digest is freed and nulled. */
void digest_finish(struct digest **d, char hex[DIGEST_HEX_SIZE]);

#endif
