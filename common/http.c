/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request of the admin server: who may ask, which route, JSON in and out. A request outlives
 * its connection: the handler may reply at any later time, also when the client or the server
 * itself is gone. The socket and evhttp's settings are http_server.c's.
 */
#include "common/http.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/http_priv.h"
#include "common/http_url.h"
#include "common/log.h"
#include "common/mem.h"

#define LOG_PLACE "http"
#define BEARER    SLICE_LIT("Bearer ")

const struct http_method http_methods[] = {
	{"GET", EVHTTP_REQ_GET},         {"HEAD", EVHTTP_REQ_HEAD},
	{"POST", EVHTTP_REQ_POST},       {"PUT", EVHTTP_REQ_PUT},
	{"PATCH", EVHTTP_REQ_PATCH},     {"DELETE", EVHTTP_REQ_DELETE},
	{"OPTIONS", EVHTTP_REQ_OPTIONS}, {NULL, 0},
};

static void free_req(struct http_req *req)
{
	LIST_REMOVE(req, link);
	http_url_free_pairs(req->params, req->n_params);
	http_url_free_pairs(req->query, req->n_query);
	free(req);
}

static void send_reply(struct http_req *req, int status, const char *type, struct slice body)
{
	struct evkeyvalq *headers;
	struct evbuffer *out;
	char length[32];

	if (req->ev) {
		evhttp_connection_set_closecb(evhttp_request_get_connection(req->ev), NULL, NULL);
		headers = evhttp_request_get_output_headers(req->ev);
		evhttp_add_header(headers, "Cache-Control", "no-store");
		evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
		if (type)
			evhttp_add_header(headers, "Content-Type", type);
		out = evbuffer_new();
		/* The length of what GET would give; evhttp would send the body as well. */
		if (evhttp_request_get_command(req->ev) == EVHTTP_REQ_HEAD) {
			snprintf(length, sizeof(length), "%zu", body.len);
			evhttp_add_header(headers, "Content-Length", length);
		} else if (out && body.len) {
			evbuffer_add(out, body.ptr, body.len);
		}
		evhttp_send_reply(req->ev, status, NULL, out);
		if (out)
			evbuffer_free(out);
	}
	free_req(req);
}

void http_reply_text(struct http_req *req, int status, const char *type, struct slice body)
{
	send_reply(req, status, type, body);
}

void http_reply(struct http_req *req, int status, json_t *body_take)
{
	char *text;

	if (!body_take) {
		send_reply(req, status, NULL, SLICE_NULL);
		return;
	}
	text = json_dumps(body_take, JSON_COMPACT);
	json_decref(body_take);
	if (!text) {
		log_error("a reply cannot be written as JSON");
		http_reply_error(req, 500, "internal", "the reply cannot be written");
		return;
	}
	send_reply(req, status, "application/json", slice_str(text));
	free(text);
}

void http_reply_error(struct http_req *req, int status, const char *code, const char *fmt, ...)
{
	char message[512];
	json_t *json;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	json = json_pack("{s:{s:s,s:s}}", "error", "code", code, "message", message);
	if (!json) /* a message with a peer's bytes, cut inside a character */
		json = json_pack("{s:{s:s,s:s}}", "error", "code", code, "message", code);
	http_reply(req, status, json);
}

void http_add_header(struct http_req *req, const char *name, const char *value)
{
	if (req->ev &&
	    evhttp_add_header(evhttp_request_get_output_headers(req->ev), name, value) != 0)
		log_warn("header %s cannot carry its value", name);
}

static const char *value_of(const struct http_url_pair *pairs, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(pairs[i].name, name) == 0)
			return pairs[i].value;
	return NULL;
}

const char *http_param(struct http_req *req, const char *name)
{
	return value_of(req->params, req->n_params, name);
}

const char *http_query(struct http_req *req, const char *name)
{
	return value_of(req->query, req->n_query, name);
}

const char *http_peer(const struct http_req *req, char buf[ADDR_STRLEN])
{
	char *host = NULL;
	ev_uint16_t port = 0;

	if (req->ev)
		evhttp_connection_get_peer(evhttp_request_get_connection(req->ev), &host, &port);
	if (host)
		snprintf(buf, ADDR_STRLEN, "%s port %u", host, (unsigned)port);
	else
		snprintf(buf, ADDR_STRLEN, "gone");
	return buf;
}

bool http_is_local(const struct http_req *req)
{
	return req->server && addr_is_loopback(&req->server->at);
}

json_t *http_body_json(struct http_req *req)
{
	struct evbuffer *in = req->ev ? evhttp_request_get_input_buffer(req->ev) : NULL;
	size_t len = in ? evbuffer_get_length(in) : 0;
	json_error_t why;
	json_t *json;

	if (len == 0)
		return json_object();
	json = json_loadb((const char *)evbuffer_pullup(in, -1), len, JSON_REJECT_DUPLICATES, &why);
	if (!json) {
		http_reply_error(req, 400, "bad_request", "the body is not JSON: line %d: %s",
				 why.line, why.text);
		return NULL;
	}
	if (!json_is_object(json)) {
		json_decref(json);
		http_reply_error(req, 400, "bad_request", "the body must be a JSON object");
		return NULL;
	}
	return json;
}

bool http_only_members(struct http_req *req, const json_t *body, const char *const *names, size_t n)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)body, key, value)
	{
		size_t i = 0;

		while (i < n && strcmp(names[i], key) != 0)
			i++;
		if (i == n) {
			http_reply_error(req, 400, "bad_request", "there is no \"%s\" to set", key);
			return false;
		}
	}
	return true;
}

/* The time taken tells nothing about where the two differ. */
static bool same_secret(struct slice a, struct slice b)
{
	volatile unsigned char differ = 0;

	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		differ = (unsigned char)(differ | (unsigned char)(a.ptr[i] ^ b.ptr[i]));
	return differ == 0;
}

static struct slice header(const struct http_req *req, const char *name)
{
	return slice_str(evhttp_find_header(evhttp_request_get_input_headers(req->ev), name));
}

static bool has_token(const struct http_req *req, struct slice given)
{
	return slice_istarts(given, BEARER) &&
	       same_secret(slice_trim(slice_from(given, BEARER.len)),
			   slice_str(req->server->token));
}

/*
 * Without a token being on this machine is the permission, and a web page in a browser here is
 * not: the Host must be an address or localhost (no rebound name), an Origin our own.
 */
static bool is_local_use(const struct http_req *req)
{
	struct slice host = header(req, "Host"), origin = header(req, "Origin");
	struct slice name = host;
	struct addr a;
	size_t colon = host.len;

	if (origin.len && !(slice_istarts(origin, SLICE_LIT("http://")) &&
			    slice_ieq(slice_from(origin, 7), host)))
		return false;
	while (colon > 0 && host.ptr[colon - 1] >= '0' && host.ptr[colon - 1] <= '9')
		colon--;
	if (colon > 0 && host.ptr[colon - 1] == ':')
		name = slice_first(host, colon - 1);
	return host.len == 0 || slice_ieq_str(name, "localhost") ||
	       addr_from_host(name, 0, &a) == 0;
}

/* True when it may go on; else it is answered. */
static bool may_pass(struct http_req *req)
{
	enum evhttp_cmd_type method = evhttp_request_get_command(req->ev);
	bool reads = method == EVHTTP_REQ_GET || method == EVHTTP_REQ_HEAD;
	struct slice given = header(req, "Authorization");

	if (req->server->token && !reads && !has_token(req, given)) {
		http_add_header(req, "WWW-Authenticate", "Bearer");
		http_reply_error(req, 401, "unauthorized", "%s",
				 given.len ? "the token is not the one of admin.token_file"
					   : "a token is needed: Authorization: Bearer TOKEN");
		return false;
	}
	if (!req->server->token && !is_local_use(req)) {
		http_reply_error(req, 403, "denied", "not for web pages of other origins");
		return false;
	}
	return true;
}

static bool takes(const struct http_route *route, enum evhttp_cmd_type method)
{
	return route->method == method ||
	       (route->method == EVHTTP_REQ_GET && method == EVHTTP_REQ_HEAD);
}

static void add_allowed(struct bytes *allowed, const struct http_route *route)
{
	for (const struct http_method *m = http_methods; m->name; m++)
		if (takes(route, m->type))
			bytes_addf(allowed, "%s%s", allowed->len ? ", " : "", m->name);
}

static void dispatch(struct http_req *req, struct slice path)
{
	enum evhttp_cmd_type method = evhttp_request_get_command(req->ev);
	struct bytes allowed = BYTES_INIT;
	const struct http_route *route;
	int fits;

	STAILQ_FOREACH(route, &req->server->routes, link) {
		fits = http_url_match(route->pattern, path, req->params, HTTP_PARAMS_MAX,
				      &req->n_params);
		if (fits < 0) {
			http_reply_error(req, 400, "bad_request", "the path is malformed");
			goto out;
		}
		if (fits && takes(route, method)) {
			route->fn(req, route->arg);
			goto out;
		}
		if (fits) {
			http_url_free_pairs(req->params, req->n_params);
			req->n_params = 0;
			add_allowed(&allowed, route);
		}
	}
	if (allowed.len) {
		http_add_header(req, "Allow", bytes_cstr(&allowed));
		http_reply_error(req, 405, "method_not_allowed", "allowed: %s",
				 bytes_cstr(&allowed));
	} else {
		http_reply_error(req, 404, "not_found", "nothing is at " SLICE_FMT,
				 SLICE_ARG(slice_first(path, path.len < 200 ? path.len : 200)));
	}
out:
	bytes_fini(&allowed);
}

static void on_closed(struct evhttp_connection *connection, void *arg)
{
	struct http_req *req = arg;

	(void)connection;
	req->ev = NULL;
}

void http_on_request(struct evhttp_request *ev, void *arg)
{
	struct http_server *s = arg;
	struct http_req *req = xcalloc(1, sizeof(*req));
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(ev);
	int n;

	req->server = s;
	req->ev = ev;
	LIST_INSERT_HEAD(&s->pending, req, link);
	evhttp_connection_set_closecb(evhttp_request_get_connection(ev), on_closed, req);
	if (evbuffer_get_length(evhttp_request_get_input_buffer(ev)) > HTTP_BODY_MAX) {
		http_reply_error(req, 413, "too_large", "a body has at most %u octets",
				 HTTP_BODY_MAX);
		return;
	}
	n = uri ? http_url_query(slice_str(evhttp_uri_get_query(uri)), req->query, HTTP_QUERY_MAX)
		: -ERR_SYNTAX;
	if (n < 0) {
		http_reply_error(req, 400, "bad_request", "the request target is malformed");
		return;
	}
	req->n_query = (size_t)n;
	if (may_pass(req))
		dispatch(req, slice_str(evhttp_uri_get_path(uri)));
}
