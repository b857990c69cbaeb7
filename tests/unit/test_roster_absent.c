/* SPDX-License-Identifier: Apache-2.0 */
/* The roster of those who belong to a conference and are not there; the reader in his own roster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "roster_rig.h"

/* covers: IMS-018, CONF-013 */
static void who_is_absent_is_shown_and_does_not_count(void **state)
{
	struct roster *r = room();
	struct participant *bob = roster_user(r, slice_str(BOB), "Bob");
	uint64_t at;
	struct confinfo_parsed *p;

	(void)state;
	(void)join(r, ALICE, "sip:a@h");
	at = roster_serial(r);
	roster_show_absent(bob, CONFINFO_PENDING, CONFINFO_LEFT_NONE, 0, NULL);
	assert_string_equal(summary(r, at), "bob:pending ");
	assert_int_equal(roster_count(r), 1);
	at = roster_serial(r);
	roster_show_absent(bob, CONFINFO_PENDING, CONFINFO_LEFT_NONE, 0, NULL);
	assert_int_equal(roster_serial(r), at); /* no news */
	roster_show_absent(bob, CONFINFO_DISCONNECTED, CONFINFO_FAILED, 408, ALICE);
	p = shown(r, at);
	assert_int_equal(confinfo_doc(p)->n_users, 1);
	assert_int_equal(confinfo_doc(p)->users[0].n_endpoints, 1);
	assert_string_equal(confinfo_doc(p)->users[0].endpoints[0].entity, BOB);
	assert_int_equal(confinfo_doc(p)->users[0].endpoints[0].leaving, CONFINFO_FAILED);
	assert_string_equal(confinfo_doc(p)->users[0].endpoints[0].left_reason, "SIP;cause=408");
	assert_string_equal(confinfo_doc(p)->users[0].endpoints[0].left_by, ALICE);
	confinfo_free(&p);
	roster_sweep(r, 1000000, 0); /* nothing of him fades */
	assert_string_equal(summary(r, 0), "bob:disconnected alice:connected ");
	roster_free(&r);
}

/* covers: IMS-018 */
static void an_absent_user_gives_way_to_his_endpoint_and_comes_back_after_it(void **state)
{
	struct roster *r = room();
	struct participant *bob = roster_user(r, slice_str(BOB), NULL);
	struct roster_endpoint *e;
	uint64_t at;

	(void)state;
	roster_show_absent(bob, CONFINFO_DISCONNECTED, CONFINFO_DEPARTED, 408, NULL);
	e = join(r, BOB, "sip:b@h");
	at = roster_serial(r);
	roster_hide_absent(bob, 10);
	assert_string_equal(summary(r, at), "bob:connected ");
	roster_hide_absent(bob, 10); /* once is enough */
	roster_endpoint_end(e, CONFINFO_FAILED, 408, NULL, 1000);
	roster_show_absent(bob, CONFINFO_DISCONNECTED, CONFINFO_FAILED, 408, NULL);
	(void)roster_retire(r, 1000 + ROSTER_SHOW_GONE_MS);
	assert_string_equal(summary(r, 0), "bob:disconnected ");
	at = roster_serial(r);
	roster_hide_absent(bob, 2000); /* he belongs no more */
	assert_string_equal(summary(r, at), "bob:disconnected ");
	at = roster_serial(r);
	(void)roster_retire(r, 2000 + ROSTER_SHOW_GONE_MS);
	assert_string_equal(summary(r, at), "bob:deleted ");
	roster_sweep(r, 100000, 0);
	assert_null(roster_first(r));
	roster_free(&r);
}

/* covers: IMS-018 */
static void only_the_reader_is_marked_as_himself(void **state)
{
	struct roster *r = room();
	struct roster_endpoint *a = join(r, ALICE, "sip:a@h");
	struct roster_view view = {.version = 1, .active = true, .own = true, .watcher = a->user};
	struct bytes out = BYTES_INIT;
	struct confinfo_parsed *p;

	(void)state;
	(void)join(r, BOB, "sip:b@h");
	roster_document(r, 0, &view, &out);
	assert_int_equal(confinfo_parse(bytes_slice(&out), &p), 0);
	assert_true(confinfo_doc(p)->users[0].yourown);
	assert_false(confinfo_doc(p)->users[1].yourown);
	confinfo_free(&p);
	bytes_fini(&out);
	roster_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_absent_is_shown_and_does_not_count),
		cmocka_unit_test(an_absent_user_gives_way_to_his_endpoint_and_comes_back_after_it),
		cmocka_unit_test(only_the_reader_is_marked_as_himself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
