/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong passwords, counted by address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "mrfc/conference/attempts.h"

static struct addr at(const char *host)
{
	struct addr a;

	assert_int_equal(addr_from_host(slice_str(host), 5060, &a), 0);
	return a;
}

static void too_many_from_one_address_block_it_for_the_window(void **state)
{
	struct attempts *a = attempts_new(3, 60000);
	struct addr bad = at("192.0.2.1"), good = at("192.0.2.2");

	(void)state;
	assert_false(attempts_failed(a, &bad, 1000));
	assert_false(attempts_failed(a, &bad, 2000));
	assert_false(attempts_over(a, &bad, 2000));
	assert_true(attempts_failed(a, &bad, 3000));
	assert_true(attempts_over(a, &bad, 60999));
	assert_false(attempts_over(a, &good, 3000));
	assert_false(attempts_over(a, &bad, 61000));
	assert_false(attempts_failed(a, &bad, 61000));
	attempts_free(&a);
}

static void a_v6_network_counts_as_one(void **state)
{
	struct attempts *a = attempts_new(2, 60000);
	struct addr one = at("2001:db8::1"), two = at("2001:db8::ffff"), far = at("2001:db8:1::1");

	(void)state;
	assert_false(attempts_failed(a, &one, 0));
	assert_true(attempts_failed(a, &two, 0));
	assert_true(attempts_over(a, &one, 0));
	assert_false(attempts_over(a, &far, 0));
	attempts_free(&a);
}

static void the_number_of_addresses_is_bounded(void **state)
{
	struct attempts *a = attempts_new(1, 60000);
	struct addr first = at("10.0.0.0");
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 4097; i++) {
		snprintf(text, sizeof(text), "10.0.%u.%u", i >> 8, i & 255);
		struct addr from = at(text);

		assert_true(attempts_failed(a, &from, i));
	}
	assert_false(attempts_over(a, &first, 4097)); /* gave way */
	attempts_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_many_from_one_address_block_it_for_the_window),
		cmocka_unit_test(a_v6_network_counts_as_one),
		cmocka_unit_test(the_number_of_addresses_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
