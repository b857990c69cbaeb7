/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One MRFP's link on a hand-cranked clock: transactions over lost and replaced wires, saved replies,
 * keepalive, states.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/mem.h"
#include "fake_mrfp.h"
#include "mrfc/mp/mrfp_link.h"

static const uint8_t context[CTL_CONTEXT_SIZE] = "context-in-tests";

struct rig {
	struct event_base *base;
	struct mrfp_timing timing;
	struct mrfp_link_stats stats;
	int64_t cells[CTL_CMD_KEEPALIVE + 8];
	struct mrfp_link *link;
	struct fake_mrfp mrfp;
	unsigned n_requests; /* of the MRFP's that reached the user */
	uint16_t status;     /* the user's answer */
	char states[256];    /* entered, in order */
	uint32_t load;
};

struct outcome {
	int n;
	int err;
	char tlvs[64];
	size_t len;
};

static void on_request(struct mrfp_link *l, const struct ctl_frame *frame,
		       struct ctl_result *result_r, void *arg)
{
	struct rig *rig = arg;

	(void)l;
	(void)frame;
	rig->n_requests++;
	if (rig->status)
		CTL_SET(result_r, result, status, rig->status);
}

static void on_state(struct mrfp_link *l, enum mrfp_link_state old, void *arg)
{
	struct rig *rig = arg;
	size_t len = strlen(rig->states);

	(void)old;
	snprintf(rig->states + len, sizeof(rig->states) - len, "%s ",
		 mrfp_link_state_name(mrfp_link_state(l)));
}

static void on_load(struct mrfp_link *l, uint32_t per_mille, void *arg)
{
	(void)l;
	((struct rig *)arg)->load = per_mille;
}

static const struct mrfp_link_ops ops = {on_request, on_state, on_load};

static void on_nothing(struct mrfp_wire *w, const struct ctl_frame *frame, void *arg)
{
	(void)w;
	(void)frame;
	(void)arg;
}

static void on_early_close(struct mrfp_wire *w, const char *why, void *arg)
{
	(void)w;
	(void)why;
	(void)arg;
}

static const struct mrfp_wire_events early = {on_nothing, on_early_close};

/* A new connection of the MRFP, as if it had just registered. */
static void attach(struct rig *rig, uint64_t incarnation, uint64_t now_ms)
{
	struct addr peer = {0};
	int fd[2];

	fake_close(&rig->mrfp);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	fake_init(&rig->mrfp, rig->base, fd[1]);
	mrfp_link_attach(rig->link, mrfp_wire_new(rig->base, fd[0], &peer, &early, NULL),
			 incarnation, now_ms);
}

static int setup(void **state)
{
	struct rig *rig = xcalloc(1, sizeof(*rig));
	int64_t *cell = rig->cells;

	rig->base = event_base_new();
	mrfp_timing_default(&rig->timing);
	for (size_t i = 0; i <= CTL_CMD_KEEPALIVE; i++)
		rig->stats.requests[i] = cell++;
	rig->stats.resent = cell++;
	rig->stats.timeouts = cell++;
	rig->stats.closed = cell++;
	rig->stats.refused = cell++;
	rig->stats.in_flight = cell++;
	rig->stats.lost = cell++;
	rig->stats.gone = cell++;
	rig->link = mrfp_link_new("mrfp-1", &rig->timing, &rig->stats, &ops, rig);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	mrfp_link_free(&rig->link);
	fake_close(&rig->mrfp);
	event_base_loop(rig->base, EVLOOP_NONBLOCK);
	event_base_free(rig->base);
	free(rig);
	return 0;
}

static void on_reply(const struct mrfp_reply *reply, void *arg)
{
	struct outcome *o = arg;

	o->n++;
	o->err = reply->err;
	o->len = reply->tlvs.len;
	assert_true(o->len <= sizeof(o->tlvs));
	if (o->len)
		memcpy(o->tlvs, reply->tlvs.ptr, o->len);
}

static int ask(struct rig *rig, uint64_t now_ms, struct outcome *o)
{
	struct ctl_subtract msg = {0};

	CTL_SET(&msg, subtract, epoch, 1);
	return mrfp_link_request(rig->link, CTL_CMD_SUBTRACT, context, CTL_BODY_subtract, &msg,
				 now_ms, on_reply, o);
}

static struct ctl_frame expect_subtract(struct rig *rig)
{
	struct ctl_subtract msg;

	return fake_expect(&rig->mrfp, CTL_CMD_SUBTRACT, false, CTL_BODY_subtract, &msg);
}

static void a_request_is_answered_by_its_number(void **state)
{
	struct rig *rig = *state;
	struct outcome a = {0}, b = {0};
	struct ctl_frame first, second;

	attach(rig, 7, 1000);
	assert_int_equal(ask(rig, 1000, &a), 0);
	assert_int_equal(ask(rig, 1000, &b), 0);
	first = expect_subtract(rig);
	second = expect_subtract(rig);
	assert_int_not_equal(first.transaction, second.transaction);
	assert_memory_equal(first.context, context, sizeof(context));
	assert_int_equal(*rig->stats.in_flight, 2);
	fake_reply_code(&rig->mrfp, &second, CTL_R_OK);
	FAKE_WAIT(&rig->mrfp, b.n == 1);
	assert_int_equal(b.err, 0);
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.tlvs, "\x81\x01\0\0\0\x02\0\0", 8);
	assert_int_equal(a.n, 0);
	fake_reply_code(&rig->mrfp, &first, CTL_R_UNKNOWN_CONTEXT);
	FAKE_WAIT(&rig->mrfp, a.n == 1);
	assert_int_equal(*rig->stats.refused, 1);
	assert_int_equal(*rig->stats.in_flight, 0);
	assert_int_equal(*rig->stats.requests[CTL_CMD_SUBTRACT], 2);
}

static void an_unanswered_request_times_out_after_five_seconds_and_not_before(void **state)
{
	struct rig *rig = *state;
	struct outcome o = {0}, later = {0};
	struct ctl_frame frame;

	rig->timing.silent_ms = 60000;
	attach(rig, 7, 1000);
	assert_int_equal(ask(rig, 1000, &o), 0);
	mrfp_link_tick(rig->link, 5999);
	assert_int_equal(o.n, 0);
	mrfp_link_tick(rig->link, 6000);
	assert_int_equal(o.n, 1);
	assert_int_equal(o.err, -ERR_TIMEOUT);
	assert_int_equal(*rig->stats.timeouts, 1);

	/* A reply that comes too late goes nowhere, and the link lives. */
	frame = expect_subtract(rig);
	fake_reply_code(&rig->mrfp, &frame, CTL_R_OK);
	assert_int_equal(ask(rig, 6000, &later), 0);
	while ((frame = fake_next(&rig->mrfp)).command != CTL_CMD_SUBTRACT)
		;
	fake_reply_code(&rig->mrfp, &frame, CTL_R_OK);
	FAKE_WAIT(&rig->mrfp, later.n == 1);
	assert_int_equal(o.n, 1);
}

static void keepalives_go_every_second_and_three_silent_seconds_lose_the_link(void **state)
{
	struct rig *rig = *state;
	struct ctl_keepalive msg;
	struct ctl_frame frame;

	attach(rig, 7, 1000);
	mrfp_link_tick(rig->link, 1999);
	mrfp_link_tick(rig->link, 2000);
	frame = fake_expect(&rig->mrfp, CTL_CMD_KEEPALIVE, false, CTL_BODY_keepalive, &msg);
	assert_false(fake_has_frame(&rig->mrfp));
	mrfp_link_tick(rig->link, 3000);
	fake_expect(&rig->mrfp, CTL_CMD_KEEPALIVE, false, CTL_BODY_keepalive, &msg);
	fake_reply_code(&rig->mrfp, &frame, CTL_R_OK);
	event_base_loop(rig->base, EVLOOP_ONCE); /* heard at the tick of 3900 */
	mrfp_link_tick(rig->link, 3900);
	mrfp_link_tick(rig->link, 4900);
	mrfp_link_tick(rig->link, 5900);
	mrfp_link_tick(rig->link, 6899);
	assert_int_equal(mrfp_link_state(rig->link), MRFP_LINK_UP);
	mrfp_link_tick(rig->link, 6900);
	assert_int_equal(mrfp_link_state(rig->link), MRFP_LINK_LOST);
	FAKE_WAIT(&rig->mrfp, rig->mrfp.ended);
	assert_string_equal(rig->states, "up lost ");
	assert_true(mrfp_link_silent(rig->link));
	attach(rig, 7, 7000);
	assert_false(mrfp_link_silent(rig->link));
	mrfp_link_close(rig->link, "test");
	assert_false(mrfp_link_silent(rig->link));
}

static void who_was_stopped_himself_gives_the_other_time_to_be_heard(void **state)
{
	struct rig *rig = *state;

	attach(rig, 7, 1000);
	mrfp_link_tick(rig->link, 1250);
	mrfp_link_tick(rig->link, 61250); /* a minute without a tick */
	assert_int_equal(mrfp_link_state(rig->link), MRFP_LINK_UP);
	mrfp_link_tick(rig->link, 62250);
	mrfp_link_tick(rig->link, 63250);
	mrfp_link_tick(rig->link, 64249);
	assert_int_equal(mrfp_link_state(rig->link), MRFP_LINK_UP);
	mrfp_link_tick(rig->link, 64250);
	assert_int_equal(mrfp_link_state(rig->link), MRFP_LINK_LOST);
}

static void the_mrfps_keepalive_is_answered_and_its_load_told(void **state)
{
	struct rig *rig = *state;
	struct ctl_keepalive msg = {0};
	struct ctl_result result;
	struct ctl_frame reply;

	attach(rig, 7, 1000);
	CTL_SET(&msg, keepalive, load, 250);
	fake_send(&rig->mrfp, CTL_CMD_KEEPALIVE, 0, 77, NULL, CTL_BODY_keepalive, &msg);
	reply = fake_expect(&rig->mrfp, CTL_CMD_KEEPALIVE, true, CTL_BODY_result, &result);
	assert_int_equal(reply.transaction, 77);
	assert_int_equal(result.code, CTL_R_OK);
	assert_int_equal(rig->load, 250);
	assert_int_equal(rig->n_requests, 0);
}

static void requests_go_again_with_their_numbers_after_a_reconnect(void **state)
{
	struct rig *rig = *state;
	struct outcome a = {0}, b = {0}, c = {0};
	struct ctl_frame first, second, again;

	attach(rig, 7, 1000);
	assert_int_equal(ask(rig, 1000, &a), 0);
	assert_int_equal(ask(rig, 1000, &b), 0);
	first = expect_subtract(rig);
	second = expect_subtract(rig);
	fake_reply_code(&rig->mrfp, &first, CTL_R_OK);
	FAKE_WAIT(&rig->mrfp, a.n == 1);
	shutdown(rig->mrfp.fd, SHUT_RDWR);
	FAKE_WAIT(&rig->mrfp, mrfp_link_state(rig->link) == MRFP_LINK_LOST);

	/* What is asked meanwhile waits and follows in order. */
	assert_int_equal(ask(rig, 1500, &c), 0);
	attach(rig, 7, 2000);
	again = expect_subtract(rig);
	assert_int_equal(again.transaction, second.transaction);
	fake_reply_code(&rig->mrfp, &again, CTL_R_OK);
	again = expect_subtract(rig);
	assert_int_equal(again.transaction, second.transaction + 1);
	fake_reply_code(&rig->mrfp, &again, CTL_R_OK);
	FAKE_WAIT(&rig->mrfp, c.n == 1);
	assert_int_equal(b.n, 1);
	assert_int_equal(a.n, 1);
	assert_int_equal(*rig->stats.resent, 2);
	assert_string_equal(rig->states, "up lost up ");
}

static void requests_fail_when_the_mrfp_comes_back_as_another(void **state)
{
	struct rig *rig = *state;
	struct outcome o = {0};

	attach(rig, 7, 1000);
	assert_int_equal(ask(rig, 1000, &o), 0);
	attach(rig, 8, 1100);
	assert_int_equal(o.n, 1);
	assert_int_equal(o.err, -ERR_CLOSED);
	assert_int_equal(*rig->stats.resent, 0);
	assert_int_equal(*rig->stats.closed, 1);
	assert_int_equal(mrfp_link_incarnation(rig->link), 8);
}

static void a_lost_link_is_given_up_after_three_seconds(void **state)
{
	struct rig *rig = *state;
	struct outcome o = {0};

	attach(rig, 7, 1000);
	shutdown(rig->mrfp.fd, SHUT_RDWR);
	FAKE_WAIT(&rig->mrfp, mrfp_link_state(rig->link) == MRFP_LINK_LOST);
	mrfp_link_tick(rig->link, 2000);
	assert_int_equal(ask(rig, 2000, &o), 0);
	mrfp_link_tick(rig->link, 4999);
	assert_int_equal(mrfp_link_state(rig->link), MRFP_LINK_LOST);
	assert_int_equal(o.n, 0);
	mrfp_link_tick(rig->link, 5000);
	assert_int_equal(mrfp_link_state(rig->link), MRFP_LINK_GONE);
	assert_int_equal(o.n, 1);
	assert_int_equal(o.err, -ERR_CLOSED);
	assert_int_equal(ask(rig, 5000, &o), -ERR_CLOSED);
	assert_string_equal(rig->states, "up lost gone ");
	assert_int_equal(*rig->stats.gone, 1);
}

static void no_more_than_4096_requests_are_in_flight(void **state)
{
	struct rig *rig = *state;
	struct outcome o = {0};

	attach(rig, 7, 1000);
	for (int i = 0; i < MRFP_LINK_IN_FLIGHT_MAX; i++)
		assert_int_equal(ask(rig, 1000, &o), 0);
	assert_int_equal(ask(rig, 1000, &o), -ERR_LIMIT);
	mrfp_link_tick(rig->link, 6000);
	assert_int_equal(o.n, MRFP_LINK_IN_FLIGHT_MAX);
	assert_int_equal(*rig->stats.in_flight, 0);
}

static uint16_t notify(struct rig *rig, uint32_t transaction)
{
	struct ctl_notify msg = {0};
	struct ctl_result result;
	struct ctl_frame reply;

	CTL_SET(&msg, notify, event, CTL_EVENT_NICKNAME);
	fake_send(&rig->mrfp, CTL_CMD_NOTIFY, 0, transaction, context, CTL_BODY_notify, &msg);
	reply = fake_expect(&rig->mrfp, CTL_CMD_NOTIFY, true, CTL_BODY_result, &result);
	assert_int_equal(reply.transaction, transaction);
	assert_memory_equal(reply.context, context, sizeof(context));
	return result.status;
}

static void a_repeated_request_gets_the_saved_reply_and_no_second_effect(void **state)
{
	struct rig *rig = *state;

	attach(rig, 7, 1000);
	rig->status = 425;
	assert_int_equal(notify(rig, 30), 425);
	rig->status = 200;
	assert_int_equal(notify(rig, 30), 425);
	assert_int_equal(rig->n_requests, 1);
	attach(rig, 7, 1000);
	assert_int_equal(notify(rig, 30), 425);
	assert_int_equal(rig->n_requests, 1);
	/* Another life of the MRFP numbers from the start again. */
	attach(rig, 8, 1000);
	assert_int_equal(notify(rig, 30), 200);
	assert_int_equal(rig->n_requests, 2);
}

static void the_last_4096_replies_are_saved(void **state)
{
	struct rig *rig = *state;

	attach(rig, 7, 1000);
	for (uint32_t i = 1; i <= 4097; i++)
		notify(rig, i);
	notify(rig, 2);
	assert_int_equal(rig->n_requests, 4097);
	notify(rig, 1);
	assert_int_equal(rig->n_requests, 4098);
}

static void a_reply_to_another_command_or_a_broken_frame_closes_the_wire(void **state)
{
	struct rig *rig = *state;
	struct outcome o = {0};
	struct ctl_frame frame;

	attach(rig, 7, 1000);
	assert_int_equal(ask(rig, 1000, &o), 0);
	frame = expect_subtract(rig);
	frame.command = CTL_CMD_ADD;
	fake_reply_code(&rig->mrfp, &frame, CTL_R_OK);
	FAKE_WAIT(&rig->mrfp, rig->mrfp.ended);
	assert_int_equal(mrfp_link_state(rig->link), MRFP_LINK_LOST);
	assert_int_equal(o.n, 0);

	attach(rig, 7, 1000);
	assert_int_equal(write(rig->mrfp.fd, "\xff\xff\xff\xff", 4), 4);
	FAKE_WAIT(&rig->mrfp, rig->mrfp.ended);
	assert_string_equal(rig->states, "up lost up lost ");
	mrfp_link_give_up(rig->link, "test");
	assert_int_equal(o.err, -ERR_CLOSED);
}

static void draining_is_a_state_that_ends_with_the_wire(void **state)
{
	struct rig *rig = *state;

	attach(rig, 7, 1000);
	mrfp_link_drain(rig->link, "test");
	mrfp_link_drain(rig->link, "test");
	attach(rig, 7, 1000);
	mrfp_link_drain(rig->link, "test");
	mrfp_link_give_up(rig->link, "test");
	mrfp_link_drain(rig->link, "test");
	assert_string_equal(rig->states, "up draining up draining gone ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_answered_by_its_number),
		TEST(an_unanswered_request_times_out_after_five_seconds_and_not_before),
		TEST(who_was_stopped_himself_gives_the_other_time_to_be_heard),
		TEST(keepalives_go_every_second_and_three_silent_seconds_lose_the_link),
		TEST(the_mrfps_keepalive_is_answered_and_its_load_told),
		TEST(requests_go_again_with_their_numbers_after_a_reconnect),
		TEST(requests_fail_when_the_mrfp_comes_back_as_another),
		TEST(a_lost_link_is_given_up_after_three_seconds),
		TEST(no_more_than_4096_requests_are_in_flight),
		TEST(a_repeated_request_gets_the_saved_reply_and_no_second_effect),
		TEST(the_last_4096_replies_are_saved),
		TEST(a_reply_to_another_command_or_a_broken_frame_closes_the_wire),
		TEST(draining_is_a_state_that_ends_with_the_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
