/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_USAGE_H
#define TESTS_BENCH_USAGE_H

#include <stdint.h>

/* What a process uses, from /proc; pid 0: nothing. */
/* CPU time of all its threads, nanoseconds. */
uint64_t usage_cpu_ns(long pid);
/* A line of its status in kB, such as "VmRSS:". */
long usage_kb(long pid, const char *key);

#endif
