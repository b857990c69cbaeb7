/* SPDX-License-Identifier: Apache-2.0 */
/* What comes in and is absorbed: gathering in any chunks, both forms of summaries, the account. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_plane.h"
#include "mrfp/ingress.h"

#define IMDN_OPEN "<imdn xmlns=\"urn:ietf:params:xml:ns:imdn\"><message-id>m-1</message-id>"
#define DELIVERED                                                                                  \
	IMDN_OPEN "<delivery-notification><status><delivered/></status></delivery-notification>"   \
		  "</imdn>"
#define ACTIVE                                                                                     \
	"<isComposing xmlns=\"urn:ietf:params:xml:ns:im-iscomposing\"><state>active</state>"       \
	"</isComposing>"

struct room {
	struct fake_plane f;
	struct session *alice, *bob;
	unsigned n;
};

static void open_room(struct room *r)
{
	memset(r, 0, sizeof(*r));
	fake_plane_open(&r->f);
	r->f.opt.imdn_pass_limit = 1;
	r->f.opt.composing_limit = 1;
	r->alice = fake_member(&r->f, "alice");
	r->bob = fake_member(&r->f, "bob");
}

static void close_room(struct room *r)
{
	struct stats *st = &r->f.plane.stats;

	fake_check_sums(&r->f);
	assert_int_equal(*st->imdn_absorbed,
			 *st->imdn_summarised + *st->imdn_dropped + *st->imdn_held);
	fake_plane_close(&r->f);
	assert_int_equal(*st->imdn_held, 0);
	assert_int_equal(*st->imdn_absorbed, *st->imdn_summarised + *st->imdn_dropped);
}

/* A message of bob in chunks of `size` octets; the last status. total: announced or not. */
static int bob_sends(struct room *r, const char *type, struct slice body, size_t size, bool total,
		     char last)
{
	struct request *rq = &r->bob->wire->rx->req;
	char id[16];
	size_t at = 0;

	snprintf(id, sizeof(id), "id%u", ++r->n);
	do {
		struct slice piece = slice_first(slice_from(body, at), size);
		struct msrp_head h = {
			.method = MSRP_SEND, .has_body = true, .message_id = slice_str(id)};

		h.range = (struct msrp_range){true, at + 1, MSRP_UNSPECIFIED,
					      total ? body.len : MSRP_UNSPECIFIED};
		h.content_type = slice_str(type);
		memset(rq, 0, sizeof(*rq));
		rq->session = r->bob;
		rq->status = 200;
		ingress_begin(rq, &h);
		ingress_body(rq, piece);
		at += piece.len;
		ingress_end(rq, at < body.len ? '+' : last);
		rq->session = NULL;
		rq->msg = NULL;
	} while (at < body.len);
	return rq->status;
}

static int send_cpim(struct room *r, const char *to, const char *type, const char *document,
		     size_t padding, size_t size, bool total, char last)
{
	struct bytes b = BYTES_INIT;
	int status;

	bytes_addf(&b,
		   "From: <sip:bob@example.com>\r\nTo: <%s>\r\nDateTime: 2026-01-02T03:04:05Z\r\n"
		   "\r\nContent-Type: %s\r\n\r\n%s",
		   to, type, document);
	while (padding--)
		bytes_add_char(&b, ' ');
	status = bob_sends(r, "message/cpim", bytes_slice(&b), size, total, last);
	bytes_fini(&b);
	return status;
}

static int send_imdn(struct room *r, size_t size, bool total, char last)
{
	return send_cpim(r, "sip:alice@example.com", IMDN_TYPE, DELIVERED, 0, size, total, last);
}

/* What waits in alice's own queue. */
static struct slice queued(struct room *r, struct bytes *b)
{
	struct iovec iov[64];
	int n = outq_iov(&r->alice->direct, iov, 64);

	bytes_reset(b);
	for (int i = 0; i < n; i++)
		bytes_add(b, iov[i].iov_base, iov[i].iov_len);
	return bytes_slice(b);
}

static bool has(struct slice text, const char *what)
{
	return slice_find(text, slice_str(what)) >= 0;
}

static void tick(struct room *r, uint64_t ms)
{
	r->f.plane.now_ms += ms;
	absorb_tick(&r->f.plane);
}

/* covers: IMS-013 */
static void a_summary_tells_numbers_to_a_leg_that_takes_no_multipart(void **state)
{
	struct bytes b = BYTES_INIT;
	struct room r;

	(void)state;
	open_room(&r);
	assert_int_equal(send_imdn(&r, SIZE_MAX, true, '$'), 200);
	assert_true(has(queued(&r, &b), "From: <sip:bob@example.com>")); /* the first one passes */
	outq_sent(&r.alice->direct, r.alice->direct.n_bytes, NULL, NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(send_imdn(&r, SIZE_MAX, true, '$'), 200);
	assert_int_equal(queued(&r, &b).len, 0);
	tick(&r, 4999);
	assert_int_equal(queued(&r, &b).len, 0);
	assert_int_equal(*r.f.plane.stats.imdn_held, 3);
	tick(&r, 1);
	queued(&r, &b);
	assert_true(has(bytes_slice(&b), "From: <" ROOM ">\r\nTo: <sip:alice@example.com>\r\n"));
	assert_true(has(bytes_slice(&b), "\r\nContent-Disposition: notification\r\n"
					 "Content-Type: message/imdn+xml\r\n"));
	assert_true(has(bytes_slice(&b), "<message-id>m-1</message-id>"));
	assert_false(has(bytes_slice(&b), "recipient-uri"));
	assert_true(has(bytes_slice(&b), ">3</n:count>"));
	assert_false(has(bytes_slice(&b), "Disposition-Notification"));
	assert_int_equal(*r.f.plane.stats.imdn_summarised, 3);
	assert_int_equal(*r.f.plane.stats.imdn_summaries, 1);
	assert_int_equal(*r.f.plane.stats.copies[CPIM_IMDN], 2);
	bytes_fini(&b);
	close_room(&r);
}

static void take_mixed(struct room *r)
{
	session_text(&r->alice->accept_wrapped, SLICE_LIT("text/plain Multipart/Mixed"));
	session_apply_taste(r->alice);
}

/* covers: IMDN-009 */
static void a_summary_has_the_documents_for_a_leg_that_takes_multipart(void **state)
{
	struct bytes b = BYTES_INIT;
	struct room r;

	(void)state;
	open_room(&r);
	take_mixed(&r);
	r.f.opt.imdn_pass_limit = 0;
	for (int i = 0; i < 3; i++)
		assert_int_equal(send_imdn(&r, SIZE_MAX, true, '$'), 200);
	tick(&r, 5000);
	queued(&r, &b);
	assert_true(has(bytes_slice(&b), "Content-Type: multipart/mixed;boundary="));
	for (size_t at = 0, n = 0; n < 3; n++) {
		ptrdiff_t found = slice_find(slice_from(bytes_slice(&b), at),
					     SLICE_LIT("<recipient-uri>sip:bob@example.com<"));

		assert_true(found >= 0);
		at += (size_t)found + 1;
	}
	assert_int_equal(*r.f.plane.stats.imdn_summaries, 1);
	bytes_fini(&b);
	close_room(&r);
}

static void a_long_summary_goes_in_parts_and_within_the_legs_size(void **state)
{
	struct bytes b = BYTES_INIT;
	struct room r;

	(void)state;
	open_room(&r);
	take_mixed(&r);
	r.alice->taste.max_size = 4000;
	r.f.opt.imdn_pass_limit = 0;
	for (int i = 0; i < 40; i++)
		assert_int_equal(send_imdn(&r, SIZE_MAX, true, '$'), 200);
	tick(&r, 5000);
	assert_true(*r.f.plane.stats.imdn_summaries > 2);
	assert_int_equal(*r.f.plane.stats.imdn_summarised, 40);
	queued(&r, &b);
	for (struct slice rest = bytes_slice(&b); rest.len;) {
		ptrdiff_t end = slice_find(slice_from(rest, 1), SLICE_LIT("MSRP "));
		size_t len = end < 0 ? rest.len : (size_t)end + 1;

		assert_true(len < 4000 + 400);
		rest = slice_from(rest, len);
	}
	bytes_fini(&b);
	close_room(&r);
}

static void an_addressee_who_is_gone_gets_nothing_and_it_is_counted(void **state)
{
	struct room r;

	(void)state;
	open_room(&r);
	r.f.opt.imdn_pass_limit = 0;
	assert_int_equal(send_imdn(&r, SIZE_MAX, true, '$'), 200);
	fake_leave(r.alice);
	tick(&r, 5000);
	assert_int_equal(*r.f.plane.stats.imdn_dropped, 1);
	assert_int_equal(send_imdn(&r, SIZE_MAX, true, '$'), 404);
	/* held for the rest of the context's life */
	(void)fake_member(&r.f, "alice");
	assert_int_equal(send_imdn(&r, SIZE_MAX, true, '$'), 200);
	close_room(&r);
	assert_int_equal(*r.f.plane.stats.imdn_dropped, 2);
}

static void any_chunks_are_gathered_and_an_abort_is_none(void **state)
{
	struct room r;

	(void)state;
	open_room(&r);
	r.f.opt.imdn_pass_limit = 0;
	assert_int_equal(send_imdn(&r, 1, true, '$'), 200);
	assert_int_equal(send_imdn(&r, 1, false, '$'), 200);
	assert_int_equal(send_imdn(&r, 100, false, '$'), 200);
	assert_int_equal(*r.f.plane.stats.imdn_absorbed, 3);
	assert_int_equal(send_imdn(&r, SIZE_MAX, true, '#'), 200);
	assert_int_equal(send_imdn(&r, 7, false, '#'), 200);
	assert_int_equal(*r.f.plane.stats.imdn_absorbed, 3);
	assert_int_equal(*r.f.plane.stats.messages[CPIM_IMDN][RESULT_ACCEPTED], 3);
	assert_int_equal(*r.f.plane.stats.copies[CPIM_IMDN], 0);
	assert_true(TAILQ_EMPTY(&r.bob->inbox));
	close_room(&r);
}

static void what_cannot_be_summed_up_passes(void **state)
{
	static const char other[] =
		IMDN_OPEN "<delivery-notification><status><x:read xmlns:x=\"urn:x\"/></status>"
			  "</delivery-notification></imdn>";
	static const char alice[] = "sip:alice@example.com";
	struct room r;

	(void)state;
	open_room(&r);
	r.f.opt.imdn_pass_limit = 0;
	assert_int_equal(send_cpim(&r, alice, IMDN_TYPE, "no XML", 0, SIZE_MAX, true, '$'), 200);
	assert_int_equal(send_cpim(&r, alice, IMDN_TYPE, other, 0, SIZE_MAX, true, '$'), 200);
	assert_int_equal(
		send_cpim(&r, alice, IMDN_TYPE, DELIVERED, ABSORB_MAX, SIZE_MAX, true, '$'), 200);
	assert_int_equal(send_cpim(&r, alice, IMDN_TYPE, DELIVERED, ABSORB_MAX, 500, false, '$'),
			 200);
	assert_int_equal(send_cpim(&r, ROOM, IMDN_TYPE, DELIVERED, 0, SIZE_MAX, true, '$'), 200);
	assert_int_equal(*r.f.plane.stats.copies[CPIM_IMDN], 5);
	assert_int_equal(*r.f.plane.stats.imdn_absorbed, 0);
	r.f.opt.imdn_pass_limit = 2; /* the room is not larger */
	assert_int_equal(send_imdn(&r, SIZE_MAX, true, '$'), 200);
	assert_int_equal(*r.f.plane.stats.imdn_absorbed, 0);
	close_room(&r);
}

/* covers: COMP-003 */
static void typing_is_sampled_wrapped_or_bare_and_never_evaded(void **state)
{
	static const char type[] = "application/im-iscomposing+xml";
	struct stats *st;
	struct room r;

	(void)state;
	open_room(&r);
	st = &r.f.plane.stats;
	assert_int_equal(bob_sends(&r, type, SLICE_LIT(ACTIVE), SIZE_MAX, true, '$'), 200);
	assert_int_equal(*st->copies[CPIM_COMPOSING], 1);
	assert_int_equal(bob_sends(&r, type, SLICE_LIT(ACTIVE), 5, false, '$'), 200);
	assert_int_equal(send_cpim(&r, ROOM, type, ACTIVE, 0, 9, true, '$'), 200);
	assert_int_equal(send_cpim(&r, ROOM, type, "no XML", 0, 9, true, '$'), 200);
	assert_int_equal(*st->composing_suppressed, 3);
	assert_int_equal(*st->copies[CPIM_COMPOSING], 1);
	assert_int_equal(send_cpim(&r, ROOM, type, ACTIVE, ABSORB_MAX, SIZE_MAX, true, '$'), 413);
	assert_int_equal(send_cpim(&r, ROOM, type, ACTIVE, ABSORB_MAX, 900, false, '$'), 413);
	r.f.plane.now_ms += 10000;
	assert_int_equal(send_cpim(&r, ROOM, type, ACTIVE, 0, SIZE_MAX, true, '$'), 200);
	assert_int_equal(*st->copies[CPIM_COMPOSING], 2);
	/* to one member it always passes */
	assert_int_equal(
		send_cpim(&r, "sip:alice@example.com", type, ACTIVE, 0, SIZE_MAX, true, '$'), 200);
	assert_int_equal(*st->copies[CPIM_COMPOSING], 3);
	assert_int_equal(r.bob->messages_in, 0); /* typing is no message in a leg's account */
	r.f.opt.composing_limit = 2;
	assert_int_equal(bob_sends(&r, type, SLICE_LIT(ACTIVE), SIZE_MAX, true, '$'), 200);
	assert_int_equal(*st->copies[CPIM_COMPOSING], 4);
	close_room(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_summary_tells_numbers_to_a_leg_that_takes_no_multipart),
		cmocka_unit_test(a_summary_has_the_documents_for_a_leg_that_takes_multipart),
		cmocka_unit_test(a_long_summary_goes_in_parts_and_within_the_legs_size),
		cmocka_unit_test(an_addressee_who_is_gone_gets_nothing_and_it_is_counted),
		cmocka_unit_test(any_chunks_are_gathered_and_an_abort_is_none),
		cmocka_unit_test(what_cannot_be_summed_up_passes),
		cmocka_unit_test(typing_is_sampled_wrapped_or_bare_and_never_evaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
