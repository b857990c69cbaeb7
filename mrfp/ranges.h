/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_RANGES_H
#define MRFP_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* Which octets of a message have come: at most RANGES_MAX separate pieces. Octets count from 1. */
#define RANGES_MAX 64
struct range {
	uint64_t start, end; /* both inclusive */
};
struct ranges {
	struct range first; /* the usual single piece; end 0: none */
	struct range *more; /* sorted, apart from each other and from first, all after it */
	size_t n_more;
};

void ranges_fini(struct ranges *r);
/* Octets start .. start+len-1 came. -ERR_LIMIT when there would be too many pieces. */
MUST_CHECK int ranges_add(struct ranges *r, uint64_t start, uint64_t len);
/* Are 1..len all there? */
bool ranges_complete(const struct ranges *r, uint64_t len);
/* Highest octet seen; 0 when none. */
uint64_t ranges_top(const struct ranges *r);

#endif
