/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/nickname: syntax, asking the MRFC, its reply and its silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_plane.h"
#include "mrfp/nickname.h"

static int answered, n_answers;

static void on_answer(struct session *s, struct slice tid, struct slice paths, int status)
{
	(void)s;
	assert_true(slice_eq_str(tid, "tid1"));
	assert_true(slice_eq_str(paths, "paths"));
	answered = status;
	n_answers++;
}

static int ask(struct nicknames *n, struct session *s, const char *value)
{
	struct msrp_head h = {.method = MSRP_NICKNAME, .tid = SLICE_LIT("tid1")};

	h.use_nickname = slice_str(value);
	h.n_use_nickname = value ? 1 : 0;
	return nickname_ask(n, s, &h, SLICE_LIT("paths"));
}

/* covers: SW-060, SW-061, SW-063, SW-065 */
static void bad_requests_are_answered_here(void **state)
{
	struct msrp_head h = {.method = MSRP_NICKNAME, .n_use_nickname = 2};
	struct fake_plane f;
	struct session *s;
	struct nicknames *n;
	char long_name[1024 + 3];

	(void)state;
	fake_plane_open(&f);
	s = fake_member(&f, "alice");
	n = nicknames_new(&f.plane, on_answer);
	assert_int_equal(ask(n, s, NULL), 424);
	assert_int_equal(ask(n, s, "unquoted"), 424);
	assert_int_equal(ask(n, s, "\"   \""), 424);
	assert_int_equal(ask(n, s, "\"\xff\""), 424);
	memset(long_name, 'x', sizeof(long_name));
	long_name[0] = long_name[1025] = '"';
	long_name[1026] = '\0';
	assert_int_equal(ask(n, s, long_name), 424);
	long_name[1024] = '"';
	long_name[1025] = '\0';
	assert_int_equal(ask(n, s, long_name), 0);
	h.use_nickname = SLICE_LIT("\"x\"");
	assert_int_equal(nickname_ask(n, s, &h, SLICE_LIT("p")), 424);
	h.n_use_nickname = 1;
	h.has_failure_report = true;
	assert_int_equal(nickname_ask(n, s, &h, SLICE_LIT("p")), 400);
	f.ctx->policy = CTL_POLICY_PRIVATE;
	assert_int_equal(ask(n, s, "\"x\""), 403);
	assert_int_equal(f.n_events, 1);
	nicknames_free(&n);
	fake_plane_close(&f);
}

/* covers: SW-062, SW-066, SW-068, SW-071 */
static void the_mrfc_decides_and_the_transaction_waits(void **state)
{
	struct fake_plane f;
	struct session *s;
	struct nicknames *n;

	(void)state;
	n_answers = 0;
	fake_plane_open(&f);
	s = fake_member(&f, "alice");
	n = nicknames_new(&f.plane, on_answer);
	assert_int_equal(ask(n, s, "\"Al\\\"i\""), 0);
	assert_int_equal(f.last.event, CTL_EVENT_NICKNAME);
	assert_int_equal(n_answers, 0);
	nickname_reply(n, 77, 200); /* of something else */
	assert_int_equal(n_answers, 0);
	nickname_reply(n, 1, 200);
	assert_int_equal(answered, 200);
	assert_string_equal(s->nickname, "Al\"i");
	nickname_reply(n, 1, 200);
	assert_int_equal(n_answers, 1);
	assert_int_equal(ask(n, s, "\"bob\""), 0);
	nickname_reply(n, 2, 425);
	assert_int_equal(answered, 425);
	assert_string_equal(s->nickname, "Al\"i");
	assert_int_equal(ask(n, s, "\"\""), 0);
	nickname_reply(n, 3, 200);
	assert_string_equal(s->nickname, "");
	nicknames_free(&n);
	fake_plane_close(&f);
}

static void silence_and_departure_end_the_wait(void **state)
{
	struct fake_plane f;
	struct session *alice, *bob;
	struct nicknames *n;

	(void)state;
	n_answers = 0;
	fake_plane_open(&f);
	alice = fake_member(&f, "alice");
	bob = fake_member(&f, "bob");
	n = nicknames_new(&f.plane, on_answer);
	assert_int_equal(ask(n, alice, "\"a\""), 0);
	assert_int_equal(ask(n, bob, "\"b\""), 0);
	fake_leave(bob);
	nickname_tick(n, f.plane.now_ms + 9999);
	assert_int_equal(n_answers, 0);
	nickname_tick(n, f.plane.now_ms + 10000);
	assert_int_equal(n_answers, 1);
	assert_int_equal(answered, 403);
	nicknames_free(&n);
	fake_plane_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_requests_are_answered_here),
		cmocka_unit_test(the_mrfc_decides_and_the_transaction_waits),
		cmocka_unit_test(silence_and_departure_end_the_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
