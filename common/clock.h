/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stddef.h>
#include <stdint.h>

uint64_t clock_now_ms(void);  /* monotonic */
uint64_t clock_now_us(void);  /* monotonic */
uint64_t clock_wall_ms(void); /* since 1970, UTC */
uint64_t clock_cpu_ms(void);  /* that this process has used */

/* "2026-02-01T10:00:00Z" (RFC 3339, UTC, seconds) of a wall time; buf holds CLOCK_RFC3339_SIZE. */
#define CLOCK_RFC3339_SIZE 32
const char *clock_rfc3339(uint64_t wall_ms, char buf[CLOCK_RFC3339_SIZE]);

#endif
