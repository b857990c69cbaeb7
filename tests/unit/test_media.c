/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The focus' calls become bodies of the control protocol, answers and events come back as the focus
 * wants them: once, from the loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/mem.h"
#include "common/metrics.h"
#include "fake_pool.h"
#include "mrfc/mp/media.h"

struct rig {
	struct pool_rig pool;
	struct media *media;
	struct fake_mrfp mrfp;
	struct media_context ctx;
	char log[256];
};

struct outcome {
	int n;
	int err;
	char reason[64], path[64], host[64];
	uint16_t port;
};

static void tell(void *arg, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void tell(void *arg, const char *fmt, ...)
{
	struct rig *rig = arg;
	size_t len = strlen(rig->log);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(rig->log + len, sizeof(rig->log) - len, fmt, ap);
	va_end(ap);
}

static void on_bound(const uint8_t *ctx, uint64_t termination, const char *peer, void *arg)
{
	tell(arg, "bound %c %d %s;", ctx[0], (int)termination, peer);
}

static void on_lost(const uint8_t *ctx, uint64_t termination, int cause, uint64_t lost, void *arg)
{
	tell(arg, "lost %c %d %d %d;", ctx[0], (int)termination, cause, (int)lost);
}

static int on_nickname(const uint8_t *ctx, uint64_t termination, struct slice nick,
		       const struct media_later *later, void *arg)
{
	(void)later;
	tell(arg, "nick %c %d " SLICE_FMT ";", ctx[0], (int)termination, SLICE_ARG(nick));
	return nick.len ? 424 : 200;
}

static void on_context_lost(const uint8_t *ctx, void *arg)
{
	tell(arg, "gone %c;", ctx[0]);
}

static bool on_known(const uint8_t *ctx, uint64_t termination, void *arg)
{
	(void)ctx;
	(void)termination;
	(void)arg;
	return true;
}

static void on_file_over(const uint8_t *ctx, int outcome, uint64_t size, void *arg)
{
	tell(arg, "over %c %d %d;", ctx[0], outcome, (int)size);
}

static void on_slow(const uint8_t *ctx, uint64_t termination, uint64_t lost, void *arg)
{
	tell(arg, "slow %c %d %d;", ctx[0], (int)termination, (int)lost);
}

static const struct media_events events = {.bound = on_bound,
					   .lost = on_lost,
					   .nickname = on_nickname,
					   .file_over = on_file_over,
					   .context_lost = on_context_lost,
					   .known = on_known,
					   .slow = on_slow};

static int setup(void **state)
{
	static const char *const aliases[] = {"sip:room@10.0.0.1:5060"};
	struct rig *rig = xcalloc(1, sizeof(*rig));

	*state = rig;
	if (pool_rig_init(&rig->pool, 5000) < 0)
		return -1;
	rig->media = media_new(rig->pool.pool);
	media_set_events(rig->media, &events, rig);
	rig->mrfp.base = rig->pool.base;
	memcpy(rig->ctx.id, "Room............", MEDIA_CONTEXT_SIZE);
	rig->ctx.epoch = 3;
	rig->ctx.conference_uri = "sip:room@conf.example.com";
	rig->ctx.aliases = aliases;
	rig->ctx.n_aliases = 1;
	rig->ctx.nicknames = true;
	rig->ctx.strict = true;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	media_free(&rig->media);
	fake_close(&rig->mrfp);
	pool_rig_fini(&rig->pool);
	free(rig);
	return 0;
}

static void on_result(const struct media_result *result, void *arg)
{
	struct outcome *o = arg;

	o->n++;
	o->err = result->err;
	snprintf(o->reason, sizeof(o->reason), "%s", result->reason ? result->reason : "");
	snprintf(o->path, sizeof(o->path), "%s", result->local_path ? result->local_path : "");
	snprintf(o->host, sizeof(o->host), "%s", result->host ? result->host : "");
	o->port = result->port;
}

static void add(struct rig *rig, const struct media_remote *remote, struct outcome *o)
{
	static const char *const uris[] = {"sip:alice@example.com", "tel:+12015550123"};

	*o = (struct outcome){0};
	media_add(rig->media, &rig->ctx, 5, uris, 2, remote, on_result, o);
	assert_int_equal(o->n, 0);
}

static void an_add_carries_all_that_is_known_of_the_peer(void **state)
{
	struct rig *rig = *state;
	struct media_remote remote = {
		.path = "msrp://192.0.2.1:7394/2s93i9ek2a;tcp",
		.setup = MEDIA_PASSIVE,
		.connect = "192.0.2.1:7394",
		.match_session_only = true,
		.has_chatroom = true,
		.nickname = true,
		.private_messages = true,
		.accept_types = "message/cpim",
		.accept_wrapped_types = "text/plain text/html",
		.max_size = 4000,
		.direction = CTL_DIR_RECVONLY,
		.source = "192.0.2.77",
		.v6 = true,
	};
	struct outcome o;
	struct ctl_add m;
	struct ctl_frame f;
	struct ctl_add_reply reply = {0};

	fake_up(&rig->mrfp, &rig->pool, "mrfp-1", 1);
	assert_true(media_available(rig->media));
	assert_int_equal(media_max_size(rig->media), 1000000);
	add(rig, &remote, &o);
	f = fake_expect(&rig->mrfp, CTL_CMD_ADD, false, CTL_BODY_add, &m);
	assert_memory_equal(f.context, rig->ctx.id, MEDIA_CONTEXT_SIZE);
	assert_int_equal(m.epoch, 3);
	assert_int_equal(m.termination, 5);
	assert_int_equal(m.kind, CTL_KIND_CHAT);
	assert_true(slice_eq_str(m.conference, "sip:room@conf.example.com"));
	assert_int_equal(m.aliases.n, 1);
	assert_true(slice_eq_str(m.aliases.items[0], "sip:room@10.0.0.1:5060"));
	assert_int_equal(m.policy, CTL_POLICY_NICKNAME | CTL_POLICY_STRICT);
	assert_int_equal(m.uris.n, 2);
	assert_true(slice_eq_str(m.uris.items[1], "tel:+12015550123"));
	assert_true(slice_eq_str(m.remote_path, remote.path));
	assert_int_equal(m.setup, CTL_SETUP_PASSIVE);
	assert_true(slice_eq_str(m.connect, remote.connect));
	assert_int_equal(m.match, CTL_MATCH_SESSION);
	assert_int_equal(m.caps, CTL_CAPS_CHATROOM | CTL_CAPS_NICKNAME | CTL_CAPS_PRIVATE);
	assert_true(slice_eq_str(m.accept_types, remote.accept_types));
	assert_true(slice_eq_str(m.accept_wrapped_types, remote.accept_wrapped_types));
	assert_int_equal(m.max_size, 4000);
	assert_int_equal(m.direction, CTL_DIR_RECVONLY);
	assert_true(slice_eq_str(m.source, "192.0.2.77"));
	assert_int_equal(m.family, 6);

	CTL_SET(&reply, add_reply, code, CTL_R_OK);
	CTL_SET(&reply, add_reply, local_path, SLICE_LIT("msrp://[2001:db8::9]:2855/s1;tcp"));
	CTL_SET(&reply, add_reply, address, SLICE_LIT("[2001:db8::9]:2855"));
	fake_reply(&rig->mrfp, &f, CTL_BODY_add_reply, &reply, false);
	FAKE_WAIT(&rig->mrfp, o.n == 1);
	assert_int_equal(o.err, 0);
	assert_string_equal(o.path, "msrp://[2001:db8::9]:2855/s1;tcp");
	assert_string_equal(o.host, "2001:db8::9");
	assert_int_equal(o.port, 2855);
	assert_string_equal(media_mrfp_of(rig->media, rig->ctx.id), "mrfp-1");
}

static void an_offer_without_a_peer_leaves_its_fields_out(void **state)
{
	struct rig *rig = *state;
	struct media_remote remote = {.setup = MEDIA_SETUP_UNKNOWN};
	struct outcome o;
	struct ctl_add m;

	fake_up(&rig->mrfp, &rig->pool, "mrfp-1", 1);
	add(rig, &remote, &o);
	fake_expect(&rig->mrfp, CTL_CMD_ADD, false, CTL_BODY_add, &m);
	assert_int_equal(m.setup, CTL_SETUP_UNKNOWN);
	assert_false(CTL_HAS(&m, add, remote_path));
	assert_false(CTL_HAS(&m, add, connect));
	assert_false(CTL_HAS(&m, add, accept_types));
	assert_false(CTL_HAS(&m, add, source));
	assert_int_equal(m.caps, 0);
	media_cancel(rig->media, &o);
}

static void refusals_become_errors_with_their_reason(void **state)
{
	static const struct {
		uint16_t code;
		int err;
	} cases[] = {
		{CTL_R_NO_RESOURCES, -ERR_LIMIT},
		{CTL_R_DRAINING, -ERR_LIMIT},
		{CTL_R_BUSY, -ERR_LIMIT},
		{CTL_R_NOT_ALLOWED, -ERR_DENIED},
		{CTL_R_STALE_EPOCH, -ERR_STALE},
		{CTL_R_UNKNOWN_CONTEXT, -ERR_NOT_FOUND},
		{CTL_R_BAD_VALUE, -ERR_WRONG_STATE},
	};
	struct rig *rig = *state;
	struct media_remote remote = {.setup = MEDIA_PASSIVE};
	struct outcome o;

	fake_up(&rig->mrfp, &rig->pool, "mrfp-1", 1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		add(rig, &remote, &o);
		fake_take_add(&rig->mrfp, cases[i].code, NULL);
		FAKE_WAIT(&rig->mrfp, o.n == 1);
		assert_int_equal(o.err, cases[i].err);
		assert_string_equal(o.reason, "because");
	}
}

static void a_good_answer_without_a_usable_address_is_an_error(void **state)
{
	static const char *const addresses[] = {"", "2855", ":2855", "host:", "host:65536", "h:x"};
	struct rig *rig = *state;
	struct media_remote remote = {.setup = MEDIA_PASSIVE};
	struct outcome o;

	fake_up(&rig->mrfp, &rig->pool, "mrfp-1", 1);
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		add(rig, &remote, &o);
		fake_take_add(&rig->mrfp, CTL_R_OK, addresses[i]);
		FAKE_WAIT(&rig->mrfp, o.n == 1);
		assert_int_equal(o.err, -ERR_SYNTAX);
	}
}

static void no_mrfp_and_silence_are_told_from_the_loop(void **state)
{
	struct rig *rig = *state;
	struct media_remote remote = {.setup = MEDIA_PASSIVE};
	struct outcome o;

	assert_false(media_available(rig->media));
	assert_string_equal(media_mrfp_of(rig->media, rig->ctx.id), "");
	add(rig, &remote, &o);
	FAKE_WAIT(&rig->mrfp, o.n == 1);
	assert_int_equal(o.err, -ERR_CLOSED);

	/* A gone context is as good as subtracted. */
	media_subtract(rig->media, rig->ctx.id, 3, 0, on_result, &o);
	FAKE_WAIT(&rig->mrfp, o.n == 2);
	assert_int_equal(o.err, 0);
}

static void a_modify_gives_the_answer_and_asks_for_a_new_address(void **state)
{
	struct rig *rig = *state;
	struct media_remote remote = {.path = "msrp://192.0.2.1:7394/x;tcp", .setup = MEDIA_ACTIVE};
	struct ctl_add_reply reply = {0};
	struct ctl_modify m;
	struct ctl_frame f;
	struct outcome o;

	fake_up(&rig->mrfp, &rig->pool, "mrfp-1", 1);
	add(rig, &remote, &o);
	fake_take_add(&rig->mrfp, CTL_R_OK, "192.0.2.9:2855");
	FAKE_WAIT(&rig->mrfp, o.n == 1);

	media_modify(rig->media, rig->ctx.id, 3, 5, &remote, false, on_result, &o);
	f = fake_expect(&rig->mrfp, CTL_CMD_MODIFY, false, CTL_BODY_modify, &m);
	assert_int_equal(m.termination, 5);
	assert_true(slice_eq_str(m.remote_path, remote.path));
	assert_int_equal(m.setup, CTL_SETUP_ACTIVE);
	assert_false(CTL_HAS(&m, modify, new_local));
	fake_reply_code(&rig->mrfp, &f, CTL_R_OK);
	FAKE_WAIT(&rig->mrfp, o.n == 2);
	assert_int_equal(o.err, 0);

	media_modify(rig->media, rig->ctx.id, 3, 5, &remote, true, on_result, &o);
	f = fake_expect(&rig->mrfp, CTL_CMD_MODIFY, false, CTL_BODY_modify, &m);
	assert_int_equal(m.new_local, 1);
	CTL_SET(&reply, add_reply, code, CTL_R_OK);
	CTL_SET(&reply, add_reply, local_path, SLICE_LIT("msrp://192.0.2.9:2855/s2;tcp"));
	CTL_SET(&reply, add_reply, address, SLICE_LIT("192.0.2.9:2855"));
	fake_reply(&rig->mrfp, &f, CTL_BODY_add_reply, &reply, false);
	FAKE_WAIT(&rig->mrfp, o.n == 3);
	assert_string_equal(o.path, "msrp://192.0.2.9:2855/s2;tcp");
	assert_string_equal(o.host, "192.0.2.9");
}

static void a_listener_is_told_at_once_and_later_by_itself(void **state)
{
	/* covers: FOC-011 */
	struct rig *rig = *state;
	struct media_remote remote = {.setup = MEDIA_PASSIVE, .listener = true};
	struct ctl_modify m;
	struct ctl_frame f;
	struct ctl_add a;
	struct outcome o;

	fake_up(&rig->mrfp, &rig->pool, "mrfp-1", 1);
	add(rig, &remote, &o);
	fake_expect(&rig->mrfp, CTL_CMD_ADD, false, CTL_BODY_add, &a);
	assert_true(CTL_HAS(&a, add, listener));
	assert_int_equal(a.listener, 1);
	for (int listener = 0; listener < 2; listener++) {
		media_set_listener(rig->media, rig->ctx.id, 3, 5, listener != 0);
		f = fake_expect(&rig->mrfp, CTL_CMD_MODIFY, false, CTL_BODY_modify, &m);
		assert_int_equal(m.termination, 5);
		assert_int_equal(m.listener, listener);
		assert_false(CTL_HAS(&m, modify, direction)); /* all else is as it was */
		assert_false(CTL_HAS(&m, modify, remote_path));
		fake_reply_code(&rig->mrfp, &f, CTL_R_OK);
	}
}

static void a_cancelled_callback_does_not_come_and_the_request_goes_on(void **state)
{
	struct rig *rig = *state;
	struct media_remote remote = {.setup = MEDIA_PASSIVE};
	struct outcome o;

	fake_up(&rig->mrfp, &rig->pool, "mrfp-1", 1);
	add(rig, &remote, &o);
	media_cancel(rig->media, &o);
	fake_take_add(&rig->mrfp, CTL_R_OK, "192.0.2.9:2855");
	media_subtract(rig->media, rig->ctx.id, 3, 5, NULL, NULL);
	assert_int_equal(fake_next(&rig->mrfp).command, CTL_CMD_SUBTRACT);
	assert_int_equal(o.n, 0);
}

static uint16_t notify(struct rig *rig, struct ctl_notify *msg)
{
	struct ctl_result result;

	CTL_SET(msg, notify, termination, 5);
	fake_send(&rig->mrfp, CTL_CMD_NOTIFY, 0, (uint32_t)rand_u64(), rig->ctx.id, CTL_BODY_notify,
		  msg);
	fake_expect(&rig->mrfp, CTL_CMD_NOTIFY, true, CTL_BODY_result, &result);
	assert_int_equal(result.code, CTL_R_OK);
	return result.status;
}

static void events_reach_the_focus_in_its_own_words(void **state)
{
	struct rig *rig = *state;
	struct media_remote remote = {.setup = MEDIA_PASSIVE};
	struct ctl_notify over = {0}, bound = {0}, lost = {0}, nick = {0}, drop = {0}, slow = {0};
	struct outcome o;

	fake_up(&rig->mrfp, &rig->pool, "mrfp-1", 1);
	add(rig, &remote, &o);
	fake_take_add(&rig->mrfp, CTL_R_OK, "192.0.2.9:2855");
	FAKE_WAIT(&rig->mrfp, o.n == 1);
	CTL_SET(&bound, notify, event, CTL_EVENT_BOUND);
	CTL_SET(&bound, notify, peer, SLICE_LIT("192.0.2.1:4000"));
	assert_int_equal(notify(rig, &bound), 0);
	CTL_SET(&nick, notify, event, CTL_EVENT_NICKNAME);
	CTL_SET(&nick, notify, nickname, SLICE_LIT("Al"));
	assert_int_equal(notify(rig, &nick), 424);
	CTL_SET(&drop, notify, event, CTL_EVENT_NICKNAME);
	CTL_SET(&drop, notify, nickname, SLICE_LIT(""));
	assert_int_equal(notify(rig, &drop), 200);
	CTL_SET(&slow, notify, event, CTL_EVENT_SLOW);
	CTL_SET(&slow, notify, copies_lost, 3);
	assert_int_equal(notify(rig, &slow), 0);
	CTL_SET(&lost, notify, event, CTL_EVENT_LOST);
	CTL_SET(&lost, notify, cause, CTL_LOST_SLOW);
	CTL_SET(&lost, notify, copies_lost, 12);
	assert_int_equal(notify(rig, &lost), 0);
	CTL_SET(&over, notify, event, CTL_EVENT_ACCOUNTING);
	CTL_SET(&over, notify, outcome, CTL_OUTCOME_ABORTED);
	CTL_SET(&over, notify, size, 77);
	assert_int_equal(notify(rig, &over), 0);
	fake_close(&rig->mrfp);
	fake_up(&rig->mrfp, &rig->pool, "mrfp-1", 2);
	assert_string_equal(rig->log, "bound R 5 192.0.2.1:4000;nick R 5 Al;nick R 5 ;"
				      "slow R 5 3;lost R 5 5 12;over R 4 77;gone R;");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_add_carries_all_that_is_known_of_the_peer),
		TEST(an_offer_without_a_peer_leaves_its_fields_out),
		TEST(refusals_become_errors_with_their_reason),
		TEST(a_good_answer_without_a_usable_address_is_an_error),
		TEST(no_mrfp_and_silence_are_told_from_the_loop),
		TEST(a_modify_gives_the_answer_and_asks_for_a_new_address),
		TEST(a_listener_is_told_at_once_and_later_by_itself),
		TEST(a_cancelled_callback_does_not_come_and_the_request_goes_on),
		TEST(events_reach_the_focus_in_its_own_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
