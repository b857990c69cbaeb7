/* SPDX-License-Identifier: Apache-2.0 */
/* The key server: epochs, who gets which key, confirmations, and what restarts and clocks do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keyserver_rig.h"

static int set_up(void **state)
{
	*state = rig_new();
	return 0;
}

static int tear_down(void **state)
{
	rig_free(*state);
	return 0;
}

static void all_members_get_the_same_key_each_under_his_own(void **state)
{
	/* covers: GK-001, MIKEY-005, MIKEY-009, MIKEY-011 */
	const struct groupkey_member who[] = {
		{.uri = ALICE, .key_id = SLICE_LIT("a1")}, {.uri = BOB}, {.uri = CAROL}};
	const char *const ids[] = {"a1", "b1", "c1"};
	struct rig *rig = *state;
	struct mikey m[3];
	struct mikey_key key[3];

	assert_int_equal(keyserver_change(rig->ks, ROOM, who, 3, NULL, 0, &rig->now), 0);
	assert_int_equal(rig_fetch(rig), 4);
	assert_int_equal(rig->seen[0].kind, KEYSERVER_EPOCH);
	assert_int_equal(gkid_epoch(&rig->seen[0].gkid), 1);
	for (int i = 0; i < 3; i++) {
		rig_open(rig, who[i].uri, ids[i], &m[i], &key[i]);
		assert_int_equal(key[i].tek_size, 32);
		assert_memory_equal(key[i].tek, key[0].tek, 32);
		assert_true(gkid_eq(&key[i].gkid, &rig->seen[0].gkid)); /* the SPI */
		assert_true(slice_eq(m[i].rand, m[0].rand));
		assert_int_equal(m[i].rand.len, 16);
		assert_int_equal(m[i].csb_id, gkid_csb_id(&key[i].gkid));
		assert_true(m[i].v);
		assert_true(i == 0 || m[i].t > m[i - 1].t); /* of one moment, yet none is twice */
		assert_true(slice_eq_str(m[i].idri, KS));
		assert_true(slice_eq_str(m[i].idrr, who[i].uri));
		assert_true(slice_eq_str(m[i].idrapp, ROOM));
		assert_true(slice_eq_str(m[i].sdp_ids, "mikey")); /* we call them */
		assert_true(rig_seen(rig, KEYSERVER_MESSAGE, who[i].uri)->fresh);
	}
}

static void who_is_the_key_server_takes_the_key_itself(void **state)
{
	struct rig *rig = *state;
	struct mikey m;
	struct mikey_key key;
	struct gkid id;
	struct slice tek;

	assert_false(keyserver_key(rig->ks, ROOM, &id, &tek)); /* none yet */
	assert_false(keyserver_key(rig->ks, OTHER_ROOM, &id, &tek));
	assert_int_equal(keyserver_change(rig->ks, ROOM, NULL, 0, NULL, 0, &rig->now), 0);
	rig_join(rig, ALICE, "a1");
	rig_open(rig, ALICE, "a1", &m, &key);
	assert_true(keyserver_key(rig->ks, ROOM, &id, &tek));
	assert_true(gkid_eq(&id, &key.gkid) && gkid_epoch(&id) == 2);
	assert_true(slice_eq(tek, slice_make(key.tek, key.tek_size)));
}

static void each_change_is_a_fresh_key_for_who_is_in(void **state)
{
	/* covers: GK-001, MIKEY-010, MIKEY-009 */
	struct rig *rig = *state;
	struct mikey m;
	struct mikey_key first, second, third;
	uint8_t rand[16];

	rig_join(rig, ALICE, "a1");
	rig_open(rig, ALICE, "a1", &m, &first);
	memcpy(rand, m.rand.ptr, 16);
	rig_join(rig, BOB, "b1");
	assert_int_equal(rig->n, 3);
	rig_open(rig, ALICE, "a1", &m, &second);
	assert_int_equal(m.sdp_ids.len, 0); /* no offer carries it */
	assert_memory_not_equal(m.rand.ptr, rand, 16);
	assert_memory_not_equal(first.tek, second.tek, 32);
	assert_int_equal(gkid_epoch(&second.gkid), 2);
	assert_true(gkid_same_domain(&first.gkid, &second.gkid));
	rig_leave(rig, ALICE, "");
	assert_int_equal(rig->n, 2);
	assert_null(rig_seen(rig, KEYSERVER_MESSAGE, ALICE));
	rig_open(rig, BOB, "b1", &m, &third);
	assert_memory_not_equal(second.tek, third.tek, 32);
	assert_int_equal(keyserver_change(rig->ks, ROOM, NULL, 0, NULL, 0, &rig->now), 0);
	assert_int_equal(rig_fetch(rig), 2);
	assert_int_equal(gkid_epoch(&rig->seen[0].gkid), 4);
}

static void a_key_of_one_device_leaves_the_others_in(void **state)
{
	struct rig *rig = *state;

	rig_join(rig, ALICE, "a1");
	rig_join(rig, ALICE, "a2");
	assert_int_equal(rig->n, 3);
	rig_join(rig, ALICE, "a2"); /* once more is the same */
	assert_int_equal(rig->n, 3);
	rig_leave(rig, ALICE, "a1");
	assert_int_equal(rig->n, 2);
	assert_string_equal(rig_seen(rig, KEYSERVER_MESSAGE, ALICE)->key_id, "a2");
}

static void who_waits_for_an_older_key_never_gets_it(void **state)
{
	/* covers: GK-001 */
	const struct groupkey_member alice = {.uri = ALICE}, bob = {.uri = BOB};
	struct rig *rig = *state;
	struct mikey m;
	struct mikey_key key;

	assert_int_equal(keyserver_change(rig->ks, ROOM, &alice, 1, NULL, 0, &rig->now), 0);
	assert_int_equal(keyserver_change(rig->ks, ROOM, &bob, 1, NULL, 0, &rig->now), 0);
	assert_int_equal(rig_fetch(rig), 4); /* two epochs, a message for each of the second */
	rig_open(rig, ALICE, "a1", &m, &key);
	assert_int_equal(gkid_epoch(&key.gkid), 2);
	assert_int_equal(keyserver_change(rig->ks, ROOM, NULL, 0, NULL, 0, &rig->now), 0);
	assert_int_equal(keyserver_change(rig->ks, ROOM, NULL, 0, &bob, 1, &rig->now), 0);
	(void)rig_fetch(rig);
	assert_null(rig_seen(rig, KEYSERVER_MESSAGE, BOB));
}

static void who_has_no_key_is_refused_and_changes_nothing(void **state)
{
	const struct groupkey_member dan = {.uri = "sip:dan@example.com"};
	const struct groupkey_member both[] = {dan, {.uri = BOB}};
	struct rig *rig = *state;

	rig_join(rig, ALICE, "a1");
	assert_int_equal(keyserver_change(rig->ks, ROOM, &dan, 1, NULL, 0, &rig->now), 0);
	assert_int_equal(rig_fetch(rig), 1);
	assert_int_equal(rig->seen[0].kind, KEYSERVER_REFUSED);
	assert_int_equal(rig->seen[0].err, -ERR_NOT_FOUND);
	assert_int_equal(keyserver_change(rig->ks, ROOM, both, 2, NULL, 0, &rig->now), 0);
	assert_int_equal(rig_fetch(rig), 4);
	assert_int_equal(rig->seen[0].kind, KEYSERVER_REFUSED);
	assert_int_equal(rig->seen[1].kind, KEYSERVER_EPOCH);
	assert_null(rig_seen(rig, KEYSERVER_MESSAGE, dan.uri));
	/* A key that is taken away: at the next change its holder is out. */
	assert_int_equal(member_keys_remove(rig->keys, BOB, NULL, NULL, NULL), 1);
	assert_int_equal(keyserver_change(rig->ks, ROOM, NULL, 0, NULL, 0, &rig->now), 0);
	assert_int_equal(rig_fetch(rig), 3);
	assert_int_equal(rig_seen(rig, KEYSERVER_REFUSED, BOB)->err, -ERR_NOT_FOUND);
	assert_int_equal(keyserver_change(rig->ks, "sip:none@x", NULL, 0, NULL, 0, &rig->now),
			 -ERR_NOT_FOUND);
}

static void who_has_the_former_key_of_that_name_is_out(void **state)
{
	struct rig *rig = *state;

	rig_join(rig, ALICE, "a1");
	rig_join(rig, BOB, "b1");
	assert_int_equal(member_keys_remove(rig->keys, BOB, "b1", NULL, NULL), 1);
	rig_add_key(rig, BOB, "b1");
	assert_int_equal(keyserver_change(rig->ks, ROOM, NULL, 0, NULL, 0, &rig->now), 0);
	assert_int_equal(rig_fetch(rig), 3);
	assert_int_equal(rig_seen(rig, KEYSERVER_REFUSED, BOB)->err, -ERR_NOT_FOUND);
	assert_non_null(rig_seen(rig, KEYSERVER_MESSAGE, ALICE));
	rig_join(rig, BOB, "b1"); /* with the new one */
	assert_non_null(rig_seen(rig, KEYSERVER_MESSAGE, BOB));
}

/* His R_MESSAGE to what was fetched for him. */
static int confirm(struct rig *rig, const struct seen *s, const char *id, int flip)
{
	struct bytes r = BYTES_INIT;
	struct mikey m;
	int err;

	assert_int_equal(mikey_parse(s->bytes, &m, NULL), 0);
	mikey_build_verify(&m, rig_psk(rig, s->uri, id), &r);
	if (flip >= 0)
		r.data[flip] ^= 1;
	err = rig_send(rig, s->uri, NULL, bytes_slice(&r));
	bytes_fini(&r);
	return err;
}

static void only_a_genuine_verification_confirms(void **state)
{
	/* covers: MIKEY-012 */
	struct rig *rig = *state;
	struct seen alice;

	rig_join(rig, ALICE, "a1");
	rig_join(rig, BOB, "b1");
	alice = *rig_seen(rig, KEYSERVER_MESSAGE, ALICE);
	alice.bytes = slice_make(alice.octets, alice.bytes.len);
	assert_int_equal(confirm(rig, &alice, "a2", -1), -ERR_DENIED);
	assert_int_equal(confirm(rig, &alice, "a1", 75), -ERR_DENIED); /* an octet of V */
	assert_int_equal(rig_fetch(rig), 0);
	assert_int_equal(confirm(rig, &alice, "a1", -1), 0);
	assert_int_equal(rig_fetch(rig), 1);
	assert_int_equal(rig->seen[0].kind, KEYSERVER_CONFIRMED);
	assert_string_equal(rig->seen[0].uri, ALICE);
	assert_int_equal(gkid_epoch(&rig->seen[0].gkid), 2);
}

/* Several devices with one key say the same octets: each is told of, but no flood of them. */
static void a_confirmation_is_told_of_once_a_device(void **state)
{
	/* covers: MIKEY-012 */
	struct rig *rig = *state;
	struct seen alice;
	size_t n = 0;

	rig_join(rig, ALICE, "a1");
	alice = *rig_seen(rig, KEYSERVER_MESSAGE, ALICE);
	alice.bytes = slice_make(alice.octets, alice.bytes.len);
	for (int i = 0; i < 17; i++) {
		assert_int_equal(confirm(rig, &alice, "a1", -1), 0);
		n += rig_fetch(rig);
	}
	assert_int_equal(n, 16);
}

/* Who is slow confirms a key that was replaced meanwhile: he is there, and takes keys. */
static void the_last_eight_messages_can_be_confirmed(void **state)
{
	/* covers: GK-008 */
	struct rig *rig = *state;
	struct seen first, second;

	rig_join(rig, ALICE, "a1");
	first = *rig_seen(rig, KEYSERVER_MESSAGE, ALICE);
	first.bytes = slice_make(first.octets, first.bytes.len);
	rig_join(rig, BOB, "b1");
	second = *rig_seen(rig, KEYSERVER_MESSAGE, ALICE);
	second.bytes = slice_make(second.octets, second.bytes.len);
	for (int i = 0; i < 7; i++) {
		assert_int_equal(keyserver_change(rig->ks, ROOM, NULL, 0, NULL, 0, &rig->now), 0);
		rig_fetch(rig);
	}
	assert_int_equal(confirm(rig, &first, "a1", -1), -ERR_STALE);
	assert_int_equal(confirm(rig, &second, "a1", 75), -ERR_DENIED);
	assert_int_equal(confirm(rig, &second, "a1", -1), 0);
	assert_int_equal(rig_fetch(rig), 1);
	assert_int_equal(gkid_epoch(&rig->seen[0].gkid), 2);
}

static void keys_grow_old(void **state)
{
	/* covers: GK-010 */
	struct rig *rig = *state;

	rig_join(rig, ALICE, "a1");
	rig->now.mono_ms += 86400000 - 1;
	keyserver_age(rig->ks, &rig->now);
	assert_int_equal(rig_fetch(rig), 0);
	rig->now.mono_ms++;
	keyserver_age(rig->ks, &rig->now);
	assert_int_equal(rig_fetch(rig), 2);
	assert_int_equal(gkid_epoch(&rig->seen[0].gkid), 2);
	keyserver_sent(rig->ks, ROOM, (1 << 20) - 1, &rig->now);
	assert_int_equal(rig_fetch(rig), 0);
	keyserver_sent(rig->ks, ROOM, 1, &rig->now);
	assert_int_equal(rig_fetch(rig), 2);
	assert_int_equal(gkid_epoch(&rig->seen[0].gkid), 3);
}

static void suite_a_has_keys_of_16_octets(void **state)
{
	/* covers: GK-001 */
	struct rig *rig = *state;
	struct mikey m;
	struct mikey_key key;

	assert_int_equal(keyserver_open(rig->ks, ROOM, GKE_SUITE_A), 0);
	rig_join(rig, ALICE, "a1");
	rig_open(rig, ALICE, "a1", &m, &key);
	assert_int_equal(m.suite, GKE_SUITE_A);
	assert_int_equal(key.tek_size, 16);
}

static void a_room_that_opens_again_is_a_new_domain(void **state)
{
	/* covers: GK-012 */
	struct rig *rig = *state;
	struct gkid first;

	rig_join(rig, ALICE, "a1");
	first = rig->seen[0].gkid;
	assert_int_equal(keyserver_open(rig->ks, ROOM, GKE_SUITE_B), 0);
	assert_int_equal(rig_send(rig, ALICE, "a1", SLICE_LIT("x")), -ERR_DENIED); /* not in it */
	(void)rig_fetch(rig);
	rig_join(rig, ALICE, "a1");
	assert_false(gkid_same_domain(&first, &rig->seen[0].gkid));
	assert_int_equal(gkid_epoch(&rig->seen[0].gkid), 1);
	assert_int_equal(keyserver_change(rig->ks, ROOM, NULL, 0, NULL, 0, &rig->now), 0);
	assert_int_equal(keyserver_close(rig->ks, ROOM), 0);
	assert_int_equal(rig_fetch(rig), 0); /* what waited is gone with its key */
	assert_int_equal(keyserver_close(rig->ks, ROOM), -ERR_NOT_FOUND);
}

/* --- what outlives the process --- */

struct memory {
	char name[8][64];
	uint64_t t[8];
	unsigned n_writes;
};

static uint64_t memory_last_t(const char *name, void *arg)
{
	struct memory *m = arg;

	for (int i = 0; i < 8; i++)
		if (strcmp(m->name[i], name) == 0)
			return m->t[i];
	return 0;
}

static void memory_set_last_t(const char *name, uint64_t t, void *arg)
{
	struct memory *m = arg;
	int i = 0;

	while (m->name[i][0] != '\0' && strcmp(m->name[i], name) != 0)
		i++;
	snprintf(m->name[i], sizeof(m->name[i]), "%s", name);
	m->t[i] = t;
	m->n_writes++;
}

static void restart(struct rig *rig)
{
	keyserver_free(&rig->ks);
	rig->ks = keyserver_new(&rig->settings, &rig->lookup, &rig->now);
	assert_int_equal(keyserver_open(rig->ks, ROOM, GKE_SUITE_B), 0);
}

static void a_replay_is_one_after_a_restart_too(void **state)
{
	/* covers: MIKEY-006, MIKEY-004 */
	struct memory memory = {0};
	const struct keyserver_memory hooks = {memory_last_t, memory_set_last_t, &memory};
	struct rig *rig = *state;
	struct mikey_init ask;

	rig->settings.memory = &hooks;
	restart(rig);
	ask = rig_ask(rig, ALICE, "a1");
	rig_join_asking(rig, ALICE, "a1", &ask);
	assert_non_null(rig_seen(rig, KEYSERVER_MESSAGE, ALICE));
	restart(rig);
	rig_join_asking(rig, ALICE, "a1", &ask);
	assert_int_equal(rig_seen(rig, KEYSERVER_REFUSED, ALICE)->err, -ERR_STALE);
	ask.t++;
	rig_join_asking(rig, ALICE, "a1", &ask);
	assert_non_null(rig_seen(rig, KEYSERVER_MESSAGE, ALICE));
}

/* A clock that is ahead locks nobody out but its own device: each has a key, and a time, of its own. */
static void devices_of_one_user_have_times_of_their_own(void **state)
{
	/* covers: MIKEY-006 */
	struct memory memory = {0};
	const struct keyserver_memory hooks = {memory_last_t, memory_set_last_t, &memory};
	struct rig *rig = *state;
	struct mikey_init ahead, behind;

	rig->settings.memory = &hooks;
	restart(rig);
	ahead = rig_ask(rig, ALICE, "a1");
	behind = rig_ask(rig, ALICE, "a2");
	ahead.t = mikey_time(START_US + 40000000);
	for (int i = 0; i < 2; i++) {
		rig_join_asking(rig, ALICE, "a1", &ahead);
		assert_null(rig_seen(rig, KEYSERVER_REFUSED, ALICE));
		rig_join_asking(rig, ALICE, "a2", &behind);
		assert_null(rig_seen(rig, KEYSERVER_REFUSED, ALICE));
		rig_join_asking(rig, ALICE, "a2", &behind);
		assert_int_equal(rig_seen(rig, KEYSERVER_REFUSED, ALICE)->err, -ERR_STALE);
		restart(rig);
		rig_join_asking(rig, ALICE, "a1", &ahead);
		assert_int_equal(rig_seen(rig, KEYSERVER_REFUSED, ALICE)->err, -ERR_STALE);
		ahead.t++;
		behind.t++;
	}
}

static void without_a_memory_nothing_from_before_the_start_counts(void **state)
{
	/* covers: MIKEY-006 */
	struct rig *rig = *state;
	struct mikey_init ask = rig_ask(rig, ALICE, "a1");

	ask.t = mikey_time(START_US) - 1;
	rig_join_asking(rig, ALICE, "a1", &ask);
	assert_int_equal(rig_seen(rig, KEYSERVER_REFUSED, ALICE)->err, -ERR_STALE);
	ask.t = mikey_time(START_US) + 1;
	rig_join_asking(rig, ALICE, "a1", &ask);
	assert_non_null(rig_seen(rig, KEYSERVER_MESSAGE, ALICE));
}

static uint64_t last_message_t(struct rig *rig)
{
	struct mikey m;

	assert_int_equal(mikey_parse(rig->seen[rig->n - 1].bytes, &m, NULL), 0);
	return m.t;
}

static void our_time_never_goes_back(void **state)
{
	/* covers: MIKEY-005 */
	struct memory memory = {0};
	const struct keyserver_memory hooks = {memory_last_t, memory_set_last_t, &memory};
	struct rig *rig = *state;
	uint64_t before;

	rig->settings.memory = &hooks;
	restart(rig);
	rig_join(rig, BOB, "b1");
	before = last_message_t(rig);
	rig->now.wall_us -= 3600000000u; /* the clock is set back an hour */
	rig_join(rig, CAROL, "c1");
	assert_true(last_message_t(rig) > before);
	before = last_message_t(rig);
	restart(rig);
	rig_join(rig, BOB, "b1");
	assert_true(last_message_t(rig) > before);
	assert_true(last_message_t(rig) - before < 5ull << 32); /* s: members take it */
	before = memory.n_writes;
	for (int i = 0; i < 100; i++)
		rig_join(rig, CAROL, "c1");
	assert_true(memory.n_writes - before < 3); /* written ahead, not each time */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(all_members_get_the_same_key_each_under_his_own),
		TEST(who_is_the_key_server_takes_the_key_itself),
		TEST(each_change_is_a_fresh_key_for_who_is_in),
		TEST(a_key_of_one_device_leaves_the_others_in),
		TEST(who_waits_for_an_older_key_never_gets_it),
		TEST(who_has_no_key_is_refused_and_changes_nothing),
		TEST(who_has_the_former_key_of_that_name_is_out),
		TEST(only_a_genuine_verification_confirms),
		TEST(a_confirmation_is_told_of_once_a_device),
		TEST(the_last_eight_messages_can_be_confirmed),
		TEST(keys_grow_old),
		TEST(suite_a_has_keys_of_16_octets),
		TEST(a_room_that_opens_again_is_a_new_domain),
		TEST(a_replay_is_one_after_a_restart_too),
		TEST(devices_of_one_user_have_times_of_their_own),
		TEST(without_a_memory_nothing_from_before_the_start_counts),
		TEST(our_time_never_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
