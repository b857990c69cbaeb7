/* SPDX-License-Identifier: Apache-2.0 */
/* Group keys: names and their forms, what is derived from a TEK. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/mem.h"
#include "proto/gke.h"
#include "vectors.h"

static const uint8_t domain[GKID_DOMAIN_SIZE] = {0xc0, 0xff, 0xee, 1, 2, 3, 4, 5};

static void keys_are_those_of_the_vector(void **state)
{
	struct vectors v = vectors_load();
	struct vector tek = vectors_get(&v, "V1_kdf", "tek"),
		      name = vectors_get(&v, "V1_kdf", "gkid");
	struct vector wanted[4] = {
		vectors_get(&v, "V1_kdf", "kek128"), vectors_get(&v, "V1_kdf", "kek256"),
		vectors_get(&v, "V1_kdf", "mikey_psk"), vectors_get(&v, "V1_kdf", "file_ikm")};
	struct gke_keys keys;
	struct gkid id;

	(void)state;
	assert_int_equal(gkid_read(octets_of(&name), &id), 0);
	gke_derive(octets_of(&tek), &id, &keys);
	assert_octets(slice_make(keys.kek128, 16), octets_of(&wanted[0]));
	assert_octets(slice_make(keys.kek256, 32), octets_of(&wanted[1]));
	assert_octets(slice_make(keys.mikey, 32), octets_of(&wanted[2]));
	assert_octets(slice_make(keys.file, 32), octets_of(&wanted[3]));
	vectors_drop(&v);
}

static void another_epoch_has_other_keys_of_the_same_tek(void **state)
{
	const uint8_t tek[32] = {1};
	struct gkid a = gkid_make(domain, 7), b = gkid_make(domain, 8);
	struct gke_keys x, y;

	(void)state;
	gke_derive(slice_make(tek, 32), &a, &x);
	gke_derive(slice_make(tek, 32), &b, &y);
	assert_memory_not_equal(x.kek128, y.kek128, sizeof(x.kek128));
	assert_memory_not_equal(x.kek256, y.kek256, sizeof(x.kek256));
	assert_memory_not_equal(x.mikey, y.mikey, sizeof(x.mikey));
	assert_memory_not_equal(x.file, y.file, sizeof(x.file));
}

/* covers: GK-001 */
static void a_name_is_twelve_octets_domain_and_epoch(void **state)
{
	static const uint8_t octets[] = {0xc0, 0xff, 0xee, 1, 2, 3, 4, 5, 0, 0, 0, 7, 0};
	struct gkid made = gkid_make(domain, 7), read = {{1}};
	char hex[GKID_HEX_SIZE];

	(void)state;
	assert_int_equal(gkid_read(slice_make(octets, 12), &read), 0);
	assert_true(gkid_eq(&made, &read));
	assert_int_equal(gkid_epoch(&read), 7);
	gkid_hex(&read, hex);
	assert_string_equal(hex, "c0ffee010203040500000007");
	for (size_t len = 0; len <= sizeof(octets); len++) {
		int wanted = len == GKID_SIZE ? 0 : -ERR_SYNTAX;

		assert_int_equal(gkid_read(slice_make(octets, len), &read), wanted);
	}
	made = gkid_make(domain, 0x12345678);
	assert_int_equal(gkid_epoch(&made), 0x12345678);
}

static void epoch_zero_is_no_name(void **state)
{
	struct gkid zero = gkid_make(domain, 0), id;

	(void)state;
	assert_int_equal(gkid_read(slice_make(zero.octets, GKID_SIZE), &id), -ERR_SYNTAX);
	assert_int_equal(gkid_parse(slice_str("c0ffee010203040500000000"), &id), -ERR_SYNTAX);
}

static void hex_of_either_case_is_read_and_nothing_else(void **state)
{
	static const char *const bad[] = {"",
					  "c0ffee01020304050000000",
					  "c0ffee0102030405000000070",
					  "c0ffee01020304050000000g",
					  " 0ffee010203040500000007",
					  "0xffee010203040500000007"};
	struct gkid wanted = gkid_make(domain, 7), id;

	(void)state;
	assert_int_equal(gkid_parse(slice_str("C0FFee010203040500000007"), &id), 0);
	assert_true(gkid_eq(&id, &wanted));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(gkid_parse(slice_str(bad[i]), &id), -ERR_SYNTAX);
}

static void domains_and_epochs_are_told_apart(void **state)
{
	static const uint8_t other[GKID_DOMAIN_SIZE] = {0xc0, 0xff, 0xee, 1, 2, 3, 4, 6};
	struct gkid a = gkid_make(domain, 7), b = gkid_make(domain, 8), c = gkid_make(other, 7);

	(void)state;
	assert_true(gkid_same_domain(&a, &b));
	assert_false(gkid_eq(&a, &b));
	assert_false(gkid_same_domain(&a, &c));
	assert_false(gkid_eq(&a, &c));
}

static void the_csb_id_rises_with_the_epoch_and_wraps(void **state)
{
	static const uint8_t high[GKID_DOMAIN_SIZE] = {0xff, 0xff, 0xff, 0xff};
	struct gkid a = gkid_make(domain, 7), b = gkid_make(high, 3);

	(void)state;
	assert_int_equal(gkid_csb_id(&a), 0xc0ffee08);
	assert_int_equal(gkid_csb_id(&b), 2);
}

static void the_key_of_a_leg_is_that_of_the_vector(void **state)
{
	/* covers: SEC-014 */
	/* By HMAC of another implementation: of 80..9f, RAND 20..2f, CSB ID c0ffee08. */
	static const uint8_t wanted[GKE_LEG_PSK_SIZE] = {
		0x84, 0xa5, 0x17, 0x27, 0xb3, 0x1a, 0x96, 0xbf, 0x26, 0xe6, 0x4c,
		0x21, 0x7b, 0xd5, 0x94, 0x7d, 0x8a, 0x40, 0x7a, 0xfd, 0xe4, 0x93,
		0x27, 0x9d, 0xa3, 0xf3, 0x06, 0xcd, 0xd0, 0x4d, 0x43, 0x3e};
	uint8_t mk[32], rand[16];
	struct gke_leg leg, other;

	(void)state;
	for (size_t i = 0; i < sizeof(mk); i++)
		mk[i] = (uint8_t)(0x80 + i);
	for (size_t i = 0; i < sizeof(rand); i++)
		rand[i] = (uint8_t)(0x20 + i);
	gke_leg(slice_make(mk, sizeof(mk)), slice_make(rand, sizeof(rand)), 0xc0ffee08, &leg);
	assert_memory_equal(leg.psk, wanted, sizeof(wanted));
	assert_string_equal(leg.identity, "8676b66b306ecad53bf7ec89b685ef72");
	gke_leg(slice_make(mk, sizeof(mk)), slice_make(rand, sizeof(rand)), 0xc0ffee09, &other);
	assert_memory_not_equal(leg.psk, other.psk, sizeof(leg.psk));
	assert_string_not_equal(leg.identity, other.identity);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_those_of_the_vector),
		cmocka_unit_test(another_epoch_has_other_keys_of_the_same_tek),
		cmocka_unit_test(a_name_is_twelve_octets_domain_and_epoch),
		cmocka_unit_test(epoch_zero_is_no_name),
		cmocka_unit_test(hex_of_either_case_is_read_and_nothing_else),
		cmocka_unit_test(domains_and_epochs_are_told_apart),
		cmocka_unit_test(the_csb_id_rises_with_the_epoch_and_wraps),
		cmocka_unit_test(the_key_of_a_leg_is_that_of_the_vector),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
