/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin server over libevent's evhttp: its socket, its limits, the routes, the token, and the
 * three pages every server has. Requests are http.c's. Closing takes the connections away from
 * requests that are still to be answered; those live until their handlers reply.
 */
#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/http_priv.h"
#include "common/listener.h"
#include "common/log.h"
#include "common/mem.h"

#define LOG_PLACE   "http"
#define READ_MAX    (256 * 1024) /* above HTTP_BODY_MAX: what is read so that our 413 can be sent */
#define INPUT_MAX   (READ_MAX + 65536u)
#define HEADERS_MAX 16384
#define IDLE_S      30
#define PAUSE_MS    100
#define TOKEN_MAX   4096u

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
	struct bytes out = BYTES_INIT;
	const char *text = NULL;

	if (s->ready && !s->ready(&text, s->ready_arg)) {
		http_reply_error(req, 503, "unavailable", "%s", text ? text : "not ready");
		return;
	}
	bytes_add_str(&out, "ok\n");
	if (text)
		bytes_addf(&out, "%s\n", text);
	http_reply_text(req, 200, "text/plain", bytes_slice(&out));
	bytes_fini(&out);
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

int http_token_check(const char *file)
{
	char *token = NULL;
	int rc = read_token(file, &token);

	if (token)
		mem_wipe(token, strlen(token));
	free(token);
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
	evhttp_set_gencb(s->http, http_on_request, s);
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
		struct http_route *route = STAILQ_FIRST(&server->routes);

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
	struct http_route *route = xcalloc(1, sizeof(*route));

	for (const struct http_method *m = http_methods; m->name; m++)
		if (strcmp(m->name, method) == 0)
			route->method = m->type;
	assert(route->method);
	route->pattern = xstrdup(pattern);
	route->fn = fn;
	route->arg = arg;
	STAILQ_INSERT_TAIL(&s->routes, route, link);
}
