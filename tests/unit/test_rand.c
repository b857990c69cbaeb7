/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/rand: identifiers and bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/rand.h"

static void identifiers_have_the_length_and_alphabet_asked_for(void **state)
{
	char id[201];
	unsigned seen[256] = {0};

	(void)state;
	memset(id, '!', sizeof(id));
	rand_ident(id, 14);
	assert_int_equal(strlen(id), 14);
	assert_int_equal(id[15], '!');
	rand_ident(id, 0);
	assert_int_equal(strlen(id), 0);
	for (int round = 0; round < 50; round++) {
		rand_ident(id, 200);
		assert_int_equal(strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					    "abcdefghijklmnopqrstuvwxyz0123456789"),
				 200);
		for (int i = 0; i < 200; i++)
			seen[(unsigned char)id[i]]++;
	}
	/* 10000 draws of 62 letters: 161 each; a missing or doubled letter is far outside. */
	for (int c = 'A'; c <= 'Z'; c++)
		assert_in_range(seen[c], 80, 280);
	for (int c = '0'; c <= '9'; c++)
		assert_in_range(seen[c], 80, 280);
}

static void two_draws_differ(void **state)
{
	char a[21], b[21];

	(void)state;
	rand_ident(a, 20);
	rand_ident(b, 20);
	assert_string_not_equal(a, b);
	assert_true(rand_u64() != rand_u64());
}

static void bytes_fill_the_whole_range(void **state)
{
	unsigned char raw[64] = {0};
	unsigned any = 0;

	(void)state;
	rand_bytes(raw, 63);
	for (int i = 48; i < 63; i++)
		any |= raw[i];
	assert_true(any != 0);
	assert_int_equal(raw[63], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identifiers_have_the_length_and_alphabet_asked_for),
		cmocka_unit_test(two_draws_differ),
		cmocka_unit_test(bytes_fill_the_whole_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
