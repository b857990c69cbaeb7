/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sorted array: 16 octets for a leg, found by bisection.
 */
#include "mrfp/legindex.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

#define CAP_MIN 4

/* Where key is or belongs. */
static uint32_t place_of(const struct legindex *ix, uint64_t key)
{
	uint32_t low = 0, high = ix->n;

	if (high && ix->at[high - 1].key < key)
		return high;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (ix->at[mid].key < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void legindex_add(struct legindex *ix, uint64_t key, struct session *s)
{
	uint32_t at = place_of(ix, key);

	assert(at == ix->n || ix->at[at].key != key);
	if (ix->n == ix->cap) {
		ix->cap = ix->cap ? ix->cap * 2 : CAP_MIN;
		ix->at = xrealloc(ix->at, ix->cap * sizeof(*ix->at));
	}
	memmove(ix->at + at + 1, ix->at + at, (ix->n - at) * sizeof(*ix->at));
	ix->at[at] = (struct legindex_entry){key, s};
	ix->n++;
}

void legindex_remove(struct legindex *ix, uint64_t key)
{
	uint32_t at = place_of(ix, key);

	assert(at < ix->n && ix->at[at].key == key);
	ix->n--;
	memmove(ix->at + at, ix->at + at + 1, (ix->n - at) * sizeof(*ix->at));
	if (ix->n)
		return;
	free(ix->at);
	*ix = (struct legindex){0};
}

struct session *legindex_find(const struct legindex *ix, uint64_t key)
{
	uint32_t at = place_of(ix, key);

	return at < ix->n && ix->at[at].key == key ? ix->at[at].session : NULL;
}
