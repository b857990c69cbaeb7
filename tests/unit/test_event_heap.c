/* SPDX-License-Identifier: Apache-2.0 */
/* The heap of deadlines against a plain search, under a fixed sequence of changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mrfc/conference/event_heap.h"

#define N 97

static uint64_t earliest(const uint64_t *at)
{
	uint64_t min = UINT64_MAX;

	for (size_t i = 0; i < N; i++)
		min = at[i] < min ? at[i] : min;
	return min;
}

static void the_earliest_deadline_is_always_first(void **state)
{
	struct event_timer timers[N] = {0};
	struct event_heap heap = {0};
	uint64_t at[N];
	uint32_t seed = 12345;

	(void)state;
	for (size_t i = 0; i < N; i++)
		at[i] = UINT64_MAX;
	for (int step = 0; step < 20000; step++) {
		uint32_t i;

		seed = seed * 1664525u + 1013904223u;
		i = (seed >> 8) % N;
		at[i] = seed & 0x40 ? UINT64_MAX : (seed >> 16) % 500;
		if (at[i] == UINT64_MAX && (seed & 0x80))
			event_heap_remove(&heap, &timers[i]);
		else
			event_heap_set(&heap, &timers[i], at[i]);
		assert_true(event_heap_first_at(&heap) == earliest(at));
	}
	event_heap_fini(&heap);
}

static void due_timers_come_in_order_and_stay_until_removed(void **state)
{
	struct event_timer a = {0}, b = {0};
	struct event_heap heap = {0};

	(void)state;
	assert_null(event_heap_due(&heap, UINT64_MAX - 1));
	event_heap_set(&heap, &a, 20);
	event_heap_set(&heap, &b, 10);
	assert_null(event_heap_due(&heap, 9));
	assert_ptr_equal(event_heap_due(&heap, 10), &b);
	assert_ptr_equal(event_heap_due(&heap, 99), &b);
	event_heap_remove(&heap, &b);
	event_heap_remove(&heap, &b);
	assert_ptr_equal(event_heap_due(&heap, 20), &a);
	event_heap_set(&heap, &a, UINT64_MAX);
	assert_null(event_heap_due(&heap, 20));
	event_heap_fini(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_earliest_deadline_is_always_first),
		cmocka_unit_test(due_timers_come_in_order_and_stay_until_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
