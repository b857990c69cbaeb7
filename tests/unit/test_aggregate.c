/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications held back: what passes, when summaries are due, what they hold, and the limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "common/mem.h"
#include "mrfp/aggregate.h"

#define ALICE  SLICE_LIT("sip:alice@example.com")
#define WINDOW UINT64_C(5000)
#define T0     UINT64_C(100000)

static const struct aggregate_limits limits = {.pass = 2, .window_ms = WINDOW};

/* A notification of `from` about a message of alice; its document has recipient. */
static bool offer(struct aggregates *a, const char *id, enum imdn_kind kind, const char *from,
		  const char *recipient, size_t padding, uint64_t now_ms)
{
	struct imdn doc = {.message_id = (char *)(uintptr_t)id,
			   .date_time = (char[]){"2026-01-02T03:04:05Z"},
			   .recipient = (char *)(uintptr_t)recipient,
			   .kind = kind,
			   .status = kind == IMDN_DISPLAY ? IMDN_DISPLAYED : IMDN_DELIVERED};
	struct bytes b = BYTES_INIT;
	struct aggregate_item item = {
		.owner = ALICE, .to = ALICE, .from = slice_str(from), .imdn = &doc};
	bool held;

	imdn_build(&b, &doc);
	while (padding--)
		bytes_add_char(&b, ' ');
	item.document = bytes_slice(&b);
	held = aggregates_hold(a, &limits, &item, now_ms);
	bytes_fini(&b);
	return held;
}

static size_t n_parts(const struct aggregate *g)
{
	const struct aggregate_part *p;
	size_t n = 0;

	STAILQ_FOREACH(p, &g->parts, link)
		n++;
	return n;
}

/* covers: IMS-013 */
static void the_first_few_of_each_kind_pass_and_the_rest_waits_for_a_window(void **state)
{
	struct aggregates *a = aggregates_new();
	struct aggregate *g;
	char from[32];

	(void)state;
	for (int i = 0; i < 5; i++) {
		snprintf(from, sizeof(from), "sip:user%d@example.com", i);
		assert_int_equal(offer(a, "m1", IMDN_DELIVERY, from, from, 0, T0), i >= 2);
		assert_int_equal(offer(a, "m1", IMDN_DISPLAY, from, from, 0, T0 + 1), i >= 2);
	}
	assert_false(offer(a, "m2", IMDN_DELIVERY, from, from, 0, T0));
	assert_null(aggregates_due(a, T0 + WINDOW - 1));
	g = aggregates_due(a, T0 + WINDOW);
	assert_non_null(g);
	assert_string_equal(g->message_id, "m1");
	assert_string_equal(g->date_time, "2026-01-02T03:04:05Z");
	assert_string_equal(g->to, "sip:alice@example.com");
	assert_int_equal(g->n_held, 6);
	assert_int_equal(n_parts(g), 6);
	assert_int_equal(g->counts[IMDN_DELIVERY][IMDN_DELIVERED], 3);
	assert_int_equal(g->counts[IMDN_DISPLAY][IMDN_DISPLAYED], 3);
	aggregates_done(a, g);
	assert_null(aggregates_due(a, UINT64_MAX));
	/* what passed is remembered, and the next window begins with what comes next */
	assert_true(offer(a, "m1", IMDN_DELIVERY, from, from, 0, T0 + 7000));
	assert_null(aggregates_due(a, T0 + 7000 + WINDOW - 1));
	g = aggregates_due(a, T0 + 7000 + WINDOW);
	assert_int_equal(g->n_held, 1);
	aggregates_done(a, g);
	assert_int_equal(aggregates_free(&a), 0);
	assert_null(a);
}

/* covers: IMDN-009 */
static void each_document_held_names_who_sent_it(void **state)
{
	struct aggregates *a = aggregates_new();
	const struct aggregate_part *p;
	struct aggregate *g;
	struct imdn d;

	(void)state;
	for (int i = 0; i < 2; i++)
		(void)offer(a, "m1", IMDN_DELIVERY, "sip:x@example.com", NULL, 0, T0);
	assert_true(offer(a, "m1", IMDN_DELIVERY, "sip:bob@example.com",
			  "sip:bob@EXAMPLE.com;user=phone", 3, T0));
	assert_true(offer(a, "m1", IMDN_DELIVERY, "sip:carol@example.com",
			  "sip:room@conf.example.com", 3, T0));
	assert_true(offer(a, "m1", IMDN_DELIVERY, "sip:dave@example.com", NULL, 0, T0));
	g = aggregates_due(a, T0 + WINDOW);
	p = STAILQ_FIRST(&g->parts); /* octet by octet: it names its sender already */
	assert_memory_equal(p->text + p->len - 10, "</imdn>   ", 10);
	assert_int_equal(imdn_parse(slice_make(p->text, p->len), &d), 0);
	assert_string_equal(d.recipient, "sip:bob@EXAMPLE.com;user=phone");
	imdn_fini(&d);
	p = STAILQ_NEXT(p, link);
	assert_int_equal(imdn_parse(slice_make(p->text, p->len), &d), 0);
	assert_string_equal(d.recipient, "sip:carol@example.com");
	assert_string_equal(d.original_recipient, "sip:room@conf.example.com");
	imdn_fini(&d);
	p = STAILQ_NEXT(p, link);
	assert_int_equal(imdn_parse(slice_make(p->text, p->len), &d), 0);
	assert_string_equal(d.recipient, "sip:dave@example.com");
	assert_null(d.original_recipient);
	imdn_fini(&d);
	assert_int_equal(aggregates_free(&a), 3);
}

static void windows_end_in_the_order_in_which_they_began(void **state)
{
	struct aggregates *a = aggregates_new();
	struct aggregate *g;

	(void)state;
	for (int i = 0; i < 3; i++) {
		(void)offer(a, "m1", IMDN_DELIVERY, "sip:b@h", NULL, 0, T0 + 10);
		(void)offer(a, "m2", IMDN_DELIVERY, "sip:b@h", NULL, 0, T0 + 20);
	}
	(void)offer(a, "m1", IMDN_DELIVERY, "sip:b@h", NULL, 0, T0 + 30);
	assert_null(aggregates_due(a, T0 + WINDOW + 9));
	g = aggregates_due(a, T0 + WINDOW + 10);
	assert_string_equal(g->message_id, "m1");
	aggregates_done(a, g);
	assert_null(aggregates_due(a, T0 + WINDOW + 19));
	g = aggregates_due(a, T0 + WINDOW + 20);
	assert_string_equal(g->message_id, "m2");
	assert_int_equal(aggregates_free(&a), 1);
}

static void more_messages_than_are_followed_make_the_oldest_go(void **state)
{
	struct aggregates *a = aggregates_new();
	struct aggregate *g;
	char id[16];

	(void)state;
	for (int i = 0; i < 3; i++)
		(void)offer(a, "held", IMDN_DELIVERY, "sip:b@h", NULL, 0, T0);
	(void)offer(a, "passed", IMDN_DELIVERY, "sip:b@h", NULL, 0, T0);
	for (int i = 2; i < AGGREGATE_OPEN_MAX; i++) {
		snprintf(id, sizeof(id), "m%d", i);
		assert_false(offer(a, id, IMDN_DELIVERY, "sip:b@h", NULL, 0, T0));
	}
	assert_null(aggregates_due(a, T0));
	assert_false(offer(a, "n1", IMDN_DELIVERY, "sip:b@h", NULL, 0, T0));
	g = aggregates_due(a, T0); /* at once, and then it is forgotten */
	assert_string_equal(g->message_id, "held");
	assert_int_equal(g->n_held, 1);
	aggregates_done(a, g);
	assert_false(offer(a, "n2", IMDN_DELIVERY, "sip:b@h", NULL, 0, T0));
	assert_null(aggregates_due(a, T0)); /* "passed" held nothing */
	for (int i = 0; i < 2; i++)
		assert_false(offer(a, "held", IMDN_DELIVERY, "sip:b@h", NULL, 0, T0));
	assert_true(offer(a, "held", IMDN_DELIVERY, "sip:b@h", NULL, 0, T0));
	assert_int_equal(aggregates_free(&a), 1);
}

static void too_many_octets_are_due_at_once(void **state)
{
	struct aggregates *a = aggregates_new();
	struct aggregate *g = NULL;
	size_t n = 0, sum = 0;
	char id[16];

	(void)state;
	while (!(g = aggregates_due(a, T0)) && n < 1000) {
		/* documents that name their sender stay as long as they are */
		if (offer(a, "m1", IMDN_DELIVERY, "sip:b@h", "sip:b@h", 7000, T0))
			n++;
	}
	assert_non_null(g);
	assert_true(g->held_bytes >= AGGREGATE_FULL && g->held_bytes < AGGREGATE_FULL + 8000);
	aggregates_done(a, g);
	assert_null(aggregates_due(a, T0));
	for (int i = 0; !(g = aggregates_due(a, T0)) && sum < 3 * AGGREGATE_HELD_MAX; i++) {
		snprintf(id, sizeof(id), "n%d", i);
		for (int k = 0; k < 20 && !aggregates_due(a, T0); k++)
			sum += offer(a, id, IMDN_DELIVERY, "sip:b@h", "sip:b@h", 7000, T0) ? 7000
											   : 0;
	}
	assert_non_null(g);
	assert_string_equal(g->message_id, "n0");
	assert_true(sum <= AGGREGATE_HELD_MAX + 8000);
	assert_true(aggregates_free(&a) > 0);
}

static void what_has_no_news_is_forgotten(void **state)
{
	struct aggregates *a = aggregates_new();
	struct aggregate *g;

	(void)state;
	for (int i = 0; i < 3; i++)
		(void)offer(a, "m1", IMDN_DELIVERY, "sip:b@h", NULL, 0, T0);
	assert_true(aggregates_expire(a, T0 + AGGREGATE_KEEP_MS)); /* it holds something */
	g = aggregates_due(a, T0 + WINDOW);
	aggregates_done(a, g);
	assert_true(aggregates_expire(a, T0 + AGGREGATE_KEEP_MS - 1));
	assert_false(aggregates_expire(a, T0 + AGGREGATE_KEEP_MS));
	assert_int_equal(aggregates_free(&a), 0);
	assert_int_equal(aggregates_free(&a), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_few_of_each_kind_pass_and_the_rest_waits_for_a_window),
		cmocka_unit_test(each_document_held_names_who_sent_it),
		cmocka_unit_test(windows_end_in_the_order_in_which_they_began),
		cmocka_unit_test(more_messages_than_are_followed_make_the_oldest_go),
		cmocka_unit_test(too_many_octets_are_due_at_once),
		cmocka_unit_test(what_has_no_news_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
