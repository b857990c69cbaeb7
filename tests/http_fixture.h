/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_HTTP_FIXTURE_H
#define TESTS_HTTP_FIXTURE_H

#include <event2/event.h>

#include "common/http.h"

/* An admin server in a loop of its own, with routes that echo, say nothing and keep the request. */
struct fixture {
	struct event_base *base;
	struct metrics *metrics;
	struct http_server *server;
	struct http_req *held;
	bool ready;
	const char *trouble; /* for /readyz; NULL */
	unsigned n_calls;
};

static inline void echo(struct http_req *req, void *arg)
{
	struct fixture *f = arg;
	json_t *body = http_body_json(req);

	f->n_calls++;
	if (!body)
		return;
	if (http_param(req, "name"))
		json_object_set_new(body, "name", json_string(http_param(req, "name")));
	if (http_query(req, "ban"))
		json_object_set_new(body, "ban", json_string(http_query(req, "ban")));
	http_add_header(req, "Location", "/v1/x");
	http_reply(req, 201, body);
}

static inline void none(struct http_req *req, void *arg)
{
	(void)arg;
	http_reply(req, 204, NULL);
}

static inline void hold(struct http_req *req, void *arg)
{
	struct fixture *f = arg;

	f->held = req;
	event_base_loopbreak(f->base);
}

static inline bool is_ready(const char **text_r, void *arg)
{
	const struct fixture *f = arg;

	*text_r = f->trouble;
	return f->ready;
}

static inline struct addr loopback(void)
{
	struct addr a;

	assert_int_equal(addr_parse(SLICE_LIT("127.0.0.1:0"), &a), 0);
	return a;
}

static inline void set_up(struct fixture *f, const char *token_file)
{
	struct addr at = loopback();

	*f = (struct fixture){.base = event_base_new(), .metrics = metrics_new(), .ready = true};
	metrics_add(f->metrics, METRICS_COUNTER, "x_total", "", "X.");
	assert_int_equal(
		http_server_open(f->base, &at, token_file, f->metrics, is_ready, f, &f->server), 0);
	http_route(f->server, "POST", "/v1/echo", echo, f);
	http_route(f->server, "GET", "/v1/echo/:name", echo, f);
	http_route(f->server, "DELETE", "/v1/echo/:name", none, f);
	http_route(f->server, "GET", "/v1/hold", hold, f);
}

static inline void tear_down(struct fixture *f)
{
	http_server_free(&f->server);
	assert_null(f->server);
	metrics_free(&f->metrics);
	event_base_free(f->base);
}

#endif
