/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/frame: identifiers of ours and outgoing SENDs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "mrfp/frame.h"
#include "proto/msrp_head.h"

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* covers: MSRP-003 */
static void a_hundred_thousand_ids_are_legal_long_and_never_the_same(void **state)
{
	enum { N = 100000 };
	char(*ids)[MSRP_TID_MAX + 1] = calloc(N, MSRP_TID_MAX + 1);
	struct series s;

	(void)state;
	assert_non_null(ids);
	series_init(&s);
	for (int i = 0; i < N; i++) {
		size_t len = series_format(&s, s.next++, SLICE_NULL, ids[i]);
		assert_true(len > SERIES_PREFIX && len <= MSRP_TID_MAX);
		assert_true(msrp_ident_ok(slice_make(ids[i], len)));
	}
	qsort(ids, N, sizeof(ids[0]), compare);
	for (int i = 1; i < N; i++)
		assert_string_not_equal(ids[i - 1], ids[i]);
	free(ids);
}

static void two_series_have_different_prefixes(void **state)
{
	struct series a, b;
	uint64_t num;
	struct slice suffix;
	char id[MSRP_TID_MAX + 1];

	(void)state;
	series_init(&a);
	series_init(&b);
	assert_string_not_equal(a.prefix, b.prefix);
	series_format(&a, 7, SLICE_NULL, id);
	assert_false(series_match(&b, slice_str(id), &num, &suffix));
}

static void an_id_gives_back_its_number_and_suffix(void **state)
{
	static const uint64_t nums[] = {0, 1, 15, 16, 0xabcdef, UINT64_MAX};
	struct series s;
	struct slice suffix;
	char id[MSRP_TID_MAX + 1];
	uint64_t num;

	(void)state;
	series_init(&s);
	for (size_t i = 0; i < sizeof(nums) / sizeof(nums[0]); i++) {
		size_t len = series_format(&s, nums[i], SLICE_LIT(".2"), id);
		assert_true(series_match(&s, slice_make(id, len), &num, &suffix));
		assert_true(num == nums[i]);
		assert_true(slice_eq_str(suffix, ".2"));
		assert_true(series_match(&s, slice_make(id, len - 2), &num, &suffix));
		assert_int_equal(suffix.len, 0);
	}
	assert_false(series_match(&s, slice_str(s.prefix), &num, &suffix));
	series_format(&s, 1, SLICE_NULL, id);
	id[SERIES_PREFIX] = 'x';
	assert_false(series_match(&s, slice_str(id), &num, &suffix));
}

static struct slice find(const struct chunk *c, const char *text)
{
	ptrdiff_t at = slice_find(chunk_slice(c), slice_str(text));

	return at < 0 ? SLICE_NULL : slice_from(chunk_slice(c), (size_t)at);
}

/* covers: MSRP-017 */
static void an_id_whose_end_line_is_in_the_body_is_passed_over(void **state)
{
	struct msrp_rest rest = {.content_type = SLICE_LIT("text/plain")};
	struct series s;
	struct bytes body = BYTES_INIT;
	uint32_t start_len;
	uint64_t num;
	struct chunk *c;

	(void)state;
	series_init(&s);
	/* the first line of the body, with another flag, and in the middle with a suffix */
	bytes_addf(&body, "-------%s1!\r\nabc-------%s2.1$\r\n-------%s4$", s.prefix, s.prefix,
		   s.prefix);
	c = frame_send(&s, SLICE_NULL, SLICE_NULL, &rest, bytes_slice(&body), '$', &num,
		       &start_len);
	assert_true(num == 3);
	assert_non_null(find(c, "MSRP ").ptr);
	assert_int_equal(start_len, 5 + SERIES_PREFIX + 1 + 7);
	assert_non_null(memmem(c->data, c->len, body.data, body.len));
	chunk_unref(&c);
	c = frame_send(&s, SLICE_NULL, SLICE_NULL, &rest, bytes_slice(&body), '$', &num,
		       &start_len);
	assert_true(num == 5);
	chunk_unref(&c);
	bytes_fini(&body);
}

/* covers: MSRP-012, MSRP-013 */
static void a_frame_is_canonical_with_and_without_body(void **state)
{
	struct msrp_rest rest = {.message_id = SLICE_LIT("mid1"), .range = {true, 1, 0, 0}};
	struct series s = {.prefix = "abcdefghijk", .next = 10};
	uint32_t start_len;
	uint64_t num;
	struct chunk *c;

	(void)state;
	c = frame_send(&s, SLICE_LIT(".1"), SLICE_LIT("P: x\r\n"), &rest, SLICE_NULL, '$', &num,
		       &start_len);
	assert_true(slice_eq_str(chunk_slice(c), "MSRP abcdefghijka.1 SEND\r\nP: x\r\n"
						 "Message-ID: mid1\r\nByte-Range: 1-0/0\r\n"
						 "-------abcdefghijka.1$\r\n"));
	chunk_unref(&c);
	rest.content_type = SLICE_LIT("text/plain");
	rest.range = frame_range(1, 2, 2);
	c = frame_send(&s, SLICE_NULL, SLICE_NULL, &rest, SLICE_LIT("hi"), '+', &num, &start_len);
	assert_true(slice_eq_str(chunk_slice(c), "MSRP abcdefghijkb SEND\r\nMessage-ID: mid1\r\n"
						 "Byte-Range: 1-2/2\r\nContent-Type: text/plain\r\n"
						 "\r\nhi\r\n-------abcdefghijkb+\r\n"));
	chunk_unref(&c);
}

/* covers: MSRP-063 */
static void a_chunk_above_2048_octets_is_interruptible(void **state)
{
	(void)state;
	assert_true(frame_range(1, 2048, 5000).end == 2048);
	assert_true(frame_range(1, 2049, 5000).end == MSRP_UNSPECIFIED);
	assert_true(frame_range(2049, 10, 5000).end == 2058);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hundred_thousand_ids_are_legal_long_and_never_the_same),
		cmocka_unit_test(two_series_have_different_prefixes),
		cmocka_unit_test(an_id_gives_back_its_number_and_suffix),
		cmocka_unit_test(an_id_whose_end_line_is_in_the_body_is_passed_over),
		cmocka_unit_test(a_frame_is_canonical_with_and_without_body),
		cmocka_unit_test(a_chunk_above_2048_octets_is_interruptible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
