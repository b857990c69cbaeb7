/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The opening handshake of a WebSocket, server side, RFC 6455 4.2. Stricter than HTTP needs to be:
 * no folded lines, no bare LF, no body, each field that matters exactly once.
 */
#include "proto/ws_hello.h"

#include "common/digest.h"
#include "proto/base64.h"
#include "proto/chars.h"

#define GUID    "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 1.3 */
#define KEY_LEN 24                                     /* 16 octets in base64 */

ptrdiff_t ws_hello_find(struct slice in)
{
	struct slice get = SLICE_LIT("GET ");
	ptrdiff_t at;

	if (!slice_starts(in, get) && !(in.len < get.len && slice_starts(get, in)))
		return -ERR_SYNTAX;
	at = slice_find(slice_first(in, WS_HELLO_MAX), SLICE_LIT("\r\n\r\n"));
	if (at >= 0)
		return at + 4;
	return in.len >= WS_HELLO_MAX ? -ERR_LIMIT : 0;
}

/* --- reading --- */

struct fields {
	struct ws_hello hello;
	unsigned n_host, n_key, n_version, n_origin;
	bool upgrade, connection, protocol, version_ok, body;
};

/* tchar of RFC 7230: what a field name is made of. */
static bool is_token(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!chars_is(s.ptr[i], CHARS_ALNUM) && !chars_in(s.ptr[i], "!#$%&'*+-.^_`|~"))
			return false;
	}
	return s.len > 0;
}

static bool list_has(struct slice list, const char *word, bool any_case)
{
	struct slice item;

	while (slice_next(&list, ',', &item)) {
		item = chars_trim(item);
		if (any_case ? slice_ieq_str(item, word) : slice_eq_str(item, word))
			return true;
	}
	return false;
}

/* Base64 of 16 octets. */
static bool key_ok(struct slice key)
{
	struct bytes octets = BYTES_INIT;
	bool ok = key.len == KEY_LEN && base64_parse(key, &octets) == 0 && octets.len == 16;

	bytes_fini(&octets);
	return ok;
}

static void take_field(struct fields *f, struct slice name, struct slice value,
		       const char *subprotocol)
{
	if (slice_ieq_str(name, "Host")) {
		f->hello.host = value;
		f->n_host++;
	} else if (slice_ieq_str(name, "Upgrade")) {
		f->upgrade = f->upgrade || list_has(value, "websocket", true);
	} else if (slice_ieq_str(name, "Connection")) {
		f->connection = f->connection || list_has(value, "upgrade", true);
	} else if (slice_ieq_str(name, "Origin")) {
		f->hello.origin = value;
		f->n_origin++;
	} else if (slice_ieq_str(name, "Sec-WebSocket-Key")) {
		f->hello.key = value;
		f->n_key++;
	} else if (slice_ieq_str(name, "Sec-WebSocket-Version")) {
		f->version_ok = slice_eq_str(value, "13");
		f->n_version++;
	} else if (slice_ieq_str(name, "Sec-WebSocket-Protocol")) {
		f->protocol = f->protocol || list_has(value, subprotocol, false);
	} else if (slice_ieq_str(name, "Transfer-Encoding")) {
		f->body = true;
	} else if (slice_ieq_str(name, "Content-Length")) {
		f->body = f->body || !slice_eq_str(value, "0");
	}
}

/* "GET /path HTTP/1.1" */
static bool read_request_line(struct slice line, struct ws_hello *h)
{
	struct slice rest = slice_from(line, 4), version;
	ptrdiff_t sp = slice_chr(rest, ' ');

	if (!slice_starts(line, SLICE_LIT("GET ")) || sp < 1)
		return false;
	h->target = slice_first(rest, (size_t)sp);
	version = slice_from(rest, (size_t)sp + 1);
	return h->target.ptr[0] == '/' && chars_text_kind(h->target) == CHARS_TEXT_PLAIN &&
	       slice_chr(h->target, '\t') < 0 && slice_eq_str(version, "HTTP/1.1");
}

static bool read_field(struct fields *f, struct slice line, const char *subprotocol)
{
	ptrdiff_t colon = slice_chr(line, ':');
	struct slice name, value;

	if (colon < 1)
		return false;
	name = slice_first(line, (size_t)colon);
	value = chars_trim(slice_from(line, (size_t)colon + 1));
	if (!is_token(name) || (chars_text_kind(value) & CHARS_TEXT_CONTROL))
		return false;
	take_field(f, name, value, subprotocol);
	return true;
}

static bool read_lines(struct fields *f, struct slice head, const char *subprotocol)
{
	size_t n = 0;

	while (head.len > 0) {
		ptrdiff_t crlf = chars_crlf(head, 0);
		struct slice line;

		if (crlf < 0)
			return false;
		line = slice_first(head, (size_t)crlf);
		head = slice_from(head, (size_t)crlf + 2);
		if (crlf == 0)
			return n > 0 && head.len == 0;
		if (n++ > WS_HELLO_MAX_FIELDS)
			return false;
		if (n == 1 ? !read_request_line(line, &f->hello)
			   : !read_field(f, line, subprotocol))
			return false;
	}
	return false;
}

int ws_hello_read(struct slice head, struct slice subprotocol, struct ws_hello *hello_r)
{
	struct fields f = {0};
	char word[32];

	if (slice_copy(subprotocol, word, sizeof(word)) || !read_lines(&f, head, word) ||
	    f.n_host != 1 || f.hello.host.len == 0 || f.n_origin > 1 || f.body || !f.upgrade ||
	    !f.connection)
		return 400;
	if (f.n_version != 1 || !f.version_ok)
		return 426;
	if (f.n_key != 1 || !key_ok(f.hello.key) || !f.protocol)
		return 400;
	*hello_r = f.hello;
	return 101;
}

bool ws_hello_origin_ok(struct slice list, struct slice origin)
{
	struct slice item;
	bool any = false;

	if (origin.len == 0)
		return true;
	while (slice_next(&list, ',', &item)) {
		item = chars_trim(item);
		if (slice_ieq(item, origin) || slice_eq_str(item, "*"))
			return true;
		any = any || item.len > 0;
	}
	return !any;
}

/* --- answering --- */

static void add_accept(struct bytes *out, struct slice key)
{
	uint8_t sha1[DIGEST_SHA1_LEN];
	char text[KEY_LEN + sizeof(GUID)];

	memcpy(text, key.ptr, KEY_LEN);
	memcpy(text + KEY_LEN, GUID, sizeof(GUID));
	digest_sha1(slice_str(text), sha1);
	bytes_add_str(out, "Sec-WebSocket-Accept: ");
	base64_build(slice_make(sha1, sizeof(sha1)), out);
	bytes_add_str(out, "\r\n");
}

static const char *status_text(int status)
{
	switch (status) {
	case 403:
		return "Forbidden";
	case 426:
		return "Upgrade Required";
	default:
		return "Bad Request";
	}
}

void ws_hello_answer(struct bytes *out, int status, const struct ws_hello *hello,
		     struct slice subprotocol)
{
	if (status != 101) {
		bytes_addf(out, "HTTP/1.1 %d %s\r\n", status, status_text(status));
		if (status == 426)
			bytes_add_str(out, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
		bytes_addf(out, "Connection: close%s\r\nContent-Length: 0\r\n\r\n",
			   status == 426 ? ", Upgrade" : "");
		return;
	}
	bytes_add_str(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			   "Connection: Upgrade\r\n");
	add_accept(out, hello->key);
	bytes_addf(out, "Sec-WebSocket-Protocol: " SLICE_FMT "\r\n", SLICE_ARG(subprotocol));
	if (hello->origin.len > 0)
		bytes_addf(out, "Access-Control-Allow-Origin: " SLICE_FMT "\r\nVary: Origin\r\n",
			   SLICE_ARG(hello->origin));
	bytes_add_str(out, "\r\n");
}
