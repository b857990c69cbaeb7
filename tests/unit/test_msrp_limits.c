/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of the MSRP parser at N and N+1, and that they strike alike however the stream is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/mem.h"
#include "tests/msrp_events.h"

#define PATHS                                                                                      \
	"To-Path: msrp://bob.example.com:8888/9di4eae923wzd;tcp\r\n"                               \
	"From-Path: msrp://alicepc.example.com:7777/iau39soe2843z;tcp\r\n"
#define HEAD(tid)  "MSRP " tid " SEND\r\n" PATHS "Message-ID: 12339sdqwer\r\n"
#define GOOD_FRAME HEAD("good1") "Content-Type: text/plain\r\n\r\nHi!\r\n-------good1$\r\n"

static void run(struct msrp_events *e, struct slice stream)
{
	msrp_events_run(e, stream, &msrp_limits_default, stream.len + 1);
}

static void expect_same_slowly(struct slice stream)
{
	struct msrp_events slow, whole;

	run(&whole, stream);
	msrp_events_run(&slow, stream, &msrp_limits_default, 1);
	assert_string_equal(bytes_cstr(&slow.log), bytes_cstr(&whole.log));
	msrp_events_fini(&slow);
	msrp_events_fini(&whole);
}

/* A head whose X header makes the block `len` bytes long; its end is not counted. */
static void make_block(struct bytes *out, size_t len, size_t line)
{
	bytes_add_str(out, HEAD("abcd1234"));
	while (out->len < len) {
		size_t n = len - out->len < line + 2 ? len - out->len : line + 2;

		if (len - out->len - n < 5 && len > out->len + n)
			n -= 5;
		bytes_add_str(out, "X: ");
		for (size_t i = 5; i < n; i++)
			bytes_add_char(out, 'y');
		bytes_add_str(out, "\r\n");
	}
}

static struct msrp_head first_head(struct slice in, struct msrp_item *item, int *rc_r)
{
	struct msrp_parser p;
	size_t used;

	msrp_parser_init(&p, &msrp_limits_default);
	*rc_r = msrp_parse_next(&p, in, item, &used);
	return item->head;
}

/* covers: MSRP-021 */
static void start_lines_and_header_lines_have_their_limits(void **state)
{
	(void)state;
	for (size_t extra = 0; extra < 2; extra++) {
		struct bytes start = BYTES_INIT, header = BYTES_INIT;
		struct msrp_item item;
		int rc;

		bytes_add_str(&start, "MSRP abcd1234 200 ");
		while (start.len < 1024 + extra)
			bytes_add_char(&start, 'c');
		bytes_add_str(&start, "\r\n" PATHS "-------abcd1234$\r\n");
		assert_int_equal(first_head(bytes_slice(&start), &item, &rc).error,
				 extra ? 400 : 0);
		bytes_add_str(&header, HEAD("abcd1234") "X: ");
		for (size_t i = 3; i < 2048 + extra; i++)
			bytes_add_char(&header, 'y');
		bytes_add_str(&header, "\r\n-------abcd1234$\r\n" GOOD_FRAME);
		assert_int_equal(first_head(bytes_slice(&header), &item, &rc).error,
				 extra ? 400 : 0);
		expect_same_slowly(bytes_slice(&start));
		expect_same_slowly(bytes_slice(&header));
		bytes_fini(&start);
		bytes_fini(&header);
	}
}

/* covers: MSRP-021 */
static void forty_headers_are_allowed_and_no_more(void **state)
{
	(void)state;
	for (int n = 40; n <= 41; n++) {
		struct bytes in = BYTES_INIT;
		struct msrp_events e;

		bytes_add_str(&in, HEAD("abcd1234"));
		for (int i = 3; i < n; i++)
			bytes_addf(&in, "X-%d: y\r\n", i);
		bytes_add_str(&in, "-------abcd1234$\r\n" GOOD_FRAME);
		run(&e, bytes_slice(&in));
		assert_int_equal(e.n_ends, 2);
		assert_int_equal(strstr(bytes_cstr(&e.log), "error=400 Too Many Headers") != NULL,
				 n > 40);
		msrp_events_fini(&e);
		bytes_fini(&in);
	}
}

/* covers: MSRP-021 */
static void a_header_block_over_its_limit_is_the_end_of_the_stream(void **state)
{
	(void)state;
	for (size_t extra = 0; extra < 2; extra++) {
		struct bytes in = BYTES_INIT, body = BYTES_INIT;
		struct msrp_events e;

		make_block(&in, 8192 + extra, 1000);
		assert_int_equal(in.len, 8192 + extra);
		bytes_add_str(&in, "-------abcd1234$\r\n");
		run(&e, bytes_slice(&in));
		assert_int_equal(e.rc, extra ? -ERR_LIMIT : 0);
		assert_int_equal(e.n_heads, 1);
		assert_int_equal(strstr(bytes_cstr(&e.log), "error=400") != NULL, extra > 0);
		assert_non_null(strstr(bytes_cstr(&e.log), "from=[msrp://alicepc"));
		msrp_events_fini(&e);

		make_block(&body, 8190 + extra - sizeof("Content-Type: a/b\r\n") + 1, 1000);
		bytes_add_str(&body, "Content-Type: a/b\r\n\r\nx\r\n-------abcd1234$\r\n");
		run(&e, bytes_slice(&body));
		assert_int_equal(e.rc, extra ? -ERR_LIMIT : 0);
		msrp_events_fini(&e);
		bytes_fini(&in);
		bytes_fini(&body);
	}
}

/* covers: MSRP-021 */
static void an_endless_line_is_given_up(void **state)
{
	struct bytes in = BYTES_INIT;
	struct msrp_events whole;

	(void)state;
	bytes_add_str(&in, "MSRP abcd1234 ");
	while (in.len < 9216)
		bytes_add_char(&in, 'S');
	run(&whole, bytes_slice(&in));
	assert_int_equal(whole.rc, -ERR_LIMIT);
	assert_int_equal(whole.n_heads, 0);
	msrp_events_fini(&whole);
	bytes_reset(&in);
	bytes_add_str(&in, HEAD("abcd1234") "X: ");
	while (in.len < 8192 + MSRP_HEAD_SLACK)
		bytes_add_char(&in, 'y');
	run(&whole, bytes_slice(&in));
	assert_int_equal(whole.rc, -ERR_LIMIT);
	assert_int_equal(whole.n_heads, 1);
	expect_same_slowly(bytes_slice(&in));
	msrp_events_fini(&whole);
	bytes_fini(&in);
}

static void run_other_body(struct msrp_events *e, const char *method, size_t len, const char *flag)
{
	struct bytes in = BYTES_INIT;

	bytes_addf(&in,
		   "MSRP abcd1234 %s\r\n" PATHS "Message-ID: abcd\r\nContent-Type: a/b\r\n\r\n",
		   method);
	for (size_t i = 0; i < len; i++)
		bytes_add_char(&in, 'x');
	bytes_addf(&in, "\r\n-------abcd1234%s\r\n", flag);
	msrp_events_run(e, bytes_slice(&in), &msrp_limits_default, 0);
	assert_int_equal(e->rc, 0);
	assert_int_equal(e->n_ends, 1);
	assert_int_equal(e->body_len, len);
	bytes_fini(&in);
}

/* covers: MSRP-024 */
static void bodies_of_other_requests_are_short_and_whole(void **state)
{
	static const struct {
		const char *method, *flag;
		size_t len;
		int error;
	} cases[] = {
		{"REPORT", "$", 10240, 0},     {"REPORT", "$", 10241, 400},
		{"NICKNAME", "$", 10241, 400}, {"FOO", "$", 20000, 400},
		{"REPORT", "+", 10, 400},      {"NICKNAME", "#", 10, 400},
		{"SEND", "$", 20000, 0},       {"SEND", "+", 20000, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct msrp_events e;

		run_other_body(&e, cases[i].method, cases[i].len, cases[i].flag);
		assert_int_equal(e.end_error, cases[i].error);
		if (strcmp(cases[i].method, "SEND") != 0)
			assert_in_range(e.body.len, 0, 10240);
		else
			assert_int_equal(e.body.len, cases[i].len);
		msrp_events_fini(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_lines_and_header_lines_have_their_limits),
		cmocka_unit_test(forty_headers_are_allowed_and_no_more),
		cmocka_unit_test(a_header_block_over_its_limit_is_the_end_of_the_stream),
		cmocka_unit_test(an_endless_line_is_given_up),
		cmocka_unit_test(bodies_of_other_requests_are_short_and_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
