/* SPDX-License-Identifier: Apache-2.0 */
/* Frames in, calls of the key server, frames out: whose a conference is, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "keyserver_rig.h"
#include "proto/ks/ks_serve.h"

struct serve_rig {
	struct rig *rig;
	struct ks_serve *serve;
	struct ks_client first, second;
	struct ks_taken taken;
};

static int set_up(void **state)
{
	struct serve_rig *r = test_calloc(1, sizeof(*r));

	r->rig = rig_new();
	r->serve = ks_serve_new(&r->rig->settings, &r->rig->lookup, &r->rig->now);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct serve_rig *r = *state;

	ks_serve_free(&r->serve);
	rig_free(r->rig);
	test_free(r);
	return 0;
}

static int take(struct serve_rig *r, struct ks_client *c, const struct ks_frame *f)
{
	return ks_serve_take(r->serve, c, f, &r->rig->now, &r->taken);
}

static int say(struct serve_rig *r, struct ks_client *c, uint8_t verb, const char *room)
{
	return take(r, c, &(struct ks_frame){.verb = verb, .room = slice_str(room)});
}

static void hello(struct serve_rig *r, struct ks_client *c)
{
	assert_int_equal(take(r, c, &(struct ks_frame){.verb = KS_HELLO, .number = KS_VERSION}), 0);
	assert_int_equal(r->taken.answer, KS_HELLO);
	assert_true(c->hello);
}

static int change(struct serve_rig *r, struct ks_client *c, const char *joined, const char *left)
{
	struct bytes list = BYTES_INIT;
	int err;

	if (left != NULL)
		ks_list_add(&list, &(struct ks_item_view){.uri = slice_str(left)});
	if (joined != NULL)
		ks_list_add(&list,
			    &(struct ks_item_view){.joined = true, .uri = slice_str(joined)});
	err = take(r, c,
		   &(struct ks_frame){.verb = KS_CHANGE,
				      .room = slice_str(ROOM),
				      .bytes = bytes_slice(&list)});
	bytes_fini(&list);
	return err;
}

static void expect(struct serve_rig *r, struct ks_client *to, uint8_t verb, const char *uri)
{
	struct ks_out out;

	assert_true(ks_serve_next(r->serve, &r->rig->now, &out));
	assert_ptr_equal(out.to, to);
	assert_int_equal(out.frame.verb, verb);
	assert_true(slice_eq_str(out.frame.room, ROOM));
	assert_true(slice_eq_str(out.frame.uri, uri));
	if (verb == KS_EPOCH || verb == KS_CONFIRMED)
		assert_int_equal(out.frame.bytes.len, GKID_SIZE);
	if (verb == KS_MESSAGE)
		assert_true(out.frame.bytes.len > 100 && out.frame.number == 1);
	if (verb == KS_REFUSED)
		assert_int_equal(out.frame.number, ERR_NOT_FOUND);
}

static void expect_nothing(struct serve_rig *r)
{
	struct ks_out out;

	assert_false(ks_serve_next(r->serve, &r->rig->now, &out));
}

static void test_calls_become_frames(void **state)
{
	struct serve_rig *r = *state;

	hello(r, &r->first);
	assert_int_equal(say(r, &r->first, KS_PING, NULL), 0);
	assert_int_equal(r->taken.answer, KS_PONG);
	assert_int_equal(say(r, &r->first, KS_OPEN, ROOM), 0);
	assert_int_equal(ks_serve_rooms(r->serve), 1);
	assert_int_equal(change(r, &r->first, ALICE, NULL), 0);
	expect(r, &r->first, KS_EPOCH, "");
	expect(r, &r->first, KS_MESSAGE, ALICE);
	expect_nothing(r);
	assert_int_equal(change(r, &r->first, "sip:nobody@example.com", NULL), 0);
	expect(r, &r->first, KS_REFUSED, "sip:nobody@example.com");
	expect_nothing(r);
	assert_int_equal(change(r, &r->first, BOB, ALICE), 0);
	expect(r, &r->first, KS_EPOCH, "");
	expect(r, &r->first, KS_MESSAGE, BOB);
	expect_nothing(r);
	assert_int_equal(say(r, &r->first, KS_CLOSE, ROOM), 0);
	assert_int_equal(ks_serve_rooms(r->serve), 0);
}

static void test_what_is_not_understood_ends_it(void **state)
{
	struct serve_rig *r = *state;

	assert_int_equal(say(r, &r->first, KS_PING, NULL), -ERR_SYNTAX); /* before hello */
	assert_int_equal(say(r, &r->first, KS_OPEN, ROOM), -ERR_SYNTAX);
	assert_int_equal(say(r, &r->first, KS_HELLO, NULL), -ERR_SYNTAX); /* version 0 */
	hello(r, &r->first);
	assert_int_equal(say(r, &r->first, KS_OPEN, ""), -ERR_SYNTAX);
	assert_int_equal(say(r, &r->first, KS_EPOCH, ROOM), -ERR_SYNTAX);
	assert_int_equal(say(r, &r->first, 0, ROOM), -ERR_SYNTAX);
	assert_int_equal(
		take(r, &r->first,
		     &(struct ks_frame){.verb = KS_OPEN, .room = slice_str(ROOM), .number = 2}),
		-ERR_SYNTAX); /* no such suite */
	assert_int_equal(say(r, &r->first, KS_OPEN, ROOM), 0);
	assert_int_equal(take(r, &r->first,
			      &(struct ks_frame){.verb = KS_CHANGE,
						 .room = slice_str(ROOM),
						 .bytes = SLICE_LIT("\1\0\0")}),
			 -ERR_SYNTAX);
	expect_nothing(r);
}

static void test_a_room_is_of_who_opened_it_last(void **state)
{
	struct serve_rig *r = *state;

	hello(r, &r->first);
	hello(r, &r->second);
	assert_int_equal(say(r, &r->first, KS_OPEN, ROOM), 0);
	assert_int_equal(change(r, &r->second, ALICE, NULL), 0); /* not its own */
	assert_int_equal(say(r, &r->second, KS_CLOSE, ROOM), 0);
	assert_int_equal(ks_serve_rooms(r->serve), 1);
	expect_nothing(r);
	assert_int_equal(say(r, &r->second, KS_OPEN, ROOM), 0);
	assert_ptr_equal(r->taken.lost, &r->first);
	assert_int_equal(change(r, &r->first, ALICE, NULL), 0);
	expect_nothing(r);
	assert_int_equal(change(r, &r->second, ALICE, NULL), 0);
	expect(r, &r->second, KS_EPOCH, "");
	ks_serve_gone(r->serve, &r->first);
	assert_int_equal(ks_serve_rooms(r->serve), 1);
	ks_serve_gone(r->serve, &r->second);
	assert_int_equal(ks_serve_rooms(r->serve), 0);
	expect_nothing(r); /* ALICE's message went with the room */
}

static void test_hello_begins_anew(void **state)
{
	struct serve_rig *r = *state;

	hello(r, &r->first);
	assert_int_equal(say(r, &r->first, KS_OPEN, ROOM), 0);
	hello(r, &r->first);
	assert_int_equal(ks_serve_rooms(r->serve), 0);
	assert_int_equal(change(r, &r->first, ALICE, NULL), 0);
	expect_nothing(r);
}

static void test_a_member_who_is_none_is_told_so(void **state)
{
	struct serve_rig *r = *state;
	const struct ks_frame f = {.verb = KS_REQUEST,
				   .room = slice_str(ROOM),
				   .uri = slice_str(BOB),
				   .bytes = SLICE_LIT("x")};
	struct ks_out out;

	hello(r, &r->first);
	assert_int_equal(say(r, &r->first, KS_OPEN, ROOM), 0);
	assert_int_equal(take(r, &r->first, &f), 0);
	assert_int_equal(r->taken.dropped, -ERR_DENIED);
	assert_true(ks_serve_next(r->serve, &r->rig->now, &out));
	assert_int_equal(out.kind, KEYSERVER_REFUSED);
	assert_int_equal(out.frame.number, ERR_DENIED);
	assert_true(strlen(out.why) > 0 && slice_eq_str(out.frame.bytes, out.why));
}

static void test_epochs_age_and_wear_out(void **state)
{
	struct serve_rig *r = *state;

	hello(r, &r->first);
	assert_int_equal(say(r, &r->first, KS_OPEN, ROOM), 0);
	assert_int_equal(change(r, &r->first, ALICE, NULL), 0);
	expect(r, &r->first, KS_EPOCH, "");
	expect(r, &r->first, KS_MESSAGE, ALICE);
	assert_int_equal(take(r, &r->first,
			      &(struct ks_frame){.verb = KS_SENT,
						 .room = slice_str(ROOM),
						 .number = 1u << 20}),
			 0);
	expect(r, &r->first, KS_EPOCH, "");
	expect(r, &r->first, KS_MESSAGE, ALICE);
	r->rig->now.mono_ms += 86400000u;
	ks_serve_age(r->serve, &r->rig->now);
	expect(r, &r->first, KS_EPOCH, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_calls_become_frames, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_not_understood_ends_it, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_room_is_of_who_opened_it_last, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_hello_begins_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_member_who_is_none_is_told_so, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_epochs_age_and_wear_out, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
