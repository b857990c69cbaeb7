/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of members' legs: from which messages there is one, and for whom. */
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

/* What comes of a message in a session of uri; *leg_r is what its sender makes of it, too. */
static int leg_of(struct rig *rig, const char *uri, const char *id, struct slice message)
{
	struct gke_leg leg, own;
	struct mikey m;
	int rc = keyserver_leg(rig->ks, ROOM, uri, message, &leg);

	if (rc != 0)
		return rc;
	assert_int_equal(mikey_parse(message, &m, NULL), 0);
	gke_leg(rig_psk(rig, uri, id), m.rand, m.csb_id, &own);
	assert_memory_equal(own.psk, leg.psk, sizeof(own.psk));
	assert_string_equal(own.identity, leg.identity);
	return 0;
}

static void a_request_makes_a_key_for_its_sender(void **state)
{
	/* covers: SEC-014 */
	struct rig *rig = *state;
	struct mikey_init ask = rig_ask(rig, ALICE, "a1");
	struct bytes b = BYTES_INIT;

	assert_int_equal(mikey_build_init(&ask, rig_psk(rig, ALICE, "a1"), &b), 0);
	assert_int_equal(leg_of(rig, ALICE, "a1", bytes_slice(&b)), 0);
	assert_int_equal(leg_of(rig, ALICE, "a1", bytes_slice(&b)), 0); /* judged elsewhere */
	assert_int_equal(leg_of(rig, BOB, "b1", bytes_slice(&b)), -ERR_NOT_FOUND);
	b.data[b.len - 1] ^= 1;
	assert_int_equal(leg_of(rig, ALICE, "a1", bytes_slice(&b)), -ERR_DENIED);
	bytes_fini(&b);
}

static void what_another_names_in_it_is_his(void **state)
{
	struct rig *rig = *state;
	struct mikey_init ask = rig_ask(rig, ALICE, "a1");
	struct bytes b = BYTES_INIT;

	ask.idri = slice_str(BOB);
	assert_int_equal(mikey_build_init(&ask, rig_psk(rig, ALICE, "a1"), &b), 0);
	assert_int_equal(leg_of(rig, ALICE, "a1", bytes_slice(&b)), -ERR_DENIED);
	bytes_fini(&b);
}

static void a_key_to_a_member_makes_one_too(void **state)
{
	/* covers: SEC-014 */
	struct rig *rig = *state;
	const struct seen *s;

	assert_int_equal(keyserver_change(rig->ks, ROOM, NULL, 0, NULL, 0, &rig->now), 0);
	(void)rig_fetch(rig);
	s = rig_seen(rig, KEYSERVER_MESSAGE, ALICE);
	assert_int_equal(leg_of(rig, ALICE, "a1", s->bytes), 0);
	assert_int_equal(leg_of(rig, BOB, "b1", s->bytes), -ERR_NOT_FOUND);
}

static void nobody_else_has_one(void **state)
{
	struct rig *rig = *state;
	struct mikey_init ask = rig_ask(rig, ALICE, "a1");
	struct groupkey_member gone = {.uri = ALICE};
	struct bytes b = BYTES_INIT;
	struct gke_leg leg;

	assert_int_equal(mikey_build_init(&ask, rig_psk(rig, ALICE, "a1"), &b), 0);
	assert_int_equal(keyserver_leg(rig->ks, OTHER_ROOM, ALICE, bytes_slice(&b), &leg),
			 -ERR_NOT_FOUND);
	assert_int_equal(leg_of(rig, ALICE, "a1", SLICE_NULL), -ERR_SYNTAX);
	assert_int_equal(keyserver_change(rig->ks, ROOM, NULL, 0, &gone, 1, &rig->now), 0);
	assert_int_equal(leg_of(rig, ALICE, "a1", bytes_slice(&b)), -ERR_NOT_FOUND);
	bytes_fini(&b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_makes_a_key_for_its_sender),
		TEST(what_another_names_in_it_is_his),
		TEST(a_key_to_a_member_makes_one_too),
		TEST(nobody_else_has_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
