/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_RATE_H
#define COMMON_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* How much of something one sender may do: token buckets and what happens above. Pure; time is given. */

#define RATE_BURST_S  10   /* a bucket holds what its rate gives in that many seconds */
#define RATE_ONE      1000 /* cost of one, in thousandths of a token */
#define RATE_REFUSALS 100  /* after so many the sender is not read from for a while */
#define RATE_PAUSE_MS 1000
#define RATE_PAUSES   10 /* after so many it is let go */

/* Zeroed: full at its first use. */
struct rate {
	int64_t level; /* thousandths of a token; below 0: owed */
	uint64_t at_ms;
};

/* Take cost (thousandths of a token) if it is there. per_s 0: always. */
bool rate_take(struct rate *r, uint64_t per_s, uint64_t cost, uint64_t now_ms);
/* Take n tokens in any case; returns after how many ms nothing is owed any more. per_s 0: 0. */
uint64_t rate_spend(struct rate *r, uint64_t per_s, uint64_t n, uint64_t now_ms);

/* A bucket, and how often its owner was told to stop. Zeroed at first. */
struct rate_conduct {
	struct rate bucket;
	unsigned n_refused, n_paused;
	uint64_t paused_until_ms; /* what comes until then was under way already */
};
enum rate_verdict {
	RATE_PASS,
	RATE_REFUSE,
	RATE_PAUSE, /* refuse, and do not read for RATE_PAUSE_MS */
	RATE_CLOSE  /* refuse, and let it go */
};
/* Judge one more. Whoever comes back to half of its bucket is forgiven. */
enum rate_verdict rate_judge(struct rate_conduct *c, uint64_t per_s, uint64_t cost,
			     uint64_t now_ms);

#endif
