/* SPDX-License-Identifier: Apache-2.0 */
/* The store in a file: what was acknowledged survives, what fails is told, kept and written later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/mem.h"
#include "common/store_file.h"
#include "common/store_sqlite.h"

struct rig {
	struct event_base *base;
	struct store *s;
	char folder[64], path[96], why[256];
	struct store_file_config config;
	int n_done, errs[64];
};

static int set_up(void **state)
{
	static struct rig rig;
	const char *tmp = getenv("TMPDIR");

	rig = (struct rig){.base = event_base_new()};
	snprintf(rig.folder, sizeof(rig.folder), "%s/store.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(rig.folder));
	snprintf(rig.path, sizeof(rig.path), "%s/sub/x.db", rig.folder);
	rig.config = (struct store_file_config){.path = rig.path, .busy_ms = 1, .retry_ms = 5};
	*state = &rig;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"", "-wal", "-shm", ".lock", ".moved"};
	struct rig *rig = *state;
	char name[128];

	store_free(&rig->s);
	event_base_free(rig->base);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(name, sizeof(name), "%s%s", rig->path, names[i]);
		(void)unlink(name);
	}
	snprintf(name, sizeof(name), "%s/sub", rig->folder);
	(void)rmdir(name);
	return rmdir(rig->folder);
}

static int try_open(struct rig *rig)
{
	return store_file_open(rig->base, &rig->config, rig->why, sizeof(rig->why), &rig->s);
}

static void reopen(struct rig *rig)
{
	store_free(&rig->s);
	if (try_open(rig) != 0)
		fail_msg("%s", rig->why);
}

static void refused(struct rig *rig, int err, const char *part)
{
	assert_int_equal(try_open(rig), err);
	if (strstr(rig->why, part) == NULL || strstr(rig->why, rig->path) == NULL)
		fail_msg("%s", rig->why);
}

static void on_done(int err, void *arg)
{
	struct rig *rig = arg;

	rig->errs[rig->n_done++] = err;
}

static void put(struct rig *rig, const char *table, const char *key, const char *value)
{
	struct store_batch *b = store_batch_new();

	if (value)
		store_batch_put(b, table, slice_str(key), slice_str(value));
	else
		store_batch_del(b, table, slice_str(key));
	store_commit(rig->s, b, on_done, rig);
}

static void wait_done(struct rig *rig, int n)
{
	while (rig->n_done < n)
		event_base_loop(rig->base, EVLOOP_ONCE);
}

static bool up(struct rig *rig)
{
	struct store_health h;

	store_health(rig->s, &h);
	return h.trouble == NULL;
}

static void wait_up(struct rig *rig)
{
	while (!up(rig))
		event_base_loop(rig->base, EVLOOP_ONCE);
}

static void expect(struct rig *rig, const char *table, const char *key, const char *value)
{
	struct slice got;
	int rc = store_get(rig->s, table, slice_str(key), &got);

	assert_int_equal(rc, value ? 0 : -ERR_NOT_FOUND);
	if (value)
		assert_true(slice_eq_str(got, value));
}

static bool collect(struct slice key, struct slice value, void *arg)
{
	struct bytes *b = arg;

	bytes_addf(b, SLICE_FMT "=" SLICE_FMT " ", SLICE_ARG(key), SLICE_ARG(value));
	return !slice_eq_str(key, "stop");
}

static void expect_each(struct rig *rig, const char *prefix, const char *all)
{
	struct bytes b = BYTES_INIT;

	assert_int_equal(store_each_prefix(rig->s, "t", slice_str(prefix), collect, &b), 0);
	assert_string_equal(bytes_cstr(&b), all);
	bytes_fini(&b);
}

static void what_was_committed_is_there_after_reopening(void **state)
{
	struct rig *rig = *state;
	struct stat st;

	reopen(rig);
	put(rig, "t", "a", "1");
	put(rig, "t", "b", "2");
	put(rig, "t", "b", NULL);
	put(rig, "u", "a", "");
	assert_int_equal(rig->n_done, 0);
	expect(rig, "t", "a", "1"); /* at once */
	expect(rig, "t", "b", NULL);
	expect(rig, "none", "a", NULL);
	wait_done(rig, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(rig->errs[i], 0);
	expect(rig, "t", "a", "1");
	put(rig, "t", "last", "not waited for");
	reopen(rig);
	expect(rig, "t", "a", "1");
	expect(rig, "t", "b", NULL);
	expect(rig, "u", "a", "");
	expect(rig, "t", "last", "not waited for");
	assert_int_equal(stat(rig->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	*strrchr(rig->path, '/') = '\0';
	assert_int_equal(stat(rig->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	rig->path[strlen(rig->path)] = '/';
}

static void names_and_values_are_data_never_commands(void **state)
{
	static const char evil[] = "'; DROP TABLE t; --\"\\%s/../..";
	struct rig *rig = *state;
	struct store_batch *b = store_batch_new();
	struct slice got;

	reopen(rig);
	put(rig, "t", evil, evil);
	store_batch_put(b, "t", SLICE_LIT("a\0b"), SLICE_LIT("\0\xff"));
	store_batch_put(b, "t", SLICE_NULL, SLICE_LIT("empty key"));
	store_commit(rig->s, b, on_done, rig);
	wait_done(rig, 2);
	reopen(rig);
	expect(rig, "t", evil, evil);
	assert_int_equal(store_get(rig->s, "t", SLICE_LIT("a\0b"), &got), 0);
	assert_true(slice_eq(got, SLICE_LIT("\0\xff")));
	assert_int_equal(store_get(rig->s, "t", SLICE_NULL, &got), 0);
	assert_true(slice_eq_str(got, "empty key"));
}

static void a_walk_sees_file_and_pending_changes_in_order_of_keys(void **state)
{
	struct rig *rig = *state;

	reopen(rig);
	expect_each(rig, "", "");
	put(rig, "t", "p/3", "old");
	put(rig, "t", "p/1", "1");
	put(rig, "t", "q/1", "other");
	put(rig, "t", "p/5", "gone");
	put(rig, "t", "p", "short");
	wait_done(rig, 5);
	put(rig, "t", "p/3", "new");
	put(rig, "t", "p/2", "2");
	put(rig, "t", "p/5", NULL);
	put(rig, "t", "p/4", NULL);
	put(rig, "t", "p/9", "9");
	expect_each(rig, "p/", "p/1=1 p/2=2 p/3=new p/9=9 ");
	expect_each(rig, "", "p=short p/1=1 p/2=2 p/3=new p/9=9 q/1=other ");
	wait_done(rig, 10);
	expect_each(rig, "p/", "p/1=1 p/2=2 p/3=new p/9=9 ");
	put(rig, "t", "stop", "");
	put(rig, "t", "stop2", "");
	expect_each(rig, "st", "stop= ");
	wait_done(rig, 12);
	expect_each(rig, "st", "stop= ");
}

/* A process of its own: commits rows 1, 2, 3... and tells each that is acknowledged. */
static void commit_until_killed(struct rig *rig, int tell, unsigned at_once)
{
	unsigned next = 1;

	rig->base = event_base_new();
	if (try_open(rig) != 0)
		_exit(1);
	for (;;) {
		unsigned first = next;

		rig->n_done = 0;
		for (unsigned i = 0; i < at_once; i++, next++) {
			char key[16];

			snprintf(key, sizeof(key), "%08u", next);
			put(rig, "t", key, key);
		}
		wait_done(rig, (int)at_once);
		for (unsigned i = 0; i < at_once; i++)
			if (rig->errs[i] != 0)
				_exit(2);
		next = first + at_once;
		first = next - 1;
		if (write(tell, &first, sizeof(first)) != (ssize_t)sizeof(first))
			_exit(3);
	}
}

struct run {
	unsigned next;
};

static bool no_gap(struct slice key, struct slice value, void *arg)
{
	struct run *run = arg;
	char expected[16];

	snprintf(expected, sizeof(expected), "%08u", run->next++);
	assert_true(slice_eq_str(key, expected));
	assert_true(slice_eq_str(value, expected));
	return true;
}

static void kill_after(struct rig *rig, unsigned n_acknowledged, unsigned at_once)
{
	unsigned last = 0;
	struct run run = {1};
	int pipes[2], status;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(pipes[0]);
		commit_until_killed(rig, pipes[1], at_once);
	}
	close(pipes[1]);
	while (last < n_acknowledged)
		assert_int_equal(read(pipes[0], &last, sizeof(last)), sizeof(last));
	kill(pid, SIGKILL);
	while (read(pipes[0], &status, sizeof(status)) == (ssize_t)sizeof(status))
		last = (unsigned)status; /* told before it died */
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	reopen(rig);
	assert_int_equal(store_each(rig->s, "t", no_gap, &run), 0);
	assert_true(run.next > last);
	store_free(&rig->s);
	assert_int_equal(unlink(rig->path), 0);
}

static void a_killed_process_leaves_every_acknowledged_commit_and_no_gap(void **state)
{
	struct rig *rig = *state;

	for (unsigned i = 0; i < 12; i++)
		kill_after(rig, 1 + i * 17, 1 + i % 4 * 7);
}

static void two_processes_never_share_a_file(void **state)
{
	struct rig *rig = *state, other = *rig;

	reopen(rig);
	refused(&other, -ERR_IO, "another process uses it");
	assert_null(other.s);
}

static void patch(const char *path, off_t at, const char *bytes, size_t len)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, at), (ssize_t)len);
	close(fd);
}

static void a_file_that_is_none_of_ours_is_refused(void **state)
{
	struct rig *rig = *state;

	reopen(rig);
	put(rig, "t", "a", "1");
	wait_done(rig, 1);
	store_free(&rig->s);
	patch(rig->path, 68, "\0\0\0\7", 4); /* application id */
	refused(rig, -ERR_CONFIG, "another program's database");
	patch(rig->path, 68, "mrf1", 4);
	reopen(rig);
	expect(rig, "t", "a", "1");
}

static void a_later_release_s_file_is_refused(void **state)
{
	struct rig *rig = *state;

	reopen(rig);
	put(rig, "meta", "schema", "2");
	store_free(&rig->s);
	refused(rig, -ERR_IO, "a later release made it");
}

static void a_damaged_file_is_refused_with_a_sentence(void **state)
{
	struct rig *rig = *state;
	char junk[4096];

	reopen(rig);
	for (int i = 0; i < 40; i++) {
		char key[16], value[512];

		snprintf(key, sizeof(key), "%d", i);
		memset(value, 'x', sizeof(value) - 1);
		value[sizeof(value) - 1] = '\0';
		put(rig, "t", key, value);
	}
	store_free(&rig->s);
	memset(junk, 0x5a, sizeof(junk));
	patch(rig->path, 4 * 4096, junk, sizeof(junk));
	refused(rig, -ERR_IO, "it is damaged");
	patch(rig->path, 0, junk, sizeof(junk));
	refused(rig, -ERR_IO, "it is damaged");
}

static void a_folder_is_no_file(void **state)
{
	struct rig *rig = *state;

	*strrchr(rig->path, '/') = '\0';
	assert_int_equal(mkdir(rig->path, 0700), 0);
	refused(rig, -ERR_CONFIG, "irectory");
	snprintf(rig->why, sizeof(rig->why), "%s.lock", rig->path);
	(void)unlink(rig->why);
	rig->path[strlen(rig->path)] = '/';
}

static struct store_sqlite *lock_by_another(struct rig *rig)
{
	struct store_sqlite_config config = {.path = rig->path};
	struct store_sqlite *db;

	assert_int_equal(store_sqlite_reopen(&config, false, rig->why, sizeof(rig->why), &db), 0);
	assert_int_equal(store_sqlite_begin(db), 0);
	return db;
}

static void what_fails_is_told_stays_visible_and_is_written_when_it_can_be(void **state)
{
	struct rig *rig = *state;
	struct store_sqlite *other;
	struct store_health h;

	reopen(rig);
	put(rig, "t", "a", "1");
	put(rig, "t", "c", "3");
	wait_done(rig, 2);
	other = lock_by_another(rig);
	put(rig, "t", "a", "2");
	put(rig, "t", "b", "1");
	put(rig, "t", "c", NULL);
	wait_done(rig, 5);
	assert_int_equal(rig->errs[2], -ERR_IO);
	assert_int_equal(rig->errs[4], -ERR_IO);
	store_health(rig->s, &h);
	assert_non_null(strstr(h.trouble, "another process has locked it"));
	assert_int_equal(h.unsaved, 3);
	assert_true(h.failures >= 1);
	expect(rig, "t", "a", "2");
	put(rig, "t", "a", "3"); /* the latest counts */
	put(rig, "t", "b", NULL);
	wait_done(rig, 7);
	assert_int_equal(rig->errs[6], -ERR_IO);
	expect_each(rig, "", "a=3 ");
	store_sqlite_undo(other);
	wait_up(rig);
	store_health(rig->s, &h);
	assert_int_equal(h.unsaved, 0);
	put(rig, "t", "d", "4");
	wait_done(rig, 8);
	assert_int_equal(rig->errs[7], 0);
	store_sqlite_close(&other);
	reopen(rig);
	expect_each(rig, "", "a=3 d=4 ");
}

static void an_orderly_end_tries_once_more(void **state)
{
	struct rig *rig = *state;
	struct store_sqlite *other;

	rig->config.retry_ms = 3600000;
	reopen(rig);
	other = lock_by_another(rig);
	put(rig, "t", "a", "1");
	wait_done(rig, 1);
	assert_int_equal(rig->errs[0], -ERR_IO);
	store_sqlite_undo(other);
	store_sqlite_close(&other);
	reopen(rig);
	expect(rig, "t", "a", "1");
}

static void a_full_file_heals_when_something_is_removed(void **state)
{
	struct rig *rig = *state;
	char *large = xcalloc(200001, 1);
	struct store_health h;

	memset(large, 'x', 200000);
	rig->config.max_bytes = 1; /* the smallest there is: 64 pages */
	reopen(rig);
	put(rig, "t", "a", large);
	wait_done(rig, 1);
	assert_int_equal(rig->errs[0], 0);
	put(rig, "t", "b", large);
	wait_done(rig, 2);
	assert_int_equal(rig->errs[1], -ERR_IO);
	store_health(rig->s, &h);
	assert_non_null(strstr(h.trouble, "no room is left for it"));
	expect(rig, "t", "b", large);
	put(rig, "t", "a", NULL);
	wait_done(rig, 3);
	wait_up(rig);
	reopen(rig);
	expect(rig, "t", "a", NULL);
	expect(rig, "t", "b", large);
	free(large);
}

static void what_waits_in_memory_is_bounded(void **state)
{
	struct rig *rig = *state;
	struct store_sqlite *other;
	char value[1001] = {0};

	memset(value, 'x', 1000);
	rig->config.max_unsaved = 3000;
	reopen(rig);
	other = lock_by_another(rig);
	put(rig, "t", "a", value);
	put(rig, "t", "b", value);
	put(rig, "t", "c", value);
	wait_done(rig, 3);
	assert_int_equal(rig->errs[1], -ERR_IO);
	assert_int_equal(rig->errs[2], -ERR_LIMIT);
	expect(rig, "t", "b", value);
	expect(rig, "t", "c", NULL);
	put(rig, "t", "b", NULL); /* makes room */
	put(rig, "t", "d", value);
	wait_done(rig, 5);
	assert_int_equal(rig->errs[4], -ERR_IO);
	store_sqlite_undo(other);
	store_sqlite_close(&other);
	wait_up(rig);
	reopen(rig);
	expect(rig, "t", "a", value);
	expect(rig, "t", "b", NULL);
	expect(rig, "t", "d", value);
}

static void a_file_that_is_taken_away_is_noticed(void **state)
{
	struct rig *rig = *state;
	char moved[128];

	snprintf(moved, sizeof(moved), "%s.moved", rig->path);
	reopen(rig);
	put(rig, "t", "a", "1");
	wait_done(rig, 1);
	assert_int_equal(rename(rig->path, moved), 0);
	put(rig, "t", "b", "1");
	wait_done(rig, 2);
	assert_int_equal(rig->errs[1], -ERR_IO);
	assert_false(up(rig));
	patch(rig->path, 0, "", 0); /* another one in its place is not it */
	for (int i = 0; i < 5; i++)
		event_base_loop(rig->base, EVLOOP_ONCE);
	assert_false(up(rig));
	assert_int_equal(rename(moved, rig->path), 0);
	wait_up(rig);
	reopen(rig);
	expect_each(rig, "", "a=1 b=1 ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_committed_is_there_after_reopening),
		TEST(names_and_values_are_data_never_commands),
		TEST(a_walk_sees_file_and_pending_changes_in_order_of_keys),
		TEST(a_killed_process_leaves_every_acknowledged_commit_and_no_gap),
		TEST(two_processes_never_share_a_file),
		TEST(a_file_that_is_none_of_ours_is_refused),
		TEST(a_later_release_s_file_is_refused),
		TEST(a_damaged_file_is_refused_with_a_sentence),
		TEST(a_folder_is_no_file),
		TEST(what_fails_is_told_stays_visible_and_is_written_when_it_can_be),
		TEST(an_orderly_end_tries_once_more),
		TEST(a_full_file_heals_when_something_is_removed),
		TEST(what_waits_in_memory_is_bounded),
		TEST(a_file_that_is_taken_away_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
