/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/transaction: settling in and out of order, the response timer, the ceiling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mrfp/transaction.h"

static void push(struct txring *r, uint64_t num, uint32_t at_ms, bool sent)
{
	struct tx evicted,
		t = {.num = num, .serial = num * 10, .at_ms = at_ms, .sent = sent, .last = true};

	assert_false(txring_push(r, &t, &evicted));
}

/* covers: MSRP-095, MSRP-098 */
static void responses_settle_in_any_order_and_once(void **state)
{
	struct txring r = {0};
	struct tx t;

	(void)state;
	assert_false(txring_settle(&r, 1, &t));
	for (uint64_t n = 1; n <= 20; n += 2)
		push(&r, n, 0, true);
	assert_true(txring_settle(&r, 1, &t));
	assert_int_equal(t.serial, 10);
	assert_false(txring_settle(&r, 1, &t));
	assert_true(txring_settle(&r, 7, &t));
	assert_false(txring_settle(&r, 7, &t));
	assert_false(txring_settle(&r, 8, &t)); /* never sent */
	assert_true(txring_settle(&r, 3, &t));
	assert_true(txring_settle(&r, 19, &t));
	assert_true(txring_settle(&r, 5, &t)); /* takes the hole of 7 with it */
	assert_true(txring_settle(&r, 9, &t));
	assert_false(txring_settle(&r, 99, &t));
	for (uint64_t n = 11; n <= 17; n += 2)
		assert_true(txring_settle(&r, n, &t));
	assert_int_equal(txring_open(&r), 0);
	txring_fini(&r);
}

/* covers: MSRP-094 */
static void silence_expires_from_the_last_octet_on(void **state)
{
	struct txring r = {0};
	struct tx t;

	(void)state;
	push(&r, 1, UINT32_MAX - 10000, true); /* the clock's low bits pass zero */
	push(&r, 2, 0, false);
	assert_false(txring_expire(&r, UINT32_MAX - 10000 + 29999, 30000, &t));
	assert_true(txring_expire(&r, UINT32_MAX - 10000 + 30000, 30000, &t));
	assert_int_equal(t.num, 1);
	assert_false(txring_expire(&r, 10000000, 30000, &t)); /* not written yet */
	txring_mark_sent(&r, 2, 50000);
	assert_false(txring_expire(&r, 79999, 30000, &t));
	assert_false(txring_expire(&r, 40000, 30000, &t)); /* a clock behind is no timeout */
	assert_true(txring_expire(&r, 80000, 30000, &t));
	assert_false(txring_expire(&r, 80000, 30000, &t));
	txring_fini(&r);
}

static void the_oldest_goes_at_the_ceiling(void **state)
{
	struct txring r = {0};
	struct tx evicted, t = {.num = TX_MAX + 1, .sent = true};

	(void)state;
	for (uint64_t n = 1; n <= TX_MAX; n++)
		push(&r, n, 0, true);
	assert_true(txring_push(&r, &t, &evicted));
	assert_int_equal(evicted.num, 1);
	assert_int_equal(txring_open(&r), TX_MAX);
	assert_true(txring_settle(&r, TX_MAX + 1, &t));
	txring_fini(&r);
}

static void a_message_is_found_and_marked_settled(void **state)
{
	struct txring r = {0};
	struct tx evicted, t = {.num = 1, .serial = 5, .sent = true};

	(void)state;
	txring_push(&r, &t, &evicted);
	t.num = 2;
	txring_push(&r, &t, &evicted);
	assert_int_equal(txring_find(&r, 5)->num, 2);
	assert_null(txring_find(&r, 6));
	assert_false(txring_mark_settled(&r, 5)); /* its last chunk is not out */
	t.num = 3;
	t.last = true;
	txring_push(&r, &t, &evicted);
	assert_true(txring_mark_settled(&r, 5));
	assert_true(txring_settle(&r, 3, &t));
	assert_true(t.settled);
	txring_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(responses_settle_in_any_order_and_once),
		cmocka_unit_test(silence_expires_from_the_last_octet_on),
		cmocka_unit_test(the_oldest_goes_at_the_ceiling),
		cmocka_unit_test(a_message_is_found_and_marked_settled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
