/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/mem.h"
#include "mrfc/sip/hop_table.h"

static struct hop_table *parsed(const char *list)
{
	struct hop_table *t = NULL;

	assert_int_equal(hop_table_parse(list, &t, NULL), 0);
	return t;
}

static void an_empty_list_has_no_hop(void **state)
{
	struct hop_table *t = parsed("");

	(void)state;
	assert_int_equal(hop_table_count(t), 0);
	assert_int_equal(hop_table_choose(t, 0, 0), -ERR_NOT_FOUND);
	hop_table_free(&t);
	assert_null(t);
	hop_table_free(&t);
}

static void each_form_becomes_a_numeric_route(void **state)
{
	static const struct {
		const char *text, *uri, *name;
	} forms[] = {
		{"192.0.2.5", "sip:192.0.2.5:5060;lr", "192.0.2.5:5060"},
		{"192.0.2.5:5070", "sip:192.0.2.5:5070;lr", "192.0.2.5:5070"},
		{"[::1]:5070", "sip:[::1]:5070;lr", "[::1]:5070"},
		{"sip:192.0.2.5;lr;orig", "sip:192.0.2.5:5060;lr;orig", "192.0.2.5:5060"},
		{"<sip:192.0.2.5;transport=tcp>", "sip:192.0.2.5:5060;transport=tcp;lr",
		 "192.0.2.5:5060"},
		{"SIP:192.0.2.5;priority=7;transport=udp;lr", "sip:192.0.2.5:5060;transport=udp;lr",
		 "192.0.2.5:5060"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct hop_table *t = parsed(forms[i].text);

		assert_int_equal(hop_table_count(t), 1);
		assert_string_equal(hop_table_at(t, 0)->uri, forms[i].uri);
		assert_string_equal(hop_table_at(t, 0)->name, forms[i].name);
		assert_int_equal(hop_table_find(t, forms[i].uri), 0);
		assert_int_equal(hop_table_find(t, "sip:192.0.2.99"), -ERR_NOT_FOUND);
		hop_table_free(&t);
	}
}

static void what_is_no_hop_is_named(void **state)
{
	static const char *const bad[] = {
		"proxy.example",          "sips:192.0.2.5",           "192.0.2.5,,192.0.2.6",
		"sip:192.0.2.5;maddr=x",  "192.0.2.5;transport=sctp", "192.0.2.5;priority=1000",
		"192.0.2.5;priority=one", "sip:192.0.2.5?a=b",        "192.0.2.5,",
	};
	struct hop_table *t = NULL;
	struct slice which = SLICE_NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(hop_table_parse(bad[i], &t, NULL), -ERR_SYNTAX);
		assert_null(t);
	}
	assert_int_equal(hop_table_parse("192.0.2.5, x.example", &t, &which), -ERR_SYNTAX);
	assert_true(slice_eq_str(which, "x.example"));
}

/* The name is compared with a certificate's, never looked up. */
static void over_tls_a_name_has_its_address_beside_it(void **state)
{
	static const struct {
		const char *text, *uri, *name;
	} good[] = {
		{"sip:s1.example.net;maddr=192.0.2.5;transport=tls",
		 "sip:s1.example.net:5061;maddr=192.0.2.5;transport=tls;lr", "s1.example.net"},
		{"192.0.2.5:5071;transport=TLS", "sip:192.0.2.5:5071;transport=TLS;lr",
		 "192.0.2.5"},
	};
	static const char *const bad[] = {"sip:s1.example.net;transport=tls",
					  "sip:s1.example.net;maddr=192.0.2.5",
					  "sip:s1.example.net;maddr=s2.example.net;transport=tls"};
	struct hop_table *t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(hop_table_parse(good[i].text, &t, NULL), 0);
		assert_string_equal(hop_table_at(t, 0)->uri, good[i].uri);
		assert_string_equal(hop_table_at(t, 0)->tls_name, good[i].name);
		assert_int_equal(addr_port(&hop_table_at(t, 0)->at), i == 0 ? 5061 : 5071);
		hop_table_free(&t);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(hop_table_parse(bad[i], &t, NULL), -ERR_SYNTAX);
}

static void as_many_as_there_are_bits(void **state)
{
	struct bytes list = BYTES_INIT;
	struct hop_table *t = NULL;

	(void)state;
	for (int i = 0; i < HOP_MAX; i++)
		bytes_addf(&list, "%s192.0.2.%d", i ? "," : "", i + 1);
	t = parsed(bytes_cstr(&list));
	assert_int_equal(hop_table_count(t), HOP_MAX);
	hop_table_free(&t);
	bytes_add_str(&list, ",192.0.2.99");
	assert_int_equal(hop_table_parse(bytes_cstr(&list), &t, NULL), -ERR_LIMIT);
	bytes_fini(&list);
}

static void the_first_that_is_up_is_taken_and_each_only_once(void **state)
{
	struct hop_table *t = parsed("192.0.2.1,192.0.2.2,192.0.2.3");

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(hop_table_choose(t, 0, 0), 0);
	assert_int_equal(hop_table_choose(t, 1, 0), 1);
	assert_int_equal(hop_table_choose(t, 3, 0), 2);
	assert_int_equal(hop_table_choose(t, 7, 0), -ERR_NOT_FOUND);
	assert_true(hop_table_report(t, 0, false, 100, 0));
	assert_false(hop_table_report(t, 0, false, 100, 0));
	assert_int_equal(hop_table_choose(t, 0, 200), 1);
	/* The last resort is one that did not answer. */
	assert_int_equal(hop_table_choose(t, 6, 200), 0);
	assert_true(hop_table_report(t, 0, true, 300, 0));
	assert_int_equal(hop_table_choose(t, 0, 300), 0);
	hop_table_free(&t);
}

static void without_probes_a_dead_hop_is_tried_again_after_its_rest(void **state)
{
	struct hop_table *t = parsed("192.0.2.1,192.0.2.2");

	(void)state;
	assert_true(hop_table_report(t, 0, false, 1000, 500));
	assert_int_equal(hop_table_choose(t, 0, 1499), 1);
	assert_int_equal(hop_table_choose(t, 0, 1500), 0);
	hop_table_free(&t);
}

static void equals_take_turns_and_the_rest_stands_by(void **state)
{
	struct hop_table *t =
		parsed("192.0.2.1;priority=5,192.0.2.2;priority=1,192.0.2.3;priority=1");
	unsigned seen[3] = {0};

	(void)state;
	for (int i = 0; i < 9; i++)
		seen[hop_table_choose(t, 0, 0)]++;
	assert_int_equal(seen[0], 0);
	assert_in_range(seen[1], 3, 6);
	assert_int_equal(seen[1] + seen[2], 9);
	assert_int_equal(hop_table_choose(t, 6, 0), 0);
	hop_table_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_list_has_no_hop),
		cmocka_unit_test(each_form_becomes_a_numeric_route),
		cmocka_unit_test(what_is_no_hop_is_named),
		cmocka_unit_test(over_tls_a_name_has_its_address_beside_it),
		cmocka_unit_test(as_many_as_there_are_bits),
		cmocka_unit_test(the_first_that_is_up_is_taken_and_each_only_once),
		cmocka_unit_test(without_probes_a_dead_hop_is_tried_again_after_its_rest),
		cmocka_unit_test(equals_take_turns_and_the_rest_stands_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
