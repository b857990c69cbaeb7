/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets at rest: what is sealed opens with its name and key alone; files of keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/secret_box.h"

static const uint8_t key[SECRET_BOX_KEY_SIZE] = {1, 2, 3}, other_key[SECRET_BOX_KEY_SIZE] = {1, 2};

static void what_is_sealed_opens(void **state)
{
	struct bytes a = BYTES_INIT, b = BYTES_INIT;
	uint8_t out[8];

	(void)state;
	secret_box_seal(key, SLICE_LIT("row"), SLICE_LIT("content"), &a);
	secret_box_seal(key, SLICE_LIT("row"), SLICE_LIT("content"), &b);
	assert_int_equal(a.len, 7 + SECRET_BOX_OVERHEAD);
	assert_false(slice_eq(bytes_slice(&a), bytes_slice(&b)));
	assert_int_equal(secret_box_open(key, SLICE_LIT("row"), bytes_slice(&a), out, 8), 7);
	assert_memory_equal(out, "content", 7);
	assert_int_equal(secret_box_open(key, SLICE_LIT("row"), bytes_slice(&b), out, 7), 7);
	assert_int_equal(secret_box_open(key, SLICE_LIT("row"), bytes_slice(&b), out, 6),
			 -ERR_LIMIT);
	bytes_reset(&a);
	secret_box_seal(key, SLICE_NULL, SLICE_NULL, &a);
	assert_int_equal(secret_box_open(key, SLICE_NULL, bytes_slice(&a), out, 0), 0);
	bytes_fini(&a);
	bytes_fini(&b);
}

static void nothing_else_does(void **state)
{
	struct bytes a = BYTES_INIT;
	uint8_t out[8] = {0};

	(void)state;
	secret_box_seal(key, SLICE_LIT("row"), SLICE_LIT("content"), &a);
	assert_int_equal(secret_box_open(key, SLICE_LIT("wor"), bytes_slice(&a), out, 8),
			 -ERR_DENIED);
	assert_int_equal(secret_box_open(other_key, SLICE_LIT("row"), bytes_slice(&a), out, 8),
			 -ERR_DENIED);
	for (size_t bit = 0; bit < 8 * a.len; bit++) {
		a.data[bit / 8] ^= (char)(1 << bit % 8);
		assert_true(secret_box_open(key, SLICE_LIT("row"), bytes_slice(&a), out, 8) < 0);
		a.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t len = 0; len < a.len; len++)
		assert_true(secret_box_open(key, SLICE_LIT("row"),
					    slice_first(bytes_slice(&a), len), out, 8) < 0);
	assert_int_equal(out[0], 0);
	bytes_fini(&a);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void a_file_is_made_once_and_for_us_alone(void **state)
{
	char folder[] = "/tmp/test_secret_box.XXXXXX", path[64], why[256];
	uint8_t a[SECRET_BOX_KEY_SIZE], b[SECRET_BOX_KEY_SIZE];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/key", folder);
	assert_int_equal(secret_box_key_file(path, a, why, sizeof(why)), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 65);
	assert_int_equal(secret_box_key_file(path, b, why, sizeof(why)), 0);
	assert_memory_equal(a, b, sizeof(a));
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(secret_box_key_file(path, b, why, sizeof(why)), -ERR_DENIED);
	assert_non_null(strstr(why, path));
	assert_int_equal(chmod(path, 0600), 0);
	write_file(path, "0123\n");
	assert_int_equal(secret_box_key_file(path, b, why, sizeof(why)), -ERR_SYNTAX);
	write_file(path, "0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789abcdeg\n");
	assert_int_equal(secret_box_key_file(path, b, why, sizeof(why)), -ERR_SYNTAX);
	assert_int_equal(secret_box_key_file(folder, b, why, sizeof(why)), -ERR_SYNTAX);
	assert_memory_equal(a, b, sizeof(a));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(secret_box_key_file(path, b, why, sizeof(why)), -ERR_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sealed_opens),
		cmocka_unit_test(nothing_else_does),
		cmocka_unit_test(a_file_is_made_once_and_for_us_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
