/* SPDX-License-Identifier: Apache-2.0 */
/* What the key server thinks of what members send: order of the checks, replays, floods, pasting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "keyserver_rig.h"

static int set_up(void **state)
{
	struct rig *rig = rig_new();

	rig_join(rig, ALICE, "a1");
	rig_join(rig, BOB, "b1");
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	rig_free(*state);
	return 0;
}

static void a_request_is_answered_with_the_current_key(void **state)
{
	/* covers: MIKEY-003 */
	struct rig *rig = *state;
	struct mikey_init ask = rig_ask(rig, ALICE, "a1");
	struct mikey m;
	struct mikey_key key;

	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), 0);
	assert_int_equal(rig_fetch(rig), 1);
	rig_open(rig, ALICE, "a1", &m, &key);
	assert_false(rig->seen[0].fresh);
	assert_int_equal(gkid_epoch(&key.gkid), 2);
	ask.t++;
	ask.idrr = slice_str(ROOM); /* who does not know our name */
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), 0);
	assert_int_equal(rig_fetch(rig), 1);
}

static void a_wrong_mac_moves_nothing(void **state)
{
	/* covers: MIKEY-003 */
	struct rig *rig = *state;
	struct mikey_init ask = rig_ask(rig, ALICE, "a1");
	struct bytes b = BYTES_INIT;

	ask.t += 1000;
	assert_int_equal(mikey_build_init(&ask, rig_psk(rig, ALICE, "a2"), &b), 0);
	for (int i = 0; i < 10; i++) /* nor does it use up what he may ask */
		assert_int_equal(rig_send(rig, ALICE, NULL, bytes_slice(&b)), -ERR_DENIED);
	bytes_fini(&b);
	ask.t -= 500;
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), 0);
	assert_int_equal(rig_fetch(rig), 1);
}

static void time_rises_within_the_window(void **state)
{
	/* covers: MIKEY-004, MIKEY-003 */
	struct rig *rig = *state;
	struct mikey_init ask = rig_ask(rig, ALICE, "a1");
	uint64_t t = ask.t;

	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), 0);
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), -ERR_STALE); /* a replay */
	ask.t = t - 1;
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), -ERR_STALE);
	ask.t = mikey_time(rig->now.wall_us + 300000000u) + (1 << 16);
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), -ERR_STALE); /* far ahead */
	ask.t = mikey_time(rig->now.wall_us - 300000000u) - (1 << 16);
	assert_int_equal(rig_request(rig, BOB, "b1", &ask), -ERR_STALE); /* far behind */
	ask.t = t + 1;
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), 0);
	ask.t = mikey_time(rig->now.wall_us + 299000000u);
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), 0);
}

static void what_is_pasted_from_elsewhere_is_dropped(void **state)
{
	/* covers: MIKEY-013, MIKEY-003 */
	struct rig *rig = *state;
	struct mikey_init ask = rig_ask(rig, ALICE, "a1");
	uint8_t tek[32] = {1};

	ask.idrapp = slice_str(OTHER_ROOM);
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), -ERR_DENIED);
	ask.idrapp = slice_str(FACTORY); /* a room that he is in has a name */
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), -ERR_DENIED);
	ask = rig_ask(rig, ALICE, "a1");
	ask.idrr = slice_str(BOB);
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), -ERR_DENIED);
	ask = rig_ask(rig, ALICE, "a1");
	ask.idri = slice_str(BOB);
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), -ERR_DENIED);
	ask = rig_ask(rig, ALICE, "a9");
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), -ERR_NOT_FOUND);
	ask = rig_ask(rig, ALICE, "b1");
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), -ERR_NOT_FOUND);
	ask = rig_ask(rig, ALICE, "a1");
	ask.suite = GKE_SUITE_A;
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), -ERR_SYNTAX);
	ask = rig_ask(rig, ALICE, "a1");
	ask.tek = slice_make(tek, sizeof(tek)); /* nobody gives us keys */
	ask.gkid = gkid_make(tek, 1);
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), -ERR_SYNTAX);
	ask = rig_ask(rig, ALICE, "a2"); /* a key of hers, with which she is not in */
	assert_int_equal(rig_request(rig, ALICE, "a2", &ask), -ERR_DENIED);
	assert_int_equal(rig_fetch(rig), 0);
}

static void our_own_messages_come_back_in_vain(void **state)
{
	/* covers: MIKEY-003 */
	struct rig *rig = *state;
	const struct seen *s;

	assert_int_equal(keyserver_change(rig->ks, ROOM, NULL, 0, NULL, 0, &rig->now), 0);
	(void)rig_fetch(rig);
	s = rig_seen(rig, KEYSERVER_MESSAGE, ALICE);
	assert_int_equal(rig_send(rig, ALICE, "a1", s->bytes), -ERR_SYNTAX);
	assert_int_equal(rig_send(rig, BOB, "b1", s->bytes), -ERR_SYNTAX);
	assert_int_equal(rig_send(rig, BOB, "b1", SLICE_NULL), -ERR_SYNTAX);
}

static void no_bit_can_be_flipped(void **state)
{
	/* covers: MIKEY-003 */
	struct rig *rig = *state;
	struct mikey_init ask = rig_ask(rig, ALICE, "a1");
	struct bytes b = BYTES_INIT;

	assert_int_equal(mikey_build_init(&ask, rig_psk(rig, ALICE, "a1"), &b), 0);
	for (size_t bit = 0; bit < 8 * b.len; bit++) {
		b.data[bit / 8] ^= (char)(1 << bit % 8);
		assert_true(rig_send(rig, ALICE, "a1", bytes_slice(&b)) < 0);
		b.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t len = 0; len < b.len; len++)
		assert_true(rig_send(rig, ALICE, "a1", slice_first(bytes_slice(&b), len)) < 0);
	assert_int_equal(rig_fetch(rig), 0);
	assert_int_equal(rig_send(rig, ALICE, "a1", bytes_slice(&b)), 0);
	bytes_fini(&b);
}

static void a_flood_of_requests_gets_three_then_one_in_five_seconds(void **state)
{
	/* covers: GK-001 */
	struct rig *rig = *state;
	struct mikey_init ask = rig_ask(rig, ALICE, "a1");

	for (int i = 0; i < 3; i++, ask.t++)
		assert_int_equal(rig_request(rig, ALICE, "a1", &ask), 0);
	for (int i = 0; i < 50; i++, ask.t++)
		assert_int_equal(rig_request(rig, ALICE, "a1", &ask), -ERR_LIMIT);
	assert_int_equal(rig_fetch(rig), 1); /* those that were not fetched are one */
	rig->now.mono_ms += 4999;
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), -ERR_LIMIT);
	rig->now.mono_ms++;
	ask.t++;
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), 0);
	ask.t++;
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), -ERR_LIMIT);
	ask = rig_ask(rig, BOB, "b1"); /* others are not hindered */
	assert_int_equal(rig_request(rig, BOB, "b1", &ask), 0);
}

static void who_was_removed_is_refused(void **state)
{
	/* covers: GK-005 */
	struct rig *rig = *state;
	struct mikey_init ask = rig_ask(rig, BOB, "b1");

	rig_leave(rig, BOB, "b1");
	assert_int_equal(rig_request(rig, BOB, "b1", &ask), -ERR_DENIED);
	assert_int_equal(rig_fetch(rig), 1);
	assert_int_equal(rig->seen[0].kind, KEYSERVER_REFUSED);
	assert_int_equal(rig->seen[0].err, -ERR_DENIED);
	assert_string_equal(rig->seen[0].uri, BOB);
}

static void refusals_that_nobody_fetches_are_bounded(void **state)
{
	struct rig *rig = *state;
	struct keyserver_event e;
	unsigned n = 0;

	for (int i = 0; i < 1200; i++)
		assert_int_equal(rig_send(rig, CAROL, NULL, SLICE_LIT("x")), -ERR_DENIED);
	while (keyserver_next(rig->ks, &rig->now, &e))
		n++;
	assert_int_equal(n, 1000);
}

static void offers_are_judged_alike(void **state)
{
	/* covers: MIKEY-013 */
	struct rig *rig = *state;
	struct mikey_init ask = rig_ask(rig, CAROL, "c1");
	struct mikey m;
	struct mikey_key key;

	ask.idrapp = ask.idrr = slice_str(FACTORY); /* the room has no name yet */
	rig_join_asking(rig, CAROL, "c1", &ask);
	assert_int_equal(rig->n, 4);
	rig_open(rig, CAROL, "c1", &m, &key);
	assert_int_equal(m.sdp_ids.len, 0); /* it stands in an answer */
	assert_true(slice_eq_str(m.idrapp, ROOM));
	rig_leave(rig, CAROL, "c1");
	rig_join_asking(rig, CAROL, "c1", &ask);
	assert_int_equal(rig->n, 1);
	assert_int_equal(rig->seen[0].err, -ERR_STALE);
	ask.t++;
	ask.idri = slice_str(ALICE);
	rig_join_asking(rig, CAROL, "c1", &ask);
	assert_int_equal(rig->seen[0].err, -ERR_DENIED);
}

/* A request in an offer of who wants in (NULL: of who is in), MACed with his key `with`. */
static int offer(struct rig *rig, const char *uri, const char *with, const struct mikey_init *ask,
		 bool join)
{
	struct groupkey_member who = {.uri = uri};
	struct bytes b = BYTES_INIT;
	int err;

	assert_int_equal(mikey_build_init(ask, rig_psk(rig, uri, with), &b), 0);
	who.request = bytes_slice(&b);
	err = join ? keyserver_change(rig->ks, ROOM, &who, 1, NULL, 0, &rig->now)
		   : keyserver_renew(rig->ks, ROOM, &who, bytes_slice(&b), &rig->now);
	bytes_fini(&b);
	(void)rig_fetch(rig);
	return err;
}

/* The error message that came first answers ask, and proves itself. */
static struct mikey explained(struct rig *rig, const char *uri, const char *id,
			      const struct mikey_init *ask)
{
	struct bytes b = BYTES_INIT;
	struct mikey said, e;

	assert_int_equal(rig->n, 2);
	assert_int_equal(rig->seen[0].kind, KEYSERVER_ERROR);
	assert_int_equal(mikey_build_init(ask, rig_psk(rig, uri, id), &b), 0);
	assert_int_equal(mikey_parse(bytes_slice(&b), &said, NULL), 0);
	assert_int_equal(
		mikey_parse(slice_make(rig->seen[0].octets, rig->seen[0].bytes.len), &e, NULL), 0);
	assert_int_equal(mikey_check_refusal(&e, &said, rig_psk(rig, uri, id)), 1);
	bytes_fini(&b);
	return e;
}

static void who_proves_himself_is_told_what_time_it_is_and_which_suite(void **state)
{
	/* covers: KM-006, MIKEY-002, MIKEY-007 */
	struct rig *rig = *state;
	struct mikey_init ask = rig_ask(rig, CAROL, "c1");
	struct mikey e;

	ask.t = mikey_time(rig->now.wall_us - 400000000u);
	assert_int_equal(offer(rig, CAROL, "c1", &ask, true), 0);
	e = explained(rig, CAROL, "c1", &ask);
	assert_int_equal(e.error, MIKEY_ERR_TS);
	assert_int_equal(e.clock, mikey_time(rig->now.wall_us));
	assert_int_equal(rig->seen[1].kind, KEYSERVER_REFUSED);
	assert_int_equal(rig->seen[1].err, -ERR_STALE);
	ask.t = e.clock;
	ask.suite = GKE_SUITE_A;
	assert_int_equal(offer(rig, CAROL, "c1", &ask, true), 0);
	e = explained(rig, CAROL, "c1", &ask);
	assert_int_equal(e.error, MIKEY_ERR_PRF);
	assert_int_equal(e.suite, GKE_SUITE_B);
	assert_int_equal(rig->seen[1].err, -ERR_SYNTAX);
	ask.suite = GKE_SUITE_B; /* neither took anything from him */
	assert_int_equal(offer(rig, CAROL, "c1", &ask, true), 0);
	assert_non_null(rig_seen(rig, KEYSERVER_MESSAGE, CAROL));
}

/* No oracle: whoever cannot prove who he is learns nothing, and who can not as often as he likes. */
static void nothing_is_explained_to_others(void **state)
{
	/* covers: KM-006, MIKEY-003 */
	struct rig *rig = *state;
	struct mikey_init ask = rig_ask(rig, ALICE, "a1");
	uint64_t right = ask.t;

	ask.t = mikey_time(rig->now.wall_us - 400000000u);
	assert_int_equal(offer(rig, ALICE, "a2", &ask, true), 0); /* another key: MAC */
	assert_int_equal(rig->n, 1);
	assert_int_equal(rig->seen[0].kind, KEYSERVER_REFUSED);
	ask.idrpsk = SLICE_LIT("a9");
	assert_int_equal(offer(rig, ALICE, "a1", &ask, true), 0); /* no such key */
	assert_int_equal(rig->n, 1);
	ask = rig_ask(rig, BOB, "b1");
	ask.t = mikey_time(rig->now.wall_us - 400000000u);
	assert_int_equal(offer(rig, ALICE, "a1", &ask, true), 0); /* names another */
	assert_int_equal(rig->n, 1);
	ask = rig_ask(rig, ALICE, "a1");
	ask.idrapp = slice_str(OTHER_ROOM);
	ask.suite = GKE_SUITE_A;
	assert_int_equal(offer(rig, ALICE, "a1", &ask, true), 0);
	assert_int_equal(rig->n, 1);
	ask = rig_ask(rig, ALICE, "a1");
	ask.t = mikey_time(rig->now.wall_us - 400000000u);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(offer(rig, ALICE, "a1", &ask, true), 0);
		assert_int_equal(rig->n, i < 3 ? 2 : 1);
	}
	assert_int_equal(rig_send(rig, ALICE, NULL, SLICE_LIT("x")), -ERR_SYNTAX);
	ask.t = right; /* the old one, played back, took nothing from his requests */
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), 0);
	assert_int_equal(rig_fetch(rig), 1);
	ask.t = mikey_time(rig->now.wall_us + 86400000000u);
	assert_int_equal(rig_request(rig, ALICE, "a1", &ask), -ERR_STALE);
	assert_int_equal(rig_fetch(rig), 0); /* by itself it is dropped in silence */
}

static void what_is_in_a_new_offer_is_judged_behind_its_message(void **state)
{
	/* covers: KM-007 */
	struct rig *rig = *state;
	struct mikey_init ask = rig_ask(rig, ALICE, "a1");

	assert_int_equal(offer(rig, ALICE, "a1", &ask, false), 0);
	assert_int_equal(rig->n, 2);
	assert_int_equal(rig->seen[0].kind, KEYSERVER_MESSAGE);
	assert_int_equal(rig->seen[1].kind, KEYSERVER_JUDGED);
	assert_int_equal(rig->seen[1].err, 0);
	assert_int_equal(offer(rig, ALICE, "a1", &ask, false), -ERR_STALE); /* again */
	assert_int_equal(rig->n, 1);
	assert_int_equal(rig->seen[0].kind, KEYSERVER_JUDGED);
	assert_int_equal(rig->seen[0].err, -ERR_STALE);
	ask.t++;
	assert_int_equal(offer(rig, ALICE, "a2", &ask, false), -ERR_DENIED);
	assert_int_equal(rig->n, 1);
	assert_int_equal(rig->seen[0].err, -ERR_DENIED);
	ask.t = mikey_time(rig->now.wall_us + 400000000u);
	assert_int_equal(offer(rig, ALICE, "a1", &ask, false), -ERR_STALE);
	assert_int_equal(explained(rig, ALICE, "a1", &ask).error, MIKEY_ERR_TS);
	ask = rig_ask(rig, CAROL, "c1"); /* she is not in */
	assert_int_equal(offer(rig, CAROL, "c1", &ask, false), -ERR_DENIED);
	assert_int_equal(rig->n, 2);
	assert_int_equal(rig->seen[0].kind, KEYSERVER_REFUSED);
	assert_int_equal(rig->seen[1].kind, KEYSERVER_JUDGED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(a_request_is_answered_with_the_current_key),
		TEST(a_wrong_mac_moves_nothing),
		TEST(time_rises_within_the_window),
		TEST(what_is_pasted_from_elsewhere_is_dropped),
		TEST(our_own_messages_come_back_in_vain),
		TEST(no_bit_can_be_flipped),
		TEST(a_flood_of_requests_gets_three_then_one_in_five_seconds),
		TEST(who_was_removed_is_refused),
		TEST(refusals_that_nobody_fetches_are_bounded),
		TEST(offers_are_judged_alike),
		TEST(who_proves_himself_is_told_what_time_it_is_and_which_suite),
		TEST(nothing_is_explained_to_others),
		TEST(what_is_in_a_new_offer_is_judged_behind_its_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
