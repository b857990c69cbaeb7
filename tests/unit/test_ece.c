/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed files: the vector, records by themselves, and each way in which a stream can be cut or mixed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "common/digest.h"
#include "gke_vectors.h"
#include "proto/ece.h"

#define V8    "V8_file_aes128gcm"
#define PLAIN 9000
#define SMALL 4096

struct stream {
	struct ece_head head;
	struct ece_keys keys;
	struct bytes sealed;
	uint8_t plain[PLAIN];
};

static void start(struct stream *s, uint32_t record)
{
	struct bytes ikm = vector_octets(V8, "ikm"), salt = vector_octets(V8, "salt");

	*s = (struct stream){.head.record = record};
	memcpy(s->head.salt, salt.data, ECE_SALT_SIZE);
	s->head.gkid = gkid_make((const uint8_t *)"\xc0\xff\xee\x01\x02\x03\x04\x05", 7);
	for (size_t i = 0; i < PLAIN; i++)
		s->plain[i] = (uint8_t)(7 * i + 3);
	ece_keys(&s->head, (const uint8_t *)ikm.data, &s->keys);
	bytes_fini(&ikm);
	bytes_fini(&salt);
}

static void seal(struct stream *s, size_t len)
{
	size_t room = s->head.record - ECE_OVERHEAD;
	struct slice rest = slice_make(s->plain, len);
	uint8_t head[ECE_HEAD_SIZE];
	uint64_t n = 0;
	bool last;

	ece_head_build(&s->head, head);
	bytes_add(&s->sealed, head, sizeof(head));
	do {
		struct slice some = slice_first(rest, room);

		rest = slice_from(rest, room);
		last = rest.len == 0;
		assert_int_equal(ece_seal(&s->keys, n++, some, last, &s->sealed), 0);
	} while (!last);
}

/* A receiver: from record `first` on, of so many octets in all. */
static int open_from(const struct stream *s, struct slice sealed, uint64_t first, struct bytes *out)
{
	struct slice rest = slice_from(sealed, ECE_HEAD_SIZE + (size_t)first * s->head.record);

	for (uint64_t n = first;; n++) {
		struct slice record = slice_first(rest, s->head.record);
		int rc;

		rest = slice_from(rest, s->head.record);
		rc = ece_open(&s->keys, n, record, rest.len == 0, out);
		if (rc < 0 || rest.len == 0)
			return rc;
	}
}

static int open_all(const struct stream *s, struct slice sealed)
{
	struct bytes out = BYTES_INIT;
	int rc = open_from(s, sealed, 0, &out);

	bytes_fini(&out);
	return rc;
}

/* covers: GK-014 */
static void the_vector_holds_both_ways(void **state)
{
	struct bytes first = vector_octets(V8, "ciphertext_first_49");
	struct bytes last = vector_octets(V8, "ciphertext_last_32");
	struct bytes sum = vector_text(V8, "sha256_of_ciphertext"), plain = BYTES_INIT;
	struct digest *d = digest_new();
	char hex[DIGEST_HEX_SIZE];
	struct ece_head head;
	struct stream s;

	(void)state;
	start(&s, SMALL);
	seal(&s, PLAIN);
	assert_int_equal(s.sealed.len, 9084);
	assert_int_equal(ece_sealed_size(SMALL, PLAIN), 9084);
	assert_memory_equal(s.sealed.data, first.data, first.len);
	assert_memory_equal(s.sealed.data + s.sealed.len - last.len, last.data, last.len);
	digest_add(d, bytes_slice(&s.sealed));
	digest_finish(&d, hex);
	assert_string_equal(hex, bytes_cstr(&sum));

	assert_int_equal(ece_head_read(bytes_slice(&s.sealed), &head), 0);
	assert_int_equal(head.record, SMALL);
	assert_memory_equal(head.salt, s.head.salt, ECE_SALT_SIZE);
	assert_true(gkid_eq(&head.gkid, &s.head.gkid));
	assert_int_equal(open_from(&s, bytes_slice(&s.sealed), 0, &plain), 0);
	assert_int_equal(plain.len, PLAIN);
	assert_memory_equal(plain.data, s.plain, PLAIN);
	bytes_fini(&first);
	bytes_fini(&last);
	bytes_fini(&sum);
	bytes_fini(&plain);
	bytes_fini(&s.sealed);
}

/* covers: GK-014 */
static void a_transfer_goes_on_at_any_record(void **state)
{
	struct stream s;

	(void)state;
	start(&s, SMALL);
	seal(&s, PLAIN);
	for (uint64_t n = 0; n < 3; n++) {
		struct bytes plain = BYTES_INIT;
		size_t from = (size_t)n * (SMALL - ECE_OVERHEAD);

		assert_int_equal(open_from(&s, bytes_slice(&s.sealed), n, &plain), 0);
		assert_int_equal(plain.len, PLAIN - from);
		assert_memory_equal(plain.data, s.plain + from, plain.len);
		bytes_fini(&plain);
	}
	bytes_fini(&s.sealed);
}

/* Lengths around the borders of records: nothing at all, full records, one octet more. */
static void each_length_comes_back(void **state)
{
	static const size_t room = SMALL - ECE_OVERHEAD;
	const size_t lengths[] = {0,        1,           room - 1, room, room + 1, 2 * room - 1,
				  2 * room, 2 * room + 1};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct bytes plain = BYTES_INIT;
		struct stream s;

		start(&s, SMALL);
		seal(&s, lengths[i]);
		assert_int_equal(s.sealed.len, ece_sealed_size(SMALL, lengths[i]));
		assert_int_equal(open_from(&s, bytes_slice(&s.sealed), 0, &plain), 0);
		assert_int_equal(plain.len, lengths[i]);
		if (plain.len > 0)
			assert_memory_equal(plain.data, s.plain, plain.len);
		bytes_fini(&plain);
		bytes_fini(&s.sealed);
	}
}

static void a_length_that_does_not_fit_is_the_greatest(void **state)
{
	(void)state;
	assert_true(ece_sealed_size(SMALL, UINT64_MAX) == UINT64_MAX);
	assert_true(ece_sealed_size(SMALL, UINT64_MAX - 100) == UINT64_MAX);
}

/* covers: GK-014 */
static void a_stream_cut_anywhere_is_refused(void **state)
{
	struct stream s;

	(void)state;
	start(&s, SMALL);
	seal(&s, PLAIN);
	/* at the borders of records, where only the delimiter tells */
	for (size_t n = 1; n < 3; n++)
		assert_int_equal(open_all(&s, slice_first(bytes_slice(&s.sealed),
							  ECE_HEAD_SIZE + n * SMALL)),
				 -ERR_SYNTAX);
	for (size_t len = ECE_HEAD_SIZE; len < s.sealed.len; len++)
		assert_true(open_all(&s, slice_first(bytes_slice(&s.sealed), len)) < 0);
	bytes_fini(&s.sealed);
}

static void swapped_and_repeated_records_are_refused(void **state)
{
	struct bytes mixed = BYTES_INIT, out = BYTES_INIT;
	struct slice r0, r1, all;
	struct stream s;

	(void)state;
	start(&s, SMALL);
	seal(&s, PLAIN);
	all = bytes_slice(&s.sealed);
	r0 = slice_first(slice_from(all, ECE_HEAD_SIZE), SMALL);
	r1 = slice_first(slice_from(all, ECE_HEAD_SIZE + SMALL), SMALL);
	assert_int_equal(ece_open(&s.keys, 1, r0, false, &out), -ERR_DENIED);
	assert_int_equal(ece_open(&s.keys, 0, r1, false, &out), -ERR_DENIED);
	assert_int_equal(ece_open(&s.keys, UINT64_MAX, r1, false, &out), -ERR_DENIED);
	assert_int_equal(out.len, 0);
	bytes_add_slice(&mixed, slice_first(all, ECE_HEAD_SIZE));
	bytes_add_slice(&mixed, r1);
	bytes_add_slice(&mixed, r0);
	bytes_add_slice(&mixed, slice_from(all, ECE_HEAD_SIZE + 2 * SMALL));
	assert_int_equal(open_all(&s, bytes_slice(&mixed)), -ERR_DENIED);
	bytes_reset(&mixed);
	bytes_add_slice(&mixed, slice_first(all, ECE_HEAD_SIZE + SMALL));
	bytes_add_slice(&mixed, r0);
	bytes_add_slice(&mixed, slice_from(all, ECE_HEAD_SIZE + SMALL));
	assert_int_equal(open_all(&s, bytes_slice(&mixed)), -ERR_DENIED);
	bytes_fini(&mixed);
	bytes_fini(&s.sealed);
}

static void nothing_follows_the_last_record(void **state)
{
	size_t room = SMALL - ECE_OVERHEAD;
	struct bytes out = BYTES_INIT;
	struct stream s;

	(void)state;
	start(&s, SMALL);
	seal(&s, room); /* one full record, the last */
	assert_int_equal(ece_seal(&s.keys, 1, SLICE_LIT("more"), true, &s.sealed), 0);
	assert_int_equal(open_all(&s, bytes_slice(&s.sealed)), -ERR_SYNTAX);
	/* octets that are no record */
	s.sealed.len = ECE_HEAD_SIZE + SMALL;
	bytes_add_str(&s.sealed, "0123456789abcdef01234567");
	assert_true(open_all(&s, bytes_slice(&s.sealed)) < 0);
	assert_int_equal(out.len, 0);
	bytes_fini(&s.sealed);
}

static void each_flipped_bit_of_a_record_is_refused(void **state)
{
	struct bytes record = BYTES_INIT, out = BYTES_INIT;
	struct stream s;

	(void)state;
	start(&s, SMALL);
	assert_int_equal(ece_seal(&s.keys, 5, SLICE_LIT("a short record"), true, &record), 0);
	for (size_t bit = 0; bit < record.len * 8; bit++) {
		record.data[bit / 8] ^= (char)(1 << bit % 8);
		assert_int_equal(ece_open(&s.keys, 5, bytes_slice(&record), true, &out),
				 -ERR_DENIED);
		record.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t n = 0; n < record.len; n++)
		assert_true(ece_open(&s.keys, 5, slice_first(bytes_slice(&record), n), true, &out) <
			    0);
	assert_null(out.data);
	assert_int_equal(ece_open(&s.keys, 5, bytes_slice(&record), false, &out), -ERR_SYNTAX);
	assert_int_equal(ece_open(&s.keys, 5, bytes_slice(&record), true, &out), 0);
	assert_string_equal(bytes_cstr(&out), "a short record");
	bytes_fini(&record);
	bytes_fini(&out);
}

static void keys_of_another_salt_or_epoch_open_nothing(void **state)
{
	struct bytes record = BYTES_INIT, out = BYTES_INIT;
	uint8_t other[32] = {9};
	struct ece_keys keys;
	struct stream s;

	(void)state;
	start(&s, SMALL);
	assert_int_equal(ece_seal(&s.keys, 0, SLICE_LIT("x"), true, &record), 0);
	ece_keys(&s.head, other, &keys);
	assert_int_equal(ece_open(&keys, 0, bytes_slice(&record), true, &out), -ERR_DENIED);
	bytes_fini(&record);
}

/* Record sizes at the limits and beyond; heads that are none. */
static void heads_are_checked(void **state)
{
	static const struct {
		uint32_t record;
		int expected;
	} sizes[] = {
		{0, -ERR_LIMIT},
		{17, -ERR_LIMIT},
		{18, -ERR_LIMIT},
		{4095, -ERR_LIMIT},
		{4096, 0},
		{16384, 0},
		{65536, 0},
		{65537, -ERR_LIMIT},
		{0x7fffffff, -ERR_LIMIT},
		{UINT32_MAX, -ERR_LIMIT},
	};
	uint8_t raw[ECE_HEAD_SIZE], again[ECE_HEAD_SIZE];
	struct ece_head head;
	struct stream s;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		start(&s, sizes[i].record < ECE_OVERHEAD ? SMALL : sizes[i].record);
		s.head.record = sizes[i].record;
		ece_head_build(&s.head, raw);
		assert_int_equal(ece_head_read(slice_make(raw, sizeof(raw)), &head),
				 sizes[i].expected);
		if (sizes[i].expected == 0) {
			ece_head_build(&head, again);
			assert_memory_equal(raw, again, sizeof(raw));
		}
	}
	start(&s, SMALL);
	ece_head_build(&s.head, raw);
	for (size_t n = 0; n < sizeof(raw); n++)
		assert_int_equal(ece_head_read(slice_make(raw, n), &head), -ERR_SYNTAX);
	raw[20] = 11;
	assert_int_equal(ece_head_read(slice_make(raw, sizeof(raw)), &head), -ERR_SYNTAX);
	raw[20] = 13;
	assert_int_equal(ece_head_read(slice_make(raw, sizeof(raw)), &head), -ERR_SYNTAX);
	raw[20] = 12;
	memset(raw + 29, 0, 4);
	assert_int_equal(ece_head_read(slice_make(raw, sizeof(raw)), &head), -ERR_SYNTAX);
}

static void records_have_a_limit(void **state)
{
	uint8_t *much = calloc(1, ECE_RECORD_MAX + 1);
	struct bytes record = BYTES_INIT, out = BYTES_INIT;
	struct stream s;

	(void)state;
	start(&s, ECE_RECORD_MAX);
	much[0] = 1;
	assert_int_equal(ece_seal(&s.keys, 0, slice_make(much, ECE_RECORD_MAX - ECE_OVERHEAD + 1),
				  true, &record),
			 -ERR_LIMIT);
	assert_int_equal(record.len, 0);
	assert_int_equal(ece_seal(&s.keys, 0, slice_make(much, ECE_RECORD_MAX - ECE_OVERHEAD), true,
				  &record),
			 0);
	assert_int_equal(record.len, ECE_RECORD_MAX);
	assert_int_equal(ece_open(&s.keys, 0, bytes_slice(&record), true, &out), 0);
	assert_int_equal(ece_open(&s.keys, 0, slice_make(much, ECE_RECORD_MAX + 1), true, &out),
			 -ERR_LIMIT);
	bytes_fini(&record);
	bytes_fini(&out);
	free(much);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vector_holds_both_ways),
		cmocka_unit_test(a_transfer_goes_on_at_any_record),
		cmocka_unit_test(each_length_comes_back),
		cmocka_unit_test(a_length_that_does_not_fit_is_the_greatest),
		cmocka_unit_test(a_stream_cut_anywhere_is_refused),
		cmocka_unit_test(swapped_and_repeated_records_are_refused),
		cmocka_unit_test(nothing_follows_the_last_record),
		cmocka_unit_test(each_flipped_bit_of_a_record_is_refused),
		cmocka_unit_test(keys_of_another_salt_or_epoch_open_nothing),
		cmocka_unit_test(heads_are_checked),
		cmocka_unit_test(records_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
