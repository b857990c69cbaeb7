/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/ranges: octets of a message in any order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "mrfp/ranges.h"

/* The same numbers in every run. */
static uint64_t next_number(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return *seed >> 33;
}

static void in_order_it_is_one_piece(void **state)
{
	struct ranges r = {0};

	(void)state;
	assert_true(ranges_complete(&r, 0));
	assert_false(ranges_complete(&r, 1));
	for (uint64_t at = 1; at < 1000; at += 10) {
		assert_int_equal(ranges_add(&r, at, 10), 0);
		assert_int_equal(r.n_more, 0);
	}
	assert_true(ranges_complete(&r, 1000));
	assert_false(ranges_complete(&r, 1001));
	assert_true(ranges_top(&r) == 1000);
	assert_int_equal(ranges_add(&r, 1, 0), 0);
	ranges_fini(&r);
}

/* covers: MSRP-067 */
static void any_order_gaps_and_overlaps_add_up(void **state)
{
	enum { LEN = 300 };
	uint64_t seed = 4975;

	(void)state;
	for (int round = 0; round < 500; round++) {
		bool model[LEN + 20] = {false};
		struct ranges r = {0};

		for (int i = 0; i < 40; i++) {
			uint64_t start = 1 + next_number(&seed) % LEN,
				 len = 1 + next_number(&seed) % 15;
			uint64_t full = 0, top = 0;

			assert_int_equal(ranges_add(&r, start, len), 0);
			for (uint64_t n = start; n < start + len; n++)
				model[n] = true;
			while (model[full + 1])
				full++;
			for (uint64_t n = 1; n < LEN + 20; n++)
				top = model[n] ? n : top;
			assert_true(ranges_complete(&r, full));
			assert_false(ranges_complete(&r, full + 1));
			assert_true(ranges_top(&r) == top);
		}
		ranges_fini(&r);
	}
}

static void too_many_pieces_are_refused(void **state)
{
	struct ranges r = {0};

	(void)state;
	for (uint64_t n = 0; n < RANGES_MAX - 1; n++)
		assert_int_equal(ranges_add(&r, 10 + 2 * n, 1), 0);
	assert_int_equal(ranges_add(&r, 10 + 2 * RANGES_MAX, 1), 0);
	assert_int_equal(ranges_add(&r, 1000, 1), -ERR_LIMIT);
	ranges_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order_it_is_one_piece),
		cmocka_unit_test(any_order_gaps_and_overlaps_add_up),
		cmocka_unit_test(too_many_pieces_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
