/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool and MRFPs that leave, come back or start anew: what has become of their contexts, and what
 * an audit finds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mrfp_pool_rig.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_restarted_mrfp_has_lost_its_contexts),
		TEST(a_second_mrfp_of_the_same_name_is_refused_while_the_first_lives),
		TEST(a_lost_context_can_be_placed_on_the_restarted_mrfp_at_once),
		TEST(a_link_that_comes_back_in_time_has_lost_nothing),
		TEST(a_link_that_stays_away_or_says_so_loses_its_contexts),
		TEST(an_audit_subtracts_what_nobody_knows),
		TEST(an_audit_adopts_what_is_known_in_the_middle_of_requests_too),
		TEST(an_audit_tells_what_the_mrfp_no_longer_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
