/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/file: one message from one leg to the others, waiting receivers, limits, the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_plane.h"
#include "mrfp/file.h"
#include "mrfp/ingress.h"
#include "mrfp/pressure.h"
#include "mrfp/settle.h"

struct transfer {
	struct fake_plane f;
	struct session *alice, *bob,
		*carol; /* sender, bound receiver, receiver that is yet to bind */
	struct request *rq;
	bool sealed; /* what is sent says that it is */
};

static struct session *receiver(struct fake_plane *f, const char *name)
{
	struct session *s = fake_member(f, name);

	s->direction = CTL_DIR_RECVONLY;
	session_apply_taste(s);
	return s;
}

/* A termination whose peer has not come yet. */
static struct session *waiting(struct fake_plane *f)
{
	struct session *s = NULL;

	assert_int_equal(session_make(f->ctx, ++f->next_termination, SLICE_NULL, &s), 0);
	s->direction = CTL_DIR_RECVONLY;
	session_apply_taste(s);
	file_added(s);
	return s;
}

static void open_transfer(struct transfer *t)
{
	t->sealed = false;
	fake_plane_open(&t->f);
	t->f.ctx->kind = CTL_KIND_FILE;
	t->alice = fake_member(&t->f, "alice");
	t->alice->direction = CTL_DIR_SENDONLY;
	session_apply_taste(t->alice);
	file_added(t->alice);
	t->bob = receiver(&t->f, "bob");
	t->carol = waiting(&t->f);
	t->rq = &t->alice->wire->rx->req;
}

static int chunk_of(struct transfer *t, struct session *from, const char *id, uint64_t start,
		    uint64_t total, struct slice body, char flag)
{
	struct msrp_head h = {.method = MSRP_SEND, .has_body = true};

	t->rq = &from->wire->rx->req;
	h.message_id = slice_str(id);
	h.range = (struct msrp_range){start != 0, start, MSRP_UNSPECIFIED, total};
	h.content_type = SLICE_LIT("image/png");
	if (t->sealed) {
		h.content_type = SLICE_LIT("application/octet-stream");
		h.content_encoding = SLICE_LIT("aes128gcm");
	}
	memset(t->rq, 0, sizeof(*t->rq));
	t->rq->session = from;
	t->rq->status = 200;
	ingress_begin(t->rq, &h);
	if (body.len)
		ingress_body(t->rq, body);
	ingress_end(t->rq, flag);
	t->rq->session = NULL;
	t->rq->msg = NULL;
	return t->rq->status;
}

static int chunk(struct transfer *t, const char *id, uint64_t start, uint64_t total,
		 const char *body, char flag)
{
	return chunk_of(t, t->alice, id, start, total, slice_str(body), flag);
}

static void take_all(struct session *s, int stream, bool ok)
{
	struct fake_sent sent = fake_take(s, stream);
	struct tx tx;

	for (size_t i = 0; i < sent.n; i++) {
		if (txring_settle(&s->tx[stream], sent.nums[i], &tx) && tx.last && ok)
			session_settle(s, tx.kind,
				       tx.aborted ? OUTCOME_ABORTED : OUTCOME_DELIVERED);
	}
}

static void come(struct fake_plane *f, struct session *s)
{
	session_set_state(s, SESSION_WAITING, "test");
	s->remote_path = (free(s->remote_path), xstrdup("msrp://127.0.0.1:9/late00000000;tcp"));
	wire_add_session(fake_wire(f), s);
	session_set_paths(s, slice_str(s->local_uri), slice_str(s->remote_path));
	session_set_state(s, SESSION_BOUND, "test");
	session_join(s);
}

/* covers: FT-009, FT-014 */
static void who_binds_late_gets_the_file_from_its_first_octet(void **state)
{
	struct transfer t;
	struct bytes b = BYTES_INIT;

	(void)state;
	open_transfer(&t);
	assert_int_equal(chunk(&t, "m001", 1, 10, "01234", '+'), 200);
	assert_int_equal(chunk(&t, "m001", 6, 10, "56789", '$'), 200);
	take_all(t.bob, STREAM_CHAT, true);
	come(&t.f, t.carol);
	assert_int_equal(t.f.ctx->n_bound, 3);
	fake_pending(t.carol, STREAM_CHAT, &b);
	assert_true(slice_find(bytes_slice(&b), SLICE_LIT("01234")) > 0);
	assert_true(slice_find(bytes_slice(&b), SLICE_LIT("56789")) > 0);
	assert_true(slice_find(bytes_slice(&b), SLICE_LIT("Content-Type: image/png")) > 0);
	file_check(t.f.ctx);
	assert_int_equal(t.f.n_events, 0); /* one copy is still open */
	take_all(t.carol, STREAM_CHAT, true);
	file_check(t.f.ctx);
	assert_int_equal(t.f.n_events, 1);
	assert_int_equal(t.f.last.event, CTL_EVENT_ACCOUNTING);
	assert_int_equal(t.f.last.outcome, CTL_OUTCOME_DELIVERED);
	assert_int_equal(t.f.last.size, 10);
	file_check(t.f.ctx);
	assert_int_equal(t.f.n_events, 1);
	fake_check_sums(&t.f);
	bytes_fini(&b);
	fake_plane_close(&t.f);
}

/* covers: FT-014 */
static void a_receiver_that_has_not_bound_holds_the_sender(void **state)
{
	struct transfer t;
	char block[4096];
	uint64_t at = 1;

	(void)state;
	open_transfer(&t);
	t.f.opt.high_water = 8192;
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 4; i++, at += sizeof(block)) {
		assert_int_equal(chunk_of(&t, t.alice, "m001", at, 80000,
					  slice_make(block, sizeof(block)), '+'),
				 200);
		take_all(t.bob, STREAM_BULK, true);
	}
	t.alice->wire->paused = WIRE_PAUSE_CONTEXT; /* a plain struct has no connection to stop */
	pressure_check(t.f.ctx);
	assert_true(t.f.ctx->throttle & THROTTLE_BULK);
	hangup(t.carol, 0);             /* it never came */
	(void)session_pending(t.alice); /* passes over its own */
	t.alice->wire->paused = 0;
	pressure_relieve(&t.f.plane);
	assert_int_equal(t.f.ctx->throttle, 0);
	fake_plane_close(&t.f);
}

/* covers: FT-009 */
static void one_session_carries_one_file(void **state)
{
	struct transfer t;

	(void)state;
	open_transfer(&t);
	assert_int_equal(chunk(&t, "m001", 1, 5, "01234", '$'), 200);
	assert_int_equal(chunk(&t, "m002", 1, 5, "01234", '$'), 413);
	assert_int_equal(chunk_of(&t, t.bob, "m003", 1, 5, SLICE_LIT("01234"), '$'), 403);
	fake_check_sums(&t.f);
	fake_plane_close(&t.f);
}

/* covers: FT-009, FT-015 */
static void octets_are_counted_whatever_was_announced(void **state)
{
	struct transfer t;

	(void)state;
	open_transfer(&t);
	t.f.ctx->max_file = 8;
	t.f.ctx->max_message = 4; /* means nothing here */
	assert_int_equal(chunk(&t, "m001", 1, 9, "0", '+'), 413);
	assert_int_equal(chunk(&t, "m002", 1, MSRP_UNSPECIFIED, "01234567", '+'), 200);
	assert_int_equal(chunk(&t, "m002", 9, MSRP_UNSPECIFIED, "8", '+'), 413);
	take_all(t.bob, STREAM_BULK, true);
	hangup(t.carol, 0);
	file_check(t.f.ctx);
	assert_int_equal(t.f.last.outcome, CTL_OUTCOME_REFUSED);
	assert_int_equal(t.f.last.status, 413);
	fake_plane_close(&t.f);
}

/* covers: FT-010 */
static void an_abort_of_the_sender_passes(void **state)
{
	struct transfer t;
	struct bytes b = BYTES_INIT;

	(void)state;
	open_transfer(&t);
	assert_int_equal(chunk(&t, "m001", 1, 10, "01234", '+'), 200);
	assert_int_equal(chunk(&t, "m001", 6, 10, "", '#'), 200);
	fake_pending(t.bob, STREAM_CHAT, &b);
	assert_true(b.len > 3 && b.data[b.len - 3] == '#');
	bytes_fini(&b);
	take_all(t.bob, STREAM_CHAT, true);
	hangup(t.carol, 0);
	file_check(t.f.ctx);
	assert_int_equal(t.f.last.outcome, CTL_OUTCOME_ABORTED);
	fake_plane_close(&t.f);
}

/* covers: FT-010 */
static void when_every_receiver_has_refused_the_sender_is_told(void **state)
{
	struct transfer t;

	(void)state;
	open_transfer(&t);
	assert_int_equal(chunk(&t, "m001", 1, 10, "012", '+'), 200);
	hangup(t.carol, 0);
	assert_int_equal(chunk(&t, "m001", 4, 10, "345", '+'), 200); /* bob goes on */
	session_settle(t.bob, CPIM_FILE, OUTCOME_REFUSED);
	assert_int_equal(chunk(&t, "m001", 7, 10, "6", '+'), 413);
	file_check(t.f.ctx);
	assert_int_equal(t.f.n_events, 1);
	fake_plane_close(&t.f);
}

/* covers: FT-010 */
static void a_sender_that_leaves_without_a_word_ends_it(void **state)
{
	struct transfer t;

	(void)state;
	open_transfer(&t);
	file_check(t.f.ctx);
	assert_int_equal(t.f.n_events, 0);
	fake_leave(t.alice);
	file_check(t.f.ctx);
	assert_int_equal(t.f.n_events, 1);
	assert_int_equal(t.f.last.outcome, CTL_OUTCOME_ABORTED);
	assert_int_equal(t.f.last.size, 0);
	fake_plane_close(&t.f);
}

static void seal_it(struct transfer *t)
{
	open_transfer(t);
	t->sealed = true;
	t->f.ctx->policy |= CTL_POLICY_SEALED;
	t->f.ctx->seal = (struct seal){.known = true, .domain = {1}, .oldest = 6, .newest = 7};
}

/* A head of records under epoch e of our domain, and 17 octets of a record. */
static struct slice records(char out[50], char e)
{
	static const char head[] = "salt salt salt .\0\0\x40\0\x0c\1\0\0\0\0\0\0\0\0\0\0";

	memset(out, 'r', 50);
	memcpy(out, head, sizeof(head) - 1);
	out[32] = e;
	return slice_make(out, 50);
}

/* covers: GK-007, GK-014 */
static void a_sealed_file_waits_until_its_key_is_known(void **state)
{
	char octets[50];
	struct slice all = records(octets, 7);
	struct transfer t;
	struct bytes b = BYTES_INIT;

	(void)state;
	seal_it(&t);
	assert_int_equal(chunk_of(&t, t.alice, "m1", 1, 50, slice_first(all, 20), '+'), 200);
	fake_pending(t.bob, STREAM_CHAT, &b);
	assert_int_equal(b.len, 0);
	assert_int_equal(chunk_of(&t, t.alice, "m1", 21, 50, slice_from(all, 20), '$'), 200);
	fake_pending(t.bob, STREAM_CHAT, &b);
	assert_true(slice_find(bytes_slice(&b), slice_first(all, 20)) > 0);
	take_all(t.bob, STREAM_CHAT, true);
	bytes_fini(&b);
	fake_plane_close(&t.f);
}

/* covers: GK-007, GK-014 */
static void a_sealed_file_of_another_time_or_none_is_refused(void **state)
{
	static const struct {
		char epoch;
		size_t len;
		bool sealed;
		int status;
	} cases[] = {{6, 50, true, 200}, {7, 50, true, 200}, {5, 50, true, 403}, {8, 50, true, 403},
		     {7, 32, true, 415}, {7, 0, true, 415},  {7, 50, false, 415}};
	char octets[50];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice all = slice_first(records(octets, cases[i].epoch), cases[i].len);
		struct transfer t;

		seal_it(&t);
		t.sealed = cases[i].sealed;
		assert_int_equal(chunk_of(&t, t.alice, "m1", 1, all.len, all, '$'),
				 cases[i].status);
		assert_int_equal(t.f.ctx->file->outcome == CTL_OUTCOME_REFUSED,
				 cases[i].status != 200);
		fake_plane_close(&t.f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_binds_late_gets_the_file_from_its_first_octet),
		cmocka_unit_test(a_receiver_that_has_not_bound_holds_the_sender),
		cmocka_unit_test(one_session_carries_one_file),
		cmocka_unit_test(octets_are_counted_whatever_was_announced),
		cmocka_unit_test(an_abort_of_the_sender_passes),
		cmocka_unit_test(when_every_receiver_has_refused_the_sender_is_told),
		cmocka_unit_test(a_sender_that_leaves_without_a_word_ends_it),
		cmocka_unit_test(a_sealed_file_waits_until_its_key_is_known),
		cmocka_unit_test(a_sealed_file_of_another_time_or_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
