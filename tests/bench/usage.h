/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_USAGE_H
#define TESTS_BENCH_USAGE_H

#include <stdint.h>

/* What a process uses, from /proc; pid 0: nothing. */
/* CPU time of all its threads, nanoseconds. */
uint64_t usage_cpu_ns(long pid);
/* The same by clock ticks, outside and inside the kernel: for shares in long runs. */
struct usage_ticks {
	long user, kernel;
};
struct usage_ticks usage_ticks(long pid);
/* A line of its status in kB, such as "VmRSS:". */
long usage_kb(long pid, const char *key);

#endif
