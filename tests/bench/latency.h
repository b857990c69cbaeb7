/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_LATENCY_H
#define TESTS_BENCH_LATENCY_H

#include <stdint.h>

/* Latencies in buckets: of 25 us up to 100 ms, of 5 ms up to 5 s, one for the rest. */
#define LATENCY_FINE   4000
#define LATENCY_COARSE 980
struct latency {
	uint64_t n, longest_us, buckets[LATENCY_FINE + LATENCY_COARSE + 1];
};

void latency_add(struct latency *l, uint64_t us);
/* Upper end of the bucket below which the part p (0..1) of all lies. */
uint64_t latency_at(const struct latency *l, double p);

#endif
