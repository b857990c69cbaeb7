/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/verdict: messages that wait for the MRFC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_plane.h"

#define CPIM                                                                                       \
	"From: <sip:alice@example.com>\r\nTo: <" ROOM ">\r\n\r\nContent-Type: text/plain\r\n\r\n"

struct world {
	struct fake_plane f;
	struct session *alice, *bob;
};

static void open_world(struct world *w)
{
	fake_plane_open(&w->f);
	w->f.ctx->policy = CTL_POLICY_AUTHORISE;
	w->alice = fake_member(&w->f, "alice");
	w->bob = fake_member(&w->f, "bob");
	w->alice->wire->paused = WIRE_PAUSE_OWN; /* so that no socket is asked */
}

static void close_world(struct world *w)
{
	fake_check_sums(&w->f);
	fake_plane_close(&w->f);
}

/* A chunk of a message of alice; true when its response waits. */
static bool chunk(struct world *w, const char *id, uint64_t start, uint64_t total,
		  struct slice body, char flag)
{
	struct request *rq = &w->alice->wire->rx->req;
	struct msrp_head h = {.method = MSRP_SEND, .has_body = true};

	h.message_id = slice_str(id);
	h.range = (struct msrp_range){true, start, MSRP_UNSPECIFIED, total};
	h.content_type = SLICE_LIT("message/cpim");
	memset(rq, 0, sizeof(*rq));
	rq->session = w->alice;
	rq->status = 200;
	snprintf(rq->tid, sizeof(rq->tid), "tid0");
	ingress_begin(rq, &h);
	if (body.len)
		ingress_body(rq, body);
	ingress_end(rq, flag);
	rq->session = NULL;
	rq->msg = NULL;
	return rq->answered;
}

static bool whole(struct world *w, const char *id)
{
	return chunk(w, id, 1, sizeof(CPIM "hi") - 1, SLICE_LIT(CPIM "hi"), '$');
}

static size_t waits_for_bob(struct world *w)
{
	struct bytes b = BYTES_INIT;
	size_t len;

	fake_pending(w->bob, STREAM_CHAT, &b);
	len = b.len;
	bytes_fini(&b);
	return len;
}

static void a_message_goes_on_or_not_as_the_verdict_says(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	assert_true(whole(&w, "m001"));
	assert_int_equal(w.f.last.event, CTL_EVENT_AUTHORISE);
	assert_int_equal(w.f.last.size, sizeof(CPIM "hi") - 1);
	assert_int_equal(w.f.n_events, 1);
	assert_int_equal(waits_for_bob(&w), 0);
	verdict_reply(w.f.plane.verdicts, 99, 200);
	assert_int_equal(w.f.last_answer, 0);
	verdict_reply(w.f.plane.verdicts, 1, 200);
	assert_int_equal(w.f.last_answer, 200);
	assert_true(waits_for_bob(&w) > 0);
	fake_take(w.bob, STREAM_CHAT);
	assert_true(whole(&w, "m002"));
	verdict_reply(w.f.plane.verdicts, 2, 413);
	assert_int_equal(w.f.last_answer, 413);
	assert_int_equal(waits_for_bob(&w), 0);
	assert_int_equal(w.alice->n_inbox, 0);
	assert_int_equal(w.alice->verdict_bytes, 0);
	close_world(&w);
}

static void an_answer_that_is_no_status_is_a_refusal(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	whole(&w, "m001");
	verdict_reply(w.f.plane.verdicts, 1, 7);
	assert_int_equal(w.f.last_answer, 403);
	close_world(&w);
}

static void no_verdict_in_time_is_a_refusal_and_the_question_is_withdrawn(void **state)
{
	uint64_t now_ms;
	struct world w;

	(void)state;
	open_world(&w);
	now_ms = w.f.plane.now_ms;
	whole(&w, "m001");
	verdict_tick(w.f.plane.verdicts, now_ms + 4999);
	assert_int_equal(w.f.last_answer, 0);
	verdict_tick(w.f.plane.verdicts, now_ms + 5000);
	assert_int_equal(w.f.last_answer, 403);
	assert_int_equal(w.f.withdrawn, 1);
	assert_int_equal(*w.f.plane.stats.verdicts_late, 1);
	verdict_reply(w.f.plane.verdicts, 1, 200); /* too late */
	assert_int_equal(waits_for_bob(&w), 0);
	close_world(&w);
}

#define STRANGER                                                                                   \
	"From: <sip:alias@example.com>\r\nTo: <" ROOM ">\r\n\r\nContent-Type: text/plain\r\n\r\n"

/* Alice has another name, which only her description brings. */
static void describe(struct world *w, bool by_that_name)
{
	struct slice names[] = {SLICE_LIT("sip:alice@example.com"),
				SLICE_LIT("sip:alias@example.com")};
	struct ctl_list uris = {names, by_that_name ? 2 : 1};

	uris_set(&w->alice->uris, &uris);
	session_set_remote_path(w->alice, SLICE_LIT("msrp://127.0.0.1:9/alice;tcp"));
	verdict_described(w->f.plane.verdicts);
}

static void who_is_not_described_yet_is_judged_by_the_description(void **state)
{
	struct slice text = SLICE_LIT(STRANGER "hello world");
	struct world w;

	(void)state;
	for (unsigned known = 0; known < 2; known++) {
		open_world(&w);
		w.f.ctx->policy = 0;
		session_set_remote_path(w.alice, SLICE_LIT(""));
		assert_false(whole(&w, "m001")); /* by the name she was called by */
		assert_true(waits_for_bob(&w) > 0);
		fake_take(w.bob, STREAM_CHAT);
		assert_true(chunk(&w, "m002", 1, text.len, slice_first(text, text.len - 5), '+'));
		assert_true(chunk(&w, "m002", text.len - 4, text.len,
				  slice_from(text, text.len - 5), '$'));
		verdict_described(w.f.plane.verdicts); /* of somebody else */
		assert_int_equal(w.f.last_answer, 0);
		assert_int_equal(waits_for_bob(&w), 0);
		assert_int_equal(w.alice->n_verdicts, 1);
		describe(&w, known);
		assert_int_equal(w.f.last_answer, known ? 200 : 403);
		assert_int_equal(waits_for_bob(&w) > 0, known);
		assert_int_equal(w.f.n_events, 0);
		assert_int_equal(w.alice->n_inbox, 0);
		assert_int_equal(w.alice->verdict_bytes, 0);
		fake_take(w.bob, STREAM_CHAT);
		close_world(&w);
	}
}

static void behind_the_description_comes_the_verdict(void **state)
{
	struct slice text = SLICE_LIT(STRANGER "hello world");
	struct world w;

	(void)state;
	open_world(&w);
	session_set_remote_path(w.alice, SLICE_LIT(""));
	assert_false(chunk(&w, "m001", 1, text.len, slice_first(text, 20), '+'));
	assert_true(chunk(&w, "m001", 21, text.len, slice_from(text, 20), '$'));
	assert_int_equal(w.f.n_events, 0);
	describe(&w, true);
	assert_int_equal(w.f.n_events, 1);
	assert_int_equal(w.f.last_answer, 0);
	verdict_reply(w.f.plane.verdicts, 1, 200);
	assert_int_equal(w.f.last_answer, 200);
	assert_true(waits_for_bob(&w) > text.len);
	assert_int_equal(w.alice->verdict_bytes, 0);
	fake_take(w.bob, STREAM_CHAT);
	close_world(&w);
}

static void no_description_in_time_is_a_refusal(void **state)
{
	struct slice text = SLICE_LIT(STRANGER "hi");
	uint64_t now_ms;
	struct world w;

	(void)state;
	open_world(&w);
	session_set_remote_path(w.alice, SLICE_LIT(""));
	now_ms = w.f.plane.now_ms;
	assert_true(chunk(&w, "m001", 1, text.len, text, '$'));
	verdict_tick(w.f.plane.verdicts, now_ms + 4999);
	assert_int_equal(w.f.last_answer, 0);
	verdict_tick(w.f.plane.verdicts, now_ms + 5000);
	assert_int_equal(w.f.last_answer, 403);
	assert_int_equal(w.f.withdrawn, 0);
	assert_int_equal(w.alice->n_inbox, 0);
	close_world(&w);
}

static void chunks_wait_together_and_a_new_message_of_the_name_has_its_own_verdict(void **state)
{
	struct slice text = SLICE_LIT(CPIM "hello world");
	struct world w;

	(void)state;
	open_world(&w);
	assert_true(chunk(&w, "m001", 1, text.len, slice_first(text, text.len - 5), '+'));
	assert_true(chunk(&w, "m001", text.len - 4, text.len, slice_from(text, text.len - 5), '$'));
	assert_int_equal(w.f.n_events, 1);
	assert_false(chunk(&w, "m001", 1, text.len, SLICE_NULL, '#'));
	assert_int_equal(w.f.last_answer, 200);
	assert_int_equal(w.alice->n_verdicts, 0);
	assert_true(whole(&w, "m001"));
	verdict_reply(w.f.plane.verdicts, 1, 200); /* about the one given up */
	assert_int_equal(waits_for_bob(&w), 0);
	verdict_reply(w.f.plane.verdicts, 2, 200);
	assert_true(waits_for_bob(&w) > 0);
	close_world(&w);
}

static void only_so_many_questions_are_under_way(void **state)
{
	char id[16];
	struct world w;

	(void)state;
	open_world(&w);
	for (unsigned n = 0; n < 300; n++) {
		snprintf(id, sizeof(id), "m%04u", n);
		assert_true(whole(&w, id));
	}
	assert_int_equal(w.f.n_events, 256);
	assert_true(w.alice->wire->paused & WIRE_PAUSE_VERDICT);
	for (uint32_t n = 1; n <= 300; n++) {
		assert_int_equal(w.f.n_events, n <= 44 ? 255 + n : 300);
		verdict_reply(w.f.plane.verdicts, n, 200);
	}
	assert_false(w.alice->wire->paused & WIRE_PAUSE_VERDICT);
	assert_int_equal(fake_take(w.bob, STREAM_CHAT).n > 0, 1);
	close_world(&w);
}

static void who_gives_its_messages_up_is_read_from_again(void **state)
{
	char id[16];
	struct world w;

	(void)state;
	open_world(&w);
	for (unsigned n = 0; n < 20; n++) {
		snprintf(id, sizeof(id), "m%04u", n);
		assert_true(chunk(&w, id, 1, 500, SLICE_LIT(CPIM), '+'));
	}
	assert_true(w.alice->wire->paused & WIRE_PAUSE_VERDICT);
	for (unsigned n = 0; n < 20; n++) {
		snprintf(id, sizeof(id), "m%04u", n);
		chunk(&w, id, 100, 500, SLICE_NULL, '#');
	}
	verdict_reply(w.f.plane.verdicts, 1, 200);
	assert_false(w.alice->wire->paused & WIRE_PAUSE_VERDICT);
	close_world(&w);
}

static void a_leg_that_goes_takes_its_messages_along(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	whole(&w, "m001");
	chunk(&w, "m002", 1, 500, SLICE_LIT(CPIM), '+');
	fake_leave(w.alice);
	verdict_reply(w.f.plane.verdicts, 1, 200);
	verdict_tick(w.f.plane.verdicts, w.f.plane.now_ms + 5000);
	assert_int_equal(waits_for_bob(&w), 0);
	assert_int_equal(*w.f.plane.stats.verdicts_late, 0);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_goes_on_or_not_as_the_verdict_says),
		cmocka_unit_test(who_is_not_described_yet_is_judged_by_the_description),
		cmocka_unit_test(behind_the_description_comes_the_verdict),
		cmocka_unit_test(no_description_in_time_is_a_refusal),
		cmocka_unit_test(an_answer_that_is_no_status_is_a_refusal),
		cmocka_unit_test(no_verdict_in_time_is_a_refusal_and_the_question_is_withdrawn),
		cmocka_unit_test(
			chunks_wait_together_and_a_new_message_of_the_name_has_its_own_verdict),
		cmocka_unit_test(only_so_many_questions_are_under_way),
		cmocka_unit_test(who_gives_its_messages_up_is_read_from_again),
		cmocka_unit_test(a_leg_that_goes_takes_its_messages_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
