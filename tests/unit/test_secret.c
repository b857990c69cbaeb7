/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/secret: memory for keys, and a process that does not show it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "common/secret.h"

static void memory_comes_zeroed_and_goes_nulled(void **state)
{
	static const char zero[4096];

	(void)state;
	for (int i = 0; i < 3; i++) {
		unsigned char *p = secret_alloc(sizeof(zero));

		assert_memory_equal(p, zero, sizeof(zero));
		memset(p, 0xa5, sizeof(zero));
		secret_free(&p, sizeof(zero));
		assert_null(p);
		secret_free(&p, sizeof(zero));
	}
}

static void more_than_the_heap_holds_is_served_too(void **state)
{
	unsigned char *many[64];

	(void)state;
	for (size_t i = 0; i < 64; i++) {
		many[i] = secret_alloc(4096);
		memset(many[i], (int)i, 4096);
	}
	for (size_t i = 0; i < 64; i++) {
		assert_int_equal(many[i][4095], i);
		secret_free(&many[i], 4096);
	}
}

static void a_process_with_keys_leaves_no_dump(void **state)
{
	struct rlimit limit;

	(void)state;
	assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
	assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
	assert_int_equal(limit.rlim_max, 0);
}

static void octets_are_compared_whole(void **state)
{
	(void)state;
	assert_true(secret_equal("abcd", "abcd", 4));
	assert_false(secret_equal("abcd", "abce", 4));
	assert_false(secret_equal("abcd", "bbcd", 4));
	assert_true(secret_equal("abcd", "abce", 3));
}

static void random_octets_differ(void **state)
{
	unsigned char a[32] = {0}, b[32] = {0};

	(void)state;
	secret_random(a, sizeof(a));
	secret_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

static int start(void **state)
{
	(void)state;
	(void)secret_init(1 << 16);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_comes_zeroed_and_goes_nulled),
		cmocka_unit_test(more_than_the_heap_holds_is_served_too),
		cmocka_unit_test(a_process_with_keys_leaves_no_dump),
		cmocka_unit_test(octets_are_compared_whole),
		cmocka_unit_test(random_octets_differ),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
