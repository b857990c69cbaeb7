/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/wire_bundle: many connections in one call, short and failed ones among them. */
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
#include "mrfp/wire_bundle.h"

#define LEGS 30 /* no more than libevent reports in its first turn */

struct world {
	struct fake_plane f;
	struct session *legs[LEGS];
	int peers[LEGS];
};

static void turn(struct world *w)
{
	event_base_loop(w->f.plane.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	if (w->f.plane.bundle)
		bundle_read(&w->f.plane);
	fanout_run(&w->f.plane);
}

static void bind_all(struct world *w)
{
	for (int i = 0; i < LEGS; i++) {
		struct session *s = w->legs[i];
		char *text = xasprintf(
			"MSRP bind%04d SEND\r\nTo-Path: %s\r\nFrom-Path: %s\r\nMessage-ID: mmmm%d\r\n"
			"Byte-Range: 1-0/0\r\n-------bind%04d$\r\n",
			i, s->local_uri, s->remote_path, i, i);

		assert_int_equal(write(w->peers[i], text, strlen(text)), strlen(text));
		free(text);
	}
	turn(w);
	for (int i = 0; i < LEGS; i++)
		assert_int_equal(w->legs[i]->state, SESSION_BOUND);
}

static void open_world(struct world *w)
{
	struct uring *ring;
	struct addr at;

	memset(w, 0, sizeof(*w));
	if (uring_open(&ring))
		skip();
	fake_plane_open(&w->f);
	w->f.plane.base = event_base_new();
	w->f.plane.ops = &request_ops;
	w->f.plane.read_buf = xcalloc(1, PLANE_READ_HEADROOM + PLANE_READ_SIZE);
	w->f.plane.bundle = bundle_new(ring);
	w->f.opt.send_buffer = 8192;
	w->f.opt.log_bytes = 8 << 20;
	w->f.opt.high_water = 4 << 20;
	assert_int_equal(addr_from_unix("/peer", &at), 0);
	for (int i = 0; i < LEGS; i++) {
		int fd[2], small = 8192;
		struct session *s = NULL;

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
		assert_int_equal(setsockopt(fd[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)),
				 0);
		fcntl(fd[1], F_SETFL, O_NONBLOCK);
		w->peers[i] = fd[1];
		wire_accept(&w->f.plane, fd[0], &at, CTL_TRANSPORT_TCP);
		assert_int_equal(session_make(w->f.ctx, ++w->f.next_termination, SLICE_NULL, &s),
				 0);
		free(s->remote_path);
		s->remote_path = xasprintf("msrp://127.0.0.1:9/peer%d;tcp", i);
		session_set_state(s, SESSION_WAITING, "test");
		w->legs[i] = s;
	}
	bind_all(w);
}

static void close_world(struct world *w)
{
	struct plane *p = &w->f.plane;
	struct wire *wire;

	for (int i = 0; i < LEGS; i++) {
		hangup(w->legs[i], 0);
		close(w->peers[i]);
	}
	while ((wire = LIST_FIRST(&p->wires)))
		wire_close(wire);
	fake_check_sums(&w->f);
	fake_plane_close(&w->f);
	wire_reap(p);
	event_base_loop(p->base, EVLOOP_NONBLOCK);
	event_base_free(p->base);
	bundle_free(&p->bundle);
	free(p->read_buf);
}

static void publish(struct world *w, int stream, size_t len)
{
	struct outmsg m = {.stream = stream, .total = len};
	char *body = xcalloc(1, len);

	memset(body, 'x', len);
	m.meta.admit = UINT64_MAX;
	m.content_type = xstrdup("message/cpim");
	publish_begin(w->f.ctx, &m);
	publish_chunk(w->f.ctx, &m, 1, slice_make(body, len), '$', true);
	outmsg_fini(&m);
	free(body);
}

/* Octets that wait at a peer; they are taken. */
static size_t drain(int fd)
{
	char part[65536];
	size_t sum = 0;
	ssize_t n;

	while ((n = read(fd, part, sizeof(part))) > 0)
		sum += (size_t)n;
	return sum;
}

static void a_message_for_all_is_one_call(void **state)
{
	struct world w;
	int64_t calls;

	(void)state;
	open_world(&w);
	for (int i = 0; i < LEGS; i++)
		assert_true(drain(w.peers[i]) > 0); /* the 200 of the bind */
	calls = *w.f.plane.stats.io_batches;
	publish(&w, STREAM_CHAT, 100);
	turn(&w);
	assert_int_equal(*w.f.plane.stats.io_batches, calls + 1);
	for (int i = 0; i < LEGS; i++) {
		size_t n = drain(w.peers[i]);
		assert_in_range(n, 200, 500);
		assert_int_equal(w.legs[i]->cur[STREAM_CHAT].seq, 1);
	}
	assert_int_equal(w.f.plane.due, LEGS);
	close_world(&w);
}

static void who_takes_a_part_gets_the_rest_and_who_is_gone_is_lost(void **state)
{
	struct world w;
	size_t got = 0, other = 0;

	(void)state;
	open_world(&w);
	for (int i = 0; i < LEGS; i++)
		drain(w.peers[i]);
	shutdown(w.peers[1], SHUT_RDWR);
	for (int i = 0; i < 8; i++)
		publish(&w, STREAM_CHAT, 16384);
	fanout_run(&w.f.plane); /* before the loop tells of the end */
	assert_int_equal(w.legs[1]->state, SESSION_LOST);
	assert_true(w.legs[0]->wire->blocked);
	for (int quiet = 0; quiet < 3;) {
		size_t n = drain(w.peers[0]);
		got += n;
		quiet = n ? 0 : quiet + 1;
		other += drain(w.peers[9]); /* its path is as long */
		turn(&w);
	}
	assert_false(w.legs[0]->wire->blocked);
	assert_in_range(got, 8 * 16384, 9 * 16384);
	assert_int_equal(got, other);
	close_world(&w);
}

static void on_nickname(struct session *s, struct slice tid, struct slice paths, int status)
{
	(void)s, (void)tid, (void)paths, (void)status;
}

/*
 * The kernel has room again, and the tick comes before the write that fills it: the connection is
 * still looked at, and cut when it takes nothing more. covers: SW-082
 */
static void who_takes_a_part_during_a_tick_and_then_nothing_is_cut(void **state)
{
	struct world w;
	struct plane *p = &w.f.plane;
	struct wire *wire;

	(void)state;
	open_world(&w);
	p->nicknames = nicknames_new(p, on_nickname);
	for (int i = 0; i < 8; i++)
		publish(&w, STREAM_CHAT, 16384);
	fanout_run(p);
	wire = w.legs[0]->wire;
	assert_true(wire->blocked);
	assert_true(drain(w.peers[0]) > 0);
	event_base_loop(p->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_false(wire->blocked);
	watch_tick(p);
	fanout_run(p);
	assert_true(wire->blocked);
	p->now_ms = wire->moved_ms + (uint64_t)w.f.opt.grace_ms - 1;
	watch_tick(p);
	assert_false(wire->dead);
	p->now_ms++;
	watch_tick(p);
	assert_true(wire->dead);
	assert_int_equal(w.legs[0]->state, SESSION_LOST);
	nicknames_free(&p->nicknames);
	close_world(&w);
}

/* Frames of many peers at once, one of them longer than what one read of the batch holds. */
static void what_all_say_at_once_is_heard(void **state)
{
	struct world w;
	static char body[40000];
	int64_t calls;

	(void)state;
	open_world(&w);
	memset(body, 'b', sizeof(body) - 1);
	for (int i = 0; i < LEGS; i++)
		drain(w.peers[i]);
	calls = *w.f.plane.stats.io_batches;
	for (int i = 0; i < LEGS; i++) {
		struct session *s = w.legs[i];
		char *text = xasprintf("MSRP ping%04d SEND\r\nTo-Path: %s\r\nFrom-Path: %s\r\n"
				       "Message-ID: ping%d\r\nByte-Range: 1-%zu/%zu\r\n"
				       "Content-Type: text/plain\r\n\r\n%s\r\n-------ping%04d$\r\n",
				       i, s->local_uri, s->remote_path, i, i ? 0 : strlen(body),
				       i ? 0 : strlen(body), i ? "" : body, i);
		int big = 200000;

		setsockopt(w.peers[i], SOL_SOCKET, SO_SNDBUF, &big, sizeof(big));
		assert_int_equal(write(w.peers[i], text, strlen(text)), strlen(text));
		free(text);
	}
	turn(&w);
	assert_int_equal(*w.f.plane.stats.io_batches, calls + 2); /* one to read, one to answer */
	for (int i = 0; i < LEGS; i++) {
		assert_int_equal(w.legs[i]->state, SESSION_BOUND);
		assert_in_range(drain(w.peers[i]), 60, 1000);
	}
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_for_all_is_one_call),
		cmocka_unit_test(who_takes_a_part_gets_the_rest_and_who_is_gone_is_lost),
		cmocka_unit_test(who_takes_a_part_during_a_tick_and_then_nothing_is_cut),
		cmocka_unit_test(what_all_say_at_once_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
