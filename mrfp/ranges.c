/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interval set of received octets (RFC 4975 7.3.1: any order, gaps, overlaps). In the usual case
 * it is one interval that grows and no memory.
 */
#include "mrfp/ranges.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

void ranges_fini(struct ranges *r)
{
	free(r->more);
	memset(r, 0, sizeof(*r));
}

static void remove_more(struct ranges *r, size_t i)
{
	memmove(&r->more[i], &r->more[i + 1], (r->n_more - i - 1) * sizeof(*r->more));
	if (--r->n_more == 0) {
		free(r->more);
		r->more = NULL;
	}
}

static bool touch(struct range a, struct range b)
{
	return a.start <= b.end + 1 && b.start <= a.end + 1;
}

static void join(struct range *a, struct range b)
{
	if (b.start < a->start)
		a->start = b.start;
	if (b.end > a->end)
		a->end = b.end;
}

int ranges_add(struct ranges *r, uint64_t start, uint64_t len)
{
	struct range in = {start, start + len - 1};
	size_t i = 0;

	if (!len)
		return 0;
	if (!r->first.end) {
		r->first = in;
		return 0;
	}
	if (!r->n_more && touch(r->first, in)) {
		join(&r->first, in);
		return 0;
	}
	if (r->n_more + 1 == RANGES_MAX)
		return -ERR_LIMIT;
	if (touch(r->first, in)) {
		join(&r->first, in);
		in = r->first;
	} else if (in.start < r->first.start) {
		struct range old = r->first;
		r->first = in;
		in = old;
	}
	while (i < r->n_more) {
		if (!touch(r->more[i], in)) {
			i++;
			continue;
		}
		join(&in, r->more[i]);
		remove_more(r, i);
	}
	if (touch(r->first, in)) {
		join(&r->first, in);
		return 0;
	}
	r->more = xrealloc(r->more, (r->n_more + 1) * sizeof(*r->more));
	for (i = r->n_more; i > 0 && r->more[i - 1].start > in.start; i--)
		r->more[i] = r->more[i - 1];
	r->more[i] = in;
	r->n_more++;
	return 0;
}

bool ranges_complete(const struct ranges *r, uint64_t len)
{
	return !len || (r->first.start == 1 && r->first.end >= len);
}

uint64_t ranges_top(const struct ranges *r)
{
	return r->n_more ? r->more[r->n_more - 1].end : r->first.end;
}
