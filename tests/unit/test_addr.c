/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/addr: parsing, printing, comparing, lists of networks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "common/addr.h"
#include "common/mem.h"

static struct addr at(const char *text)
{
	struct addr a;

	if (addr_parse(slice_str(text), &a) < 0)
		fail_msg("cannot parse %s", text);
	return a;
}

static void addresses_print_as_they_were_read(void **state)
{
	static const char *const texts[] = {"127.0.0.1:0", "192.0.2.1:65535", "[::1]:5060",
					    "[2001:db8::1]:2855"};
	char buf[ADDR_STRLEN];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct addr a = at(texts[i]);

		assert_string_equal(addr_format(&a, buf), texts[i]);
	}
}

static void what_is_not_a_numeric_address_is_refused(void **state)
{
	static const char *const bad[] = {
		"",         "127.0.0.1",     ":1",         "localhost:1", "1.2.3.4:", "1.2.3.4:x",
		"::1:5060", "1.2.3.4:65536", "[::1]",      "[::1:1",      "[]:1",     "[1.2.3.4]:1",
		"1.2.3:1",  "1.2.3.4 :1",    "1.2.3.4:-1", "01.2.3.4:1",  "[::1]x:1"};
	struct addr a = at("192.0.2.9:9");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (addr_parse(slice_str(bad[i]), &a) != -ERR_SYNTAX)
			fail_msg("accepted %s", bad[i]);
	assert_int_equal(addr_port(&a), 9);
	assert_int_equal(addr_from_host(SLICE_LIT("1.2.3.4\0"), 1, &a), -ERR_SYNTAX);
}

static void a_host_comes_with_or_without_brackets(void **state)
{
	struct addr a, b;
	char buf[ADDR_STRLEN];

	(void)state;
	assert_int_equal(addr_from_host(SLICE_LIT("::1"), 7, &a), 0);
	assert_int_equal(addr_from_host(SLICE_LIT("[::1]"), 7, &b), 0);
	assert_true(addr_equal(&a, &b));
	assert_true(addr_is_v6(&a));
	assert_string_equal(addr_host(&a, buf), "::1");
	addr_set_port(&b, 8);
	assert_false(addr_equal(&a, &b));
	assert_true(addr_host_equal(&a, &b));
	assert_int_equal(addr_port(&b), 8);
}

static void a_unix_path_must_fit_the_system_structure(void **state)
{
	char path[200];
	char buf[ADDR_STRLEN];
	struct addr a;

	(void)state;
	snprintf(path, sizeof(path), "/%0106d", 0);
	assert_int_equal(addr_from_unix(path, &a), 0);
	assert_string_equal(addr_format(&a, buf), path);
	assert_string_equal(addr_host(&a, buf), path);
	assert_int_equal(addr_port(&a), 0);
	snprintf(path, sizeof(path), "/%0107d", 0);
	assert_int_equal(addr_from_unix(path, &a), -ERR_LIMIT);
	assert_int_equal(addr_from_unix("", &a), -ERR_SYNTAX);
}

static void loopback_and_any_are_known_in_all_forms(void **state)
{
	struct addr a;

	(void)state;
	a = at("127.255.0.3:1");
	assert_true(addr_is_loopback(&a));
	a = at("128.0.0.1:1");
	assert_false(addr_is_loopback(&a));
	a = at("[::1]:1");
	assert_true(addr_is_loopback(&a));
	a = at("[::ffff:127.0.0.1]:1");
	assert_true(addr_is_loopback(&a));
	a = at("[::2]:1");
	assert_false(addr_is_loopback(&a));
	assert_int_equal(addr_from_unix("/x", &a), 0);
	assert_true(addr_is_loopback(&a));
	assert_false(addr_is_any(&a));
	a = at("0.0.0.0:1");
	assert_true(addr_is_any(&a));
	a = at("[::]:1");
	assert_true(addr_is_any(&a));
}

static void groups_of_hosts_are_known_in_all_forms(void **state)
{
	static const char *const groups[] = {"224.0.0.1:1", "239.255.255.255:1",
					     "255.255.255.255:1", "[ff02::1]:1",
					     "[::ffff:224.0.0.1]:1"};
	static const char *const hosts[] = {"223.255.255.255:1", "240.0.0.1:1", "[fe80::1]:1",
					    "127.0.0.1:1"};
	struct addr a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		a = at(groups[i]);
		assert_true(addr_is_multicast(&a));
	}
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		a = at(hosts[i]);
		assert_false(addr_is_multicast(&a));
	}
	assert_int_equal(addr_from_unix("/x", &a), 0);
	assert_false(addr_is_multicast(&a));
}

static void numeric_names_resolve_without_a_resolver(void **state)
{
	struct addr a;

	(void)state;
	assert_int_equal(addr_resolve("127.0.0.1", 80, &a), 0);
	assert_int_equal(addr_port(&a), 80);
	assert_int_equal(addr_resolve("localhost", 81, &a), 0);
	assert_true(addr_is_loopback(&a));
	assert_int_equal(addr_port(&a), 81);
}

static bool has(const char *set_text, const char *addr_text)
{
	struct addr a = at(addr_text);
	struct addr_set *set;
	bool yes;

	assert_int_equal(addr_set_parse(set_text, &set), 0);
	yes = addr_set_has(set, &a);
	addr_set_free(&set);
	assert_null(set);
	return yes;
}

static void networks_match_to_the_bit(void **state)
{
	(void)state;
	assert_true(has("192.0.2.0/25", "192.0.2.127:1"));
	assert_false(has("192.0.2.0/25", "192.0.2.128:1"));
	assert_true(has("192.0.2.77/24", "192.0.2.1:1"));
	assert_true(has("0.0.0.0/0", "8.8.8.8:1"));
	assert_false(has("0.0.0.0/0", "[2001:db8::1]:1"));
	assert_true(has("2001:db8::/33", "[2001:db8:7fff::1]:1"));
	assert_false(has("2001:db8::/33", "[2001:db8:8000::1]:1"));
	assert_true(has(" 10.0.0.1 , ::1 ", "[::1]:9"));
	assert_true(has("10.0.0.1,::1", "10.0.0.1:9"));
	assert_false(has("10.0.0.1,::1", "10.0.0.2:9"));
	assert_false(has("", "127.0.0.1:1"));
}

static void mapped_addresses_count_as_ipv4(void **state)
{
	(void)state;
	assert_true(has("10.0.0.0/8", "[::ffff:10.1.2.3]:1"));
	assert_true(has("::ffff:10.0.0.0/104", "10.9.9.9:1"));
	assert_false(has("::/0", "[::ffff:10.1.2.3]:1"));
}

static void malformed_lists_are_refused(void **state)
{
	static const char *const bad[] = {
		"x",           "10.0.0.1/33",       "::1/129",          "10.0.0.1/",
		"10.0.0.1,",   ",10.0.0.1",         "1.2.3.4,,5.6.7.8", "10.0.0.1/-1",
		"1.2.3.4/8/8", "::ffff:10.0.0.0/95"};
	struct addr_set *set = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (addr_set_parse(bad[i], &set) != -ERR_SYNTAX)
			fail_msg("accepted %s", bad[i]);
	assert_null(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_print_as_they_were_read),
		cmocka_unit_test(what_is_not_a_numeric_address_is_refused),
		cmocka_unit_test(a_host_comes_with_or_without_brackets),
		cmocka_unit_test(a_unix_path_must_fit_the_system_structure),
		cmocka_unit_test(loopback_and_any_are_known_in_all_forms),
		cmocka_unit_test(groups_of_hosts_are_known_in_all_forms),
		cmocka_unit_test(numeric_names_resolve_without_a_resolver),
		cmocka_unit_test(networks_match_to_the_bit),
		cmocka_unit_test(mapped_addresses_count_as_ipv4),
		cmocka_unit_test(malformed_lists_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
