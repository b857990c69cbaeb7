/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conference-info documents: what can be read is written, and that must be readable and must not
 * change any more.
 */
#include <stdlib.h>

#include "proto/confinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes first = BYTES_INIT, second = BYTES_INIT;
	struct confinfo_parsed *p, *again;

	if (confinfo_parse(slice_make(data, size), &p) < 0)
		return 0;
	confinfo_build(&first, confinfo_doc(p));
	if (confinfo_parse(bytes_slice(&first), &again) < 0)
		abort();
	confinfo_build(&second, confinfo_doc(again));
	if (!slice_eq(bytes_slice(&first), bytes_slice(&second)))
		abort();
	confinfo_free(&p);
	confinfo_free(&again);
	bytes_fini(&first);
	bytes_fini(&second);
	return 0;
}
