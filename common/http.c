/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin server over libevent's evhttp: routes, JSON in and out, the token, and the three
 * pages every server has. A request outlives its connection: the handler may reply at any later
 * time, also when the client or the server itself is gone. Owns the listening socket.
 */
#include "common/http.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/http_url.h"
#include "common/listener.h"
#include "common/log.h"
#include "common/mem.h"

#define LOG_PLACE   "http"
#define BODY_MAX    65536u
#define READ_MAX    (256 * 1024) /* above BODY_MAX: what is read so that our 413 can be sent */
#define INPUT_MAX   (READ_MAX + 65536u)
#define HEADERS_MAX 16384
#define IDLE_S      30
#define PAUSE_MS    100
#define TOKEN_MAX   4096u
#define PARAMS_MAX  8u
#define QUERY_MAX   16u
#define BEARER      SLICE_LIT("Bearer ")

struct route {
	STAILQ_ENTRY(route) link;
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
	STAILQ_HEAD(, route) routes;
	LIST_HEAD(, http_req) pending;
	struct evconnlistener *listener;
	struct event *on_rested;
};

struct http_req {
	LIST_ENTRY(http_req) link;
	struct http_server *server; /* NULL once it is gone */
	struct evhttp_request *ev;  /* NULL once the client is gone */
	struct http_url_pair params[PARAMS_MAX], query[QUERY_MAX];
	size_t n_params, n_query;
};

static const struct {
	const char *name;
	enum evhttp_cmd_type type;
} methods[] = {
	{"GET", EVHTTP_REQ_GET},         {"HEAD", EVHTTP_REQ_HEAD},   {"POST", EVHTTP_REQ_POST},
	{"PUT", EVHTTP_REQ_PUT},         {"PATCH", EVHTTP_REQ_PATCH}, {"DELETE", EVHTTP_REQ_DELETE},
	{"OPTIONS", EVHTTP_REQ_OPTIONS},
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
		json = json_pack("{s:{s:s,s:s}}", "error", "code", code, "message", "");
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

static bool has_token(const struct http_req *req)
{
	struct slice given = header(req, "Authorization");

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

	if (req->server->token && !reads && !has_token(req)) {
		http_add_header(req, "WWW-Authenticate", "Bearer");
		http_reply_error(req, 401, "unauthorized", "a bearer token is needed");
		return false;
	}
	if (!req->server->token && !is_local_use(req)) {
		http_reply_error(req, 403, "denied", "not for web pages of other origins");
		return false;
	}
	return true;
}

static bool takes(const struct route *route, enum evhttp_cmd_type method)
{
	return route->method == method ||
	       (route->method == EVHTTP_REQ_GET && method == EVHTTP_REQ_HEAD);
}

static void add_allowed(struct bytes *allowed, const struct route *route)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (takes(route, methods[i].type))
			bytes_addf(allowed, "%s%s", allowed->len ? ", " : "", methods[i].name);
}

static void dispatch(struct http_req *req, struct slice path)
{
	enum evhttp_cmd_type method = evhttp_request_get_command(req->ev);
	struct bytes allowed = BYTES_INIT;
	const struct route *route;
	int fits;

	STAILQ_FOREACH(route, &req->server->routes, link) {
		fits = http_url_match(route->pattern, path, req->params, PARAMS_MAX,
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
		http_reply_error(req, 404, "not_found", "no such resource");
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

static void on_request(struct evhttp_request *ev, void *arg)
{
	struct http_server *s = arg;
	struct http_req *req = xcalloc(1, sizeof(*req));
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(ev);
	int n;

	req->server = s;
	req->ev = ev;
	LIST_INSERT_HEAD(&s->pending, req, link);
	evhttp_connection_set_closecb(evhttp_request_get_connection(ev), on_closed, req);
	if (evbuffer_get_length(evhttp_request_get_input_buffer(ev)) > BODY_MAX) {
		http_reply_error(req, 413, "too_large", "a body has at most %u octets", BODY_MAX);
		return;
	}
	n = uri ? http_url_query(slice_str(evhttp_uri_get_query(uri)), req->query, QUERY_MAX)
		: -ERR_SYNTAX;
	if (n < 0) {
		http_reply_error(req, 400, "bad_request", "the request target is malformed");
		return;
	}
	req->n_query = (size_t)n;
	if (may_pass(req))
		dispatch(req, slice_str(evhttp_uri_get_path(uri)));
}

/*
 * evhttp bounds heads and bodies, but reads on while it waits for the end of a chunk's size
 * line. Such a peer is cut off; not here, where libevent is in the midst of reading.
 */
static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
	struct bufferevent *bev = arg;

	if (info->n_added == 0 || evbuffer_get_length(input) <= INPUT_MAX)
		return;
	bufferevent_disable(bev, EV_READ);
	bufferevent_trigger_event(bev, BEV_EVENT_READING | BEV_EVENT_ERROR,
				  BEV_TRIG_DEFER_CALLBACKS);
}

static struct bufferevent *new_bufferevent(struct event_base *base, void *arg)
{
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);

	(void)arg;
	if (bev)
		evbuffer_add_cb(bufferevent_get_input(bev), on_input, bev);
	return bev;
}

static void on_rested(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *s = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(s->listener);
}

static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct http_server *s = arg;
	struct timeval pause = {0, PAUSE_MS * 1000};

	log_peer("cannot accept: %s", strerror(errno));
	evconnlistener_disable(listener);
	event_add(s->on_rested, &pause);
}

static void healthz(struct http_req *req, void *arg)
{
	(void)arg;
	http_reply_text(req, 200, "text/plain", SLICE_LIT("ok\n"));
}

static void readyz(struct http_req *req, void *arg)
{
	struct http_server *s = arg;

	if (s->ready && !s->ready(s->ready_arg))
		http_reply_error(req, 503, "unavailable", "not ready");
	else
		http_reply_text(req, 200, "text/plain", SLICE_LIT("ok\n"));
}

static void metrics_page(struct http_req *req, void *arg)
{
	struct http_server *s = arg;
	struct bytes out = BYTES_INIT;

	metrics_write(s->metrics, &out);
	if (bytes_ok(&out))
		http_reply_text(req, 200, "text/plain; version=0.0.4; charset=utf-8",
				bytes_slice(&out));
	else
		http_reply_error(req, 500, "internal", "the metrics are too large");
	bytes_fini(&out);
}

/* The file's only line. An empty or odd token would be no protection: -ERR_CONFIG. */
static int read_token(const char *file, char **token_r)
{
	char text[TOKEN_MAX + 2];
	struct slice token;
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	int err = errno, rc = -ERR_CONFIG;

	if (fd >= 0)
		close(fd);
	errno = err;
	if (n < 0)
		return -ERR_IO;
	token = slice_trim(slice_make(text, (size_t)n));
	if (token.len == 0 || token.len > TOKEN_MAX)
		goto out;
	for (size_t i = 0; i < token.len; i++)
		if (token.ptr[i] <= 0x20 || token.ptr[i] >= 0x7f)
			goto out;
	*token_r = slice_dup(token);
	rc = 0;
out:
	mem_wipe(text, sizeof(text));
	return rc;
}

/* Hands the listening descriptor to evhttp. */
static int start(struct http_server *s, const struct addr *at)
{
	struct evhttp_bound_socket *bound;
	int fd;

	if (listener_socket(at, &fd, &s->at) < 0)
		return -ERR_IO;
	s->http = evhttp_new(s->base);
	s->on_rested = event_new(s->base, -1, 0, on_rested, s);
	bound = s->http && s->on_rested ? evhttp_accept_socket_with_handle(s->http, fd) : NULL;
	if (!bound) {
		close(fd);
		errno = ENOMEM;
		return -ERR_IO;
	}
	s->listener = evhttp_bound_socket_get_listener(bound);
	evconnlistener_set_error_cb(s->listener, on_accept_error);
	evhttp_set_bevcb(s->http, new_bufferevent, NULL);
	evhttp_set_gencb(s->http, on_request, s);
	evhttp_set_timeout(s->http, IDLE_S);
	evhttp_set_max_headers_size(s->http, HEADERS_MAX);
	evhttp_set_max_body_size(s->http, READ_MAX);
	evhttp_set_default_content_type(s->http, NULL);
	evhttp_set_allowed_methods(s->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
						    EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH |
						    EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS);
	return 0;
}

int http_server_open(struct event_base *base, const struct addr *at, const char *token_file,
		     struct metrics *metrics, http_ready_fn *ready, void *ready_arg,
		     struct http_server **server_r)
{
	struct http_server *s;
	int rc = 0;

	if (at->sa.sa_family == AF_UNIX)
		return -ERR_UNSUPPORTED;
	s = xcalloc(1, sizeof(*s));
	s->base = base;
	s->metrics = metrics;
	s->ready = ready;
	s->ready_arg = ready_arg;
	STAILQ_INIT(&s->routes);
	LIST_INIT(&s->pending);
	signal(SIGPIPE, SIG_IGN); /* evhttp writes to peers that may be gone */
	if (token_file && token_file[0])
		rc = read_token(token_file, &s->token);
	else if (!addr_is_loopback(at))
		rc = -ERR_DENIED;
	if (rc == 0)
		rc = start(s, at);
	if (rc < 0) {
		int err = errno;

		http_server_free(&s);
		errno = err;
		return rc;
	}
	http_route(s, "GET", "/healthz", healthz, s);
	http_route(s, "GET", "/readyz", readyz, s);
	if (metrics)
		http_route(s, "GET", "/metrics", metrics_page, s);
	*server_r = s;
	return 0;
}

const struct addr *http_server_addr(const struct http_server *s)
{
	return &s->at;
}

void http_server_free(struct http_server **s)
{
	struct http_server *server = *s;
	struct http_req *req;

	*s = NULL;
	if (!server)
		return;
	if (server->http)
		evhttp_free(server->http); /* its close callbacks take every ev */
	if (server->on_rested)
		event_free(server->on_rested);
	while ((req = LIST_FIRST(&server->pending)) != NULL) {
		/* Still owed a reply by its handler: it lives on in a ring of its own. */
		LIST_REMOVE(req, link);
		req->link.le_next = NULL;
		req->link.le_prev = &req->link.le_next;
		req->server = NULL;
		req->ev = NULL;
	}
	while (!STAILQ_EMPTY(&server->routes)) {
		struct route *route = STAILQ_FIRST(&server->routes);

		STAILQ_REMOVE_HEAD(&server->routes, link);
		free(route->pattern);
		free(route);
	}
	if (server->token)
		mem_wipe(server->token, strlen(server->token));
	free(server->token);
	free(server);
}

void http_route(struct http_server *s, const char *method, const char *pattern, http_handler_fn *fn,
		void *arg)
{
	struct route *route = xcalloc(1, sizeof(*route));

	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (strcmp(methods[i].name, method) == 0)
			route->method = methods[i].type;
	assert(route->method);
	route->pattern = xstrdup(pattern);
	route->fn = fn;
	route->arg = arg;
	STAILQ_INSERT_TAIL(&s->routes, route, link);
}
