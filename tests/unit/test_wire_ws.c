/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/wire_ws on a real stream: one chunk a message both ways, a peer that reads little by little. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/clock.h"
#include "fake_plane.h"
#include "mrfp/fanout.h"
#include "mrfp/nickname.h"
#include "mrfp/publish.h"
#include "mrfp/request.h"
#include "mrfp/watch.h"
#include "proto/msrp_parse.h"
#include "proto/ws.h"

#define HELLO                                                                                      \
	"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"               \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: msrp\r\n"          \
	"Sec-WebSocket-Version: 13\r\n\r\n"

struct world {
	struct fake_plane f;
	struct wire *wire;
	int peer;
	uint64_t opened_ms;
	struct bytes got; /* from the switch, not looked at yet */
	/* What the last look() found. */
	unsigned n_chunks, n_pings, n_pongs;
	unsigned code; /* of the Close frame */
	size_t n_bulk, n_chat;
	bool ended;
};

static void open_world(struct world *w)
{
	int fd[2], small = 4096;
	struct addr at;

	memset(w, 0, sizeof(*w));
	fake_plane_open(&w->f);
	w->f.plane.base = event_base_new();
	w->f.plane.ops = &request_ops;
	w->f.plane.read_buf = xcalloc(1, PLANE_READ_HEADROOM + PLANE_READ_SIZE);
	w->f.opt.send_buffer = 8192;
	w->f.opt.log_bytes = 8 << 20;
	w->f.opt.high_water = 4 << 20;
	w->f.opt.ws_origins = (char *)(uintptr_t) "";
	w->f.opt.ws_ping_ms = 30000;
	w->f.plane.places.item[0].ws_host = (char *)(uintptr_t) "chat.example.com";
	w->f.plane.places.item[0].ws_port = 443;
	w->f.plane.nicknames = nicknames_new(&w->f.plane, NULL);
	w->f.plane.now_ms = w->opened_ms = clock_now_ms(); /* as events of the loop set it */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	assert_int_equal(setsockopt(fd[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	assert_int_equal(addr_from_unix("/peer", &at), 0);
	w->wire = wire_accept_ws(&w->f.plane, fd[0], &at, false);
	w->peer = fd[1];
	fcntl(w->peer, F_SETFL, O_NONBLOCK);
}

static void close_world(struct world *w)
{
	struct plane *p = &w->f.plane;
	struct session *s;

	TAILQ_FOREACH(s, &w->f.ctx->sessions, in_context) {
		if (s->wire)
			hangup(s, 0);
	}
	while (LIST_FIRST(&p->wires))
		wire_close(LIST_FIRST(&p->wires));
	assert_int_equal(*p->stats.websockets, 0);
	fake_plane_close(&w->f);
	wire_reap(p);
	nicknames_free(&p->nicknames);
	event_base_loop(p->base, EVLOOP_NONBLOCK);
	event_base_free(p->base);
	free(p->read_buf);
	bytes_fini(&w->got);
	close(w->peer);
}

static void turn(struct world *w)
{
	event_base_loop(w->f.plane.base, EVLOOP_NONBLOCK);
	fanout_run(&w->f.plane);
}

/* A message must be one chunk, whole. */
static void look_at_chunk(struct world *w, struct slice in)
{
	struct msrp_parser p;
	struct msrp_item item = {.type = MSRP_ITEM_HEAD};
	size_t used;

	msrp_parser_init(&p, &msrp_limits_default);
	while (in.len > 0) {
		assert_int_not_equal(item.type, MSRP_ITEM_END);
		assert_int_equal(msrp_parse_next(&p, in, &item, &used), 1);
		in = slice_from(in, used);
		if (item.type == MSRP_ITEM_BODY) {
			w->n_bulk += item.piece.ptr[0] == 'B' ? item.piece.len : 0;
			w->n_chat += item.piece.ptr[0] == 'c' ? item.piece.len : 0;
		}
	}
	assert_int_equal(item.type, MSRP_ITEM_END);
	w->n_chunks++;
}

static void look_at_frames(struct world *w)
{
	struct bytes message = BYTES_INIT;
	struct ws_parser p;
	struct ws_item item;
	size_t used, at = 0;

	ws_parser_init(&p, false, 1 << 20);
	while (at < w->got.len) {
		assert_int_equal(ws_parse_next(&p, w->got.data + at, w->got.len - at, &item, &used),
				 1);
		at += used;
		w->n_pings += item.type == WS_ITEM_PING;
		w->n_pongs += item.type == WS_ITEM_PONG;
		if (item.type == WS_ITEM_CLOSE)
			w->code = item.code;
		if (item.type != WS_ITEM_DATA)
			continue;
		assert_int_equal(w->code, 0);
		bytes_add(&message, item.piece, item.len);
		if (item.last) {
			look_at_chunk(w, bytes_slice(&message));
			bytes_reset(&message);
		}
	}
	assert_int_equal(message.len, 0);
	bytes_fini(&message);
	bytes_fini(&w->got);
}

/* Read all that comes, at most step octets a turn. */
static void drain(struct world *w, size_t step)
{
	char part[65536];
	ssize_t n;

	for (int quiet = 0; quiet < 3;) {
		turn(w);
		n = read(w->peer, part, step);
		if (n > 0)
			bytes_add(&w->got, part, (size_t)n);
		w->ended = w->ended || n == 0;
		quiet = n > 0 ? 0 : quiet + 1;
	}
}

static void look(struct world *w, size_t step)
{
	drain(w, step);
	w->n_chunks = w->n_pings = w->n_pongs = w->code = 0;
	w->n_bulk = w->n_chat = 0;
	look_at_frames(w);
}

static void add_frame(struct bytes *b, unsigned first, const void *data, size_t len)
{
	const uint8_t key[4] = {1, 2, 3, 4}, *in = data;

	bytes_add_u8(b, (uint8_t)first);
	bytes_add_u8(b, (uint8_t)(0x80 | (len > 125 ? 126 : len)));
	if (len > 125)
		bytes_add_u16(b, (uint16_t)len);
	bytes_add(b, key, 4);
	for (size_t i = 0; i < len; i++)
		bytes_add_u8(b, in[i] ^ key[i & 3]);
}

/* Octets to the switch, step at a time; consumes b. */
static void say(struct world *w, struct bytes *b, size_t step)
{
	for (size_t at = 0; at < b->len; at += step) {
		size_t n = b->len - at < step ? b->len - at : step;

		assert_int_equal(write(w->peer, b->data + at, n), n);
		turn(w);
	}
	bytes_fini(b);
}

static void greet(struct world *w, size_t step)
{
	struct bytes b = BYTES_INIT;

	bytes_add_str(&b, HELLO);
	say(w, &b, step);
	drain(w, 65536);
	assert_true(slice_starts(bytes_slice(&w->got), SLICE_LIT("HTTP/1.1 101 ")));
	bytes_fini(&w->got);
}

static char *request(const struct session *s, const char *tid, const char *extra)
{
	return xasprintf("MSRP %s SEND\r\nTo-Path: %s\r\nFrom-Path: %s\r\nMessage-ID: m%s\r\n"
			 "Byte-Range: 1-0/0\r\n-------%s$\r\n%s",
			 tid, s->local_uri, s->remote_path, tid, tid, extra);
}

static struct session *expect_one(struct world *w, const char *name)
{
	struct session *s = NULL;

	assert_int_equal(session_make(w->f.ctx, ++w->f.next_termination, SLICE_NULL, &s), 0);
	session_set_place(s, CTL_TRANSPORT_WS, 0);
	free(s->remote_path);
	s->remote_path = xasprintf("msrps://%s.invalid:2855/%s;ws", name, name);
	session_set_state(s, SESSION_WAITING, "test");
	return s;
}

static struct session *bind_one(struct world *w, const char *name)
{
	struct session *s = expect_one(w, name);
	struct bytes b = BYTES_INIT;
	char *text = request(s, name, "");

	add_frame(&b, 0x82, text, strlen(text));
	say(w, &b, 4096);
	free(text);
	assert_int_equal(s->state, SESSION_BOUND);
	return s;
}

static void publish(struct world *w, int stream, unsigned n_chunks, size_t len, char fill)
{
	struct outmsg m = {.stream = stream, .total = (uint64_t)n_chunks * len};
	char *body = xcalloc(1, len);

	memset(body, fill, len);
	m.meta.admit = UINT64_MAX;
	m.content_type = xstrdup("message/cpim");
	publish_begin(w->f.ctx, &m);
	for (unsigned i = 0; i < n_chunks; i++) {
		bool last = i + 1 == n_chunks;
		publish_chunk(w->f.ctx, &m, 1 + (uint64_t)i * len, slice_make(body, len),
			      last ? '$' : '+', last);
	}
	outmsg_fini(&m);
	free(body);
}

/* covers: WS-003, WS-004, WS-005 */
static void a_chunk_in_any_cut_of_frames_and_reads_is_taken(void **state)
{
	static const size_t steps[] = {1, 2, 3, 7, 64, 4096};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct world w;
		struct bytes b = BYTES_INIT;
		struct session *s;
		char *text;

		open_world(&w);
		greet(&w, steps[i]);
		s = expect_one(&w, "alice");
		text = request(s, "one1", "");
		add_frame(&b, 0x01, text, 5);
		add_frame(&b, 0x89, "abc", 3);
		add_frame(&b, 0x00, text + 5, 40);
		add_frame(&b, 0x00, "", 0);
		add_frame(&b, 0x80, text + 45, strlen(text) - 45);
		free(text);
		text = request(s, "two2", "");
		add_frame(&b, 0x82, text, strlen(text));
		free(text);
		say(&w, &b, steps[i]);
		assert_int_equal(s->state, SESSION_BOUND);
		look(&w, steps[i]);
		assert_true(w.n_chunks == 2 && w.n_pongs == 1 && !w.code);
		close_world(&w);
	}
}

/* covers: WS-004 */
static void more_or_less_than_a_chunk_ends_the_connection(void **state)
{
	static const char *const more[] = {"\r\n", "M", "MSRP next SEND\r\n"};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(more) + 3; i++) {
		struct world w;
		struct bytes b = BYTES_INIT;
		struct session *s;
		char *text;

		open_world(&w);
		greet(&w, 4096);
		s = bind_one(&w, "alice");
		look(&w, 4096);
		text = request(s, "one1", i < 2 * ARRAY_LEN(more) ? more[i / 2] : "");
		if (i < 2 * ARRAY_LEN(more) &&
		    i % 2) { /* what is too much has a fragment of its own */
			size_t n = strlen(text) - strlen(more[i / 2]);
			add_frame(&b, 0x02, text, n);
			add_frame(&b, 0x80, text + n, strlen(more[i / 2]));
		} else if (i < 2 * ARRAY_LEN(more)) {
			add_frame(&b, 0x82, text, strlen(text));
		} else if (i == 2 * ARRAY_LEN(more)) {
			add_frame(&b, 0x82, text, strlen(text) - 1);
		} else if (i == 2 * ARRAY_LEN(more) + 1) {
			add_frame(&b, 0x82, "", 0);
		} else {
			add_frame(&b, 0x82, "GET / HTTP/1.1\r\n", 16);
		}
		free(text);
		say(&w, &b, 4096);
		look(&w, 4096);
		assert_int_equal(w.code, WS_CODE_PAYLOAD);
		assert_int_equal(s->state, SESSION_LOST);
		assert_false(w.ended); /* it waits for our Close frame, not for ever */
		w.f.plane.now_ms = w.wire->unbound_ms + 2000;
		watch_tick(&w.f.plane);
		drain(&w, 4096);
		assert_true(w.ended);
		close_world(&w);
	}
}

/* covers: WS-006, MSRP-064 */
static void a_slow_reader_gets_whole_chunks_and_chat_first(void **state)
{
	static const size_t steps[] = {1, 3, 1000, 65536};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		unsigned n = steps[i] < 1000 ? 2 : 40;
		struct bytes b = BYTES_INIT;
		struct world w;

		open_world(&w);
		greet(&w, 4096);
		bind_one(&w, "alice");
		publish(&w, STREAM_BULK, n, 16384, 'B');
		turn(&w);
		assert_true(w.wire->blocked && w.wire->rest);
		publish(&w, STREAM_CHAT, 1, 10, 'c');
		add_frame(&b, 0x89, "now", 3);
		add_frame(&b, 0x89, "then", 4);
		say(&w, &b, 4096);
		look(&w, steps[i]);
		assert_true(w.n_chunks == n + 2 && w.n_pongs == 1);
		assert_true(w.n_bulk == n * 16384u && w.n_chat == 10);
		assert_false(w.wire->blocked);
		close_world(&w);
	}
}

static void sessions_on_one_websocket_take_turns(void **state)
{
	struct world w;
	struct session *a, *b;
	uint64_t lag_a, lag_b;

	(void)state;
	open_world(&w);
	greet(&w, 4096);
	a = bind_one(&w, "alice");
	b = bind_one(&w, "bobby");
	look(&w, 4096);
	publish(&w, STREAM_BULK, 20, 16384, 'B');
	for (int i = 0; i < 40; i++) {
		char part[4096];

		turn(&w);
		assert_true(read(w.peer, part, sizeof(part)) != 0);
	}
	lag_a = session_lag(a);
	lag_b = session_lag(b);
	assert_true(lag_a > 0 && lag_b > 0);
	assert_in_range(lag_a > lag_b ? lag_a - lag_b : lag_b - lag_a, 0, 2 * 17000);
	fake_check_sums(&w.f);
	close_world(&w);
}

static void tick_at(struct world *w, uint64_t ms)
{
	w->f.plane.now_ms = w->opened_ms + ms;
	watch_tick(&w->f.plane);
	look(w, 4096);
}

/* covers: WS-005 */
static void a_ping_is_sent_and_who_stays_silent_is_closed(void **state)
{
	struct world w;
	struct bytes b = BYTES_INIT;
	struct session *s;

	(void)state;
	open_world(&w);
	greet(&w, 4096);
	s = bind_one(&w, "alice");
	look(&w, 4096);
	tick_at(&w, 29000);
	assert_int_equal(w.n_pings, 0);
	tick_at(&w, 30000);
	assert_int_equal(w.n_pings, 1);
	add_frame(&b, 0x8a, "", 0);
	say(&w, &b, 4096);
	tick_at(&w, 61000);
	assert_int_equal(w.n_pings, 1);
	assert_false(w.ended);
	tick_at(&w, 92000);
	assert_true(w.ended && w.code == WS_CODE_GOING_AWAY);
	assert_int_equal(s->state, SESSION_LOST);
	assert_int_equal(w.f.last.cause, CTL_LOST_IDLE);
	close_world(&w);
}

/* covers: WS-011 */
static void a_close_frame_is_answered_with_its_code(void **state)
{
	struct world w;
	struct bytes b = BYTES_INIT;
	struct session *s;

	(void)state;
	open_world(&w);
	greet(&w, 4096);
	s = bind_one(&w, "alice");
	look(&w, 4096);
	publish(&w, STREAM_BULK, 5, 16384, 'B');
	turn(&w); /* amid a chunk: that is finished, nothing follows */
	add_frame(&b, 0x88, "\x03\xe8", 2);
	add_frame(&b, 0x82, "too late", 8);
	say(&w, &b, 4096);
	assert_int_equal(s->state, SESSION_LOST);
	look(&w, 4096);
	assert_true(w.ended && w.code == WS_CODE_NORMAL);
	assert_in_range(w.n_bulk, 1, 2 * 16384);
	fake_check_sums(&w.f);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chunk_in_any_cut_of_frames_and_reads_is_taken),
		cmocka_unit_test(more_or_less_than_a_chunk_ends_the_connection),
		cmocka_unit_test(a_slow_reader_gets_whole_chunks_and_chat_first),
		cmocka_unit_test(sessions_on_one_websocket_take_turns),
		cmocka_unit_test(a_ping_is_sent_and_who_stays_silent_is_closed),
		cmocka_unit_test(a_close_frame_is_answered_with_its_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
