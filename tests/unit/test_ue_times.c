/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/ue_times: timestamps of a UE that is a key server, over a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "proto/mikey.h"
#include "ue/ue_times.h"

#define T0   1795330800000000ull /* 2026-11-22T07:00:00Z */
#define S    1000000ull
#define SKEW 300000u
#define BOB  "sip:bob@example.com b1"

static char folder[] = "/tmp/test_ue_times.XXXXXX", path[64];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/times", folder);
	return 0;
}

static int remove_folder(void **state)
{
	char lock[80];

	(void)state;
	snprintf(lock, sizeof(lock), "%s.lock", path);
	unlink(lock);
	unlink(path);
	return rmdir(folder);
}

static struct ue_times *reopen(struct ue_times *t, uint64_t wall_us)
{
	ue_times_free(&t);
	assert_int_equal(ue_times_open(path, SKEW, wall_us, &t), 0);
	return t;
}

static uint64_t last(const struct ue_times *t, const char *name)
{
	const struct keyserver_memory *m = ue_times_hooks(t);

	return m->last_t(name, m->arg);
}

static void set(const struct ue_times *t, const char *name, uint64_t value)
{
	const struct keyserver_memory *m = ue_times_hooks(t);

	m->set_last_t(name, value, m->arg);
}

/* covers: MIKEY-006 */
static void what_was_saved_is_there_after_a_restart(void **state)
{
	struct ue_times *t;

	(void)state;
	unlink(path);
	assert_int_equal(ue_times_open(path, SKEW, T0, &t), 0);
	assert_true(last(t, KEYSERVER_OWN_T) == 0);
	assert_true(last(t, BOB) == mikey_time(T0)); /* he may have been heard before */
	set(t, KEYSERVER_OWN_T, mikey_time(T0 + 9 * S));
	set(t, BOB, mikey_time(T0 + S));
	set(t, BOB, mikey_time(T0 + 2 * S));
	assert_int_equal(ue_times_save(t), 0);
	set(t, BOB, mikey_time(T0 + 3 * S)); /* not saved */
	t = reopen(t, T0 - 3600 * S);
	assert_true(last(t, KEYSERVER_OWN_T) == mikey_time(T0 + 9 * S));
	assert_true(last(t, BOB) == mikey_time(T0 + 2 * S));
	assert_true(last(t, "sip:carol@example.com c1") == mikey_time(T0));
	t = reopen(t, T0 + 3600 * S); /* what is too old is refused without */
	assert_true(last(t, KEYSERVER_OWN_T) == mikey_time(T0 + 9 * S));
	assert_true(last(t, BOB) == mikey_time(T0));
	ue_times_free(&t);
}

static void what_is_no_such_file_is_left_alone(void **state)
{
	static const char *const bad[] = {
		"",
		"hello",
		"0123456789abcdef sip:bob@example.com b1\n", /* without its beginning */
		"0123456789abcdef *",
		"0123456789abcde *\n",
		"0123456789abcdeg *\n",
		"0123456789abcdef \n",
		"0123456789abcdef *\n\n",
	};
	struct ue_times *t = NULL;
	char nowhere[80];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		FILE *f = fopen(path, "we");

		assert_non_null(f);
		assert_true(fputs(bad[i], f) >= 0);
		assert_int_equal(fclose(f), 0);
		assert_int_equal(ue_times_open(path, SKEW, T0, &t), -ERR_SYNTAX);
	}
	snprintf(nowhere, sizeof(nowhere), "%s/no/times", folder);
	assert_int_equal(ue_times_open(nowhere, SKEW, T0, &t), -ERR_IO);
	assert_null(t);
	unlink(path);
	t = reopen(NULL, T0);
	set(t, BOB, 1);
	unlink(path);
	assert_int_equal(ue_times_save(t), 0); /* made anew, whole */
	t = reopen(t, T0);
	ue_times_free(&t);
}

static void a_second_process_is_told_that_there_is_a_first(void **state)
{
	struct ue_times *t, *second = NULL;
	char lock[80];

	(void)state;
	unlink(path);
	assert_int_equal(ue_times_open(path, SKEW, T0, &t), 0);
	assert_int_equal(ue_times_open(path, SKEW, T0, &second), -ERR_EXISTS);
	assert_null(second);
	ue_times_free(&t);
	assert_int_equal(ue_times_open(path, SKEW, T0, &second), 0);
	ue_times_free(&second);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(mkdir(lock, 0700), 0);
	assert_int_equal(ue_times_open(path, SKEW, T0, &second), -ERR_IO);
	assert_int_equal(rmdir(lock), 0);
}

/* Somebody else may write to the folder. */
static void what_stands_where_the_next_file_is_made_is_not_followed(void **state)
{
	char next[80], victim[80];
	struct ue_times *t;
	struct stat st;
	FILE *f;

	(void)state;
	unlink(path);
	snprintf(next, sizeof(next), "%s.new", path);
	snprintf(victim, sizeof(victim), "%s/victim", folder);
	f = fopen(victim, "we");
	assert_non_null(f);
	assert_true(fputs("mine", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(symlink(victim, next), 0);
	assert_int_equal(ue_times_open(path, SKEW, T0, &t), 0);
	ue_times_free(&t);
	assert_int_equal(stat(victim, &st), 0);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	unlink(victim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_saved_is_there_after_a_restart),
		cmocka_unit_test(what_is_no_such_file_is_left_alone),
		cmocka_unit_test(a_second_process_is_told_that_there_is_a_first),
		cmocka_unit_test(what_stands_where_the_next_file_is_made_is_not_followed),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
