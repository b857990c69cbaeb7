/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/ctl_client against an MRFC played by the test: registration, events, repeats, misses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "mrfp/ctl_client.h"
#include "proto/ctl_codec.h"

#define PATIENCE_MS 10000

static const uint8_t context[CTL_CONTEXT_SIZE] = {7};

struct world {
	struct event_base *base;
	struct options opt;
	struct stats stats;
	int64_t cells[sizeof(struct stats) / sizeof(int64_t *)];
	struct ctl_client *client;
	char path[64];
	int listener, fd;
	char in[70000];
	size_t n_in, used;
	struct ctl_arena arena;
	unsigned n_requests, n_up, n_down;
	uint32_t done[16];
	size_t n_done;
};

static void on_describe(struct ctl_service_change *m, void *arg)
{
	(void)arg;
	CTL_SET(m, service_change, msrp, SLICE_LIT("127.0.0.1:2855"));
}

static void on_request(const struct ctl_frame *f, struct bytes *out, void *arg)
{
	struct ctl_result r = {0};
	struct world *w = arg;

	w->n_requests++;
	CTL_SET(&r, result, code, CTL_R_OK);
	assert_int_equal(ctl_build(out, f->command, CTL_FLAG_REPLY, f->transaction, f->context,
				   CTL_BODY_result, &r),
			 0);
}

static void on_event_done(uint32_t transaction, const struct ctl_result *r, void *arg)
{
	struct world *w = arg;

	(void)r;
	w->done[w->n_done++ % ARRAY_LEN(w->done)] = transaction;
}

static void on_changed(bool up, void *arg)
{
	struct world *w = arg;

	w->n_up += up;
	w->n_down += !up;
}

static const struct ctl_client_ops ops = {.describe = on_describe,
					  .request = on_request,
					  .event_done = on_event_done,
					  .changed = on_changed};

static void open_world(struct world *w)
{
	int64_t **cells = (int64_t **)(void *)&w->stats;
	struct addr at;

	memset(w, 0, sizeof(*w));
	for (size_t i = 0; i < ARRAY_LEN(w->cells); i++)
		cells[i] = &w->cells[i];
	w->opt.mp_id = (char *)(uintptr_t) "mrfp-test";
	w->opt.mp_keepalive_ms = PATIENCE_MS; /* no misses by a busy machine */
	w->opt.mp_events = 4;
	w->fd = -1;
	snprintf(w->path, sizeof(w->path), "/tmp/test_ctl_client.%d", (int)getpid());
	unlink(w->path);
	assert_int_equal(addr_from_unix(w->path, &at), 0);
	w->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w->listener, &at.sa, at.len), 0);
	assert_int_equal(listen(w->listener, 5), 0);
	w->base = event_base_new();
	w->client = ctl_client_new(w->base, &w->opt, &at, &w->stats, &ops, w);
}

static void close_world(struct world *w)
{
	ctl_client_free(&w->client);
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	event_base_free(w->base);
	if (w->fd >= 0)
		close(w->fd);
	close(w->listener);
	unlink(w->path);
}

static void turn(struct world *w)
{
	struct timeval soon = {0, 1000};

	event_base_loopexit(w->base, &soon);
	event_base_loop(w->base, EVLOOP_ONCE);
	ctl_client_flush(w->client);
}

static void accept_link(struct world *w)
{
	uint64_t end_ms = clock_now_ms() + PATIENCE_MS;

	if (w->fd >= 0)
		close(w->fd);
	w->n_in = w->used = 0;
	do {
		turn(w);
		w->fd = accept(w->listener, NULL, NULL);
	} while (w->fd < 0 && clock_now_ms() < end_ms);
	assert_true(w->fd >= 0);
	fcntl(w->fd, F_SETFL, O_NONBLOCK);
}

/* The next frame from the MRFP that is no keepalive. */
static struct ctl_frame next_frame(struct world *w)
{
	uint64_t end_ms = clock_now_ms() + PATIENCE_MS;
	struct ctl_frame f;
	size_t used;
	ssize_t n;

	while (clock_now_ms() < end_ms) {
		memmove(w->in, w->in + w->used, w->n_in - w->used);
		w->n_in -= w->used;
		w->used = 0;
		if (ctl_frame_next(slice_make(w->in, w->n_in), &f, &used) == 1) {
			w->used = used;
			if (f.command != CTL_CMD_KEEPALIVE)
				return f;
			continue;
		}
		turn(w);
		n = read(w->fd, w->in + w->n_in, sizeof(w->in) - w->n_in);
		if (n > 0)
			w->n_in += (size_t)n;
	}
	fail_msg("no frame");
	return f;
}

static void reply(struct world *w, const struct ctl_frame *f, int code, uint64_t incarnation)
{
	struct ctl_result r = {0};
	struct bytes b = BYTES_INIT;

	CTL_SET(&r, result, code, (uint16_t)code);
	CTL_SET(&r, result, incarnation, incarnation);
	assert_int_equal(ctl_build(&b, f->command, CTL_FLAG_REPLY, f->transaction, f->context,
				   CTL_BODY_result, &r),
			 0);
	assert_int_equal(write(w->fd, b.data, b.len), b.len);
	bytes_fini(&b);
}

static void register_mrfp(struct world *w, uint64_t incarnation)
{
	struct ctl_decode_error err;
	struct ctl_service_change m;
	struct ctl_frame f;

	accept_link(w);
	f = next_frame(w);
	assert_int_equal(f.command, CTL_CMD_SERVICE_CHANGE);
	w->arena.used = 0;
	assert_int_equal(ctl_decode(f.tlvs, CTL_BODY_service_change, &m, &w->arena, &err), 0);
	assert_int_equal(m.method, CTL_REGISTER);
	assert_true(slice_eq_str(m.mrfp_id, "mrfp-test"));
	assert_true(slice_eq_str(m.msrp, "127.0.0.1:2855"));
	reply(w, &f, CTL_R_OK, incarnation);
	while (!ctl_client_up(w->client))
		turn(w);
}

static uint32_t tell(struct world *w, uint64_t termination)
{
	struct ctl_notify n = {0};

	CTL_SET(&n, notify, event, CTL_EVENT_BOUND);
	CTL_SET(&n, notify, termination, termination);
	return ctl_client_notify(w->client, context, &n);
}

static void events_wait_for_the_link_and_are_repeated_until_acknowledged(void **state)
{
	struct world w;
	uint32_t a, b;
	struct ctl_frame f;

	(void)state;
	open_world(&w);
	a = tell(&w, 1);
	b = tell(&w, 2);
	assert_int_equal(*w.stats.events_queued, 2);
	register_mrfp(&w, 1);
	f = next_frame(&w);
	assert_int_equal(f.command, CTL_CMD_NOTIFY);
	assert_int_equal(f.transaction, a);
	assert_memory_equal(f.context, context, sizeof(context));
	reply(&w, &f, CTL_R_OK, 0);
	assert_int_equal(next_frame(&w).transaction, b);
	while (w.n_done == 0)
		turn(&w);
	assert_int_equal(w.done[0], a);
	register_mrfp(&w, 1); /* the link broke before b was acknowledged */
	assert_int_equal(w.n_down, 1);
	f = next_frame(&w);
	assert_int_equal(f.transaction, b);
	reply(&w, &f, CTL_R_OK, 0);
	while (w.n_done == 1)
		turn(&w);
	assert_int_equal(*w.stats.events_queued, 0);
	close_world(&w);
}

static void the_oldest_events_are_dropped_and_counted(void **state)
{
	struct world w;
	uint32_t last = 0, id[6];

	(void)state;
	open_world(&w);
	for (uint64_t i = 0; i < 6; i++)
		last = id[i] = tell(&w, i + 1);
	assert_int_equal(*w.stats.events_queued, 4);
	assert_int_equal(*w.stats.events_dropped, 2);
	register_mrfp(&w, 1);
	for (int i = 2; i < 6; i++)
		assert_int_equal(next_frame(&w).transaction, id[i]);
	assert_int_equal(last, id[5]);
	close_world(&w);
}

static void ask(struct world *w, uint32_t transaction)
{
	struct ctl_subtract m = {0};
	struct bytes b = BYTES_INIT;

	CTL_SET(&m, subtract, epoch, 1);
	assert_int_equal(
		ctl_build(&b, CTL_CMD_SUBTRACT, 0, transaction, context, CTL_BODY_subtract, &m), 0);
	assert_int_equal(write(w->fd, b.data, b.len), b.len);
	bytes_fini(&b);
}

static void a_repeated_request_has_one_effect_and_two_replies(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	register_mrfp(&w, 1);
	for (int i = 0; i < 2; i++) {
		ask(&w, 5);
		assert_int_equal(next_frame(&w).transaction, 5);
		assert_int_equal(w.n_requests, 1);
	}
	register_mrfp(&w, 1); /* same MRFC, new link: still saved */
	ask(&w, 5);
	assert_int_equal(next_frame(&w).transaction, 5);
	assert_int_equal(w.n_requests, 1);
	register_mrfp(&w, 2); /* another MRFC: its 5 is another one */
	ask(&w, 5);
	assert_int_equal(next_frame(&w).transaction, 5);
	assert_int_equal(w.n_requests, 2);
	assert_int_equal(*w.stats.ctl_repeats, 2);
	close_world(&w);
}

static void silence_of_three_keepalives_is_a_dead_link(void **state)
{
	struct world w;
	uint64_t end_ms = clock_now_ms() + PATIENCE_MS;

	(void)state;
	open_world(&w);
	w.opt.mp_keepalive_ms = 20;
	register_mrfp(&w, 1);
	while (w.n_down == 0 && clock_now_ms() < end_ms)
		turn(&w);
	assert_int_equal(w.n_down, 1);
	w.opt.mp_keepalive_ms = PATIENCE_MS;
	register_mrfp(&w, 1);
	assert_int_equal(*w.stats.ctl_links, 2);
	close_world(&w);
}

static void a_refused_registration_and_a_malformed_frame_are_tried_again(void **state)
{
	struct world w;
	struct ctl_frame f;

	(void)state;
	open_world(&w);
	accept_link(&w);
	f = next_frame(&w);
	reply(&w, &f, CTL_R_VERSION, 0);
	register_mrfp(&w, 1);
	assert_int_equal(write(w.fd, "\xff\xff\xff\xff", 4), 4);
	register_mrfp(&w, 1);
	assert_int_equal(w.n_up, 2);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_wait_for_the_link_and_are_repeated_until_acknowledged),
		cmocka_unit_test(the_oldest_events_are_dropped_and_counted),
		cmocka_unit_test(a_repeated_request_has_one_effect_and_two_replies),
		cmocka_unit_test(silence_of_three_keepalives_is_a_dead_link),
		cmocka_unit_test(a_refused_registration_and_a_malformed_frame_are_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
