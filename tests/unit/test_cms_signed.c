/* SPDX-License-Identifier: Apache-2.0 */
/* Signed bodies and bodies sealed to persons: the vectors, other people's keys, changed and truncated ones, other shapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "gke_vectors.h"
#include "proto/cms.h"
#include "proto/cms_signed.h"
#include "proto/gke_body.h"

#define V9  "V9_signed_then_enveloped"
#define V10 "V10_message_two_recipients_kari"

static struct cms_cert *cert_of(const char *vector, const char *name)
{
	struct bytes pem = vector_text(vector, name);
	struct cms_cert *c;

	assert_int_equal(cms_cert_new(bytes_slice(&pem), &c), 0);
	bytes_fini(&pem);
	return c;
}

static struct cms_signer *signer_of(const char *who)
{
	char cert[32], key[32];
	struct bytes cert_pem, key_pem;
	struct cms_signer *s;

	snprintf(cert, sizeof(cert), "%s_cert_pem", who);
	snprintf(key, sizeof(key), "%s_key_pem", who);
	cert_pem = vector_text(V10, cert);
	key_pem = vector_text(V10, key);
	assert_int_equal(cms_signer_new(bytes_slice(&cert_pem), bytes_slice(&key_pem), &s), 0);
	bytes_fini(&cert_pem);
	bytes_fini(&key_pem);
	return s;
}

/* covers: CMS-007 */
static void the_signed_vector_is_verified(void **state)
{
	struct bytes der = vector_octets(V9, "der"), kek = vector_octets(V9, "kek");
	struct bytes expected = vector_octets(V9, "inner_entity");
	struct bytes entity = BYTES_INIT, content = BYTES_INIT;
	struct cms_cert *alice = cert_of(V9, "signer_cert_pem"),
			*bob = cert_of(V10, "bob_cert_pem");
	struct gke_inner inner;
	struct cms_head head;
	struct slice sig;

	(void)state;
	assert_int_equal(cms_parse(bytes_slice(&der), &head), 0);
	assert_int_equal(cms_open(&head, bytes_slice(&kek), &entity), 0);
	assert_int_equal(gke_inner_parse(bytes_slice(&entity), &inner, &sig), -ERR_UNSUPPORTED);
	/* Any member holds the group's key; only Alice signs as Alice. */
	assert_int_equal(cms_verify(sig, bob, &content), -ERR_DENIED);
	assert_int_equal(content.len, 0);
	assert_int_equal(cms_verify(sig, alice, &content), 0);
	assert_true(slice_eq(bytes_slice(&content), bytes_slice(&expected)));
	bytes_fini(&der);
	bytes_fini(&kek);
	bytes_fini(&expected);
	bytes_fini(&entity);
	bytes_fini(&content);
	cms_cert_free(&alice);
	cms_cert_free(&bob);
}

/* covers: CMS-007 */
static void what_is_signed_is_verified_by_its_signer_alone(void **state)
{
	struct cms_signer *alice = signer_of("alice");
	struct cms_cert *her = cert_of(V10, "alice_cert_pem"), *his = cert_of(V10, "bob_cert_pem");
	static const char text[] = "a line\nanother\r\n\0 and an octet: \xff";
	const struct slice contents[] = {SLICE_NULL, slice_make(text, sizeof(text))};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct bytes der = BYTES_INIT, content = BYTES_INIT;

		assert_int_equal(cms_sign(alice, contents[i], &der), 0);
		assert_true(der.len <= contents[i].len + 310);
		assert_int_equal(cms_verify(bytes_slice(&der), her, &content), 0);
		assert_true(slice_eq(bytes_slice(&content), contents[i]));
		bytes_reset(&content);
		assert_int_equal(cms_verify(bytes_slice(&der), his, &content), -ERR_DENIED);
		assert_int_equal(content.len, 0);
		bytes_fini(&der);
		bytes_fini(&content);
	}
	cms_signer_free(&alice);
	cms_cert_free(&her);
	cms_cert_free(&his);
}

static void each_flipped_bit_and_each_cut_of_a_signed_body_is_refused(void **state)
{
	struct cms_signer *alice = signer_of("alice");
	struct cms_cert *her = cert_of(V10, "alice_cert_pem");
	struct bytes der = BYTES_INIT, content = BYTES_INIT;

	(void)state;
	assert_int_equal(cms_sign(alice, SLICE_LIT("hello"), &der), 0);
	for (size_t bit = 0; bit < der.len * 8; bit++) {
		der.data[bit / 8] ^= (char)(1 << bit % 8);
		assert_true(cms_verify(bytes_slice(&der), her, &content) < 0);
		der.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t n = 0; n < der.len; n++)
		assert_int_equal(cms_verify(slice_first(bytes_slice(&der), n), her, &content),
				 -ERR_SYNTAX);
	bytes_add_char(&der, 0);
	assert_int_equal(cms_verify(bytes_slice(&der), her, &content), -ERR_SYNTAX);
	assert_int_equal(content.len, 0);
	bytes_fini(&der);
	cms_signer_free(&alice);
	cms_cert_free(&her);
}

static void the_sealed_vector_opens_for_both(void **state)
{
	struct bytes der = vector_octets(V10, "der"), expected = vector_octets(V10, "plaintext");
	static const char *const who[] = {"alice", "bob"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct cms_signer *s = signer_of(who[i]);
		struct bytes plain = BYTES_INIT;

		assert_int_equal(cms_open_mine(bytes_slice(&der), s, &plain), 0);
		assert_true(slice_eq(bytes_slice(&plain), bytes_slice(&expected)));
		bytes_fini(&plain);
		cms_signer_free(&s);
	}
	bytes_fini(&der);
	bytes_fini(&expected);
}

static void what_is_sealed_to_persons_opens_for_them_alone(void **state)
{
	const uint8_t sha256kdf[] = {0x06, 0x06, 0x2b, 0x81, 0x04, 0x01, 0x0b, 0x01};
	struct cms_cert *bob_cert = cert_of(V10, "bob_cert_pem");
	struct cms_signer *alice = signer_of("alice"), *bob = signer_of("bob");
	const struct cms_cert *to[101];
	struct bytes der = BYTES_INIT, plain = BYTES_INIT;

	(void)state;
	for (size_t i = 0; i < 101; i++)
		to[i] = bob_cert;
	assert_int_equal(cms_seal_to(to, 1, SLICE_LIT("for bob"), &der), 0);
	assert_true(slice_find(bytes_slice(&der), slice_make(sha256kdf, sizeof(sha256kdf))) > 0);
	assert_int_equal(cms_open_mine(bytes_slice(&der), alice, &plain), -ERR_NOT_FOUND);
	assert_int_equal(plain.len, 0);
	assert_int_equal(cms_open_mine(bytes_slice(&der), bob, &plain), 0);
	assert_string_equal(bytes_cstr(&plain), "for bob");
	bytes_reset(&plain);
	assert_int_equal(cms_open_alone(bytes_slice(&der), alice, &plain), -ERR_NOT_FOUND);
	assert_int_equal(cms_open_alone(bytes_slice(&der), bob, &plain), 0);
	assert_int_equal(cms_seal_to(to, 0, SLICE_LIT("x"), &der), -ERR_LIMIT);
	assert_int_equal(cms_seal_to(to, 101, SLICE_LIT("x"), &der), -ERR_LIMIT);
	bytes_reset(&der);
	bytes_reset(&plain);
	assert_int_equal(cms_seal_to(to, 100, SLICE_LIT("x"), &der), 0);
	assert_int_equal(cms_open_alone(bytes_slice(&der), bob, &plain), -ERR_UNSUPPORTED);
	assert_int_equal(plain.len, 0);
	assert_int_equal(cms_open_mine(bytes_slice(&der), bob, &plain), 0);
	bytes_fini(&der);
	bytes_fini(&plain);
	cms_cert_free(&bob_cert);
	cms_signer_free(&alice);
	cms_signer_free(&bob);
}

static void each_flipped_bit_and_each_cut_of_a_sealed_body_is_refused(void **state)
{
	struct cms_cert *cert = cert_of(V10, "bob_cert_pem");
	const struct cms_cert *to[] = {cert};
	struct cms_signer *bob = signer_of("bob");
	struct bytes der = BYTES_INIT, plain = BYTES_INIT;

	(void)state;
	assert_int_equal(cms_seal_to(to, 1, SLICE_LIT("hello"), &der), 0);
	for (size_t bit = 0; bit < der.len * 8; bit++) {
		der.data[bit / 8] ^= (char)(1 << bit % 8);
		assert_true(cms_open_mine(bytes_slice(&der), bob, &plain) < 0);
		der.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t n = 0; n < der.len; n++)
		assert_true(cms_open_mine(slice_first(bytes_slice(&der), n), bob, &plain) < 0);
	assert_int_equal(plain.len, 0);
	assert_int_equal(cms_open_mine(bytes_slice(&der), bob, &plain), 0);
	bytes_fini(&der);
	bytes_fini(&plain);
	cms_cert_free(&cert);
	cms_signer_free(&bob);
}

/* The one is not taken for the other, nor a group's for a person's. */
static void other_types_are_refused(void **state)
{
	struct bytes group = vector_octets("V6_cms_aes128_gcm", "der");
	struct bytes sealed = vector_octets(V10, "der"), sig = vector_octets(V9, "signed_data_der");
	struct cms_cert *alice = cert_of(V10, "alice_cert_pem");
	struct cms_signer *bob = signer_of("bob");
	struct bytes out = BYTES_INIT;
	struct cms_head head;

	(void)state;
	assert_int_equal(cms_verify(bytes_slice(&sealed), alice, &out), -ERR_SYNTAX);
	assert_int_equal(cms_verify(bytes_slice(&group), alice, &out), -ERR_SYNTAX);
	assert_int_equal(cms_open_mine(bytes_slice(&sig), bob, &out), -ERR_SYNTAX);
	assert_int_equal(cms_open_mine(bytes_slice(&group), bob, &out), -ERR_SYNTAX);
	assert_int_equal(cms_parse(bytes_slice(&sealed), &head), -ERR_SYNTAX);
	assert_int_equal(cms_parse(bytes_slice(&sig), &head), -ERR_SYNTAX);
	assert_int_equal(out.len, 0);
	bytes_fini(&group);
	bytes_fini(&sealed);
	bytes_fini(&sig);
	cms_cert_free(&alice);
	cms_signer_free(&bob);
}

/* P-256 without a subject key identifier; RSA of 1024 bits with one: what we would have to name, or use, otherwise. */
static void certificates_and_keys_are_checked(void **state)
{
	struct bytes alice = vector_text(V10, "alice_cert_pem"),
		     bob_key = vector_text(V10, "bob_key_pem");
	struct bytes alice_key = vector_text(V10, "alice_key_pem");
	struct cms_signer *s;
	struct cms_cert *c;
	uint8_t hash[32], again[32];

	(void)state;
	assert_int_equal(cms_signer_new(bytes_slice(&alice), bytes_slice(&bob_key), &s),
			 -ERR_DENIED);
	assert_int_equal(cms_signer_new(bytes_slice(&alice), SLICE_LIT("no key"), &s), -ERR_SYNTAX);
	assert_int_equal(cms_signer_new(bytes_slice(&alice_key), bytes_slice(&alice_key), &s),
			 -ERR_SYNTAX);
	assert_int_equal(cms_cert_new(SLICE_NULL, &c), -ERR_SYNTAX);
	assert_int_equal(cms_cert_new(SLICE_LIT("\x30\x03zzz"), &c), -ERR_SYNTAX);
	assert_int_equal(cms_cert_new(bytes_slice(&alice), &c), 0);
	cms_cert_hash(c, hash);
	cms_cert_free(&c);
	assert_null(c);
	assert_int_equal(cms_cert_new(bytes_slice(&alice), &c), 0);
	cms_cert_hash(c, again);
	assert_memory_equal(hash, again, 32);
	cms_cert_free(&c);
	bytes_fini(&alice);
	bytes_fini(&alice_key);
	bytes_fini(&bob_key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_signed_vector_is_verified),
		cmocka_unit_test(what_is_signed_is_verified_by_its_signer_alone),
		cmocka_unit_test(each_flipped_bit_and_each_cut_of_a_signed_body_is_refused),
		cmocka_unit_test(the_sealed_vector_opens_for_both),
		cmocka_unit_test(what_is_sealed_to_persons_opens_for_them_alone),
		cmocka_unit_test(each_flipped_bit_and_each_cut_of_a_sealed_body_is_refused),
		cmocka_unit_test(other_types_are_refused),
		cmocka_unit_test(certificates_and_keys_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
