/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/sender: whose account is whose, who is paused, what notices cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/rate.h"
#include "fake_plane.h"
#include "mrfp/sender.h"

static void open_plane(struct fake_plane *f)
{
	fake_plane_open(f);
	f->opt.message_rate = 1; /* ten at once */
	f->opt.nickname_rate = 1;
}

static unsigned passed(struct session *s, unsigned kind, unsigned n)
{
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++)
		count += sender_message(s, kind) == 200;
	return count;
}

static void leave(struct session *s)
{
	sender_forget(s);
	fake_leave(s);
}

/* covers: SW-084 */
static void sessions_of_one_participant_share_an_account(void **state)
{
	struct fake_plane f;
	struct session *alice, *phone, *bob;

	(void)state;
	open_plane(&f);
	alice = fake_member(&f, "alice");
	phone = fake_member(&f, "alice");
	bob = fake_member(&f, "bob");
	assert_int_equal(passed(alice, CPIM_CHAT, 6), 6);
	assert_int_equal(passed(phone, CPIM_CHAT, 6), 4);
	assert_int_equal(passed(bob, CPIM_CHAT, 11), 10);
	assert_int_equal(*f.plane.stats.over_rate, 3);
	f.plane.now_ms += 1000;
	assert_int_equal(passed(alice, CPIM_FILE, 2), 1);
	leave(alice);
	assert_int_equal(passed(phone, CPIM_CHAT, 1), 0); /* as before */
	leave(phone);
	alice = fake_member(&f, "alice");
	assert_int_equal(passed(alice, CPIM_CHAT, 1), 1);
	leave(alice);
	leave(bob);
	assert_null(f.plane.senders);
	fake_plane_close(&f);
}

/* covers: SW-084 */
static void notices_count_a_tenth(void **state)
{
	struct fake_plane f;
	struct session *alice;

	(void)state;
	open_plane(&f);
	alice = fake_member(&f, "alice");
	assert_int_equal(passed(alice, CPIM_IMDN, 99), 99);
	assert_int_equal(passed(alice, CPIM_COMPOSING, 3), 1);
	leave(alice);
	fake_plane_close(&f);
}

/* covers: SW-084, IMS-014 */
static void only_a_connection_of_its_own_is_paused(void **state)
{
	struct fake_plane f;
	struct session *alice, *bob, *carol;
	struct wire *old;

	(void)state;
	open_plane(&f);
	alice = fake_member(&f, "alice");
	bob = fake_member(&f, "bob");
	carol = fake_member(&f, "carol");
	old = carol->wire;
	wire_remove_session(old, carol);
	fake_wire_free(old);
	wire_add_session(bob->wire, carol); /* a gateway's */
	for (int i = 0; i <= RATE_PAUSES; i++) {
		assert_false(bob->flooding);
		(void)passed(bob, CPIM_CHAT, 10 + RATE_REFUSALS);
		assert_int_equal(bob->wire->paused, 0);
		f.plane.now_ms += RATE_PAUSE_MS;
	}
	assert_true(bob->flooding);
	assert_false(carol->flooding);
	(void)passed(alice, CPIM_CHAT, 10 + 99);
	assert_false(alice->flooding);
	old = bob->wire;
	wire_remove_session(old, carol);
	carol->wire = NULL;
	leave(alice);
	leave(bob);
	leave(carol);
	fake_plane_close(&f);
}

/* covers: SW-060, SW-084 */
static void nicknames_have_a_rate_of_their_own(void **state)
{
	struct fake_plane f;
	struct session *alice;
	unsigned n = 0;

	(void)state;
	open_plane(&f);
	alice = fake_member(&f, "alice");
	for (int i = 0; i < 30; i++)
		n += sender_nickname(alice);
	assert_int_equal(n, 10);
	assert_int_equal(passed(alice, CPIM_CHAT, 1), 1);
	f.opt.nickname_rate = 0;
	assert_true(sender_nickname(alice));
	leave(alice);
	fake_plane_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_of_one_participant_share_an_account),
		cmocka_unit_test(notices_count_a_tenth),
		cmocka_unit_test(only_a_connection_of_its_own_is_paused),
		cmocka_unit_test(nicknames_have_a_rate_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
