/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MSRP frames written octet by octet as RFC 4975 shows them; quoted strings; the scan that keeps our
 * end-line out of bodies. What is written is read back with the parser.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/mem.h"
#include "proto/msrp_build.h"
#include "proto/msrp_parse.h"

#define ALICE "msrp://alicepc.example.com:7777/iau39soe2843z;tcp"
#define BOB   "msrp://bob.example.com:8888/9di4eae923wzd;tcp"
#define RELAY "msrp://relay.example.com:9000/r1;tcp"

static void expect_text(struct bytes *out, const char *want)
{
	assert_true(bytes_ok(out));
	assert_string_equal(bytes_cstr(out), want);
	bytes_fini(out);
}

/* covers: MSRP-004, MSRP-012 */
static void a_send_is_written_as_the_rfc_shows_it(void **state)
{
	struct msrp_rest rest = {
		.message_id = SLICE_LIT("12339sdqwer"),
		.range = {true, 1, 16, 16},
		.content_type = SLICE_LIT("text/plain"),
	};
	struct bytes out = BYTES_INIT;

	(void)state;
	msrp_build_start(&out, SLICE_LIT("d93kswow"), SLICE_LIT("SEND"));
	msrp_build_paths(&out, SLICE_LIT(BOB), SLICE_LIT(ALICE));
	msrp_build_rest(&out, &rest);
	bytes_add_str(&out, "Hi, I'm Alice!");
	msrp_build_end(&out, SLICE_LIT("d93kswow"), true, '$');
	expect_text(&out, "MSRP d93kswow SEND\r\n"
			  "To-Path: " BOB "\r\n"
			  "From-Path: " ALICE "\r\n"
			  "Message-ID: 12339sdqwer\r\n"
			  "Byte-Range: 1-16/16\r\n"
			  "Content-Type: text/plain\r\n"
			  "\r\n"
			  "Hi, I'm Alice!\r\n"
			  "-------d93kswow$\r\n");
}

/* covers: MSRP-004, MSRP-062, MSRP-080 */
static void headers_stand_in_their_order_and_only_when_needed(void **state)
{
	struct msrp_rest rest = {
		.message_id = SLICE_LIT("abcd"),
		.range = {true, 2049, MSRP_UNSPECIFIED, MSRP_UNSPECIFIED},
		.success_report = true,
		.failure_report = MSRP_FR_PARTIAL,
		.content_disposition = SLICE_LIT("attachment"),
		.content_type = SLICE_LIT("image/png"),
	};
	struct bytes out = BYTES_INIT;

	(void)state;
	msrp_build_rest(&out, &rest);
	expect_text(&out, "Message-ID: abcd\r\n"
			  "Byte-Range: 2049-*/*\r\n"
			  "Success-Report: yes\r\n"
			  "Failure-Report: partial\r\n"
			  "Content-Disposition: attachment\r\n"
			  "Content-Type: image/png\r\n\r\n");
	rest = (struct msrp_rest){.failure_report = MSRP_FR_NO};
	msrp_build_rest(&out, &rest);
	expect_text(&out, "Failure-Report: no\r\n");
	rest = (struct msrp_rest){.use_nickname = SLICE_LIT("\"a\"")};
	msrp_build_rest(&out, &rest);
	expect_text(&out, "Use-Nickname: \"a\"\r\n");
}

/* covers: MSRP-013, MSRP-071 */
static void a_send_without_body_has_no_blank_line(void **state)
{
	struct msrp_rest rest = {.message_id = SLICE_LIT("keep1"), .range = {true, 1, 0, 0}};
	struct bytes out = BYTES_INIT;

	(void)state;
	msrp_build_start(&out, SLICE_LIT("abcd1234"), SLICE_LIT("SEND"));
	msrp_build_paths(&out, SLICE_LIT(BOB), SLICE_LIT(ALICE));
	msrp_build_rest(&out, &rest);
	msrp_build_end(&out, SLICE_LIT("abcd1234"), false, '$');
	expect_text(&out, "MSRP abcd1234 SEND\r\n"
			  "To-Path: " BOB "\r\n"
			  "From-Path: " ALICE "\r\n"
			  "Message-ID: keep1\r\n"
			  "Byte-Range: 1-0/0\r\n"
			  "-------abcd1234$\r\n");
}

/* covers: MSRP-104 */
static void a_report_is_written_as_the_rfc_shows_it(void **state)
{
	struct msrp_rest rest = {
		.message_id = SLICE_LIT("12339sdqwer"),
		.range = {true, 1, 106, 106},
		.status = SLICE_LIT("000 200 OK"),
	};
	struct bytes out = BYTES_INIT;

	(void)state;
	msrp_build_start(&out, SLICE_LIT("dkei38sd"), SLICE_LIT("REPORT"));
	msrp_build_paths(&out, SLICE_LIT(RELAY " " ALICE), SLICE_LIT(BOB));
	msrp_build_rest(&out, &rest);
	msrp_build_end(&out, SLICE_LIT("dkei38sd"), false, '$');
	expect_text(&out, "MSRP dkei38sd REPORT\r\n"
			  "To-Path: " RELAY " " ALICE "\r\n"
			  "From-Path: " BOB "\r\n"
			  "Message-ID: 12339sdqwer\r\n"
			  "Byte-Range: 1-106/106\r\n"
			  "Status: 000 200 OK\r\n"
			  "-------dkei38sd$\r\n");
}

/* covers: MSRP-025, MSRP-091, MSRP-092 */
static void a_response_goes_one_hop_for_send_and_all_the_way_for_others(void **state)
{
	struct msrp_head h = {
		.tid = SLICE_LIT("d93kswow"),
		.method = MSRP_SEND,
		.to_path = SLICE_LIT(BOB),
		.from_path = SLICE_LIT(RELAY " " ALICE),
	};
	struct bytes out = BYTES_INIT;

	(void)state;
	msrp_build_response(&out, &h, 200, NULL);
	expect_text(&out, "MSRP d93kswow 200 OK\r\n"
			  "To-Path: " RELAY "\r\n"
			  "From-Path: " BOB "\r\n"
			  "-------d93kswow$\r\n");
	h.method = MSRP_NICKNAME;
	msrp_build_response(&out, &h, 425, "In Use");
	expect_text(&out, "MSRP d93kswow 425 In Use\r\n"
			  "To-Path: " RELAY " " ALICE "\r\n"
			  "From-Path: " BOB "\r\n"
			  "-------d93kswow$\r\n");
	msrp_build_start_response(&out, SLICE_LIT("abcd"), 299, "");
	expect_text(&out, "MSRP abcd 299\r\n");
}

static void expect_quoted(struct slice text, const char *want)
{
	struct bytes out = BYTES_INIT, back = BYTES_INIT;

	msrp_build_quoted(&out, text);
	assert_string_equal(bytes_cstr(&out), want);
	assert_int_equal(msrp_unquote(bytes_slice(&out), &back), 0);
	assert_int_equal(back.len, text.len);
	assert_true(slice_eq(bytes_slice(&back), text));
	bytes_fini(&out);
	bytes_fini(&back);
}

/* covers: MSRP-027, SW-061, SW-062 */
static void quoted_strings_escape_two_characters(void **state)
{
	static const char *const bad[] = {
		"",      "\"",       "a",        "\"a",      "a\"", "\"a\\\"", "\"a\\x\"",
		"\"\"a", "\"a\"b\"", "\"\x01\"", "\"\xff\"", "'a'", " \"a\"",
	};
	struct bytes out = BYTES_INIT;

	(void)state;
	expect_quoted(SLICE_LIT("Alice the great"), "\"Alice the great\"");
	expect_quoted(SLICE_LIT("a\"b\\c"), "\"a\\\"b\\\\c\"");
	expect_quoted(SLICE_LIT(""), "\"\"");
	expect_quoted(SLICE_LIT("\xc3\xa4\\"), "\"\xc3\xa4\\\\\"");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(msrp_unquote(slice_str(bad[i]), &out), -ERR_SYNTAX);
	assert_int_equal(out.len, 0);
	bytes_fini(&out);
}

static bool scan(const char *text, size_t step)
{
	struct msrp_tail_scan s;
	struct slice rest = slice_str(text);
	bool found = false;

	msrp_tail_scan_init(&s, SLICE_LIT("ab-1"));
	while (rest.len > 0) {
		found = msrp_tail_scan(&s, slice_first(rest, step));
		rest = slice_from(rest, step);
	}
	return found;
}

/* covers: MSRP-017 */
static void our_end_line_is_found_across_any_pieces(void **state)
{
	static const struct {
		const char *text;
		bool found;
	} cases[] = {
		{"-------ab-1$", true},
		{"-------ab-1+", true},
		{"x-------ab-1#x", true},
		{"----------ab-1$", true}, /* not at the start of a line either */
		{"-------ab-------ab-1$", true},
		{"-------ab-1-------ab-1$", true},
		{"-------ab-1", false},
		{"-------ab-1!", false},
		{"-------ab-1 $", false},
		{"------ab-1$", false},
		{"-------ab-2$", false},
		{"-------ab-1!-------ab-1?", false},
		{"\r\n\r\n-------\r\nab-1$", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (size_t step = 1; step <= strlen(cases[i].text); step++)
			assert_int_equal(scan(cases[i].text, step), cases[i].found);
	}
}

/* covers: MSRP-017 */
static void the_scan_holds_the_longest_id(void **state)
{
	struct slice tid = SLICE_LIT("0123456789abcdef0123456789abcdef");
	struct bytes body = BYTES_INIT;
	struct msrp_tail_scan s;

	(void)state;
	bytes_add_str(&body, "-------0123456789abcdef0123456789abcdef$");
	for (size_t split = 0; split <= body.len; split++) {
		msrp_tail_scan_init(&s, tid);
		msrp_tail_scan(&s, slice_first(bytes_slice(&body), split));
		assert_true(msrp_tail_scan(&s, slice_from(bytes_slice(&body), split)));
	}
	bytes_fini(&body);
}

/* covers: MSRP-019 */
static void what_is_written_is_read_back(void **state)
{
	struct msrp_rest rest = {
		.message_id = SLICE_LIT("a.b-c%d"),
		.range = {true, 5, 9, INT64_MAX},
		.success_report = true,
		.failure_report = MSRP_FR_NO,
		.content_type = SLICE_LIT("a/b;c=\"d\""),
	};
	struct bytes out = BYTES_INIT;
	struct msrp_parser p;
	struct msrp_item item;
	size_t used;

	(void)state;
	msrp_build_start(&out, SLICE_LIT("tid.1"), SLICE_LIT("SEND"));
	msrp_build_paths(&out, SLICE_LIT(BOB), SLICE_LIT(ALICE));
	msrp_build_rest(&out, &rest);
	assert_null(strstr(bytes_cstr(&out), "Content-Transfer-Encoding"));
	bytes_add(&out, "\0\r\n\xff\r", 5);
	msrp_build_end(&out, SLICE_LIT("tid.1"), true, '+');
	msrp_parser_init(&p, &msrp_limits_default);
	assert_int_equal(msrp_parse_next(&p, bytes_slice(&out), &item, &used), 1);
	assert_int_equal(item.head.error, 0);
	assert_true(slice_eq(item.head.message_id, rest.message_id));
	assert_true(item.head.range.start == 5 && item.head.range.end == 9);
	assert_true(item.head.range.total == INT64_MAX);
	assert_true(item.head.success_report);
	assert_int_equal(item.head.failure_report, MSRP_FR_NO);
	assert_true(slice_eq(item.head.content_type, rest.content_type));
	bytes_drop(&out, used);
	assert_int_equal(msrp_parse_next(&p, bytes_slice(&out), &item, &used), 1);
	assert_int_equal(item.piece.len, 5);
	assert_memory_equal(item.piece.ptr, "\0\r\n\xff\r", 5);
	bytes_drop(&out, used);
	assert_int_equal(msrp_parse_next(&p, bytes_slice(&out), &item, &used), 1);
	assert_int_equal(item.flag, '+');
	assert_int_equal(used, out.len);
	bytes_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_send_is_written_as_the_rfc_shows_it),
		cmocka_unit_test(headers_stand_in_their_order_and_only_when_needed),
		cmocka_unit_test(a_send_without_body_has_no_blank_line),
		cmocka_unit_test(a_report_is_written_as_the_rfc_shows_it),
		cmocka_unit_test(a_response_goes_one_hop_for_send_and_all_the_way_for_others),
		cmocka_unit_test(quoted_strings_escape_two_characters),
		cmocka_unit_test(our_end_line_is_found_across_any_pieces),
		cmocka_unit_test(the_scan_holds_the_longest_id),
		cmocka_unit_test(what_is_written_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
