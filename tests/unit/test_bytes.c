/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/bytes: growth, the ceiling, integers, handing over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "common/bytes.h"

static void pieces_are_appended_and_nul_terminated(void **state)
{
	struct bytes b = BYTES_INIT;

	(void)state;
	assert_string_equal(bytes_cstr(&b), "");
	bytes_add_str(&b, "MSRP ");
	bytes_add_slice(&b, SLICE_LIT("d93kswow"));
	bytes_add_char(&b, ' ');
	bytes_addf(&b, "%d %s", 200, "OK");
	bytes_add(&b, NULL, 0);
	assert_true(bytes_ok(&b));
	assert_string_equal(bytes_cstr(&b), "MSRP d93kswow 200 OK");
	assert_int_equal(b.len, 20);
	bytes_drop(&b, 5);
	assert_string_equal(bytes_cstr(&b), "d93kswow 200 OK");
	bytes_drop(&b, b.len);
	assert_string_equal(bytes_cstr(&b), "");
	bytes_fini(&b);
	assert_null(b.data);
}

static void integers_are_big_endian(void **state)
{
	static const uint8_t want[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	struct bytes b = BYTES_INIT;

	(void)state;
	bytes_add_u8(&b, 0x01);
	bytes_add_u16(&b, 0x0203);
	bytes_add_u32(&b, 0x04050607);
	bytes_add_u64(&b, 0x08090a0b0c0d0e0f);
	assert_int_equal(b.len, sizeof(want));
	assert_memory_equal(b.data, want, sizeof(want));
	bytes_fini(&b);
}

static void the_ceiling_takes_its_last_byte_and_no_more(void **state)
{
	struct bytes b;

	(void)state;
	bytes_init(&b, 10);
	bytes_add_str(&b, "0123456789");
	assert_true(bytes_ok(&b));
	bytes_add_char(&b, 'x');
	assert_false(bytes_ok(&b));
	assert_string_equal(bytes_cstr(&b), "0123456789");
	bytes_reset(&b);
	assert_true(bytes_ok(&b));
	assert_int_equal(b.len, 0);
	assert_int_equal(b.max, 10);
	bytes_add_str(&b, "0123456789x");
	assert_false(bytes_ok(&b));
	bytes_fini(&b);
}

static void nothing_is_added_after_a_failure(void **state)
{
	struct bytes b;

	(void)state;
	bytes_init(&b, 4);
	bytes_add_str(&b, "abc");
	bytes_add_str(&b, "de");
	bytes_add_str(&b, "f");
	bytes_addf(&b, "%d", 1);
	assert_false(bytes_ok(&b));
	assert_string_equal(bytes_cstr(&b), "abc");
	bytes_fini(&b);
}

static void a_long_formatted_text_obeys_the_ceiling(void **state)
{
	struct bytes b;

	(void)state;
	bytes_init(&b, 300);
	bytes_addf(&b, "%0300d", 7);
	assert_true(bytes_ok(&b));
	assert_int_equal(b.len, 300);
	assert_int_equal(b.data[299], '7');
	assert_int_equal(b.data[300], '\0');
	bytes_fini(&b);
	bytes_init(&b, 299);
	bytes_addf(&b, "%0300d", 7);
	assert_false(bytes_ok(&b));
	assert_int_equal(b.len, 0);
	bytes_fini(&b);
}

static void the_default_ceiling_is_16_mib(void **state)
{
	struct bytes b = BYTES_INIT;
	char *block = calloc(1, 1u << 20);

	(void)state;
	for (int i = 0; i < 16; i++)
		bytes_add(&b, block, 1u << 20);
	assert_true(bytes_ok(&b));
	assert_int_equal(b.len, BYTES_MAX_DEFAULT);
	bytes_add_char(&b, 'x');
	assert_false(bytes_ok(&b));
	bytes_fini(&b);
	free(block);
}

static void the_block_can_be_handed_over(void **state)
{
	struct bytes b;
	char *s;

	(void)state;
	bytes_init(&b, 99);
	bytes_add_str(&b, "abc");
	s = bytes_take(&b);
	assert_string_equal(s, "abc");
	free(s);
	assert_null(b.data);
	assert_int_equal(b.max, 99);
	s = bytes_take(&b);
	assert_string_equal(s, "");
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_appended_and_nul_terminated),
		cmocka_unit_test(integers_are_big_endian),
		cmocka_unit_test(the_ceiling_takes_its_last_byte_and_no_more),
		cmocka_unit_test(nothing_is_added_after_a_failure),
		cmocka_unit_test(a_long_formatted_text_obeys_the_ceiling),
		cmocka_unit_test(the_default_ceiling_is_16_mib),
		cmocka_unit_test(the_block_can_be_handed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
