/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two clocks. Only I/O modules and main loops read them; state and policy code is given
 * now_ms.
 */
#include "common/clock.h"

#include <time.h>

static uint64_t now_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

uint64_t clock_now_ms(void)
{
	return now_us(CLOCK_MONOTONIC) / 1000u;
}

uint64_t clock_now_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ms(void)
{
	return now_us(CLOCK_REALTIME) / 1000u;
}

uint64_t clock_cpu_ms(void)
{
	return now_us(CLOCK_PROCESS_CPUTIME_ID) / 1000u;
}

const char *clock_rfc3339(uint64_t wall_ms, char buf[CLOCK_RFC3339_SIZE])
{
	time_t seconds = (time_t)(wall_ms / 1000u);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) ||
	    strftime(buf, CLOCK_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		buf[0] = '\0';
	return buf;
}
