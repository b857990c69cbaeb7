/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_SECRET_BOX_H
#define COMMON_SECRET_BOX_H

#include <stdint.h>

#include "common/bytes.h"

/*
 * Secrets at rest: AES-256-GCM under a key that lies in a file of its own. Each seal has a random
 * nonce; `name` is authenticated with the content (which row of which table it is).
 */
#define SECRET_BOX_KEY_SIZE 32
#define SECRET_BOX_OVERHEAD 29 /* version, nonce, tag */

/* Appends. */
void secret_box_seal(const uint8_t key[SECRET_BOX_KEY_SIZE], struct slice name,
		     struct slice content, struct bytes *out);
/*
 * How many octets were written to content_r, which has room for `size` (the caller wipes it).
 * -ERR_DENIED: another key or name, or changed, nothing is written; -ERR_SYNTAX: it is no box;
 * -ERR_LIMIT: over size.
 */
MUST_CHECK int secret_box_open(const uint8_t key[SECRET_BOX_KEY_SIZE], struct slice name,
			       struct slice sealed, uint8_t *content_r, size_t size);

/*
 * The key of a file, as 64 hex digits in one line; a file that is absent is made (0600, random).
 * 1: made now; 0: read; -ERR_DENIED: others may read or write it; -ERR_SYNTAX: no such line; -ERR_IO with
 * errno. why: a sentence that names the file. The caller wipes the key.
 */
MUST_CHECK int secret_box_key_file(const char *path, uint8_t key_r[SECRET_BOX_KEY_SIZE], char *why,
				   size_t why_size);

#endif
