/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/pressure, throttle and victim: who waits, for how long, and who goes. */
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
#include "mrfp/pressure.h"
#include "mrfp/publish.h"
#include "mrfp/request.h"
#include "mrfp/throttle.h"
#include "mrfp/victim.h"

#define LEGS  4
#define CHUNK 16000

/* Legs on real streams; a peer that is not read from blocks its leg. */
struct world {
	struct fake_plane f;
	struct session *leg[LEGS];
	int peer[LEGS];
};

static struct wire *connect_leg(struct world *w, int i)
{
	int fd[2], small = 4096;
	struct addr at;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	assert_int_equal(setsockopt(fd[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	assert_int_equal(addr_from_unix("/peer", &at), 0);
	fcntl(fd[1], F_SETFL, O_NONBLOCK);
	w->peer[i] = fd[1];
	return wire_accept(&w->f.plane, fd[0], &at, CTL_TRANSPORT_TCP);
}

static int setup(void **state)
{
	static const char *const names[LEGS] = {"aaaa", "bbbb", "cccc", "dddd"};
	struct world *w = xcalloc(1, sizeof(*w));

	fake_plane_open(&w->f);
	w->f.plane.base = event_base_new();
	w->f.plane.ops = &request_ops;
	w->f.plane.read_buf = xcalloc(1, PLANE_READ_HEADROOM + PLANE_READ_SIZE);
	w->f.opt.send_buffer = 4096;
	w->f.opt.log_bytes = 1 << 20;
	w->f.opt.high_water = 1 << 18;
	w->f.opt.chat_water = 3 << 18;
	w->f.opt.private_bytes = 1 << 18;
	for (int i = 0; i < LEGS; i++) {
		struct session *s = fake_member(&w->f, names[i]);
		struct wire *fake = s->wire;

		wire_remove_session(fake, s);
		fake_wire_free(fake);
		wire_add_session(connect_leg(w, i), s);
		w->leg[i] = s;
	}
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	struct plane *p = &w->f.plane;
	struct wire *wire;

	for (int i = 0; i < LEGS; i++) {
		hangup(w->leg[i], 0);
		close(w->peer[i]);
	}
	while ((wire = LIST_FIRST(&p->wires)))
		wire_close(wire);
	wire_reap(p);
	fake_check_sums(&w->f);
	assert_int_equal(budget_total(&p->budget) - p->budget.open, 0);
	fake_plane_close(&w->f);
	event_base_loop(p->base, EVLOOP_NONBLOCK);
	event_base_free(p->base);
	free(p->read_buf);
	free(w);
	return 0;
}

/* The peer of a leg takes all that comes; true when something came. */
static bool drink(struct world *w, int i)
{
	static char sink[65536];
	bool some = false;

	while (read(w->peer[i], sink, sizeof(sink)) > 0)
		some = true;
	return some;
}

/* By the manual clock: the loop, which has the real one, does not run. */
static void turn(struct world *w)
{
	for (int i = 0; i < LEGS; i++) {
		if (w->leg[i]->wire)
			wire_flush(w->leg[i]->wire);
	}
	fanout_run(&w->f.plane);
}

/* Whole chat messages from leg 0; legs in the mask take them. */
static void say(struct world *w, unsigned n, unsigned takers)
{
	static char body[CHUNK];

	while (n--) {
		struct outmsg m = {.stream = STREAM_CHAT, .total = CHUNK};
		bool more = true;

		m.meta.admit = UINT64_MAX;
		m.meta.source = w->leg[0]->taste.number;
		m.content_type = xstrdup("message/cpim");
		publish_begin(w->f.ctx, &m);
		publish_chunk(w->f.ctx, &m, 1, slice_make(body, CHUNK), '$', true);
		outmsg_fini(&m);
		while (more) {
			w->f.plane.now_ms++;
			turn(w);
			more = false;
			for (int i = 0; i < LEGS; i++)
				more = (takers >> i & 1 && drink(w, i)) || more;
		}
	}
}

#define ALL_BUT_LAST 0x7u

static void pass(struct world *w, uint64_t ms)
{
	w->f.plane.now_ms += ms;
	pressure_tick(&w->f.plane);
	fanout_run(&w->f.plane);
}

/* covers: SW-080, SW-083 */
static void senders_wait_for_a_leg_at_most_the_stall_time(void **state)
{
	struct world *w = *state;
	struct session *slow = w->leg[3];

	w->f.opt.stall_ms = 100000;
	say(w, 47, ALL_BUT_LAST);
	assert_int_equal(w->f.ctx->throttle & THROTTLE_ALL, 0);
	say(w, 5, ALL_BUT_LAST);
	assert_true(w->f.ctx->throttle & THROTTLE_ALL);
	assert_int_equal(w->f.plane.read_now, PLANE_READ_SMALL);
	assert_false(w->leg[0]->wire->paused); /* until it sends */
	throttle_content(w->leg[0], false);
	assert_int_equal(w->leg[0]->wire->paused, WIRE_PAUSE_CHAT);
	assert_int_equal(w->leg[1]->wire->paused, 0);
	w->f.opt.stall_ms = 1000;
	w->f.plane.now_ms = slow->wire->moved_ms;
	pass(w, 999);
	assert_non_null(slow->wire);
	pass(w, 1);
	assert_null(slow->wire);
	assert_int_equal(w->f.last.event, CTL_EVENT_LOST);
	assert_int_equal(w->f.last.cause, CTL_LOST_SLOW);
	assert_int_equal(w->f.last.copies_lost, 52);
	assert_int_equal(w->f.ctx->throttle, 0);
	assert_int_equal(w->leg[0]->wire->paused, 0);
	pressure_tick(&w->f.plane);
	assert_int_equal(w->f.plane.read_now, PLANE_READ_SIZE);
}

/* covers: SW-082, SW-083 */
static void a_leg_that_stood_still_before_the_mark_is_cut_at_it(void **state)
{
	struct world *w = *state;

	say(w, 40, ALL_BUT_LAST);
	w->f.plane.now_ms += 5000;
	say(w, 12, ALL_BUT_LAST);
	assert_null(w->leg[3]->wire);
	assert_int_equal(w->f.ctx->throttle, 0);
	for (int i = 0; i < 3; i++)
		assert_non_null(w->leg[i]->wire);
}

/* covers: SW-081 */
static void a_leg_that_moves_is_waited_for_until_the_grace_time(void **state)
{
	struct world *w = *state;
	struct session *slow = w->leg[3];

	w->f.opt.stall_ms = 500;
	w->f.opt.grace_ms = 2000;
	say(w, 52, ALL_BUT_LAST);
	assert_true(w->f.ctx->throttle & THROTTLE_ALL);
	for (int i = 0; i < 4; i++) {
		char octets[5000];
		assert_true(read(w->peer[3], octets, sizeof(octets)) > 0);
		turn(w);
		pass(w, 450);
		assert_non_null(slow->wire);
	}
	pass(w, 450); /* what it took was not enough */
	assert_null(slow->wire);
}

/* covers: SW-081 */
static void a_leg_that_catches_up_lets_the_senders_go(void **state)
{
	struct world *w = *state;

	say(w, 52, ALL_BUT_LAST);
	throttle_content(w->leg[0], false);
	while (drink(w, 3))
		turn(w);
	assert_int_equal(w->f.ctx->throttle, 0);
	assert_int_equal(w->leg[0]->wire->paused, 0);
	assert_int_equal(context_held(w->f.ctx), 0);
}

/* covers: SW-083 */
static void a_sender_that_takes_nothing_is_read_from_once_more(void **state)
{
	struct world *w = *state;
	struct session *half = w->leg[3];

	say(w, 52, ALL_BUT_LAST);
	throttle_content(half, false);
	assert_int_equal(half->wire->paused, WIRE_PAUSE_CHAT);
	pass(w, 1000);
	assert_non_null(half->wire);
	assert_int_equal(half->wire->paused, 0);
	assert_true(wire_is_let_go(half->wire));
	throttle_content(half, false); /* it may say all it has */
	assert_int_equal(half->wire->paused, 0);
	half->wire->said_ms = w->f.plane.now_ms + 500;
	pass(w, 1000);
	assert_non_null(half->wire); /* it said something half a second ago */
	pass(w, 500);
	assert_null(half->wire);
}

/* covers: SW-081 */
static void the_last_quarter_of_a_queue_stops_private_senders_only(void **state)
{
	static char body[CHUNK];
	struct world *w = *state;
	struct session *slow = w->leg[3];

	for (int i = 0; i < 14; i++) {
		struct outmsg m = {.total = CHUNK};

		m.content_type = xstrdup("message/cpim");
		publish_begin_private(w->f.ctx, &m);
		slow->open[CPIM_CHAT]++;
		stats_owe(&w->f.plane.stats, CPIM_CHAT);
		assert_int_equal(publish_direct(slow, &m, 1, slice_make(body, CHUNK), '$', true),
				 0);
		outmsg_fini(&m);
		throttle_private(w->leg[0], slow);
		assert_int_equal(w->leg[0]->wire->paused != 0, i >= 12);
	}
	turn(w);
	throttle_content(w->leg[1], false);
	assert_int_equal(w->leg[1]->wire->paused, 0);
	throttle_content(w->leg[1], true);
	assert_int_equal(w->leg[1]->wire->paused,
			 WIRE_PAUSE_CONTEXT); /* bulk waits from a quarter on */
	while (drink(w, 3))
		turn(w);
	assert_int_equal(w->leg[0]->wire->paused, 0);
	assert_int_equal(w->leg[1]->wire->paused, 0);
	assert_int_equal(w->f.ctx->throttle, 0);
}

/* covers: SW-082 */
static void of_legs_as_far_behind_the_stillest_goes_when_the_log_is_full(void **state)
{
	struct world *w = *state;

	w->f.opt.chat_water = INT64_MAX; /* context.slow = cut */
	say(w, 62, 0x1u);
	assert_int_equal(victim_log_lag(w->leg[1]), victim_log_lag(w->leg[3]));
	w->f.plane.now_ms += 5000;
	w->leg[1]->wire->moved_ms = w->leg[3]->wire->moved_ms = w->f.plane.now_ms;
	assert_ptr_equal(victim_in_logs(w->f.ctx), w->leg[2]);
	wire_let_go(w->leg[3]->wire);
	assert_ptr_equal(victim_in_logs(w->f.ctx), w->leg[3]);
	say(w, 5, 0x1u);
	assert_null(w->leg[3]->wire);
	assert_null(w->leg[2]->wire);
}

/* covers: MSRP-056 */
static void the_process_has_a_ceiling(void **state)
{
	struct world *w = *state;
	struct plane *p = &w->f.plane;

	w->f.opt.chat_water = INT64_MAX;
	w->f.opt.stall_ms = 100000;
	budget_init(&p->budget, 500000);
	say(w, 27, ALL_BUT_LAST);
	assert_int_equal(p->budget.level, BUDGET_BULK);
	throttle_content(w->leg[0], false);
	assert_int_equal(w->leg[0]->wire->paused, 0);
	throttle_content(w->leg[0], true);
	assert_int_equal(w->leg[0]->wire->paused, WIRE_PAUSE_CONTEXT | WIRE_PAUSE_MEMORY);
	say(w, 3, ALL_BUT_LAST);
	assert_int_equal(p->budget.level, BUDGET_ALL);
	throttle_content(w->leg[1], false);
	assert_int_equal(w->leg[1]->wire->paused, WIRE_PAUSE_MEMORY);
	say(w, 1, ALL_BUT_LAST);
	assert_int_equal(p->budget.level, BUDGET_FULL);
	assert_non_null(w->leg[3]->wire); /* it may still move */
	say(w, 2, ALL_BUT_LAST);
	assert_null(w->leg[3]->wire);
	assert_int_equal(w->f.last.cause, CTL_LOST_LOG);
	assert_int_equal(p->budget.level, BUDGET_FREE);
	assert_int_equal(w->leg[0]->wire->paused, 0);
	assert_int_equal(w->leg[1]->wire->paused, 0);
	assert_true(p->budget.peak < 500000 * 17 / 16 + 2 * CHUNK);
}

/* covers: MSRP-056 */
static void who_fills_the_process_for_the_grace_time_goes(void **state)
{
	struct world *w = *state;
	struct plane *p = &w->f.plane;

	w->f.opt.chat_water = INT64_MAX;
	w->f.opt.stall_ms = 100000;
	w->f.opt.grace_ms = 3000;
	budget_init(&p->budget, 500000);
	say(w, 28, ALL_BUT_LAST);
	assert_int_equal(p->budget.level, BUDGET_BULK);
	p->now_ms = p->level_ms;
	pass(w, 2999);
	assert_non_null(w->leg[3]->wire);
	pass(w, 1);
	assert_null(w->leg[3]->wire);
	assert_int_equal(p->budget.level, BUDGET_FREE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(senders_wait_for_a_leg_at_most_the_stall_time),
		TEST(a_leg_that_stood_still_before_the_mark_is_cut_at_it),
		TEST(a_leg_that_moves_is_waited_for_until_the_grace_time),
		TEST(a_leg_that_catches_up_lets_the_senders_go),
		TEST(a_sender_that_takes_nothing_is_read_from_once_more),
		TEST(the_last_quarter_of_a_queue_stops_private_senders_only),
		TEST(of_legs_as_far_behind_the_stillest_goes_when_the_log_is_full),
		TEST(the_process_has_a_ceiling),
		TEST(who_fills_the_process_for_the_grace_time_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
