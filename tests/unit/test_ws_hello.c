/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of proto/ws_hello: the opening handshake of RFC 6455 with the subprotocol of RFC 7977. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "proto/ws_hello.h"

#define MSRP  SLICE_LIT("msrp")
#define LINE  "GET / HTTP/1.1\r\n"
#define HOST  "Host: a.example.com\r\n"
#define UPG   "Upgrade: websocket\r\n"
#define CONN  "Connection: Upgrade\r\n"
#define KEY   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define PROTO "Sec-WebSocket-Protocol: msrp\r\n"
#define VERS  "Sec-WebSocket-Version: 13\r\n"
#define END   "\r\n"

static int status_of(const char *text)
{
	struct ws_hello h;
	struct slice in = slice_str(text);
	ptrdiff_t n = ws_hello_find(in);

	if (n < 0)
		return (int)n;
	assert_int_equal(n, in.len);
	return ws_hello_read(in, MSRP, &h);
}

/* covers: WS-001, WS-010 */
static void the_example_of_the_rfc_is_accepted(void **state)
{
	struct slice in = SLICE_LIT(LINE HOST UPG CONN KEY
				    "Origin: http://www.example.com\r\n" PROTO VERS END);
	struct bytes out = BYTES_INIT;
	struct ws_hello h;

	(void)state;
	for (size_t n = 0; n < in.len; n++)
		assert_int_equal(ws_hello_find(slice_first(in, n)), 0);
	assert_int_equal(ws_hello_find(in), in.len);
	assert_int_equal(ws_hello_read(in, MSRP, &h), 101);
	assert_true(slice_eq_str(h.host, "a.example.com") && slice_eq_str(h.target, "/"));
	assert_true(slice_eq_str(h.origin, "http://www.example.com"));
	ws_hello_answer(&out, 101, &h, MSRP);
	assert_string_equal(bytes_cstr(&out),
			    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			    "Connection: Upgrade\r\n"
			    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
			    "Sec-WebSocket-Protocol: msrp\r\n"
			    "Access-Control-Allow-Origin: http://www.example.com\r\n"
			    "Vary: Origin\r\n\r\n");
	bytes_fini(&out);
	h.origin = SLICE_NULL;
	ws_hello_answer(&out, 101, &h, MSRP);
	assert_null(strstr(bytes_cstr(&out), "Access-Control"));
	bytes_fini(&out);
}

/* covers: WS-001 */
static void lists_cases_and_blanks_are_as_http_has_them(void **state)
{
	(void)state;
	assert_int_equal(status_of(LINE "host:x\r\nUPGRADE: h2c , WebSocket\r\n"
					"connection: keep-alive, upgrade\r\n" KEY
					"sec-websocket-protocol: chat,  msrp ,sip\r\n"
					"Sec-WebSocket-Version:13  \r\n" END),
			 101);
	assert_int_equal(status_of("GET /chat?x=1 HTTP/1.1\r\n" HOST UPG CONN KEY
				   "Sec-WebSocket-Protocol: sip\r\n" PROTO VERS
				   "Sec-WebSocket-Extensions: permessage-deflate\r\n"
				   "Content-Length: 0\r\n" END),
			 101);
}

/* covers: WS-001 */
static void what_is_missing_or_wrong_is_refused(void **state)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{LINE UPG CONN KEY PROTO VERS END, 400},
		{LINE HOST HOST UPG CONN KEY PROTO VERS END, 400},
		{LINE "Host:\r\n" UPG CONN KEY PROTO VERS END, 400},
		{LINE HOST CONN KEY PROTO VERS END, 400},
		{LINE HOST "Upgrade: h2c\r\n" CONN KEY PROTO VERS END, 400},
		{LINE HOST UPG KEY PROTO VERS END, 400},
		{LINE HOST UPG "Connection: close\r\n" KEY PROTO VERS END, 400},
		{LINE HOST UPG CONN PROTO VERS END, 400},
		{LINE HOST UPG CONN KEY KEY PROTO VERS END, 400},
		{LINE HOST UPG CONN KEY VERS END, 400},
		{LINE HOST UPG CONN KEY "Sec-WebSocket-Protocol: sip, MSRP\r\n" VERS END, 400},
		{LINE HOST UPG CONN KEY PROTO END, 426},
		{LINE HOST UPG CONN KEY PROTO "Sec-WebSocket-Version: 8\r\n" END, 426},
		{LINE HOST UPG CONN KEY PROTO VERS VERS END, 426},
		{LINE HOST UPG CONN KEY PROTO VERS "Origin: a\r\nOrigin: b\r\n" END, 400},
		{LINE HOST UPG CONN KEY PROTO VERS "Content-Length: 5\r\n" END, 400},
		{LINE HOST UPG CONN KEY PROTO VERS "Transfer-Encoding: chunked\r\n" END, 400},
		{LINE HOST UPG CONN KEY PROTO VERS "X: a\r\n b\r\n" END, 400},
		{LINE HOST UPG CONN KEY PROTO VERS "X : a\r\n" END, 400},
		{LINE HOST UPG CONN KEY PROTO VERS "X: a\x01\r\n" END, 400},
		{LINE HOST UPG CONN KEY PROTO VERS "X: a\n\r\n" END, 400},
		{LINE HOST UPG CONN KEY PROTO VERS "nothing\r\n" END, 400},
		{"GET / HTTP/1.0\r\n" HOST UPG CONN KEY PROTO VERS END, 400},
		{"GET http://a/ HTTP/1.1\r\n" HOST UPG CONN KEY PROTO VERS END, 400},
		{"GET /  HTTP/1.1\r\n" HOST UPG CONN KEY PROTO VERS END, 400},
		{"GET /\r\n" HOST UPG CONN KEY PROTO VERS END, 400},
		{"GET \r\n\r\n", 400},
		{"POST / HTTP/1.1\r\n" HOST UPG CONN KEY PROTO VERS END, -ERR_SYNTAX},
		{"MSRP a SEND\r\n\r\n", -ERR_SYNTAX},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (status_of(cases[i].text) != cases[i].status)
			print_error("%s", cases[i].text);
		assert_int_equal(status_of(cases[i].text), cases[i].status);
	}
}

/* covers: WS-001 */
static void the_key_is_base64_of_sixteen_octets(void **state)
{
	static const char *const bad[] = {
		"",
		"dGhlIHNhbXBsZSBub25jZQ=",
		"dGhlIHNhbXBsZSBub25jZQ===",
		"dGhlIHNhbXBsZSBub25jZQQ=", /* 17 octets */
		"dGhlIHNhbXBsZSBub25jZR==", /* spare bits set */
		"dGhlIHNhbXBsZSBub-5jZQ==",
		"dGhlIHNhbXBsZSBub25jZ===",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *text = xasprintf(
			LINE HOST UPG CONN PROTO VERS "Sec-WebSocket-Key: %s\r\n\r\n", bad[i]);

		assert_int_equal(status_of(text), 400);
		free(text);
	}
}

/* covers: WS-001 */
static void size_and_number_of_fields_are_bounded(void **state)
{
	struct bytes b = BYTES_INIT;

	(void)state;
	for (int over = 0; over <= 1; over++) {
		bytes_add_str(&b, LINE HOST UPG CONN KEY PROTO VERS "X: ");
		while (b.len < WS_HELLO_MAX - 4u + (unsigned)over)
			bytes_add_char(&b, 'x');
		bytes_add_str(&b, "\r\n\r\n");
		assert_int_equal(status_of(bytes_cstr(&b)), over ? -ERR_LIMIT : 101);
		bytes_fini(&b);
	}
	for (int over = 0; over <= 1; over++) {
		bytes_add_str(&b, LINE HOST UPG CONN KEY PROTO VERS);
		for (int i = 6; i < WS_HELLO_MAX_FIELDS + over; i++)
			bytes_add_str(&b, "X: y\r\n");
		bytes_add_str(&b, END);
		assert_int_equal(status_of(bytes_cstr(&b)), over ? 400 : 101);
		bytes_fini(&b);
	}
}

/* covers: WS-010 */
static void origins_are_a_list_or_any(void **state)
{
	struct slice a = SLICE_LIT("https://chat.example.com"), none = SLICE_NULL;

	(void)state;
	assert_true(ws_hello_origin_ok(SLICE_LIT(""), a));
	assert_true(ws_hello_origin_ok(SLICE_LIT("*"), a));
	assert_true(ws_hello_origin_ok(SLICE_LIT("https://x, HTTPS://Chat.example.com"), a));
	assert_false(ws_hello_origin_ok(SLICE_LIT("https://x"), a));
	assert_false(ws_hello_origin_ok(SLICE_LIT("https://chat.example.com.evil"), a));
	assert_false(ws_hello_origin_ok(SLICE_LIT("https://x"), SLICE_LIT("null")));
	assert_true(ws_hello_origin_ok(SLICE_LIT("https://x"), none));
}

static void refusals_have_no_body_and_close(void **state)
{
	struct bytes out = BYTES_INIT;

	(void)state;
	ws_hello_answer(&out, 426, NULL, MSRP);
	assert_string_equal(bytes_cstr(&out),
			    "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n"
			    "Sec-WebSocket-Version: 13\r\nConnection: close, Upgrade\r\n"
			    "Content-Length: 0\r\n\r\n");
	bytes_reset(&out);
	ws_hello_answer(&out, 403, NULL, MSRP);
	assert_string_equal(bytes_cstr(&out), "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n"
					      "Content-Length: 0\r\n\r\n");
	bytes_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc_is_accepted),
		cmocka_unit_test(lists_cases_and_blanks_are_as_http_has_them),
		cmocka_unit_test(what_is_missing_or_wrong_is_refused),
		cmocka_unit_test(the_key_is_base64_of_sixteen_octets),
		cmocka_unit_test(size_and_number_of_fields_are_bounded),
		cmocka_unit_test(origins_are_a_list_or_any),
		cmocka_unit_test(refusals_have_no_body_and_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
