/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An MSRP connection inside a WebSocket, RFC 7977: the opening handshake, messages of which each is
 * exactly one MSRP chunk (5.1), pings (6), the closing handshake of RFC 6455 7. Chunks of any
 * size pass as they come, no message is assembled. Sending is wire_send.c's, which gives one frame at
 * a time: what the stream below does not take of it, and our own control frames, are the
 * wire's rest, which goes before anything else.
 */
#include <assert.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfp/wire_priv.h"
#include "proto/ws.h"
#include "proto/ws_hello.h"

#define LOG_PLACE   "websocket"
#define SUBPROTOCOL SLICE_LIT("msrp")
#define HEAD_ROOM   (64u << 10) /* of a chunk's head and CPIM head above the largest message */

enum state {
	HELLO, /* the opening handshake has not come yet */
	OPEN,
	ENDING /* our Close frame is out or due: the peer's is waited for, nothing else counts */
};

struct ws_link {
	struct wire *wire;
	enum state state;
	struct ws_parser parser;
	bool chunk_done;     /* the message under way has its chunk */
	bool asked;          /* our ping: no octet came since */
	bool ping, pong;     /* to be sent */
	struct bytes urgent; /* to be sent before those: answer to the handshake, Close frame */
	char echo[WS_CONTROL_MAX];
	size_t echo_len;
	uint64_t asked_ms; /* by the connection's clock */
	uint64_t due_ms;   /* next look at it */
	bool listed;
	TAILQ_ENTRY(ws_link) link;
};

static void list(struct ws_link *ws)
{
	struct plane *p = ws->wire->plane;

	ws->due_ms = p->now_ms + (uint64_t)p->opt->ws_ping_ms;
	ws->listed = true;
	TAILQ_INSERT_TAIL(&p->websockets, ws, link);
}

static void unlist(struct ws_link *ws)
{
	if (ws->listed)
		TAILQ_REMOVE(&ws->wire->plane->websockets, ws, link);
	ws->listed = false;
}

void wire_ws_open(struct wire *w)
{
	struct ws_link *ws = xcalloc(1, sizeof(*ws));
	uint64_t max = (uint64_t)w->plane->opt->max_size;

	ws->wire = w;
	ws_parser_init(&ws->parser, true, max < INT64_MAX - HEAD_ROOM ? max + HEAD_ROOM : max);
	w->ws = ws;
	(*w->plane->stats.websockets)++;
	if (w->plane->opt->ws_ping_ms > 0)
		list(ws);
}

/* --- sending --- */

bool wire_ws_has_control(const struct wire *w)
{
	return w->ws->urgent.len > 0 || w->ws->ping || w->ws->pong;
}

void wire_ws_take_control(struct wire *w)
{
	struct ws_link *ws = w->ws;

	if (w->rest || !wire_ws_has_control(w))
		return;
	if (ws->pong && ws->state == OPEN)
		ws_build_control(&ws->urgent, WS_PONG, slice_make(ws->echo, ws->echo_len));
	if (ws->ping && ws->state == OPEN)
		ws_build_control(&ws->urgent, WS_PING, SLICE_NULL);
	ws->ping = ws->pong = false;
	w->rest = chunk_from(bytes_slice(&ws->urgent));
	w->rest_off = 0;
	w->mid_part = PART_REST;
	w->mid_session = NULL;
	bytes_fini(&ws->urgent);
}

/* The octets behind the first n go later, before anything else. */
static void keep_rest(struct wire *w, const struct iovec *iov, int n_iov, size_t n, size_t total)
{
	struct chunk *rest = chunk_new(total - n);
	size_t at = 0;

	for (int i = 0; i < n_iov; i++) {
		size_t skip = n < iov[i].iov_len ? n : iov[i].iov_len;

		memcpy(rest->data + at, (const char *)iov[i].iov_base + skip,
		       iov[i].iov_len - skip);
		at += iov[i].iov_len - skip;
		n -= skip;
	}
	w->rest = rest;
	w->rest_off = 0;
}

ssize_t wire_ws_writev(struct wire *w, struct iovec *iov, int n_iov, size_t n_bytes)
{
	char head[WS_OUT_MAX];
	size_t total;
	ssize_t n;

	if (w->rest) /* its head is out */
		return conn_writev(w->conn, iov + 1, n_iov - 1);
	iov[0] = (struct iovec){head, ws_build_head(head, WS_BINARY, n_bytes)};
	total = iov[0].iov_len + n_bytes;
	n = conn_writev(w->conn, iov, n_iov);
	if (n == 0)
		return -ERR_AGAIN;
	if (n > 0 && (size_t)n < total)
		keep_rest(w, iov, n_iov, (size_t)n, total);
	return n < 0 ? n : (ssize_t)n_bytes;
}

/* --- ends --- */

/*
 * Nothing more is taken or sent but what is urgent. The connection stays for the peer's Close frame,
 * or goes as soon as all is out (at_once).
 */
static void end(struct wire *w, bool at_once)
{
	struct ws_link *ws = w->ws;

	ws->state = ENDING;
	ws->ping = ws->pong = false;
	w->plane->ops->lost(w, CTL_LOST_CLOSED);
	wire_drop_queued(w);
	w->unbound_ms = w->plane->now_ms;
	wire_watch(w);
	w->closing = at_once;
	wire_touch(w);
}

static void close_with(struct wire *w, unsigned code, bool at_once)
{
	ws_build_close(&w->ws->urgent, code);
	end(w, at_once);
}

/* The peer broke the rules of RFC 6455, or a message is not one chunk. */
static void refuse(struct wire *w, unsigned code)
{
	char text[ADDR_STRLEN];

	(*w->plane->stats.broken)++;
	log_peer("WebSocket of %s is closed with %u", addr_format(conn_peer(w->conn), text), code);
	w->plane->ops->broken(w);
	wire_flush(w);
	if (!w->dead)
		close_with(w, code, false);
}

bool wire_is_ending(const struct wire *w)
{
	return w->ws && w->ws->state == ENDING;
}

void wire_ws_closed(struct wire *w)
{
	struct ws_link *ws = w->ws;
	struct bytes b = BYTES_INIT;

	unlist(ws);
	(*w->plane->stats.websockets)--;
	if (ws->state != OPEN || w->rest)
		return;
	ws_build_close(&b, WS_CODE_GOING_AWAY);
	if (conn_writev(w->conn, &(struct iovec){b.data, b.len}, 1) < 0)
		log_debug("no Close frame: the peer is gone");
	bytes_fini(&b);
}

void wire_ws_free(struct wire *w)
{
	if (w->ws)
		bytes_fini(&w->ws->urgent);
	free(w->ws);
	w->ws = NULL;
}

/* --- the opening handshake --- */

/* Returns how many octets it took; 0: more are needed, or it is refused. */
static size_t say_hello(struct wire *w, struct slice in)
{
	struct slice origins = slice_str(w->plane->opt->ws_origins);
	struct ws_link *ws = w->ws;
	ptrdiff_t n = ws_hello_find(in);
	struct ws_hello hello;
	char text[ADDR_STRLEN];
	int status = 400;

	if (n == 0)
		return 0;
	if (n > 0)
		status = ws_hello_read(slice_first(in, (size_t)n), SUBPROTOCOL, &hello);
	if (status == 101 && !ws_hello_origin_ok(origins, hello.origin))
		status = 403;
	ws_hello_answer(&ws->urgent, status, status == 101 ? &hello : NULL, SUBPROTOCOL);
	if (status == 101) {
		ws->state = OPEN;
		wire_touch(w);
		return (size_t)n;
	}
	(*w->plane->stats.ws_refused)++;
	log_peer("WebSocket handshake of %s refused: %d", addr_format(conn_peer(w->conn), text),
		 status);
	end(w, true);
	return 0;
}

/* --- messages --- */

/* One message's octets into plane->ops. False: they are not one chunk. */
static bool parse(struct wire *w, struct slice in, size_t *used_r)
{
	const struct wire_ops *ops = w->plane->ops;
	struct msrp_item item;
	struct slice tid;
	size_t used;
	int rc;

	while (!w->dead && *used_r < in.len) {
		if (w->ws->chunk_done) /* a second one, or anything else (5.1) */
			return false;
		used = msrp_parse_fast_200(&w->rx->parser, slice_from(in, *used_r), &tid);
		if (used) {
			ops->ok(w, tid);
			w->ws->chunk_done = true;
			*used_r += used;
			continue;
		}
		rc = msrp_parse_next(&w->rx->parser, slice_from(in, *used_r), &item, &used);
		if (rc < 0)
			return false;
		if (rc > 0) {
			w->ws->chunk_done = item.type == MSRP_ITEM_END;
			ops->item(w, &item);
		}
		*used_r += used;
		if (rc == 0)
			break;
	}
	return !w->rx->parser.broken;
}

/* A piece of a message; what was kept of it fits in front, where all has been looked at. */
static void on_data(struct wire *w, const struct ws_item *item)
{
	struct ws_link *ws = w->ws;
	struct slice in = wire_with_held(w, item->piece, item->len);
	size_t used = 0;
	bool ok = parse(w, in, &used);

	if (w->dead)
		return;
	w->plane->ops->batch_end(w);
	if (w->dead || ws->state != OPEN)
		return;
	if (ok && item->last)
		ok = ws->chunk_done && used == in.len;
	else if (ok)
		ok = wire_keep_tail(w, slice_from(in, used)) == 0;
	if (!ok)
		refuse(w, WS_CODE_PAYLOAD);
	else if (item->last)
		ws->chunk_done = false;
}

static void on_item(struct wire *w, const struct ws_item *item)
{
	struct ws_link *ws = w->ws;

	if (item->type == WS_ITEM_CLOSE) {
		if (ws->state == OPEN)
			close_with(w, item->code, true);
		w->closing = true; /* the server ends the stream first (RFC 6455 7.1.1) */
		wire_touch(w);
	} else if (ws->state != OPEN) {
		return;
	} else if (item->type == WS_ITEM_PING) { /* of several only the last is answered (5.5.3) */
		memcpy(ws->echo, item->piece, item->len);
		ws->echo_len = item->len;
		ws->pong = true;
		wire_touch(w);
	} else if (item->type == WS_ITEM_DATA) {
		on_data(w, item);
	}
}

/* Where frames cannot be told any more: these octets are a masked Close frame and nothing else. */
static bool is_close_frame(const char *data, size_t len)
{
	return len >= 6 && (uint8_t)data[0] == (0x80 | WS_CLOSE) &&
	       len == 6 + ((uint8_t)data[1] & 0x7fu);
}

void wire_ws_input(struct wire *w, char *data, size_t len)
{
	struct ws_link *ws = w->ws;
	size_t done = 0, used;
	struct ws_item item;
	int rc;

	ws->asked = false;
	if (ws->state == HELLO) {
		struct slice in = wire_with_held(w, data, len);
		size_t n = say_hello(w, in);

		if (ws->state == HELLO && wire_keep_tail(w, in))
			end(w, true);
		if (ws->state != OPEN)
			return;
		done = len - (in.len - n);
	}
	if (ws->parser.failed) {
		w->closing = is_close_frame(data, len);
		if (w->closing)
			wire_touch(w);
		return;
	}
	while (!w->dead && !w->closing && done < len) {
		rc = ws_parse_next(&ws->parser, data + done, len - done, &item, &used);
		if (rc < 0 && ws->state == OPEN)
			refuse(w, ws->parser.code);
		if (rc <= 0)
			return;
		done += used;
		on_item(w, &item);
	}
}

/* --- pings --- */

void wire_ws_tick(struct plane *plane)
{
	uint64_t ping_ms = (uint64_t)plane->opt->ws_ping_ms;
	char text[ADDR_STRLEN];
	struct ws_link *ws;

	while ((ws = TAILQ_FIRST(&plane->websockets)) && ws->due_ms <= plane->now_ms) {
		struct wire *w = ws->wire;

		unlist(ws);
		list(ws);
		if (ws->state != OPEN)
			continue;
		if (!ws->asked) {
			ws->asked = ws->ping = true;
			ws->asked_ms = wire_clock(w);
			wire_touch(w);
		} else if (wire_clock(w) - ws->asked_ms >= ping_ms) {
			log_info("WebSocket of %s is silent and is closed",
				 addr_format(conn_peer(w->conn), text));
			wire_close(w);
			plane->ops->lost(w, CTL_LOST_IDLE);
		}
	}
}
