/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_HTTP_H
#define COMMON_HTTP_H

#include <jansson.h>
#include <stdbool.h>

#include "common/addr.h"
#include "common/metrics.h"

struct event_base;

/*
 * The admin door (evhttp): JSON API, /metrics, /healthz, /readyz. Bodies at most 64 KiB (413).
 * Errors are {"error":{"code","message"}}.
 */
struct http_server;
struct http_req;

typedef void http_handler_fn(struct http_req *req, void *arg);
/*
 * /readyz: true is 200, with a line of text if something fails all the same; false is 503, with the
 * reason. *text_r is NULL before, and lives until the next call.
 */
typedef bool http_ready_fn(const char **text_r, void *arg);

/*
 * token_file "" or NULL: no token; then only a loopback address is allowed (-ERR_DENIED else).
 * With a token, requests other than GET/HEAD need "Authorization: Bearer TOKEN" (401); without, pages
 * of other origins in a browser are kept out (403). Port 0 picks one. -ERR_IO with errno for the socket
 * or the token file, -ERR_CONFIG when that file holds no token.
 */
MUST_CHECK int http_server_open(struct event_base *base, const struct addr *at,
				const char *token_file, struct metrics *metrics,
				http_ready_fn *ready, void *ready_arg,
				struct http_server **server_r);
/* Would the file do as token_file? -ERR_IO with errno, -ERR_CONFIG when it holds no token. */
MUST_CHECK int http_token_check(const char *file);
const struct addr *http_server_addr(const struct http_server *s);
void http_server_free(struct http_server **s);
/*
 * Route: pattern "/v1/conferences/:name/participants/:uri" (":x" matches one percent-decoded
 * segment). The first route that fits wins; GET answers HEAD too. Unknown path 404; known path with
 * another method 405 with Allow. Methods: GET HEAD POST PUT PATCH DELETE OPTIONS.
 */
void http_route(struct http_server *s, const char *method, const char *pattern, http_handler_fn *fn,
		void *arg);

/* Views valid until the reply. NULL when absent. */
const char *http_param(struct http_req *req, const char *name); /* ":name" */
const char *http_query(struct http_req *req, const char *name); /* "?ban=1" */
/* Who asks, for logs; "gone" when he is not there any more. Returns buf. */
const char *http_peer(const struct http_req *req, char buf[ADDR_STRLEN]);
/* It came to a listener that this machine alone can reach. */
bool http_is_local(const struct http_req *req);
/* Body as a JSON object; NULL after having replied 400 itself. An empty body is {}. Caller decrefs. */
json_t *http_body_json(struct http_req *req);
/* No other members than these are in body. False after a 400 that names the first other one. */
bool http_only_members(struct http_req *req, const json_t *body, const char *const *names,
		       size_t n);
/* Each request gets exactly one reply, at once or later, even when the server was freed meanwhile. */
void http_reply(struct http_req *req, int status, json_t *body_take); /* body NULL: none (204) */
void http_reply_error(struct http_req *req, int status, const char *code, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
void http_reply_text(struct http_req *req, int status, const char *type, struct slice body);
void http_add_header(struct http_req *req, const char *name, const char *value);

/*
 * Blocking client for command-line tools, all within timeout_ms; token may be NULL. When there is
 * no answer: -ERR_IO with errno, status 0 and no body. Else the caller frees the body.
 */
struct http_result {
	int status;
	struct bytes body;
};
MUST_CHECK int http_call(const struct addr *server, const char *method, const char *path,
			 const char *token, struct slice body, uint32_t timeout_ms,
			 struct http_result *result_r);
/* Percent-encode one path segment onto out. */
void http_encode_segment(struct bytes *out, struct slice segment);

#endif
