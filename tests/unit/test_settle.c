/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/settle (with report, publish): what becomes of copies, each counted once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_plane.h"
#include "mrfp/settle.h"

static void say(struct fake_plane *f, struct session *from, const char *text, const char *cuts)
{
	struct outmsg m = {.total = strlen(text), .stream = STREAM_CHAT};
	uint64_t pos = 1;

	m.meta = (struct chunk_meta){.source = from->taste.number, .admit = UINT64_MAX};
	m.content_type = (char *)(uintptr_t) "message/cpim";
	snprintf(m.type, sizeof(m.type), "text/plain");
	publish_begin(f->ctx, &m);
	for (; *cuts; cuts++, pos++)
		publish_chunk(f->ctx, &m, pos, SLICE_LIT("x"), *cuts, *cuts != '+');
}

static enum settle_verdict answer(struct session *s, int stream, uint64_t num, int status)
{
	const struct series *series =
		stream == STREAM_DIRECT ? &s->ctx->direct : &s->ctx->log[stream].tids;
	char id[MSRP_TID_MAX + 1];
	struct session *whose;

	return settle_answer(
		s->wire,
		slice_make(id, series_format(series, num,
					     slice_make(s->block.suffix, s->block.suffix_len), id)),
		status, &whose);
}

/* covers: MSRP-098, SW-036 */
static void a_copy_is_delivered_by_the_answer_to_its_last_chunk(void **state)
{
	struct fake_plane f;
	struct session *alice, *bob;
	struct fake_sent sent;
	struct stats *st = &f.plane.stats;

	(void)state;
	fake_plane_open(&f);
	alice = fake_member(&f, "alice");
	bob = fake_member(&f, "bob");
	say(&f, alice, "xx", "+$");
	assert_int_equal(*st->open[CPIM_CHAT], 1);
	sent = fake_take(bob, STREAM_CHAT);
	assert_int_equal(sent.n, 2);
	assert_int_equal(answer(bob, STREAM_CHAT, sent.nums[1], 200), SETTLE_OK);
	assert_int_equal(*st->settled[CPIM_CHAT][OUTCOME_DELIVERED], 1);
	assert_int_equal(answer(bob, STREAM_CHAT, sent.nums[1], 200), SETTLE_UNKNOWN);
	assert_int_equal(answer(bob, STREAM_CHAT, sent.nums[0], 200), SETTLE_OK);
	assert_int_equal(answer(bob, STREAM_CHAT, 999, 200), SETTLE_UNKNOWN);
	assert_int_equal(*st->open[CPIM_CHAT], 0);
	fake_check_sums(&f);
	fake_plane_close(&f);
}

/* covers: MSRP-076, SW-035 */
static void a_refusal_stops_the_rest_for_that_leg_only(void **state)
{
	struct fake_plane f;
	struct session *alice, *bob, *carol;
	struct bytes b = BYTES_INIT;
	struct fake_sent sent;
	struct outmsg m = {.total = 3, .stream = STREAM_CHAT};

	(void)state;
	fake_plane_open(&f);
	alice = fake_member(&f, "alice");
	bob = fake_member(&f, "bob");
	carol = fake_member(&f, "carol");
	m.meta = (struct chunk_meta){.source = alice->taste.number, .admit = UINT64_MAX};
	m.content_type = (char *)(uintptr_t) "message/cpim";
	publish_begin(f.ctx, &m);
	publish_chunk(f.ctx, &m, 1, SLICE_LIT("a"), '+', false);
	sent = fake_take(bob, STREAM_CHAT);
	assert_int_equal(answer(bob, STREAM_CHAT, sent.nums[0], 413), SETTLE_OK);
	assert_int_equal(bob->direct.n_items, 1); /* the '#' */
	publish_chunk(f.ctx, &m, 2, SLICE_LIT("b"), '$', true);
	fake_pending(bob, STREAM_CHAT, &b);
	assert_int_equal(b.len, 0);
	sent = fake_take(carol, STREAM_CHAT);
	assert_int_equal(sent.n, 2);
	assert_int_equal(answer(carol, STREAM_CHAT, sent.nums[1], 200), SETTLE_OK);
	assert_int_equal(*f.plane.stats.settled[CPIM_CHAT][OUTCOME_REFUSED], 1);
	assert_int_equal(*f.plane.stats.settled[CPIM_CHAT][OUTCOME_DELIVERED], 1);
	fake_check_sums(&f);
	bytes_fini(&b);
	fake_plane_close(&f);
}

/* covers: MSRP-097 */
static void a_415_ends_that_type_and_a_481_the_session(void **state)
{
	struct fake_plane f;
	struct session *alice, *bob;
	struct fake_sent sent;

	(void)state;
	fake_plane_open(&f);
	alice = fake_member(&f, "alice");
	bob = fake_member(&f, "bob");
	say(&f, alice, "x", "$");
	sent = fake_take(bob, STREAM_CHAT);
	assert_int_equal(answer(bob, STREAM_CHAT, sent.nums[0], 415), SETTLE_OK);
	assert_string_equal(bob->refused_types, "text/plain");
	assert_false(context_admit(f.ctx, CPIM_CHAT, SLICE_LIT("message/cpim"),
				   SLICE_LIT("text/plain")) >>
			     bob->taste.accept &
		     1);
	assert_true(context_admit(f.ctx, CPIM_CHAT, SLICE_LIT("message/cpim"),
				  SLICE_LIT("image/png")) >>
			    bob->taste.accept &
		    1);
	f.ctx->log[STREAM_CHAT].tids.next = 100;
	bob->taste.accept = alice->taste.accept; /* let one more through */
	f.ctx->accepts[alice->taste.accept].n_users++;
	say(&f, alice, "x", "$");
	sent = fake_take(bob, STREAM_CHAT);
	assert_int_equal(answer(bob, STREAM_CHAT, sent.nums[0], 481), SETTLE_GONE);
	fake_check_sums(&f);
	fake_plane_close(&f);
}

/* covers: MSRP-096 */
static void a_408_of_a_relay_is_a_loss(void **state)
{
	struct fake_plane f;
	struct session *alice, *bob;
	struct fake_sent sent;

	(void)state;
	fake_plane_open(&f);
	alice = fake_member(&f, "alice");
	bob = fake_member(&f, "bob");
	say(&f, alice, "x", "$");
	sent = fake_take(bob, STREAM_CHAT);
	assert_int_equal(answer(bob, STREAM_CHAT, sent.nums[0], 408), SETTLE_OK);
	assert_int_equal(*f.plane.stats.settled[CPIM_CHAT][OUTCOME_LOST], 1);
	fake_check_sums(&f);
	fake_plane_close(&f);
}

/* covers: MSRP-094 */
static void silence_for_thirty_seconds_is_a_loss(void **state)
{
	struct fake_plane f;
	struct session *alice, *bob;

	(void)state;
	fake_plane_open(&f);
	alice = fake_member(&f, "alice");
	bob = fake_member(&f, "bob");
	say(&f, alice, "x", "$");
	fake_take(bob, STREAM_CHAT);
	assert_int_equal(settle_expire(bob, f.plane.now_ms + 29999), 0);
	assert_int_equal(settle_expire(bob, f.plane.now_ms + 30000), 1);
	assert_int_equal(*f.plane.stats.settled[CPIM_CHAT][OUTCOME_LOST], 1);
	assert_true(bob->copies_lost == 1);
	fake_check_sums(&f);
	fake_plane_close(&f);
}

/* covers: MSRP-108, MSRP-109, MSRP-110 */
static void a_failure_report_stops_a_message_and_an_unknown_one_nothing(void **state)
{
	struct fake_plane f;
	struct session *alice, *bob;
	struct fake_sent sent;
	char id[MSRP_TID_MAX + 1];
	struct slice mid;

	(void)state;
	fake_plane_open(&f);
	alice = fake_member(&f, "alice");
	bob = fake_member(&f, "bob");
	say(&f, alice, "x", "$");
	sent = fake_take(bob, STREAM_CHAT);
	mid = slice_make(id, series_format(&f.ctx->message_ids, f.ctx->serial, SLICE_NULL, id));
	assert_int_equal(settle_report(bob, SLICE_LIT("not-ours"), 413), SETTLE_UNKNOWN);
	assert_int_equal(settle_report(bob, mid, 200), SETTLE_OK);
	assert_int_equal(*f.plane.stats.open[CPIM_CHAT], 1);
	assert_int_equal(settle_report(bob, mid, 413), SETTLE_OK);
	assert_int_equal(settle_report(bob, mid, 413), SETTLE_OK);
	assert_int_equal(*f.plane.stats.settled[CPIM_CHAT][OUTCOME_REFUSED], 1);
	assert_int_equal(answer(bob, STREAM_CHAT, sent.nums[0], 200), SETTLE_OK);
	assert_int_equal(*f.plane.stats.settled[CPIM_CHAT][OUTCOME_DELIVERED], 0);
	fake_check_sums(&f);
	fake_plane_close(&f);
}

/* covers: SW-055, MSRP-107 */
static void a_private_message_that_reached_nobody_is_reported_once(void **state)
{
	struct fake_plane f;
	struct session *alice, *targets[2];
	struct outmsg m = {.total = 1};
	struct receipt *r;
	struct chunk *report;

	(void)state;
	fake_plane_open(&f);
	alice = fake_member(&f, "alice");
	targets[0] = fake_member(&f, "bob");
	targets[1] = fake_member(&f, "bob");
	m.meta.source = alice->taste.number;
	m.content_type = (char *)(uintptr_t) "message/cpim";
	publish_begin_private(f.ctx, &m);
	r = receipt_new(alice, m.meta.serial, CPIM_CHAT, targets, 2);
	r->message_id = xstrdup("mid1");
	r->cpim_from = xstrdup("<sip:alice@example.com>");
	r->cpim_to = xstrdup("<sip:bob@example.com>");
	r->want_failure = true;
	for (int i = 0; i < 2; i++)
		assert_int_equal(publish_direct(targets[i], &m, 1, SLICE_LIT("x"), '$', true), 0);
	receipt_input_done(r, 1, true);
	fake_leave(targets[0]);
	assert_int_equal(alice->wire->own.n_items, 0);
	fake_leave(targets[1]);
	assert_int_equal(alice->wire->own.n_items, 1);
	report = STAILQ_FIRST(&alice->wire->own.items)->chunk;
	assert_true(slice_find(chunk_slice(report), SLICE_LIT("Status: 000 481")) >= 0);
	assert_true(slice_find(chunk_slice(report), SLICE_LIT("To: <sip:bob@example.com>")) >= 0);
	assert_null(receipt_find(f.ctx, m.meta.serial));
	assert_int_equal(*f.plane.stats.settled[CPIM_CHAT][OUTCOME_LOST], 2);
	fake_check_sums(&f);
	fake_plane_close(&f);
}

/* covers: MSRP-048 */
static void a_leg_that_goes_loses_what_is_open(void **state)
{
	struct fake_plane f;
	struct session *alice, *bob;
	struct wire *w;

	(void)state;
	fake_plane_open(&f);
	alice = fake_member(&f, "alice");
	bob = fake_member(&f, "bob");
	say(&f, alice, "x", "$");
	say(&f, alice, "x", "+");
	say(&f, alice, "x", "$");
	fake_take(bob, STREAM_CHAT);
	w = bob->wire;
	hangup(bob, CTL_LOST_CLOSED);
	fake_wire_free(w);
	assert_int_equal(f.n_events, 1);
	assert_int_equal(f.last.event, CTL_EVENT_LOST);
	assert_int_equal(f.last.cause, CTL_LOST_CLOSED);
	assert_true(f.last.copies_lost == 3);
	assert_int_equal(bob->state, SESSION_LOST);
	assert_int_equal(*f.plane.stats.open[CPIM_CHAT], 0);
	assert_true(chunklog_held(&f.ctx->log[STREAM_CHAT]) == 0 ||
		    alice->cur[STREAM_CHAT].seq != f.ctx->log[STREAM_CHAT].head);
	fake_check_sums(&f);
	fake_plane_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_is_delivered_by_the_answer_to_its_last_chunk),
		cmocka_unit_test(a_refusal_stops_the_rest_for_that_leg_only),
		cmocka_unit_test(a_415_ends_that_type_and_a_481_the_session),
		cmocka_unit_test(a_408_of_a_relay_is_a_loss),
		cmocka_unit_test(silence_for_thirty_seconds_is_a_loss),
		cmocka_unit_test(a_failure_report_stops_a_message_and_an_unknown_one_nothing),
		cmocka_unit_test(a_private_message_that_reached_nobody_is_reported_once),
		cmocka_unit_test(a_leg_that_goes_loses_what_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
