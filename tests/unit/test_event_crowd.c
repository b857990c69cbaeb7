/* SPDX-License-Identifier: Apache-2.0 */
/* The event package with many participants and many watchers: limits, rounds, users with several. */
#include "fake_watchers.h"

static void back_below_the_limit_it_takes_a_tenth(void **state)
{
	struct bench *b = open_limited(20);
	struct roster_endpoint *ends[21];
	struct dialog *d;
	char uri[32];

	(void)state;
	b->answer = 200;
	for (int i = 0; i < 21; i++) {
		(void)snprintf(uri, sizeof(uri), "sip:u%d@h", i);
		ends[i] = join(b, uri);
	}
	d = &b->dialogs[0];
	d->sub = event_pkg_subscribe(b->events, d, SLICE_LIT("sip:u0@h"), 600, b->now);
	(void)run(b);
	assert_int_equal(doc(d)->n_users, 1);
	for (int i = 20; i > 17; i--) { /* 20, 19, 18 are left */
		assert_int_equal(doc(d)->n_users, i == 20 ? 1 : 0);
		roster_endpoint_end(ends[i], CONFINFO_DEPARTED, 0, NULL, b->now);
		event_pkg_changed(b->events, b->now);
		pass(b, 200);
		assert_int_equal(doc(d)->state, i > 18 ? CONFINFO_PARTIAL : CONFINFO_FULL);
		assert_int_equal(doc(d)->user_count, i);
		assert_true(i > 18 || doc(d)->n_users == 19); /* who left is shown leaving */
		pass(b, 20000);
	}
	close_bench(b);
}

static void crossing_the_roster_limit_brings_a_full_document(void **state)
{
	struct bench *b = open_limited(2);
	struct dialog *d;

	(void)state;
	(void)join(b, "sip:a@h");
	(void)join(b, "sip:b@h");
	d = subscribed(b, 0, "sip:b@h", 600);
	assert_int_equal(doc(d)->n_users, 2);
	(void)join(b, "sip:c@h");
	pass(b, 100);
	assert_int_equal(doc(d)->state, CONFINFO_FULL);
	assert_int_equal(doc(d)->n_users, 1);
	assert_string_equal(doc(d)->users[0].entity, "sip:b@h");
	assert_int_equal(doc(d)->user_count, 3);
	answer(b, d, 200);
	(void)join(b, "sip:d@h");
	pass(b, 100);
	assert_int_equal(doc(d)->state, CONFINFO_PARTIAL);
	assert_int_equal(doc(d)->n_users, 0);
	assert_int_equal(doc(d)->user_count, 4);
	close_bench(b);
}

static void subscriptions_are_counted_and_ended_by_user(void **state)
{
	struct bench *b = open_bench();
	struct dialog *one = subscribed(b, 0, "sip:a@h", 600),
		      *two = subscribed(b, 1, "SIP:a@H", 600);
	struct dialog *other = subscribed(b, 2, "sip:b@h", 600);

	(void)state;
	assert_int_equal(event_pkg_count_user(b->events, SLICE_LIT("sip:a@h")), 2);
	assert_int_equal(event_pkg_count_user(b->events, SLICE_LIT("sip:c@h")), 0);
	event_pkg_terminate_user(b->events, SLICE_LIT("sip:c@h"), b->now);
	event_pkg_terminate_user(b->events, SLICE_LIT("sip:a@h"), b->now);
	assert_int_equal(event_pkg_count_user(b->events, SLICE_LIT("sip:a@h")), 0);
	(void)run(b);
	assert_string_equal(one->header, "terminated;reason=rejected");
	assert_string_equal(two->header, "terminated;reason=rejected");
	answer(b, one, 200);
	answer(b, two, 200);
	assert_true(one->over && two->over);
	assert_int_equal(other->n_sent, 1);
	assert_int_equal(event_pkg_count(b->events), 1);
	close_bench(b);
}

/* covers: CONF-016 */
static void many_subscribers_are_each_told_once_per_round(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	b->answer = 200;
	for (size_t i = 0; i < MAX_DIALOGS; i++) {
		struct dialog *d = &b->dialogs[i];
		char uri[32];

		(void)snprintf(uri, sizeof(uri), "sip:u%zu@h", i);
		(void)join(b, uri);
		d->sub = event_pkg_subscribe(b->events, d, slice_str(uri), 600, b->now);
		(void)run(b);
	}
	assert_int_equal(b->n_sent, MAX_DIALOGS);
	pass(b, 100);
	assert_int_equal(b->n_sent, 2 * MAX_DIALOGS - 1); /* the last one knew it all */
	for (size_t i = 0; i + 1 < MAX_DIALOGS; i++)
		assert_int_equal(doc(&b->dialogs[i])->n_users, MAX_DIALOGS - 1 - i);
	close_bench(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(back_below_the_limit_it_takes_a_tenth),
		cmocka_unit_test(crossing_the_roster_limit_brings_a_full_document),
		cmocka_unit_test(subscriptions_are_counted_and_ended_by_user),
		cmocka_unit_test(many_subscribers_are_each_told_once_per_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
