/* SPDX-License-Identifier: Apache-2.0 */
/* CPIM heads octet by octet, escapes both ways, and fields that try to become header lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/mem.h"
#include "proto/cpim.h"

static void expect_built(const struct cpim_fields *f, const char *want)
{
	struct bytes out = BYTES_INIT;
	struct cpim_head h;

	cpim_build(&out, f);
	assert_true(bytes_ok(&out));
	assert_string_equal(bytes_cstr(&out), want);
	assert_int_equal(cpim_parse(bytes_slice(&out), out.len, true, true, &h), 1);
	assert_int_equal(h.head_len, out.len);
	bytes_fini(&out);
}

/* covers: CPIM-001, CPIM-003, MSRP-141 */
static void heads_are_written_in_full_and_in_the_least_form(void **state)
{
	struct cpim_fields f = {
		.from_uri = SLICE_LIT("sip:room@conf.example.com"),
		.to_uri = SLICE_LIT("sip:bob@example.com"),
		.content_type = SLICE_LIT("text/plain"),
	};

	(void)state;
	expect_built(&f, "From: <sip:room@conf.example.com>\r\n"
			 "To: <sip:bob@example.com>\r\n"
			 "\r\n"
			 "Content-Type: text/plain\r\n"
			 "\r\n");
	f.from_display = SLICE_LIT("The Room");
	f.to_display = SLICE_LIT("Bob, \"B\"");
	f.date_time = SLICE_LIT("2026-01-02T03:04:05.000Z");
	f.imdn_message_id = SLICE_LIT("34jk324j");
	f.imdn_disposition = SLICE_LIT("positive-delivery, display");
	f.content_disposition = SLICE_LIT("notification");
	f.content_type = SLICE_LIT("message/imdn+xml");
	expect_built(&f, "From: The Room <sip:room@conf.example.com>\r\n"
			 "To: \"Bob, \\\"B\\\"\" <sip:bob@example.com>\r\n"
			 "DateTime: 2026-01-02T03:04:05.000Z\r\n"
			 "NS: imdn <urn:ietf:params:imdn>\r\n"
			 "imdn.Message-ID: 34jk324j\r\n"
			 "imdn.Disposition-Notification: positive-delivery, display\r\n"
			 "\r\n"
			 "Content-Disposition: notification\r\n"
			 "Content-Type: message/imdn+xml\r\n"
			 "\r\n");
}

/* covers: CPIM-005 */
static void the_headers_of_notifications_are_read_by_namespace_and_written(void **state)
{
	static const char text[] = "From: <sip:a@b>\r\nTo: <sip:c@d>\r\n"
				   "NS: n <urn:ietf:params:imdn>\r\n"
				   "n.Message-ID: 1\r\n"
				   "imdn.Original-To: <sip:not@declared>\r\n"
				   "n.Original-To: List <sip:list@d>\r\n"
				   "n.Original-To: <sip:second@d>\r\n"
				   "n.IMDN-Record-Route: <sip:one@d>\r\n"
				   "n.IMDN-Record-Route: \"T\\\"wo\" <sip:two@d>\r\n"
				   "n.IMDN-Route: <sip:back@d>\r\n"
				   "\r\nContent-Type: text/plain\r\n\r\n";
	struct cpim_fields f = {.from_uri = SLICE_LIT("sip:c@d"),
				.to_uri = SLICE_LIT("sip:a@b"),
				.imdn_message_id = SLICE_LIT("2"),
				.content_type = SLICE_LIT("message/imdn+xml")};
	struct cpim_head h;

	(void)state;
	assert_int_equal(cpim_parse(slice_str(text), sizeof(text), false, true, &h), 1);
	assert_true(slice_eq_str(h.imdn_original_to, "List <sip:list@d>"));
	assert_int_equal(h.n_imdn_record_routes, 2);
	assert_true(slice_eq_str(h.imdn_record_routes[0], "<sip:one@d>"));
	assert_int_equal(h.n_imdn_routes, 1);
	assert_true(slice_eq_str(h.imdn_routes[0], "<sip:back@d>"));
	f.imdn_original_to = h.imdn_original_to;
	f.imdn_routes = h.imdn_record_routes;
	f.n_imdn_routes = h.n_imdn_record_routes;
	expect_built(&f, "From: <sip:c@d>\r\nTo: <sip:a@b>\r\n"
			 "NS: imdn <urn:ietf:params:imdn>\r\n"
			 "imdn.Message-ID: 2\r\n"
			 "imdn.Original-To: List <sip:list@d>\r\n"
			 "imdn.IMDN-Route: <sip:one@d>\r\n"
			 "imdn.IMDN-Route: \"T\\\"wo\" <sip:two@d>\r\n"
			 "\r\nContent-Type: message/imdn+xml\r\n\r\n");
}

static void more_routes_than_are_kept_are_counted(void **state)
{
	struct bytes b = BYTES_INIT;
	struct cpim_head h;

	(void)state;
	bytes_add_str(&b, "From: <sip:a@b>\r\nNS: imdn <urn:ietf:params:imdn>\r\n");
	for (int i = 0; i < CPIM_ROUTES_MAX + 1; i++)
		bytes_addf(&b, "imdn.IMDN-Route: <sip:%d@d>\r\n", i);
	bytes_add_str(&b, "\r\nContent-Type: text/plain\r\n\r\n");
	assert_int_equal(cpim_parse(bytes_slice(&b), b.len, false, true, &h), 1);
	assert_int_equal(h.n_imdn_routes, CPIM_ROUTES_MAX + 1);
	assert_true(slice_eq_str(h.imdn_routes[CPIM_ROUTES_MAX - 1], "<sip:3@d>"));
	bytes_fini(&b);
}

/* covers: CPIM-001, CPIM-004 */
static void no_field_can_add_a_line(void **state)
{
	struct cpim_fields f = {
		.from_display = SLICE_LIT("a\r\nTo: <sip:x@y>\r\n"),
		.from_uri = SLICE_LIT("sip:a@b>\r\nX: <y"),
		.to_uri = SLICE_LIT("sip:c@d"),
		.imdn_message_id = SLICE_LIT("1\r\nX: y\x01\x7f\b\t\\"),
		.content_type = SLICE_LIT("a/b\r\nX: y"),
	};

	(void)state;
	expect_built(&f, "From: \"a\\r\\nTo: <sip:x@y>\\r\\n\" <sip:a@b%3E%0D%0AX:%20%3Cy>\r\n"
			 "To: <sip:c@d>\r\n"
			 "NS: imdn <urn:ietf:params:imdn>\r\n"
			 "imdn.Message-ID: 1\\r\\nX: y\\u0001\\u007f\\b\\t\\\\\r\n"
			 "\r\n"
			 "Content-Type: a/b  X: y\r\n"
			 "\r\n");
}

static void names_are_quoted_only_when_needed(void **state)
{
	static const struct {
		const char *name, *want;
	} cases[] = {
		{"Alice", "Alice "},
		{"Alice B. Cee", "Alice B. Cee "},
		{"J\xc3\xb6rg", "J\xc3\xb6rg "},
		{" a", "\" a\" "},
		{"a ", "\"a \" "},
		{"a  b", "\"a  b\" "},
		{"a@b", "\"a@b\" "},
		{"a\\b", "\"a\\\\b\" "},
		{"it's", "it's "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes out = BYTES_INIT, want = BYTES_INIT;
		struct cpim_fields f = {
			.from_display = slice_str(cases[i].name),
			.from_uri = SLICE_LIT("sip:a@b"),
			.to_uri = SLICE_LIT("sip:c@d"),
		};

		cpim_build(&out, &f);
		bytes_addf(&want, "From: %s<sip:a@b>\r\n", cases[i].want);
		assert_true(slice_starts(bytes_slice(&out), bytes_slice(&want)));
		bytes_fini(&out);
		bytes_fini(&want);
	}
}

static void expect_unescaped(const char *text, const char *want)
{
	struct bytes out = BYTES_INIT;

	assert_int_equal(cpim_unescape(slice_str(text), &out), 0);
	assert_string_equal(bytes_cstr(&out), want);
	bytes_fini(&out);
}

/* covers: CPIM-004 */
static void escapes_are_undone(void **state)
{
	struct bytes out = BYTES_INIT;

	(void)state;
	expect_unescaped("a\\u0041", "aA");
	expect_unescaped("\\\\ \\\" \\' \\b \\t \\n \\r", "\\ \" ' \b \t \n \r");
	expect_unescaped("\\x\\y\\[", "xy[");
	expect_unescaped("end\\", "end");
	expect_unescaped("\\u00e4\\u20AC\\ud83d\\uDE00", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
	expect_unescaped("\xc3\xa4", "\xc3\xa4");
	expect_unescaped("", "");
	assert_int_equal(cpim_unescape(SLICE_LIT("ab\\u12"), &out), -ERR_SYNTAX);
	assert_int_equal(cpim_unescape(SLICE_LIT("ab\\u12g4"), &out), -ERR_SYNTAX);
	assert_int_equal(cpim_unescape(SLICE_LIT("\\ud83d"), &out), -ERR_SYNTAX);
	assert_int_equal(cpim_unescape(SLICE_LIT("\\ude00"), &out), -ERR_SYNTAX);
	assert_int_equal(cpim_unescape(SLICE_LIT("\\ude00\\ude00"), &out), -ERR_SYNTAX);
	assert_int_equal(cpim_unescape(SLICE_LIT("\\ud83d\\u0041"), &out), -ERR_SYNTAX);
	assert_int_equal(out.len, 0);
	bytes_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_are_written_in_full_and_in_the_least_form),
		cmocka_unit_test(the_headers_of_notifications_are_read_by_namespace_and_written),
		cmocka_unit_test(more_routes_than_are_kept_are_counted),
		cmocka_unit_test(no_field_can_add_a_line),
		cmocka_unit_test(names_are_quoted_only_when_needed),
		cmocka_unit_test(escapes_are_undone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
