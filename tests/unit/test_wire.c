/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/wire, wire_send and request on a real stream: sharing, order, what a leaver leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <fcntl.h>
#include <unistd.h>

#include "fake_plane.h"
#include "mrfp/fanout.h"
#include "mrfp/nickname.h"
#include "mrfp/publish.h"
#include "mrfp/request.h"
#include "mrfp/watch.h"
#include "proto/msrp_parse.h"

#define FRAMES_MAX 512

struct frame {
	char tid[MSRP_TID_MAX + 1];
	char to[128];
	int status;
	char flag;
	uint64_t len;
	char first; /* octet of the body */
};

struct world {
	struct fake_plane f;
	struct wire *wire;
	int peer;
	struct bytes got;
	struct frame frames[FRAMES_MAX];
	size_t n_frames;
};

static void open_world(struct world *w)
{
	int fd[2], small = 8192;
	struct addr at;

	memset(w, 0, sizeof(*w));
	fake_plane_open(&w->f);
	w->f.plane.base = event_base_new();
	w->f.plane.ops = &request_ops;
	w->f.plane.read_buf = xcalloc(1, PLANE_READ_HEADROOM + PLANE_READ_SIZE);
	w->f.opt.send_buffer = 8192;
	w->f.opt.log_bytes = 8 << 20;
	w->f.opt.high_water = 4 << 20;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	assert_int_equal(setsockopt(fd[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	assert_int_equal(addr_from_unix("/peer", &at), 0);
	w->wire = wire_accept(&w->f.plane, fd[0], &at, CTL_TRANSPORT_TCP);
	w->peer = fd[1];
	fcntl(w->peer, F_SETFL, O_NONBLOCK);
}

static void close_world(struct world *w)
{
	struct plane *p = &w->f.plane;
	struct session *s;

	TAILQ_FOREACH(s, &w->f.ctx->sessions, in_context) {
		if (s->wire == w->wire)
			hangup(s, 0);
	}
	if (w->wire)
		wire_close(w->wire);
	fake_plane_close(&w->f);
	wire_reap(p);
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

/* Read and cut into frames all that the switch has for us. */
static void drain(struct world *w)
{
	struct msrp_parser p;
	struct msrp_item item;
	char part[65536];
	size_t used, at = 0;
	ssize_t n;

	for (int quiet = 0; quiet < 3;) {
		turn(w);
		n = read(w->peer, part, sizeof(part));
		if (n > 0)
			bytes_add(&w->got, part, (size_t)n);
		quiet = n > 0 ? 0 : quiet + 1;
	}
	w->n_frames = 0;
	msrp_parser_init(&p, &msrp_limits_default);
	while (at < w->got.len) {
		struct frame *f = &w->frames[w->n_frames];

		assert_int_equal(
			msrp_parse_next(&p, slice_from(bytes_slice(&w->got), at), &item, &used), 1);
		at += used;
		if (item.type == MSRP_ITEM_HEAD) {
			assert_int_equal(item.head.error, 0);
			memset(f, 0, sizeof(*f));
			assert_int_equal(slice_copy(item.head.tid, f->tid, sizeof(f->tid)), 0);
			assert_int_equal(slice_copy(item.head.to_path, f->to, sizeof(f->to)), 0);
			f->status = item.head.status;
		} else if (item.type == MSRP_ITEM_BODY) {
			f->first = f->len ? f->first : item.piece.ptr[0];
			f->len += item.piece.len;
		} else {
			f->flag = item.flag;
			assert_true(++w->n_frames < FRAMES_MAX);
		}
	}
	bytes_fini(&w->got);
}

static void say(struct world *w, const char *text)
{
	assert_int_equal(write(w->peer, text, strlen(text)), strlen(text));
	turn(w);
}

/* A session that the peer binds over the one connection. */
static struct session *bind_one(struct world *w, const char *name)
{
	struct session *s = NULL;
	char *text;

	assert_int_equal(session_make(w->f.ctx, ++w->f.next_termination, SLICE_NULL, &s), 0);
	free(s->remote_path);
	s->remote_path = xasprintf("msrp://127.0.0.1:9/%s;tcp", name);
	session_set_state(s, SESSION_WAITING, "test");
	text = xasprintf("MSRP bind%s SEND\r\nTo-Path: %s\r\nFrom-Path: %s\r\nMessage-ID: m%s\r\n"
			 "Byte-Range: 1-0/0\r\n-------bind%s$\r\n",
			 name, s->local_uri, s->remote_path, name, name);
	say(w, text);
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

/* covers: MSRP-045, MSRP-003 */
static void two_legs_of_a_room_on_one_connection_get_ids_of_their_own(void **state)
{
	struct world w;
	struct session *a, *b;
	char *reply;

	(void)state;
	open_world(&w);
	a = bind_one(&w, "aaaa");
	b = bind_one(&w, "bbbb");
	assert_int_equal(w.f.n_events, 2);
	drain(&w);
	assert_int_equal(w.n_frames, 2);
	assert_int_equal(w.frames[0].status, 200);
	publish(&w, STREAM_CHAT, 1, 10, 'x');
	drain(&w);
	assert_int_equal(w.n_frames, 2);
	assert_string_not_equal(w.frames[0].tid, w.frames[1].tid);
	assert_string_not_equal(w.frames[0].to, w.frames[1].to);
	for (int i = 0; i < 2; i++) { /* each answer settles its own leg */
		reply = xasprintf(
			"MSRP %s 200 OK\r\nTo-Path: %s\r\nFrom-Path: %s\r\n-------%s$\r\n",
			w.frames[i].tid, a->local_uri, w.frames[i].to, w.frames[i].tid);
		say(&w, reply);
		assert_int_equal(*w.f.plane.stats.open[CPIM_CHAT], 1 - i);
		free(reply);
	}
	assert_true(a->copies_delivered == 1 && b->copies_delivered == 1);
	fake_check_sums(&w.f);
	close_world(&w);
}

/* covers: MSRP-064, SW-083 */
static void chat_passes_bulk_at_the_next_chunk(void **state)
{
	struct world w;
	size_t chat = 0;

	(void)state;
	open_world(&w);
	bind_one(&w, "aaaa");
	drain(&w);
	publish(&w, STREAM_BULK, 60, 16384, 'B');
	turn(&w);
	assert_true(w.wire->blocked);
	publish(&w, STREAM_CHAT, 1, 10, 'c');
	drain(&w);
	assert_int_equal(w.n_frames, 61);
	while (w.frames[chat].first != 'c')
		chat++;
	assert_true(chat < 50);
	assert_int_equal(w.frames[60].flag, '$');
	close_world(&w);
}

/* covers: MSRP-050, MSRP-022 */
static void a_leg_that_leaves_in_the_middle_of_a_frame_leaves_no_torn_stream(void **state)
{
	struct world w;
	struct session *a, *b;
	size_t for_b = 0;

	(void)state;
	open_world(&w);
	a = bind_one(&w, "aaaa");
	b = bind_one(&w, "bbbb");
	drain(&w);
	publish(&w, STREAM_BULK, 30, 16384, 'B');
	turn(&w);
	assert_non_null(w.wire->mid_session);
	hangup(w.wire->mid_session, 0);
	drain(&w);
	for (size_t i = 0; i < w.n_frames; i++)
		for_b += w.frames[i].len == 16384;
	assert_in_range(for_b, 30, 60);
	assert_true(a->wire == NULL || b->wire == NULL);
	assert_ptr_equal(LIST_FIRST(&w.wire->sessions), a->wire ? a : b);
	fake_check_sums(&w.f);
	close_world(&w);
}

static void on_nickname(struct session *s, struct slice tid, struct slice paths, int status)
{
	(void)s, (void)tid, (void)paths, (void)status;
}

/* covers: MSRP-042, SW-082 */
static void a_silent_and_a_stalled_connection_are_closed_in_their_time(void **state)
{
	struct world w;
	char octet;

	(void)state;
	open_world(&w);
	w.f.plane.nicknames = nicknames_new(&w.f.plane, on_nickname);
	turn(&w);
	assert_int_equal(read(w.peer, &octet, 1), -1); /* says nothing unasked */
	w.f.plane.now_ms = w.wire->unbound_ms + (uint64_t)w.f.opt.bind_timeout_ms - 1;
	watch_tick(&w.f.plane);
	assert_false(w.wire->dead);
	bind_one(&w, "aaaa");
	publish(&w, STREAM_BULK, 60, 16384, 'B');
	turn(&w);
	assert_true(w.wire->blocked);
	w.f.plane.now_ms = w.wire->moved_ms + (uint64_t)w.f.opt.grace_ms - 1;
	watch_tick(&w.f.plane);
	assert_false(w.wire->dead);
	w.f.plane.now_ms++;
	watch_tick(&w.f.plane);
	assert_true(w.wire->dead);
	assert_int_equal(w.f.last.event, CTL_EVENT_LOST);
	assert_int_equal(w.f.last.cause, CTL_LOST_SLOW);
	fake_check_sums(&w.f);
	nicknames_free(&w.f.plane.nicknames);
	w.wire = NULL;
	close_world(&w);

	open_world(&w);
	w.f.plane.nicknames = nicknames_new(&w.f.plane, on_nickname);
	w.f.plane.now_ms = w.wire->unbound_ms + (uint64_t)w.f.opt.bind_timeout_ms;
	watch_tick(&w.f.plane);
	assert_true(w.wire->dead);
	nicknames_free(&w.f.plane.nicknames);
	w.wire = NULL;
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_legs_of_a_room_on_one_connection_get_ids_of_their_own),
		cmocka_unit_test(chat_passes_bulk_at_the_next_chunk),
		cmocka_unit_test(a_leg_that_leaves_in_the_middle_of_a_frame_leaves_no_torn_stream),
		cmocka_unit_test(a_silent_and_a_stalled_connection_are_closed_in_their_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
