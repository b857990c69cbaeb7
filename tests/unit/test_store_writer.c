/* SPDX-License-Identifier: Apache-2.0 */
/* What may wait gathers into one transaction; what may not takes it along; nothing waits for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/store_file.h"

struct rig {
	struct event_base *base;
	struct store *s;
	char folder[64], path[96];
	int n_done, errs[64];
};

static int set_up(void **state)
{
	static struct rig rig;
	const char *tmp = getenv("TMPDIR");

	rig = (struct rig){.base = event_base_new()};
	snprintf(rig.folder, sizeof(rig.folder), "%s/writer.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(rig.folder));
	snprintf(rig.path, sizeof(rig.path), "%s/x.db", rig.folder);
	*state = &rig;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"", "-wal", "-shm", ".lock"};
	struct rig *rig = *state;
	char name[128];

	store_free(&rig->s);
	event_base_free(rig->base);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(name, sizeof(name), "%s%s", rig->path, names[i]);
		(void)unlink(name);
	}
	return rmdir(rig->folder);
}

static void reopen(struct rig *rig)
{
	const struct store_file_config config = {.path = rig->path};
	char why[256];

	store_free(&rig->s);
	if (store_file_open(rig->base, &config, why, sizeof(why), &rig->s) != 0)
		fail_msg("%s", why);
}

static void on_done(int err, void *arg)
{
	struct rig *rig = arg;

	rig->errs[rig->n_done++] = err;
}

static void wait_done(struct rig *rig, int n)
{
	while (rig->n_done < n)
		event_base_loop(rig->base, EVLOOP_ONCE);
}

static void put(struct rig *rig, const char *key, bool may_wait)
{
	struct store_batch *b = store_batch_new();

	store_batch_put(b, "t", slice_str(key), SLICE_LIT("x"));
	if (may_wait)
		store_batch_may_wait(b);
	store_commit(rig->s, b, on_done, rig);
}

static void expect(struct rig *rig, const char *key)
{
	struct slice got;

	assert_int_equal(store_get(rig->s, "t", slice_str(key), &got), 0);
	assert_true(slice_eq_str(got, "x"));
}

/* One at a time: each but the first waits for others, in vain. */
static void what_may_wait_leaves_time_between_transactions(void **state)
{
	struct rig *rig = *state;
	uint64_t began_ms;

	reopen(rig);
	began_ms = clock_now_ms();
	for (int n = 1; n <= 6; n++) {
		put(rig, "a", true);
		wait_done(rig, n);
	}
	assert_in_range(clock_now_ms() - began_ms, 5 * STORE_GATHER_MS - 1, 60000);
}

static void what_may_wait_gathers_and_goes_with_what_may_not(void **state)
{
	struct store_health before, after;
	struct rig *rig = *state;
	char key[12];

	reopen(rig);
	put(rig, "first", true);
	wait_done(rig, 1);
	store_health(rig->s, &before);
	for (int i = 0; i < 40; i++) {
		snprintf(key, sizeof(key), "%d", i);
		put(rig, key, true);
	}
	put(rig, "now", false);
	wait_done(rig, 42);
	store_health(rig->s, &after);
	/* One or two; more only if this thread was kept from running for that long. */
	assert_in_range(after.commits - before.commits, 1, 20);
	assert_int_equal(after.rows - before.rows, 41);
	for (int i = 0; i < 42; i++)
		assert_int_equal(rig->errs[i], 0);
	reopen(rig);
	expect(rig, "39");
}

static void an_orderly_end_waits_for_nothing(void **state)
{
	struct rig *rig = *state;

	reopen(rig);
	put(rig, "first", true);
	wait_done(rig, 1);
	put(rig, "last", true);
	reopen(rig);
	expect(rig, "last");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_may_wait_leaves_time_between_transactions),
		TEST(what_may_wait_gathers_and_goes_with_what_may_not),
		TEST(an_orderly_end_waits_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
