/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/mrfue_wait: which event satisfies a /wait, and which are left for the next one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ue/mrfue.h"

static void add(struct mrfue_waits *w, const char *json)
{
	json_t *e = json_loads(json, 0, NULL);

	assert_non_null(e);
	mrfue_waits_add(w, e);
	json_decref(e);
}

static int match(struct mrfue_waits *w, const char *spec)
{
	return mrfue_waits_match(w, slice_str(spec));
}

static void an_event_before_its_wait_is_not_missed_and_is_used_up(void **state)
{
	struct mrfue_waits *w = mrfue_waits_new();

	(void)state;
	assert_int_equal(match(w, "joined"), 0);
	add(w, "{\"event\":\"joined\"}");
	assert_int_equal(match(w, "joined"), 1);
	assert_int_equal(match(w, "joined"), 0);
	mrfue_waits_free(&w);
}

static void unrelated_events_may_come_in_any_order(void **state)
{
	struct mrfue_waits *w = mrfue_waits_new();

	(void)state;
	add(w, "{\"event\":\"sent\",\"line\":1}");
	add(w, "{\"event\":\"message\",\"text\":\"hi\"}");
	assert_int_equal(match(w, "message text=hi"), 1);
	assert_int_equal(match(w, "sent line=1"), 1);
	mrfue_waits_free(&w);
}

static void the_oldest_event_that_fits_is_taken(void **state)
{
	struct mrfue_waits *w = mrfue_waits_new();

	(void)state;
	add(w, "{\"event\":\"message\",\"from\":\"a\",\"text\":\"one\"}");
	add(w, "{\"event\":\"message\",\"from\":\"a\",\"text\":\"two\"}");
	assert_int_equal(match(w, "message from=a"), 1);
	assert_int_equal(match(w, "message text=one"), 0);
	assert_int_equal(match(w, "message text=two"), 1);
	mrfue_waits_free(&w);
}

static void a_value_is_compared_with_the_whole_field(void **state)
{
	struct mrfue_waits *w = mrfue_waits_new();

	(void)state;
	add(w, "{\"event\":\"message\",\"text\":\"hello\"}");
	assert_int_equal(match(w, "message text=hell"), 0);
	assert_int_equal(match(w, "message text=Hello"), 0);
	assert_int_equal(match(w, "message other=hello"), 0);
	assert_int_equal(match(w, "message text=hello"), 1);
	mrfue_waits_free(&w);
}

static void a_regular_expression_is_found_anywhere_in_the_field(void **state)
{
	struct mrfue_waits *w = mrfue_waits_new();

	(void)state;
	add(w, "{\"event\":\"message\",\"text\":\"say hello to 42\"}");
	assert_int_equal(match(w, "message text~^hello"), 0);
	assert_int_equal(match(w, "message text~[0-9]{3}"), 0);
	assert_int_equal(match(w, "message text~lo.*[0-9]{2}$"), 1);
	mrfue_waits_free(&w);
}

static void all_conditions_must_hold(void **state)
{
	struct mrfue_waits *w = mrfue_waits_new();

	(void)state;
	add(w, "{\"event\":\"message\",\"text\":\"a\",\"from\":\"x\"}");
	add(w, "{\"event\":\"message\",\"text\":\"b\",\"from\":\"y\"}");
	assert_int_equal(match(w, "message text=a from=y"), 0);
	assert_int_equal(match(w, "message text=b from=y"), 1);
	mrfue_waits_free(&w);
}

static void fields_that_are_not_strings_are_compared_as_json(void **state)
{
	struct mrfue_waits *w = mrfue_waits_new();

	(void)state;
	add(w, "{\"event\":\"sent\",\"line\":12,\"private\":true,\"file\":null}");
	assert_int_equal(match(w, "sent line=1"), 0);
	assert_int_equal(match(w, "sent private=false"), 0);
	assert_int_equal(match(w, "sent line=12 private=true file=null"), 1);
	add(w, "{\"event\":\"roster\",\"users\":[{\"uri\":\"sip:b@x\"}]}");
	assert_int_equal(match(w, "roster users~sip:b@x"), 1);
	mrfue_waits_free(&w);
}

static void a_quoted_value_has_blanks_quotes_and_backslashes(void **state)
{
	struct mrfue_waits *w = mrfue_waits_new();

	(void)state;
	add(w, "{\"event\":\"message\",\"text\":\"a \\\"b\\\" c\\\\d\"}");
	assert_int_equal(match(w, "message text=\"a b\""), 0);
	assert_int_equal(match(w, "  message   text=\"a \\\"b\\\" c\\\\d\"  "), 1);
	mrfue_waits_free(&w);
}

static void a_malformed_wait_is_an_error_at_once(void **state)
{
	struct mrfue_waits *w = mrfue_waits_new();

	(void)state;
	assert_int_equal(match(w, ""), -ERR_SYNTAX);
	assert_int_equal(match(w, "message text"), -ERR_SYNTAX);
	assert_int_equal(match(w, "message =x"), -ERR_SYNTAX);
	assert_int_equal(match(w, "message text~("), -ERR_SYNTAX);
	assert_int_equal(match(w, "mesage text=x"), -ERR_NOT_FOUND);
	mrfue_waits_free(&w);
}

static void sixteen_conditions_are_taken_and_seventeen_are_not(void **state)
{
	struct mrfue_waits *w = mrfue_waits_new();

	(void)state;
	add(w, "{\"event\":\"who\",\"a\":1}");
	assert_int_equal(match(w, "who a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 "
				  "a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1"),
			 -ERR_SYNTAX);
	assert_int_equal(match(w, "who a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 "
				  "a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1"),
			 1);
	mrfue_waits_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_before_its_wait_is_not_missed_and_is_used_up),
		cmocka_unit_test(unrelated_events_may_come_in_any_order),
		cmocka_unit_test(the_oldest_event_that_fits_is_taken),
		cmocka_unit_test(a_value_is_compared_with_the_whole_field),
		cmocka_unit_test(a_regular_expression_is_found_anywhere_in_the_field),
		cmocka_unit_test(all_conditions_must_hold),
		cmocka_unit_test(fields_that_are_not_strings_are_compared_as_json),
		cmocka_unit_test(a_quoted_value_has_blanks_quotes_and_backslashes),
		cmocka_unit_test(a_malformed_wait_is_an_error_at_once),
		cmocka_unit_test(sixteen_conditions_are_taken_and_seventeen_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
