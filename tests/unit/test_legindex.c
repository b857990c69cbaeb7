/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/legindex: any order in, any order out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mrfp/legindex.h"

#define N 101 /* a prime: steps of 37 visit each key once */

static struct session *leg(uint64_t key)
{
	return (struct session *)(uintptr_t)(key + 1);
}

static void what_was_added_is_found_whatever_the_order(void **state)
{
	struct legindex ix = {0};
	uint64_t key = 0;

	(void)state;
	assert_null(legindex_find(&ix, 0));
	for (int i = 0; i < N; i++, key = (key + 37) % N)
		legindex_add(&ix, key * UINT64_C(0x100000001), leg(key));
	for (uint64_t k = 0; k < N; k++) {
		assert_ptr_equal(legindex_find(&ix, k * UINT64_C(0x100000001)), leg(k));
		assert_null(legindex_find(&ix, k * UINT64_C(0x100000001) + 1));
	}
	key = 5;
	for (int i = 0; i < N; i++, key = (key + 59) % N) {
		legindex_remove(&ix, key * UINT64_C(0x100000001));
		assert_null(legindex_find(&ix, key * UINT64_C(0x100000001)));
		assert_int_equal(ix.n, N - 1 - i);
	}
	assert_null(ix.at);
}

static void rising_keys_are_appended(void **state)
{
	struct legindex ix = {0};

	(void)state;
	for (uint64_t k = 0; k < 1000; k++)
		legindex_add(&ix, k, leg(k));
	for (uint64_t k = 0; k < 1000; k++)
		assert_ptr_equal(ix.at[k].session, leg(k));
	for (uint64_t k = 0; k < 1000; k++)
		legindex_remove(&ix, k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_found_whatever_the_order),
		cmocka_unit_test(rising_keys_are_appended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
