/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_WS_HELLO_H
#define PROTO_WS_HELLO_H

#include "common/bytes.h"

/*
 * The opening handshake of a WebSocket as the server sees it, RFC 6455 section 4.2 and RFC 7230:
 * one strict HTTP/1.1 GET in, one response out.
 */
#define WS_HELLO_MAX        8192 /* octets of the request with its blank line */
#define WS_HELLO_MAX_FIELDS 64

struct ws_hello {
	struct slice target, host;
	struct slice origin; /* empty: none */
	struct slice key;
};

/*
 * Length of the request head that in starts with, blank line included; 0 when more bytes are
 * needed; -ERR_LIMIT above WS_HELLO_MAX; -ERR_SYNTAX when it cannot be a GET request.
 */
MUST_CHECK ptrdiff_t ws_hello_find(struct slice in);

/*
 * Read a whole head. Returns 101 and *hello_r (views into head), or the status to refuse with: 400,
 * 426 (another version than 13). The request must offer subprotocol (RFC 7977 4.1).
 */
MUST_CHECK int ws_hello_read(struct slice head, struct slice subprotocol, struct ws_hello *hello_r);

/* Is origin in the comma list? An empty list or one with "*" has all; no origin (no browser) is in any. */
bool ws_hello_origin_ok(struct slice list, struct slice origin);

/*
 * The response: 101 with the accept key, the subprotocol and, for a request with Origin, the CORS
 * header (RFC 7977 7); else a refusal without body (400, 403, 426). hello may be NULL then.
 */
void ws_hello_answer(struct bytes *out, int status, const struct ws_hello *hello,
		     struct slice subprotocol);

#endif
