/* SPDX-License-Identifier: Apache-2.0 */
/* Who is kept out of a conference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mrfc/conference/bars.h"

static void a_user_is_kept_out_by_each_of_his_names_until_one_of_them_is_taken_back(void **state)
{
	/* covers: FOC-008 */
	const char *also[] = {"tel:+15550001", "sip:+15550001@ims.example.com;user=phone"};
	struct bars *b = bars_new();

	(void)state;
	assert_int_equal(bars_add(b, slice_str("sip:bob@Example.com"), also, 2), 0);
	assert_int_equal(bars_add(b, slice_str("sip:bob@example.com;x=1"), NULL, 0), 0);
	assert_int_equal(bars_count(b), 1);
	assert_true(bars_has(b, slice_str("sip:bob@example.com")));
	assert_true(bars_has(b, slice_str("tel:+15550001")));
	assert_false(bars_has(b, slice_str("sip:rob@example.com")));
	assert_string_equal(bars_at(b, 0), "sip:bob@Example.com");
	assert_null(bars_at(b, 1));
	assert_int_equal(bars_remove(b, slice_str("tel:+15550001")), 0);
	assert_false(bars_has(b, slice_str("sip:bob@example.com")));
	assert_int_equal(bars_remove(b, slice_str("sip:bob@example.com")), -ERR_NOT_FOUND);
	bars_free(&b);
	assert_null(b);
}

static void names_come_back_from_the_store(void **state)
{
	const char *also[] = {"tel:+15550001"};
	struct bars *b = bars_new(), *again = bars_new();
	char *names;

	(void)state;
	assert_int_equal(bars_add(b, slice_str("sip:bob@example.com"), also, 1), 0);
	names = bars_names(b, slice_str("tel:+15550001"));
	assert_string_equal(names, "sip:bob@example.com tel:+15550001");
	assert_int_equal(bars_restore(again, slice_str(names)), 0);
	assert_int_equal(bars_restore(again, slice_str(names)), 0);
	assert_int_equal(bars_restore(again, slice_str("sip:rob@example.com")), 0);
	assert_int_equal(bars_restore(again, slice_str("nonsense")), -ERR_SYNTAX);
	assert_int_equal(bars_restore(again, SLICE_NULL), -ERR_SYNTAX);
	assert_int_equal(bars_count(again), 2);
	assert_true(bars_has(again, slice_str("tel:+15550001")));
	free(names);
	names = bars_names(again, slice_str("sip:carol@example.com"));
	assert_string_equal(names, "");
	free(names);
	bars_free(&b);
	bars_free(&again);
}

static void what_is_no_uri_keeps_nobody_out(void **state)
{
	const char *also[] = {"nonsense"};
	struct bars *b = bars_new();

	(void)state;
	assert_int_equal(bars_add(b, slice_str("bob"), NULL, 0), -ERR_SYNTAX);
	assert_int_equal(bars_add(b, slice_str("sip:bob@x"), also, 1), 0);
	assert_false(bars_has(b, slice_str("nonsense")));
	assert_int_equal(bars_count(b), 1);
	bars_free(&b);
}

static void the_list_has_an_end_and_keeps_its_order(void **state)
{
	struct bars *b = bars_new();
	char uri[64];

	(void)state;
	for (int i = 0; i < BARS_MAX; i++) {
		snprintf(uri, sizeof(uri), "sip:u%d@example.com", i);
		assert_int_equal(bars_add(b, slice_str(uri), NULL, 0), 0);
	}
	assert_int_equal(bars_add(b, slice_str("sip:more@example.com"), NULL, 0), -ERR_LIMIT);
	assert_int_equal(bars_remove(b, slice_str("sip:u0@example.com")), 0);
	assert_string_equal(bars_at(b, 0), "sip:u1@example.com");
	assert_int_equal(bars_add(b, slice_str("sip:more@example.com"), NULL, 0), 0);
	assert_string_equal(bars_at(b, BARS_MAX - 1), "sip:more@example.com");
	bars_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_user_is_kept_out_by_each_of_his_names_until_one_of_them_is_taken_back),
		cmocka_unit_test(names_come_back_from_the_store),
		cmocka_unit_test(what_is_no_uri_keeps_nobody_out),
		cmocka_unit_test(the_list_has_an_end_and_keeps_its_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
