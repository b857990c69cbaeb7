/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/relay and relayed: one leg to the other, what is told to whom, who has to wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_plane.h"
#include "mrfp/relay.h"
#include "mrfp/settle.h"

struct world {
	struct fake_plane f;
	struct session *alice, *bob;
};

static void open_world(struct world *w)
{
	fake_plane_open(&w->f);
	w->f.ctx->kind = CTL_KIND_RELAY;
	w->f.ctx->policy = CTL_POLICY_ACCOUNT;
	w->alice = fake_member(&w->f, "alice");
	w->bob = fake_member(&w->f, "bob");
}

static void close_world(struct world *w)
{
	fake_check_sums(&w->f);
	fake_plane_close(&w->f);
}

/* What a peer sends, chunk by chunk; returns the status. */
struct sending {
	const char *id, *type;
	bool success, no_failure;
};

static int chunk(struct session *s, const struct sending *a, uint64_t start, uint64_t total,
		 struct slice body, char flag)
{
	struct request *rq = &s->wire->rx->req;
	struct msrp_head h = {.method = MSRP_SEND, .has_body = true};

	h.message_id = slice_str(a->id);
	h.range = (struct msrp_range){true, start, MSRP_UNSPECIFIED, total};
	h.content_type = slice_str(a->type);
	h.success_report = a->success;
	h.failure_report = a->no_failure ? MSRP_FR_NO : MSRP_FR_YES;
	memset(rq, 0, sizeof(*rq));
	rq->session = s;
	rq->status = 200;
	ingress_begin(rq, &h);
	if (body.len)
		ingress_body(rq, body);
	ingress_end(rq, flag);
	rq->session = NULL;
	rq->msg = NULL;
	assert_null(rq->report);
	return rq->status;
}

static int say(struct session *s, const char *id, const char *text)
{
	struct sending a = {.id = id, .type = "text/plain"};

	return chunk(s, &a, 1, strlen(text), slice_str(text), '$');
}

/* Text of all that is queued as our own for a leg; the queue is emptied. */
static char *own(struct session *s)
{
	struct bytes b = BYTES_INIT;
	struct iovec iov[64];
	int n;

	bytes_add_str(&b, "");
	while ((n = outq_iov(&s->wire->own, iov, 64)) > 0) {
		for (int i = 0; i < n; i++) {
			bytes_add(&b, iov[i].iov_base, iov[i].iov_len);
			outq_sent(&s->wire->own, iov[i].iov_len, NULL, NULL);
		}
	}
	return bytes_take(&b);
}

static void expect_own(struct session *s, const char *part)
{
	char *text = own(s);

	if (part && !strstr(text ? text : "", part))
		fail_msg("no %s in: %s", part, text ? text : "");
	if (!part && text && text[0])
		fail_msg("not expected: %s", text);
	free(text);
}

static void answer(struct session *s, int stream, uint64_t num, int status)
{
	char tid[MSRP_TID_MAX + 1];
	struct session *whose;

	series_format(&s->ctx->log[stream].tids, num,
		      slice_make(s->block.suffix, s->block.suffix_len), tid);
	settle_answer(s->wire, slice_str(tid), status, &whose);
}

/* The leg takes all chat that waits, and answers each chunk so (0: not at all). */
static size_t take(struct session *s, int status)
{
	struct fake_sent sent = fake_take(s, STREAM_CHAT);

	for (size_t i = 0; status && i < sent.n; i++)
		answer(s, STREAM_CHAT, sent.nums[i], status);
	return sent.n;
}

static bool report(struct session *s, uint64_t serial, uint64_t start, uint64_t end, uint64_t total,
		   int status)
{
	char id[MSRP_TID_MAX + 1];
	struct msrp_head h = {.method = MSRP_REPORT, .has_status = true, .status_code = status};

	h.message_id = slice_make(id, series_format(&s->ctx->message_ids, serial, SLICE_NULL, id));
	h.range = (struct msrp_range){start != 0, start, end, total};
	return relayed_report(s, &h);
}

static void a_message_goes_to_the_other_and_is_accounted_for(void **state)
{
	struct world w;
	struct bytes b = BYTES_INIT;

	(void)state;
	open_world(&w);
	assert_int_equal(say(w.alice, "m001", "hello"), 200);
	fake_pending(w.alice, STREAM_CHAT, &b);
	assert_int_equal(b.len, 0);
	fake_pending(w.bob, STREAM_CHAT, &b);
	assert_true(slice_find(bytes_slice(&b), SLICE_LIT("\r\n\r\nhello\r\n")) > 0);
	assert_true(slice_find(bytes_slice(&b), SLICE_LIT("Success-Report")) < 0);
	assert_int_equal(w.f.n_events, 0);
	assert_int_equal(take(w.bob, 200), 1);
	assert_int_equal(w.f.n_events, 1);
	assert_int_equal(w.f.last.event, CTL_EVENT_ACCOUNTING);
	assert_int_equal(w.f.last.outcome, CTL_OUTCOME_DELIVERED);
	assert_int_equal(w.f.last.size, 5);
	assert_int_equal(w.f.last.started, fake_wall_ms());
	expect_own(w.alice, NULL);
	bytes_fini(&b);
	close_world(&w);
}

/* covers: MSRP-107 */
static void each_failure_is_told_once_to_who_wants_to_know(void **state)
{
	struct sending quiet = {.id = "m004", .type = "text/plain", .no_failure = true};
	struct world w;

	(void)state;
	open_world(&w);
	say(w.alice, "m001", "one");
	assert_int_equal(take(w.bob, 413), 1);
	expect_own(w.alice, "Message-ID: m001\r\nByte-Range: 1-3/3\r\nStatus: 000 413");
	assert_int_equal(w.f.last.outcome, CTL_OUTCOME_REFUSED_BY_PEER);
	say(w.alice, "m002", "two");
	assert_int_equal(take(w.bob, 0), 1);
	assert_false(report(w.bob, 2, 2, 3, 3, 403));
	expect_own(w.alice, "Message-ID: m002\r\nByte-Range: 2-3/3\r\nStatus: 000 403");
	relayed_settled(w.bob, 2, OUTCOME_REFUSED, 403);
	expect_own(w.alice, NULL);
	assert_true(report(w.bob, 2, 2, 3, 3, 408)); /* a range is missing: the session failed */
	expect_own(w.alice, NULL);
	say(w.alice, "m003", "three");
	take(w.bob, 0);
	assert_int_equal(settle_expire(w.bob, w.f.plane.now_ms + 30000), 2);
	expect_own(w.alice, "Message-ID: m003\r\nByte-Range: 1-5/5\r\nStatus: 000 408");
	chunk(w.alice, &quiet, 1, 1, SLICE_LIT("x"), '$');
	take(w.bob, 400);
	expect_own(w.alice, NULL);
	assert_int_equal(w.f.last.status, 400);
	close_world(&w);
}

static void success_is_the_receivers_to_report(void **state)
{
	struct sending a = {.id = "m001", .type = "text/plain", .success = true};
	struct world w;

	(void)state;
	open_world(&w);
	chunk(w.alice, &a, 1, 10, SLICE_LIT("0123456789"), '$');
	say(w.alice, "m002", "not asked");
	take(w.bob, 200);
	assert_int_equal(w.f.n_events, 1); /* of the second */
	expect_own(w.alice, NULL);
	assert_false(report(w.alice, 1, 1, 10, 10, 200)); /* not hers to report */
	expect_own(w.alice, NULL);
	report(w.bob, 1, 6, 10, 10, 200);
	expect_own(w.alice, "Message-ID: m001\r\nByte-Range: 6-10/10\r\nStatus: 000 200");
	assert_int_equal(w.f.n_events, 1);
	report(w.bob, 1, 0, 0, 0, 200);
	expect_own(w.alice, "Byte-Range: 1-10/10\r\n");
	assert_int_equal(w.f.n_events, 2);
	assert_int_equal(w.f.last.outcome, CTL_OUTCOME_DELIVERED);
	report(w.bob, 2, 1, 9, 9, 200);
	report(w.bob, 99, 1, 9, 9, 200);
	expect_own(w.alice, NULL);
	close_world(&w);
}

/* covers: MSRP-111 */
static void proof_that_never_comes_is_told_at_the_end_or_when_too_many_wait(void **state)
{
	struct sending a = {.type = "text/plain", .success = true};
	char id[16];
	struct world w;

	(void)state;
	open_world(&w);
	a.id = id;
	for (unsigned n = 0; n < RELAYED_UNPROVEN_MAX + 2; n++) {
		snprintf(id, sizeof(id), "m%06u", n);
		chunk(w.alice, &a, 1, 1, SLICE_LIT("x"), '$');
		take(w.bob, 200);
	}
	assert_int_equal(w.f.n_events, 1);
	assert_int_equal(w.f.last.outcome, CTL_OUTCOME_UNPROVEN);
	fake_leave(w.bob);
	/* The fake takes a leg away as one that is to be back. */
	relayed_leave(w.alice, false);
	assert_int_equal(w.f.n_events, RELAYED_UNPROVEN_MAX + 2);
	close_world(&w);
}

/* covers: MSRP-144 */
static void ranges_of_a_wrapped_message_move_up_and_back(void **state)
{
	struct sending a = {.id = "m001", .type = "text/plain", .success = true};
	struct bytes b = BYTES_INIT;
	char text[64];
	struct relayed *r;
	struct world w;

	(void)state;
	open_world(&w);
	session_text(&w.bob->accept_types, slice_str("message/cpim text/html"));
	session_apply_taste(w.bob);
	chunk(w.alice, &a, 4, 6, SLICE_LIT("def"), '$');
	chunk(w.alice, &a, 1, 6, SLICE_LIT("abc"), '+');
	r = relayed_find(w.f.ctx, 1);
	assert_non_null(r);
	fake_pending(w.bob, STREAM_CHAT, &b);
	snprintf(text, sizeof(text), "Byte-Range: %u-%u/%u\r\n", r->shift + 4, r->shift + 6,
		 r->shift + 6);
	assert_true(slice_find(bytes_slice(&b), slice_str(text)) > 0);
	snprintf(text, sizeof(text), "Byte-Range: 1-%u/%u\r\n", r->shift + 3, r->shift + 6);
	assert_true(slice_find(bytes_slice(&b), slice_str(text)) > 0);
	assert_true(slice_find(bytes_slice(&b), SLICE_LIT("From: <sip:alice@example.com>\r\n"
							  "To: <sip:bob@example.com>\r\n"
							  "DateTime: 2023-11-14T")) > 0);
	assert_true(slice_find(bytes_slice(&b), SLICE_LIT("\r\n\r\nabc\r\n")) > 0);
	take(w.bob, 200);
	report(w.bob, 1, 1, r->shift, r->shift + 6, 200);
	expect_own(w.alice, NULL);
	report(w.bob, 1, 1, r->shift + 2, r->shift + 6, 200);
	expect_own(w.alice, "Byte-Range: 1-2/6\r\n");
	report(w.bob, 1, r->shift + 3, r->shift + 6, r->shift + 6, 200);
	expect_own(w.alice, "Byte-Range: 3-6/6\r\n");
	assert_int_equal(w.f.last.outcome, CTL_OUTCOME_DELIVERED);
	bytes_fini(&b);
	close_world(&w);
}

static void taken_away(struct session *s)
{
	fake_leave(s);
}

/* The leg stays, without connection and without a place in the logs. */
static void cut_as_slow(struct session *s)
{
	struct wire *w = s->wire;

	hangup(s, CTL_LOST_SLOW);
	fake_wire_free(w);
}

static void goes_before_the_first_octet_left(void (*go)(struct session *))
{
	struct msrp_head h = {.method = MSRP_SEND, .has_body = true};
	struct request *rq;
	struct world w;

	open_world(&w);
	rq = &w.alice->wire->rx->req;
	h.message_id = SLICE_LIT("m001");
	h.range = (struct msrp_range){true, 1, MSRP_UNSPECIFIED, 5};
	h.content_type = SLICE_LIT("text/plain");
	rq->session = w.alice;
	rq->status = 200;
	ingress_begin(rq, &h);
	ingress_body(rq, SLICE_LIT("hello"));
	go(w.bob);
	ingress_end(rq, '$');
	assert_int_equal(rq->status, 200);
	rq->session = NULL;
	expect_own(w.alice, "Message-ID: m001\r\nByte-Range: 1-5/5\r\nStatus: 000 481");
	assert_int_equal(w.f.last.outcome, CTL_OUTCOME_LOST);
	close_world(&w);
}

static void a_receiver_that_goes_before_the_first_octet_left_is_told_of(void **state)
{
	(void)state;
	goes_before_the_first_octet_left(taken_away);
	goes_before_the_first_octet_left(cut_as_slow);
}

static void what_was_not_begun_waits_for_the_next_connection(void **state)
{
	struct bytes b = BYTES_INIT;
	struct wire *old;
	struct world w;

	(void)state;
	open_world(&w);
	say(w.alice, "m001", "answered");
	take(w.bob, 200);
	say(w.alice, "m002", "in doubt");
	take(w.bob, 0);
	say(w.alice, "m003", "not begun");
	old = w.bob->wire;
	hangup(w.bob, 0);
	fake_wire_free(old);
	expect_own(w.alice, "Message-ID: m002\r\nByte-Range: 1-8/8\r\nStatus: 000 408");
	assert_int_equal(w.bob->open[CPIM_CHAT], 1);
	fake_check_sums(&w.f);
	say(w.alice, "m004", "while away");
	assert_int_equal(w.bob->open[CPIM_CHAT], 2);
	wire_add_session(fake_wire(&w.f), w.bob);
	session_join(w.bob);
	fake_pending(w.bob, STREAM_CHAT, &b);
	assert_true(slice_find(bytes_slice(&b), SLICE_LIT("in doubt")) < 0);
	assert_true(slice_find(bytes_slice(&b), SLICE_LIT("not begun")) > 0);
	assert_int_equal(take(w.bob, 200), 2);
	assert_int_equal(w.bob->open[CPIM_CHAT], 0);
	bytes_fini(&b);
	close_world(&w);
}

static void the_wait_for_a_connection_ends(void **state)
{
	struct wire *old;
	struct world w;

	(void)state;
	open_world(&w);
	old = w.bob->wire;
	hangup(w.bob, 0);
	fake_wire_free(old);
	assert_false(relay_tick(w.bob, w.f.plane.now_ms));
	say(w.alice, "m001", "early");
	assert_true(relay_tick(w.bob, w.f.plane.now_ms));
	assert_true(relay_tick(w.bob, w.f.plane.now_ms + 29999));
	expect_own(w.alice, NULL);
	assert_false(relay_tick(w.bob, w.f.plane.now_ms + 30000));
	expect_own(w.alice, "Status: 000 408");
	assert_int_equal(w.f.last.outcome, CTL_OUTCOME_LOST);
	assert_int_equal(w.bob->open[CPIM_CHAT], 0);
	assert_false(session_pending(w.alice)); /* passes over her own */
	assert_int_equal(context_held(w.f.ctx), 0);
	assert_false(relay_tick(w.bob, w.f.plane.now_ms + 30001));
	close_world(&w);
}

static void a_sender_waits_between_the_marks(void **state)
{
	struct sending a = {.type = "image/png"};
	char *data = xcalloc(1, 20000), id[16];
	struct wire *old;
	struct world w;
	unsigned n = 0;

	(void)state;
	open_world(&w);
	old = w.bob->wire; /* without connection: the marks are the same, and no socket is needed */
	hangup(w.bob, 0);
	fake_wire_free(old);
	a.id = id;
	while (context_held(w.f.ctx) <= (uint64_t)w.f.opt.high_water) {
		assert_false(relay_pressure(w.f.ctx));
		snprintf(id, sizeof(id), "m%06u", n++);
		chunk(w.alice, &a, 1, 20000, slice_make(data, 20000), '$');
	}
	w.alice->wire->paused = WIRE_PAUSE_OWN; /* so that no socket is asked */
	assert_true(relay_pressure(w.f.ctx));
	assert_true(w.alice->wire->paused & WIRE_PAUSE_PEER);
	assert_true(relay_pressure(w.f.ctx));
	wire_add_session(fake_wire(&w.f), w.bob);
	session_join(w.bob);
	take(w.bob, 200);
	assert_false(relay_pressure(w.f.ctx));
	assert_false(w.alice->wire->paused & WIRE_PAUSE_PEER);
	free(data);
	close_world(&w);
}

static void reports_without_room_are_sent_when_there_is(void **state)
{
	struct world w;
	char *filler = xcalloc(1, WIRE_OWN_HIGH), *text;

	(void)state;
	open_world(&w);
	assert_int_equal(
		outq_push(&w.alice->wire->own, chunk_from(slice_make(filler, WIRE_OWN_HIGH)), 0),
		0);
	say(w.alice, "m001", "one");
	say(w.alice, "m002", "two");
	take(w.bob, 413);
	assert_true(relayed_flush(w.alice));
	text = own(w.alice);
	free(text);
	assert_false(relayed_flush(w.alice));
	text = own(w.alice);
	assert_non_null(strstr(text, "m001"));
	assert_non_null(strstr(text, "m002"));
	free(text);
	free(filler);
	assert_false(relayed_flush(w.alice));
	expect_own(w.alice, NULL);
	close_world(&w);
}

static void the_book_stays_small(void **state)
{
	char id[16];
	struct world w;

	(void)state;
	open_world(&w);
	for (unsigned n = 0; n < 3 * RELAYED_DONE_MAX; n++) {
		snprintf(id, sizeof(id), "m%06u", n);
		say(w.alice, id, "x");
		take(w.bob, 200);
	}
	assert_null(relayed_find(w.f.ctx, 1));
	assert_null(relayed_find(w.f.ctx, 2 * RELAYED_DONE_MAX - 2));
	assert_non_null(relayed_find(w.f.ctx, 2 * RELAYED_DONE_MAX + 1));
	close_world(&w);
}

/* covers: MSRP-101, MSRP-102, MSRP-113 */
static void the_order_of_refusals(void **state)
{
	struct sending a = {.id = "m001", .type = "video/x"};
	struct wire *old;
	struct world w;

	(void)state;
	open_world(&w);
	session_text(&w.bob->accept_types, slice_str("text/plain"));
	w.bob->taste.max_size = 4;
	w.bob->direction = CTL_DIR_SENDONLY;
	session_apply_taste(w.bob);
	assert_int_equal(chunk(w.alice, &a, 1, 5, SLICE_LIT("12345"), '$'), 403);
	w.bob->direction = CTL_DIR_SENDRECV;
	session_apply_taste(w.bob);
	assert_int_equal(chunk(w.alice, &a, 1, 5, SLICE_LIT("12345"), '$'), 415);
	a.type = "Multipart/Mixed;boundary=x";
	assert_int_equal(chunk(w.alice, &a, 1, 5, SLICE_LIT("12345"), '$'), 413);
	a.type = "text/plain";
	assert_int_equal(chunk(w.alice, &a, 1, 5, SLICE_LIT("12345"), '$'), 413);
	assert_int_equal(chunk(w.alice, &a, 1, 4, SLICE_LIT("1234"), '$'), 200);
	assert_int_equal(w.f.last.outcome, CTL_OUTCOME_REFUSED);
	old = w.bob->wire;
	hangup(w.bob, CTL_LOST_CLOSED);
	fake_wire_free(old);
	a.id = "m002";
	assert_int_equal(chunk(w.alice, &a, 1, 4, SLICE_LIT("1234"), '$'), 481);
	expect_own(w.alice, "Status: 000 481");
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_goes_to_the_other_and_is_accounted_for),
		cmocka_unit_test(each_failure_is_told_once_to_who_wants_to_know),
		cmocka_unit_test(success_is_the_receivers_to_report),
		cmocka_unit_test(proof_that_never_comes_is_told_at_the_end_or_when_too_many_wait),
		cmocka_unit_test(ranges_of_a_wrapped_message_move_up_and_back),
		cmocka_unit_test(a_receiver_that_goes_before_the_first_octet_left_is_told_of),
		cmocka_unit_test(what_was_not_begun_waits_for_the_next_connection),
		cmocka_unit_test(the_wait_for_a_connection_ends),
		cmocka_unit_test(a_sender_waits_between_the_marks),
		cmocka_unit_test(reports_without_room_are_sent_when_there_is),
		cmocka_unit_test(the_book_stays_small),
		cmocka_unit_test(the_order_of_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
