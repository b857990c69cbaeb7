/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/outq: order, the ceiling, partial writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/outq.h"

struct seen {
	uint64_t tags[8];
	size_t n;
	struct outq *push_to;
};

static void on_sent(uint64_t tag, void *arg)
{
	struct seen *seen = arg;

	seen->tags[seen->n++] = tag;
	if (seen->push_to)
		assert_int_equal(outq_push(seen->push_to, chunk_from(SLICE_LIT("new")), 99), 0);
	seen->push_to = NULL;
}

static int push(struct outq *q, const char *text, uint64_t tag)
{
	return outq_push(q, chunk_from(slice_str(text)), tag);
}

static void frames_leave_in_order_through_partial_writes(void **state)
{
	struct outq q;
	struct iovec iov[4];
	struct seen seen = {0};

	(void)state;
	outq_init(&q, 100);
	assert_true(outq_empty(&q));
	assert_int_equal(outq_iov(&q, iov, 4), 0);
	assert_int_equal(push(&q, "abc", 1), 0);
	assert_int_equal(push(&q, "defg", 2), 0);
	assert_int_equal(push(&q, "hi", 3), 0);
	assert_int_equal(q.n_bytes, 9);
	assert_int_equal(outq_iov(&q, iov, 2), 2);

	outq_sent(&q, 2, on_sent, &seen);
	assert_true(outq_mid_frame(&q));
	assert_int_equal(seen.n, 0);
	assert_int_equal(outq_iov(&q, iov, 4), 3);
	assert_int_equal(iov[0].iov_len, 1);
	assert_memory_equal(iov[0].iov_base, "c", 1);
	assert_int_equal(iov[1].iov_len, 4);

	outq_sent(&q, 5, on_sent, &seen);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.tags[0], 1);
	assert_int_equal(seen.tags[1], 2);
	assert_false(outq_mid_frame(&q));

	outq_sent(&q, 2, NULL, NULL);
	assert_true(outq_empty(&q));
	assert_int_equal(q.n_bytes, 0);
	outq_fini(&q);
}

static void the_ceiling_refuses_one_byte_more_and_drops_the_reference(void **state)
{
	struct chunk *mine = chunk_from(SLICE_LIT("x"));
	struct outq q;

	(void)state;
	outq_init(&q, 4);
	assert_int_equal(push(&q, "12345", 0), -ERR_LIMIT);
	assert_int_equal(push(&q, "1234", 0), 0);
	assert_int_equal(outq_push(&q, chunk_ref(mine), 0), -ERR_LIMIT);
	assert_int_equal(mine->refs, 1);
	outq_sent(&q, 1, NULL, NULL);
	assert_int_equal(outq_push(&q, chunk_ref(mine), 0), 0);
	assert_int_equal(mine->refs, 2);
	outq_fini(&q);
	assert_int_equal(mine->refs, 1);
	chunk_unref(&mine);
}

static void the_sent_callback_may_push(void **state)
{
	struct outq q;
	struct seen seen = {.push_to = &q};

	(void)state;
	outq_init(&q, 100);
	assert_int_equal(push(&q, "abc", 1), 0);
	outq_sent(&q, 3, on_sent, &seen);
	assert_int_equal(q.n_items, 1);
	assert_int_equal(q.n_bytes, 3);
	assert_int_equal(q.offset, 0);
	outq_sent(&q, 3, on_sent, &seen);
	assert_int_equal(seen.tags[1], 99);
	outq_fini(&q);
}

static void an_empty_frame_leaves_with_its_neighbour(void **state)
{
	struct outq q;
	struct seen seen = {0};

	(void)state;
	outq_init(&q, 100);
	assert_int_equal(push(&q, "a", 1), 0);
	assert_int_equal(push(&q, "", 2), 0);
	outq_sent(&q, 1, on_sent, &seen);
	assert_int_equal(seen.n, 2);
	assert_true(outq_empty(&q));
	outq_fini(&q);
}

static void a_meter_knows_what_all_queues_hold(void **state)
{
	struct meter m = {0};
	struct outq a, b;

	(void)state;
	outq_init(&a, 100);
	outq_init(&b, 100);
	a.meter = b.meter = &m;
	assert_int_equal(outq_push_as(&a, chunk_from(SLICE_LIT("12345")), 1, 2), 0);
	assert_int_equal(outq_push(&b, chunk_from(SLICE_LIT("1234567")), 1), 0);
	assert_true(m.by_class[2] >= 5 && m.by_class[0] == m.by_class[2] + 2);
	assert_int_equal(m.held, m.by_class[0] + m.by_class[2]);
	outq_sent(&a, 4, NULL, NULL);
	assert_true(m.by_class[2] >= 5); /* the memory is still held */
	outq_sent(&a, 1, NULL, NULL);
	assert_int_equal(m.by_class[2], 0);
	assert_int_equal(outq_push(&b, chunk_new(100), 1), -ERR_LIMIT);
	outq_fini(&b);
	assert_int_equal(m.held, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_leave_in_order_through_partial_writes),
		cmocka_unit_test(the_ceiling_refuses_one_byte_more_and_drops_the_reference),
		cmocka_unit_test(the_sent_callback_may_push),
		cmocka_unit_test(an_empty_frame_leaves_with_its_neighbour),
		cmocka_unit_test(a_meter_knows_what_all_queues_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
