/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/clock: both clocks and the RFC 3339 form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/clock.h"

static void the_monotonic_clock_does_not_go_back(void **state)
{
	uint64_t us = clock_now_us(), ms = clock_now_ms();

	(void)state;
	assert_true(ms >= us / 1000);
	assert_true(clock_now_us() >= us);
}

static void wall_times_print_as_rfc_3339(void **state)
{
	char buf[CLOCK_RFC3339_SIZE];

	(void)state;
	assert_string_equal(clock_rfc3339(0, buf), "1970-01-01T00:00:00Z");
	assert_string_equal(clock_rfc3339(1769940000999u, buf), "2026-02-01T10:00:00Z");
	assert_string_equal(clock_rfc3339(951827696000u, buf), "2000-02-29T12:34:56Z");
	assert_in_range(strlen(clock_rfc3339(UINT64_MAX, buf)), 20, CLOCK_RFC3339_SIZE - 1);
	assert_true(clock_wall_ms() > 1600000000000u);
}

static uint64_t parsed(const char *text)
{
	uint64_t us = 0;

	return clock_rfc3339_parse(slice_str(text), &us) == 0 ? us : 0;
}

static void rfc_3339_times_are_read(void **state)
{
	static const char *const bad[] = {
		"",
		"2026-02-01",
		"2026-02-01T10:00:00",
		"2026-02-29T10:00:00Z",
		"2026-13-01T10:00:00Z",
		"2026-02-01T24:00:00Z",
		"2026-02-01T10:60:00Z",
		"2026-02-01T10:00:61Z",
		"2026-02-01T10:00:00.Z",
		"2026-02-01T10:00:00Zx",
		"2026-02-01T10:00:00+1:00",
		"2026-02-01T10:00:00+24:00",
		"2026-02-01 10:00:00Z",
		"1969-12-31T23:59:59Z",
		"226-02-01T10:00:00Z",
	};
	char buf[CLOCK_RFC3339_SIZE];

	(void)state;
	assert_int_equal(parsed("2026-02-01T10:00:00Z"), 1769940000000000u);
	assert_int_equal(parsed("2026-02-01t10:00:00.123z"), 1769940000123000u);
	assert_int_equal(parsed("2026-02-01T10:00:00.12345678Z"), 1769940000123456u);
	assert_int_equal(parsed("2026-02-01T12:30:00+02:30"), 1769940000000000u);
	assert_int_equal(parsed("2026-02-01T02:00:00-08:00"), 1769940000000000u);
	assert_int_equal(parsed("2016-12-31T23:59:60Z"), parsed("2016-12-31T23:59:59Z"));
	assert_int_equal(parsed(clock_rfc3339_ms(1769940000042u, buf)), 1769940000042000u);
	assert_string_equal(buf, "2026-02-01T10:00:00.042Z");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parsed(bad[i]), 0);
	assert_true(clock_wall_us() / 1000 >= clock_wall_ms() - 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_monotonic_clock_does_not_go_back),
		cmocka_unit_test(wall_times_print_as_rfc_3339),
		cmocka_unit_test(rfc_3339_times_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
