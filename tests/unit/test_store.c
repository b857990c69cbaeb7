/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/store over the memory back end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>

#include "common/store.h"

struct seen {
	struct store *s;
	int results[4];
	size_t n;
	bool again; /* commit once more from the callback */
};

static void on_commit(int err, void *arg)
{
	struct seen *seen = arg;

	seen->results[seen->n++] = err;
	if (seen->again) {
		seen->again = false;
		store_commit(seen->s, store_batch_new(), on_commit, seen);
	}
}

static void put(struct store *s, const char *table, const char *key, const char *value)
{
	struct store_batch *b = store_batch_new();

	store_batch_put(b, table, slice_str(key), slice_str(value));
	store_commit(s, b, NULL, NULL);
}

static void expect(struct store *s, const char *table, const char *key, const char *value)
{
	struct slice got;
	int rc = store_get(s, table, slice_str(key), &got);

	assert_int_equal(rc, value ? 0 : -ERR_NOT_FOUND);
	if (value)
		assert_true(slice_eq_str(got, value));
}

static void a_batch_is_visible_at_once_and_answered_from_the_loop(void **state)
{
	struct event_base *base = event_base_new();
	struct seen seen = {.s = store_mem_new(base)};
	struct store_batch *b = store_batch_new();

	(void)state;
	store_batch_put(b, "conf", SLICE_LIT("a"), SLICE_LIT("1"));
	store_batch_put(b, "conf", SLICE_LIT("b"), SLICE_LIT("2"));
	store_batch_put(b, "conf", SLICE_LIT("a"), SLICE_LIT("3"));
	store_batch_del(b, "conf", SLICE_LIT("b"));
	store_batch_del(b, "none", SLICE_LIT("b"));
	expect(seen.s, "conf", "a", NULL);
	store_commit(seen.s, b, on_commit, &seen);
	assert_int_equal(seen.n, 0);
	expect(seen.s, "conf", "a", "3");
	expect(seen.s, "conf", "b", NULL);
	expect(seen.s, "other", "a", NULL);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.results[0], 0);
	store_free(&seen.s);
	assert_null(seen.s);
	event_base_free(base);
}

static void a_callback_may_commit_again(void **state)
{
	struct event_base *base = event_base_new();
	struct seen seen = {.s = store_mem_new(base), .again = true};

	(void)state;
	store_commit(seen.s, store_batch_new(), on_commit, &seen);
	store_commit(seen.s, store_batch_new(), on_commit, &seen);
	event_base_dispatch(base);
	assert_int_equal(seen.n, 3);
	store_free(&seen.s);
	event_base_free(base);
}

static void keys_and_values_are_any_bytes(void **state)
{
	struct event_base *base = event_base_new();
	struct store *s = store_mem_new(base);
	struct store_batch *b = store_batch_new();
	struct slice got;

	(void)state;
	store_batch_put(b, "t", SLICE_LIT("a\0b"), SLICE_LIT("\0\xff"));
	store_batch_put(b, "t", SLICE_LIT("a"), SLICE_NULL);
	store_batch_put(b, "t", SLICE_NULL, SLICE_LIT("empty key"));
	store_commit(s, b, NULL, NULL);
	assert_int_equal(store_get(s, "t", SLICE_LIT("a\0b"), &got), 0);
	assert_true(slice_eq(got, SLICE_LIT("\0\xff")));
	assert_int_equal(store_get(s, "t", SLICE_LIT("a"), &got), 0);
	assert_int_equal(got.len, 0);
	assert_int_equal(store_get(s, "t", SLICE_NULL, &got), 0);
	assert_true(slice_eq_str(got, "empty key"));
	store_free(&s);
	event_base_free(base);
}

static bool count(struct slice key, struct slice value, void *arg)
{
	unsigned *n = arg;

	assert_int_equal(key.len, 1);
	assert_true(slice_eq_str(value, "v"));
	return ++*n < 3;
}

static void each_visits_rows_until_told_to_stop(void **state)
{
	struct event_base *base = event_base_new();
	struct store *s = store_mem_new(base);
	unsigned n = 0;

	(void)state;
	assert_int_equal(store_each(s, "t", count, &n), 0);
	assert_int_equal(n, 0);
	put(s, "t", "a", "v");
	put(s, "t", "b", "v");
	assert_int_equal(store_each(s, "t", count, &n), 0);
	assert_int_equal(n, 2);
	put(s, "t", "c", "v");
	put(s, "t", "d", "v");
	n = 0;
	assert_int_equal(store_each(s, "t", count, &n), 0);
	assert_int_equal(n, 3);
	store_free(&s);
	event_base_free(base);
}

static void what_is_pending_at_the_end_is_released(void **state)
{
	struct event_base *base = event_base_new();
	struct seen seen = {.s = store_mem_new(base)};
	struct store_batch *unused = store_batch_new();

	(void)state;
	put(seen.s, "t", "a", "v");
	store_commit(seen.s, store_batch_new(), on_commit, &seen);
	store_free(&seen.s);
	store_batch_put(unused, "t", SLICE_LIT("k"), SLICE_LIT("v"));
	store_batch_free(&unused);
	assert_null(unused);
	event_base_dispatch(base);
	assert_int_equal(seen.n, 0);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_is_visible_at_once_and_answered_from_the_loop),
		cmocka_unit_test(a_callback_may_commit_again),
		cmocka_unit_test(keys_and_values_are_any_bytes),
		cmocka_unit_test(each_visits_rows_until_told_to_stop),
		cmocka_unit_test(what_is_pending_at_the_end_is_released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
