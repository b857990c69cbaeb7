/* SPDX-License-Identifier: Apache-2.0 */
/* MIKEY against the vectors, octet by octet: derived keys, messages read and written, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/mem.h"
#include "proto/key_mgmt.h"
#include "proto/mikey_priv.h"
#include "vectors.h"

#define SUITE_A     "V2_mikey_unicast_suiteA"
#define SUITE_B     "V3_mikey_unicast_suiteB"
#define GROUP       "V4_mikey_group_rekey_suiteB"
#define KEY_REQUEST "V5_mikey_key_request_suiteB"

static const char *const all[] = {SUITE_A, SUITE_B, GROUP, KEY_REQUEST};

static struct vectors v;

static int load(void **state)
{
	(void)state;
	v = vectors_load();
	return 0;
}

static int drop(void **state)
{
	(void)state;
	vectors_drop(&v);
	return 0;
}

static uint64_t time_of(const char *object)
{
	struct vector t = vectors_get(&v, object, "ts");
	uint64_t value = 0;

	for (size_t i = 0; i < t.len; i++)
		value = value << 8 | (uint8_t)t.octets[i];
	return value;
}

/* covers: MIKEY-007 */
static void the_keys_of_a_message_are_those_of_the_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct vector message = vectors_get(&v, all[i], "message");
		struct vector psk = vectors_get(&v, all[i], "psk");
		struct vector encr = vectors_get(&v, all[i], "encr_key");
		struct vector auth = vectors_get(&v, all[i], "auth_key");
		struct vector salt = vectors_get(&v, all[i], "salt_key");
		struct mikey_keys keys;
		struct mikey m;

		assert_int_equal(mikey_parse(octets_of(&message), &m, NULL), 0);
		mikey_derive(m.suite, octets_of(&psk), m.csb_id, m.rand, &keys);
		assert_octets(slice_make(keys.encr, encr.len), octets_of(&encr));
		assert_octets(slice_make(keys.auth, auth.len), octets_of(&auth));
		assert_octets(slice_make(keys.salt, sizeof(keys.salt)), octets_of(&salt));
	}
}

/* A derivation apart from the messages of this profile, RFC 3830 4.1.4 with a RAND of 16 octets. */
static void the_derivation_of_rfc_3830_with_its_own_prf(void **state)
{
	uint8_t psk[32], rand[16];
	char wanted[VECTOR_MAX];
	struct mikey_keys keys;

	(void)state;
	for (size_t i = 0; i < 32; i++)
		psk[i] = (uint8_t)i;
	for (size_t i = 0; i < 16; i++)
		rand[i] = (uint8_t)(0xa0 + i);
	mikey_derive(GKE_SUITE_A, slice_make(psk, 32), 0x1a2b3c4d, slice_make(rand, 16), &keys);
	assert_octets(slice_make(keys.encr, 16), unhex("72bf549a41c82cd559262ac42adc0887", wanted));
	assert_octets(slice_make(keys.auth, 20),
		      unhex("990dc1127e0b52d4cb813a580c29c68e57141665", wanted));
	assert_octets(slice_make(keys.salt, 14), unhex("b63fb9e1f0fee68e3d93a9af906d", wanted));
}

static void every_message_is_read_and_opened(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct vector message = vectors_get(&v, all[i], "message");
		struct vector psk = vectors_get(&v, all[i], "psk");
		bool request = strcmp(all[i], KEY_REQUEST) == 0;
		struct mikey_key key;
		struct mikey m;

		assert_int_equal(mikey_parse(octets_of(&message), &m, NULL), 0);
		assert_int_equal(m.data_type, MIKEY_PSK_INIT);
		assert_int_equal(m.t, time_of(all[i]));
		assert_int_equal(m.suite, strcmp(all[i], SUITE_A) ? GKE_SUITE_B : GKE_SUITE_A);
		assert_int_equal(m.v, strcmp(all[i], SUITE_A) == 0 || strcmp(all[i], SUITE_B) == 0);
		assert_int_equal(mikey_open(&m, octets_of(&psk), &key), request ? 0 : 1);
		if (!request) {
			struct vector tek = vectors_get(&v, all[i], "tek");
			struct vector spi = vectors_get(&v, all[i], "spi");

			assert_octets(slice_make(key.tek, key.tek_size), octets_of(&tek));
			assert_octets(slice_make(key.gkid.octets, GKID_SIZE), octets_of(&spi));
			assert_int_equal(m.csb_id, gkid_csb_id(&key.gkid));
		}
	}
}

static void the_names_in_a_member_key(void **state)
{
	struct vector message = vectors_get(&v, SUITE_B, "message");
	struct mikey m;

	(void)state;
	assert_int_equal(mikey_parse(octets_of(&message), &m, NULL), 0);
	assert_true(slice_eq_str(m.idri, "sip:ks@conf.example.com"));
	assert_true(slice_eq_str(m.idrr, "sip:alice@example.com"));
	assert_true(slice_eq_str(m.idrpsk, "mk:alice:1"));
	assert_true(slice_eq_str(m.idrapp, "sip:room1@conf.example.com"));
	assert_int_equal(m.sdp_ids.len, 0);
	assert_int_equal(m.csb_id, 0xc0ffee08);
}

static void every_message_is_written_octet_by_octet(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct vector message = vectors_get(&v, all[i], "message");
		struct vector psk = vectors_get(&v, all[i], "psk");
		struct mikey_key key = {.tek_size = 0};
		struct bytes out = BYTES_INIT;
		struct mikey_init init;
		struct mikey m;

		assert_int_equal(mikey_parse(octets_of(&message), &m, NULL), 0);
		assert_true(mikey_open(&m, octets_of(&psk), &key) >= 0);
		init = (struct mikey_init){.suite = m.suite,
					   .csb_id = m.csb_id,
					   .v = m.v,
					   .t = m.t,
					   .rand = (const uint8_t *)m.rand.ptr,
					   .idri = m.idri,
					   .idrr = m.idrr,
					   .idrpsk = m.idrpsk,
					   .idrapp = m.idrapp,
					   .idrpsk_is_octets = m.idrpsk_is_octets,
					   .sdp_ids = m.sdp_ids,
					   .tek = slice_make(key.tek, key.tek_size),
					   .gkid = key.gkid};
		bytes_add_str(&out, "behind this");
		assert_int_equal(mikey_build_init(&init, octets_of(&psk), &out), 0);
		assert_octets(slice_from(bytes_slice(&out), 11), octets_of(&message));
		bytes_fini(&out);
	}
}

/* covers: MIKEY-012 */
static void confirmations_are_written_and_believed(void **state)
{
	static const char *const two[] = {SUITE_A, SUITE_B};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(two); i++) {
		struct vector message = vectors_get(&v, two[i], "message");
		struct vector psk = vectors_get(&v, two[i], "psk");
		struct vector wanted = vectors_get(&v, two[i], "verification");
		struct bytes out = BYTES_INIT;
		struct mikey init, r;

		assert_int_equal(mikey_parse(octets_of(&message), &init, NULL), 0);
		mikey_build_verify(&init, octets_of(&psk), &out);
		assert_octets(bytes_slice(&out), octets_of(&wanted));
		assert_int_equal(mikey_parse(octets_of(&wanted), &r, NULL), 0);
		assert_int_equal(r.data_type, MIKEY_PSK_VERIFY);
		assert_int_equal(r.t, init.t);
		assert_int_equal(mikey_check_verify(&r, &init, octets_of(&psk)), 0);
		bytes_fini(&out);
	}
}

/* covers: KM-001 */
static void the_lines_of_a_description_hold_the_messages(void **state)
{
	static const char *const pairs[][2] = {{"offer_key_request_text", KEY_REQUEST},
					       {"answer_key_message_text", SUITE_B}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		const char *line = vectors_text(&v, "V13_sdp_lines", pairs[i][0]);
		struct vector message = vectors_get(&v, pairs[i][1], "message");
		char *value = xstrdup(line + strlen("a=key-mgmt:"));
		struct bytes out = BYTES_INIT, ids = BYTES_INIT, text = BYTES_INIT;

		assert_int_equal(key_mgmt_read(&value, 1, &out, &ids), 1);
		assert_octets(bytes_slice(&out), octets_of(&message));
		assert_string_equal(bytes_cstr(&ids), "mikey");
		key_mgmt_build(bytes_slice(&out), &text);
		assert_string_equal(bytes_cstr(&text), value);
		free(value);
		bytes_fini(&out);
		bytes_fini(&ids);
		bytes_fini(&text);
	}
}

/* covers: MIKEY-001, MIKEY-002, MIKEY-007 */
static void the_negative_cases_are_refused(void **state)
{
	static const struct {
		const char *name;
		int err;
		enum mikey_error error;
	} cases[] = {
		{"mikey_trailing_octet", -ERR_SYNTAX, MIKEY_ERR_UNSPECIFIED},
		{"mikey_truncated", -ERR_SYNTAX, MIKEY_ERR_UNSPECIFIED},
		{"mikey_mixed_suite", -ERR_UNSUPPORTED, MIKEY_ERR_ENCR},
		{"mikey_version", -ERR_UNSUPPORTED, MIKEY_ERR_UNSPECIFIED},
		{"mikey_cs_count_255", -ERR_SYNTAX, MIKEY_ERR_UNSPECIFIED},
		{"mikey_srtp_map", -ERR_SYNTAX, MIKEY_ERR_UNSPECIFIED},
		{"mikey_idr_length_overflow", -ERR_SYNTAX, MIKEY_ERR_UNSPECIFIED},
		{"mikey_payload_chain", -ERR_SYNTAX, MIKEY_ERR_UNSPECIFIED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *hex = vectors_negative(&v, cases[i].name, "message");
		enum mikey_error error = MIKEY_ERR_AUTH;
		char octets[VECTOR_MAX];
		struct mikey m;

		assert_non_null(hex);
		assert_int_equal(mikey_parse(unhex(hex, octets), &m, &error), cases[i].err);
		assert_int_equal(error, cases[i].error);
	}
}

static void a_bad_mac_is_denied(void **state)
{
	const char *hex = vectors_negative(&v, "mikey_bad_mac", "message");
	struct vector psk = vectors_get(&v, SUITE_B, "psk");
	struct mikey_key key = {.tek_size = 99};
	char octets[VECTOR_MAX];
	struct mikey m;

	(void)state;
	assert_int_equal(mikey_parse(unhex(hex, octets), &m, NULL), 0);
	assert_int_equal(mikey_open(&m, octets_of(&psk), &key), -ERR_DENIED);
	assert_int_equal(key.tek_size, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_keys_of_a_message_are_those_of_the_vectors),
		cmocka_unit_test(the_derivation_of_rfc_3830_with_its_own_prf),
		cmocka_unit_test(every_message_is_read_and_opened),
		cmocka_unit_test(the_names_in_a_member_key),
		cmocka_unit_test(every_message_is_written_octet_by_octet),
		cmocka_unit_test(confirmations_are_written_and_believed),
		cmocka_unit_test(the_lines_of_a_description_hold_the_messages),
		cmocka_unit_test(the_negative_cases_are_refused),
		cmocka_unit_test(a_bad_mac_is_denied),
	};

	return cmocka_run_group_tests(tests, load, drop);
}
