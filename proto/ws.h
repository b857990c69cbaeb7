/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_WS_H
#define PROTO_WS_H

#include "common/bytes.h"

/*
 * WebSocket frames, RFC 6455 section 5: bytes in, pieces of messages and control frames out. Text
 * and binary are both octets (RFC 7977 4.2): no UTF-8 check of messages. No extension is spoken, so
 * RSV bits are errors.
 */
enum ws_opcode {
	WS_CONTINUATION = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10
};

/* Close codes, RFC 6455 7.4.1. NO_STATUS is never on the wire. */
enum ws_code {
	WS_CODE_NORMAL = 1000,
	WS_CODE_GOING_AWAY = 1001,
	WS_CODE_PROTOCOL = 1002,
	WS_CODE_NO_STATUS = 1005,
	WS_CODE_PAYLOAD = 1007, /* not what the subprotocol allows */
	WS_CODE_POLICY = 1008,
	WS_CODE_TOO_BIG = 1009
};

#define WS_CONTROL_MAX 125
#define WS_HEAD_MAX    14 /* of any frame */
#define WS_OUT_MAX     10 /* of an unmasked one */

enum ws_item_type {
	WS_ITEM_DATA, /* piece: the next octets of a message, perhaps none when last */
	WS_ITEM_PING, /* piece: what the pong must repeat */
	WS_ITEM_PONG,
	WS_ITEM_CLOSE /* code (NO_STATUS when none was given); nothing follows */
};

struct ws_item {
	enum ws_item_type type;
	/* DATA: view into in, unmasked in place. Else a view into the parser, until the next call. */
	char *piece;
	size_t len;
	bool last;     /* DATA: the message ends with this piece */
	uint16_t code; /* CLOSE */
};

/* Private but for failed and code. */
struct ws_parser {
	bool masked;          /* whether the peer has to mask: true of a client (5.1) */
	uint64_t max_message; /* octets, all fragments together */
	bool failed;
	uint16_t code; /* once failed: what the Close frame says */
	bool closed, in_message, in_payload;
	bool fin;
	uint8_t opcode;
	uint8_t n_head, n_mask, n_control;
	uint8_t head[WS_HEAD_MAX];
	uint8_t mask[4];
	char control[WS_CONTROL_MAX];
	uint64_t message_len, left;
};

void ws_parser_init(struct ws_parser *p, bool masked, uint64_t max_message);

/*
 * Take the next item from one stream. All of in is used but what follows the item: nothing needs
 * to be held by the caller. Returns 1 and an item, 0 when more bytes are needed, -ERR_SYNTAX or
 * -ERR_LIMIT when the connection must be closed with p->code (this and every further call).
 * *used_r (set when ≥ 0 is returned) is the number of bytes to drop from in. in is overwritten.
 */
MUST_CHECK int ws_parse_next(struct ws_parser *p, char *in, size_t len, struct ws_item *item_r,
			     size_t *used_r);

/* Head of an unmasked frame, FIN set, of len octets. Returns its length. */
size_t ws_build_head(char out[WS_OUT_MAX], enum ws_opcode opcode, uint64_t len);
/* A whole unmasked control frame; payload is cut at WS_CONTROL_MAX. */
void ws_build_control(struct bytes *out, enum ws_opcode opcode, struct slice payload);
/* Close frame; NO_STATUS: without code. */
void ws_build_close(struct bytes *out, unsigned code);

#endif
