/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_HTTP_PRIV_H
#define COMMON_HTTP_PRIV_H

#include <event2/http.h>
#include <sys/queue.h>

#include "common/http.h"
#include "common/http_url.h"

/* Shared by http.c (one request) and http_server.c (the socket, routes, the token). */

#define HTTP_BODY_MAX   65536u
#define HTTP_PARAMS_MAX 8u
#define HTTP_QUERY_MAX  16u

struct evconnlistener;
struct event;

struct http_route {
	STAILQ_ENTRY(http_route) link;
	enum evhttp_cmd_type method;
	char *pattern;
	http_handler_fn *fn;
	void *arg;
};

struct http_server {
	struct event_base *base;
	struct evhttp *http;
	struct addr at;
	char *token; /* NULL: none */
	struct metrics *metrics;
	http_ready_fn *ready;
	void *ready_arg;
	STAILQ_HEAD(, http_route) routes;
	LIST_HEAD(, http_req) pending;
	struct evconnlistener *listener;
	struct event *on_rested;
};

struct http_req {
	LIST_ENTRY(http_req) link;
	struct http_server *server; /* NULL once it is gone */
	struct evhttp_request *ev;  /* NULL once the client is gone */
	struct http_url_pair params[HTTP_PARAMS_MAX], query[HTTP_QUERY_MAX];
	size_t n_params, n_query;
};

/* The methods that routes may have, in the order of an Allow header; ends with a NULL name. */
struct http_method {
	const char *name;
	enum evhttp_cmd_type type;
};
extern const struct http_method http_methods[];

/* evhttp's callback for every request; arg is the server. */
void http_on_request(struct evhttp_request *ev, void *arg);

#endif
