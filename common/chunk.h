/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CHUNK_H
#define COMMON_CHUNK_H

#include <stddef.h>
#include <stdint.h>

#include "common/slice.h"

/* Ref-counted immutable bytes. The only ref-counted object of the project. One thread only. */
struct chunk {
	uint32_t refs;
	uint32_t len;
	char data[];
};

/* New chunk of len bytes (≤ CHUNK_MAX, asserted), one reference, content for the caller to fill once. */
#define CHUNK_MAX (16u << 20)
struct chunk *chunk_new(size_t len);
struct chunk *chunk_from(struct slice s);
struct chunk *chunk_ref(struct chunk *c);
void chunk_unref(struct chunk **c); /* accepts NULL inside, nulls the pointer */
static inline struct slice chunk_slice(const struct chunk *c)
{
	return (struct slice){c->data, c->len};
}

#endif
