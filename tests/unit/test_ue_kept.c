/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a UE keeps: one process at a time, replaced as a whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ue/ue_kept.h"

static char folder[] = "/tmp/test_ue_kept.XXXXXX", path[64], lock[64];

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/kept", folder);
	snprintf(lock, sizeof(lock), "%s/kept.lock", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	unlink(lock);
	return rmdir(folder);
}

static void it_is_of_one_process_and_replaced_as_a_whole(void **state)
{
	struct ue_kept *k, *other;
	struct bytes text = BYTES_INIT, small = BYTES_INIT;
	struct stat st;

	(void)state;
	assert_int_equal(ue_kept_open(path, &k), 0);
	assert_int_equal(ue_kept_open(path, &other), -ERR_EXISTS);
	assert_null(other);
	assert_int_equal(ue_kept_read(k, &text), 0);
	assert_int_equal(ue_kept_replace(k, slice_str("first and longer")), 0);
	assert_int_equal(ue_kept_replace(k, slice_str("second")), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(ue_kept_read(k, &text), 1);
	assert_true(slice_eq(bytes_slice(&text), slice_str("second")));
	bytes_init(&small, 5);
	assert_int_equal(ue_kept_read(k, &small), -ERR_SYNTAX);
	bytes_fini(&text);
	bytes_fini(&small);
	ue_kept_close(&k);
	assert_int_equal(ue_kept_open(path, &k), 0);
	ue_kept_close(&k);
}

static void a_folder_that_is_not_there_says_why(void **state)
{
	struct ue_kept *k;

	(void)state;
	errno = 0;
	assert_int_equal(ue_kept_open("/nonexistent/kept", &k), -ERR_IO);
	assert_int_equal(errno, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_of_one_process_and_replaced_as_a_whole),
		cmocka_unit_test(a_folder_that_is_not_there_says_why),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
