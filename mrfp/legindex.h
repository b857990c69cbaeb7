/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_LEGINDEX_H
#define MRFP_LEGINDEX_H

#include <stdint.h>

struct session;

/*
 * The legs of a context by a number of theirs, sorted: numbers are nearly always given in rising
 * order, so that adding is appending. Zero is empty. Owns no leg.
 */
struct legindex {
	struct legindex_entry {
		uint64_t key;
		struct session *session;
	} * at;
	uint32_t n, cap;
};

/* The key must be new. */
void legindex_add(struct legindex *ix, uint64_t key, struct session *s);
/* Frees the memory with the last one. */
void legindex_remove(struct legindex *ix, uint64_t key);
struct session *legindex_find(const struct legindex *ix, uint64_t key);

#endif
