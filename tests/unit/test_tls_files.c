/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/tls_files: an identity in a folder, for a library that reads it there. */
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
#include "common/tls_files.h"

struct rig {
	char dir[64];
	char agent[96], ca[96];
};

static int setup(void **state)
{
	struct rig *rig = xcalloc(1, sizeof(*rig));

	snprintf(rig->dir, sizeof(rig->dir), "/tmp/test_tls_files.XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	snprintf(rig->agent, sizeof(rig->agent), "%s/agent.pem", rig->dir);
	snprintf(rig->ca, sizeof(rig->ca), "%s/cafile.pem", rig->dir);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	tls_files_remove(rig->dir);
	assert_int_not_equal(access(rig->dir, F_OK), 0);
	free(rig);
	return 0;
}

static void one_is_made_that_only_we_can_read(void **state)
{
	struct rig *rig = *state;
	struct tls_settings none = {0}, made = {.certificate = rig->agent, .key = rig->agent};
	char why[TLS_WHY_SIZE] = "";
	struct stat st;
	struct tls *t;

	assert_int_equal(tls_files_write(&none, "", rig->dir, why), 0);
	assert_int_equal(stat(rig->agent, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_not_equal(access(rig->ca, F_OK), 0); /* no authority: no file */
	assert_int_equal(tls_new(&made, &t, why), 0);
	tls_free(&t);
	/* Nothing is written over. */
	assert_int_equal(tls_files_write(&none, "", rig->dir, why), -ERR_IO);
}

static void authorities_are_copied_and_have_to_be_some(void **state)
{
	struct rig *rig = *state;
	struct tls_settings none = {0};
	char why[TLS_WHY_SIZE] = "", other[] = "/tmp/test_tls_files.XXXXXX", path[96];

	assert_non_null(mkdtemp(other));
	snprintf(path, sizeof(path), "%s/agent.pem", other);
	assert_int_equal(tls_files_write(&none, "", other, why), 0);
	assert_int_equal(tls_files_write(&none, path, rig->dir, why), 0);
	assert_int_equal(access(rig->ca, R_OK), 0);
	tls_files_remove(other);
}

static void what_is_no_authority_is_named(void **state)
{
	struct rig *rig = *state;
	struct tls_settings none = {0};
	char why[TLS_WHY_SIZE] = "";

	assert_int_equal(tls_files_write(&none, "/dev/null", rig->dir, why), -ERR_CONFIG);
	assert_non_null(strstr(why, "/dev/null"));
	tls_files_remove(rig->dir);
	assert_int_equal(mkdir(rig->dir, 0700), 0);
	assert_int_equal(tls_files_write(&none, "/nowhere", rig->dir, why), -ERR_CONFIG);
	assert_non_null(strstr(why, "/nowhere"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_is_made_that_only_we_can_read, setup, teardown),
		cmocka_unit_test_setup_teardown(authorities_are_copied_and_have_to_be_some, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_no_authority_is_named, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
