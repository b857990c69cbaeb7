/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/http_client: the blocking client in a thread, our server in a loop beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/http_fixture.h"

struct call {
	struct fixture *f;
	const char *method, *path;
	struct slice body;
	uint32_t timeout_ms;
	struct http_result result;
	int rc, err;
	int done[2];
};

static void *run_call(void *arg)
{
	struct call *c = arg;

	c->rc = http_call(http_server_addr(c->f->server), c->method, c->path, NULL, c->body,
			  c->timeout_ms, &c->result);
	c->err = errno;
	if (write(c->done[1], "x", 1) != 1)
		abort();
	return NULL;
}

static void on_call_done(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

/* The blocking client in a thread, the server in this one. */
static struct call call(struct fixture *f, const char *method, const char *path, struct slice body,
			uint32_t timeout_ms)
{
	struct call c = {
		.f = f, .method = method, .path = path, .body = body, .timeout_ms = timeout_ms};
	struct event *done;
	pthread_t thread;

	assert_int_equal(pipe(c.done), 0);
	done = event_new(f->base, c.done[0], EV_READ, on_call_done, f->base);
	event_add(done, NULL);
	assert_int_equal(pthread_create(&thread, NULL, run_call, &c), 0);
	do
		event_base_dispatch(f->base);
	while (event_pending(done, EV_READ, NULL));
	pthread_join(thread, NULL);
	event_free(done);
	close(c.done[0]);
	close(c.done[1]);
	return c;
}

static void our_client_gets_what_our_server_says(void **state)
{
	struct fixture f;
	struct call c;

	(void)state;
	set_up(&f, NULL);
	c = call(&f, "POST", "/v1/echo", SLICE_LIT("{\"a\":1}"), 5000);
	assert_int_equal(c.rc, 0);
	assert_int_equal(c.result.status, 201);
	assert_string_equal(bytes_cstr(&c.result.body), "{\"a\":1}");
	bytes_fini(&c.result.body);
	c = call(&f, "DELETE", "/v1/echo/x", SLICE_NULL, 5000);
	assert_int_equal(c.result.status, 204);
	assert_int_equal(c.result.body.len, 0);
	c = call(&f, "HEAD", "/healthz", SLICE_NULL, 5000);
	assert_int_equal(c.result.status, 200);
	assert_int_equal(c.result.body.len, 0);
	c = call(&f, "GET", "/v1/hold", SLICE_NULL, 100);
	assert_int_equal(c.rc, -ERR_IO);
	assert_int_equal(c.err, ETIMEDOUT);
	assert_int_equal(c.result.status, 0);
	http_reply(f.held, 200, NULL);
	tear_down(&f);
}

static void an_unreachable_server_is_an_error_with_its_errno(void **state)
{
	struct http_result result;
	struct fixture f;
	struct addr gone;

	(void)state;
	set_up(&f, NULL);
	gone = *http_server_addr(f.server);
	tear_down(&f);
	assert_int_equal(http_call(&gone, "GET", "/", NULL, SLICE_NULL, 5000, &result), -ERR_IO);
	assert_int_equal(errno, ECONNREFUSED);
	assert_int_equal(result.status, 0);
	assert_int_equal(http_call(&gone, "GET", "/a b", NULL, SLICE_NULL, 5000, &result), -ERR_IO);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(http_call(&gone, "GET", "/", "a\r\nX: y", SLICE_NULL, 5000, &result),
			 -ERR_IO);
	assert_int_equal(errno, EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_client_gets_what_our_server_says),
		cmocka_unit_test(an_unreachable_server_is_an_error_with_its_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
