/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/ctl_dedup: saved replies, their number and their octets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "mrfp/ctl_dedup.h"

static void a_reply_is_found_again_and_the_first_one_stays(void **state)
{
	struct ctl_dedup *d = ctl_dedup_new();

	(void)state;
	assert_int_equal(ctl_dedup_find(d, 1).len, 0);
	ctl_dedup_save(d, 1, SLICE_LIT("one"));
	ctl_dedup_save(d, 1, SLICE_LIT("other"));
	assert_true(slice_eq_str(ctl_dedup_find(d, 1), "one"));
	ctl_dedup_reset(d);
	assert_int_equal(ctl_dedup_find(d, 1).len, 0);
	ctl_dedup_free(&d);
	assert_null(d);
	ctl_dedup_free(&d);
}

static void the_oldest_is_forgotten_at_4097(void **state)
{
	struct ctl_dedup *d = ctl_dedup_new();

	(void)state;
	for (uint32_t i = 0; i < CTL_DEDUP_MAX; i++)
		ctl_dedup_save(d, i, SLICE_LIT("x"));
	assert_int_equal(ctl_dedup_find(d, 0).len, 1);
	ctl_dedup_save(d, CTL_DEDUP_MAX, SLICE_LIT("x"));
	assert_int_equal(ctl_dedup_find(d, 0).len, 0);
	assert_int_equal(ctl_dedup_find(d, 1).len, 1);
	assert_int_equal(ctl_dedup_find(d, CTL_DEDUP_MAX).len, 1);
	ctl_dedup_free(&d);
}

static void large_replies_push_out_more(void **state)
{
	struct ctl_dedup *d = ctl_dedup_new();
	struct slice big = {calloc(1, CTL_DEDUP_BYTES / 2), CTL_DEDUP_BYTES / 2};

	(void)state;
	ctl_dedup_save(d, 1, big);
	ctl_dedup_save(d, 2, big);
	assert_int_equal(ctl_dedup_find(d, 1).len, big.len);
	ctl_dedup_save(d, 3, SLICE_LIT("x"));
	assert_int_equal(ctl_dedup_find(d, 1).len, 0);
	assert_int_equal(ctl_dedup_find(d, 2).len, big.len);
	ctl_dedup_free(&d);
	free((void *)(uintptr_t)big.ptr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reply_is_found_again_and_the_first_one_stays),
		cmocka_unit_test(the_oldest_is_forgotten_at_4097),
		cmocka_unit_test(large_replies_push_out_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
