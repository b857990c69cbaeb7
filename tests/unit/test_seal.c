/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/seal: what passes where bodies are sealed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gke_vectors.h"
#include "mrfp/seal.h"
#include "proto/cms.h"
#include "proto/cms_signed.h"
#include "proto/ctl_msgs.h"
#include "proto/ece.h"

static const uint8_t DOMAIN[GKID_DOMAIN_SIZE] = {0xc0, 0xff, 0xee, 1, 2, 3, 4, 5};
static const uint8_t OTHER[GKID_DOMAIN_SIZE] = {0xc0, 0xff, 0xee, 1, 2, 3, 4, 6};

static struct bytes sealed(const uint8_t *domain, uint32_t epoch)
{
	static const uint8_t key[32];
	struct bytes out = BYTES_INIT;
	struct cms_seal how = {
		.cipher = CMS_AES128,
		.gkid = gkid_make(domain, epoch),
		.kek = slice_make(key, 16),
		.cek = key,
		.nonce = key,
	};

	assert_int_equal(cms_seal(&how, SLICE_LIT("hello"), &out), 0);
	return out;
}

static struct seal gate(uint32_t oldest, uint32_t newest)
{
	struct seal s = {.known = true, .oldest = oldest, .newest = newest};

	memcpy(s.domain, DOMAIN, sizeof(DOMAIN));
	return s;
}

static int judge(const struct seal *s, const uint8_t *domain, uint32_t epoch)
{
	struct bytes b = sealed(domain, epoch);
	int status = seal_judge(s, SEAL_CMS, false, bytes_slice(&b), true);

	assert_int_equal(
		seal_judge(s, SEAL_CMS, false, slice_first(bytes_slice(&b), SEAL_PEEK), false),
		status);
	bytes_fini(&b);
	return status;
}

/* covers: GK-007, CMS-002 */
static void only_epochs_of_now_pass(void **state)
{
	struct seal s = gate(6, 7);

	(void)state;
	assert_int_equal(judge(&s, DOMAIN, 5), 403);
	assert_int_equal(judge(&s, DOMAIN, 6), 200);
	assert_int_equal(judge(&s, DOMAIN, 7), 200);
	assert_int_equal(judge(&s, DOMAIN, 8), 403);
	assert_int_equal(judge(&s, OTHER, 7), 403);
	s = gate(7, 0);
	assert_int_equal(judge(&s, DOMAIN, 6), 403);
	assert_int_equal(judge(&s, DOMAIN, UINT32_MAX), 200);
	s.known = false;
	assert_int_equal(judge(&s, OTHER, 1), 200);
}

static void too_few_octets_are_waited_for(void **state)
{
	struct seal s = gate(1, 9);
	struct bytes b = sealed(DOMAIN, 3);

	(void)state;
	for (size_t n = 0; n < SEAL_PEEK; n++) {
		struct slice first = slice_first(bytes_slice(&b), n);

		assert_int_equal(seal_judge(&s, SEAL_CMS, false, first, false), 0);
		assert_int_equal(seal_judge(&s, SEAL_NONE, false, first, false), 415);
	}
	bytes_fini(&b);
}

/* covers: CMS-008 */
static void what_only_says_it_is_sealed_is_not(void **state)
{
	struct seal s = gate(1, 9);
	char text[200];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(seal_judge(&s, SEAL_CMS, false, slice_make(text, sizeof(text)), false),
			 415);
	assert_int_equal(seal_judge(&s, SEAL_ECE, false, slice_make(text, sizeof(text)), false),
			 415);
	assert_int_equal(seal_judge(&s, SEAL_CMS, false, SLICE_NULL, true), 415);
	assert_int_equal(seal_judge(&s, SEAL_ECE, false, slice_make(text, 20), true), 415);
}

/* covers: GK-014 */
static void records_name_their_key_too(void **state)
{
	struct ece_head head = {.record = ECE_RECORD, .gkid = gkid_make(DOMAIN, 4)};
	struct seal s = gate(4, 5);
	uint8_t first[SEAL_PEEK] = {0};

	(void)state;
	ece_head_build(&head, first);
	assert_int_equal(seal_judge(&s, SEAL_ECE, false, slice_make(first, sizeof(first)), false),
			 200);
	head.gkid = gkid_make(DOMAIN, 3);
	ece_head_build(&head, first);
	assert_int_equal(seal_judge(&s, SEAL_ECE, false, slice_make(first, sizeof(first)), false),
			 403);
}

/* covers: GK-011, CMS-008 */
static void what_one_certificate_opens_passes_to_one_alone(void **state)
{
	static const char v10[] = "V10_message_two_recipients_kari";
	struct bytes pem = vector_text(v10, "bob_cert_pem"), two = vector_octets(v10, "der");
	struct seal s = gate(4, 5);
	struct bytes der = BYTES_INIT;
	const struct cms_cert *to[1];
	struct cms_cert *cert;

	(void)state;
	assert_int_equal(cms_cert_new(bytes_slice(&pem), &cert), 0);
	to[0] = cert;
	assert_int_equal(cms_seal_to(to, 1, SLICE_LIT("for bob"), &der), 0);
	for (size_t n = 0; n < der.len; n++) {
		struct slice first = slice_first(bytes_slice(&der), n);
		int expected = n < SEAL_PEEK ? 0 : 200;

		assert_int_equal(seal_judge(&s, SEAL_CMS, true, first, false), expected);
		assert_int_equal(seal_judge(&s, SEAL_CMS, false, first, false), expected ? 403 : 0);
	}
	assert_int_equal(seal_judge(&s, SEAL_CMS, true, bytes_slice(&der), true), 200);
	assert_int_equal(seal_judge(&s, SEAL_CMS, false, bytes_slice(&der), true), 403);
	assert_int_equal(seal_judge(&s, SEAL_ECE, true, bytes_slice(&der), true), 415);
	/* cut before its public key; for two */
	assert_int_equal(seal_judge(&s, SEAL_CMS, true, slice_first(bytes_slice(&der), 30), true),
			 415);
	assert_int_equal(seal_judge(&s, SEAL_CMS, true, bytes_slice(&two), true), 415);
	/* one bit of what is looked at changed */
	for (size_t bit = 0; bit < 8 * 30; bit++) {
		der.data[bit / 8] ^= (char)(1 << bit % 8);
		assert_int_not_equal(seal_judge(&s, SEAL_CMS, false, bytes_slice(&der), true), 200);
		der.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	cms_cert_free(&cert);
	bytes_fini(&der);
	bytes_fini(&pem);
	bytes_fini(&two);
}

static void the_gate_is_told_by_the_mrfc(void **state)
{
	struct seal s = {0};
	struct ctl_modify m = {0};

	(void)state;
	CTL_SET(&m, modify, key_epoch, 3);
	assert_true(seal_take_modify(&s, &m));
	assert_false(s.known);
	CTL_SET(&m, modify, key_domain, slice_make(DOMAIN, 7));
	assert_false(seal_take_modify(&s, &m));
	CTL_SET(&m, modify, key_domain, slice_make(DOMAIN, 8));
	CTL_SET(&m, modify, key_newest, 2);
	assert_false(seal_take_modify(&s, &m));
	assert_false(s.known);
	CTL_SET(&m, modify, key_newest, 4);
	assert_true(seal_take_modify(&s, &m));
	assert_true(s.known);
	assert_int_equal(judge(&s, DOMAIN, 2), 403);
	assert_int_equal(judge(&s, DOMAIN, 3), 200);
	m = (struct ctl_modify){0};
	CTL_SET(&m, modify, key_epoch, 4); /* the rest stays */
	assert_true(seal_take_modify(&s, &m));
	assert_int_equal(judge(&s, DOMAIN, 3), 403);
	assert_int_equal(judge(&s, DOMAIN, 4), 200);
}

/* covers: GK-010 */
static void the_use_of_a_key_is_told_now_and_then(void **state)
{
	struct seal s = gate(6, 7);
	uint64_t n = 0, told = 0;

	(void)state;
	for (int i = 0; i < 3 * SEAL_TELL - 1; i++) {
		if (seal_count(&s, &n))
			told += n;
	}
	assert_int_equal(told, 2 * SEAL_TELL);
	assert_true(seal_count(&s, &n));
	assert_int_equal(told + n, 3 * SEAL_TELL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_use_of_a_key_is_told_now_and_then),
		cmocka_unit_test(only_epochs_of_now_pass),
		cmocka_unit_test(too_few_octets_are_waited_for),
		cmocka_unit_test(what_only_says_it_is_sealed_is_not),
		cmocka_unit_test(records_name_their_key_too),
		cmocka_unit_test(what_one_certificate_opens_passes_to_one_alone),
		cmocka_unit_test(the_gate_is_told_by_the_mrfc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
