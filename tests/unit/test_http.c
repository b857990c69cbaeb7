/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/http: a real server in the loop, raw bytes against it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/http_fixture.h"

static int dial(const struct fixture *f)
{
	const struct addr *to = http_server_addr(f->server);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, &to->sa, to->len), 0);
	return fd;
}

/*
 * Turn the loop until the server has closed the connection; every request here asks for that.
 * What was read, NUL-terminated. Bytes that the server no longer takes are dropped.
 */
static const char *finish(struct fixture *f, int fd, const char *out, size_t len)
{
	static char in[65536];
	uint64_t give_up_ms = clock_now_ms() + 20000;
	size_t n_in = 0, n_out = 0;

	for (;;) {
		ssize_t n = n_out < len ? send(fd, out + n_out, len - n_out,
					       MSG_DONTWAIT | MSG_NOSIGNAL)
					: 0;

		if (n > 0)
			n_out += (size_t)n;
		event_base_loop(f->base, EVLOOP_NONBLOCK);
		n = recv(fd, in + n_in, sizeof(in) - 1 - n_in, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			break;
		if (n > 0)
			n_in += (size_t)n;
		if (clock_now_ms() > give_up_ms)
			fail_msg("no end of the answer");
	}
	close(fd);
	in[n_in] = '\0';
	return in;
}

static const char *talk(struct fixture *f, const char *request)
{
	return finish(f, dial(f), request, strlen(request));
}

static int status_of(const char *answer)
{
	return strncmp(answer, "HTTP/1.", 7) == 0 ? (int)strtol(answer + 9, NULL, 10) : -1;
}

#define REQUEST(line, headers)                                                                     \
	line " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" headers "\r\n"

static void the_pages_of_every_server_answer(void **state)
{
	struct fixture f;
	const char *answer;

	(void)state;
	set_up(&f, NULL);
	assert_int_equal(status_of(talk(&f, REQUEST("GET /healthz", ""))), 200);
	assert_int_equal(status_of(talk(&f, REQUEST("GET /readyz", ""))), 200);
	f.trouble = "no peer";
	assert_non_null(strstr(talk(&f, REQUEST("GET /readyz", "")), "\r\n\r\nok\nno peer\n"));
	f.ready = false;
	answer = talk(&f, REQUEST("GET /readyz", ""));
	assert_int_equal(status_of(answer), 503);
	assert_non_null(
		strstr(answer, "{\"error\":{\"code\":\"unavailable\",\"message\":\"no peer\"}}"));
	assert_int_equal(status_of(talk(&f, REQUEST("GET /healthz", ""))), 200);
	answer = talk(&f, REQUEST("GET /metrics", ""));
	assert_int_equal(status_of(answer), 200);
	assert_non_null(strstr(answer, "Content-Type: text/plain; version=0.0.4"));
	assert_non_null(strstr(answer, "\nx_total 0\n"));
	tear_down(&f);
}

static void routes_take_parameters_and_queries(void **state)
{
	struct fixture f;
	const char *answer;

	(void)state;
	set_up(&f, "");
	answer = talk(&f, REQUEST("GET /v1/echo/a%2Fb%20c?ban=1&x=y", ""));
	assert_int_equal(status_of(answer), 201);
	assert_non_null(strstr(answer, "\r\nLocation: /v1/x\r\n"));
	assert_non_null(strstr(answer, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(answer, "\r\n\r\n{\"name\":\"a/b c\",\"ban\":\"1\"}"));
	answer = talk(&f, REQUEST("DELETE /v1/echo/x", ""));
	assert_int_equal(status_of(answer), 204);
	assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
	assert_int_equal(status_of(talk(&f, REQUEST("GET /v1/echo/%zz", ""))), 400);
	assert_int_equal(status_of(talk(&f, REQUEST("GET /v1/echo/%00", ""))), 400);
	assert_int_equal(status_of(talk(&f, REQUEST("GET /v1/echo/x?a=%f", ""))), 400);
	tear_down(&f);
}

static void unknown_paths_and_methods_are_told_apart(void **state)
{
	struct fixture f;
	const char *answer;

	(void)state;
	set_up(&f, NULL);
	answer = talk(&f, REQUEST("GET /v2/echo", ""));
	assert_int_equal(status_of(answer), 404);
	assert_non_null(strstr(answer, "{\"error\":{\"code\":\"not_found\",\"message\":"));
	assert_int_equal(status_of(talk(&f, REQUEST("GET /v1/echo/", ""))), 404);
	answer = talk(&f, REQUEST("PUT /v1/echo/x", "Content-Length: 0\r\n"));
	assert_int_equal(status_of(answer), 405);
	assert_non_null(strstr(answer, "\r\nAllow: GET, HEAD, DELETE\r\n"));
	assert_int_equal(status_of(talk(&f, REQUEST("GET /v1/echo", ""))), 405);
	assert_int_equal(status_of(talk(&f, REQUEST("POST /healthz", "Content-Length: 0\r\n"))),
			 405);
	tear_down(&f);
}

static void head_gives_the_length_without_the_body(void **state)
{
	struct fixture f;
	const char *answer;

	(void)state;
	set_up(&f, NULL);
	answer = talk(&f, REQUEST("HEAD /healthz", ""));
	assert_int_equal(status_of(answer), 200);
	assert_non_null(strstr(answer, "\r\nContent-Length: 3\r\n"));
	assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
	tear_down(&f);
}

static const char *post(struct fixture *f, const char *body, size_t len)
{
	static char out[400000];
	int n = snprintf(out, sizeof(out), REQUEST("POST /v1/echo", "Content-Length: %zu\r\n"),
			 len);

	assert_true((size_t)n + len < sizeof(out));
	memcpy(out + n, body, len);
	return finish(f, dial(f), out, (size_t)n + len);
}

static void only_json_objects_are_bodies(void **state)
{
	static const struct {
		const char *body;
		size_t len;
		int status;
	} cases[] = {
		{"", 0, 201},
		{"{}", 2, 201},
		{"{\"a\":\"\xc3\xa9\"}", 10, 201},
		{"[]", 2, 400},
		{"\"x\"", 3, 400},
		{"{", 1, 400},
		{"{} x", 4, 400},
		{"{\"a\":1,\"a\":2}", 13, 400},
		{"{\"a\":\"\xff\"}", 9, 400},
		{"{\"a\":\"\xc3\"}", 9, 400},
		{"{\"a\":\"\\u0000\"}", 14, 400},
		{"{}\0", 3, 400},
	};
	struct fixture f;

	(void)state;
	set_up(&f, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *answer = post(&f, cases[i].body, cases[i].len);

		if (status_of(answer) != cases[i].status)
			fail_msg("case %zu: %s", i, answer);
		if (cases[i].status == 400)
			assert_non_null(strstr(answer, "{\"error\":{\"code\":\"bad_request\","));
	}
	tear_down(&f);
}

static void deeply_nested_json_is_refused(void **state)
{
	static char body[60000];
	struct fixture f;

	(void)state;
	set_up(&f, NULL);
	memcpy(body, "{\"a\":", 5);
	memset(body + 5, '[', sizeof(body) - 5);
	assert_int_equal(status_of(post(&f, body, sizeof(body))), 400);
	tear_down(&f);
}

static void a_body_of_64_kib_passes_and_one_octet_more_is_413(void **state)
{
	static char body[65537];
	struct fixture f;
	const char *answer;

	(void)state;
	set_up(&f, NULL);
	memset(body, ' ', sizeof(body));
	memcpy(body, "{}", 2);
	assert_int_equal(status_of(post(&f, body, 65536)), 201);
	assert_int_equal(f.n_calls, 1);
	answer = post(&f, body, 65537);
	assert_int_equal(status_of(answer), 413);
	assert_non_null(strstr(answer, "{\"error\":{\"code\":\"too_large\","));
	assert_int_equal(f.n_calls, 1);
	tear_down(&f);
}

static void hostile_requests_end_in_an_error_and_the_server_lives(void **state)
{
	static const char *const requests[] = {
		"\r\n\r\n\r\n",
		"GET\r\n\r\n",
		"GET  HTTP/1.1\r\n\r\n",
		"GET / HTTP/9.9\r\n\r\n",
		"GET http://[::1/ HTTP/1.1\r\nConnection: close\r\n\r\n",
		"FOO /v1/echo HTTP/1.1\r\nConnection: close\r\n\r\n",
		"CONNECT a:1 HTTP/1.1\r\nConnection: close\r\n\r\n",
		"TRACE / HTTP/1.1\r\nConnection: close\r\n\r\n",
		"GET * HTTP/1.1\r\nConnection: close\r\n\r\n",
		"GET //// HTTP/1.0\r\n\r\n",
		"GET / HTTP/1.1\r\nNo colon here\r\nConnection: close\r\n\r\n",
		"GET / HTTP/1.1\r\n: empty\r\nConnection: close\r\n\r\n",
		"POST /v1/echo HTTP/1.1\r\nConnection: close\r\nContent-Length: -5\r\n\r\n",
		"POST /v1/echo HTTP/1.1\r\nConnection: close\r\nContent-Length: 9x\r\n\r\n",
		"POST /v1/echo HTTP/1.1\r\nConnection: close\r\n"
		"Content-Length: 99999999999999999999\r\n\r\n",
		"POST /v1/echo HTTP/1.1\r\nConnection: close\r\n"
		"Content-Length: 9223372036854775807\r\n\r\nxx",
		"POST /v1/echo HTTP/1.1\r\nConnection: close\r\n"
		"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
		"POST /v1/echo HTTP/1.1\r\nConnection: close\r\n"
		"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
		"POST /v1/echo HTTP/1.1\r\nConnection: close\r\n"
		"Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n",
		"POST /v1/echo HTTP/1.1\r\nConnection: close\r\nExpect: 200-ok\r\n"
		"Content-Length: 2\r\n\r\n{}",
		"POST /v1/echo HTTP/1.1\r\nConnection: close\r\nExpect: 100-continue\r\n"
		"Content-Length: 999999999\r\n\r\n",
	};
	struct fixture f;

	(void)state;
	set_up(&f, NULL);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		int fd = dial(&f);

		assert_true(send(fd, requests[i], strlen(requests[i]), MSG_NOSIGNAL) > 0);
		shutdown(fd, SHUT_WR); /* a request that waits for more ends here */
		if (status_of(finish(&f, fd, NULL, 0)) == 200)
			fail_msg("request %zu", i);
	}
	assert_int_equal(f.n_calls, 0);
	assert_int_equal(status_of(talk(&f, REQUEST("GET /healthz", ""))), 200);
	tear_down(&f);
}

static void endless_lines_are_cut_off(void **state)
{
	static const char *const starts[] = {
		"GET /",
		"GET / HTTP/1.1\r\nX: ",
		"POST /v1/echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"POST /v1/echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: ",
	};
	enum { LEN = 2 << 20 };
	char *request = malloc(LEN);
	struct fixture f;

	(void)state;
	set_up(&f, NULL);
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		memset(request, 'a', LEN);
		memcpy(request, starts[i], strlen(starts[i]));
		if (status_of(finish(&f, dial(&f), request, LEN)) == 201)
			fail_msg("start %zu", i);
	}
	free(request);
	assert_int_equal(status_of(talk(&f, REQUEST("GET /healthz", ""))), 200);
	tear_down(&f);
}

static void a_request_may_come_byte_by_byte_and_pipelined(void **state)
{
	static const char two[] = "POST /v1/echo HTTP/1.1\r\nHost: localhost:1\r\n"
				  "Content-Length: 7\r\n\r\n{\"a\":1}" REQUEST("GET /healthz", "");
	struct fixture f;
	const char *answer;
	int fd;

	(void)state;
	set_up(&f, NULL);
	fd = dial(&f);
	for (size_t i = 0; i + 1 < sizeof(two) - 1; i++) {
		assert_int_equal(send(fd, two + i, 1, 0), 1);
		event_base_loop(f.base, EVLOOP_NONBLOCK);
	}
	answer = finish(&f, fd, "\n", 1);
	assert_non_null(strstr(answer, "{\"a\":1}HTTP/1.1 200 OK\r\n"));
	tear_down(&f);
}

static void write_token(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void with_a_token_changes_need_it(void **state)
{
	char path[] = "/tmp/mrf-token-XXXXXX";
	struct fixture f;
	const char *answer;

	(void)state;
	close(mkstemp(path));
	write_token(path, "s3cret\n");
	set_up(&f, path);
	answer = talk(&f, REQUEST("POST /v1/echo", "Content-Length: 2\r\n") "{}");
	assert_int_equal(status_of(answer), 401);
	assert_non_null(strstr(answer, "\r\nWWW-Authenticate: Bearer\r\n"));
	assert_non_null(strstr(answer, "{\"error\":{\"code\":\"unauthorized\","));
	assert_int_equal(status_of(talk(&f, REQUEST("DELETE /v1/echo/x",
						    "Authorization: Bearer s3cre\r\n"))),
			 401);
	assert_int_equal(status_of(talk(&f, REQUEST("DELETE /v1/echo/x",
						    "Authorization: Bearer s3cret2\r\n"))),
			 401);
	assert_int_equal(status_of(talk(&f, REQUEST("DELETE /v1/echo/x",
						    "Authorization: Basic s3cret\r\n"))),
			 401);
	assert_int_equal(status_of(talk(&f, REQUEST("DELETE /v1/echo/x",
						    "Authorization: Bearer s3cret\r\n"))),
			 204);
	assert_int_equal(status_of(talk(&f, REQUEST("GET /v1/echo/x", ""))), 201);
	assert_int_equal(status_of(talk(&f, REQUEST("HEAD /healthz", ""))), 200);
	tear_down(&f);
	unlink(path);
}

static void without_a_token_only_this_machine_is_served(void **state)
{
	char path[] = "/tmp/mrf-token-XXXXXX";
	struct event_base *base = event_base_new();
	struct http_server *s = NULL;
	struct addr at;

	(void)state;
	assert_int_equal(addr_parse(SLICE_LIT("0.0.0.0:0"), &at), 0);
	assert_int_equal(http_server_open(base, &at, "", NULL, NULL, NULL, &s), -ERR_DENIED);
	close(mkstemp(path));
	write_token(path, " \n");
	assert_int_equal(http_server_open(base, &at, path, NULL, NULL, NULL, &s), -ERR_CONFIG);
	write_token(path, "two words\n");
	assert_int_equal(http_server_open(base, &at, path, NULL, NULL, NULL, &s), -ERR_CONFIG);
	unlink(path);
	assert_int_equal(http_server_open(base, &at, path, NULL, NULL, NULL, &s), -ERR_IO);
	assert_int_equal(errno, ENOENT);
	assert_null(s);
	event_base_free(base);
}

static void web_pages_of_others_are_kept_out(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, NULL);
#define FROM(host, more)                                                                           \
	status_of(talk(&f, "GET /v1/echo/x HTTP/1.1\r\nConnection: close\r\nHost: " host           \
			   "\r\n" more "\r\n"))
	assert_int_equal(FROM("127.0.0.1:8060", ""), 201);
	assert_int_equal(FROM("localhost:8060", "Origin: http://localhost:8060\r\n"), 201);
	assert_int_equal(FROM("[::1]:8060", ""), 201);
	assert_int_equal(FROM("evil.example:8060", ""), 403);
	assert_int_equal(FROM("127.0.0.1:8060", "Origin: http://evil.example\r\n"), 403);
	assert_int_equal(FROM("127.0.0.1:8060", "Origin: null\r\n"), 403);
	assert_int_equal(status_of(talk(&f, "GET /healthz HTTP/1.0\r\n\r\n")), 200);
	tear_down(&f);
}

static void a_port_in_use_says_so(void **state)
{
	struct fixture f;
	struct http_server *second = NULL;

	(void)state;
	set_up(&f, NULL);
	errno = 0;
	assert_int_equal(http_server_open(f.base, http_server_addr(f.server), NULL, NULL, NULL,
					  NULL, &second),
			 -ERR_IO);
	assert_int_equal(errno, EADDRINUSE);
	assert_null(second);
	tear_down(&f);
}

/* A request whose handler keeps it. */
static int start_held(struct fixture *f)
{
	static const char request[] = REQUEST("GET /v1/hold", "");
	int fd = dial(f);

	assert_int_equal(send(fd, request, sizeof(request) - 1, 0), sizeof(request) - 1);
	event_base_dispatch(f->base);
	assert_non_null(f->held);
	return fd;
}

static void a_reply_may_come_later(void **state)
{
	struct fixture f;
	int fd;

	(void)state;
	set_up(&f, NULL);
	fd = start_held(&f);
	assert_int_equal(status_of(talk(&f, REQUEST("GET /healthz", ""))), 200);
	http_reply(f.held, 202, json_pack("{s:i}", "n", 1));
	assert_int_equal(status_of(finish(&f, fd, NULL, 0)), 202);
	tear_down(&f);
}

static void a_reply_to_a_client_that_left_is_dropped(void **state)
{
	struct linger reset = {1, 0};
	struct fixture f;
	json_t *body;
	int fd;

	(void)state;
	set_up(&f, NULL);
	for (int i = 0; i < 2; i++) {
		fd = start_held(&f);
		if (i == 1)
			assert_int_equal(
				setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
		close(fd);
		event_base_loop(f.base, EVLOOP_NONBLOCK);
		body = http_body_json(f.held);
		assert_non_null(body);
		json_decref(body);
		http_reply_error(f.held, 503, "unavailable", "%d", i);
		f.held = NULL;
		event_base_loop(f.base, EVLOOP_NONBLOCK);
	}
	assert_int_equal(status_of(talk(&f, REQUEST("GET /healthz", ""))), 200);
	tear_down(&f);
}

static void a_reply_after_the_server_is_gone_is_dropped(void **state)
{
	struct fixture f;
	int fd;

	(void)state;
	set_up(&f, NULL);
	fd = start_held(&f);
	http_server_free(&f.server);
	http_add_header(f.held, "X", "y");
	http_reply(f.held, 200, json_object());
	close(fd);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pages_of_every_server_answer),
		cmocka_unit_test(routes_take_parameters_and_queries),
		cmocka_unit_test(unknown_paths_and_methods_are_told_apart),
		cmocka_unit_test(head_gives_the_length_without_the_body),
		cmocka_unit_test(only_json_objects_are_bodies),
		cmocka_unit_test(deeply_nested_json_is_refused),
		cmocka_unit_test(a_body_of_64_kib_passes_and_one_octet_more_is_413),
		cmocka_unit_test(hostile_requests_end_in_an_error_and_the_server_lives),
		cmocka_unit_test(endless_lines_are_cut_off),
		cmocka_unit_test(a_request_may_come_byte_by_byte_and_pipelined),
		cmocka_unit_test(with_a_token_changes_need_it),
		cmocka_unit_test(without_a_token_only_this_machine_is_served),
		cmocka_unit_test(web_pages_of_others_are_kept_out),
		cmocka_unit_test(a_port_in_use_says_so),
		cmocka_unit_test(a_reply_may_come_later),
		cmocka_unit_test(a_reply_to_a_client_that_left_is_dropped),
		cmocka_unit_test(a_reply_after_the_server_is_gone_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
