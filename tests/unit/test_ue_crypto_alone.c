/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/ue_crypto: what is sealed to one member's certificate, and what of a message is signed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gke_vectors.h"
#include "ue/ue_smime.h"
#include "ue_crypto_rig.h"

#define V10   "V10_message_two_recipients_kari"
#define CAROL "sip:carol@example.com"

/* alice and bob have certificates; carol has a group's key alone. */
struct rig {
	struct ue_crypto *alice, *bob, *carol;
	struct ue_smime *alices, *bobs;
};

static const struct ue_outer to_bob = {SLICE_LIT(ALICE), SLICE_LIT(BOB), SLICE_LIT("Zk3x9a")};

static void believe(struct ue_smime *s, const char *who, const char *cert)
{
	struct bytes pem = vector_text(V10, cert);

	assert_int_equal(ue_smime_believe(s, slice_str(who), bytes_slice(&pem)), 0);
	bytes_fini(&pem);
}

static struct ue_smime *identity(const char *cert, const char *key)
{
	struct bytes c = vector_text(V10, cert), k = vector_text(V10, key);
	struct ue_smime *s = ue_smime_new();

	assert_int_equal(ue_smime_identity(s, bytes_slice(&c), bytes_slice(&k)), 0);
	bytes_fini(&c);
	bytes_fini(&k);
	return s;
}

static struct ue_crypto *one(const char *me)
{
	struct ue_crypto *c = member(me);

	assert_int_equal(epoch_at(c, me, 7, T0, 1000), 1);
	return c;
}

static int rig_setup(void **state)
{
	struct rig *r = xcalloc(1, sizeof(*r));

	r->alice = one(ALICE);
	r->bob = one(BOB);
	r->carol = one(CAROL);
	r->alices = identity("alice_cert_pem", "alice_key_pem");
	r->bobs = identity("bob_cert_pem", "bob_key_pem");
	believe(r->alices, BOB, "bob_cert_pem");
	believe(r->bobs, ALICE, "alice_cert_pem");
	ue_crypto_signing(r->alice, &ue_smime_signing, r->alices);
	ue_crypto_signing(r->bob, &ue_smime_signing, r->bobs);
	*state = r;
	return 0;
}

static int rig_teardown(void **state)
{
	struct rig *r = *state;

	ue_crypto_free(&r->alice);
	ue_crypto_free(&r->bob);
	ue_crypto_free(&r->carol);
	ue_smime_free(&r->alices);
	ue_smime_free(&r->bobs);
	free(r);
	return 0;
}

static void seal_alone(struct ue_crypto *c, const struct ue_outer *o, uint64_t wall_us,
		       struct bytes *out)
{
	char when[CLOCK_RFC3339_SIZE];
	struct gke_inner in;

	inner_of(o, when, wall_us, &in);
	bytes_reset(out);
	assert_int_equal(ue_crypto_seal_alone(c, &in, wall_us, out), 0);
	assert_true(ue_crypto_is_alone(bytes_slice(out)));
}

/* Nothing is released when it fails. */
static int open_alone(struct ue_crypto *c, struct slice der, const struct ue_outer *o,
		      uint64_t wall_us, bool verified)
{
	struct bytes plain = BYTES_INIT;
	struct ue_opened opened = {0};
	const char *why = NULL;
	int rc = ue_crypto_open_alone(c, der, o, wall_us, &plain, &opened, &why);

	if (rc == 0) {
		assert_true(slice_eq_str(opened.inner.payload, "hello group"));
		assert_int_equal(opened.verified, verified);
	} else {
		assert_null(plain.data);
		assert_null(opened.inner.payload.ptr);
		assert_non_null(why);
	}
	bytes_fini(&plain);
	return rc;
}

/* covers: GK-011, CMS-007 */
static void what_is_for_bob_opens_for_bob_alone_and_once(void **state)
{
	struct rig *r = *state;
	struct bytes der = BYTES_INIT;

	assert_true(ue_crypto_reaches(r->alice, SLICE_LIT(BOB ";transport=tcp")));
	assert_false(ue_crypto_reaches(r->alice, SLICE_LIT(CAROL)));
	assert_false(ue_crypto_reaches(r->carol, SLICE_LIT(BOB)));
	seal_alone(r->alice, &to_bob, T0, &der);
	/* carol has the group's key, and the octets */
	assert_int_equal(open_alone(r->carol, bytes_slice(&der), &to_bob, T0, true), -ERR_DENIED);
	assert_int_equal(open_at(r->carol, &der, &to_bob, T0), -ERR_SYNTAX);
	/* nor reads who wrote it what he wrote */
	assert_int_equal(open_alone(r->alice, bytes_slice(&der), &to_bob, T0, true), -ERR_DENIED);
	assert_int_equal(open_alone(r->bob, bytes_slice(&der), &to_bob, T0, true), 0);
	assert_int_equal(open_alone(r->bob, bytes_slice(&der), &to_bob, T0 + S, true), -ERR_EXISTS);
	bytes_fini(&der);
}

static void who_has_no_certificate_is_not_sealed_to(void **state)
{
	static const struct ue_outer to_carol = {SLICE_LIT(ALICE), SLICE_LIT(CAROL),
						 SLICE_LIT("m1")};
	struct rig *r = *state;
	char when[CLOCK_RFC3339_SIZE];
	struct bytes out = BYTES_INIT;
	struct gke_inner in;

	inner_of(&to_carol, when, T0, &in);
	assert_int_equal(ue_crypto_seal_alone(r->alice, &in, T0, &out), -ERR_NOT_FOUND);
	assert_int_equal(out.len, 0);
	seal(r->alice, &to_room, T0, &out);
	assert_false(ue_crypto_is_alone(bytes_slice(&out)));
	bytes_fini(&out);
}

/* covers: GK-011, CMS-007 */
static void who_can_sign_must(void **state)
{
	struct rig *r = *state;
	struct bytes der = BYTES_INIT;

	ue_crypto_signing(r->alice, &ue_smime_verifying, r->alices);
	seal_alone(r->alice, &to_bob, T0, &der);
	assert_int_equal(open_alone(r->bob, bytes_slice(&der), &to_bob, T0, false), -ERR_DENIED);
	/* of somebody else it is shown, as what it is */
	ue_smime_free(&r->bobs);
	r->bobs = identity("bob_cert_pem", "bob_key_pem");
	ue_crypto_signing(r->bob, &ue_smime_signing, r->bobs);
	assert_int_equal(open_alone(r->bob, bytes_slice(&der), &to_bob, T0, false), 0);
	/* signed by somebody unknown */
	ue_crypto_signing(r->alice, &ue_smime_signing, r->alices);
	seal_alone(r->alice, &to_bob, T0, &der);
	assert_int_equal(open_alone(r->bob, bytes_slice(&der), &to_bob, T0, false), -ERR_DENIED);
	/* signed by another than its From */
	believe(r->bobs, ALICE, "bob_cert_pem");
	assert_int_equal(open_alone(r->bob, bytes_slice(&der), &to_bob, T0, false), -ERR_DENIED);
	bytes_fini(&der);
}

/* covers: CMS-010, GK-009, GK-011 */
static void what_is_pasted_or_late_is_refused(void **state)
{
	static const struct ue_outer wrong[] = {
		{SLICE_LIT(CAROL), SLICE_LIT(BOB), SLICE_LIT("Zk3x9a")},
		{SLICE_LIT(ALICE), SLICE_LIT(ROOM), SLICE_LIT("Zk3x9a")},
		{SLICE_LIT(ALICE), SLICE_LIT(CAROL), SLICE_LIT("Zk3x9a")},
		{SLICE_LIT(ALICE), SLICE_LIT(BOB), SLICE_LIT("other")},
	};
	struct rig *r = *state;
	struct bytes der = BYTES_INIT;

	seal_alone(r->alice, &to_bob, T0, &der);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(open_alone(r->bob, bytes_slice(&der), &wrong[i], T0, true),
				 -ERR_DENIED);
	assert_int_equal(open_alone(r->bob, bytes_slice(&der), &to_bob, T0 + 301 * S, true),
			 -ERR_STALE);
	assert_int_equal(open_alone(r->bob, bytes_slice(&der), &to_bob, T0 - 301 * S, true),
			 -ERR_STALE);
	/* none of them has counted */
	assert_int_equal(open_alone(r->bob, bytes_slice(&der), &to_bob, T0 + 299 * S, true), 0);
	bytes_fini(&der);
}

/* The room's name inside, sealed to bob: he is not the room. */
static void what_says_to_all_is_not_for_one(void **state)
{
	struct rig *r = *state;
	char when[CLOCK_RFC3339_SIZE];
	struct bytes entity = BYTES_INIT, sig = BYTES_INIT, plain = BYTES_INIT, der = BYTES_INIT;
	struct gke_inner in;

	inner_of(&to_room, when, T0, &in);
	in.token = 1;
	in.seq = 1;
	gke_inner_build(&in, &entity);
	assert_int_equal(ue_smime_signing.sign(bytes_slice(&entity), &sig, r->alices), 0);
	gke_signed_build(bytes_slice(&sig), &plain);
	assert_int_equal(
		ue_smime_signing.seal_to(SLICE_LIT(BOB), bytes_slice(&plain), &der, r->alices), 0);
	assert_int_equal(open_alone(r->bob, bytes_slice(&der), &to_room, T0, true), -ERR_DENIED);
	bytes_fini(&entity);
	bytes_fini(&sig);
	bytes_fini(&plain);
	bytes_fini(&der);
}

/* covers: CMS-003, GK-011 */
static void changed_or_for_others_too_nothing_is_released(void **state)
{
	struct rig *r = *state;
	struct bytes pems[2] = {vector_text(V10, "alice_cert_pem"),
				vector_text(V10, "bob_cert_pem")};
	struct cms_cert *certs[2];
	const struct cms_cert *to[2];
	struct bytes der = BYTES_INIT;

	seal_alone(r->alice, &to_bob, T0, &der);
	for (size_t bit = 0; bit < 8 * der.len; bit++) {
		der.data[bit / 8] ^= (char)(1 << bit % 8);
		assert_true(open_alone(r->bob, bytes_slice(&der), &to_bob, T0, true) < 0);
		der.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t n = 0; n < der.len; n++)
		assert_true(open_alone(r->bob, slice_first(bytes_slice(&der), n), &to_bob, T0,
				       true) < 0);
	assert_int_equal(open_alone(r->bob, bytes_slice(&der), &to_bob, T0, true), 0);
	bytes_reset(&der);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(cms_cert_new(bytes_slice(&pems[i]), &certs[i]), 0);
		to[i] = certs[i];
	}
	assert_int_equal(cms_seal_to(to, 2, SLICE_LIT("x"), &der), 0);
	assert_true(ue_crypto_is_alone(bytes_slice(&der)));
	assert_int_equal(open_alone(r->bob, bytes_slice(&der), &to_bob, T0, true),
			 -ERR_UNSUPPORTED);
	for (size_t i = 0; i < 2; i++) {
		cms_cert_free(&certs[i]);
		bytes_fini(&pems[i]);
	}
	bytes_fini(&der);
}

/* covers: GK-009, MIKEY-006 */
static void marks_outlive_the_process(void **state)
{
	struct rig *r = *state;
	struct ue_marks *kept = ue_marks_new();
	struct bytes der = BYTES_INIT;

	ue_crypto_marks(r->bob, kept);
	assert_int_equal(epoch_at(r->bob, BOB, 8, T0 + S, 1000), 1);
	seal_alone(r->alice, &to_bob, T0 + S, &der);
	assert_int_equal(open_alone(r->bob, bytes_slice(&der), &to_bob, T0 + S, true), 0);
	ue_crypto_free(&r->bob);
	r->bob = member(BOB);
	ue_crypto_marks(r->bob, kept);
	ue_crypto_signing(r->bob, &ue_smime_signing, r->bobs);
	assert_int_equal(epoch_at(r->bob, BOB, 8, T0 + S, 1000), -ERR_STALE);
	assert_int_equal(open_alone(r->bob, bytes_slice(&der), &to_bob, T0 + 2 * S, true),
			 -ERR_EXISTS);
	assert_int_equal(epoch_at(r->bob, BOB, 9, T0 + 2 * S, 1000), 1);
	ue_crypto_free(&r->bob);
	ue_marks_free(&kept);
	bytes_fini(&der);
}

/* --- what of a message is signed --- */

static int open_group(struct rig *r, struct slice entity, struct ue_opened *o, struct bytes *plain,
		      const char **why)
{
	struct gke_keys keys;
	uint8_t tek[GKE_TEK_MAX], cek[16] = {1}, nonce[12] = {2};
	struct gkid id = gkid_make(domain, 7);
	struct bytes der = BYTES_INIT;
	int rc;

	memset(tek, 7, sizeof(tek)); /* as the rig's key server makes it */
	gke_derive(slice_make(tek, sizeof(tek)), &id, &keys);
	assert_int_equal(cms_seal(&(struct cms_seal){.cipher = CMS_AES128,
						     .gkid = id,
						     .kek = slice_make(keys.kek128, 16),
						     .cek = cek,
						     .nonce = nonce},
				  entity, &der),
			 0);
	*o = (struct ue_opened){.verified = false};
	rc = ue_crypto_open(r->bob, bytes_slice(&der), &to_room, T0, plain, o, why);
	bytes_fini(&der);
	return rc;
}

static void sign_words(const struct rig *r, const char *text, struct bytes *der)
{
	bytes_reset(der);
	assert_int_equal(ue_smime_sign(r->alices, "text/plain", slice_str(text), der), 0);
}

/* covers: SMI-005, CMS-007, CMS-010 */
static void signed_words_are_shown_as_no_more_than_that(void **state)
{
	struct rig *r = *state;
	char when[CLOCK_RFC3339_SIZE];
	struct bytes sig = BYTES_INIT, entity = BYTES_INIT, plain = BYTES_INIT;
	struct ue_opened o;
	struct gke_inner in;
	const char *why;

	inner_of(&to_room, when, T0, &in);
	in.token = 1;
	in.seq = 5;
	sign_words(r, "by alice", &sig);
	in.content_type = SLICE_LIT("application/pkcs7-mime; smime-type=signed-data");
	in.payload = bytes_slice(&sig);
	gke_inner_build(&in, &entity);
	assert_int_equal(open_group(r, bytes_slice(&entity), &o, &plain, &why), 0);
	assert_true(o.words && !o.verified);
	assert_true(slice_eq_str(o.inner.payload, "by alice"));
	assert_true(slice_eq_str(o.inner.content_type, "text/plain"));
	assert_true(slice_eq_str(o.inner.from, ALICE));
	assert_int_equal(open_group(r, bytes_slice(&entity), &o, &plain, &why), -ERR_EXISTS);

	/* changed words, and those of an unknown */
	sig.data[slice_find(bytes_slice(&sig), SLICE_LIT("by alice"))] ^= 1;
	in.payload = bytes_slice(&sig);
	in.seq = 6;
	bytes_reset(&entity);
	gke_inner_build(&in, &entity);
	bytes_fini(&plain);
	assert_int_equal(open_group(r, bytes_slice(&entity), &o, &plain, &why), -ERR_DENIED);
	assert_string_equal(why, "its signature is not its sender's");
	assert_null(plain.data);
	ue_crypto_signing(r->bob, NULL, NULL);
	assert_int_equal(open_group(r, bytes_slice(&entity), &o, &plain, &why), -ERR_DENIED);
	assert_non_null(strstr(why, "certificate is not known"));
	bytes_fini(&sig);
	bytes_fini(&entity);
	bytes_fini(&plain);
}

/* covers: SMI-005, CMS-010 */
static void signed_words_without_a_message_are_refused(void **state)
{
	struct rig *r = *state;
	struct bytes sig = BYTES_INIT, entity = BYTES_INIT, plain = BYTES_INIT;
	struct ue_opened o;
	const char *why;

	sign_words(r, "when, and to whom?", &sig);
	gke_signed_build(bytes_slice(&sig), &entity);
	assert_int_equal(open_group(r, bytes_slice(&entity), &o, &plain, &why), -ERR_DENIED);
	assert_non_null(strstr(why, "signed its words alone"));
	assert_null(plain.data);
	bytes_fini(&sig);
	bytes_fini(&entity);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_for_bob_opens_for_bob_alone_and_once),
		cmocka_unit_test(who_has_no_certificate_is_not_sealed_to),
		cmocka_unit_test(who_can_sign_must),
		cmocka_unit_test(what_is_pasted_or_late_is_refused),
		cmocka_unit_test(what_says_to_all_is_not_for_one),
		cmocka_unit_test(changed_or_for_others_too_nothing_is_released),
		cmocka_unit_test(marks_outlive_the_process),
		cmocka_unit_test(signed_words_are_shown_as_no_more_than_that),
		cmocka_unit_test(signed_words_without_a_message_are_refused),
	};
	struct CMUnitTest with[ARRAY_LEN(tests)];

	for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
		with[i] = tests[i];
		with[i].setup_func = rig_setup;
		with[i].teardown_func = rig_teardown;
	}
	return cmocka_run_group_tests(with, NULL, NULL);
}
