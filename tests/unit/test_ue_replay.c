/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/ue_replay: what was seen of each device of each member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ue/ue_replay.h"

#define ALICE SLICE_LIT("sip:alice@example.com")
#define BOB   SLICE_LIT("sip:bob@example.com")

/* covers: GK-009 */
static void each_device_has_a_window_of_its_own(void **state)
{
	struct ue_replay *r = ue_replay_new();

	(void)state;
	assert_int_equal(ue_replay_take(r, ALICE, 1, 100), 0);
	assert_int_equal(ue_replay_take(r, ALICE, 1, 100), -ERR_EXISTS);
	assert_int_equal(ue_replay_take(r, ALICE, 2, 100), 0);
	assert_int_equal(ue_replay_take(r, BOB, 1, 100), 0);
	assert_int_equal(
		ue_replay_take(r, SLICE_LIT("sip:alice@EXAMPLE.com;transport=tcp"), 1, 100),
		-ERR_EXISTS);
	assert_int_equal(ue_replay_take(r, ALICE, 1, 163), 0);
	assert_int_equal(ue_replay_take(r, ALICE, 1, 99), -ERR_EXISTS); /* 64 behind: not known */
	assert_int_equal(ue_replay_take(r, ALICE, 1, 101), 0);
	ue_replay_free(&r);
}

static void a_member_has_sixteen_devices(void **state)
{
	struct ue_replay *r = ue_replay_new();

	(void)state;
	for (uint32_t token = 0; token < UE_REPLAY_TOKENS; token++)
		assert_int_equal(ue_replay_take(r, ALICE, token, 1), 0);
	assert_int_equal(ue_replay_take(r, ALICE, UE_REPLAY_TOKENS, 1), -ERR_LIMIT);
	assert_int_equal(ue_replay_take(r, ALICE, 0, 2), 0);
	assert_int_equal(ue_replay_take(r, BOB, UE_REPLAY_TOKENS, 1), 0);
	ue_replay_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_device_has_a_window_of_its_own),
		cmocka_unit_test(a_member_has_sixteen_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
