/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of an MSRP stream: where heads, bodies and frames end, however the stream is cut; what is
 * handed on before the end is known; the fast path for responses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/mem.h"
#include "tests/msrp_events.h"

#define PATHS                                                                                      \
	"To-Path: msrp://bob.example.com:8888/9di4eae923wzd;tcp\r\n"                               \
	"From-Path: msrp://alicepc.example.com:7777/iau39soe2843z;tcp\r\n"
#define HEAD(tid)             "MSRP " tid " SEND\r\n" PATHS "Message-ID: 12339sdqwer\r\n"
#define BODY_HEAD(tid)        HEAD(tid) "Content-Type: text/plain\r\n\r\n"
#define BODY(tid, body, flag) BODY_HEAD(tid) body "\r\n-------" tid flag "\r\n"
#define RESPONSE(tid)         "MSRP " tid " 200 OK\r\n" PATHS "-------" tid "$\r\n"

/* RFC 4975 11.1, 11.4, 11.6. */
#define RFC_SEND                                                                                   \
	"MSRP d93kswow SEND\r\n" PATHS "Message-ID: 12339sdqwer\r\n"                               \
	"Byte-Range: 1-16/16\r\n"                                                                  \
	"Content-Type: text/plain\r\n\r\n"                                                         \
	"Hi, I'm Alice!\r\n"                                                                       \
	"-------d93kswow$\r\n"
#define RFC_RESPONSE RESPONSE("d93kswow")
#define RFC_CHUNKS                                                                                 \
	"MSRP d93kswow SEND\r\n" PATHS "Message-ID: 12339sdqwer\r\n"                               \
	"Byte-Range: 1-137/148\r\n"                                                                \
	"Content-Type: message/cpim\r\n\r\n"                                                       \
	"To: Bob <sip:bob@example.com>\r\n"                                                        \
	"From: Alice <sip:alice@example.com>\r\n"                                                  \
	"DateTime: 2006-05-15T15:02:31-03:00\r\n"                                                  \
	"Content-Type: text/plain\r\n\r\n"                                                         \
	"ABCD\r\n"                                                                                 \
	"-------d93kswow+\r\n"                                                                     \
	"MSRP op2nc9a SEND\r\n" PATHS "Message-ID: 12339sdqwer\r\n"                                \
	"Byte-Range: 138-148/148\r\n"                                                              \
	"Content-Type: message/cpim\r\n\r\n"                                                       \
	"1234567890\r\n"                                                                           \
	"-------op2nc9a$\r\n"
#define RFC_REPORT                                                                                 \
	"MSRP dkei38sd REPORT\r\n" PATHS "Message-ID: 12339sdqwer\r\n"                             \
	"Byte-Range: 1-106/106\r\n"                                                                \
	"Status: 000 200 OK\r\n"                                                                   \
	"-------dkei38sd$\r\n"

static void run(struct msrp_events *e, struct slice stream)
{
	msrp_events_run(e, stream, &msrp_limits_default, stream.len + 1);
}

/* The events of the stream must be the same at every split point and byte by byte. */
static void expect_any_cut(struct slice stream)
{
	struct msrp_events whole, cut;

	run(&whole, stream);
	for (size_t step = 1; step < stream.len; step++) {
		msrp_events_run(&cut, stream, &msrp_limits_default, step);
		assert_string_equal(bytes_cstr(&cut.log), bytes_cstr(&whole.log));
		msrp_events_fini(&cut);
	}
	for (size_t split = 1; split < stream.len; split++) {
		struct msrp_parser p;
		size_t at = 0;

		cut = (struct msrp_events){0};
		msrp_parser_init(&p, &msrp_limits_default);
		cut.rc = msrp_events_show(&cut, &p, stream, &at, split);
		if (cut.rc == 0)
			cut.rc = msrp_events_show(&cut, &p, stream, &at, stream.len);
		if (cut.rc < 0)
			bytes_addf(&cut.log, "STOP %s\n", err_name(cut.rc));
		assert_string_equal(bytes_cstr(&cut.log), bytes_cstr(&whole.log));
		msrp_events_fini(&cut);
	}
	msrp_events_fini(&whole);
}

static void expect_body(struct slice stream, struct slice body, char flag)
{
	struct msrp_events e;

	run(&e, stream);
	assert_int_equal(e.rc, 0);
	assert_int_equal(e.n_heads, 1);
	assert_int_equal(e.n_ends, 1);
	assert_int_equal(e.flag, flag);
	assert_int_equal(e.body_len, body.len);
	assert_int_equal(e.body.len, body.len);
	if (body.len > 0)
		assert_memory_equal(e.body.data, body.ptr, body.len);
	msrp_events_fini(&e);
}

/* covers: MSRP-001, MSRP-011, MSRP-012 */
static void the_first_message_of_the_rfc_is_read(void **state)
{
	struct msrp_events e;

	(void)state;
	run(&e, SLICE_LIT(RFC_SEND RFC_RESPONSE));
	assert_string_equal(
		bytes_cstr(&e.log),
		"HEAD request method=1 status=0 tid=[d93kswow] name=[SEND]"
		" to=[msrp://bob.example.com:8888/9di4eae923wzd;tcp]"
		" from=[msrp://alicepc.example.com:7777/iau39soe2843z;tcp]"
		" id=[12339sdqwer] range=1-16/16 sr=0/0 fr=0/0 nicks=0/0 type=[text/plain]"
		" mime=[Content-Type: text/plain\r\n] body=1 error=0\n"
		"BODY Hi, I'm Alice!\nEND $ 14 0\n"
		"HEAD response method=0 status=200 tid=[d93kswow] comment=[OK]"
		" to=[msrp://bob.example.com:8888/9di4eae923wzd;tcp]"
		" from=[msrp://alicepc.example.com:7777/iau39soe2843z;tcp]"
		" sr=0/0 fr=0/0 nicks=0/0 body=0 error=0\n"
		"\nEND $ 0 0\n");
	msrp_events_fini(&e);
}

/* covers: MSRP-020, MSRP-023 */
static void any_cut_of_a_stream_gives_the_same_events(void **state)
{
	(void)state;
	expect_any_cut(SLICE_LIT(RFC_SEND RFC_RESPONSE RFC_REPORT));
	expect_any_cut(SLICE_LIT(RFC_CHUNKS));
	expect_any_cut(SLICE_LIT(BODY("abcd1234", RFC_SEND RFC_RESPONSE, "$")));
	expect_any_cut(SLICE_LIT(BODY("abcd1234", "a\r\r\n-------abcd1234!\r\n\r\n", "#")));
	expect_any_cut(SLICE_LIT("MSRP abcd1234 SEND\r\nTo-Path: x\r\nbad\r\n\r\nx\r\n"
				 "-------abcd1234$\r\n" RFC_RESPONSE "GET / HTTP/1.1\r\n"));
}

/* covers: MSRP-023 */
static void a_hundred_requests_in_one_read_are_a_hundred_frames(void **state)
{
	struct bytes stream = BYTES_INIT;
	struct msrp_events e;

	(void)state;
	for (int i = 0; i < 100; i++)
		bytes_add_str(&stream, RFC_SEND);
	run(&e, bytes_slice(&stream));
	assert_int_equal(e.n_heads, 100);
	assert_int_equal(e.n_ends, 100);
	msrp_events_fini(&e);
	bytes_fini(&stream);
}

/* covers: MSRP-011, MSRP-016, MSRP-018 */
static void only_the_whole_end_line_of_this_frame_ends_a_body(void **state)
{
	static const char *const data[] = {
		"\r\n-------other123$\r\n",  /* another transaction */
		"\r\n-------abcd1234!\r\n",  /* no flag */
		"\r\n-------abcd1234\r\n",   /* flag missing */
		"\r\n-------abcd1234$x\r\n", /* something behind the flag */
		"\r\n-------abcd1234$\r",    /* LF missing */
		"\r\n-------abcd1234$\n",    /* CR missing */
		"\r\n------abcd1234$\r\n",   /* six hyphens */
		"\r\n--------abcd1234$\r\n", /* eight hyphens */
		"x-------abcd1234$\r\n",     /* not at the start of a line */
		"\n-------abcd1234$\r\n",    /* CR missing in front */
		"\r-------abcd1234$\r\n",    /* LF missing in front */
		"\r\n-------ABCD1234$\r\n",  /* case counts */
		"\r\n-------abcd123$\r\n",   /* shorter id */
		"\r\n-------abcd12345$\r\n", /* longer id */
		RFC_SEND RFC_RESPONSE,       /* a trace */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(data); i++) {
		struct bytes stream = BYTES_INIT;
		struct slice body = slice_str(data[i]);

		bytes_add_str(&stream, BODY_HEAD("abcd1234"));
		bytes_add_slice(&stream, body);
		bytes_add_str(&stream, "\r\n-------abcd1234+\r\n");
		expect_body(bytes_slice(&stream), body, '+');
		expect_any_cut(bytes_slice(&stream));
		bytes_fini(&stream);
	}
}

/* covers: MSRP-016 */
static void the_three_flags_are_told_apart(void **state)
{
	(void)state;
	expect_body(SLICE_LIT(BODY("abcd1234", "x", "$")), SLICE_LIT("x"), '$');
	expect_body(SLICE_LIT(BODY("abcd1234", "x", "+")), SLICE_LIT("x"), '+');
	expect_body(SLICE_LIT(BODY("abcd1234", "x", "#")), SLICE_LIT("x"), '#');
}

/* covers: MSRP-012 */
static void line_ends_of_the_body_stay_in_the_body(void **state)
{
	(void)state;
	expect_body(SLICE_LIT(BODY("abcd1234", "abcd", "$")), SLICE_LIT("abcd"), '$');
	expect_body(SLICE_LIT(BODY("abcd1234", "abc\r\n", "$")), SLICE_LIT("abc\r\n"), '$');
	expect_body(SLICE_LIT(BODY("abcd1234", "\r\n\r\n", "$")), SLICE_LIT("\r\n\r\n"), '$');
	expect_body(SLICE_LIT(BODY("abcd1234", "\r", "$")), SLICE_LIT("\r"), '$');
}

/* covers: MSRP-013, MSRP-015 */
static void an_empty_body_is_not_a_missing_body(void **state)
{
	struct msrp_parser p;
	struct msrp_item item;
	struct slice empty = SLICE_LIT(BODY("abcd1234", "", "$")),
		     none = SLICE_LIT(HEAD("abcd1234") "-------abcd1234$\r\n");
	size_t used;

	(void)state;
	expect_body(empty, SLICE_NULL, '$');
	expect_body(none, SLICE_NULL, '$');
	msrp_parser_init(&p, &msrp_limits_default);
	assert_int_equal(msrp_parse_next(&p, empty, &item, &used), 1);
	assert_true(item.head.has_body);
	msrp_parser_init(&p, &msrp_limits_default);
	assert_int_equal(msrp_parse_next(&p, none, &item, &used), 1);
	assert_false(item.head.has_body);
	assert_int_equal(item.head.error, 0);
}

static void an_empty_body_without_its_own_line_end_still_ends(void **state)
{
	struct slice stream = SLICE_LIT(BODY_HEAD("abcd1234") "-------abcd1234$\r\n" RFC_SEND);
	struct msrp_events e;

	(void)state;
	run(&e, stream);
	assert_int_equal(e.n_ends, 2);
	assert_int_equal(e.rc, 0);
	msrp_events_fini(&e);
	expect_any_cut(stream);
}

/* covers: MSRP-019 */
static void a_body_is_any_octets(void **state)
{
	struct bytes stream = BYTES_INIT, body = BYTES_INIT;

	(void)state;
	for (int i = 0; i < 256; i++)
		bytes_add_u8(&body, (uint8_t)i);
	for (int i = 255; i >= 0; i--)
		bytes_add_u8(&body, (uint8_t)i);
	bytes_add_str(&stream, BODY_HEAD("abcd1234"));
	bytes_add_slice(&stream, bytes_slice(&body));
	bytes_add_str(&stream, "\r\n-------abcd1234$\r\n");
	expect_body(bytes_slice(&stream), bytes_slice(&body), '$');
	expect_any_cut(bytes_slice(&stream));
	bytes_fini(&stream);
	bytes_fini(&body);
}

/* covers: MSRP-020 */
static void every_byte_that_cannot_be_the_end_is_handed_on_at_once(void **state)
{
	static const char end[] = "\r\n-------abcd1234$\r\n";
	struct slice head = SLICE_LIT(BODY_HEAD("abcd1234"));
	struct msrp_item item;
	size_t used;

	(void)state;
	for (size_t held = 0; held < sizeof(end) - 1; held++) {
		struct bytes in = BYTES_INIT;
		struct msrp_parser p;

		bytes_add_str(&in, "body");
		bytes_add(&in, end, held);
		msrp_parser_init(&p, &msrp_limits_default);
		assert_int_equal(msrp_parse_next(&p, head, &item, &used), 1);
		assert_int_equal(used, head.len);
		assert_int_equal(msrp_parse_next(&p, bytes_slice(&in), &item, &used), 1);
		assert_int_equal(item.type, MSRP_ITEM_BODY);
		assert_int_equal(item.piece.len, 4);
		assert_int_equal(used, 4);
		bytes_drop(&in, used);
		assert_int_equal(msrp_parse_next(&p, bytes_slice(&in), &item, &used), 0);
		assert_int_equal(used, 0);
		bytes_add_str(&in, "!"); /* what was held turns out to be body */
		assert_int_equal(msrp_parse_next(&p, bytes_slice(&in), &item, &used), 1);
		assert_int_equal(item.piece.len, held + 1);
		bytes_fini(&in);
	}
}

/* covers: MSRP-002 */
static void transaction_ids_of_4_to_32_characters_are_right(void **state)
{
	static const struct {
		const char *tid;
		int error;
	} cases[] = {
		{"abc", 400},
		{"abcd", 0},
		{"a.-+%=1Z", 0},
		{"0123456789abcdef0123456789abcdef", 0},
		{"0123456789abcdef0123456789abcdefX", 400},
		{"-abcd", 400},
		{"ab_cd", 400},
		{"ab/cd", 400},
		{"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 400},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes in = BYTES_INIT;
		struct msrp_parser p;
		struct msrp_item item;
		size_t used;

		bytes_addf(&in,
			   "MSRP %s SEND\r\n" PATHS "Message-ID: 12339sdqwer\r\n-------%s$\r\n",
			   cases[i].tid, cases[i].tid);
		msrp_parser_init(&p, &msrp_limits_default);
		assert_int_equal(msrp_parse_next(&p, bytes_slice(&in), &item, &used), 1);
		assert_int_equal(item.head.error, cases[i].error);
		assert_true(slice_eq_str(item.head.tid, cases[i].tid));
		bytes_drop(&in, used);
		assert_int_equal(msrp_parse_next(&p, bytes_slice(&in), &item, &used), 1);
		assert_int_equal(item.type, MSRP_ITEM_END);
		assert_int_equal(used, in.len);
		bytes_fini(&in);
	}
}

static void expect_stop(struct slice stream, int n_heads, int rc)
{
	struct msrp_events e;

	run(&e, stream);
	assert_int_equal(e.rc, rc);
	assert_int_equal(e.n_heads, n_heads);
	msrp_events_fini(&e);
}

/* covers: MSRP-001, MSRP-002 */
static void a_stream_without_a_usable_id_is_broken(void **state)
{
	(void)state;
	expect_stop(SLICE_LIT("G"), 0, -ERR_SYNTAX);
	expect_stop(SLICE_LIT("msrp abcd1234 SEND\r\n"), 0, -ERR_SYNTAX);
	expect_stop(SLICE_LIT("\r\nMSRP abcd1234 SEND\r\n"), 0, -ERR_SYNTAX);
	expect_stop(SLICE_LIT("MSRP\tabcd1234 SEND\r\n"), 0, -ERR_SYNTAX);
	expect_stop(SLICE_LIT("MSRP  SEND\r\n"), 0, -ERR_SYNTAX);
	expect_stop(SLICE_LIT("MSRP abcd\t1234 SEND\r\n"), 0, -ERR_SYNTAX);
	expect_stop(SLICE_LIT("MSRP abcd\xc3\xa4 SEND\r\n"), 0, -ERR_SYNTAX);
	expect_stop(SLICE_LIT("MSRP "
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefX"
			      " SEND\r\n"),
		    0, -ERR_SYNTAX);
	expect_stop(SLICE_LIT(RFC_SEND "MSRX"), 1, -ERR_SYNTAX);
}

static void a_stream_of_something_else_is_told_by_its_first_bytes(void **state)
{
	struct slice in = SLICE_LIT("MSRX");
	struct msrp_parser p;
	struct msrp_item item;
	size_t used;

	(void)state;
	msrp_parser_init(&p, &msrp_limits_default);
	for (size_t n = 1; n < in.len; n++)
		assert_int_equal(msrp_parse_next(&p, slice_first(in, n), &item, &used), 0);
	assert_int_equal(msrp_parse_next(&p, in, &item, &used), -ERR_SYNTAX);
}

/* covers: MSRP-022 */
static void a_bad_frame_is_skipped_to_its_end(void **state)
{
	static const char bad[] =
		"MSRP abcd1234 SEND\r\n" PATHS "no colon\r\n"
		"Content-Type: text/plain\r\n\r\n" RFC_SEND "\r\n-------abcd1234$\r\n";
	struct msrp_events e;

	(void)state;
	run(&e, SLICE_LIT(bad));
	assert_int_equal(e.n_heads, 1);
	assert_int_equal(e.body.len, 0);
	assert_int_equal(e.body_len, sizeof(RFC_SEND) - 1);
	msrp_events_fini(&e);
	run(&e, SLICE_LIT("MSRP abcd1234 SEND\r\nX\r\n-------abcd1234$\r\n" RFC_SEND));
	assert_int_equal(e.n_ends, 2);
	assert_string_equal(bytes_cstr(&e.body), "Hi, I'm Alice!");
	msrp_events_fini(&e);
}

/* covers: MSRP-025 */
static void a_response_with_body_or_another_flag_is_tolerated(void **state)
{
	struct msrp_events e;

	(void)state;
	run(&e, SLICE_LIT("MSRP abcd1234 200 OK\r\n" PATHS "-------abcd1234+\r\n"
			  "MSRP abcd1235 415 No\r\n" PATHS
			  "Content-Type: a/b\r\n\r\nbody\r\n-------abcd1235#\r\n"));
	assert_int_equal(e.rc, 0);
	assert_int_equal(e.n_ends, 2);
	assert_int_equal(e.flag, '$');
	assert_int_equal(e.end_error, 0);
	assert_int_equal(e.body.len, 0);
	assert_null(strstr(bytes_cstr(&e.log), "error=400"));
	msrp_events_fini(&e);
}

static size_t fast(struct slice in, struct slice *tid)
{
	struct msrp_parser p;

	msrp_parser_init(&p, &msrp_limits_default);
	return msrp_parse_fast_200(&p, in, tid);
}

static void the_fast_path_takes_whole_plain_200s(void **state)
{
	struct slice tid = SLICE_NULL, two = SLICE_LIT(RFC_RESPONSE RFC_SEND);
	struct slice bare = SLICE_LIT("MSRP abcd1234 200\r\n" PATHS "-------abcd1234$\r\n");

	(void)state;
	assert_int_equal(fast(two, &tid), sizeof(RFC_RESPONSE) - 1);
	assert_true(slice_eq_str(tid, "d93kswow"));
	assert_int_equal(fast(bare, &tid), bare.len);
	assert_true(slice_eq_str(tid, "abcd1234"));
	for (size_t n = 0; n < sizeof(RFC_RESPONSE) - 1; n++)
		assert_int_equal(fast(slice_first(two, n), &tid), 0);
}

static void the_fast_path_leaves_all_else_to_the_parser(void **state)
{
	static const char *const others[] = {
		RFC_SEND,
		"MSRP abcd1234 403 No\r\n" PATHS "-------abcd1234$\r\n",
		"MSRP abcd1234 2000 OK\r\n" PATHS "-------abcd1234$\r\n",
		"MSRP abcd1234 200 Fine\r\n" PATHS "-------abcd1234$\r\n",
		"MSRP abc 200 OK\r\n" PATHS "-------abc$\r\n",
		"MSRP abcd1234 200 OK\r\n" PATHS "Message-ID: x\r\n-------abcd1234$\r\n",
		"MSRP abcd1234 200 OK\r\n" PATHS "\r\n-------abcd1234$\r\n",
		"MSRP abcd1234 200 OK\r\n" PATHS "-------abcd1234+\r\n",
		"MSRP abcd1234 200 OK\r\n" PATHS "-------abcd1235$\r\n",
		"MSRP abcd1234 200 OK\r\nTo-Path: \x01\r\nFrom-Path: x\r\n-------abcd1234$\r\n",
		"MSRP abcd1234 200 OK\r\nFrom-Path: x\r\nTo-Path: x\r\n-------abcd1234$\r\n",
	};
	struct slice tid = SLICE_NULL, in = SLICE_LIT(RFC_RESPONSE);
	struct msrp_parser p;
	struct msrp_item item;
	size_t used;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_int_equal(fast(slice_str(others[i]), &tid), 0);
	msrp_parser_init(&p, &msrp_limits_default);
	assert_int_equal(msrp_parse_next(&p, slice_first(in, 30), &item, &used), 0);
	assert_int_equal(msrp_parse_fast_200(&p, in, &tid), 0); /* the parser is inside a head */
	assert_int_equal(msrp_parse_next(&p, in, &item, &used), 1);
	assert_int_equal(msrp_parse_fast_200(&p, in, &tid), 0); /* its end is awaited */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_message_of_the_rfc_is_read),
		cmocka_unit_test(any_cut_of_a_stream_gives_the_same_events),
		cmocka_unit_test(a_hundred_requests_in_one_read_are_a_hundred_frames),
		cmocka_unit_test(only_the_whole_end_line_of_this_frame_ends_a_body),
		cmocka_unit_test(the_three_flags_are_told_apart),
		cmocka_unit_test(line_ends_of_the_body_stay_in_the_body),
		cmocka_unit_test(an_empty_body_is_not_a_missing_body),
		cmocka_unit_test(an_empty_body_without_its_own_line_end_still_ends),
		cmocka_unit_test(a_body_is_any_octets),
		cmocka_unit_test(every_byte_that_cannot_be_the_end_is_handed_on_at_once),
		cmocka_unit_test(transaction_ids_of_4_to_32_characters_are_right),
		cmocka_unit_test(a_stream_without_a_usable_id_is_broken),
		cmocka_unit_test(a_stream_of_something_else_is_told_by_its_first_bytes),
		cmocka_unit_test(a_bad_frame_is_skipped_to_its_end),
		cmocka_unit_test(a_response_with_body_or_another_flag_is_tolerated),
		cmocka_unit_test(the_fast_path_takes_whole_plain_200s),
		cmocka_unit_test(the_fast_path_leaves_all_else_to_the_parser),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
