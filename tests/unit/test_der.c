/* SPDX-License-Identifier: Apache-2.0 */
/* DER: elements one after the other, lengths as short as they can be, nothing past what encloses it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/der.h"

#define SLICE(...)                                                                                 \
	slice_make((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static int take(struct slice in, uint8_t tag, struct slice *content_r)
{
	struct der d = der_whole(in);

	return der_take_slice(&d, tag, content_r);
}

static void elements_follow_each_other(void **state)
{
	struct der d = der_whole(SLICE(0x30, 3, 2, 1, 7, 4, 0)), inside;
	struct slice s;

	(void)state;
	assert_true(der_is_next(&d, DER_SEQUENCE));
	assert_int_equal(der_take(&d, DER_SEQUENCE, &inside), 0);
	assert_int_equal(der_take_slice(&inside, DER_INTEGER, &s), 0);
	assert_int_equal(s.len, 1);
	assert_int_equal(s.ptr[0], 7);
	assert_int_equal(inside.left, 0);
	assert_int_equal(der_take(&inside, DER_INTEGER, &inside), -ERR_SYNTAX);
	assert_int_equal(der_take_slice(&d, DER_OCTETS, &s), 0);
	assert_int_equal(s.len, 0);
	assert_int_equal(d.left, 0);
	assert_false(der_is_next(&d, DER_OCTETS));
}

static void other_tags_are_refused(void **state)
{
	struct slice s;

	(void)state;
	assert_int_equal(take(SLICE(4, 1, 0), DER_INTEGER, &s), -ERR_SYNTAX);
	assert_int_equal(take(SLICE(0x24, 3, 4, 1, 0), DER_OCTETS, &s), -ERR_SYNTAX);
}

static void lengths_are_definite_minimal_and_inside(void **state)
{
	struct slice s;

	(void)state;
	assert_int_equal(take(SLICE(4, 0x80, 0, 0), DER_OCTETS, &s), -ERR_SYNTAX);
	assert_int_equal(take(SLICE(4, 0x81, 1, 0), DER_OCTETS, &s), -ERR_SYNTAX);
	assert_int_equal(take(SLICE(4, 0x82, 0, 1, 0), DER_OCTETS, &s), -ERR_SYNTAX);
	assert_int_equal(take(SLICE(4, 0x84, 0xff, 0xff, 0xff, 0xff), DER_OCTETS, &s), -ERR_SYNTAX);
	assert_int_equal(take(SLICE(4, 0x85, 1, 0, 0, 0, 0), DER_OCTETS, &s), -ERR_SYNTAX);
	assert_int_equal(take(SLICE(4, 0xff), DER_OCTETS, &s), -ERR_SYNTAX);
	assert_int_equal(take(SLICE(4, 2, 0), DER_OCTETS, &s), -ERR_SYNTAX);
	assert_int_equal(take(SLICE(4), DER_OCTETS, &s), -ERR_SYNTAX);
	assert_int_equal(take(SLICE_NULL, DER_OCTETS, &s), -ERR_SYNTAX);
}

/* Content of each length around the borders comes back, and one octet less is refused. */
static void what_is_written_is_read(void **state)
{
	static const size_t lengths[] = {0, 1, 127, 128, 255, 256, 65535, 65536, 70000};
	static const char zeros[70000];

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct bytes b = BYTES_INIT;
		struct slice s;

		der_add(&b, DER_OCTETS, slice_make(zeros, lengths[i]));
		assert_int_equal(b.len, der_size(lengths[i]));
		assert_int_equal(take(bytes_slice(&b), DER_OCTETS, &s), 0);
		assert_int_equal(s.len, lengths[i]);
		assert_int_equal(take(slice_first(bytes_slice(&b), b.len - 1), DER_OCTETS, &s),
				 -ERR_SYNTAX);
		bytes_fini(&b);
	}
}

/* Of an element that is known to be longer than what is in sight, no part is taken for the whole. */
static void what_is_out_of_sight_is_waited_for(void **state)
{
	const struct slice all = SLICE(0x30, 0x81, 0x80, 4, 2, 1, 2);
	struct slice s;

	(void)state;
	for (size_t n = 0; n < all.len; n++) {
		struct der d = {slice_first(all, n), 200}, inside;
		int rc = der_take(&d, DER_SEQUENCE, &inside);

		if (n < 3) {
			assert_int_equal(rc, -ERR_AGAIN);
			continue;
		}
		assert_int_equal(rc, 0);
		assert_int_equal(inside.left, 0x80);
		assert_int_equal(d.left, 200 - 3 - 0x80);
		assert_int_equal(der_take_slice(&inside, DER_OCTETS, &s), -ERR_AGAIN);
	}
}

static void octets_are_compared(void **state)
{
	struct der d = {SLICE(1, 2, 3), 5};

	(void)state;
	assert_int_equal(der_take_exactly(&d, "\1\3", 2), -ERR_SYNTAX);
	assert_int_equal(der_take_exactly(&d, "\1\2", 2), 0);
	assert_int_equal(der_take_exactly(&d, "\3\4", 2), -ERR_AGAIN);
	assert_int_equal(der_take_exactly(&d, "\3\4\5\6", 4), -ERR_SYNTAX);
	assert_int_equal(d.left, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_follow_each_other),
		cmocka_unit_test(other_tags_are_refused),
		cmocka_unit_test(lengths_are_definite_minimal_and_inside),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(what_is_out_of_sight_is_waited_for),
		cmocka_unit_test(octets_are_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
