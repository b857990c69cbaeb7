/* SPDX-License-Identifier: Apache-2.0 */
/* The conference event package on a hand-cranked clock: who is told what, when, and for how long. */
#include "fake_watchers.h"

/* covers: CONF-002, CONF-007, CONF-008 */
static void the_first_document_is_full_and_comes_at_once(void **state)
{
	struct bench *b = open_bench();
	struct dialog *d;

	(void)state;
	(void)join(b, "sip:alice@h");
	d = subscribe(b, 0, "sip:alice@h", 3600);
	assert_int_equal(d->n_sent, 1);
	assert_string_equal(d->header, "active;expires=3600");
	assert_int_equal(doc(d)->state, CONFINFO_FULL);
	assert_int_equal(doc(d)->version, 1);
	assert_int_equal(doc(d)->n_users, 1);
	assert_true(doc(d)->active);
	assert_int_equal(event_pkg_count(b->events), 1);
	close_bench(b);
}

/* covers: CONF-007, CONF-008 */
static void later_documents_are_partial_and_count_up_by_one_per_subscription(void **state)
{
	struct bench *b = open_bench();
	struct dialog *first = subscribe(b, 0, "sip:a@h", 3600), *second;

	(void)state;
	answer(b, first, 200);
	(void)join(b, "sip:a@h");
	pass(b, 100);
	assert_int_equal(first->n_sent, 2);
	assert_int_equal(doc(first)->state, CONFINFO_PARTIAL);
	assert_int_equal(doc(first)->version, 2);
	assert_string_equal(first->header, "active;expires=3599");
	answer(b, first, 200);
	second = subscribe(b, 1, "sip:b@h", 600);
	answer(b, second, 200);
	assert_int_equal(doc(second)->version, 1);
	(void)join(b, "sip:b@h");
	pass(b, 100);
	assert_int_equal(doc(first)->version, 3);
	assert_int_equal(doc(second)->version, 2);
	assert_int_equal(doc(second)->n_users, 1);
	assert_string_equal(doc(second)->users[0].entity, "sip:b@h");
	close_bench(b);
}

/* covers: CONF-016 */
static void changes_within_the_coalescing_time_make_one_document(void **state)
{
	struct bench *b = open_bench();
	struct dialog *d = subscribed(b, 0, "sip:a@h", 3600);

	(void)state;
	(void)join(b, "sip:a@h");
	pass(b, 60);
	(void)join(b, "sip:b@h");
	pass(b, 39);
	assert_int_equal(d->n_sent, 1);
	pass(b, 1);
	assert_int_equal(d->n_sent, 2);
	assert_int_equal(doc(d)->n_users, 2);
	answer(b, d, 200);
	pass(b, 10000);
	assert_int_equal(d->n_sent, 2);
	close_bench(b);
}

/* n users, one in 200 ms. */
static void joins(struct bench *b, int n, const char *prefix)
{
	char uri[32];

	for (int i = 0; i < n; i++) {
		(void)snprintf(uri, sizeof(uri), "sip:%s%d@h", prefix, i);
		(void)join(b, uri);
		pass(b, 200);
	}
}

/* covers: CONF-016 */
static void a_hundred_joins_in_a_second_cost_a_burst_and_lose_nothing(void **state)
{
	struct bench *b = open_bench();
	struct dialog *d = subscribed(b, 0, "sip:watcher@h", 3600);
	uint64_t start = b->now;
	uint32_t version = 1;
	size_t n_users = 0;
	int n_sent = 1;
	char uri[32];

	(void)state;
	b->answer = 200;
	for (int i = 0; i < 100; i++) {
		(void)snprintf(uri, sizeof(uri), "sip:u%d@h", i);
		(void)join(b, uri);
		for (int k = 0; k < 10; k++) {
			b->now++;
			(void)run(b);
			if (d->n_sent == n_sent)
				continue;
			n_sent++;
			n_users += doc(d)->n_users;
			assert_int_equal(doc(d)->version, ++version);
		}
	}
	assert_int_equal(n_sent, 4);
	pass(b, start + 5000 - b->now);
	assert_int_equal(d->n_sent, 4);
	pass(b, 200);
	assert_int_equal(d->n_sent, 5);
	assert_int_equal(doc(d)->user_count, 100);
	assert_int_equal(n_users + doc(d)->n_users, 100);
	/* Then one in five seconds. */
	joins(b, 50, "v");
	assert_in_range(d->n_sent, 6, 7);
	/* After a rest a burst is free again. */
	pass(b, 60000);
	n_sent = d->n_sent;
	joins(b, 5, "w");
	assert_int_equal(d->n_sent, n_sent + 3);
	close_bench(b);
}

static void only_one_notify_is_out_and_changes_meanwhile_come_with_the_next(void **state)
{
	struct bench *b = open_bench();
	struct dialog *d = subscribe(b, 0, "sip:a@h", 3600);

	(void)state;
	(void)join(b, "sip:a@h");
	pass(b, 1000);
	(void)join(b, "sip:b@h");
	pass(b, 1000);
	assert_int_equal(d->n_sent, 1);
	answer(b, d, 200);
	assert_int_equal(d->n_sent, 2);
	assert_int_equal(doc(d)->n_users, 2);
	assert_int_equal(doc(d)->version, 2);
	close_bench(b);
}

/* covers: CONF-008 */
static void a_refresh_brings_a_full_document_and_a_new_expiry(void **state)
{
	struct bench *b = open_bench();
	struct dialog *d = subscribed(b, 0, "sip:a@h", 60);

	(void)state;
	pass(b, 30000);
	event_pkg_refresh(b->events, d->sub, 120, b->now);
	(void)run(b);
	assert_int_equal(d->n_sent, 2);
	assert_int_equal(doc(d)->state, CONFINFO_FULL);
	assert_true(doc(d)->version == 1 || doc(d)->version == 2);
	assert_string_equal(d->header, "active;expires=120");
	answer(b, d, 200);
	pass(b, 119000);
	assert_int_equal(d->n_sent, 2);
	close_bench(b);
}

/* covers: CONF-005 */
static void unsubscribing_brings_a_last_full_document(void **state)
{
	struct bench *b = open_bench();
	struct dialog *d = subscribe(b, 0, "sip:a@h", 3600), *fetch;

	(void)state;
	answer(b, d, 200);
	event_pkg_refresh(b->events, d->sub, 0, b->now);
	assert_false(event_pkg_active(d->sub));
	(void)run(b);
	assert_int_equal(d->n_sent, 2);
	assert_int_equal(doc(d)->state, CONFINFO_FULL);
	assert_string_equal(d->header, "terminated;reason=timeout");
	event_pkg_refresh(b->events, d->sub, 600, b->now); /* too late */
	answer(b, d, 200);
	assert_true(d->over);
	assert_int_equal(d->n_sent, 2);
	fetch = subscribe(b, 1, "sip:b@h", 0);
	assert_int_equal(fetch->n_sent, 1);
	assert_int_equal(doc(fetch)->state, CONFINFO_FULL);
	assert_string_equal(fetch->header, "terminated;reason=timeout");
	answer(b, fetch, 200);
	assert_true(fetch->over);
	assert_int_equal(event_pkg_count(b->events), 0);
	close_bench(b);
}

static void a_subscription_that_is_not_refreshed_ends_by_itself(void **state)
{
	struct bench *b = open_bench();
	struct dialog *d = subscribed(b, 0, "sip:a@h", 60);

	(void)state;
	pass(b, 59999);
	assert_int_equal(d->n_sent, 1);
	pass(b, 1);
	assert_int_equal(d->n_sent, 2);
	assert_string_equal(d->header, "terminated;reason=timeout");
	answer(b, d, 200);
	assert_true(d->over);
	assert_true(run(b) == UINT64_MAX); /* nothing is left to do */
	event_pkg_changed(b->events, b->now);
	assert_int_equal(run(b), 100);
	close_bench(b);
}

/* covers: CONF-018 */
static void a_notify_that_fails_for_good_ends_the_subscription(void **state)
{
	static const int statuses[] = {481, 408, 500, 404, 503, 603};
	struct bench *b = open_bench();

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct dialog *d = subscribe(b, i, "sip:a@h", 3600);

		answer(b, d, statuses[i]);
		assert_true(d->over);
		assert_int_equal(d->n_sent, 1);
	}
	assert_int_equal(event_pkg_count(b->events), 0);
	close_bench(b);
}

/* covers: CONF-018 */
static void retry_after_keeps_the_subscription_and_the_next_document_is_full(void **state)
{
	struct bench *b = open_bench();
	struct dialog *d = subscribe(b, 0, "sip:a@h", 3600), *gone;

	(void)state;
	answer(b, d, 200);
	(void)join(b, "sip:a@h");
	pass(b, 100);
	event_pkg_notified(b->events, d->sub, 503, 10, b->now);
	(void)join(b, "sip:b@h");
	pass(b, 9999);
	assert_int_equal(d->n_sent, 2);
	pass(b, 1);
	assert_int_equal(d->n_sent, 3);
	assert_int_equal(doc(d)->state, CONFINFO_FULL);
	assert_int_equal(doc(d)->version, 3);
	assert_int_equal(doc(d)->n_users, 2);
	gone = subscribe(b, 1, "sip:c@h", 3600);
	event_pkg_notified(b->events, gone->sub, 481, 10, b->now);
	(void)run(b);
	assert_true(gone->over);
	close_bench(b);
}

/* covers: CONF-018 */
static void some_errors_end_it_whatever_time_they_name(void **state)
{
	static const struct {
		int status;
		bool over;
	} cases[] = {{404, true},  {405, true},  {410, true},  {416, true},  {480, true},
		     {483, true},  {485, true},  {489, true},  {501, true},  {604, true},
		     {408, true},  {400, false}, {486, false}, {479, false}, {491, false},
		     {500, false}, {503, false}, {600, false}};
	struct bench *b = open_bench();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dialog *d = subscribe(b, i, "sip:a@h", 3600);

		event_pkg_notified(b->events, d->sub, cases[i].status, 10, b->now);
		(void)run(b);
		assert_int_equal(d->over, cases[i].over);
	}
	close_bench(b);
}

static void a_provisional_or_repeated_answer_changes_nothing(void **state)
{
	struct bench *b = open_bench();
	struct dialog *d = subscribe(b, 0, "sip:a@h", 3600);

	(void)state;
	answer(b, d, 100);
	(void)join(b, "sip:a@h");
	pass(b, 1000);
	assert_int_equal(d->n_sent, 1);
	answer(b, d, 200);
	assert_int_equal(d->n_sent, 2);
	answer(b, d, 200);
	answer(b, d, 481);
	assert_false(d->over);
	close_bench(b);
}

static void a_failure_told_from_within_the_sending_is_taken(void **state)
{
	struct bench *b = open_bench();
	struct dialog *d = &b->dialogs[0];

	(void)state;
	b->answer = 503;
	d->sub = event_pkg_subscribe(b->events, d, slice_str("sip:a@h"), 60, b->now);
	(void)run(b);
	assert_int_equal(d->n_sent, 1);
	assert_true(d->over);
	close_bench(b);
}

/* covers: CONF-006, FOC-019 */
static void the_end_of_the_conference_is_told_to_everyone_as_deleted(void **state)
{
	struct bench *b = open_bench();
	struct dialog *idle = subscribe(b, 0, "sip:a@h", 3600),
		      *busy = subscribe(b, 1, "sip:b@h", 60);

	(void)state;
	answer(b, idle, 200);
	event_pkg_terminate_all(b->events, b->now);
	(void)run(b);
	assert_int_equal(idle->n_sent, 2);
	assert_string_equal(idle->header, "terminated;reason=noresource");
	assert_int_equal(doc(idle)->state, CONFINFO_DELETED);
	assert_int_equal(doc(idle)->version, 2);
	assert_int_equal(busy->n_sent, 1);
	answer(b, busy, 200);
	assert_int_equal(busy->n_sent, 2);
	assert_int_equal(doc(busy)->state, CONFINFO_DELETED);
	assert_int_equal(event_pkg_count(b->events), 2);
	answer(b, busy, 408);
	answer(b, idle, 200);
	assert_true(busy->over && idle->over);
	assert_int_equal(event_pkg_count(b->events), 0);
	close_bench(b);
}

/* covers: FOC-019b */
static void a_removed_users_subscriptions_end_and_no_others(void **state)
{
	struct bench *b = open_bench();
	struct dialog *one = subscribed(b, 0, "sip:carol@h", 3600),
		      *two = subscribed(b, 1, "sip:carol@H;transport=tcp", 3600),
		      *other = subscribed(b, 2, "sip:bob@h", 3600);

	(void)state;
	event_pkg_terminate_user(b->events, slice_str("sip:carol@h"), b->now);
	(void)run(b);
	assert_string_equal(one->header, "terminated;reason=rejected");
	assert_string_equal(two->header, "terminated;reason=rejected");
	assert_int_equal(other->n_sent, 1);
	answer(b, one, 200);
	answer(b, two, 481);
	assert_true(one->over && two->over);
	assert_int_equal(event_pkg_count(b->events), 1);
	close_bench(b);
}

/* covers: CONF-013 */
static void a_departure_is_told_twice_disconnected_then_deleted(void **state)
{
	struct bench *b = open_bench();
	struct roster_endpoint *bob = join(b, "sip:bob@h");
	struct dialog *d = subscribed(b, 0, "sip:a@h", 3600);

	(void)state;
	b->answer = 200;
	roster_endpoint_end(bob, CONFINFO_DEPARTED, 0, NULL, b->now);
	event_pkg_changed(b->events, b->now);
	pass(b, 100);
	assert_int_equal(d->n_sent, 2);
	assert_int_equal(doc(d)->users[0].endpoints[0].status, CONFINFO_DISCONNECTED);
	assert_int_equal(doc(d)->users[0].endpoints[0].leaving, CONFINFO_DEPARTED);
	assert_int_equal(doc(d)->user_count, 0);
	pass(b, ROSTER_SHOW_GONE_MS);
	assert_int_equal(d->n_sent, 3);
	assert_int_equal(doc(d)->users[0].state, CONFINFO_DELETED);
	assert_int_equal(doc(d)->version, 3);
	close_bench(b);
}

static void the_subject_and_limits_of_the_view_are_in_the_documents(void **state)
{
	struct bench *b = open_bench();
	char subject[] = "Lunch";
	struct roster_view view = {.subject = subject, .max_users = 10, .locked = true};
	struct dialog *d;

	(void)state;
	event_pkg_set_view(b->events, &view);
	subject[0] = 'X';
	d = subscribe(b, 0, "sip:a@h", 60);
	assert_string_equal(doc(d)->subject, "Lunch");
	assert_int_equal(doc(d)->max_users, 10);
	assert_true(doc(d)->locked);
	assert_false(doc(d)->active);
	close_bench(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_document_is_full_and_comes_at_once),
		cmocka_unit_test(later_documents_are_partial_and_count_up_by_one_per_subscription),
		cmocka_unit_test(changes_within_the_coalescing_time_make_one_document),
		cmocka_unit_test(a_hundred_joins_in_a_second_cost_a_burst_and_lose_nothing),
		cmocka_unit_test(only_one_notify_is_out_and_changes_meanwhile_come_with_the_next),
		cmocka_unit_test(a_refresh_brings_a_full_document_and_a_new_expiry),
		cmocka_unit_test(unsubscribing_brings_a_last_full_document),
		cmocka_unit_test(a_subscription_that_is_not_refreshed_ends_by_itself),
		cmocka_unit_test(a_notify_that_fails_for_good_ends_the_subscription),
		cmocka_unit_test(retry_after_keeps_the_subscription_and_the_next_document_is_full),
		cmocka_unit_test(some_errors_end_it_whatever_time_they_name),
		cmocka_unit_test(a_provisional_or_repeated_answer_changes_nothing),
		cmocka_unit_test(a_failure_told_from_within_the_sending_is_taken),
		cmocka_unit_test(the_end_of_the_conference_is_told_to_everyone_as_deleted),
		cmocka_unit_test(a_removed_users_subscriptions_end_and_no_others),
		cmocka_unit_test(a_departure_is_told_twice_disconnected_then_deleted),
		cmocka_unit_test(the_subject_and_limits_of_the_view_are_in_the_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
