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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_monotonic_clock_does_not_go_back),
		cmocka_unit_test(wall_times_print_as_rfc_3339),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
