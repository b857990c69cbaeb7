/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/config: values, files, overrides, and what a mistake is told like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/mem.h"

struct options {
	char *domain, *address;
	int64_t port, max_size, grace_ms, free_number;
	bool create;
	int sealed;
	int profile;
};

static const struct config_opt table[] = {
	{"domain", CONFIG_STRING, offsetof(struct options, domain), "conf.example.com", 0, 0, NULL,
	 "", "Domain.", NULL},
	{"sip.address", CONFIG_STRING, offsetof(struct options, address), NULL, 0, 0, NULL, "",
	 "Address.", NULL},
	{"sip.port", CONFIG_INT, offsetof(struct options, port), "5060", 0, 65535, NULL, "",
	 "Port.", NULL},
	{"msrp.max_size", CONFIG_BYTES, offsetof(struct options, max_size), "256MiB", 1024,
	 INT64_C(1) << 30, NULL, "octets", "Size.", NULL},
	{"context.grace", CONFIG_MS, offsetof(struct options, grace_ms), "10s", 100, 60000, NULL,
	 "s", "Grace.", NULL},
	{"free", CONFIG_INT, offsetof(struct options, free_number), "0", 0, 0, NULL, "", "Free.",
	 NULL},
	{"conference.create_on_join", CONFIG_BOOL, offsetof(struct options, create), "false", 0, 0,
	 NULL, "", "Create.", "creation by joining is not in this release"},
	{"profile", CONFIG_ENUM, offsetof(struct options, profile), "ims", 0, 0, "ims rfc", "",
	 "Profile a|b.", NULL},
	{"conference.seal_each_one", CONFIG_ENUM, offsetof(struct options, sealed), "off", 0, 0,
	 "off required false true", "", "Sealed.", NULL},
};

static struct config_error error;

static int load(const char *file, char *override, struct options *o)
{
	*o = (struct options){0};
	error.text[0] = '\0';
	return config_load(table, ARRAY_LEN(table), file, &override, override ? 1 : 0, o, &error);
}

static void expect(char *override, const char *message)
{
	struct options o;

	assert_int_equal(load(NULL, override, &o), -ERR_CONFIG);
	assert_string_equal(error.text, message);
	assert_null(o.domain); /* released */
}

static int64_t number(char *override, size_t offset)
{
	struct options o;
	int64_t v;

	if (load(NULL, override, &o) < 0)
		fail_msg("%s", error.text);
	memcpy(&v, (char *)&o + offset, sizeof(v));
	config_release(table, ARRAY_LEN(table), &o);
	return v;
}

static char file_name[] = "/tmp/mrf-config-XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(file_name);

	(void)state;
	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 0 : -1;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(file_name);
}

static int load_text(const char *text, struct options *o)
{
	FILE *f = fopen(file_name, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return load(file_name, NULL, o);
}

static void expect_in_file(const char *text, const char *message)
{
	struct options o;
	char full[600];

	assert_int_equal(load_text(text, &o), -ERR_CONFIG);
	snprintf(full, sizeof(full), "%s:%s", file_name, message);
	assert_string_equal(error.text, full);
}

static void defaults_hold_without_file_and_overrides(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(load(NULL, NULL, &o), 0);
	assert_string_equal(o.domain, "conf.example.com");
	assert_string_equal(o.address, "");
	assert_int_equal(o.port, 5060);
	assert_int_equal(o.max_size, 256 << 20);
	assert_int_equal(o.grace_ms, 10000);
	assert_false(o.create);
	assert_int_equal(o.profile, 0);
	config_release(table, ARRAY_LEN(table), &o);
	assert_null(o.domain);
	config_release(table, ARRAY_LEN(table), &o);
}

static void a_setting_of_words_takes_a_truth_value_where_the_words_say_so(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(load_text("conference: { seal_each_one = true; };", &o), 0);
	assert_int_equal(o.sealed, 3);
	config_release(table, ARRAY_LEN(table), &o);
	assert_int_equal(load_text("conference: { seal_each_one = \"required\"; };", &o), 0);
	assert_int_equal(o.sealed, 1);
	config_release(table, ARRAY_LEN(table), &o);
	expect_in_file("profile = true;", "1: profile: one of: ims rfc expected");
}

static void a_file_sets_nested_groups_and_overrides_win(void **state)
{
	struct options o;
	char *overrides[] = {"sip.port=5070", "sip.port=5071", "domain=a=b"};

	(void)state;
	assert_int_equal(load_text("# sample\n"
				   "domain = \"x.example\";\n"
				   "sip: { address = \"127.0.0.2\"; port = 5062; };\n"
				   "context = { grace = 1.5; }\n"
				   "msrp: { max_size = \"64k\"; };\n"
				   "conference: { create_on_join = true; };\n"
				   "profile = \"rfc\";\n"
				   "free = -7;\n",
				   &o),
			 0);
	assert_string_equal(o.domain, "x.example");
	assert_string_equal(o.address, "127.0.0.2");
	assert_int_equal(o.port, 5062);
	assert_int_equal(o.grace_ms, 1500);
	assert_int_equal(o.max_size, 65536);
	assert_true(o.create);
	assert_int_equal(o.profile, 1);
	assert_int_equal(o.free_number, -7);
	config_release(table, ARRAY_LEN(table), &o);

	o = (struct options){0};
	assert_int_equal(config_load(table, ARRAY_LEN(table), file_name, overrides, 3, &o, &error),
			 0);
	assert_int_equal(o.port, 5071);
	assert_string_equal(o.domain, "a=b");
	assert_string_equal(o.address, "127.0.0.2");
	config_release(table, ARRAY_LEN(table), &o);
}

static void sizes_and_times_take_units(void **state)
{
	const size_t size = offsetof(struct options, max_size);
	const size_t time = offsetof(struct options, grace_ms);

	(void)state;
	assert_int_equal(number("msrp.max_size=4096", size), 4096);
	assert_int_equal(number("msrp.max_size=4K", size), 4096);
	assert_int_equal(number("msrp.max_size=1.5MiB", size), 1536 << 10);
	assert_int_equal(number("msrp.max_size=1G", size), 1 << 30);
	assert_int_equal(number("context.grace=500ms", time), 500);
	assert_int_equal(number("context.grace=1.5s", time), 1500);
	assert_int_equal(number("context.grace=0.25min", time), 15000);
	assert_int_equal(number("context.grace=7", time), 7000);
	expect("context.grace=0.5ms",
	       "-o: context.grace: \"0.5ms\" is not a time such as 10, \"500ms\", \"1.5s\" or "
	       "\"5min\" (100ms..60s)");
	expect("msrp.max_size=4X", "-o: msrp.max_size: \"4X\" is not a size such as 65536, \"64k\" "
				   "or \"16MiB\" (1KiB..1024MiB)");
}

static void ranges_include_their_ends_and_nothing_more(void **state)
{
	const size_t port = offsetof(struct options, port);
	const size_t time = offsetof(struct options, grace_ms);

	(void)state;
	assert_int_equal(number("sip.port=0", port), 0);
	assert_int_equal(number("sip.port=65535", port), 65535);
	expect("sip.port=65536", "-o: sip.port: 65536 is out of range (0..65535)");
	expect("sip.port=-1", "-o: sip.port: -1 is out of range (0..65535)");
	expect("sip.port=99999999999999999999",
	       "-o: sip.port: 99999999999999999999 is out of range (0..65535)");
	assert_int_equal(number("context.grace=100ms", time), 100);
	assert_int_equal(number("context.grace=60s", time), 60000);
	expect("context.grace=99ms", "-o: context.grace: 99ms is out of range (100ms..60s)");
	expect("context.grace=61", "-o: context.grace: 61 is out of range (100ms..60s)");
	expect("context.grace=9999999999999999999h",
	       "-o: context.grace: 9999999999999999999h is out of range (100ms..60s)");
	expect("msrp.max_size=1023", "-o: msrp.max_size: 1023 is out of range (1KiB..1024MiB)");
}

static void malformed_values_say_what_is_allowed(void **state)
{
	(void)state;
	expect("sip.port=", "-o: sip.port: \"\" is not a whole number (0..65535)");
	expect("sip.port=50x", "-o: sip.port: \"50x\" is not a whole number (0..65535)");
	expect("free=-", "-o: free: \"-\" is not a whole number");
	expect("conference.create_on_join=maybe",
	       "-o: conference.create_on_join: \"maybe\" is not true or false");
	expect("profile=IMS", "-o: profile: \"IMS\" is not one of: ims rfc");
	expect("profile=", "-o: profile: \"\" is not one of: ims rfc");
	expect("domain=a\r\nX: y",
	       "-o: domain: control characters and malformed UTF-8 are not allowed");
	expect("domain=\xff", "-o: domain: control characters and malformed UTF-8 are not allowed");
	expect("domain", "-o: domain: PATH=VALUE expected");
}

static void an_unknown_setting_names_its_nearest(void **state)
{
	struct options o;

	(void)state;
	expect("sip.prt=1",
	       "-o: sip.prt: unknown setting (nearest: sip.port, sip.address, domain)");
	assert_int_equal(load_text("domain = \"x\";\nsip: {\n  adress = \"y\"; };\n", &o),
			 -ERR_CONFIG);
	assert_non_null(
		strstr(error.text, ":3: sip.adress: unknown setting (nearest: sip.address, "));
	assert_int_equal(load_text("spi: { port = 1; };\n", &o), -ERR_CONFIG);
	assert_non_null(strstr(error.text, ":1: spi: unknown setting (nearest: "));
	expect_in_file("sip: { port: { deep = 1; }; };\n",
		       "1: sip.port: a whole number (0..65535) expected");
	expect_in_file("domain: { };\n", "1: domain: a text expected");
}

static void types_of_the_file_must_fit(void **state)
{
	(void)state;
	expect_in_file("sip: {\n port = 99999; };\n",
		       "2: sip.port: 99999 is out of range (0..65535)");
	expect_in_file("sip: { port = \"5060\"; };\n",
		       "1: sip.port: a whole number (0..65535) expected, not the text \"5060\"");
	expect_in_file("sip: { port = 1.0; };\n",
		       "1: sip.port: a whole number (0..65535) expected");
	expect_in_file("domain = 5;\n", "1: domain: a text expected");
	expect_in_file("domain = [\"a\", \"b\"];\n", "1: domain: a text expected");
	expect_in_file("profile = true;\n", "1: profile: one of: ims rfc expected");
	expect_in_file("conference: { create_on_join = 1; };\n",
		       "1: conference.create_on_join: true or false expected");
	expect_in_file("sip = 5;\n", "1: sip: unknown setting (nearest: free, domain, sip.port)");
}

static void an_unreadable_or_broken_file_is_told(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(load("/nonexistent.conf", NULL, &o), -ERR_CONFIG);
	assert_string_equal(error.text, "/nonexistent.conf: No such file or directory");
	assert_int_equal(load("/tmp", NULL, &o), -ERR_CONFIG);
	assert_string_equal(error.text, "/tmp: Is a directory");
	expect_in_file("domain = \"x\";\nsip: {\n", "3: syntax error");
	expect_in_file("domain = \"x\";\ndomain = \"y\";\n", "2: duplicate setting name");
	assert_int_equal(load_text("", &o), 0);
	config_release(table, ARRAY_LEN(table), &o);
}

/* What fn writes to a descriptor. */
static const char *captured(int fd, void (*fn)(void))
{
	static char text[4096];
	int fds[2], saved = dup(fd);
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	fflush(stdout);
	dup2(fds[1], fd);
	close(fds[1]);
	fn();
	fflush(stdout);
	dup2(saved, fd);
	close(saved);
	n = read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static struct options loaded;

static void log_missing(void)
{
	config_log_missing(table, ARRAY_LEN(table), &loaded);
}

static void print_markdown(void)
{
	config_print_markdown(table, ARRAY_LEN(table));
}

static void a_missing_feature_is_told_only_when_asked_for(void **state)
{
	(void)state;
	assert_int_equal(load(NULL, "conference.create_on_join=off", &loaded), 0);
	assert_string_equal(captured(STDERR_FILENO, log_missing), "");
	config_release(table, ARRAY_LEN(table), &loaded);
	assert_int_equal(load(NULL, "conference.create_on_join=on", &loaded), 0);
	assert_non_null(strstr(captured(STDERR_FILENO, log_missing),
			       "conference.create_on_join has no effect: creation by joining is "
			       "not in this release\n"));
	config_release(table, ARRAY_LEN(table), &loaded);
}

static void the_manual_rows_come_from_the_table(void **state)
{
	const char *text = captured(STDOUT_FILENO, print_markdown);

	(void)state;
	assert_non_null(
		strstr(text, "| `sip.port` | a whole number (0..65535) | `5060` | Port. |\n"));
	assert_non_null(strstr(text, "| `profile` | one of: ims rfc | `ims` | Profile a\\|b. |\n"));
	assert_non_null(strstr(text, "| `sip.address` | a text | `\"\"` | Address. |\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_hold_without_file_and_overrides),
		cmocka_unit_test(a_file_sets_nested_groups_and_overrides_win),
		cmocka_unit_test(a_setting_of_words_takes_a_truth_value_where_the_words_say_so),
		cmocka_unit_test(sizes_and_times_take_units),
		cmocka_unit_test(ranges_include_their_ends_and_nothing_more),
		cmocka_unit_test(malformed_values_say_what_is_allowed),
		cmocka_unit_test(an_unknown_setting_names_its_nearest),
		cmocka_unit_test(types_of_the_file_must_fit),
		cmocka_unit_test(an_unreadable_or_broken_file_is_told),
		cmocka_unit_test(a_missing_feature_is_told_only_when_asked_for),
		cmocka_unit_test(the_manual_rows_come_from_the_table),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
