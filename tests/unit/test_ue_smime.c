/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of a UE: over a whole CPIM message and over what one carries; whose they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gke_vectors.h"
#include "ue/ue_smime.h"

#define V10   "V10_message_two_recipients_kari"
#define ALICE "sip:alice@example.com"
#define BOB   "sip:bob@example.com"
#define TYPE  "application/pkcs7-mime; smime-type=signed-data; name=\"smime.p7m\""
#define CPIM                                                                                       \
	"From: Alice <" ALICE ">\r\nTo: <sip:room@example.com>\r\n"                                \
	"DateTime: 2026-11-22T07:00:00Z\r\n\r\nContent-Type: text/plain\r\n\r\nhello"

static struct ue_smime *endpoint(const char *me)
{
	struct ue_smime *s = ue_smime_new();
	struct bytes alice = vector_text(V10, "alice_cert_pem"),
		     bob = vector_text(V10, "bob_cert_pem");
	struct bytes key = vector_text(V10, me[4] == 'a' ? "alice_key_pem" : "bob_key_pem");

	assert_int_equal(
		ue_smime_identity(s, bytes_slice(me[4] == 'a' ? &alice : &bob), bytes_slice(&key)),
		0);
	assert_int_equal(ue_smime_believe(s, SLICE_LIT(ALICE), bytes_slice(&alice)), 0);
	assert_int_equal(ue_smime_believe(s, SLICE_LIT(BOB), bytes_slice(&bob)), 0);
	bytes_fini(&alice);
	bytes_fini(&bob);
	bytes_fini(&key);
	return s;
}

static int open_as(const struct ue_smime *s, const char *from, const struct bytes *der,
		   struct bytes *content, struct ue_smime_said *said)
{
	return ue_smime_open(s, slice_str(from), bytes_slice(der), content, said);
}

/* covers: SMI-005, SMI-002 */
static void a_signature_over_the_payload_is_verified(void **state)
{
	struct ue_smime *alice = endpoint(ALICE), *bob = endpoint(BOB);
	struct bytes der = BYTES_INIT, content = BYTES_INIT;
	struct ue_smime_said said;

	(void)state;
	assert_int_equal(ue_smime_sign(alice, "text/plain", SLICE_LIT("hello"), &der), 0);
	/* Nothing but the head around it says who speaks. */
	assert_int_equal(open_as(bob, "", &der, &content, &said), -ERR_DENIED);
	assert_int_equal(open_as(bob, BOB, &der, &content, &said), -ERR_DENIED);
	assert_int_equal(open_as(bob, "sip:carol@example.com", &der, &content, &said),
			 -ERR_NOT_FOUND);
	assert_null(content.data);
	assert_int_equal(open_as(bob, ALICE ";transport=tcp", &der, &content, &said), 0);
	assert_false(said.whole);
	assert_true(slice_eq_str(said.type, "text/plain"));
	assert_true(slice_eq_str(said.payload, "hello"));
	bytes_fini(&der);
	bytes_fini(&content);
	ue_smime_free(&alice);
	ue_smime_free(&bob);
}

/* covers: SMI-005, SMI-002 */
static void a_signature_over_the_whole_message_is_verified(void **state)
{
	static const char *const around[] = {"", ALICE};
	struct ue_smime *alice = endpoint(ALICE), *bob = endpoint(BOB);
	struct bytes der = BYTES_INIT, content = BYTES_INIT;
	struct ue_smime_said said;

	(void)state;
	assert_int_equal(ue_smime_sign(alice, "message/cpim", SLICE_LIT(CPIM), &der), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(open_as(bob, around[i], &der, &content, &said), 0);
		assert_true(said.whole);
		assert_true(slice_eq_str(said.head.from, ALICE));
		assert_true(slice_eq_str(said.type, "text/plain"));
		assert_true(slice_eq_str(said.payload, "hello"));
	}
	assert_int_equal(open_as(bob, BOB, &der, &content, &said), -ERR_DENIED);
	bytes_fini(&der);

	/* Bob signs what Alice is to have said: good, but not her signature. */
	der = BYTES_INIT;
	assert_int_equal(ue_smime_sign(bob, "message/cpim", SLICE_LIT(CPIM), &der), 0);
	assert_int_equal(open_as(alice, "", &der, &content, &said), -ERR_DENIED);
	assert_int_equal(open_as(alice, BOB, &der, &content, &said), -ERR_DENIED);
	assert_int_equal(open_as(alice, ALICE, &der, &content, &said), -ERR_DENIED);
	bytes_fini(&der);
	bytes_fini(&content);
	ue_smime_free(&alice);
	ue_smime_free(&bob);
}

/* covers: SMI-005 */
static void what_was_signed_is_shown_in_place(void **state)
{
	struct ue_smime *alice = endpoint(ALICE), *bob = endpoint(BOB);

	(void)state;
	for (int whole = 0; whole < 2; whole++) {
		struct bytes der = BYTES_INIT, content = BYTES_INIT;
		struct ue_message m = {.bare = whole};

		assert_int_equal(
			whole ? ue_smime_sign(alice, "message/cpim", SLICE_LIT(CPIM), &der)
			      : ue_smime_sign(alice, "text/plain", SLICE_LIT("hello"), &der),
			0);
		m.cpim.content_type = SLICE_LIT(TYPE);
		m.cpim.from = whole ? SLICE_NULL : SLICE_LIT(ALICE);
		m.payload = bytes_slice(&der);
		m.size = der.len;
		assert_int_equal(ue_smime_show(bob, &m, &content), 0);
		assert_true(m.verified && !m.bare);
		assert_true(slice_eq_str(m.cpim.from, ALICE));
		assert_true(slice_eq_str(m.cpim.content_type, "text/plain"));
		assert_true(slice_eq_str(m.payload, "hello"));
		assert_int_equal(m.size, 5);
		bytes_fini(&content);

		/* changed: it stays what it is, and nothing of it counts */
		content = BYTES_INIT;
		der.data[der.len - 1] ^= 1;
		m = (struct ue_message){.bare = whole};
		m.cpim.content_type = SLICE_LIT(TYPE);
		m.cpim.from = whole ? SLICE_NULL : SLICE_LIT(ALICE);
		m.payload = bytes_slice(&der);
		assert_true(ue_smime_show(bob, &m, &content) < 0);
		assert_false(m.verified);
		assert_true(slice_eq_str(m.cpim.content_type, TYPE));
		bytes_fini(&der);
		bytes_fini(&content);
	}
	ue_smime_free(&alice);
	ue_smime_free(&bob);
}

static void other_messages_stay(void **state)
{
	struct ue_smime *bob = endpoint(BOB);
	struct ue_message m = {.payload = SLICE_LIT("hello")};
	struct bytes content = BYTES_INIT;

	(void)state;
	m.cpim.content_type = SLICE_LIT("text/plain");
	assert_int_equal(ue_smime_show(bob, &m, &content), 0);
	assert_false(m.verified);
	assert_true(slice_eq_str(m.payload, "hello"));
	ue_smime_free(&bob);
}

static void one_may_have_several_certificates_or_none(void **state)
{
	struct bytes bob_cert = vector_text(V10, "bob_cert_pem"), der = BYTES_INIT,
		     content = BYTES_INIT;
	struct bytes alice_cert = vector_text(V10, "alice_cert_pem");
	struct ue_smime *alice = endpoint(ALICE), *s = ue_smime_new();
	struct ue_smime_said said;

	(void)state;
	assert_int_equal(ue_smime_sign(s, "text/plain", SLICE_LIT("x"), &der), -ERR_WRONG_STATE);
	assert_int_equal(ue_smime_signing.sign(SLICE_LIT("x"), &der, s), -ERR_WRONG_STATE);
	assert_int_equal(ue_smime_sign(alice, "text/plain", SLICE_LIT("x"), &der), 0);
	assert_int_equal(open_as(s, ALICE, &der, &content, &said), -ERR_NOT_FOUND);
	assert_int_equal(ue_smime_believe(s, SLICE_LIT(ALICE), bytes_slice(&bob_cert)), 0);
	assert_int_equal(open_as(s, ALICE, &der, &content, &said), -ERR_DENIED);
	assert_int_equal(ue_smime_believe(s, SLICE_LIT(ALICE), bytes_slice(&alice_cert)), 0);
	assert_int_equal(open_as(s, ALICE, &der, &content, &said), 0);
	assert_int_equal(ue_smime_believe(s, SLICE_LIT(ALICE), SLICE_LIT("nothing")), -ERR_SYNTAX);
	for (int i = 2; i < UE_SMIME_CERTS_MAX; i++)
		assert_int_equal(ue_smime_believe(s, SLICE_LIT(BOB), bytes_slice(&bob_cert)), 0);
	assert_int_equal(ue_smime_believe(s, SLICE_LIT(BOB), bytes_slice(&bob_cert)), -ERR_LIMIT);
	bytes_fini(&der);
	bytes_fini(&content);
	bytes_fini(&bob_cert);
	bytes_fini(&alice_cert);
	ue_smime_free(&alice);
	ue_smime_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_over_the_payload_is_verified),
		cmocka_unit_test(a_signature_over_the_whole_message_is_verified),
		cmocka_unit_test(what_was_signed_is_shown_in_place),
		cmocka_unit_test(other_messages_stay),
		cmocka_unit_test(one_may_have_several_certificates_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
