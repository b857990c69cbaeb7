/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool: registration on a real socket, where contexts go, requests and events. What becomes of
 * contexts when an MRFP leaves or comes back: test_mrfp_pool_audit.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mrfp_pool_rig.h"

static void an_mrfp_registers_and_is_shown(void **state)
{
	struct rig *rig = *state;
	struct mrfp_info info;

	assert_false(mrfp_pool_up(rig->pool.pool));
	fake_up(&rig->one, &rig->pool, "mrfp-1", 100);
	assert_true(mrfp_pool_up(rig->pool.pool));
	info = only_mrfp(rig);
	assert_string_equal(info.id, "mrfp-1");
	assert_string_equal(info.msrp, "192.0.2.9:2855");
	assert_int_equal(info.state, MRFP_UP);
	assert_int_equal(mrfp_pool_max_size(rig->pool.pool), 1000000);
}

static void refused(struct rig *rig, uint8_t method, const char *id, uint16_t code)
{
	struct ctl_result result;

	fake_dial(&rig->one, &rig->pool);
	fake_service_change(&rig->one, method, id, 1, &result);
	assert_int_equal(result.code, code);
	FAKE_WAIT(&rig->one, rig->one.ended);
	assert_null(only_mrfp(rig).id);
	fake_close(&rig->one);
}

static void who_does_not_register_properly_is_refused_and_closed(void **state)
{
	struct rig *rig = *state;
	struct ctl_keepalive msg = {0};
	struct ctl_result result;

	refused(rig, CTL_DRAIN, "mrfp-1", CTL_R_NOT_REGISTERED);
	refused(rig, CTL_REGISTER, "", CTL_R_BAD_VALUE);
	refused(rig, CTL_REGISTER, "two words", CTL_R_BAD_VALUE);
	refused(rig, CTL_REGISTER,
		"12345678901234567890123456789012345678901234567890123456789012345",
		CTL_R_BAD_VALUE);

	fake_dial(&rig->one, &rig->pool);
	fake_send(&rig->one, CTL_CMD_KEEPALIVE, 0, 1, NULL, CTL_BODY_keepalive, &msg);
	fake_expect(&rig->one, CTL_CMD_KEEPALIVE, true, CTL_BODY_result, &result);
	assert_int_equal(result.code, CTL_R_NOT_REGISTERED);
	FAKE_WAIT(&rig->one, rig->one.ended);
}

static void a_wire_that_stays_silent_is_closed(void **state)
{
	struct rig *rig = *state;

	pool_rig_fini(&rig->pool);
	assert_int_equal(pool_rig_init(&rig->pool, 50), 0);
	fake_dial(&rig->one, &rig->pool);
	FAKE_WAIT(&rig->one, rig->one.ended);
}

static void a_new_context_goes_to_the_mrfp_with_the_fewest_terminations(void **state)
{
	struct rig *rig = *state;
	struct outcome o;

	fake_up(&rig->one, &rig->pool, "mrfp-1", 100);
	add_done(rig, &rig->one, room_a, 1);
	fake_up(&rig->two, &rig->pool, "mrfp-2", 200);
	add_done(rig, &rig->two, room_b, 1);
	assert_string_equal(mrfp_pool_of(rig->pool.pool, room_a), "mrfp-1");
	assert_string_equal(mrfp_pool_of(rig->pool.pool, room_b), "mrfp-2");
	/* A context stays where it is. */
	add_done(rig, &rig->one, room_a, 2);
	add_done(rig, &rig->one, room_a, 3);
	subtract(rig, room_b, 0, &o);
	assert_int_equal(fake_next(&rig->two).command, CTL_CMD_SUBTRACT);
}

static void without_an_mrfp_an_add_fails_but_a_subtract_does_not(void **state)
{
	struct rig *rig = *state;
	struct outcome o;
	struct ctl_modify msg = {0};

	add(rig, room_a, 1, &o);
	rig->one.base = rig->pool.base;
	FAKE_WAIT(&rig->one, o.n == 1);
	assert_int_equal(o.err, -ERR_CLOSED);
	subtract(rig, room_a, 0, &o);
	FAKE_WAIT(&rig->one, o.n == 1);
	assert_int_equal(o.err, 0);
	CTL_SET(&msg, modify, epoch, 1);
	mrfp_pool_modify(rig->pool.pool, room_a, &msg, on_result, &o);
	FAKE_WAIT(&rig->one, o.n == 2);
	assert_int_equal(o.err, -ERR_NOT_FOUND);
}

static void a_full_or_draining_mrfp_takes_no_new_context(void **state)
{
	struct rig *rig = *state;
	struct ctl_result result;
	struct outcome o;

	fake_up(&rig->one, &rig->pool, "mrfp-1", 100);
	for (uint64_t t = 1; t <= 3; t++)
		add_done(rig, &rig->one, room_a, t);
	add(rig, room_b, 1, &o);
	FAKE_WAIT(&rig->one, o.n == 1);
	assert_int_equal(o.err, -ERR_LIMIT);
	fake_service_change(&rig->one, CTL_DRAIN, "mrfp-1", 100, &result);
	assert_int_equal(result.code, CTL_R_NO_RESOURCES); /* no other will take its contexts */
	assert_int_equal(only_mrfp(rig).state, MRFP_DRAINING);
	assert_false(mrfp_pool_up(rig->pool.pool));
	add(rig, room_a, 4, &o);
	FAKE_WAIT(&rig->one, o.n == 1);
	assert_int_equal(o.err, -ERR_LIMIT); /* what is there may grow to the limit only */
	add(rig, room_b, 1, &o);
	FAKE_WAIT(&rig->one, o.n == 1);
	assert_int_equal(o.err, -ERR_CLOSED);
}

static void a_refused_add_leaves_no_context_behind(void **state)
{
	struct rig *rig = *state;
	struct outcome o;

	fake_up(&rig->one, &rig->pool, "mrfp-1", 100);
	add(rig, room_a, 1, &o);
	fake_take_add(&rig->one, CTL_R_NO_RESOURCES, NULL);
	FAKE_WAIT(&rig->one, o.n == 1);
	assert_int_equal(o.err, -ERR_LIMIT);
	assert_string_equal(mrfp_pool_of(rig->pool.pool, room_a), "");
	assert_int_equal(only_mrfp(rig).contexts, 0);
}

static void terminations_and_contexts_are_counted_until_subtracted(void **state)
{
	struct rig *rig = *state;
	struct ctl_frame frame;
	struct outcome o;

	fake_up(&rig->one, &rig->pool, "mrfp-1", 100);
	add_done(rig, &rig->one, room_a, 1);
	add_done(rig, &rig->one, room_a, 2);
	add_done(rig, &rig->one, room_a, 2); /* again is no more */
	assert_int_equal(only_mrfp(rig).terminations, 2);
	subtract(rig, room_a, 2, &o);
	frame = fake_next(&rig->one);
	fake_reply_code(&rig->one, &frame, CTL_R_OK);
	FAKE_WAIT(&rig->one, o.n == 1);
	assert_int_equal(only_mrfp(rig).terminations, 1);
	assert_int_equal(only_mrfp(rig).contexts, 1);
	subtract(rig, room_a, 1, &o);
	frame = fake_next(&rig->one);
	fake_reply_code(&rig->one, &frame, CTL_R_OK);
	FAKE_WAIT(&rig->one, o.n == 1);
	assert_int_equal(only_mrfp(rig).contexts, 0);

	add_done(rig, &rig->one, room_a, 1);
	subtract(rig, room_a, 0, &o);
	frame = fake_next(&rig->one);
	fake_reply_code(&rig->one, &frame, CTL_R_OK);
	FAKE_WAIT(&rig->one, o.n == 1);
	assert_int_equal(only_mrfp(rig).terminations, 0);
	assert_int_equal(only_mrfp(rig).contexts, 0);
}

static uint16_t notify(struct rig *rig, const uint8_t *context, uint8_t event, uint16_t *status_r)
{
	struct ctl_notify msg = {0};
	struct ctl_result result;

	CTL_SET(&msg, notify, event, event);
	CTL_SET(&msg, notify, termination, 9);
	CTL_SET(&msg, notify, load, 333);
	fake_send(&rig->one, CTL_CMD_NOTIFY, 0, (uint32_t)rand_u64(), context, CTL_BODY_notify,
		  &msg);
	fake_expect(&rig->one, CTL_CMD_NOTIFY, true, CTL_BODY_result, &result);
	*status_r = result.status;
	return result.code;
}

static void events_go_up_and_a_nicknames_status_comes_back(void **state)
{
	struct rig *rig = *state;
	uint16_t status;

	fake_up(&rig->one, &rig->pool, "mrfp-1", 100);
	add_done(rig, &rig->one, room_a, 9);
	assert_int_equal(notify(rig, room_a, CTL_EVENT_NICKNAME, &status), CTL_R_OK);
	assert_int_equal(status, 425);
	assert_int_equal(notify(rig, room_a, CTL_EVENT_BOUND, &status), CTL_R_OK);
	assert_int_equal(status, 0);
	assert_int_equal(notify(rig, room_b, CTL_EVENT_BOUND, &status), CTL_R_UNKNOWN_CONTEXT);
	assert_int_equal(notify(rig, room_a, 99, &status), CTL_R_BAD_VALUE);
	assert_int_equal(notify(rig, NULL, CTL_EVENT_LOAD, &status), CTL_R_OK);
	assert_int_equal(only_mrfp(rig).load, 333);
	assert_string_equal(rig->log, "notify:a9 notify:a9 ");
}

static void a_malformed_request_is_answered_and_the_link_lives(void **state)
{
	struct rig *rig = *state;
	struct ctl_subtract wrong = {0};
	struct ctl_result result;
	uint16_t status;

	fake_up(&rig->one, &rig->pool, "mrfp-1", 100);
	CTL_SET(&wrong, subtract, epoch, 1);
	fake_send(&rig->one, CTL_CMD_NOTIFY, 0, 1, NULL, CTL_BODY_subtract, &wrong);
	fake_expect(&rig->one, CTL_CMD_NOTIFY, true, CTL_BODY_result, &result);
	assert_int_equal(result.code, CTL_R_UNKNOWN_FIELD);
	fake_send(&rig->one, CTL_CMD_ADD, 0, 2, NULL, CTL_BODY_subtract, &wrong);
	fake_expect(&rig->one, CTL_CMD_ADD, true, CTL_BODY_result, &result);
	assert_int_equal(result.code, CTL_R_UNKNOWN_COMMAND);
	assert_int_equal(notify(rig, NULL, CTL_EVENT_LOAD, &status), CTL_R_OK);
}

static void the_metrics_show_links_and_places(void **state)
{
	struct rig *rig = *state;
	struct bytes out = BYTES_INIT;

	fake_up(&rig->one, &rig->pool, "mrfp-1", 100);
	add_done(rig, &rig->one, room_a, 1);
	metrics_write(rig->pool.metrics, &out);
	assert_non_null(strstr(bytes_cstr(&out), "mrfc_mrfps{state=\"up\"} 1\n"));
	assert_non_null(strstr(bytes_cstr(&out), "mrfc_mp_terminations 1\n"));
	assert_non_null(strstr(bytes_cstr(&out), "mrfc_mp_requests_total{command=\"ADD\"} 1\n"));
	assert_non_null(strstr(bytes_cstr(&out), "mrfc_mp_links_total{event=\"registered\"} 1\n"));
	bytes_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_mrfp_registers_and_is_shown),
		TEST(who_does_not_register_properly_is_refused_and_closed),
		TEST(a_wire_that_stays_silent_is_closed),
		TEST(a_new_context_goes_to_the_mrfp_with_the_fewest_terminations),
		TEST(without_an_mrfp_an_add_fails_but_a_subtract_does_not),
		TEST(a_full_or_draining_mrfp_takes_no_new_context),
		TEST(a_refused_add_leaves_no_context_behind),
		TEST(terminations_and_contexts_are_counted_until_subtracted),
		TEST(events_go_up_and_a_nicknames_status_comes_back),
		TEST(a_malformed_request_is_answered_and_the_link_lives),
		TEST(the_metrics_show_links_and_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
