/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/ingress (with inmsg, forward, publish): what comes in and what waits for the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_plane.h"
#include "mrfp/forward.h"
#include "mrfp/ingress.h"
#include "mrfp/settle.h"

#define CPIM                                                                                       \
	"From: <sip:alice@example.com>\r\nTo: <" ROOM ">\r\n\r\nContent-Type: text/plain\r\n\r\n"

struct sender {
	struct session *s;
	struct request *rq;
};

static struct sender sender_of(struct session *s)
{
	return (struct sender){s, &s->wire->rx->req};
}

static void begin(struct sender *a, const char *id, uint64_t start, uint64_t total, bool body)
{
	struct msrp_head h = {.method = MSRP_SEND, .has_body = body};

	h.message_id = slice_str(id);
	h.range = (struct msrp_range){start != 0, start, MSRP_UNSPECIFIED, total};
	h.content_type = SLICE_LIT("message/cpim");
	memset(a->rq, 0, sizeof(*a->rq));
	a->rq->session = a->s;
	a->rq->status = 200;
	ingress_begin(a->rq, &h);
}

/* One whole chunk; returns the status. */
static int chunk(struct sender *a, const char *id, uint64_t start, uint64_t total,
		 struct slice body, char flag)
{
	begin(a, id, start, total, true);
	if (body.len)
		ingress_body(a->rq, body);
	ingress_end(a->rq, flag);
	a->rq->session = NULL;
	a->rq->msg = NULL;
	return a->rq->status;
}

static size_t count(const struct bytes *b, const char *text)
{
	struct slice rest = bytes_slice(b);
	ptrdiff_t at;
	size_t n = 0;

	while ((at = slice_find(rest, slice_str(text))) >= 0) {
		n++;
		rest = slice_from(rest, (size_t)at + 1);
	}
	return n;
}

/* covers: SW-023, SW-041, MSRP-041 */
static void a_whole_message_leaves_as_one_chunk_to_all_but_its_sender(void **state)
{
	struct fake_plane f;
	struct session *alice, *bob;
	struct bytes b = BYTES_INIT;
	struct sender a;

	(void)state;
	fake_plane_open(&f);
	alice = fake_member(&f, "alice");
	bob = fake_member(&f, "bob");
	a = sender_of(alice);
	assert_int_equal(
		chunk(&a, "m001", 1, sizeof(CPIM "hello") - 1, SLICE_LIT(CPIM "hello"), '$'), 200);
	fake_pending(bob, STREAM_CHAT, &b);
	assert_int_equal(count(&b, "\r\n-------"), 1);
	assert_int_equal(count(&b, CPIM "hello\r\n-------"), 1);
	bytes_reset(&b);
	fake_pending(alice, STREAM_CHAT, &b);
	assert_int_equal(b.len, 0);
	assert_int_equal(TAILQ_EMPTY(&alice->inbox), 1);
	bytes_fini(&b);
	fake_check_sums(&f);
	fake_plane_close(&f);
}

/* covers: SW-031, MSRP-142 */
static void a_head_in_single_octets_is_waited_for(void **state)
{
	static const char text[] = CPIM "hi";
	struct fake_plane f;
	struct session *bob;
	struct bytes b = BYTES_INIT;
	struct sender a;

	(void)state;
	fake_plane_open(&f);
	a = sender_of(fake_member(&f, "alice"));
	bob = fake_member(&f, "bob");
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		bool last = i + 2 == sizeof(text);
		assert_int_equal(chunk(&a, "m001", i + 1, sizeof(text) - 1, slice_make(text + i, 1),
				       last ? '$' : '+'),
				 200);
		fake_pending(bob, STREAM_CHAT, &b);
		assert_int_equal(b.len != 0, i + 1 >= sizeof(CPIM) - 1);
		bytes_reset(&b);
	}
	fake_pending(bob, STREAM_CHAT, &b);
	assert_int_equal(count(&b, "hi"), 0);
	assert_int_equal(count(&b, "\r\n\r\nh\r\n-------"), 1);
	assert_int_equal(count(&b, "\r\n\r\ni\r\n-------"), 1);
	bytes_fini(&b);
	fake_plane_close(&f);
}

/* covers: MSRP-067 */
static void chunks_in_the_order_3_1_2_pass_and_the_end_is_marked(void **state)
{
	struct fake_plane f;
	struct session *bob;
	struct bytes b = BYTES_INIT;
	struct sender a;
	uint64_t head = sizeof(CPIM) - 1, total = head + 6;

	(void)state;
	fake_plane_open(&f);
	a = sender_of(fake_member(&f, "alice"));
	bob = fake_member(&f, "bob");
	assert_int_equal(chunk(&a, "m001", head + 4, total, SLICE_LIT("def"), '$'), 200);
	fake_pending(bob, STREAM_CHAT, &b);
	assert_int_equal(b.len, 0);
	assert_int_equal(chunk(&a, "m001", 1, total, SLICE_LIT(CPIM), '+'), 200);
	assert_int_equal(chunk(&a, "m001", head + 1, total, SLICE_LIT("abc"), '+'), 200);
	fake_pending(bob, STREAM_CHAT, &b);
	assert_int_equal(count(&b, "\r\n\r\ndef\r\n-------"), 1);
	assert_int_equal(count(&b, "\r\n\r\nabc\r\n-------"), 1);
	assert_int_equal(count(&b, "$\r\n"), 1);
	assert_true(TAILQ_EMPTY(&a.s->inbox));
	fake_take(bob, STREAM_CHAT);
	bytes_fini(&b);
	fake_check_sums(&f);
	fake_plane_close(&f);
}

/* covers: MSRP-061, MSRP-072, MSRP-069 */
static void impossible_ranges_are_400(void **state)
{
	struct fake_plane f;
	struct sender a;

	(void)state;
	fake_plane_open(&f);
	a = sender_of(fake_member(&f, "alice"));
	assert_int_equal(chunk(&a, "m001", 10, 5, SLICE_LIT("x"), '$'), 400);
	assert_int_equal(chunk(&a, "m002", 0, 0, SLICE_LIT(CPIM), '+'), 200);
	assert_int_equal(chunk(&a, "m002", 0, 0, SLICE_LIT("more"), '$'), 400);
	assert_int_equal(chunk(&a, "m003", 1, 500, SLICE_LIT(CPIM), '+'), 200);
	assert_int_equal(chunk(&a, "m003", 300, 500, SLICE_LIT("x"), '$'), 200);
	assert_int_equal(chunk(&a, "m003", 301, 500, SLICE_LIT("x"), '+'),
			 400); /* behind the end */
	fake_plane_close(&f);
}

/* covers: MSRP-069 */
static void more_than_the_announced_total_is_400_and_aborts_the_message(void **state)
{
	struct fake_plane f;
	struct session *bob;
	struct bytes b = BYTES_INIT;
	struct sender a;
	const uint64_t head = sizeof(CPIM) - 1;

	(void)state;
	fake_plane_open(&f);
	a = sender_of(fake_member(&f, "alice"));
	bob = fake_member(&f, "bob");
	/* all at once: nothing of it goes out */
	assert_int_equal(chunk(&a, "m001", 1, 10, SLICE_LIT(CPIM "hello"), '$'), 400);
	assert_true(TAILQ_EMPTY(&a.s->inbox));
	fake_pending(bob, STREAM_CHAT, &b);
	assert_int_equal(b.len, 0);
	/* the last octet that fits, then one more */
	assert_int_equal(chunk(&a, "m002", 1, head + 4, SLICE_LIT(CPIM), '+'), 200);
	assert_int_equal(chunk(&a, "m002", head + 1, head + 4, SLICE_LIT("1234"), '+'), 200);
	assert_int_equal(chunk(&a, "m002", head + 5, head + 4, SLICE_LIT("5"), '+'), 400);
	assert_int_equal(chunk(&a, "m002", head + 6, head + 4, SLICE_LIT("6"), '+'), 400);
	fake_pending(bob, STREAM_CHAT, &b);
	assert_int_equal(count(&b, "#\r\n"), 1);
	assert_int_equal(count(&b, "\r\n5\r\n"), 0);
	/* a total that comes late holds from then on */
	bytes_reset(&b);
	assert_int_equal(chunk(&a, "m003", 1, MSRP_UNSPECIFIED, SLICE_LIT(CPIM), '+'), 200);
	assert_int_equal(chunk(&a, "m003", head + 1, head + 2, SLICE_LIT("12"), '+'), 200);
	assert_true(forward_is_bulk(inmsg_find(a.s, SLICE_LIT("m003")))); /* in that log already */
	assert_int_equal(chunk(&a, "m003", head + 3, head + 2, SLICE_LIT("3"), '$'), 400);
	fake_pending(bob, STREAM_BULK, &b);
	assert_int_equal(count(&b, "#\r\n"), 1);
	bytes_fini(&b);
	fake_check_sums(&f);
	fake_plane_close(&f);
}

static void a_small_message_that_repeats_itself_counts_as_bulk(void **state)
{
	struct fake_plane f;
	struct sender a;
	char *text = xcalloc(1, 30000);

	(void)state;
	fake_plane_open(&f);
	a = sender_of(fake_member(&f, "alice"));
	(void)fake_member(&f, "bob");
	assert_int_equal(chunk(&a, "m001", 1, 40000, SLICE_LIT(CPIM), '+'), 200);
	for (int i = 0; i < 3; i++) {
		assert_false(forward_is_bulk(TAILQ_FIRST(&a.s->inbox)));
		assert_int_equal(chunk(&a, "m001", 5000, 40000, slice_make(text, 30000), '+'), 200);
	}
	assert_true(forward_is_bulk(TAILQ_FIRST(&a.s->inbox)));
	free(text);
	fake_plane_close(&f);
}

/* covers: MSRP-070, SW-034, SW-033 */
static void an_abort_by_sender_timer_or_loss_reaches_the_others(void **state)
{
	struct fake_plane f;
	struct session *bob, *carol;
	struct bytes b = BYTES_INIT;
	struct sender a, c;

	(void)state;
	fake_plane_open(&f);
	a = sender_of(fake_member(&f, "alice"));
	bob = fake_member(&f, "bob");
	carol = fake_member(&f, "carol");
	c = sender_of(carol);
	assert_int_equal(chunk(&a, "m001", 1, 500, SLICE_LIT(CPIM), '+'), 200);
	begin(&a, "m001", 400, 500, false);
	ingress_end(a.rq, '#');
	fake_pending(bob, STREAM_CHAT, &b);
	assert_int_equal(count(&b, "#\r\n"), 1);

	assert_int_equal(chunk(&a, "m002", 1, 500, SLICE_LIT(CPIM), '+'), 200);
	ingress_tick(a.s, f.plane.now_ms + (uint64_t)f.opt.message_timeout_ms - 1);
	assert_false(TAILQ_EMPTY(&a.s->inbox));
	ingress_tick(a.s, f.plane.now_ms + (uint64_t)f.opt.message_timeout_ms);
	assert_true(TAILQ_EMPTY(&a.s->inbox));
	bytes_reset(&b);
	fake_pending(bob, STREAM_CHAT, &b);
	assert_int_equal(count(&b, "#\r\n"), 2);

	uris_fini(&carol->uris);
	uris_set(&carol->uris, &(struct ctl_list){&SLICE_LIT("sip:alice@example.com"), 1});
	assert_int_equal(chunk(&c, "m003", 1, 500, SLICE_LIT(CPIM), '+'), 200);
	fake_leave(carol);
	bytes_reset(&b);
	fake_pending(bob, STREAM_CHAT, &b);
	assert_int_equal(count(&b, "#\r\n"), 3);
	bytes_fini(&b);
	fake_check_sums(&f);
	fake_plane_close(&f);
}

/* covers: MSRP-075, MSRP-073 */
static void size_is_refused_when_told_and_when_counted(void **state)
{
	struct fake_plane f;
	struct session *bob;
	struct bytes b = BYTES_INIT;
	struct sender a;
	char *big = xcalloc(1, 60000);

	(void)state;
	fake_plane_open(&f);
	a = sender_of(fake_member(&f, "alice"));
	bob = fake_member(&f, "bob");
	assert_int_equal(chunk(&a, "m001", 1, 100000, SLICE_LIT(CPIM), '+'), 200);
	assert_int_equal(chunk(&a, "m002", 1, 100001, SLICE_LIT(CPIM), '+'), 413);
	assert_int_equal(chunk(&a, "m002", 200, 100001, SLICE_LIT("x"), '+'), 413);
	assert_int_equal(chunk(&a, "m003", 1, MSRP_UNSPECIFIED, SLICE_LIT(CPIM), '+'), 200);
	assert_int_equal(
		chunk(&a, "m003", sizeof(CPIM), MSRP_UNSPECIFIED, slice_make(big, 60000), '+'),
		200);
	assert_int_equal(chunk(&a, "m003", sizeof(CPIM) + 60000, MSRP_UNSPECIFIED,
			       slice_make(big, 60000), '$'),
			 413);
	fake_pending(bob, STREAM_BULK, &b);
	assert_int_equal(count(&b, "#\r\n"), 1);
	free(big);
	bytes_fini(&b);
	fake_check_sums(&f);
	fake_plane_close(&f);
}

/* covers: MSRP-078 */
static void the_33rd_partial_message_is_413(void **state)
{
	struct fake_plane f;
	struct sender a;
	char id[16];

	(void)state;
	fake_plane_open(&f);
	a = sender_of(fake_member(&f, "alice"));
	for (int i = 0; i < 32; i++) {
		snprintf(id, sizeof(id), "m%03d", i);
		assert_int_equal(chunk(&a, id, 1, 500, SLICE_LIT(CPIM), '+'), 200);
	}
	assert_int_equal(chunk(&a, "m999", 1, 500, SLICE_LIT(CPIM), '+'), 413);
	assert_int_equal(chunk(&a, "m000", 500, 500, SLICE_LIT("x"), '#'), 200);
	assert_int_equal(chunk(&a, "m999", 1, 500, SLICE_LIT(CPIM), '+'), 200);
	fake_plane_close(&f);
}

/* covers: MSRP-049 */
static void a_message_sent_again_is_answered_and_not_passed_on(void **state)
{
	struct fake_plane f;
	struct session *bob;
	struct bytes b = BYTES_INIT;
	struct sender a;

	(void)state;
	fake_plane_open(&f);
	a = sender_of(fake_member(&f, "alice"));
	bob = fake_member(&f, "bob");
	for (int i = 0; i < 2; i++)
		assert_int_equal(chunk(&a, "m001", 1, sizeof(CPIM) - 1, SLICE_LIT(CPIM), '$'), 200);
	fake_pending(bob, STREAM_CHAT, &b);
	assert_int_equal(count(&b, "\r\n-------"), 1);
	assert_true(*f.plane.stats.duplicates == 1);
	bytes_fini(&b);
	fake_plane_close(&f);
}

/* covers: MSRP-073, MSRP-067 */
static void octets_ahead_of_the_head_are_held_up_to_64_kib(void **state)
{
	struct fake_plane f;
	struct sender a;
	char *big = xcalloc(1, INGRESS_HELD_MAX);

	(void)state;
	fake_plane_open(&f);
	a = sender_of(fake_member(&f, "alice"));
	assert_int_equal(chunk(&a, "m001", 1000, MSRP_UNSPECIFIED, slice_make(big, 60000), '+'),
			 200);
	assert_int_equal(chunk(&a, "m001", 61000, MSRP_UNSPECIFIED, slice_make(big, 6000), '+'),
			 413);
	assert_int_equal(chunk(&a, "m002", 1, MSRP_UNSPECIFIED, slice_make(big, 9000), '+'), 400);
	free(big);
	fake_plane_close(&f);
}

/* covers: SW-020, MSRP-101 */
static void a_refused_type_stays_refused_to_its_end(void **state)
{
	struct fake_plane f;
	struct msrp_head h = {.method = MSRP_SEND, .has_body = true};
	struct sender a;

	(void)state;
	fake_plane_open(&f);
	a = sender_of(fake_member(&f, "alice"));
	h.message_id = SLICE_LIT("m001");
	h.content_type = SLICE_LIT("video/x-none");
	h.range = (struct msrp_range){true, 1, 5, 10};
	memset(a.rq, 0, sizeof(*a.rq));
	a.rq->session = a.s;
	a.rq->status = 200;
	ingress_begin(a.rq, &h);
	assert_int_equal(a.rq->status, 415);
	ingress_body(a.rq, SLICE_LIT("12345"));
	ingress_end(a.rq, '+');
	assert_int_equal(a.rq->status, 415);
	assert_int_equal(chunk(&a, "m001", 6, 10, SLICE_LIT("67890"), '$'), 415);
	assert_true(TAILQ_EMPTY(&a.s->inbox));
	fake_plane_close(&f);
}

static struct session *member_accepting(struct fake_plane *f, const char *name, const char *types,
					const char *wrapped)
{
	struct session *s = fake_member(f, name);

	session_text(&s->accept_types, slice_str(types));
	if (wrapped)
		session_text(&s->accept_wrapped, slice_str(wrapped));
	session_apply_taste(s);
	return s;
}

/* covers: MSRP-125, MSRP-126, SW-029 */
static void with_more_lists_than_bits_each_leg_is_judged_by_its_own(void **state)
{
	struct fake_plane f;
	struct session *bob, *carol;
	struct bytes b = BYTES_INIT;
	struct sender a;
	char text[32];

	(void)state;
	fake_plane_open(&f);
	a = sender_of(fake_member(&f, "alice"));
	for (int i = 0; i < ACCEPT_LISTS; i++) {
		snprintf(text, sizeof(text), "message/cpim x/y%d", i);
		(void)member_accepting(&f, "mallory", text, "x/none");
	}
	bob = member_accepting(&f, "bob", "message/cpim", "image/png");
	carol = member_accepting(&f, "carol", "message/cpim text/plain", NULL);
	assert_int_equal(bob->taste.accept, ACCEPT_OWN);
	assert_int_equal(carol->taste.accept, ACCEPT_OWN);
	assert_int_equal(chunk(&a, "m001", 1, sizeof(CPIM) - 1, SLICE_LIT(CPIM), '$'), 200);
	fake_pending(bob, STREAM_CHAT, &b);
	assert_int_equal(b.len, 0);
	fake_pending(carol, STREAM_CHAT, &b);
	assert_int_equal(count(&b, CPIM), 1);
#define TO(name)                                                                                   \
	"From: <sip:alice@example.com>\r\nTo: <sip:" name "@example.com>\r\n\r\n"                  \
	"Content-Type: text/plain\r\n\r\nhi"
	assert_int_equal(chunk(&a, "m002", 1, sizeof(TO("bob")) - 1, SLICE_LIT(TO("bob")), '$'),
			 415);
	assert_int_equal(chunk(&a, "m003", 1, sizeof(TO("carol")) - 1, SLICE_LIT(TO("carol")), '$'),
			 200);
#undef TO
	fake_take(carol, STREAM_CHAT);
	bytes_fini(&b);
	fake_check_sums(&f);
	fake_plane_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_message_leaves_as_one_chunk_to_all_but_its_sender),
		cmocka_unit_test(a_head_in_single_octets_is_waited_for),
		cmocka_unit_test(chunks_in_the_order_3_1_2_pass_and_the_end_is_marked),
		cmocka_unit_test(impossible_ranges_are_400),
		cmocka_unit_test(more_than_the_announced_total_is_400_and_aborts_the_message),
		cmocka_unit_test(a_small_message_that_repeats_itself_counts_as_bulk),
		cmocka_unit_test(an_abort_by_sender_timer_or_loss_reaches_the_others),
		cmocka_unit_test(size_is_refused_when_told_and_when_counted),
		cmocka_unit_test(the_33rd_partial_message_is_413),
		cmocka_unit_test(a_message_sent_again_is_answered_and_not_passed_on),
		cmocka_unit_test(octets_ahead_of_the_head_are_held_up_to_64_kib),
		cmocka_unit_test(with_more_lists_than_bits_each_leg_is_judged_by_its_own),
		cmocka_unit_test(a_refused_type_stays_refused_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
