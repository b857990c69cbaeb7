/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two clocks. Only I/O modules and main loops read them; state and policy code is given
 * now_ms.
 */
#include "common/clock.h"

#include <stdio.h>
#include <string.h>
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

uint64_t clock_wall_us(void)
{
	return now_us(CLOCK_REALTIME);
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

const char *clock_rfc3339_ms(uint64_t wall_ms, char buf[CLOCK_RFC3339_SIZE])
{
	size_t len = strlen(clock_rfc3339(wall_ms, buf));

	if (len > 0)
		snprintf(buf + len - 1, CLOCK_RFC3339_SIZE - len + 1, ".%03uZ",
			 (unsigned int)(wall_ms % 1000u));
	return buf;
}

/* Exactly n digits at the front of *s, then `end` ('\0': nothing more); they are taken off. */
static bool take_digits(struct slice *s, size_t n, char end, int *value_r)
{
	size_t i = 0;
	int value = 0;

	for (; i < n && i < s->len && s->ptr[i] >= '0' && s->ptr[i] <= '9'; i++)
		value = value * 10 + (s->ptr[i] - '0');
	if (i < n || (end && (s->len <= n || s->ptr[n] != end)))
		return false;
	*s = slice_from(*s, end ? n + 1 : n);
	*value_r = value;
	return true;
}

/* Digits beyond microseconds do not count. */
static bool take_fraction(struct slice *s, uint64_t *us_r)
{
	uint64_t us = 0, unit = 100000;
	size_t i = 1;

	*us_r = 0;
	if (s->len == 0 || s->ptr[0] != '.')
		return true;
	for (; i < s->len && s->ptr[i] >= '0' && s->ptr[i] <= '9'; i++, unit /= 10)
		us += unit * (uint64_t)(s->ptr[i] - '0');
	*us_r = us;
	*s = slice_from(*s, i);
	return i > 1;
}

/* Seconds that the zone is ahead of UTC; all of s. */
static bool read_zone(struct slice s, int *ahead_r)
{
	int hours, minutes, sign;

	*ahead_r = 0;
	if (s.len == 1 && (s.ptr[0] == 'Z' || s.ptr[0] == 'z'))
		return true;
	if (s.len == 0 || (s.ptr[0] != '+' && s.ptr[0] != '-'))
		return false;
	sign = s.ptr[0] == '-' ? -1 : 1;
	s = slice_from(s, 1);
	if (!take_digits(&s, 2, ':', &hours) || !take_digits(&s, 2, '\0', &minutes) || s.len ||
	    hours > 23 || minutes > 59)
		return false;
	*ahead_r = sign * (hours * 3600 + minutes * 60);
	return true;
}

int clock_rfc3339_parse(struct slice text, uint64_t *wall_us_r)
{
	struct tm tm = {0}, back;
	uint64_t us;
	int64_t at;
	time_t utc;
	int ahead;

	if (!take_digits(&text, 4, '-', &tm.tm_year) || !take_digits(&text, 2, '-', &tm.tm_mon) ||
	    !take_digits(&text, 2, '\0', &tm.tm_mday) || text.len == 0 ||
	    (text.ptr[0] != 'T' && text.ptr[0] != 't'))
		return -ERR_SYNTAX;
	text = slice_from(text, 1);
	if (!take_digits(&text, 2, ':', &tm.tm_hour) || !take_digits(&text, 2, ':', &tm.tm_min) ||
	    !take_digits(&text, 2, '\0', &tm.tm_sec) || !take_fraction(&text, &us) ||
	    !read_zone(text, &ahead) || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return -ERR_SYNTAX;
	tm.tm_sec = tm.tm_sec == 60 ? 59 : tm.tm_sec;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	back = tm;
	utc = timegm(&back);
	if (back.tm_mon != tm.tm_mon || back.tm_mday != tm.tm_mday) /* no such day */
		return -ERR_SYNTAX;
	at = (int64_t)utc - ahead;
	if (at < 0)
		return -ERR_SYNTAX;
	*wall_us_r = (uint64_t)at * 1000000u + us;
	return 0;
}
