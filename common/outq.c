/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames that one stream still has to send, in order, with a ceiling in bytes. It holds one
 * reference on each frame; it knows no stream: the owner writes the iovecs and tells what went.
 */
#include "common/outq.h"

#include <assert.h>
#include <stdlib.h>

#include "common/mem.h"

void outq_init(struct outq *q, size_t max_bytes)
{
	*q = (struct outq){.max_bytes = max_bytes};
	STAILQ_INIT(&q->items);
}

/* What holding one frame costs. */
static uint64_t cost(const struct chunk *c)
{
	return c->len + sizeof(*c) + sizeof(struct outq_item) + 32;
}

static void pop(struct outq *q)
{
	struct outq_item *item = STAILQ_FIRST(&q->items);

	STAILQ_REMOVE_HEAD(&q->items, link);
	if (q->meter)
		meter_sub(q->meter, item->cls, cost(item->chunk));
	chunk_unref(&item->chunk);
	free(item);
	q->n_items--;
	q->offset = 0;
}

void outq_fini(struct outq *q)
{
	while (!STAILQ_EMPTY(&q->items))
		pop(q);
	q->n_bytes = 0;
}

int outq_push(struct outq *q, struct chunk *chunk_take, uint64_t tag)
{
	return outq_push_as(q, chunk_take, tag, 0);
}

int outq_push_as(struct outq *q, struct chunk *chunk_take, uint64_t tag, unsigned cls)
{
	struct outq_item *item;

	if (q->n_bytes > q->max_bytes || chunk_take->len > q->max_bytes - q->n_bytes) {
		chunk_unref(&chunk_take);
		return -ERR_LIMIT;
	}
	item = xcalloc(1, sizeof(*item));
	item->chunk = chunk_take;
	item->tag = tag;
	item->cls = (uint8_t)cls;
	if (q->meter)
		meter_add(q->meter, cls, cost(chunk_take));
	STAILQ_INSERT_TAIL(&q->items, item, link);
	q->n_items++;
	q->n_bytes += chunk_take->len;
	return 0;
}

int outq_iov(const struct outq *q, struct iovec *iov, int n)
{
	const struct outq_item *item;
	size_t skip = q->offset;
	int used = 0;

	STAILQ_FOREACH(item, &q->items, link) {
		if (used == n)
			break;
		iov[used].iov_base = item->chunk->data + skip;
		iov[used].iov_len = item->chunk->len - skip;
		skip = 0;
		used++;
	}
	return used;
}

void outq_sent(struct outq *q, size_t n, outq_sent_fn *sent, void *arg)
{
	struct outq_item *item;

	assert(n <= q->n_bytes);
	while ((item = STAILQ_FIRST(&q->items)) != NULL) {
		size_t left = item->chunk->len - q->offset;
		uint64_t tag = item->tag;

		if (n < left) {
			q->offset += n;
			q->n_bytes -= n;
			return;
		}
		n -= left;
		q->n_bytes -= left;
		pop(q);
		if (sent)
			sent(tag, arg);
	}
}
