/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/chunk: counting references. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/chunk.h"

static void a_chunk_lives_until_its_last_reference(void **state)
{
	struct chunk *a = chunk_from(SLICE_LIT("body"));
	struct chunk *b = chunk_ref(a);

	(void)state;
	assert_ptr_equal(a, b);
	assert_int_equal(b->refs, 2);
	chunk_unref(&a);
	assert_null(a);
	assert_int_equal(b->refs, 1);
	assert_true(slice_eq_str(chunk_slice(b), "body"));
	chunk_unref(&b);
	assert_null(b);
	chunk_unref(&b);
}

static void the_largest_chunk_is_allowed(void **state)
{
	struct chunk *c = chunk_new(CHUNK_MAX);

	(void)state;
	assert_int_equal(c->len, CHUNK_MAX);
	chunk_unref(&c);
	c = chunk_from(SLICE_NULL);
	assert_int_equal(chunk_slice(c).len, 0);
	chunk_unref(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chunk_lives_until_its_last_reference),
		cmocka_unit_test(the_largest_chunk_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
