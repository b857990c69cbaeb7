/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool: registration on a real socket, where contexts go, what becomes of them when an MRFP
 * leaves or comes back, and what an audit finds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/mem.h"
#include "common/metrics.h"
#include "fake_pool.h"

static const uint8_t room_a[CTL_CONTEXT_SIZE] = "ContextOfRoomA..";
static const uint8_t room_b[CTL_CONTEXT_SIZE] = "ContextOfRoomB..";

struct rig {
	struct pool_rig pool;
	struct fake_mrfp one, two;
	char log[512];      /* what the user was told, in order */
	const char *denied; /* known() says no to these: "a0 b7 " */
	bool move;          /* a lost context is placed anew at once */
};

struct outcome {
	int n;
	int err;
	char path[64];
};

static void tell(struct rig *rig, const char *what, const uint8_t *context, uint64_t termination)
{
	size_t len = strlen(rig->log);

	snprintf(rig->log + len, sizeof(rig->log) - len, "%s:%c%llu ", what,
		 memcmp(context, room_a, CTL_CONTEXT_SIZE) ? 'b' : 'a',
		 (unsigned long long)termination);
}

static uint16_t on_notify(const uint8_t *context, const struct ctl_notify *event, void *arg)
{
	tell(arg, "notify", context, event->termination);
	return event->event == CTL_EVENT_NICKNAME ? 425 : 0;
}

static void on_context_lost(const uint8_t *context, void *arg)
{
	struct rig *rig = arg;
	struct ctl_add msg = {0};

	tell(arg, "lost", context, 0);
	if (!rig->move)
		return;
	CTL_SET(&msg, add, epoch, 2);
	CTL_SET(&msg, add, termination, 8);
	mrfp_pool_add(rig->pool.pool, context, &msg, NULL, NULL);
}

static void on_termination_lost(const uint8_t *context, uint64_t termination, void *arg)
{
	tell(arg, "lost", context, termination);
}

static bool on_known(const uint8_t *context, uint64_t termination, void *arg)
{
	struct rig *rig = arg;
	char name[32];

	snprintf(name, sizeof(name), "%c%llu ",
		 memcmp(context, room_a, CTL_CONTEXT_SIZE) ? 'b' : 'a',
		 (unsigned long long)termination);
	return !strstr(rig->denied, name);
}

static const struct mrfp_pool_events events = {.notify = on_notify,
					       .context_lost = on_context_lost,
					       .termination_lost = on_termination_lost,
					       .known = on_known};

static int setup(void **state)
{
	struct rig *rig = xcalloc(1, sizeof(*rig));

	*state = rig;
	rig->denied = "";
	if (pool_rig_init(&rig->pool, 5000) < 0)
		return -1;
	mrfp_pool_set_events(rig->pool.pool, &events, rig);
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	fake_close(&rig->one);
	fake_close(&rig->two);
	pool_rig_fini(&rig->pool);
	free(rig);
	return 0;
}

static void on_result(const struct mrfp_result *result, void *arg)
{
	struct outcome *o = arg;

	o->n++;
	o->err = result->err;
	assert_int_equal(slice_copy(result->local_path, o->path, sizeof(o->path)), 0);
}

static void add(struct rig *rig, const uint8_t *context, uint64_t termination, struct outcome *o)
{
	struct ctl_add msg = {0};

	*o = (struct outcome){0};
	CTL_SET(&msg, add, epoch, 1);
	CTL_SET(&msg, add, termination, termination);
	mrfp_pool_add(rig->pool.pool, context, &msg, on_result, o);
	assert_int_equal(o->n, 0);
}

static void add_done(struct rig *rig, struct fake_mrfp *f, const uint8_t *context,
		     uint64_t termination)
{
	struct outcome o;

	add(rig, context, termination, &o);
	fake_take_add(f, CTL_R_OK, "192.0.2.9:2855");
	FAKE_WAIT(f, o.n == 1);
	assert_int_equal(o.err, 0);
}

static void subtract(struct rig *rig, const uint8_t *context, uint64_t termination,
		     struct outcome *o)
{
	struct ctl_subtract msg = {0};

	*o = (struct outcome){0};
	CTL_SET(&msg, subtract, epoch, 1);
	CTL_SET(&msg, subtract, termination, termination);
	mrfp_pool_subtract(rig->pool.pool, context, &msg, on_result, o);
	assert_int_equal(o->n, 0);
}

static void copy_info(const struct mrfp_info *info, void *arg)
{
	*(struct mrfp_info *)arg = *info;
}

static struct mrfp_info only_mrfp(struct rig *rig)
{
	struct mrfp_info info = {0};

	mrfp_pool_each(rig->pool.pool, copy_info, &info);
	return info;
}

static struct slice record(struct bytes *out, const uint8_t *context, uint64_t termination)
{
	struct ctl_audit_termination t = {0};

	CTL_SET(&t, audit_termination, context, slice_make(context, CTL_CONTEXT_SIZE));
	CTL_SET(&t, audit_termination, epoch, 5);
	CTL_SET(&t, audit_termination, termination, termination);
	CTL_SET(&t, audit_termination, bound, 1);
	ctl_encode(out, CTL_BODY_audit_termination, &t);
	return bytes_slice(out);
}

static void expect_subtract(struct fake_mrfp *f, const uint8_t *context, uint64_t termination)
{
	struct ctl_subtract msg;
	struct ctl_frame frame;

	frame = fake_expect(f, CTL_CMD_SUBTRACT, false, CTL_BODY_subtract, &msg);
	assert_memory_equal(frame.context, context, CTL_CONTEXT_SIZE);
	assert_int_equal(msg.termination, termination);
	assert_int_equal(msg.epoch, 5);
	fake_reply_code(f, &frame, CTL_R_OK);
}

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

static void a_restarted_mrfp_has_lost_its_contexts(void **state)
{
	struct rig *rig = *state;
	struct outcome o;

	fake_up(&rig->one, &rig->pool, "mrfp-1", 100);
	add_done(rig, &rig->one, room_a, 1);
	add(rig, room_a, 2, &o);
	fake_next(&rig->one);
	fake_close(&rig->one);
	fake_up(&rig->two, &rig->pool, "mrfp-1", 101);
	assert_string_equal(rig->log, "lost:a0 ");
	assert_int_equal(o.n, 1);
	assert_int_equal(o.err, -ERR_CLOSED);
	assert_string_equal(mrfp_pool_of(rig->pool.pool, room_a), "");
	/* It may come back at once. */
	add_done(rig, &rig->two, room_a, 1);
}

static void a_second_mrfp_of_the_same_name_is_refused_while_the_first_lives(void **state)
{
	struct rig *rig = *state;
	struct ctl_result result;

	fake_up(&rig->one, &rig->pool, "mrfp-1", 100);
	add_done(rig, &rig->one, room_a, 1);
	fake_dial(&rig->two, &rig->pool);
	fake_service_change(&rig->two, CTL_REGISTER, "mrfp-1", 101, &result);
	assert_int_equal(result.code, CTL_R_NOT_ALLOWED);
	assert_string_equal(rig->log, "");
	assert_string_equal(mrfp_pool_of(rig->pool.pool, room_a), "mrfp-1");
}

static void a_lost_context_can_be_placed_on_the_restarted_mrfp_at_once(void **state)
{
	struct rig *rig = *state;
	struct bytes a = BYTES_INIT, b = BYTES_INIT;
	struct slice records[2];

	fake_up(&rig->one, &rig->pool, "mrfp-1", 100);
	add_done(rig, &rig->one, room_a, 1);
	add_done(rig, &rig->one, room_b, 1);
	rig->move = true;
	fake_close(&rig->one);
	fake_register(&rig->two, &rig->pool, "mrfp-1", 101);
	fake_take_add(&rig->two, CTL_R_OK, "192.0.2.9:2855");
	fake_take_add(&rig->two, CTL_R_OK, "192.0.2.9:2855");
	records[0] = record(&a, room_a, 8);
	records[1] = record(&b, room_b, 8);
	fake_audit(&rig->two, 0, 0, records, 2);
	add_done(rig, &rig->two, room_a, 9);
	assert_int_equal(only_mrfp(rig).contexts, 2);
	assert_int_equal(only_mrfp(rig).terminations, 3);
	assert_int_equal(strlen(rig->log), 16); /* each told once */
	bytes_fini(&a);
	bytes_fini(&b);
}

static void a_link_that_comes_back_in_time_has_lost_nothing(void **state)
{
	struct rig *rig = *state;
	struct bytes a = BYTES_INIT;
	struct slice records[1];
	struct outcome o;

	fake_up(&rig->one, &rig->pool, "mrfp-1", 100);
	add_done(rig, &rig->one, room_a, 1);
	add(rig, room_a, 2, &o);
	fake_next(&rig->one);
	fake_close(&rig->one);
	fake_register(&rig->two, &rig->pool, "mrfp-1", 100);
	fake_take_add(&rig->two, CTL_R_OK, "192.0.2.9:2855"); /* asked again */
	FAKE_WAIT(&rig->two, o.n == 1);
	assert_int_equal(o.err, 0);
	records[0] = record(&a, room_a, 1);
	fake_audit(&rig->two, 0, 0, records, 1);
	add_done(rig, &rig->two, room_a, 3);
	/* What was answered after the audit began is not held against it. */
	assert_string_equal(rig->log, "");
	bytes_fini(&a);
}

static void a_link_that_stays_away_or_says_so_loses_its_contexts(void **state)
{
	struct rig *rig = *state;
	struct ctl_result result;

	fake_up(&rig->one, &rig->pool, "mrfp-1", 100);
	add_done(rig, &rig->one, room_a, 1);
	fake_service_change(&rig->one, CTL_FORCED, "mrfp-1", 100, &result);
	assert_int_equal(result.code, CTL_R_OK);
	FAKE_WAIT(&rig->one, rig->log[0]);
	assert_string_equal(rig->log, "lost:a0 ");
	assert_int_equal(only_mrfp(rig).state, MRFP_DOWN);
}

static void an_audit_subtracts_what_nobody_knows(void **state)
{
	struct rig *rig = *state;
	struct bytes a = BYTES_INIT, b = BYTES_INIT, c = BYTES_INIT;
	struct slice first[2], second[1];

	rig->denied = "b0 a7 ";
	fake_register(&rig->one, &rig->pool, "mrfp-1", 100);
	first[0] = record(&a, room_a, 6);
	first[1] = record(&b, room_a, 7);
	second[0] = record(&c, room_b, 1);
	fake_audit(&rig->one, 0, 99, first, 2);
	expect_subtract(&rig->one, room_a, 7);
	fake_audit(&rig->one, 99, 0, second, 1);
	expect_subtract(&rig->one, room_b, 0);
	assert_string_equal(mrfp_pool_of(rig->pool.pool, room_a), "mrfp-1");
	assert_string_equal(mrfp_pool_of(rig->pool.pool, room_b), "");
	assert_int_equal(only_mrfp(rig).terminations, 1);
	bytes_fini(&a);
	bytes_fini(&b);
	bytes_fini(&c);
}

static void an_audit_adopts_what_is_known_in_the_middle_of_requests_too(void **state)
{
	struct rig *rig = *state;
	struct bytes a = BYTES_INIT;
	struct slice one = record(&a, room_a, 1);
	struct outcome o;

	fake_register(&rig->one, &rig->pool, "mrfp-1", 100);
	add(rig, room_a, 2, &o);
	fake_audit(&rig->one, 0, 0, &one, 1);
	fake_take_add(&rig->one, CTL_R_NO_RESOURCES, NULL);
	FAKE_WAIT(&rig->one, o.n == 1);
	assert_int_equal(only_mrfp(rig).terminations, 1);
	bytes_fini(&a);
}

static void an_audit_tells_what_the_mrfp_no_longer_has(void **state)
{
	struct rig *rig = *state;
	struct bytes a = BYTES_INIT;
	struct slice records[1];

	fake_up(&rig->one, &rig->pool, "mrfp-1", 100);
	add_done(rig, &rig->one, room_a, 1);
	add_done(rig, &rig->one, room_a, 2);
	add_done(rig, &rig->one, room_b, 1);
	fake_close(&rig->one);
	fake_register(&rig->two, &rig->pool, "mrfp-1", 100);
	records[0] = record(&a, room_a, 2);
	fake_audit(&rig->two, 0, 0, records, 1);
	FAKE_WAIT(&rig->two, strlen(rig->log) >= 16);
	assert_non_null(strstr(rig->log, "lost:a1 "));
	assert_non_null(strstr(rig->log, "lost:b0 "));
	assert_int_equal(strlen(rig->log), 16);
	assert_int_equal(only_mrfp(rig).terminations, 1);
	bytes_fini(&a);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
		TEST(a_restarted_mrfp_has_lost_its_contexts),
		TEST(a_second_mrfp_of_the_same_name_is_refused_while_the_first_lives),
		TEST(a_lost_context_can_be_placed_on_the_restarted_mrfp_at_once),
		TEST(a_link_that_comes_back_in_time_has_lost_nothing),
		TEST(a_link_that_stays_away_or_says_so_loses_its_contexts),
		TEST(an_audit_subtracts_what_nobody_knows),
		TEST(an_audit_adopts_what_is_known_in_the_middle_of_requests_too),
		TEST(an_audit_tells_what_the_mrfp_no_longer_has),
		TEST(events_go_up_and_a_nicknames_status_comes_back),
		TEST(a_malformed_request_is_answered_and_the_link_lives),
		TEST(the_metrics_show_links_and_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
