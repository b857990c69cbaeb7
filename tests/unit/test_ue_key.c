/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/ue_key: the file with a member's key. */
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
#include "ue/ue_key.h"

static int load(const char *text, mode_t mode, struct ue_key *key)
{
	char path[] = "/tmp/test_ue_key.XXXXXX";
	int fd = mkstemp(path), rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	rc = ue_key_load(path, key);
	unlink(path);
	return rc;
}

#define HEX "808182838485868788898a8b8c8d8e8f909192939495969798999A9B9C9D9E9F"

static void a_key_file_has_one_line(void **state)
{
	static const char *const bad[] = {
		"",
		"mk:alice:1",
		" " HEX,
		"mk:alice:1 " HEX "00",
		"mk:a  " HEX,
		"mk:a x" HEX,
		"mk:a \n" HEX,
		"mk:a g08182838485868788898a8b8c8d8e8f"
		"909192939495969798999A9B9C9D9E9F",
	};
	char long_id[UE_KEY_ID_MAX + 2 * UE_KEY_SIZE + 8];
	struct ue_key key;

	(void)state;
	assert_int_equal(load("mk:alice:1 " HEX "\n", 0600, &key), 0);
	assert_string_equal(key.id, "mk:alice:1");
	for (size_t i = 0; i < UE_KEY_SIZE; i++)
		assert_int_equal(key.key[i], 0x80 + i);
	assert_int_equal(load("mk:alice:1 " HEX "\r\nmore", 0600, &key), 0);
	assert_int_equal(load("mk:alice:1 " HEX, 0644, &key), 1);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(load(bad[i], 0600, &key), -ERR_SYNTAX);
	snprintf(long_id, sizeof(long_id), "%064d " HEX, 1);
	assert_int_equal(load(long_id, 0600, &key), 0);
	snprintf(long_id, sizeof(long_id), "%065d " HEX, 1);
	assert_int_equal(load(long_id, 0600, &key), -ERR_SYNTAX);
	assert_int_equal(ue_key_load("/nonexistent/key", &key), -ERR_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_file_has_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
