/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/ue_marks: what is old stays old, here and over its text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "common/mem.h"
#include "ue/ue_marks.h"

#define KS    SLICE_LIT("sip:keys@conf.example.com")
#define ALICE SLICE_LIT("sip:alice@example.com")
#define BOB   SLICE_LIT("sip:bob@example.com")
#define LATER 1000000u

static int take(struct ue_marks *m, struct slice from, const char *id, uint32_t token, uint64_t seq,
		uint64_t now)
{
	return ue_marks_message(m,
				&(struct ue_marked){.from = from,
						    .id = slice_str(id),
						    .token = token,
						    .seq = seq,
						    .until_us = now + LATER},
				now);
}

/* Written and read again. */
static struct ue_marks *again(struct ue_marks *m)
{
	struct ue_marks *back = ue_marks_new();
	struct bytes text = BYTES_INIT, twice = BYTES_INIT;

	ue_marks_write(m, &text);
	assert_int_equal(ue_marks_read(back, bytes_slice(&text)), 0);
	ue_marks_write(back, &twice);
	assert_true(slice_eq(bytes_slice(&text), bytes_slice(&twice)));
	bytes_fini(&text);
	bytes_fini(&twice);
	ue_marks_free(&m);
	return back;
}

/* covers: MIKEY-006 */
static void the_last_time_of_each_key_server_is_known(void **state)
{
	struct ue_marks *m = ue_marks_new();

	(void)state;
	assert_true(ue_marks_last(m, KS) == 0 && ue_marks_own(m) == 0);
	ue_marks_take(m, KS, UINT64_MAX - 1);
	ue_marks_take(m, SLICE_LIT("sip:other\nown 7\n@example.com"), 7);
	ue_marks_take(m, KS, UINT64_MAX);
	ue_marks_set_own(m, 1234567890123456789u);
	m = again(m);
	assert_true(ue_marks_last(m, KS) == UINT64_MAX);
	assert_true(ue_marks_last(m, SLICE_LIT("sip:other\nown 7\n@example.com")) == 7);
	assert_true(ue_marks_last(m, SLICE_LIT("sip:third@example.com")) == 0);
	assert_true(ue_marks_own(m) == 1234567890123456789u);
	ue_marks_free(&m);
}

static void the_oldest_of_too_many_key_servers_gives_way(void **state)
{
	struct ue_marks *m = ue_marks_new();
	char name[32];

	(void)state;
	for (unsigned i = 0; i <= UE_MARKS_SERVERS; i++) {
		snprintf(name, sizeof(name), "sip:ks%u@example.com", i);
		ue_marks_take(m, slice_str(name), 1000 - i);
	}
	assert_true(ue_marks_last(m, SLICE_LIT("sip:ks0@example.com")) == 1000);
	assert_true(ue_marks_last(m, SLICE_LIT("sip:ks62@example.com")) == 938);
	assert_true(ue_marks_last(m, SLICE_LIT("sip:ks63@example.com")) == 0);
	assert_true(ue_marks_last(m, slice_str(name)) == 936);
	ue_marks_free(&m);
}

/* covers: GK-009, GK-011 */
static void a_message_is_fresh_once(void **state)
{
	struct ue_marks *m = ue_marks_new();

	(void)state;
	assert_int_equal(take(m, ALICE, "m1", 1, 10, 5), 0);
	assert_int_equal(take(m, ALICE, "m1", 1, 11, 6), -ERR_EXISTS); /* its Message-ID */
	assert_int_equal(take(m, ALICE, "m2", 1, 10, 6), -ERR_EXISTS); /* its number */
	assert_int_equal(take(m, SLICE_LIT("sip:alice@EXAMPLE.com;transport=tcp"), "m1", 3, 9, 6),
			 -ERR_EXISTS);
	assert_int_equal(take(m, BOB, "m1", 1, 10, 6), 0);
	assert_int_equal(take(m, ALICE, "m2", 2, 10, 6), 0);
	m = again(m);
	assert_int_equal(take(m, ALICE, "m1", 4, 12, 5 + LATER - 1), -ERR_EXISTS);
	assert_int_equal(take(m, ALICE, "m1", 4, 12, 5 + LATER), 0); /* its time is over */
	ue_marks_free(&m);
}

static void nobody_fills_the_place_of_the_others(void **state)
{
	struct ue_marks *m = ue_marks_new();
	char id[32], from[48];
	struct bytes text = BYTES_INIT;

	(void)state;
	for (unsigned i = 0; i < UE_MARKS_MESSAGES; i++) {
		snprintf(id, sizeof(id), "m%u", i);
		snprintf(from, sizeof(from), "sip:user%u@example.com", i / UE_MARKS_OF_ONE);
		if (i == UE_MARKS_OF_ONE)
			assert_int_equal(take(m, SLICE_LIT("sip:user0@example.com"), id, 1, i, 1),
					 -ERR_LIMIT);
		assert_int_equal(take(m, slice_str(from), id, UINT32_MAX, UINT64_MAX - i, 1), 0);
	}
	assert_int_equal(take(m, BOB, "m1", 1, 1, 1), -ERR_LIMIT);
	assert_int_equal(take(m, slice_str(from), id, 1, 1, 1), -ERR_EXISTS);
	ue_marks_write(m, &text);
	assert_true(text.len < UE_MARKS_TEXT_MAX);
	bytes_fini(&text);
	m = again(m);
	assert_int_equal(take(m, BOB, "m1", 1, 1, 1 + LATER), 0);
	ue_marks_free(&m);
}

static void a_text_that_is_not_whole_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"mrf-ue-state 1",
		"mrf-ue-state 2\nend\n",
		"end\n",
		"mrf-ue-state 1end\n",
		"mrf-ue-state 1\nown 1\n",
		"mrf-ue-state 1\nown 1 2\nend\n",
		"mrf-ue-state 1\nend\nown 1\n",
		"mrf-ue-state 1\nend\nown 1\nend\n",
		"mrf-ue-state 1\nown\nend\n",
		"mrf-ue-state 1\nown x\nend\n",
		"mrf-ue-state 1\nserver 1 sip:a@b\nend\n",
		"mrf-ue-state 1\nfoo 1\nend\n",
		"mrf-ue-state 1\nseen 1 2 3 4 5\nend\n",
		"mrf-ue-state 1\nown 18446744073709551616\nend\n",
	};
	struct ue_marks *m = ue_marks_new();
	struct bytes text = BYTES_INIT;

	(void)state;
	ue_marks_take(m, KS, 7);
	assert_int_equal(take(m, ALICE, "m1", 1, 10, 5), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(ue_marks_read(m, slice_str(bad[i])), -ERR_SYNTAX);
	ue_marks_write(m, &text);
	for (size_t n = 0; n < text.len; n++)
		assert_int_equal(ue_marks_read(m, slice_first(bytes_slice(&text), n)), -ERR_SYNTAX);
	assert_true(ue_marks_last(m, KS) == 7);
	assert_int_equal(take(m, ALICE, "m1", 1, 10, 5), -ERR_EXISTS);
	bytes_fini(&text);
	ue_marks_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_time_of_each_key_server_is_known),
		cmocka_unit_test(the_oldest_of_too_many_key_servers_gives_way),
		cmocka_unit_test(a_message_is_fresh_once),
		cmocka_unit_test(nobody_fills_the_place_of_the_others),
		cmocka_unit_test(a_text_that_is_not_whole_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
