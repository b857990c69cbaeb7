/* SPDX-License-Identifier: Apache-2.0 */
/* Sampling of typing indications: per sender, per room, and the idle that belongs to an active. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mrfp/sampler.h"

static const struct sampler_limits limits = {.interval_ms = 10000, .rate = 3};

/* covers: COMP-003 */
static void one_sender_is_active_once_an_interval(void **state)
{
	struct sampler_room room = {0};
	struct sampler_leg leg = {0};

	(void)state;
	assert_true(sampler_passes(&room, &leg, &limits, true, 50000));
	assert_false(sampler_passes(&room, &leg, &limits, true, 50001));
	assert_false(sampler_passes(&room, &leg, &limits, true, 59999));
	assert_true(sampler_passes(&room, &leg, &limits, true, 60000));
}

/* covers: COMP-003 */
static void an_idle_passes_when_its_active_did(void **state)
{
	struct sampler_room room = {0};
	struct sampler_leg leg = {0};

	(void)state;
	assert_false(sampler_passes(&room, &leg, &limits, false, 50000));
	assert_true(sampler_passes(&room, &leg, &limits, true, 50000));
	assert_true(sampler_passes(&room, &leg, &limits, false, 51000));
	assert_false(sampler_passes(&room, &leg, &limits, false, 51001));
	assert_false(sampler_passes(&room, &leg, &limits, true, 52000));
	assert_false(sampler_passes(&room, &leg, &limits, false, 53000));
}

/* covers: COMP-003 */
static void a_room_has_a_rate(void **state)
{
	struct sampler_room room = {0};
	struct sampler_leg legs[6] = {{0}};

	(void)state;
	for (int i = 0; i < 6; i++)
		assert_int_equal(sampler_passes(&room, &legs[i], &limits, true, 50000 + 10), i < 3);
	assert_false(sampler_passes(&room, &legs[3], &limits, true, 51009));
	assert_true(sampler_passes(&room, &legs[3], &limits, true, 51010));
	/* who was left out for the rate waits no interval, and has no idle to tell */
	assert_false(sampler_passes(&room, &legs[4], &limits, false, 51010));
	assert_true(sampler_passes(&room, &legs[4], &limits, true, 51011));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_sender_is_active_once_an_interval),
		cmocka_unit_test(an_idle_passes_when_its_active_did),
		cmocka_unit_test(a_room_has_a_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
