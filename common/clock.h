/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "common/slice.h"

uint64_t clock_now_ms(void);  /* monotonic */
uint64_t clock_now_us(void);  /* monotonic */
uint64_t clock_wall_ms(void); /* since 1970, UTC */
uint64_t clock_wall_us(void);
uint64_t clock_cpu_ms(void); /* that this process has used */

/* "2026-02-01T10:00:00Z" (RFC 3339, UTC, seconds) of a wall time; buf holds CLOCK_RFC3339_SIZE. */
#define CLOCK_RFC3339_SIZE 32
const char *clock_rfc3339(uint64_t wall_ms, char buf[CLOCK_RFC3339_SIZE]);
/* The same with milliseconds: "2026-02-01T10:00:00.123Z". */
const char *clock_rfc3339_ms(uint64_t wall_ms, char buf[CLOCK_RFC3339_SIZE]);
/*
 * Microseconds since 1970 of such a text, with any fraction and any zone (RFC 3339 5.6); a leap second is
 * the one before it. -ERR_SYNTAX, also for years before 1970.
 */
MUST_CHECK int clock_rfc3339_parse(struct slice text, uint64_t *wall_us_r);

#endif
