/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/ue_crypto: keys taken, aged and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ue_crypto_rig.h"

/* --- key messages --- */

/* covers: MIKEY-012, GK-003 */
static void a_key_message_is_taken_and_confirmed(void **state)
{
	struct ue_crypto *c = member(ALICE);
	struct bytes sealed = BYTES_INIT;
	struct gke_inner in = {0};
	struct server s;
	const char *why;

	(void)state;
	assert_null(ue_crypto_epoch(c));
	assert_int_equal(ue_crypto_seal(c, &in, T0, &sealed), -ERR_WRONG_STATE);
	server(&s, 7, T0);
	assert_int_equal(give(c, &s, mk_slice(), T0, 1000, &why), 1);
	assert_int_equal(gkid_epoch(ue_crypto_epoch(c)), 7);
	assert_int_equal(give(c, &s, mk_slice(), T0 + 8 * S, 9000, &why), 0); /* again: once more */
	server(&s, 8, T0 + 9 * S);
	s.init.v = false;
	assert_int_equal(give(c, &s, mk_slice(), T0 + 9 * S, 10000, &why), 1);
	assert_int_equal(gkid_epoch(ue_crypto_epoch(c)), 8);
	bytes_fini(&sealed);
	ue_crypto_free(&c);
}

/* covers: MIKEY-003, MIKEY-004, MIKEY-006 */
static void the_time_of_a_key_message_is_judged_first(void **state)
{
	struct ue_crypto *c = member(ALICE);
	uint8_t wrong[32] = {0};
	struct server s;
	const char *why;

	(void)state;
	server(&s, 7, T0 + 301 * S);
	assert_int_equal(give(c, &s, mk_slice(), T0, 1000, &why), -ERR_STALE);
	server(&s, 7, T0 - 301 * S);
	assert_int_equal(give(c, &s, mk_slice(), T0, 1000, &why), -ERR_STALE);
	server(&s, 7, T0 + 200 * S); /* what is not authentic does not move the last time */
	assert_int_equal(give(c, &s, slice_make(wrong, sizeof(wrong)), T0, 1000, &why),
			 -ERR_DENIED);
	assert_null(ue_crypto_epoch(c));
	server(&s, 7, T0 + 299 * S);
	assert_int_equal(give(c, &s, mk_slice(), T0, 1000, &why), 1);
	server(&s, 8, T0 + 298 * S);
	assert_int_equal(give(c, &s, mk_slice(), T0, 1000, &why), -ERR_STALE);
	server(&s, 8, T0 + 299 * S);
	assert_int_equal(give(c, &s, mk_slice(), T0, 1000, &why), -ERR_STALE);
	assert_int_equal(gkid_epoch(ue_crypto_epoch(c)), 7);
	ue_crypto_free(&c);
}

static int give_changed(struct slice idri, struct slice idrr, struct slice idrpsk,
			struct slice idrapp)
{
	struct ue_crypto *c = member(ALICE);
	struct server s;
	const char *why;
	int rc;

	assert_int_equal(epoch_at(c, ALICE, 7, T0, 1000), 1);
	server(&s, 8, T0 + S);
	s.init.idri = idri.len ? idri : s.init.idri;
	s.init.idrr = idrr.len ? idrr : s.init.idrr;
	s.init.idrpsk = idrpsk.len ? idrpsk : s.init.idrpsk;
	s.init.idrapp = idrapp.len ? idrapp : s.init.idrapp;
	rc = give(c, &s, mk_slice(), T0 + S, 2000, &why);
	assert_int_equal(gkid_epoch(ue_crypto_epoch(c)), rc == 1 ? 8 : 7);
	ue_crypto_free(&c);
	return rc;
}

/* covers: MIKEY-013, GK-009 */
static void a_key_message_of_other_names_is_dropped(void **state)
{
	struct slice no = SLICE_NULL;

	(void)state;
	assert_int_equal(give_changed(no, no, no, no), 1);
	assert_int_equal(give_changed(SLICE_LIT("sip:ks@other.example.com"), no, no, no),
			 -ERR_DENIED);
	assert_int_equal(give_changed(SLICE_LIT(ALICE), no, no, no), -ERR_DENIED); /* reflected */
	assert_int_equal(give_changed(no, SLICE_LIT(BOB), no, no), -ERR_DENIED);
	assert_int_equal(give_changed(no, SLICE_LIT(ROOM), no, no), -ERR_DENIED);
	assert_int_equal(give_changed(no, no, SLICE_LIT("mk:alice:2"), no), -ERR_DENIED);
	assert_int_equal(give_changed(no, no, no, SLICE_LIT(OTHER)), -ERR_DENIED);
}

static void a_message_under_the_groups_key_is_dropped(void **state)
{
	struct ue_crypto *c = member(ALICE);
	struct gkid seven = gkid_make(domain, 7);
	struct gke_keys keys;
	struct server s;
	const char *why;

	(void)state;
	assert_int_equal(epoch_at(c, ALICE, 7, T0, 1000), 1);
	server(&s, 7, T0);
	gke_derive(s.init.tek, &seven, &keys);
	server(&s, 8, T0 + S);
	s.init.v = false;
	s.init.idrr = SLICE_LIT(ROOM);
	s.init.idrpsk = slice_make(seven.octets, GKID_SIZE);
	assert_int_equal(
		give(c, &s, slice_make(keys.mikey, sizeof(keys.mikey)), T0 + S, 2000, &why),
		-ERR_DENIED);
	assert_non_null(strstr(why, "group"));
	assert_int_equal(gkid_epoch(ue_crypto_epoch(c)), 7);
	ue_crypto_free(&c);
}

/* Every bit of a genuine message, one at a time; and every length. */
static void no_changed_key_message_is_taken(void **state)
{
	struct ue_crypto *c = member(ALICE);
	struct bytes out = BYTES_INIT, reply = BYTES_INIT;
	struct server s;
	const char *why;

	(void)state;
	server(&s, 7, T0);
	build(&s, mk_slice(), &out);
	for (size_t bit = 0; bit < out.len * 8; bit++) {
		out.data[bit / 8] = (char)(out.data[bit / 8] ^ (1 << (bit % 8)));
		assert_true(ue_crypto_take(c, bytes_slice(&out), T0, 1, &reply, &why) < 0);
		out.data[bit / 8] = (char)(out.data[bit / 8] ^ (1 << (bit % 8)));
	}
	for (size_t len = 0; len < out.len; len++)
		assert_true(ue_crypto_take(c, slice_first(bytes_slice(&out), len), T0, 1, &reply,
					   &why) < 0);
	assert_null(ue_crypto_epoch(c));
	assert_int_equal(reply.len, 0);
	assert_int_equal(ue_crypto_take(c, bytes_slice(&out), T0, 1, &reply, &why), 1);
	bytes_fini(&out);
	bytes_fini(&reply);
	ue_crypto_free(&c);
}

/* covers: MIKEY-005 */
static void requests_name_us_and_have_times_of_their_own(void **state)
{
	struct ue_crypto *c = member(ALICE);
	struct bytes one = BYTES_INIT, two = BYTES_INIT, reply = BYTES_INIT;
	struct mikey a, b;
	struct mikey_key key;
	const char *why;

	(void)state;
	assert_int_equal(ue_crypto_request(c, true, T0, &one), 0);
	assert_int_equal(ue_crypto_request(c, false, T0, &two), 0);
	assert_int_equal(mikey_parse(bytes_slice(&one), &a, NULL), 0);
	assert_int_equal(mikey_parse(bytes_slice(&two), &b, NULL), 0);
	assert_true(b.t > a.t);
	assert_false(a.v);
	assert_true(slice_eq_str(a.idri, ALICE) && slice_eq_str(a.idrapp, ROOM));
	assert_true(slice_eq_str(a.idrpsk, mk.id));
	assert_true(slice_eq_str(a.sdp_ids, "mikey"));
	assert_int_equal(b.sdp_ids.len, 0);
	assert_int_equal(mikey_open(&a, mk_slice(), &key), 0); /* a genuine request */
	/* It comes back: nothing is taken. */
	assert_true(ue_crypto_take(c, bytes_slice(&one), T0, 1, &reply, &why) < 0);
	bytes_fini(&one);
	bytes_fini(&two);
	bytes_fini(&reply);
	ue_crypto_free(&c);
}

/* A called UE is known by the URI that was called; it asks under that name from then on. */
static void an_alias_is_us(void **state)
{
	struct ue_crypto *c = member(ALICE);
	struct bytes out = BYTES_INIT;
	struct mikey m;

	(void)state;
	assert_int_equal(epoch_at(c, "sip:alice@127.0.0.1:5070", 7, T0, 1000), -ERR_DENIED);
	ue_crypto_alias(c, "sip:alice@127.0.0.1:5070");
	assert_int_equal(epoch_at(c, "sip:alice@127.0.0.1:5070", 7, T0, 1000), 1);
	assert_int_equal(ue_crypto_request(c, false, T0, &out), 0);
	assert_int_equal(mikey_parse(bytes_slice(&out), &m, NULL), 0);
	assert_true(slice_eq_str(m.idri, "sip:alice@127.0.0.1:5070"));
	assert_true(slice_eq_str(m.idrr, KS));
	assert_int_equal(epoch_at(c, ALICE, 8, T0 + S, 2000), 1);
	bytes_fini(&out);
	ue_crypto_free(&c);
}

/* Who called a factory knows the conference by its Contact, until the first key names it. */
static void the_first_key_names_the_conference(void **state)
{
	struct ue_crypto *c = ue_crypto_new(&mk, ALICE, GKE_SUITE_B);
	struct server s;
	const char *why;

	(void)state;
	ue_crypto_room(c, "sip:room1@127.0.0.1:5060");
	server(&s, 1, T0);
	s.init.idrapp = SLICE_LIT(OTHER);
	assert_int_equal(give(c, &s, mk_slice(), T0, 1000, &why), -ERR_DENIED);
	s.init.idrapp = SLICE_LIT(ROOM);
	assert_int_equal(give(c, &s, mk_slice(), T0, 1000, &why), 1);
	assert_string_equal(ue_crypto_room_name(c), ROOM);
	ue_crypto_room(c, "sip:room1@127.0.0.1:5060");
	assert_string_equal(ue_crypto_room_name(c), ROOM);
	server(&s, 2, T0 + S);
	s.init.idrapp = SLICE_LIT("sip:room1@other.example.com");
	assert_int_equal(give(c, &s, mk_slice(), T0 + S, 2000, &why), -ERR_DENIED);
	ue_crypto_free(&c);
}

/* --- epochs --- */

/* covers: GK-007 */
static void the_old_key_opens_for_ten_seconds_and_seals_no_more(void **state)
{
	struct pair *p = *state;
	struct bytes old = BYTES_INIT, late = BYTES_INIT, fresh = BYTES_INIT;
	struct gkid seven = gkid_make(domain, 7);
	struct cms_head head;

	seal(p->alice, &to_room, T0, &old);
	seal(p->alice, &to_room, T0, &late);
	assert_int_equal(epoch_at(p->alice, ALICE, 8, T0 + S, 2000), 1);
	assert_int_equal(epoch_at(p->bob, BOB, 8, T0 + S, 2000), 1);
	seal(p->alice, &to_room, T0 + S, &fresh);
	assert_int_equal(cms_parse(bytes_slice(&fresh), &head), 0);
	assert_int_equal(gkid_epoch(&head.gkid), 8);
	ue_crypto_age(p->bob, 2000 + UE_CRYPTO_RETIRE_MS - 1);
	assert_int_equal(open_at(p->bob, &old, &to_room, T0 + 10 * S), 0);
	ue_crypto_age(p->bob, 2000 + UE_CRYPTO_RETIRE_MS);
	assert_false(ue_crypto_has(p->bob, &seven));
	assert_int_equal(open_at(p->bob, &late, &to_room, T0 + 11 * S), -ERR_NOT_FOUND);
	assert_int_equal(open_at(p->bob, &fresh, &to_room, T0 + 11 * S), 0);
	bytes_fini(&old);
	bytes_fini(&late);
	bytes_fini(&fresh);
}

/* covers: GK-004, GK-005 */
static void neither_earlier_nor_later_epochs_open(void **state)
{
	struct pair *p = *state;
	struct ue_crypto *erin = member(BOB);
	struct bytes before = BYTES_INIT, after = BYTES_INIT;

	seal(p->alice, &to_room, T0, &before);
	assert_int_equal(epoch_at(p->alice, ALICE, 8, T0 + S, 2000), 1);
	seal(p->alice, &to_room, T0 + S, &after);
	assert_int_equal(open_at(p->bob, &after, &to_room, T0 + S), -ERR_NOT_FOUND); /* removed */
	assert_int_equal(epoch_at(erin, BOB, 8, T0 + S, 2000), 1);
	assert_int_equal(open_at(erin, &before, &to_room, T0 + S), -ERR_NOT_FOUND); /* came late */
	assert_int_equal(open_at(erin, &after, &to_room, T0 + S), 0);
	bytes_fini(&before);
	bytes_fini(&after);
	ue_crypto_free(&erin);
}

/* covers: GK-001 */
static void a_storm_of_epochs_is_bounded(void **state)
{
	struct pair *p = *state;
	struct gkid id;

	for (uint32_t e = 8; e < 8 + 2 * UE_CRYPTO_EPOCHS; e++)
		assert_int_equal(epoch_at(p->alice, ALICE, e, T0 + e * 1000, 2000 + e), 1);
	id = gkid_make(domain, 7 + UE_CRYPTO_EPOCHS);
	assert_false(ue_crypto_has(p->alice, &id));
	id = gkid_make(domain, 8 + UE_CRYPTO_EPOCHS);
	assert_true(ue_crypto_has(p->alice, &id));
}

static void who_is_behind_the_roster_for_five_seconds_stops(void **state)
{
	struct pair *p = *state;
	static const uint8_t reborn[GKID_DOMAIN_SIZE] = {1};
	struct gkid six = gkid_make(domain, 6), eight = gkid_make(domain, 8),
		    nine = gkid_make(domain, 9), new_life = gkid_make(reborn, 1);

	assert_false(ue_crypto_is_behind(p->alice, NULL, 1000));
	assert_false(ue_crypto_is_behind(p->alice, &six, 1000));
	assert_false(ue_crypto_is_behind(p->alice, &six, 90000)); /* its notification was late */
	assert_false(ue_crypto_is_behind(p->alice, &eight, 10000));
	assert_false(ue_crypto_is_behind(p->alice, &nine, 14999));
	assert_true(ue_crypto_is_behind(p->alice, &nine, 15000));
	assert_int_equal(epoch_at(p->alice, ALICE, 9, T0 + S, 15001), 1);
	assert_false(ue_crypto_is_behind(p->alice, &nine, 30000));
	assert_false(ue_crypto_is_behind(p->alice, &new_life, 30000));
	assert_true(ue_crypto_is_behind(p->alice, &new_life, 35000));
}

#define WITH_PAIR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* We make the keys, and have none with anybody. */
static void who_is_the_key_server_takes_its_own_keys_alone(void **state)
{
	struct ue_crypto *c = ue_crypto_new(NULL, ALICE, GKE_SUITE_B);
	const struct gkid first = gkid_make(domain, 1), second = gkid_make(domain, 2);
	uint8_t tek[GKE_TEK_MAX] = {1};
	struct bytes out = BYTES_INIT;
	struct gke_leg leg;
	struct server s;
	const char *why;

	(void)state;
	server(&s, 7, T0);
	build(&s, mk_slice(), &out);
	assert_int_equal(ue_crypto_leg(c, bytes_slice(&out), &leg), -ERR_SYNTAX);
	ue_crypto_room(c, "sip:room1@127.0.0.1");
	assert_int_equal(ue_crypto_request(c, true, T0, &out), -ERR_WRONG_STATE);
	assert_int_equal(give(c, &s, mk_slice(), T0, 1000, &why), -ERR_DENIED);
	ue_crypto_serve(c, ROOM, GKE_SUITE_B);
	assert_true(ue_crypto_serves(c));
	assert_string_equal(ue_crypto_room_name(c), ROOM);
	assert_null(ue_crypto_epoch(c));
	ue_crypto_put(c, &first, slice_make(tek, sizeof(tek)), 1000);
	ue_crypto_put(c, &second, slice_make(tek, sizeof(tek)), 2000);
	assert_true(gkid_eq(ue_crypto_epoch(c), &second));
	ue_crypto_age(c, 2000 + UE_CRYPTO_RETIRE_MS);
	assert_true(ue_crypto_has(c, &second) && !ue_crypto_has(c, &first));
	assert_int_equal(give(c, &s, mk_slice(), T0, 3000, &why), -ERR_DENIED);
	assert_false(ue_crypto_is_behind(c, &s.init.gkid, 3000)); /* nobody is ahead of us */
	assert_false(ue_crypto_is_behind(c, &s.init.gkid, 60000));
	bytes_fini(&out);
	ue_crypto_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_the_key_server_takes_its_own_keys_alone),
		cmocka_unit_test(a_key_message_is_taken_and_confirmed),
		cmocka_unit_test(the_time_of_a_key_message_is_judged_first),
		cmocka_unit_test(a_key_message_of_other_names_is_dropped),
		cmocka_unit_test(a_message_under_the_groups_key_is_dropped),
		cmocka_unit_test(no_changed_key_message_is_taken),
		cmocka_unit_test(requests_name_us_and_have_times_of_their_own),
		cmocka_unit_test(an_alias_is_us),
		cmocka_unit_test(the_first_key_names_the_conference),
		WITH_PAIR(the_old_key_opens_for_ten_seconds_and_seals_no_more),
		WITH_PAIR(neither_earlier_nor_later_epochs_open),
		WITH_PAIR(a_storm_of_epochs_is_bounded),
		WITH_PAIR(who_is_behind_the_roster_for_five_seconds_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
