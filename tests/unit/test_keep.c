/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/keep and mrfp/owed: what a leg that goes has not answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_plane.h"
#include "mrfp/settle.h"

static int setup(void **state)
{
	struct fake_plane *f = xcalloc(1, sizeof(*f));

	fake_plane_open(f);
	f->ctx->policy |= CTL_POLICY_KEEP;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fake_plane *f = *state;

	fake_check_sums(f);
	fake_plane_close(f);
	free(f);
	return 0;
}

/* A message of n octets in chunks of `chunk`; returns its serial. */
static uint64_t say(struct fake_plane *f, const char *text, size_t chunk, char flag)
{
	struct slice body = slice_str(text);
	struct outmsg m = {.total = body.len, .stream = STREAM_CHAT, .id = "m1", .sender = 7};
	uint64_t pos = 1;

	m.meta.kind = CPIM_CHAT;
	m.meta.admit = UINT64_MAX;
	m.content_type = slice_dup(SLICE_LIT("message/cpim"));
	publish_begin(f->ctx, &m);
	do {
		struct slice part = slice_first(body, chunk);
		bool last = part.len == body.len;

		publish_chunk(f->ctx, &m, pos, last && flag == '#' ? SLICE_NULL : part,
			      last ? flag : '+', last);
		pos += part.len;
		body = slice_from(body, part.len);
	} while (body.len);
	outmsg_fini(&m);
	return m.meta.serial;
}

static void check_text(const struct fake_plane *f, uint64_t serial, const char *text)
{
	const struct kept *k = keep_find(f->ctx, serial);
	struct bytes b = BYTES_INIT;

	assert_non_null(k);
	assert_true(k->complete);
	assert_string_equal(k->message_id, "m1");
	assert_int_equal(k->sender, 7);
	keep_join(k, &b);
	assert_string_equal(bytes_cstr(&b), text);
	bytes_fini(&b);
}

static void a_message_is_put_together_from_its_chunks(void **state)
{
	struct fake_plane *f = *state;
	uint64_t one, many;

	fake_member(f, "alice");
	one = say(f, "a whole one", 100, '$');
	many = say(f, "one in several pieces\r\n-------\r\n", 4, '$');
	check_text(f, one, "a whole one");
	check_text(f, many, "one in several pieces\r\n-------\r\n");
	assert_null(keep_find(f->ctx, many + 1));
}

static void one_that_is_given_up_is_forgotten(void **state)
{
	struct fake_plane *f = *state;
	uint64_t serial;

	fake_member(f, "alice");
	serial = say(f, "not to the end", 4, '#');
	assert_null(keep_find(f->ctx, serial));
	assert_int_equal(f->plane.budget.kept, 0);
}

static void nothing_is_kept_without_the_policy(void **state)
{
	struct fake_plane *f = *state;

	f->ctx->policy = 0;
	fake_member(f, "alice");
	assert_null(keep_find(f->ctx, say(f, "gone", 100, '$')));
	assert_null(f->ctx->keep);
}

static void the_oldest_give_way(void **state)
{
	struct fake_plane *f = *state;
	char text[1025];
	uint64_t first, last = 0;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	f->opt.keep_bytes = 16384;
	fake_member(f, "alice");
	first = say(f, text, 2000, '$');
	for (int i = 0; i < 40; i++)
		last = say(f, text, 2000, '$');
	assert_null(keep_find(f->ctx, first));
	check_text(f, last, text);
	assert_true(f->plane.budget.kept <= 16384);
}

static void what_all_have_answered_goes_with_the_tick(void **state)
{
	struct fake_plane *f = *state;
	struct session *a = fake_member(f, "alice");
	uint64_t first = say(f, "first", 100, '$'), second = say(f, "second", 100, '$');

	struct session *whose;
	struct fake_sent sent;
	char tid[MSRP_TID_MAX + 1];

	keep_tick(&f->plane);
	check_text(f, first, "first"); /* nobody has got it yet */
	sent = fake_take(a, STREAM_CHAT);
	keep_tick(&f->plane);
	check_text(f, first, "first"); /* out, not answered */
	for (size_t i = 0; i < sent.n; i++) {
		size_t len = series_format(&f->ctx->log[STREAM_CHAT].tids, sent.nums[i], SLICE_NULL,
					   tid);

		check_text(f, second, "second");
		assert_int_equal(settle_answer(a->wire, slice_make(tid, len), 200, &whose),
				 SETTLE_OK);
		keep_tick(&f->plane);
	}
	assert_null(keep_find(f->ctx, first));
	assert_null(keep_find(f->ctx, second));
	assert_null(f->ctx->keep);
	assert_int_equal(f->plane.budget.kept, 0);
}

static void who_goes_is_owed_what_it_has_not_answered(void **state)
{
	struct fake_plane *f = *state;
	struct session *a = fake_member(f, "alice"), *b = fake_member(f, "bob"), *whose;
	struct fake_sent sent;
	struct wire *own;
	char tid[MSRP_TID_MAX + 1];
	size_t len;

	say(f, "answered", 100, '$');
	sent = fake_take(a, STREAM_CHAT);
	len = series_format(&f->ctx->log[STREAM_CHAT].tids, sent.nums[0], SLICE_NULL, tid);
	assert_int_equal(settle_answer(a->wire, slice_make(tid, len), 200, &whose), SETTLE_OK);
	say(f, "out, not answered", 5, '$');
	fake_take(a, STREAM_CHAT);
	say(f, "not even out", 4, '$');
	f->n_events = 0;
	owed_leave(a);
	assert_int_equal(f->n_events, 3); /* two messages, and the mark */
	assert_int_equal(f->last.event, CTL_EVENT_OWED);
	assert_false(CTL_HAS(&f->last, notify, body));
	assert_int_equal(f->last.termination, a->termination);
	assert_int_equal(a->open[CPIM_CHAT], 2); /* its own copies are lost when it has gone */
	assert_true(a->hold);
	assert_int_equal(f->ctx->n_missing, 1);
	f->n_events = 0;
	own = a->wire;
	hangup(a, 0); /* the rest of its end */
	fake_wire_free(own);
	assert_int_equal(*f->plane.stats.settled[CPIM_CHAT][OUTCOME_LOST], 2);
	assert_int_equal(a->open[CPIM_CHAT], 0);
	(void)b;
}

static void a_held_leg_gets_nothing_live_until_it_is_released(void **state)
{
	struct fake_plane *f = *state;
	struct session *a = fake_member(f, "alice");
	struct bytes b = BYTES_INIT;

	owed_leave(a);
	session_part(a);
	say(f, "missed", 100, '$');
	session_join(a);
	assert_int_equal(f->ctx->n_missing, 0);
	say(f, "live", 100, '$');
	fake_pending(a, STREAM_CHAT, &b);
	assert_int_equal(b.len, 0);
	assert_true(session_lag(a) > 0);
	owed_release(a);
	fake_pending(a, STREAM_CHAT, &b);
	assert_non_null(strstr(bytes_cstr(&b), "live"));
	assert_null(strstr(bytes_cstr(&b), "missed"));
	bytes_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_message_is_put_together_from_its_chunks, setup,
						teardown),
		cmocka_unit_test_setup_teardown(one_that_is_given_up_is_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_kept_without_the_policy, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_oldest_give_way, setup, teardown),
		cmocka_unit_test_setup_teardown(what_all_have_answered_goes_with_the_tick, setup,
						teardown),
		cmocka_unit_test_setup_teardown(who_goes_is_owed_what_it_has_not_answered, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_held_leg_gets_nothing_live_until_it_is_released,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
