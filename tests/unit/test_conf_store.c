/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the focus and the group commit before answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <event2/event.h>

#include "mrfc/state/conf_store.h"

struct rig {
	struct event_base *base;
	struct store *store;
	struct conf_store *cs;
	int done, last_err;
};

static int set_up(void **state)
{
	static struct rig rig;

	rig = (struct rig){.base = event_base_new()};
	rig.store = store_mem_new(rig.base);
	rig.cs = conf_store_new(rig.store);
	*state = &rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	conf_store_free(&rig->cs);
	store_free(&rig->store);
	event_base_free(rig->base);
	return 0;
}

static void on_done(int err, void *arg)
{
	struct rig *rig = arg;

	rig->done++;
	rig->last_err = err;
}

static void turn(struct rig *rig)
{
	event_base_loop(rig->base, EVLOOP_NONBLOCK);
}

static bool stored(struct rig *rig, const char *table, const char *key, const char *part)
{
	struct slice value;

	if (store_get(rig->store, table, slice_str(key), &value) != 0)
		return false;
	return slice_find(value, slice_str(part)) >= 0;
}

static const struct conf_store_session session = {.conference = "room",
						  .termination = 7,
						  .uri = "sip:alice@example.com",
						  .call_id = "c1",
						  .local_tag = "t1",
						  .contact = "sip:alice@192.0.2.1",
						  .incoming = true};

static void who_waits_is_called_from_the_loop_when_all_is_stored(void **state)
{
	struct rig *rig = *state;

	conf_store_put_session(rig->cs, &session);
	conf_store_wait(rig->cs, on_done, rig);
	assert_int_equal(rig->done, 0);
	turn(rig);
	assert_int_equal(rig->done, 1);
	assert_int_equal(rig->last_err, 0);
	assert_true(stored(rig, "session", "room/7", "uri sip:alice@example.com\n"));
	assert_true(stored(rig, "session", "room/7", "call-id c1\n"));
	assert_true(stored(rig, "session", "room/7", "direction in\n"));
	conf_store_del_session(rig->cs, "room", 7);
	conf_store_flush(rig->cs);
	turn(rig);
	assert_false(stored(rig, "session", "room/7", ""));
}

static void what_is_put_during_a_commit_goes_with_the_next(void **state)
{
	struct rig *rig = *state;

	conf_store_put_subscription(rig->cs, "room", "s1", "sip:a@example.com", 3600);
	conf_store_wait(rig->cs, on_done, rig);
	conf_store_put_subscription(rig->cs, "room", "s2", "sip:b@example.com", 60);
	conf_store_wait(rig->cs, on_done, rig);
	conf_store_wait(rig->cs, on_done, rig);
	for (int i = 0; i < 4; i++)
		turn(rig);
	assert_int_equal(rig->done, 3);
	assert_true(stored(rig, "subscription", "room/s1", "expires 3600\n"));
	assert_true(stored(rig, "subscription", "room/s2", "user sip:b@example.com\n"));
	conf_store_del_subscription(rig->cs, "room", "s1");
	conf_store_flush(rig->cs);
	turn(rig);
	assert_false(stored(rig, "subscription", "room/s1", ""));
}

static void a_waiter_that_went_away_is_not_called(void **state)
{
	struct rig *rig = *state;

	conf_store_wait(rig->cs, on_done, rig);
	conf_store_wait(rig->cs, on_done, rig);
	conf_store_cancel(rig->cs, rig);
	for (int i = 0; i < 4; i++)
		turn(rig);
	assert_int_equal(rig->done, 0);
}

static void a_value_cannot_smuggle_in_a_field(void **state)
{
	struct conf_store_session evil = session;
	struct rig *rig = *state;

	evil.display = "x\nuri sip:mallory@example.com";
	conf_store_put_session(rig->cs, &evil);
	conf_store_flush(rig->cs);
	turn(rig);
	assert_false(stored(rig, "session", "room/7", "\nuri sip:mallory"));
	assert_true(stored(rig, "session", "room/7", "display x uri sip:mallory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			who_waits_is_called_from_the_loop_when_all_is_stored, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_put_during_a_commit_goes_with_the_next,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_waiter_that_went_away_is_not_called, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_value_cannot_smuggle_in_a_field, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
