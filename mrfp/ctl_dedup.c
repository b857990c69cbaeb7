/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saved replies of the control link: a ring of the last 4096 in the order they were given, found
 * by a hash of the transaction id. Bounded in number and in octets.
 */
#include "mrfp/ctl_dedup.h"

#include <stdlib.h>
#include <uthash.h>

#include "common/mem.h"

struct reply {
	UT_hash_handle hh;
	uint32_t transaction;
	size_t len;
	char *data;
};

struct ctl_dedup {
	struct reply *by_id;
	struct reply *ring[CTL_DEDUP_MAX];
	size_t first, n; /* oldest, count */
	size_t n_bytes;
};

struct ctl_dedup *ctl_dedup_new(void)
{
	return xcalloc(1, sizeof(struct ctl_dedup));
}

static void drop_oldest(struct ctl_dedup *d)
{
	struct reply *r = d->ring[d->first];

	d->first = (d->first + 1) % CTL_DEDUP_MAX;
	d->n--;
	d->n_bytes -= r->len;
	HASH_DEL(d->by_id, r);
	free(r->data);
	free(r);
}

void ctl_dedup_reset(struct ctl_dedup *d)
{
	while (d->n)
		drop_oldest(d);
}

void ctl_dedup_free(struct ctl_dedup **d)
{
	if (!*d)
		return;
	ctl_dedup_reset(*d);
	free(*d);
	*d = NULL;
}

struct slice ctl_dedup_find(const struct ctl_dedup *d, uint32_t transaction)
{
	struct reply *r;

	HASH_FIND(hh, d->by_id, &transaction, sizeof(transaction), r);
	return r ? slice_make(r->data, r->len) : SLICE_NULL;
}

void ctl_dedup_save(struct ctl_dedup *d, uint32_t transaction, struct slice reply)
{
	struct reply *r;

	if (!reply.len || ctl_dedup_find(d, transaction).len)
		return;
	while (d->n && (d->n == CTL_DEDUP_MAX || d->n_bytes + reply.len > CTL_DEDUP_BYTES))
		drop_oldest(d);
	r = xcalloc(1, sizeof(*r));
	r->transaction = transaction;
	r->len = reply.len;
	r->data = slice_dup(reply);
	HASH_ADD(hh, d->by_id, transaction, sizeof(r->transaction), r);
	d->ring[(d->first + d->n++) % CTL_DEDUP_MAX] = r;
	d->n_bytes += reply.len;
}
