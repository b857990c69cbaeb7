/* SPDX-License-Identifier: Apache-2.0 */
/* Latencies as a histogram: constant memory, whatever the load. */
#include "latency.h"

#define FINE_US   25u
#define COARSE_US 5000u
#define LIMIT_US  (LATENCY_FINE * FINE_US) /* of the fine ones */
#define LAST      (LATENCY_FINE + LATENCY_COARSE)

void latency_add(struct latency *l, uint64_t us)
{
	uint64_t at = us < LIMIT_US ? us / FINE_US : LATENCY_FINE + (us - LIMIT_US) / COARSE_US;

	l->buckets[at < LAST ? at : LAST]++;
	l->n++;
	l->longest_us = us > l->longest_us ? us : l->longest_us;
}

uint64_t latency_at(const struct latency *l, double p)
{
	uint64_t seen = 0, want = (uint64_t)((double)l->n * p);

	for (uint64_t i = 0; i < LAST; i++) {
		seen += l->buckets[i];
		if (seen >= want)
			return i < LATENCY_FINE ? (i + 1) * FINE_US
						: LIMIT_US + (i + 1 - LATENCY_FINE) * COARSE_US;
	}
	return l->longest_us;
}
