/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one stream could not parse yet. Memory is taken when bytes are kept and given back when
 * the last one is consumed, so that thousands of idle streams cost nothing.
 */
#include "common/buf.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_CAP 256u

void buf_fini(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

static void move_to_front(struct buf *b)
{
	if (b->done == 0)
		return;
	memmove(b->data, b->data + b->done, b->end - b->done);
	b->parse -= b->done;
	b->end -= b->done;
	b->done = 0;
}

int buf_keep(struct buf *b, struct slice in, size_t max)
{
	size_t held = b->end - b->done;

	if (in.len > max || held > max - in.len)
		return -ERR_LIMIT;
	if (in.len == 0)
		return 0;
	if (in.len > b->cap - b->end)
		move_to_front(b);
	if (in.len > b->cap - b->end) {
		size_t cap = b->cap ? b->cap : FIRST_CAP;
		char *data;

		while (cap < held + in.len)
			cap *= 2;
		data = realloc(b->data, cap);
		if (!data)
			return -ERR_LIMIT;
		b->data = data;
		b->cap = cap;
	}
	memcpy(b->data + b->end, in.ptr, in.len);
	b->end += in.len;
	return 0;
}

void buf_consume(struct buf *b, size_t n)
{
	assert(n <= b->end - b->done);
	b->done += n;
	if (b->parse < b->done)
		b->parse = b->done;
	if (b->done == b->end)
		buf_fini(b);
}
