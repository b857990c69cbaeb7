/* SPDX-License-Identifier: Apache-2.0 */
/* Multipart bodies: the first line is the Content-Type; parts lie inside the body and in order. */
#include <stdlib.h>

#include "proto/multipart.h"

#define MAX_PARTS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = slice_make(data, size), line;
	struct multipart_part parts[MAX_PARTS], whole = {0};
	size_t n;

	if (!slice_next(&all, '\n', &line))
		return 0;
	whole.content_type = slice_trim(line);
	whole.body = all;
	if (multipart_flatten(&whole, MAX_PARTS, parts, &n) < 0)
		return 0;
	if (n > MAX_PARTS)
		abort();
	for (size_t i = 0; i < n; i++) {
		struct slice b = parts[i].body;

		if (b.len > all.len ||
		    (b.len && (b.ptr < all.ptr || b.ptr + b.len > all.ptr + all.len)))
			abort();
		if (i > 0 && b.len && parts[i - 1].body.len &&
		    parts[i - 1].body.ptr + parts[i - 1].body.len > b.ptr)
			abort();
	}
	return 0;
}
