/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/conn: socket pairs and loopback connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/conn.h"
#include "common/listener.h"

struct seen {
	struct event_base *base;
	struct conn *c;
	unsigned n_connected, n_readable, n_writable, n_failed;
	char data[64];
	size_t n_data;
	ssize_t last_read;
	bool free_on_event;
};

static void on_event(struct conn *c, enum conn_event ev, void *arg)
{
	struct seen *s = arg;

	s->n_connected += ev == CONN_CONNECTED;
	s->n_readable += ev == CONN_READABLE;
	s->n_writable += ev == CONN_WRITABLE;
	s->n_failed += ev == CONN_FAILED;
	if (ev == CONN_READABLE) {
		s->last_read = conn_read(c, s->data + s->n_data, sizeof(s->data) - s->n_data);
		if (s->last_read > 0)
			s->n_data += (size_t)s->last_read;
	}
	if (s->free_on_event)
		conn_free(&s->c);
	event_base_loopbreak(s->base);
}

static const struct addr nobody = {.sa = {.sa_family = AF_UNIX}, .len = sizeof(sa_family_t)};

/* A stream over one end of a pair; the other end is returned. */
static int pair_up(struct seen *s)
{
	int fds[2];

	*s = (struct seen){.base = event_base_new()};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	s->c = conn_accept(s->base, fds[0], &nobody, on_event, s);
	return fds[1];
}

static void tear_down(struct seen *s)
{
	conn_free(&s->c);
	event_base_free(s->base);
}

static void bytes_arrive_and_the_end_reads_as_zero(void **state)
{
	struct seen s;
	int other = pair_up(&s);
	char one;

	(void)state;
	assert_int_equal(conn_read(s.c, &one, 1), -ERR_AGAIN);
	assert_int_equal(write(other, "hello", 5), 5);
	event_base_dispatch(s.base);
	assert_int_equal(s.n_data, 5);
	assert_memory_equal(s.data, "hello", 5);
	close(other);
	event_base_dispatch(s.base);
	assert_int_equal(s.last_read, 0);
	assert_false(conn_is_secure(s.c));
	tear_down(&s);
}

static void a_paused_stream_does_not_report_bytes(void **state)
{
	struct seen s;
	int other = pair_up(&s);

	(void)state;
	conn_want_read(s.c, false);
	conn_want_read(s.c, false);
	assert_int_equal(write(other, "x", 1), 1);
	event_base_loop(s.base, EVLOOP_NONBLOCK);
	assert_int_equal(s.n_readable, 0);
	conn_want_read(s.c, true);
	event_base_dispatch(s.base);
	assert_int_equal(s.n_readable, 1);
	close(other);
	tear_down(&s);
}

static void a_full_stream_takes_what_fits_and_tells_when_there_is_room(void **state)
{
	static char block[65536];
	struct iovec iov[2] = {{block, sizeof(block)}, {block, sizeof(block)}};
	struct seen s;
	int other = pair_up(&s);
	ssize_t n;
	size_t total = 0;

	(void)state;
	conn_set_sndbuf(s.c, 32768);
	while ((n = conn_writev(s.c, iov, 2)) > 0)
		total += (size_t)n;
	assert_int_equal(n, -ERR_AGAIN);
	assert_true(total > 0);
	conn_want_write(s.c, true);
	event_base_loop(s.base, EVLOOP_NONBLOCK);
	assert_int_equal(s.n_writable, 0);
	while (total > 0) {
		n = read(other, block, sizeof(block));
		assert_true(n > 0);
		total -= (size_t)n;
	}
	event_base_dispatch(s.base);
	event_base_dispatch(s.base);
	assert_int_equal(s.n_writable, 2); /* armed until switched off */
	conn_want_write(s.c, false);
	event_base_loop(s.base, EVLOOP_NONBLOCK);
	assert_int_equal(s.n_writable, 2);
	assert_int_equal(conn_writev(s.c, iov, 0), 0);
	close(other);
	tear_down(&s);
}

static void writing_to_a_gone_peer_is_an_error_and_no_signal(void **state)
{
	struct iovec iov = {(char[]){"x"}, 1};
	struct seen s;
	int other = pair_up(&s);

	(void)state;
	close(other);
	assert_int_equal(conn_writev(s.c, &iov, 1), -ERR_IO);
	assert_int_equal(conn_errno(s.c), EPIPE);
	tear_down(&s);
}

static void a_stream_may_be_freed_in_its_own_callback(void **state)
{
	struct seen s;
	int other = pair_up(&s);
	char one;

	(void)state;
	s.free_on_event = true;
	conn_want_write(s.c, true); /* both events are due in this turn; only one may come */
	assert_int_equal(write(other, "x", 1), 1);
	event_base_dispatch(s.base);
	assert_null(s.c);
	assert_int_equal(s.n_readable + s.n_writable, 1);
	event_base_dispatch(s.base);
	assert_int_equal(s.n_readable + s.n_writable, 1);
	assert_true(read(other, &one, 1) <= 0); /* closed at once */
	close(other);
	tear_down(&s);
}

static void a_stream_freed_after_the_last_turn_leaks_nothing(void **state)
{
	struct seen s;
	int other = pair_up(&s);

	(void)state;
	tear_down(&s); /* no loop turn between; the leak checker looks */
	close(other);
}

static void on_accept(int fd_take, const struct addr *peer, void *arg)
{
	(void)peer;
	*(int *)arg = fd_take;
}

static int option(struct conn *c, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	assert_int_equal(getsockopt(conn_fd(c), level, name, &value, &len), 0);
	return value;
}

/* covers: IMS-022 */
static void outgoing_streams_connect_over_tcp_and_unix(void **state)
{
	struct addr at[2], local;
	int one = 0;
	socklen_t len = sizeof(one);
	char path[64];

	(void)state;
	assert_int_equal(addr_parse(SLICE_LIT("127.0.0.1:0"), &at[0]), 0);
	snprintf(path, sizeof(path), "/tmp/mrf-conn-%d.sock", (int)getpid());
	assert_int_equal(addr_from_unix(path, &at[1]), 0);
	for (int i = 0; i < 2; i++) {
		struct seen s = {.base = event_base_new()};
		struct listener *l;
		int accepted = -1;
		char got[3] = "";

		assert_int_equal(listener_open(s.base, &at[i], on_accept, &accepted, &l), 0);
		assert_int_equal(conn_connect(s.base, listener_addr(l), 5000, on_event, &s, &s.c),
				 0);
		assert_int_equal(s.n_connected, 0);
		assert_int_equal(conn_writev(s.c, &(struct iovec){"x", 1}, 1), -ERR_AGAIN);
		while (s.n_connected == 0 || accepted < 0)
			event_base_loop(s.base, EVLOOP_ONCE);
		assert_int_equal(s.n_connected, 1);
		assert_true(addr_equal(conn_peer(s.c), listener_addr(l)));
		assert_int_equal(conn_local(s.c, &local), 0);
		assert_int_equal(conn_writev(s.c, &(struct iovec){"hi", 2}, 1), 2);
		assert_int_equal(recv(accepted, got, 2, MSG_WAITALL), 2);
		assert_string_equal(got, "hi");
		if (i == 0) {
			assert_int_equal(
				getsockopt(conn_fd(s.c), IPPROTO_TCP, TCP_NODELAY, &one, &len), 0);
			assert_int_not_equal(one, 0);
			conn_set_keepalive(s.c, 60);
			assert_int_equal(option(s.c, SOL_SOCKET, SO_KEEPALIVE), 1);
			assert_int_equal(option(s.c, IPPROTO_TCP, TCP_KEEPIDLE), 30);
			assert_int_equal(option(s.c, IPPROTO_TCP, TCP_KEEPINTVL), 10);
			assert_int_equal(option(s.c, IPPROTO_TCP, TCP_KEEPCNT), 3);
			assert_int_equal(option(s.c, IPPROTO_TCP, TCP_USER_TIMEOUT), 60000);
		}
		assert_int_equal(write(accepted, "yo", 2), 2);
		event_base_dispatch(s.base); /* reading is on without asking */
		assert_int_equal(s.n_data, 2);
		close(accepted);
		listener_free(&l);
		tear_down(&s);
	}
}

static void a_refused_connection_fails_with_its_errno(void **state)
{
	struct seen s = {.base = event_base_new()};
	struct addr at, real;
	int fd;

	(void)state;
	assert_int_equal(addr_parse(SLICE_LIT("127.0.0.1:0"), &at), 0);
	assert_int_equal(listener_socket(&at, &fd, &real), 0);
	close(fd); /* now nobody listens there */
	assert_int_equal(conn_connect(s.base, &real, 5000, on_event, &s, &s.c), 0);
	event_base_dispatch(s.base);
	assert_int_equal(s.n_failed, 1);
	assert_int_equal(conn_errno(s.c), ECONNREFUSED);
	assert_int_equal(conn_read(s.c, s.data, 1), -ERR_IO);
	assert_int_equal(conn_writev(s.c, &(struct iovec){"x", 1}, 1), -ERR_IO);
	conn_want_read(s.c, false);
	conn_want_read(s.c, true); /* a failed stream stays silent */
	event_base_loop(s.base, EVLOOP_NONBLOCK);
	assert_int_equal(s.n_readable, 0);
	conn_free(&s.c);

	assert_int_equal(addr_from_unix("/tmp/mrf-no-such-folder/x", &at), 0);
	assert_int_equal(conn_connect(s.base, &at, 5000, on_event, &s, &s.c), -ERR_IO);
	assert_int_equal(errno, ENOENT);
	assert_null(s.c);
	tear_down(&s);
}

static void a_silent_peer_times_out(void **state)
{
	struct seen s = {.base = event_base_new()};
	struct addr at, real;
	int listening, fill[8];
	int n = 0;

	(void)state;
	/* A full backlog makes Linux drop further handshakes. */
	assert_int_equal(addr_parse(SLICE_LIT("127.0.0.1:0"), &at), 0);
	assert_int_equal(listener_socket(&at, &listening, &real), 0);
	assert_int_equal(listen(listening, 0), 0);
	while (n < 8) {
		fill[n] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		assert_true(connect(fill[n], &real.sa, real.len) == 0 || errno == EINPROGRESS);
		n++;
	}
	assert_int_equal(conn_connect(s.base, &real, 30, on_event, &s, &s.c), 0);
	event_base_dispatch(s.base);
	assert_int_equal(s.n_failed, 1);
	assert_int_equal(conn_errno(s.c), ETIMEDOUT);
	while (n > 0)
		close(fill[--n]);
	close(listening);
	tear_down(&s);
}

static void another_receiver_may_take_over(void **state)
{
	struct seen s, t;
	int other = pair_up(&s);

	(void)state;
	t = (struct seen){.base = s.base};
	conn_set_handler(s.c, on_event, &t);
	assert_int_equal(write(other, "x", 1), 1);
	event_base_dispatch(s.base);
	assert_int_equal(s.n_readable, 0);
	assert_int_equal(t.n_data, 1);
	close(other);
	tear_down(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_arrive_and_the_end_reads_as_zero),
		cmocka_unit_test(a_paused_stream_does_not_report_bytes),
		cmocka_unit_test(a_full_stream_takes_what_fits_and_tells_when_there_is_room),
		cmocka_unit_test(writing_to_a_gone_peer_is_an_error_and_no_signal),
		cmocka_unit_test(a_stream_may_be_freed_in_its_own_callback),
		cmocka_unit_test(a_stream_freed_after_the_last_turn_leaks_nothing),
		cmocka_unit_test(outgoing_streams_connect_over_tcp_and_unix),
		cmocka_unit_test(a_refused_connection_fails_with_its_errno),
		cmocka_unit_test(a_silent_peer_times_out),
		cmocka_unit_test(another_receiver_may_take_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
