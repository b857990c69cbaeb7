/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed bodies: the vectors both ways, nothing released that was changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "gke_vectors.h"
#include "proto/cms.h"
#include "proto/cpim.h"
#include "proto/media_type.h"

#define V6 "V6_cms_aes128_gcm"
#define V7 "V7_cms_aes256_gcm"

/* What a vector seals, and with what. */
struct sealed {
	struct bytes kek, id, date, cek, nonce, plain, der;
	struct cms_seal how;
};

static void load(struct sealed *s, const char *vector)
{
	s->kek = vector_octets(vector, "kek");
	s->id = vector_octets(vector, "key_identifier");
	s->date = vector_text(vector, "date");
	s->cek = vector_octets(vector, "cek");
	s->nonce = vector_octets(vector, "nonce");
	s->plain = vector_octets(vector, "plaintext");
	s->der = vector_octets(vector, "der");
	s->how = (struct cms_seal){
		.cipher = s->kek.len == 16 ? CMS_AES128 : CMS_AES256,
		.kek = bytes_slice(&s->kek),
		.cek = (const uint8_t *)s->cek.data,
		.nonce = (const uint8_t *)s->nonce.data,
		.date = bytes_slice(&s->date),
	};
	assert_int_equal(gkid_read(bytes_slice(&s->id), &s->how.gkid), 0);
}

static void unload(struct sealed *s)
{
	struct bytes *all[] = {&s->kek, &s->id, &s->date, &s->cek, &s->nonce, &s->plain, &s->der};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		bytes_fini(all[i]);
}

/* Parse and open: 0, or what the one or the other says. */
static int open_with(struct slice der, struct slice kek, struct bytes *out)
{
	struct cms_head head;
	int rc = cms_parse(der, &head);

	return rc < 0 ? rc : cms_open(&head, kek, out);
}

static void assert_bytes(const struct bytes *got, const struct bytes *expected)
{
	assert_int_equal(got->len, expected->len);
	if (expected->len > 0)
		assert_memory_equal(got->data, expected->data, expected->len);
}

static void one_vector(const char *name)
{
	struct bytes out = BYTES_INIT, plain = BYTES_INIT;
	struct cms_head head;
	struct sealed v;

	load(&v, name);
	assert_int_equal(cms_seal(&v.how, bytes_slice(&v.plain), &out), 0);
	assert_bytes(&out, &v.der);
	assert_true(out.len <= v.plain.len + CMS_OVERHEAD);

	assert_int_equal(cms_parse(bytes_slice(&v.der), &head), 0);
	assert_int_equal(head.cipher, v.how.cipher);
	assert_true(gkid_eq(&head.gkid, &v.how.gkid));
	assert_int_equal(gkid_epoch(&head.gkid), 7);
	assert_true(slice_eq(head.date, bytes_slice(&v.date)));
	assert_true(slice_eq(head.nonce, bytes_slice(&v.nonce)));
	assert_int_equal(cms_open(&head, bytes_slice(&v.kek), &plain), 0);
	assert_bytes(&plain, &v.plain);
	bytes_fini(&out);
	bytes_fini(&plain);
	unload(&v);
}

/* covers: CMS-002 */
static void the_vectors_hold_both_ways(void **state)
{
	(void)state;
	one_vector(V6);
	one_vector(V7);
}

/* covers: CMS-006 */
static void a_frame_of_a_group_message_holds_the_sealed_body(void **state)
{
	struct bytes frame = vector_octets("V11_msrp_send_group_message", "frame");
	struct bytes kek = vector_octets(V6, "kek"), plain = BYTES_INIT;
	struct sealed v;
	struct cpim_head cpim;
	struct slice body = bytes_slice(&frame), sealed;
	ptrdiff_t blank = slice_find(body, SLICE_LIT("\r\n\r\n"));

	(void)state;
	load(&v, V6);
	body = slice_first(slice_from(body, (size_t)blank + 4), 771);
	assert_int_equal(cpim_parse(body, 4096, true, true, &cpim), 1);
	assert_true(slice_eq_str(media_type_base(cpim.content_type), "application/pkcs7-mime"));
	assert_true(slice_eq_str(media_type_param(cpim.content_type, "smime-type"),
				 "auth-enveloped-data"));
	sealed = slice_from(body, cpim.head_len);
	assert_true(slice_eq(sealed, bytes_slice(&v.der)));
	assert_int_equal(open_with(sealed, bytes_slice(&kek), &plain), 0);
	assert_true(slice_find(bytes_slice(&plain), SLICE_LIT("hello group")) > 0);
	bytes_fini(&frame);
	bytes_fini(&kek);
	bytes_fini(&plain);
	unload(&v);
}

/* Bodies of many sizes, with and without the date, in both ciphers. */
static void what_is_sealed_opens(void **state)
{
	static const size_t sizes[] = {0,   1,   15,   16,   17,   127,  128,
				       255, 256, 4095, 4096, 4097, 65536};
	static char text[65536];

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct sealed v;

		load(&v, i & 1 ? V7 : V6);
		if (i & 2)
			v.how.date = SLICE_NULL;
		for (size_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
			struct bytes out = BYTES_INIT, plain = BYTES_INIT;

			assert_int_equal(cms_seal(&v.how, slice_make(text, sizes[n]), &out), 0);
			assert_true(out.len <= sizes[n] + CMS_OVERHEAD);
			assert_int_equal(open_with(bytes_slice(&out), v.how.kek, &plain), 0);
			assert_int_equal(plain.len, sizes[n]);
			bytes_fini(&out);
			bytes_fini(&plain);
		}
		unload(&v);
	}
}

static void the_size_is_limited(void **state)
{
	struct bytes out = BYTES_INIT;
	char *text = calloc(1, CMS_MAX_SIZE + 1);
	struct cms_head head;
	struct sealed v;

	(void)state;
	load(&v, V7);
	assert_int_equal(cms_seal(&v.how, slice_make(text, CMS_MAX_SIZE - CMS_OVERHEAD), &out), 0);
	/* Up to the limit, octet by octet. */
	for (size_t n = CMS_MAX_SIZE - CMS_OVERHEAD, limit = 0; n <= CMS_MAX_SIZE; n++) {
		int rc;

		bytes_reset(&out);
		rc = cms_seal(&v.how, slice_make(text, n), &out);
		assert_int_equal(rc, limit || out.len == 0 ? -ERR_LIMIT : 0);
		if (rc == -ERR_LIMIT) {
			assert_int_equal(out.len, 0);
			break;
		}
		assert_true(out.len <= CMS_MAX_SIZE);
		assert_int_equal(cms_parse(bytes_slice(&out), &head), 0);
		limit = out.len == CMS_MAX_SIZE;
	}
	assert_int_equal(cms_seal(&v.how, slice_make(text, CMS_MAX_SIZE + 1), &out), -ERR_LIMIT);
	assert_int_equal(cms_parse(slice_make(text, CMS_MAX_SIZE + 1), &head), -ERR_LIMIT);
	free(text);
	bytes_fini(&out);
	unload(&v);
}

/* The negative cases of the vectors. covers: CMS-003, CMS-004 */
static void the_negative_vectors_are_refused(void **state)
{
	static const struct {
		const char *name;
		int parse, open;
	} cases[] = {
		{"cms_bad_tag", 0, -ERR_DENIED},
		{"cms_icvlen_12", -ERR_UNSUPPORTED, 0},
		{"cms_indefinite_length", -ERR_SYNTAX, 0},
		{"cms_trailing", -ERR_SYNTAX, 0},
		{"cms_unknown_epoch", 0, 0},
		{"cms_bad_wrap", 0, -ERR_DENIED},
	};
	struct sealed v;

	(void)state;
	load(&v, V6);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes der = negative_octets(cases[i].name, "der"), out = BYTES_INIT;
		struct cms_head head;

		assert_int_equal(cms_parse(bytes_slice(&der), &head), cases[i].parse);
		if (cases[i].parse == 0 && cases[i].open < 0) {
			assert_int_equal(cms_open(&head, v.how.kek, &out), cases[i].open);
			assert_int_equal(out.len, 0);
		} else if (cases[i].parse == 0) {
			/* The name leads to another key: epoch 6, of which there is none here. */
			assert_int_equal(gkid_epoch(&head.gkid), 6);
			assert_false(gkid_eq(&head.gkid, &v.how.gkid));
		}
		bytes_fini(&der);
		bytes_fini(&out);
	}
	unload(&v);
}

static void another_key_opens_nothing(void **state)
{
	struct bytes out = BYTES_INIT;
	uint8_t other[32] = {1};
	struct cms_head head;
	struct sealed v;

	(void)state;
	load(&v, V6);
	assert_int_equal(cms_parse(bytes_slice(&v.der), &head), 0);
	assert_int_equal(cms_open(&head, slice_make(other, 16), &out), -ERR_DENIED);
	assert_int_equal(cms_open(&head, slice_make(other, 32), &out), -ERR_DENIED);
	assert_int_equal(cms_open(&head, SLICE_NULL, &out), -ERR_DENIED);
	assert_int_equal(out.len, 0);
	assert_null(out.data);
	unload(&v);
}

static void each_truncation_is_refused(void **state)
{
	struct cms_head head;
	struct sealed v;

	(void)state;
	load(&v, V6);
	for (size_t n = 0; n < v.der.len; n++) {
		/* A copy of its own, so that a sanitizer sees a step beyond it. */
		char *part = malloc(n + 1);

		memcpy(part, v.der.data, n);
		assert_int_equal(cms_parse(slice_make(part, n), &head), -ERR_SYNTAX);
		free(part);
	}
	unload(&v);
}

/* Is this octet the key's name or the date, which the tag does not cover? */
static bool is_outside_the_tag(const struct sealed *v, size_t at)
{
	ptrdiff_t id = slice_find(bytes_slice(&v->der), bytes_slice(&v->id));
	ptrdiff_t date = slice_find(bytes_slice(&v->der), bytes_slice(&v->date));
	ptrdiff_t i = (ptrdiff_t)at;

	return (i >= id && i < id + GKID_SIZE) || (i >= date && i < date + (ptrdiff_t)v->date.len);
}

/* One bit changed, anywhere: refused, but for the key's name and the date. covers: CMS-003 */
static void each_flipped_bit_is_refused(void **state)
{
	struct sealed v;
	size_t outside = 0;

	(void)state;
	load(&v, V6);
	for (size_t bit = 0; bit < v.der.len * 8; bit++) {
		struct bytes out = BYTES_INIT;
		int rc;

		v.der.data[bit / 8] ^= (char)(1 << bit % 8);
		rc = open_with(bytes_slice(&v.der), v.how.kek, &out);
		v.der.data[bit / 8] ^= (char)(1 << bit % 8);
		if (rc == 0) {
			assert_true(is_outside_the_tag(&v, bit / 8));
			outside++;
		} else {
			assert_int_equal(out.len, 0);
		}
		bytes_fini(&out);
	}
	assert_true(outside >= 8 * GKID_SIZE - 1); /* the last bit may leave epoch 0 */
	unload(&v);
}

static void the_key_is_named_in_the_first_octets(void **state)
{
	struct bytes out = BYTES_INIT;
	char *text = calloc(1, 900000);
	ptrdiff_t id_at;
	struct gkid id;
	struct sealed v;

	(void)state;
	load(&v, V6);
	id_at = slice_find(bytes_slice(&v.der), bytes_slice(&v.id));
	for (size_t n = 0; n <= v.der.len; n++) {
		int rc = cms_peek(slice_first(bytes_slice(&v.der), n), &id);
		bool enough = n >= (size_t)id_at + GKID_SIZE;

		assert_int_equal(rc, enough ? 0 : -ERR_SYNTAX);
		if (enough)
			assert_true(gkid_eq(&id, &v.how.gkid));
	}
	/* The longest lengths there are still leave it within 128 octets. */
	assert_int_equal(cms_seal(&v.how, slice_make(text, 900000), &out), 0);
	assert_int_equal(cms_peek(slice_first(bytes_slice(&out), 128), &id), 0);
	assert_int_equal(cms_peek(slice_first(bytes_slice(&out), 64), &id), 0);
	assert_true(gkid_eq(&id, &v.how.gkid));
	free(text);
	bytes_fini(&out);
	unload(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_hold_both_ways),
		cmocka_unit_test(a_frame_of_a_group_message_holds_the_sealed_body),
		cmocka_unit_test(what_is_sealed_opens),
		cmocka_unit_test(the_size_is_limited),
		cmocka_unit_test(the_negative_vectors_are_refused),
		cmocka_unit_test(another_key_opens_nothing),
		cmocka_unit_test(each_truncation_is_refused),
		cmocka_unit_test(each_flipped_bit_is_refused),
		cmocka_unit_test(the_key_is_named_in_the_first_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
