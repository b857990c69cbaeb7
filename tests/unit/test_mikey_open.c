/* SPDX-License-Identifier: Apache-2.0 */
/* What is authentic in MIKEY: bits turned, other keys, other messages' confirmations, key data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mikey_rig.h"

static void one_bit_turned_anywhere_is_never_accepted(void **state)
{
	(void)state;
	for (size_t k = 0; k < RIG_ALL; k++) {
		struct mikey_init init = rig_any(k);
		struct bytes b = rig_build(&init);

		for (size_t bit = 0; bit < 8 * b.len; bit++) {
			struct mikey_key key;
			struct mikey m;

			b.data[bit / 8] = (char)(b.data[bit / 8] ^ 1 << bit % 8);
			if (rig_read(&b, &m) == 0)
				assert_true(mikey_open(&m, rig_psk(), &key) < 0);
			b.data[bit / 8] = (char)(b.data[bit / 8] ^ 1 << bit % 8);
		}
		bytes_fini(&b);
	}
}

/* covers: MIKEY-012 */
static void one_bit_turned_in_a_confirmation_is_never_believed(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct mikey_init init = rig_any(k);
		struct bytes b = rig_build(&init), r = BYTES_INIT;
		struct mikey m, v;

		assert_int_equal(rig_read(&b, &m), 0);
		mikey_build_verify(&m, rig_psk(), &r);
		for (size_t bit = 0; bit < 8 * r.len; bit++) {
			r.data[bit / 8] = (char)(r.data[bit / 8] ^ 1 << bit % 8);
			if (rig_read(&r, &v) == 0)
				assert_true(mikey_check_verify(&v, &m, rig_psk()) < 0);
			r.data[bit / 8] = (char)(r.data[bit / 8] ^ 1 << bit % 8);
		}
		assert_int_equal(rig_read(&r, &v), 0);
		assert_int_equal(mikey_check_verify(&v, &m, rig_psk()), 0);
		bytes_fini(&b);
		bytes_fini(&r);
	}
}

/* covers: MIKEY-003 */
static void another_members_key_opens_nothing(void **state)
{
	const struct slice other = slice_make(rig_other_psk, sizeof(rig_other_psk));

	(void)state;
	for (size_t k = 0; k < RIG_ALL; k++) {
		struct mikey_init init = rig_any(k);
		struct bytes b = rig_build(&init);
		struct mikey_key key = {.tek_size = 77};
		struct mikey m;

		assert_int_equal(rig_read(&b, &m), 0);
		assert_int_equal(mikey_open(&m, other, &key), -ERR_DENIED);
		assert_int_equal(key.tek_size, 77);
		/* What was denied leaves no trace: the right key opens it still. */
		assert_int_equal(mikey_open(&m, rig_psk(), &key), init.tek.len ? 1 : 0);
		bytes_fini(&b);
	}
}

/* covers: MIKEY-009 */
static void each_message_has_keys_of_its_own(void **state)
{
	struct mikey_init init = rig_member_key(GKE_SUITE_B);
	uint8_t other_rand[MIKEY_RAND_SIZE] = {0x99};
	struct mikey_keys a, b, c;

	(void)state;
	mikey_derive(init.suite, rig_psk(), init.csb_id, slice_make(rig_rand, 16), &a);
	mikey_derive(init.suite, rig_psk(), init.csb_id + 1, slice_make(rig_rand, 16), &b);
	mikey_derive(init.suite, rig_psk(), init.csb_id, slice_make(other_rand, 16), &c);
	assert_memory_not_equal(a.encr, b.encr, sizeof(a.encr));
	assert_memory_not_equal(a.encr, c.encr, sizeof(a.encr));
	assert_memory_not_equal(a.auth, b.auth, sizeof(a.auth));
	assert_memory_not_equal(a.auth, c.auth, sizeof(a.auth));
	assert_memory_not_equal(a.auth, a.encr, sizeof(a.auth));
}

/* RFC 3830 4.1.2: a long key is cut into blocks of 256 bits, the last one shorter; every octet counts. */
static void long_and_short_keys_count_to_their_last_octet(void **state)
{
	uint8_t psk[65] = {1};

	(void)state;
	for (size_t len = 1; len <= sizeof(psk); len++) {
		struct mikey_keys a, b;

		mikey_derive(GKE_SUITE_A, slice_make(psk, len), 1, slice_make(rig_rand, 16), &a);
		psk[len - 1] ^= 1;
		mikey_derive(GKE_SUITE_A, slice_make(psk, len), 1, slice_make(rig_rand, 16), &b);
		psk[len - 1] ^= 1;
		assert_memory_not_equal(a.auth, b.auth, 20);
	}
}

static void confirmations_of_other_messages_do_not_count(void **state)
{
	struct mikey_init init = rig_member_key(GKE_SUITE_B);
	struct bytes first = rig_build(&init), r = BYTES_INIT, other = BYTES_INIT;
	struct mikey m, v, o;

	(void)state;
	assert_int_equal(rig_read(&first, &m), 0);
	mikey_build_verify(&m, rig_psk(), &r);
	assert_int_equal(rig_read(&r, &v), 0);
	for (int what = 0; what < 5; what++) {
		struct mikey_init changed = init;

		changed.t += what == 0;
		changed.csb_id += what == 1;
		if (what == 2)
			changed = rig_member_key(GKE_SUITE_A);
		if (what == 3)
			changed.idrr = SLICE_LIT("sip:bob@example.com");
		changed.v = what != 4;
		other = rig_build(&changed);
		assert_int_equal(rig_read(&other, &o), 0);
		assert_int_equal(mikey_check_verify(&v, &o, rig_psk()), -ERR_SYNTAX);
		bytes_fini(&other);
	}
	/* Another sender or another RAND cannot be seen in it, but is in its MAC or the key of that. */
	init.idri = SLICE_LIT("sip:other@conf.example.com");
	other = rig_build(&init);
	assert_int_equal(rig_read(&other, &o), 0);
	assert_int_equal(mikey_check_verify(&v, &o, rig_psk()), -ERR_DENIED);
	bytes_fini(&other);
	bytes_fini(&first);
	bytes_fini(&r);
}

static void a_message_is_no_confirmation_and_a_confirmation_no_message(void **state)
{
	struct mikey_init init = rig_member_key(GKE_SUITE_B);
	struct bytes b = rig_build(&init), r = BYTES_INIT;
	struct mikey_key key;
	struct mikey m, v;

	(void)state;
	assert_int_equal(rig_read(&b, &m), 0);
	mikey_build_verify(&m, rig_psk(), &r);
	assert_int_equal(rig_read(&r, &v), 0);
	assert_int_equal(mikey_open(&v, rig_psk(), &key), -ERR_SYNTAX);
	assert_int_equal(mikey_check_verify(&m, &m, rig_psk()), -ERR_SYNTAX);
	assert_int_equal(mikey_check_verify(&v, &v, rig_psk()), -ERR_SYNTAX);
	bytes_fini(&b);
	bytes_fini(&r);
}

/* A responder may leave out its name (RFC 3830 3.1); the MAC holds it all the same. */
static void a_confirmation_without_a_name_is_believed(void **state)
{
	struct mikey_init init = rig_member_key(GKE_SUITE_B);
	struct bytes b = rig_build(&init), r = BYTES_INIT, shorter = BYTES_INIT;
	uint8_t mac[MIKEY_MAC_MAX];
	struct mikey m, v;

	(void)state;
	assert_int_equal(rig_read(&b, &m), 0);
	mikey_build_verify(&m, rig_psk(), &r);
	bytes_add(&shorter, r.data, 20); /* HDR and T */
	shorter.data[10] = MIKEY_NEXT_V;
	bytes_add_u8(&shorter, MIKEY_NEXT_LAST);
	bytes_add_u8(&shorter, 2);
	mikey_verify_mac(&m, rig_psk(), bytes_slice(&shorter), mac);
	bytes_add(&shorter, mac, sizeof(mac));
	assert_int_equal(rig_read(&shorter, &v), 0);
	assert_int_equal(v.idrr.len, 0);
	assert_int_equal(mikey_check_verify(&v, &m, rig_psk()), 0);
	bytes_fini(&b);
	bytes_fini(&r);
	bytes_fini(&shorter);
}

/* Make a message whose MAC is right and whose key data has the octet `at` changed. */
static int open_changed(enum gke_suite suite, size_t at, uint8_t change)
{
	struct mikey_init init = rig_member_key(suite);
	struct bytes b = rig_build(&init);
	struct mikey_key key;
	struct mikey_keys keys;
	uint8_t mac[MIKEY_MAC_MAX];
	struct slice part;
	struct mikey m;
	int result;

	assert_int_equal(rig_read(&b, &m), 0);
	b.data[m.kemac.ptr - b.data + (ptrdiff_t)at] ^= (char)change; /* a stream cipher */
	mikey_derive(suite, rig_psk(), m.csb_id, m.rand, &keys);
	part = slice_first(m.raw, m.raw.len - m.mac.len);
	mikey_mac(suite, &keys, &part, 1, mac);
	memcpy(b.data + (m.mac.ptr - b.data), mac, m.mac.len);
	assert_int_equal(rig_read(&b, &m), 0);
	result = mikey_open(&m, rig_psk(), &key);
	bytes_fini(&b);
	return result;
}

/* covers: MIKEY-011 */
static void key_data_of_another_shape_is_refused_under_a_right_mac(void **state)
{
	(void)state;
	for (enum gke_suite suite = GKE_SUITE_B; suite <= GKE_SUITE_A; suite++) {
		size_t tek = gke_tek_size(suite);

		assert_int_equal(open_changed(suite, 0, 20), -ERR_SYNTAX);      /* one more key */
		assert_int_equal(open_changed(suite, 1, 0x20), -ERR_SYNTAX);    /* TGK */
		assert_int_equal(open_changed(suite, 1, 0x01), -ERR_SYNTAX);    /* no SPI */
		assert_int_equal(open_changed(suite, 2, 1), -ERR_SYNTAX);       /* key length */
		assert_int_equal(open_changed(suite, 3, 0x10), -ERR_SYNTAX);    /* key length */
		assert_int_equal(open_changed(suite, 4 + tek, 1), -ERR_SYNTAX); /* SPI length */
		assert_int_equal(open_changed(suite, 4 + tek + 12, 7), -ERR_SYNTAX); /* epoch 0 */
		assert_int_equal(open_changed(suite, 4, 1), 1); /* another TEK */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_bit_turned_anywhere_is_never_accepted),
		cmocka_unit_test(one_bit_turned_in_a_confirmation_is_never_believed),
		cmocka_unit_test(another_members_key_opens_nothing),
		cmocka_unit_test(each_message_has_keys_of_its_own),
		cmocka_unit_test(long_and_short_keys_count_to_their_last_octet),
		cmocka_unit_test(confirmations_of_other_messages_do_not_count),
		cmocka_unit_test(a_message_is_no_confirmation_and_a_confirmation_no_message),
		cmocka_unit_test(a_confirmation_without_a_name_is_believed),
		cmocka_unit_test(key_data_of_another_shape_is_refused_under_a_right_mac),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
