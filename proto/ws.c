/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WebSocket frames cut off a stream, RFC 6455 section 5. A head is gathered octet by octet (at most
 * 14), a control frame's payload is held (at most 125), a message's payload is unmasked where it
 * lies and handed on as it comes: no message is ever assembled here. What a peer does wrong has the
 * close code of 7.4.1.
 */
#include "proto/ws.h"

#include <assert.h>

#define FIN  0x80
#define RSV  0x70
#define MASK 0x80

void ws_parser_init(struct ws_parser *p, bool masked, uint64_t max_message)
{
	*p = (struct ws_parser){.masked = masked, .max_message = max_message};
}

static int fail(struct ws_parser *p, enum ws_code code)
{
	p->failed = true;
	p->code = (uint16_t)code;
	return code == WS_CODE_TOO_BIG ? -ERR_LIMIT : -ERR_SYNTAX;
}

static bool is_control(unsigned opcode)
{
	return opcode >= WS_CLOSE;
}

/* --- heads --- */

static bool known(unsigned opcode)
{
	return opcode <= WS_BINARY || (opcode >= WS_CLOSE && opcode <= WS_PONG);
}

/* The first two octets say how long the head is and most of what may be wrong. */
static int check_start(struct ws_parser *p)
{
	unsigned opcode = p->head[0] & 0x0fu;
	unsigned len = p->head[1] & 0x7fu;
	bool fin = p->head[0] & FIN;

	if ((p->head[0] & RSV) || !known(opcode) || p->masked != !!(p->head[1] & MASK))
		return fail(p, WS_CODE_PROTOCOL);
	if (is_control(opcode) && (!fin || len > WS_CONTROL_MAX))
		return fail(p, WS_CODE_PROTOCOL);
	if (!is_control(opcode) && p->in_message != (opcode == WS_CONTINUATION))
		return fail(p, WS_CODE_PROTOCOL);
	p->opcode = (uint8_t)opcode;
	p->fin = fin;
	return 0;
}

static unsigned n_len_octets(const struct ws_parser *p)
{
	unsigned len = p->head[1] & 0x7fu;

	return len == 126 ? 2 : len == 127 ? 8 : 0;
}

/* The head is whole. */
static int read_head(struct ws_parser *p)
{
	unsigned n = n_len_octets(p);
	uint64_t len = n ? 0 : p->head[1] & 0x7fu;

	for (unsigned i = 0; i < n; i++)
		len = len << 8 | p->head[2 + i];
	if ((n == 2 && len <= 125) || (n == 8 && (len <= UINT16_MAX || len > INT64_MAX)))
		return fail(p, WS_CODE_PROTOCOL); /* minimal, and 63 bits (5.2) */
	if (p->masked)
		memcpy(p->mask, p->head + 2 + n, sizeof(p->mask));
	p->n_mask = 0;
	p->n_head = 0;
	p->n_control = 0;
	p->left = len;
	p->in_payload = true;
	if (is_control(p->opcode))
		return 0;
	if (!p->in_message)
		p->message_len = 0;
	p->in_message = true;
	if (len > p->max_message - p->message_len)
		return fail(p, WS_CODE_TOO_BIG);
	p->message_len += len;
	return 0;
}

/* Returns the octets used, or the error. */
static ptrdiff_t take_head(struct ws_parser *p, const char *in, size_t len)
{
	size_t used = 0;
	int rc = 0;

	while (used < len && !p->in_payload && rc == 0) {
		p->head[p->n_head++] = (uint8_t)in[used++];
		if (p->n_head == 2)
			rc = check_start(p);
		if (rc == 0 && p->n_head >= 2 &&
		    p->n_head == 2 + n_len_octets(p) + (p->masked ? 4 : 0))
			rc = read_head(p);
	}
	return rc < 0 ? rc : (ptrdiff_t)used;
}

/* --- payload --- */

static void unmask(struct ws_parser *p, char *data, size_t len)
{
	uint8_t turned[8];
	uint64_t eight, word;
	size_t i = 0;

	if (!p->masked)
		return;
	for (unsigned k = 0; k < 8; k++)
		turned[k] = p->mask[(p->n_mask + k) & 3];
	memcpy(&eight, turned, sizeof(eight));
	for (; len - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, data + i, sizeof(word));
		word ^= eight;
		memcpy(data + i, &word, sizeof(word));
	}
	for (; i < len; i++)
		data[i] = (char)(data[i] ^ turned[i & 7]);
	p->n_mask = (uint8_t)((p->n_mask + len) & 3);
}

/* Codes that may stand in a Close frame (7.4). */
static bool close_code_ok(unsigned code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
	       (code >= 3000 && code <= 4999);
}

static int take_close(struct ws_parser *p, struct ws_item *item_r)
{
	struct slice reason = slice_from(slice_make(p->control, p->n_control), 2);
	unsigned code = WS_CODE_NO_STATUS;

	if (p->n_control >= 2)
		code = (unsigned)(uint8_t)p->control[0] << 8 | (uint8_t)p->control[1];
	if (p->n_control == 1 || (p->n_control >= 2 && !close_code_ok(code)))
		return fail(p, WS_CODE_PROTOCOL);
	if (!slice_is_utf8(reason))
		return fail(p, WS_CODE_PAYLOAD);
	p->closed = true;
	item_r->type = WS_ITEM_CLOSE;
	item_r->code = (uint16_t)code;
	return 1;
}

static int take_control(struct ws_parser *p, char *in, size_t n, struct ws_item *item_r)
{
	memcpy(p->control + p->n_control, in, n);
	p->n_control = (uint8_t)(p->n_control + n);
	if (p->left > 0)
		return 0;
	p->in_payload = false;
	item_r->piece = p->control;
	item_r->len = p->n_control;
	if (p->opcode == WS_CLOSE)
		return take_close(p, item_r);
	item_r->type = p->opcode == WS_PING ? WS_ITEM_PING : WS_ITEM_PONG;
	return 1;
}

static int take_payload(struct ws_parser *p, char *in, size_t len, struct ws_item *item_r,
			size_t *used_r)
{
	size_t n = p->left < len ? (size_t)p->left : len;

	unmask(p, in, n);
	p->left -= n;
	*used_r += n;
	if (is_control(p->opcode))
		return take_control(p, in, n, item_r);
	item_r->type = WS_ITEM_DATA;
	item_r->piece = in;
	item_r->len = n;
	item_r->last = p->left == 0 && p->fin;
	if (p->left == 0) {
		p->in_payload = false;
		p->in_message = !p->fin;
	}
	return n > 0 || item_r->last ? 1 : 0;
}

int ws_parse_next(struct ws_parser *p, char *in, size_t len, struct ws_item *item_r, size_t *used_r)
{
	struct ws_item item = {0};
	size_t used = 0;
	int rc = 0;

	if (p->failed)
		return p->code == WS_CODE_TOO_BIG ? -ERR_LIMIT : -ERR_SYNTAX;
	if (p->closed) { /* whatever follows a Close frame is not looked at (5.5.1) */
		*used_r = len;
		return 0;
	}
	while (rc == 0 && used < len) {
		if (!p->in_payload) {
			ptrdiff_t n = take_head(p, in + used, len - used);

			if (n < 0)
				return (int)n;
			used += (size_t)n;
		}
		if (p->in_payload)
			rc = take_payload(p, in + used, len - used, &item, &used);
	}
	if (rc < 0)
		return rc;
	*used_r = used;
	if (rc > 0)
		*item_r = item;
	return rc;
}

/* --- building --- */

size_t ws_build_head(char out[WS_OUT_MAX], enum ws_opcode opcode, uint64_t len)
{
	unsigned n = len > UINT16_MAX ? 8 : len > 125 ? 2 : 0;

	assert(len <= INT64_MAX);
	out[0] = (char)(FIN | opcode);
	out[1] = (char)(n == 8 ? 127 : n == 2 ? 126 : len);
	for (unsigned i = 0; i < n; i++)
		out[2 + i] = (char)(len >> 8 * (n - 1 - i) & 0xff);
	return 2 + n;
}

void ws_build_control(struct bytes *out, enum ws_opcode opcode, struct slice payload)
{
	char head[WS_OUT_MAX];
	struct slice cut = slice_first(payload, WS_CONTROL_MAX);

	bytes_add(out, head, ws_build_head(head, opcode, cut.len));
	bytes_add_slice(out, cut);
}

void ws_build_close(struct bytes *out, unsigned code)
{
	char text[2] = {(char)(code >> 8), (char)(code & 0xff)};

	ws_build_control(out, WS_CLOSE,
			 code == WS_CODE_NO_STATUS ? SLICE_NULL : slice_make(text, 2));
}
