/* SPDX-License-Identifier: Apache-2.0 */
/* Recipient lists: what can be read is written, and that must be readable and not change any more. */
#include <stdlib.h>

#include "proto/reslist.h"

#define MAX_ENTRIES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes first = BYTES_INIT, second = BYTES_INIT;
	struct reslist list, again;
	size_t n_names = 0;

	if (reslist_parse(slice_make(data, size), MAX_ENTRIES, &list) < 0)
		return 0;
	if (list.n_entries > MAX_ENTRIES)
		abort();
	reslist_build(&first, &list);
	if (reslist_parse(bytes_slice(&first), MAX_ENTRIES, &again) < 0)
		abort();
	reslist_build(&second, &again);
	if (!slice_eq(bytes_slice(&first), bytes_slice(&second)))
		abort();
	/* Again into the same list: nothing that names one user is new. */
	for (size_t i = 0; i < list.n_entries; i++)
		n_names += list.entries[i].count == 0;
	if (reslist_merge(slice_make(data, size), MAX_ENTRIES, &list) == 0) {
		for (size_t i = 0; i < list.n_entries; i++)
			n_names -= list.entries[i].count == 0;
		if (n_names != 0)
			abort();
	}
	reslist_fini(&list);
	reslist_fini(&again);
	bytes_fini(&first);
	bytes_fini(&second);
	return 0;
}
