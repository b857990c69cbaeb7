/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/ue_state: the file of a UE's marks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "ue/ue_state.h"

#define KS SLICE_LIT("sip:keys@conf.example.com")

struct rig {
	char dir[32], *path, *lock;
};

static int setup(void **state)
{
	struct rig *r = xcalloc(1, sizeof(*r));

	snprintf(r->dir, sizeof(r->dir), "/tmp/ue_state.XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	r->path = xasprintf("%s/alice.state", r->dir);
	r->lock = xasprintf("%s.lock", r->path);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	(void)unlink(r->path);
	(void)unlink(r->lock);
	assert_int_equal(rmdir(r->dir), 0); /* and nothing else is left there */
	free(r->path);
	free(r->lock);
	free(r);
	return 0;
}

static void put(const struct rig *r, const char *text)
{
	FILE *f = fopen(r->path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* covers: MIKEY-006 */
static void what_was_kept_is_there_again(void **state)
{
	struct rig *r = *state;
	struct ue_state *s;
	struct stat st;

	assert_int_equal(ue_state_open(r->path, &s), 0);
	assert_int_equal(stat(r->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	ue_marks_take(ue_state_marks(s), KS, 41);
	assert_int_equal(ue_state_save(s), 0);
	ue_marks_take(ue_state_marks(s), KS, 42); /* and no more */
	ue_state_close(&s);
	assert_int_equal(chmod(r->path, 0644), 0);
	assert_int_equal(ue_state_open(r->path, &s), 0);
	assert_int_equal(ue_marks_last(ue_state_marks(s), KS), 41);
	assert_int_equal(stat(r->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	ue_state_close(&s);
}

static void one_process_has_it(void **state)
{
	struct rig *r = *state;
	struct ue_state *s, *other;

	assert_int_equal(ue_state_open(r->path, &s), 0);
	assert_int_equal(ue_state_open(r->path, &other), -ERR_EXISTS);
	ue_state_close(&s);
	assert_int_equal(ue_state_open(r->path, &other), 0);
	ue_state_close(&other);
}

static void a_file_that_is_not_ours_stays_as_it_is(void **state)
{
	struct rig *r = *state;
	struct ue_state *s;
	char text[64] = "";
	FILE *f;

	put(r, "dear diary,\n");
	assert_int_equal(ue_state_open(r->path, &s), -ERR_SYNTAX);
	f = fopen(r->path, "re");
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	assert_string_equal(text, "dear diary,\n");
	assert_int_equal(truncate(r->path, 0), 0);
	assert_int_equal(ue_state_open(r->path, &s), -ERR_SYNTAX);
}

static void a_place_that_is_not_there_is_told(void **state)
{
	struct rig *r = *state;
	char *path = xasprintf("%s/none/alice.state", r->dir);
	struct ue_state *s;

	assert_int_equal(ue_state_open(path, &s), -ERR_IO);
	assert_int_equal(errno, ENOENT);
	free(path);
}

/* What a crash left beside it, or somebody put there, is neither read nor followed. */
static void the_next_file_is_made_anew(void **state)
{
	struct rig *r = *state;
	char *next = xasprintf("%s.new", r->path), *victim = xasprintf("%s/victim", r->dir);
	struct ue_state *s;
	struct stat st;

	assert_int_equal(symlink(victim, next), 0);
	assert_int_equal(ue_state_open(r->path, &s), 0);
	assert_int_equal(lstat(victim, &st), -1);
	assert_int_equal(lstat(r->path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	ue_state_close(&s);
	free(next);
	free(victim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_kept_is_there_again, setup, teardown),
		cmocka_unit_test_setup_teardown(one_process_has_it, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_is_not_ours_stays_as_it_is, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_place_that_is_not_there_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(the_next_file_is_made_anew, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
