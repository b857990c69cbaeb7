/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of the roster where somebody hides: who reads what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mrfc/conference/roster.h"

#define ALICE "sip:alice@example.com"
#define BOB   "sip:bob@example.com"
#define WALL  1769940000000

static struct roster *room(void)
{
	return roster_new("sip:room@conf.example.com");
}

static struct roster_endpoint *join(struct roster *r, const char *uri, const char *contact)
{
	struct participant *p = roster_user(r, slice_str(uri), NULL);
	struct roster_endpoint *e = roster_endpoint_add(p, slice_str(contact), CONFINFO_DIALING_IN,
							CONFINFO_DIALED_IN, NULL);

	roster_endpoint_status(e, CONFINFO_CONNECTED, WALL);
	return e;
}

#define ANON "sip:anonymous-x1@anonymous.invalid"

static char *text_for(struct roster *r, uint64_t since, const char *watcher, bool reveal)
{
	const struct roster_view view = {.version = 5,
					 .active = true,
					 .reveal = reveal,
					 .watcher = watcher ? roster_find(r, slice_str(watcher))
							    : NULL};
	struct bytes out = BYTES_INIT;

	roster_document(r, since, &view, &out);
	return bytes_take(&out);
}

/* covers: PRV-001, PRV-003, PRV-009, CONF-017 */
static void who_hides_is_shown_by_another_uri_to_all_but_himself(void **state)
{
	struct roster *r = room();
	struct participant *a = roster_user(r, SLICE_LIT(ALICE), "Alice");
	struct roster_endpoint *b;
	char *doc;

	(void)state;
	roster_set_shown(a, ANON);
	join(r, ALICE, ANON);
	assert_ptr_equal(roster_find(r, SLICE_LIT(ANON)), a);
	b = join(r, BOB, "sip:bob@192.0.2.12");
	roster_endpoint_by(b, ALICE);
	roster_set_role(b->user, "owner");
	for (int reveal = 0; reveal < 2; reveal++) {
		static const char *const watchers[] = {NULL, BOB, ALICE};

		for (size_t i = 0; i < 3; i++) {
			bool knows = i == 2 || (i == 1 && reveal);

			doc = text_for(r, 0, watchers[i], reveal);
			assert_non_null(strstr(doc, "entity=\"" ANON "\""));
			assert_non_null(strstr(doc, "<by>" ANON "</by>"));
			assert_null(strstr(doc, ">Alice<"));
			assert_int_equal(strstr(doc, ALICE) != NULL, knows);
			free(doc);
		}
	}
	roster_free(&r);
}

/* covers: PRV-002 */
static void another_name_comes_with_a_full_document_and_no_word_of_the_last_stay(void **state)
{
	struct roster *r = room();
	struct roster_endpoint *e = join(r, ALICE, "sip:alice@192.0.2.11");
	uint64_t seen = roster_serial(r);
	char *doc;

	(void)state;
	join(r, BOB, "sip:bob@192.0.2.12");
	roster_endpoint_end(e, CONFINFO_DEPARTED, 0, ALICE, 1000);
	roster_set_shown(roster_find(r, SLICE_LIT(ALICE)), ANON);
	join(r, ALICE, ANON);
	doc = text_for(r, seen, BOB, false);
	assert_non_null(strstr(doc, "state=\"full\" version="));
	assert_non_null(strstr(doc, ANON));
	assert_null(strstr(doc, "alice"));
	free(doc);
	roster_set_shown(roster_find(r, SLICE_LIT(ANON)), NULL);
	assert_null(roster_find(r, SLICE_LIT(ANON)));
	roster_free(&r);
}

/* covers: GK-008 */
static void a_new_epoch_stands_in_the_next_document_of_each_watcher(void **state)
{
	struct roster *r = room();
	struct roster_view view = {.version = 2, .active = true};
	struct bytes out = BYTES_INIT;
	uint64_t seen;

	(void)state;
	join(r, ALICE, "sip:alice@192.0.2.11");
	seen = roster_serial(r);
	roster_document(r, seen, &view, &out);
	assert_null(strstr(bytes_cstr(&out), "<epoch"));
	view.epoch = "c0ffee010203040500000007";
	roster_touch(r);
	bytes_reset(&out);
	roster_document(r, seen, &view, &out);
	assert_non_null(strstr(bytes_cstr(&out), "state=\"partial\""));
	assert_non_null(strstr(bytes_cstr(&out), "id=\"c0ffee010203040500000007\""));
	assert_null(strstr(bytes_cstr(&out), ALICE));
	bytes_fini(&out);
	roster_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_epoch_stands_in_the_next_document_of_each_watcher),
		cmocka_unit_test(who_hides_is_shown_by_another_uri_to_all_but_himself),
		cmocka_unit_test(
			another_name_comes_with_a_full_document_and_no_word_of_the_last_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
