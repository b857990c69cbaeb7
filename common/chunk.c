/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counted immutable bytes: a message body or a whole frame that several queues send. Filled once
 * by who made it, then only read.
 */
#include "common/chunk.h"

#include <assert.h>
#include <stdlib.h>

#include "common/mem.h"

struct chunk *chunk_new(size_t len)
{
	struct chunk *c;

	assert(len <= CHUNK_MAX);
	c = xrealloc(NULL, sizeof(*c) + len);
	c->refs = 1;
	c->len = (uint32_t)len;
	return c;
}

struct chunk *chunk_from(struct slice s)
{
	struct chunk *c = chunk_new(s.len);

	if (s.len)
		memcpy(c->data, s.ptr, s.len);
	return c;
}

struct chunk *chunk_ref(struct chunk *c)
{
	assert(c->refs > 0 && c->refs < UINT32_MAX);
	c->refs++;
	return c;
}

void chunk_unref(struct chunk **c)
{
	struct chunk *chunk = *c;

	*c = NULL;
	if (!chunk)
		return;
	assert(chunk->refs > 0);
	if (--chunk->refs == 0)
		free(chunk);
}
