/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/buf: keeping, consuming, giving memory back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/buf.h"

static void bytes_are_kept_until_consumed(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_int_equal(buf_keep(&b, SLICE_LIT("hello "), 100), 0);
	assert_int_equal(buf_keep(&b, SLICE_LIT("world"), 100), 0);
	assert_true(slice_eq_str(buf_held(&b), "hello world"));
	buf_consume(&b, 6);
	assert_true(slice_eq_str(buf_held(&b), "world"));
	assert_int_equal(buf_keep(&b, SLICE_LIT("!"), 100), 0);
	assert_true(slice_eq_str(buf_held(&b), "world!"));
	buf_fini(&b);
}

static void an_empty_buffer_holds_no_memory(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_int_equal(buf_keep(&b, SLICE_LIT("abc"), 3), 0);
	assert_non_null(b.data);
	buf_consume(&b, 3);
	assert_null(b.data);
	assert_int_equal(b.cap, 0);
	assert_int_equal(buf_held(&b).len, 0);
	assert_int_equal(buf_keep(&b, SLICE_NULL, 3), 0);
	assert_null(b.data);
}

static void the_limit_counts_what_is_held_only(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_int_equal(buf_keep(&b, SLICE_LIT("12345"), 4), -ERR_LIMIT);
	assert_int_equal(buf_keep(&b, SLICE_LIT("1234"), 4), 0);
	assert_int_equal(buf_keep(&b, SLICE_LIT("5"), 4), -ERR_LIMIT);
	assert_true(slice_eq_str(buf_held(&b), "1234"));
	buf_consume(&b, 1);
	assert_int_equal(buf_keep(&b, SLICE_LIT("5"), 4), 0);
	assert_true(slice_eq_str(buf_held(&b), "2345"));
	buf_fini(&b);
}

static void the_parse_cursor_moves_with_the_bytes(void **state)
{
	struct buf b = {0};
	char fill[200] = {0};

	(void)state;
	assert_int_equal(buf_keep(&b, slice_make(fill, sizeof(fill)), 1000), 0);
	b.parse = 150;
	buf_consume(&b, 100);
	assert_int_equal(buf_keep(&b, slice_make(fill, sizeof(fill)), 1000), 0);
	assert_int_equal(b.done, 0);
	assert_int_equal(b.parse, 50);
	assert_int_equal(buf_held(&b).len, 300);
	buf_consume(&b, 60);
	assert_int_equal(b.parse, 60);
	buf_fini(&b);
}

static void a_stream_fed_byte_by_byte_stays_in_order(void **state)
{
	struct buf b = {0};
	unsigned char next = 0, want = 0;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		char c = (char)next++;

		assert_int_equal(buf_keep(&b, slice_make(&c, 1), 700), 0);
		while (buf_held(&b).len > 600) {
			assert_int_equal((unsigned char)buf_held(&b).ptr[0], want++);
			buf_consume(&b, 1);
		}
	}
	assert_true(b.cap <= 1024);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_kept_until_consumed),
		cmocka_unit_test(an_empty_buffer_holds_no_memory),
		cmocka_unit_test(the_limit_counts_what_is_held_only),
		cmocka_unit_test(the_parse_cursor_moves_with_the_bytes),
		cmocka_unit_test(a_stream_fed_byte_by_byte_stays_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
