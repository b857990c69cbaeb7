/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/dial: connecting by number and by name, where it is allowed, one connection for several. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/resolve.h"
#include "fake_plane.h"
#include "mrfp/dial.h"
#include "mrfp/fanout.h"
#include "mrfp/request.h"

#define PATIENCE_MS 10000

struct world {
	struct fake_plane f;
	int listener;
	uint16_t port;
};

static void open_world(struct world *w, const char *allow)
{
	struct addr at;

	fake_plane_open(&w->f);
	w->f.plane.base = event_base_new();
	w->f.plane.ops = &request_ops;
	w->f.plane.resolver = resolver_new(w->f.plane.base, NULL);
	w->f.plane.read_buf = xcalloc(1, PLANE_READ_HEADROOM + PLANE_READ_SIZE);
	w->f.opt.connect_timeout_ms = 5000;
	w->f.opt.send_buffer = 65536;
	assert_int_equal(addr_set_parse(allow, &w->f.plane.connect_allow), 0);
	assert_int_equal(addr_from_host(SLICE_LIT("127.0.0.1"), 0, &at), 0);
	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w->listener, &at.sa, at.len), 0);
	assert_int_equal(listen(w->listener, 5), 0);
	assert_int_equal(getsockname(w->listener, &at.sa, &at.len), 0);
	w->port = addr_port(&at);
}

static void close_world(struct world *w)
{
	struct plane *p = &w->f.plane;
	struct session *s;
	struct wire *wire;

	while ((s = TAILQ_FIRST(&w->f.ctx->sessions)))
		hangup_free(&s);
	while ((wire = LIST_FIRST(&p->wires)))
		wire_close(wire);
	wire_reap(p);
	context_free(&w->f.ctx);
	fake_plane_end(&w->f);
	resolver_free(&p->resolver);
	event_base_loop(p->base, EVLOOP_NONBLOCK);
	event_base_free(p->base);
	addr_set_free(&p->connect_allow);
	free(p->read_buf);
	close(w->listener);
}

static struct session *active_session(struct world *w, const char *host, uint64_t termination)
{
	struct session *s = NULL;

	assert_int_equal(session_make(w->f.ctx, termination, SLICE_NULL, &s), 0);
	free(s->remote_path);
	s->remote_path = xasprintf("msrp://%s:%u/peer%u;tcp", host, w->port, (unsigned)termination);
	s->setup = CTL_SETUP_ACTIVE;
	return s;
}

/* Turn the loop until the session is in this state. */
static void turn_until(struct world *w, const struct session *s, enum session_state st)
{
	uint64_t end_ms = clock_now_ms() + PATIENCE_MS;

	while (s->state != st && clock_now_ms() < end_ms) {
		event_base_loop(w->f.plane.base, EVLOOP_ONCE);
		fanout_run(&w->f.plane);
	}
	assert_int_equal(s->state, st);
}

/* What the switch wrote to the peer's descriptor, up to the n-th end-line. */
static char *read_frames(struct world *w, int fd, unsigned n)
{
	struct bytes b = BYTES_INIT;
	char part[4096], *text;
	unsigned seen = 0;

	while (seen < n) {
		ssize_t got = recv(fd, part, sizeof(part), MSG_DONTWAIT);
		if (got > 0)
			bytes_add(&b, part, (size_t)got);
		else
			event_base_loop(w->f.plane.base, EVLOOP_NONBLOCK);
		fanout_run(&w->f.plane);
		seen = 0;
		for (const char *at = bytes_cstr(&b); (at = strstr(at, "$\r\n")); at++)
			seen++;
	}
	text = xstrdup(bytes_cstr(&b));
	bytes_fini(&b);
	return text;
}

static int accept_peer(struct world *w)
{
	uint64_t end_ms = clock_now_ms() + PATIENCE_MS;
	int fd = -1;

	while (fd < 0 && clock_now_ms() < end_ms) {
		fd = accept(w->listener, NULL, NULL);
		if (fd < 0)
			event_base_loop(w->f.plane.base, EVLOOP_NONBLOCK);
	}
	assert_true(fd >= 0);
	return fd;
}

static void answer(int fd, const char *frame, int status)
{
	char tid[64], reply[256];
	int len;

	assert_int_equal(sscanf(frame, "MSRP %63s SEND", tid), 1);
	len = snprintf(reply, sizeof(reply),
		       "MSRP %s %d\r\nTo-Path: msrp://127.0.0.1:2855/x;tcp\r\n"
		       "From-Path: msrp://127.0.0.1:9/y;tcp\r\n-------%s$\r\n",
		       tid, status, tid);
	assert_int_equal(write(fd, reply, (size_t)len), len);
}

/* covers: MSRP-041, CMD-008, MSRP-071 */
static void an_active_session_binds_with_an_empty_send(void **state)
{
	struct world w;
	struct session *s;
	char *frame;
	int fd;

	(void)state;
	open_world(&w, "127.0.0.0/8");
	s = active_session(&w, "127.0.0.1", 1);
	assert_int_equal(dial_check(s), 0);
	dial_start(s);
	turn_until(&w, s, SESSION_BINDING);
	fd = accept_peer(&w);
	frame = read_frames(&w, fd, 1);
	assert_non_null(strstr(frame, "Byte-Range: 1-0/0\r\n-------"));
	assert_non_null(strstr(frame, s->remote_path));
	answer(fd, frame, 200);
	turn_until(&w, s, SESSION_BOUND);
	assert_int_equal(w.f.last.event, CTL_EVENT_BOUND);
	free(frame);
	close(fd);
	turn_until(&w, s, SESSION_LOST);
	assert_int_equal(w.f.last.cause, CTL_LOST_CLOSED);
	close_world(&w);
}

/* covers: MSRP-039 */
static void a_name_is_resolved_and_its_addresses_tried_in_order(void **state)
{
	struct world w;
	struct session *s;
	int fd;

	(void)state;
	open_world(&w, "127.0.0.0/8,::1"); /* nobody listens on ::1 */
	s = active_session(&w, "localhost", 1);
	assert_int_equal(dial_check(s), 0);
	dial_start(s);
	assert_int_equal(s->state, SESSION_CONNECTING);
	turn_until(&w, s, SESSION_BINDING);
	fd = accept_peer(&w);
	close(fd);
	turn_until(&w, s, SESSION_LOST);
	s = active_session(&w, "no-such-host.invalid", 2);
	dial_start(s);
	hangup_free(&s); /* while the question is open */
	close_world(&w);
}

static void nobody_is_connected_to_outside_the_networks(void **state)
{
	struct world w;
	struct session *s;

	(void)state;
	open_world(&w, "10.0.0.0/8");
	s = active_session(&w, "127.0.0.1", 1);
	assert_int_equal(dial_check(s), -ERR_DENIED);
	session_text(&s->connect, SLICE_LIT("10.1.2.3:99999"));
	assert_int_equal(dial_check(s), -ERR_SYNTAX);
	session_text(&s->connect, SLICE_LIT("10.1.2.3:5000"));
	assert_int_equal(dial_check(s), 0);
	s = active_session(&w, "localhost", 2);
	assert_int_equal(dial_check(s), 0); /* judged when resolved */
	dial_start(s);
	turn_until(&w, s, SESSION_LOST);
	assert_int_equal(w.f.last.cause, CTL_LOST_CONNECT);
	assert_int_equal(accept(w.listener, NULL, NULL), -1);
	close_world(&w);
}

/* covers: MSRP-045, MSRP-097 */
static void two_sessions_to_one_place_share_the_connection(void **state)
{
	struct world w;
	struct session *a, *b;
	char *frame;
	int fd;

	(void)state;
	open_world(&w, "127.0.0.1");
	a = active_session(&w, "127.0.0.1", 1);
	b = active_session(&w, "127.0.0.1", 2);
	dial_start(a);
	dial_start(b);
	assert_ptr_equal(a->wire, b->wire);
	fd = accept_peer(&w);
	frame = read_frames(&w, fd, 2);
	answer(fd, frame, 200);
	turn_until(&w, strstr(frame, a->remote_path) < strstr(frame, b->remote_path) ? a : b,
		   SESSION_BOUND);
	answer(fd, strstr(frame + 1, "MSRP "), 481);
	turn_until(&w, a->state == SESSION_BOUND ? b : a, SESSION_LOST);
	assert_int_equal(w.f.last.cause, CTL_LOST_REFUSED);
	assert_int_equal((a->state == SESSION_BOUND) + (b->state == SESSION_BOUND), 1);
	free(frame);
	close(fd);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_active_session_binds_with_an_empty_send),
		cmocka_unit_test(a_name_is_resolved_and_its_addresses_tried_in_order),
		cmocka_unit_test(nobody_is_connected_to_outside_the_networks),
		cmocka_unit_test(two_sessions_to_one_place_share_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
