/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads of MSRP requests and responses: the grammar of RFC 4975 section 9, header by header, what is
 * tolerated, and what a 400 still lets its receiver know.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/bytes.h"
#include "common/mem.h"
#include "proto/msrp_parse.h"

#define TO    "To-Path: msrp://bob.example.com:8888/9di4eae923wzd;tcp\r\n"
#define FROM  "From-Path: msrp://alicepc.example.com:7777/iau39soe2843z;tcp\r\n"
#define PATHS TO FROM
#define ID    "Message-ID: 12339sdqwer\r\n"
#define TYPE  "Content-Type: text/plain\r\n\r\n"
#define SEND  "MSRP abcd1234 SEND\r\n"

/* The stream that a head under test is in; views stay good until the next one. */
static struct bytes stream;

static struct msrp_head read_stream(void)
{
	struct msrp_parser p;
	struct msrp_item item;
	size_t used;

	msrp_parser_init(&p, &msrp_limits_default);
	assert_int_equal(msrp_parse_next(&p, bytes_slice(&stream), &item, &used), 1);
	assert_int_equal(item.type, MSRP_ITEM_HEAD);
	return item.head;
}

/* A start line, headers and the end of the frame. */
static struct msrp_head read_head(const char *text)
{
	size_t len = strlen(text);

	bytes_reset(&stream);
	bytes_add_str(&stream, text);
	if (len > 4 && strcmp(text + len - 4, "\r\n\r\n") == 0)
		bytes_add_str(&stream, "body\r\n");
	bytes_add_str(&stream, "-------abcd1234$\r\n");
	return read_stream();
}

/* A SEND that is right but for the header line put in. */
static struct msrp_head read_send(const char *header)
{
	bytes_reset(&stream);
	bytes_add_str(&stream, SEND PATHS ID);
	bytes_add_str(&stream, header);
	bytes_add_str(&stream, "\r\n-------abcd1234$\r\n");
	return read_stream();
}

static void expect_good(const char *text)
{
	struct msrp_head h = read_head(text);

	if (h.error)
		print_message("%s: %s\n", text, h.error_text);
	assert_int_equal(h.error, 0);
}

static void expect_bad(const char *text)
{
	struct msrp_head h = read_head(text);

	if (!h.error)
		print_message("accepted: %s\n", text);
	assert_int_equal(h.error, 400);
	assert_non_null(h.error_text);
}

static void expect_send_bad(const char *header)
{
	struct msrp_head h = read_send(header);

	if (!h.error)
		print_message("accepted: %s\n", header);
	assert_int_equal(h.error, 400);
}

/* covers: MSRP-001 */
static void methods_are_upper_case_words(void **state)
{
	(void)state;
	assert_int_equal(read_head("MSRP abcd1234 SEND\r\n" PATHS ID).method, MSRP_SEND);
	assert_int_equal(read_head("MSRP abcd1234 REPORT\r\n" PATHS ID).method, MSRP_REPORT);
	assert_int_equal(read_head("MSRP abcd1234 NICKNAME\r\n" PATHS).method, MSRP_NICKNAME);
	assert_int_equal(read_head("MSRP abcd1234 AUTH\r\n" PATHS).method, MSRP_AUTH);
	expect_bad("MSRP abcd1234\r\n" PATHS ID);
	expect_bad("MSRP abcd1234 \r\n" PATHS ID);
	expect_bad("MSRP abcd1234 send\r\n" PATHS ID);
	expect_bad("MSRP abcd1234 SEND \r\n" PATHS ID);
	expect_bad("MSRP abcd1234  SEND\r\n" PATHS ID);
	expect_bad("MSRP abcd1234 SEND2\r\n" PATHS ID);
}

/* covers: MSRP-099 */
static void an_unknown_method_is_not_bad_syntax(void **state)
{
	struct msrp_head h = read_head("MSRP abcd1234 FOO\r\n" PATHS);

	(void)state;
	assert_int_equal(h.error, 0);
	assert_int_equal(h.method, MSRP_UNKNOWN);
	assert_true(slice_eq_str(h.method_name, "FOO"));
	expect_good("MSRP abcd1234 FOO\r\n" PATHS TYPE);
}

/* covers: MSRP-001, MSRP-006 */
static void status_lines_have_three_digits_and_maybe_a_comment(void **state)
{
	struct msrp_head h = read_head("MSRP abcd1234 200 OK\r\n" PATHS);

	(void)state;
	assert_true(h.is_response);
	assert_int_equal(h.status, 200);
	assert_true(slice_eq_str(h.comment, "OK"));
	assert_int_equal(h.error, 0);
	assert_int_equal(read_head("MSRP abcd1234 481\r\n" PATHS).status, 481);
	assert_int_equal(read_head("MSRP abcd1234 481 \r\n" PATHS).comment.len, 0);
	assert_true(slice_eq_str(read_head("MSRP abcd1234 403 N\xc3\xb6 no\r\n" PATHS).comment,
				 "N\xc3\xb6 no"));
	expect_bad("MSRP abcd1234 20\r\n" PATHS);
	expect_bad("MSRP abcd1234 2000\r\n" PATHS);
	expect_bad("MSRP abcd1234 200OK\r\n" PATHS);
	expect_bad("MSRP abcd1234 099 x\r\n" PATHS);
	expect_bad("MSRP abcd1234 200 \x01\r\n" PATHS);
	assert_true(read_head("MSRP abcd1234 2x SEND\r\n" PATHS).is_response); /* never answered */
}

/* covers: MSRP-004 */
static void the_paths_come_first_and_in_order(void **state)
{
	struct msrp_head h;

	(void)state;
	expect_good(SEND TO FROM ID);
	expect_bad(SEND FROM TO ID);
	expect_bad(SEND ID TO FROM);
	expect_bad(SEND TO ID FROM);
	h = read_head(SEND FROM TO ID); /* an answer still finds its way */
	assert_true(slice_starts(h.from_path, SLICE_LIT("msrp://alicepc")));
	assert_true(slice_starts(h.to_path, SLICE_LIT("msrp://bob")));
}

/* covers: MSRP-005 */
static void each_path_is_there_once_with_a_uri(void **state)
{
	struct msrp_head h;

	(void)state;
	expect_bad(SEND TO ID);
	expect_bad(SEND FROM ID);
	expect_bad(SEND ID);
	expect_bad(SEND PATHS TO ID);
	expect_bad(SEND PATHS FROM ID);
	expect_bad(SEND "To-Path: \r\n" FROM ID);
	expect_bad(SEND TO "From-Path:\r\n" ID);
	h = read_head(SEND "To-Path: msrp://r:1/a;tcp msrp://s:2/b;tcp\r\n" FROM ID);
	assert_int_equal(h.error, 0);
	assert_true(slice_eq_str(h.to_path, "msrp://r:1/a;tcp msrp://s:2/b;tcp"));
}

/* covers: MSRP-021, MSRP-034 */
static void uris_in_paths_are_checked_and_counted(void **state)
{
	struct bytes text = BYTES_INIT;

	(void)state;
	expect_bad(SEND "To-Path: msrp://bob.example.com:8888/9di\r\n" FROM ID);
	expect_bad(SEND TO "From-Path: sip:alice@example.com\r\n" ID);
	for (int n = 16; n <= 17; n++) {
		bytes_reset(&text);
		bytes_add_str(&text, SEND "To-Path:");
		for (int i = 0; i < n; i++)
			bytes_add_str(&text, " msrp://h:1/s;tcp");
		bytes_add_str(&text, "\r\n" FROM ID);
		assert_int_equal(read_head(bytes_cstr(&text)).error, n > 16 ? 400 : 0);
	}
	bytes_fini(&text);
}

/* covers: MSRP-004, MSRP-013, MSRP-014 */
static void content_type_is_last_and_comes_with_a_body(void **state)
{
	(void)state;
	expect_good(SEND PATHS ID TYPE);
	expect_good(SEND PATHS ID "Content-ID: <a@b>\r\n" TYPE);
	expect_bad(SEND PATHS ID "Content-Type: text/plain\r\n"); /* no blank line */
	expect_bad(SEND PATHS ID "Content-ID: <a@b>\r\n");        /* neither */
	expect_bad(SEND PATHS ID "\r\n");                         /* a body without type */
	expect_bad(SEND PATHS "Content-Type: text/plain\r\n" ID "\r\n");
	expect_bad(SEND PATHS ID "Content-Type: a/b\r\nContent-Type: a/b\r\n\r\n");
	expect_bad(SEND PATHS ID "Content-Type: a/b\r\nContent-ID: <a@b>\r\n\r\n");
}

static void the_mime_lines_are_one_view(void **state)
{
	struct msrp_head h = read_head(SEND PATHS ID "Content-ID: <a@b>\r\n"
						     "Content-Disposition: render;x=y\r\n"
						     "Content-Type: a/b;c=d\r\n\r\n");

	(void)state;
	assert_true(h.has_body);
	assert_true(slice_eq_str(h.mime_headers, "Content-ID: <a@b>\r\n"
						 "Content-Disposition: render;x=y\r\n"
						 "Content-Type: a/b;c=d\r\n"));
	assert_true(slice_eq_str(h.content_type, "a/b;c=d"));
	assert_true(slice_eq_str(h.content_disposition, "render;x=y"));
	h = read_head(SEND PATHS "Content-ID: <a@b>\r\n" ID TYPE);
	assert_true(slice_eq_str(h.mime_headers, "Content-Type: text/plain\r\n"));
}

/* covers: MSRP-007 */
static void unknown_headers_are_ignored(void **state)
{
	struct msrp_head h = read_send("X-Foo: bar");

	(void)state;
	assert_int_equal(h.error, 0);
	assert_true(slice_eq_str(h.message_id, "12339sdqwer"));
	assert_int_equal(read_send("X-Foo:").error, 0);
	assert_int_equal(read_send("X-Foo: 1\r\nX-Foo: 2").error, 0);
}

/* covers: MSRP-008, MSRP-009 */
static void names_in_any_case_and_blanks_are_accepted(void **state)
{
	struct msrp_head h = read_head("MSRP abcd1234 SEND\r\n"
				       "to-path:msrp://a:1/b;tcp\r\n"
				       "FROM-PATH: \t msrp://c:2/d;tcp \t\r\n"
				       "message-id: abcd1\r\n"
				       "FAILURE-report:NO\r\n");

	(void)state;
	assert_int_equal(h.error, 0);
	assert_true(slice_eq_str(h.to_path, "msrp://a:1/b;tcp"));
	assert_true(slice_eq_str(h.from_path, "msrp://c:2/d;tcp"));
	assert_true(slice_eq_str(h.message_id, "abcd1"));
	assert_int_equal(h.failure_report, MSRP_FR_NO);
}

static void what_is_not_a_header_is_bad(void **state)
{
	(void)state;
	expect_send_bad("nothing");
	expect_send_bad(": value");
	expect_send_bad("X Foo: value");
	expect_send_bad("X-Foo : value");
	expect_send_bad("1Foo: value");
	expect_send_bad(" folded: value");
	expect_send_bad("-------other123$");
	expect_send_bad("X(): value");
}

/* covers: MSRP-010 */
static void header_values_are_text(void **state)
{
	static const char nul[] = SEND PATHS ID "X: a\0b\r\n-------abcd1234$\r\n";

	(void)state;
	assert_int_equal(read_send("X: \xc3\xa4\xf0\x9f\x98\x80 \t~").error, 0);
	expect_send_bad("X: \x01");
	expect_send_bad("X: \x1f");
	expect_send_bad("X: \x7f");
	expect_send_bad("X: 12345678\x08 12345678");
	expect_send_bad("X: a\nb");
	expect_send_bad("X: a\rb");
	expect_send_bad("X: \xff");
	expect_send_bad("X: \xc3");
	expect_send_bad("X: \xed\xa0\x80");
	bytes_reset(&stream);
	bytes_add(&stream, nul, sizeof(nul) - 1);
	assert_int_equal(read_stream().error, 400);
}

/* covers: MSRP-002, MSRP-060, IMS-021 */
static void a_send_has_one_message_id(void **state)
{
	(void)state;
	expect_bad(SEND PATHS);
	expect_bad(SEND PATHS "Message-ID:\r\n");
	expect_bad(SEND PATHS ID ID);
	expect_good(SEND PATHS "Message-ID: 7\r\n"); /* short ones are seen in the field */
	expect_good(SEND PATHS "Message-ID: abcd\r\n");
	expect_good(SEND PATHS "Message-ID: 0123456789abcdef0123456789abcdef\r\n");
	expect_bad(SEND PATHS "Message-ID: 0123456789abcdef0123456789abcdefX\r\n");
	expect_bad(SEND PATHS "Message-ID: -bcd\r\n");
	expect_bad(SEND PATHS "Message-ID: ab cd\r\n");
	expect_bad("MSRP abcd1234 REPORT\r\n" PATHS);
	expect_good("MSRP abcd1234 NICKNAME\r\n" PATHS "Use-Nickname: \"a\"\r\n");
}

/* covers: MSRP-026, MSRP-062 */
static void byte_ranges_are_numbers_and_asterisks(void **state)
{
	struct msrp_head h = read_send("Byte-Range: 1-16/16");

	(void)state;
	assert_true(h.range.present);
	assert_true(h.range.start == 1 && h.range.end == 16 && h.range.total == 16);
	h = read_send("Byte-Range: 2049-*/*");
	assert_int_equal(h.error, 0);
	assert_true(h.range.start == 2049);
	assert_true(h.range.end == MSRP_UNSPECIFIED && h.range.total == MSRP_UNSPECIFIED);
	assert_int_equal(read_send("Byte-Range: 1-0/0").error, 0);
	assert_false(read_send("X: y").range.present);
	expect_send_bad("Byte-Range: 1-/5");
	expect_send_bad("Byte-Range: -5/5");
	expect_send_bad("Byte-Range: *-5/5");
	expect_send_bad("Byte-Range: 1-5/");
	expect_send_bad("Byte-Range: 1-5");
	expect_send_bad("Byte-Range: 1/5-5");
	expect_send_bad("Byte-Range: 1-**/5");
	expect_send_bad("Byte-Range: 1 - 5/5");
	expect_send_bad("Byte-Range: 1-5/5x");
	expect_send_bad("Byte-Range: 0x1-5/5");
	expect_send_bad("Byte-Range:");
	expect_send_bad("Byte-Range: 1-5/5\r\nByte-Range: 1-5/5");
}

/* covers: MSRP-072 */
static void impossible_starts_are_bad(void **state)
{
	(void)state;
	expect_send_bad("Byte-Range: 0-5/5");
	expect_send_bad("Byte-Range: 10-12/5");
	expect_send_bad("Byte-Range: 7-7/5");
	assert_int_equal(read_send("Byte-Range: 6-5/5").error, 0);  /* nothing left to send */
	assert_int_equal(read_send("Byte-Range: 1-99/5").error, 0); /* ends are measured */
}

/* covers: MSRP-074 */
static void numbers_up_to_63_bits_are_exact(void **state)
{
	struct msrp_head h = read_send(
		"Byte-Range: 9223372036854775807-9223372036854775807/9223372036854775807");

	(void)state;
	assert_int_equal(h.error, 0);
	assert_true(h.range.start == INT64_MAX && h.range.total == INT64_MAX);
	expect_send_bad("Byte-Range: 1-*/9223372036854775808");
	expect_send_bad("Byte-Range: 1-*/18446744073709551616");
	expect_send_bad("Byte-Range: 1-*/99999999999999999999");
	expect_send_bad("Byte-Range: 18446744073709551617-*/*");
	assert_int_equal(read_send("Byte-Range: 00000000000000000000001-*/*").error, 0);
}

/* covers: MSRP-080 */
static void reports_asked_for_have_their_defaults(void **state)
{
	struct msrp_head h = read_send("X: y");

	(void)state;
	assert_false(h.success_report || h.has_success_report || h.has_failure_report);
	assert_int_equal(h.failure_report, MSRP_FR_YES);
	assert_true(read_send("Success-Report: yes").success_report);
	assert_true(read_send("Success-Report: YES").success_report);
	assert_false(read_send("Success-Report: no").success_report);
	assert_true(read_send("Success-Report: no").has_success_report);
	assert_int_equal(read_send("Failure-Report: yes").failure_report, MSRP_FR_YES);
	assert_int_equal(read_send("Failure-Report: no").failure_report, MSRP_FR_NO);
	assert_int_equal(read_send("Failure-Report: partial").failure_report, MSRP_FR_PARTIAL);
	assert_true(read_send("Failure-Report: partial").has_failure_report);
	expect_send_bad("Success-Report: maybe");
	expect_send_bad("Failure-Report: never");
	expect_send_bad("Success-Report: partial");
	expect_send_bad("Failure-Report: no\r\nFailure-Report: no");
}

/* covers: MSRP-093 */
static void a_bad_request_still_says_that_it_wants_no_answer(void **state)
{
	struct msrp_head h = read_head(SEND PATHS "bad\r\nFailure-Report: no\r\n");

	(void)state;
	assert_int_equal(h.error, 400);
	assert_int_equal(h.failure_report, MSRP_FR_NO);
	assert_int_equal(h.method, MSRP_SEND);
}

/* covers: MSRP-108 */
static void a_status_header_has_namespace_and_code(void **state)
{
	struct msrp_head h = read_send("Status: 000 200 OK");

	(void)state;
	assert_true(h.has_status);
	assert_int_equal(h.status_namespace, 0);
	assert_int_equal(h.status_code, 200);
	h = read_send("Status: 123 500");
	assert_int_equal(h.status_namespace, 123);
	assert_int_equal(h.status_code, 500);
	assert_false(read_send("Status: 0 200 OK").has_status);
	assert_false(read_send("Status: 000200 OK").has_status);
	assert_false(read_send("Status: 000 20").has_status);
	assert_false(read_send("Status: 000").has_status);
	assert_false(read_send("Status:").has_status);
}

/* covers: SW-061 */
static void nicknames_are_left_to_their_own_answer(void **state)
{
	struct msrp_head h = read_head("MSRP abcd1234 NICKNAME\r\n" PATHS
				       "Use-Nickname: \"Alice \\\"A\\\"\"\r\n");

	(void)state;
	assert_int_equal(h.n_use_nickname, 1);
	assert_true(h.has_use_nickname);
	assert_true(slice_eq_str(h.use_nickname, "\"Alice \\\"A\\\"\""));
	h = read_head("MSRP abcd1234 NICKNAME\r\n" PATHS
		      "Use-Nickname: \"\xff\"\r\nUse-Nickname: b\r\n");
	assert_int_equal(h.error, 0);
	assert_int_equal(h.n_use_nickname, 2);
	assert_true(slice_eq_str(h.use_nickname, "\"\xff\""));
	expect_bad("MSRP abcd1234 NICKNAME\r\n" PATHS "Use-Nickname: \"\x01\"\r\n");
}

/* covers: MSRP-027 */
static void quoted_parameters_escape_quotes_and_backslashes_only(void **state)
{
	(void)state;
	expect_good(SEND PATHS ID "Content-Type: a/b;c=\"\\\"\\\\\"\r\n\r\n");
	expect_bad(SEND PATHS ID "Content-Type: a/b;c=\"a\\x\"\r\n\r\n");
	expect_bad(SEND PATHS ID "Content-Type: a/b;c=\"a\r\n\r\n");
	expect_bad(SEND PATHS ID "Content-Type: nonsense\r\n\r\n");
	expect_bad(SEND PATHS ID "Content-Type:\r\n\r\n");
}

static void headers_of_relays_are_kept_as_they_are(void **state)
{
	struct msrp_head h = read_head("MSRP abcd1234 AUTH\r\n" PATHS
				       "Expires: 900\r\nMin-Expires: 60\r\nMax-Expires: 3600\r\n"
				       "Use-Path: msrps://r:1/a;tcp\r\n"
				       "WWW-Authenticate: Digest realm=\"r\"\r\n");

	(void)state;
	assert_true(slice_eq_str(h.expires, "900"));
	assert_true(slice_eq_str(h.min_expires, "60"));
	assert_true(slice_eq_str(h.max_expires, "3600"));
	assert_true(slice_eq_str(h.use_path, "msrps://r:1/a;tcp"));
	assert_true(slice_eq_str(h.www_authenticate, "Digest realm=\"r\""));
}

static void responses_are_not_held_to_what_requests_are(void **state)
{
	(void)state;
	expect_good("MSRP abcd1234 200 OK\r\n" PATHS "Message-ID: x\r\nByte-Range: x\r\n");
	expect_good("MSRP abcd1234 200 OK\r\nTo-Path: x\r\nFrom-Path: y\r\n");
	expect_bad("MSRP abcd1234 200 OK\r\n" TO);
}

static void names_and_texts_of_the_registers(void **state)
{
	(void)state;
	assert_string_equal(msrp_status_text(200), "OK");
	assert_string_equal(msrp_status_text(506), "Session Already Bound");
	assert_string_equal(msrp_status_text(299), "");
	assert_string_equal(msrp_method_name(MSRP_NICKNAME), "NICKNAME");
	assert_string_equal(msrp_method_name(MSRP_UNKNOWN), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(methods_are_upper_case_words),
		cmocka_unit_test(an_unknown_method_is_not_bad_syntax),
		cmocka_unit_test(status_lines_have_three_digits_and_maybe_a_comment),
		cmocka_unit_test(the_paths_come_first_and_in_order),
		cmocka_unit_test(each_path_is_there_once_with_a_uri),
		cmocka_unit_test(uris_in_paths_are_checked_and_counted),
		cmocka_unit_test(content_type_is_last_and_comes_with_a_body),
		cmocka_unit_test(the_mime_lines_are_one_view),
		cmocka_unit_test(unknown_headers_are_ignored),
		cmocka_unit_test(names_in_any_case_and_blanks_are_accepted),
		cmocka_unit_test(what_is_not_a_header_is_bad),
		cmocka_unit_test(header_values_are_text),
		cmocka_unit_test(a_send_has_one_message_id),
		cmocka_unit_test(byte_ranges_are_numbers_and_asterisks),
		cmocka_unit_test(impossible_starts_are_bad),
		cmocka_unit_test(numbers_up_to_63_bits_are_exact),
		cmocka_unit_test(reports_asked_for_have_their_defaults),
		cmocka_unit_test(a_bad_request_still_says_that_it_wants_no_answer),
		cmocka_unit_test(a_status_header_has_namespace_and_code),
		cmocka_unit_test(nicknames_are_left_to_their_own_answer),
		cmocka_unit_test(quoted_parameters_escape_quotes_and_backslashes_only),
		cmocka_unit_test(headers_of_relays_are_kept_as_they_are),
		cmocka_unit_test(responses_are_not_held_to_what_requests_are),
		cmocka_unit_test(names_and_texts_of_the_registers),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	bytes_fini(&stream);
	return rc;
}
