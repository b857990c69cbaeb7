/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/ue_crypto: bodies sealed, opened and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ue_crypto_rig.h"

/* --- bodies --- */

/* covers: CMS-001 */
static void each_message_has_a_key_and_a_nonce_of_its_own(void **state)
{
	struct pair *p = *state;
	struct bytes sealed = BYTES_INIT;
	struct cms_head a, b;
	char first[64];

	seal(p->alice, &to_room, T0, &sealed);
	assert_int_equal(cms_parse(bytes_slice(&sealed), &a), 0);
	memcpy(first, a.wrapped_key.ptr, a.wrapped_key.len);
	memcpy(first + a.wrapped_key.len, a.nonce.ptr, a.nonce.len);
	seal(p->alice, &to_room, T0, &sealed);
	assert_int_equal(cms_parse(bytes_slice(&sealed), &b), 0);
	assert_int_equal(b.cipher, CMS_AES128);
	assert_memory_not_equal(first, b.wrapped_key.ptr, b.wrapped_key.len);
	assert_memory_not_equal(first + b.wrapped_key.len, b.nonce.ptr, b.nonce.len);
	ue_crypto_cipher(p->alice, CMS_AES256);
	seal(p->alice, &to_room, T0, &sealed);
	assert_int_equal(cms_parse(bytes_slice(&sealed), &b), 0);
	assert_int_equal(b.cipher, CMS_AES256);
	assert_int_equal(open_at(p->bob, &sealed, &to_room, T0), 0);
	bytes_fini(&sealed);
}

/* covers: GK-009 */
static void a_message_opens_once(void **state)
{
	struct pair *p = *state;
	struct bytes sealed = BYTES_INIT;

	seal(p->alice, &to_room, T0, &sealed);
	assert_int_equal(open_at(p->bob, &sealed, &to_room, T0 + S), 0);
	assert_int_equal(open_at(p->bob, &sealed, &to_room, T0 + S), -ERR_EXISTS);
	assert_int_equal(open_at(p->bob, &sealed, &to_room, T0 + 2 * S), -ERR_EXISTS);
	bytes_fini(&sealed);
}

/* covers: GK-009 */
static void what_was_overtaken_by_63_still_opens(void **state)
{
	struct pair *p = *state;
	struct bytes first = BYTES_INIT, second = BYTES_INIT, other = BYTES_INIT;

	seal(p->alice, &to_room, T0, &first);
	seal(p->alice, &to_room, T0, &second);
	for (uint64_t i = 0; i < 63; i++) {
		seal(p->alice, &to_room, T0 + i * S, &other);
		assert_int_equal(open_at(p->bob, &other, &to_room, T0 + i * S), 0);
	}
	assert_int_equal(open_at(p->bob, &first, &to_room, T0), -ERR_EXISTS); /* too old to tell */
	assert_int_equal(open_at(p->bob, &second, &to_room, T0), 0);
	bytes_fini(&first);
	bytes_fini(&second);
	bytes_fini(&other);
}

/* covers: CMS-003 */
static void a_bit_flipped_anywhere_releases_nothing(void **state)
{
	struct pair *p = *state;
	struct bytes sealed = BYTES_INIT;

	seal(p->alice, &to_room, T0, &sealed);
	for (size_t bit = 0; bit < sealed.len * 8; bit++) {
		sealed.data[bit / 8] = (char)(sealed.data[bit / 8] ^ (1 << (bit % 8)));
		assert_true(open_at(p->bob, &sealed, &to_room, T0) < 0);
		sealed.data[bit / 8] = (char)(sealed.data[bit / 8] ^ (1 << (bit % 8)));
	}
	assert_int_equal(open_at(p->bob, &sealed, &to_room, T0), 0);
	bytes_fini(&sealed);
}

/* covers: CMS-010, GK-009 */
static void what_is_pasted_elsewhere_is_refused(void **state)
{
	static const struct ue_outer wrong[] = {
		{SLICE_LIT(BOB), SLICE_LIT(ROOM), SLICE_LIT("Zk3x9a")},
		{SLICE_LIT(ALICE), SLICE_LIT(OTHER), SLICE_LIT("Zk3x9a")},
		{SLICE_LIT(ALICE), SLICE_LIT(BOB), SLICE_LIT("Zk3x9a")},
		{SLICE_LIT(ALICE), SLICE_LIT(ROOM), SLICE_LIT("other")},
		{SLICE_NULL, SLICE_LIT(ROOM), SLICE_LIT("Zk3x9a")},
		{SLICE_LIT(ALICE), SLICE_NULL, SLICE_LIT("Zk3x9a")},
	};
	static const struct ue_outer other = {SLICE_LIT(ALICE), SLICE_LIT(OTHER), SLICE_LIT("x")};
	static const struct ue_outer private = {SLICE_LIT(ALICE), SLICE_LIT(BOB), SLICE_LIT("x")};
	static const struct ue_outer carols = {SLICE_LIT(ALICE), SLICE_LIT("sip:carol@example.com"),
					       SLICE_LIT("x")};
	struct pair *p = *state;
	struct bytes sealed = BYTES_INIT;

	seal(p->alice, &to_room, T0, &sealed);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(open_at(p->bob, &sealed, &wrong[i], T0), -ERR_DENIED);
	assert_int_equal(open_at(p->bob, &sealed, &to_room, T0), 0);
	seal(p->alice, &other, T0, &sealed); /* of another conference, in and out alike */
	assert_int_equal(open_at(p->bob, &sealed, &other, T0), -ERR_DENIED);
	seal(p->alice, &carols, T0, &sealed);
	assert_int_equal(open_at(p->bob, &sealed, &carols, T0), -ERR_DENIED);
	seal(p->alice, &private, T0, &sealed);
	assert_int_equal(open_at(p->bob, &sealed, &private, T0), 0);
	bytes_fini(&sealed);
}

/* covers: GK-009 */
static void time_must_be_now(void **state)
{
	struct pair *p = *state;
	struct bytes sealed = BYTES_INIT;

	seal(p->alice, &to_room, T0, &sealed);
	assert_int_equal(open_at(p->bob, &sealed, &to_room, T0 + 300 * S), 0);
	seal(p->alice, &to_room, T0, &sealed);
	assert_int_equal(open_at(p->bob, &sealed, &to_room, T0 + 301 * S), -ERR_STALE);
	seal(p->alice, &to_room, T0 + 301 * S, &sealed);
	assert_int_equal(open_at(p->bob, &sealed, &to_room, T0), -ERR_STALE);
	bytes_fini(&sealed);
}

/* A member whose number runs to the end is stuck; others are not. */
static void a_number_at_its_end_stops_its_device_alone(void **state)
{
	struct pair *p = *state;
	struct bytes sealed = BYTES_INIT;
	char when[CLOCK_RFC3339_SIZE];
	struct gkid seven = gkid_make(domain, 7);
	struct gke_inner in;
	const char *why;

	inner_of(&to_room, when, T0, &in);
	in.token = 99;
	in.seq = UINT64_MAX;
	assert_int_equal(ue_crypto_judge(p->bob, &seven, &in, &to_room, T0, &why), 0);
	in.seq = 5;
	assert_int_equal(ue_crypto_judge(p->bob, &seven, &in, &to_room, T0, &why), -ERR_EXISTS);
	seal(p->alice, &to_room, T0, &sealed);
	assert_int_equal(open_at(p->bob, &sealed, &to_room, T0), 0);
	for (uint32_t token = 100; token < 114; token++) { /* two are in use already */
		in.token = token;
		assert_int_equal(ue_crypto_judge(p->bob, &seven, &in, &to_room, T0, &why), 0);
	}
	in.token = 114;
	assert_int_equal(ue_crypto_judge(p->bob, &seven, &in, &to_room, T0, &why), -ERR_LIMIT);
	in.token = 100; /* known ones go on */
	in.seq++;
	assert_int_equal(ue_crypto_judge(p->bob, &seven, &in, &to_room, T0, &why), 0);
	bytes_fini(&sealed);
}

#define WITH_PAIR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PAIR(each_message_has_a_key_and_a_nonce_of_its_own),
		WITH_PAIR(a_message_opens_once),
		WITH_PAIR(what_was_overtaken_by_63_still_opens),
		WITH_PAIR(a_bit_flipped_anywhere_releases_nothing),
		WITH_PAIR(what_is_pasted_elsewhere_is_refused),
		WITH_PAIR(time_must_be_now),
		WITH_PAIR(a_number_at_its_end_stops_its_device_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
