/* SPDX-License-Identifier: Apache-2.0 */
/* Rooms whose key server is a member's terminal: greetings, bodies under way, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/metrics.h"
#include "mrfc/groupkey/member_server.h"
#include "proto/ks/ks_frame.h"

#define ROOM "sip:room@conf.example.com"
#define BOB  "sip:bob@example.com"

struct rig {
	struct event_base *base;
	struct metrics *metrics;
	struct groupkey *g;
	struct bytes sent; /* the last body that went out */
	unsigned n_sent, n_cut, n_down, n_back, n_epochs, n_messages;
	bool close_at_epoch; /* the room ends in the callback */
};

static int on_send(const char *room, struct slice body, void *arg)
{
	struct rig *rig = arg;

	assert_string_equal(room, ROOM);
	assert_true(body.len <= KS_BODY_MAX);
	bytes_reset(&rig->sent);
	bytes_add_slice(&rig->sent, body);
	rig->n_sent++;
	return 0;
}

static void on_cut(const char *room, const char *why, void *arg)
{
	struct rig *rig = arg;

	assert_string_equal(room, ROOM);
	assert_true(strlen(why) > 3);
	rig->n_cut++;
	member_server_gone(rig->g, ROOM, "it was cut");
}

static void on_epoch(const char *room, const struct gkid *id, void *arg)
{
	struct rig *rig = arg;

	(void)id;
	rig->n_epochs++;
	if (rig->close_at_epoch)
		rig->g->ops->close(rig->g, room);
}

static void on_message(const char *room, const char *uri, struct slice key_id, struct slice bytes,
		       bool fresh, void *arg)
{
	struct rig *rig = arg;

	assert_string_equal(room, ROOM);
	assert_string_equal(uri, BOB);
	assert_true(slice_eq_str(key_id, "b1") && slice_eq_str(bytes, "key") && fresh);
	rig->n_messages++;
}

static void on_confirmed(const char *room, const char *uri, struct slice key_id,
			 const struct gkid *id, void *arg)
{
	(void)room, (void)uri, (void)key_id, (void)id, (void)arg;
}

static void on_refused(const char *room, const char *uri, struct slice key_id, int err,
		       const char *why, void *arg)
{
	(void)room, (void)uri, (void)key_id, (void)arg;
	assert_true(err < 0 && strchr(why, '\r') == NULL && strchr(why, '"') == NULL);
}

static void on_down(const char *room, const char *why, void *arg)
{
	struct rig *rig = arg;

	assert_string_equal(room, ROOM);
	assert_non_null(why);
	rig->n_down++;
}

static void on_back(const char *room, void *arg)
{
	const struct groupkey_policy policy = {.suite = GKE_SUITE_B};
	struct rig *rig = arg;

	assert_int_equal(rig->g->ops->open(rig->g, room, &policy), 0);
	rig->n_back++;
}

static const struct groupkey_events events = {.epoch = on_epoch,
					      .message = on_message,
					      .confirmed = on_confirmed,
					      .refused = on_refused,
					      .down = on_down,
					      .back = on_back};

static int set_up(void **state)
{
	struct rig *rig = test_calloc(1, sizeof(*rig));
	const struct member_carrier carrier = {.send = on_send, .cut = on_cut, .arg = rig};
	const struct groupkey_policy policy = {.suite = GKE_SUITE_B};

	rig->base = event_base_new();
	rig->metrics = metrics_new();
	rig->g = member_server_new(rig->base, rig->metrics);
	assert_true(member_server_is(rig->g) && !member_server_is(NULL));
	groupkey_set_events(rig->g, &events, rig);
	member_server_carry(rig->g, &carrier);
	assert_true(rig->g->ops->ready(rig->g, NULL));
	assert_false(rig->g->ops->ready(rig->g, ROOM));
	assert_int_equal(rig->g->ops->open(rig->g, ROOM, &policy), 0);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	groupkey_free(&rig->g);
	metrics_free(&rig->metrics);
	event_base_loop(rig->base, EVLOOP_NONBLOCK);
	event_base_free(rig->base);
	bytes_fini(&rig->sent);
	test_free(rig);
	return 0;
}

static void turn(struct rig *rig)
{
	for (int i = 0; i < 3; i++)
		event_base_loop(rig->base, EVLOOP_NONBLOCK);
}

/* The n-th frame of the last body. */
static struct ks_frame sent(const struct rig *rig, unsigned n)
{
	struct slice rest = bytes_slice(&rig->sent);
	struct ks_frame f = {0};
	size_t used;

	for (unsigned i = 0; i <= n; i++) {
		assert_int_equal(ks_frame_next(rest, &f, &used), 1);
		rest = slice_from(rest, used);
	}
	return f;
}

static int take(struct rig *rig, const struct ks_frame *f)
{
	struct bytes body = BYTES_INIT;
	int err;

	ks_frame_build(f, &body);
	err = member_server_take(rig->g, ROOM, bytes_slice(&body));
	bytes_fini(&body);
	turn(rig);
	return err;
}

static int say(struct rig *rig, uint8_t verb)
{
	return take(rig, &(struct ks_frame){.verb = verb, .number = KS_VERSION});
}

static int epoch(struct rig *rig, uint32_t number, const char *room)
{
	struct gkid id = gkid_make((const uint8_t *)"domain!!", number);

	return take(rig, &(struct ks_frame){.verb = KS_EPOCH,
					    .room = slice_str(room),
					    .bytes = slice_make(id.octets, GKID_SIZE)});
}

static int message(struct rig *rig, const char *key_id)
{
	return take(rig, &(struct ks_frame){.verb = KS_MESSAGE,
					    .number = 1,
					    .room = slice_str(ROOM),
					    .uri = slice_str(BOB),
					    .key_id = slice_str(key_id),
					    .bytes = slice_str("key")});
}

static int change(struct rig *rig, size_t n)
{
	struct groupkey_member *who = calloc(n + 1, sizeof(*who));
	char request[300];
	int err;

	assert_non_null(who);
	memset(request, 'r', sizeof(request));
	for (size_t i = 0; i < n; i++)
		who[i] = (struct groupkey_member){.uri = BOB,
						  .request = slice_make(request, sizeof(request))};
	err = rig->g->ops->change(rig->g, ROOM, who, n, NULL, 0);
	free(who);
	turn(rig);
	return err;
}

/* It serves, and has answered all. */
static void serve(struct rig *rig)
{
	member_server_expect(rig->g, ROOM);
	member_server_up(rig->g, ROOM);
	turn(rig);
	assert_int_equal(sent(rig, 0).verb, KS_HELLO);
	assert_int_equal(say(rig, KS_HELLO), 0);
	assert_int_equal(rig->n_back, 1);
	assert_int_equal(sent(rig, 0).verb, KS_OPEN);
	assert_int_equal(sent(rig, 1).verb, KS_PING);
	assert_int_equal(say(rig, KS_PONG), 0);
}

/* covers: GK-002 */
static void test_it_is_greeted_first_and_told_all_then(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(change(rig, 1), -ERR_CLOSED);
	member_server_expect(rig->g, ROOM);
	assert_true(rig->g->ops->ready(rig->g, ROOM));
	assert_int_equal(change(rig, 1), -ERR_AGAIN);
	assert_int_equal(rig->n_sent, 0);
	serve(rig);
	assert_int_equal(change(rig, 1), 0);
	assert_int_equal(sent(rig, 0).verb, KS_CHANGE);
	assert_int_equal(epoch(rig, 1, ROOM), 0);
	assert_int_equal(message(rig, "b1"), 0);
	assert_true(rig->n_epochs == 1 && rig->n_messages == 1);
	member_server_gone(rig->g, ROOM, "it left");
	assert_int_equal(rig->n_down, 0); /* never inside a call */
	turn(rig);
	assert_int_equal(rig->n_down, 1);
	assert_false(rig->g->ops->ready(rig->g, ROOM));
	assert_int_equal(epoch(rig, 2, ROOM), -ERR_SYNTAX);
	assert_int_equal(rig->n_epochs, 1);
}

static void test_one_body_is_under_way_and_the_rest_is_gathered(void **state)
{
	struct rig *rig = *state;
	const struct groupkey_member bob = {.uri = BOB, .key_id = slice_str("b1")};
	unsigned before;

	serve(rig);
	assert_int_equal(change(rig, 1), 0);
	before = rig->n_sent;
	for (int i = 0; i < 3; i++)
		assert_int_equal(rig->g->ops->request(rig->g, ROOM, &bob, SLICE_LIT("x")), 0);
	turn(rig);
	assert_int_equal(rig->n_sent, before);
	assert_int_equal(say(rig, KS_PONG), 0);
	assert_int_equal(rig->n_sent, before + 1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(sent(rig, i).verb, KS_REQUEST);
	assert_int_equal(sent(rig, 3).verb, KS_PING);
}

static void test_a_change_that_is_too_long_is_several(void **state)
{
	struct rig *rig = *state;
	size_t n = 0, bodies = 0;

	serve(rig);
	assert_int_equal(change(rig, 1000), 0);
	do {
		struct ks_frame f = sent(rig, 0);
		struct slice rest = f.bytes;
		struct ks_item_view item;

		assert_int_equal(f.verb, KS_CHANGE);
		while (ks_list_next(&rest, &item) > 0)
			n++;
		assert_int_equal(rest.len, 0);
		bodies++;
		assert_int_equal(say(rig, KS_PONG), 0);
	} while (n < 1000 && bodies < 20);
	assert_int_equal(n, 1000);
	assert_true(bodies > 4 && bodies < 8);
}

static void test_what_was_said_before_the_greeting_is_old(void **state)
{
	struct rig *rig = *state;

	serve(rig);
	member_server_up(rig->g, ROOM); /* something may have been lost */
	turn(rig);
	assert_int_equal(sent(rig, 0).verb, KS_HELLO);
	assert_int_equal(rig->n_down, 0);
	assert_int_equal(epoch(rig, 7, ROOM), 0);
	assert_int_equal(say(rig, KS_PONG), 0);
	assert_int_equal(rig->n_epochs, 0);
	assert_int_equal(change(rig, 1), -ERR_AGAIN);
	assert_int_equal(say(rig, KS_HELLO), 0);
	assert_int_equal(rig->n_back, 2);
	assert_int_equal(epoch(rig, 1, ROOM), 0);
	assert_int_equal(rig->n_epochs, 1);
}

static void test_ten_wrong_frames_are_too_many(void **state)
{
	struct rig *rig = *state;

	serve(rig);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(epoch(rig, 1, "sip:other@conf.example.com"), -ERR_SYNTAX);
		assert_int_equal(member_server_take(rig->g, ROOM, SLICE_LIT("what")), -ERR_SYNTAX);
		assert_int_equal(message(rig, "a\nb"), -ERR_SYNTAX);
	}
	assert_true(rig->n_cut == 0 && rig->n_epochs == 0 && rig->n_messages == 0);
	assert_int_equal(epoch(rig, 0, ROOM), -ERR_SYNTAX);
	assert_int_equal(rig->n_cut, 1);
	assert_int_equal(rig->n_down, 1);
}

static void test_too_many_frames_end_it(void **state)
{
	struct rig *rig = *state;
	unsigned i;

	serve(rig);
	for (i = 0; i < 20000 && rig->n_cut == 0; i++)
		(void)message(rig, "b1");
	assert_true(i > 4000 && i < 20000);
	assert_int_equal(rig->n_cut, 1);
	/* Another terminal has nothing to do with that. */
	member_server_expect(rig->g, ROOM);
	member_server_up(rig->g, ROOM);
	turn(rig);
	assert_int_equal(say(rig, KS_HELLO), 0);
	rig->n_messages = 0;
	assert_int_equal(message(rig, "b1"), 0);
	assert_int_equal(rig->n_messages, 1);
}

static void test_the_room_may_end_while_it_is_told(void **state)
{
	struct rig *rig = *state;
	struct bytes body = BYTES_INIT;
	struct gkid id = gkid_make((const uint8_t *)"domain!!", 1);

	serve(rig);
	rig->close_at_epoch = true;
	for (int i = 0; i < 3; i++)
		ks_frame_build(&(struct ks_frame){.verb = KS_EPOCH,
						  .room = slice_str(ROOM),
						  .bytes = slice_make(id.octets, GKID_SIZE)},
			       &body);
	assert_int_equal(member_server_take(rig->g, ROOM, bytes_slice(&body)), 0);
	bytes_fini(&body);
	assert_int_equal(rig->n_epochs, 1);
	assert_int_equal(sent(rig, 0).verb, KS_CLOSE);
	assert_int_equal(change(rig, 1), -ERR_CLOSED);
	rig->g->ops->close(rig->g, ROOM);
	member_server_up(rig->g, ROOM); /* nothing happens */
	turn(rig);
	assert_int_equal(rig->n_back, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_it_is_greeted_first_and_told_all_then, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_one_body_is_under_way_and_the_rest_is_gathered,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_change_that_is_too_long_is_several, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_what_was_said_before_the_greeting_is_old,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ten_wrong_frames_are_too_many, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_too_many_frames_end_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_room_may_end_while_it_is_told, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
