/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/ue_roster: documents of RFC 4575 applied by the rules of its section 4.6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "ue/ue_roster.h"

struct heard {
	char text[256];
};

static void on_change(const struct ue_roster_user *u, enum ue_roster_change change, void *arg)
{
	struct heard *h = arg;
	size_t n = strlen(h->text);

	snprintf(h->text + n, sizeof(h->text) - n, "%c%s ", "+-~"[change], u -> uri);
}

static int apply(struct ue_roster *r, enum confinfo_state state, uint32_t version,
		 const struct confinfo_user *users, size_t n, struct heard *h)
{
	struct confinfo_doc doc = {.entity = "sip:r@x",
				   .state = state,
				   .version = version,
				   .with_description = state == CONFINFO_FULL,
				   .users_state = state,
				   .users = users,
				   .n_users = n};

	h->text[0] = '\0';
	return ue_roster_apply(r, &doc, on_change, h);
}

static const struct confinfo_endpoint in = {
	.entity = "sip:1", .status = CONFINFO_CONNECTED, .joining = CONFINFO_DIALED_IN};
static const struct confinfo_endpoint out = {.entity = "sip:1", .status = CONFINFO_DISCONNECTED};

static struct confinfo_user user(const char *uri, enum confinfo_state state,
				 const struct confinfo_endpoint *e)
{
	return (struct confinfo_user){
		.entity = uri, .state = state, .endpoints = e, .n_endpoints = e ? 1 : 0};
}

/* covers: CONF-021 */
static void full_and_partial_documents_tell_who_comes_and_goes(void **state)
{
	struct ue_roster r;
	struct heard h;
	struct confinfo_user a = user("a", CONFINFO_FULL, &in), b = user("b", CONFINFO_FULL, &in);
	struct confinfo_user gone = user("a", CONFINFO_FULL, &out);
	struct confinfo_user deleted = user("a", CONFINFO_DELETED, NULL);

	(void)state;
	ue_roster_init(&r);
	assert_int_equal(apply(&r, CONFINFO_FULL, 1, &a, 1, &h), 0);
	assert_string_equal(h.text, "+a ");
	assert_int_equal(apply(&r, CONFINFO_PARTIAL, 2, &b, 1, &h), 0);
	assert_string_equal(h.text, "+b ");
	assert_int_equal(r.n_users, 2);
	assert_int_equal(apply(&r, CONFINFO_PARTIAL, 3, &gone, 1, &h), 0);
	assert_string_equal(h.text, "-a ");
	assert_int_equal(apply(&r, CONFINFO_PARTIAL, 4, &deleted, 1, &h), 0);
	assert_string_equal(h.text, "");
	assert_int_equal(r.n_users, 1);
	assert_int_equal(ue_roster_count(&r), 1);
	assert_int_equal(apply(&r, CONFINFO_FULL, 5, &a, 1, &h), 0);
	assert_string_equal(h.text, "+a -b ");
	ue_roster_fini(&r);
}

/* covers: CONF-021 */
static void old_versions_are_dropped_and_gaps_are_told(void **state)
{
	struct ue_roster r;
	struct heard h;
	struct confinfo_user a = user("a", CONFINFO_FULL, &in);

	(void)state;
	ue_roster_init(&r);
	assert_int_equal(apply(&r, CONFINFO_PARTIAL, 1, &a, 1, &h), -ERR_WRONG_STATE);
	assert_int_equal(apply(&r, CONFINFO_FULL, 5, &a, 1, &h), 0);
	assert_int_equal(apply(&r, CONFINFO_PARTIAL, 5, &a, 1, &h), -ERR_STALE);
	assert_int_equal(apply(&r, CONFINFO_PARTIAL, 4, &a, 1, &h), -ERR_STALE);
	assert_int_equal(apply(&r, CONFINFO_PARTIAL, 7, &a, 1, &h), -ERR_WRONG_STATE);
	assert_int_equal(apply(&r, CONFINFO_PARTIAL, 6, NULL, 0, &h), 0);
	assert_int_equal(r.n_users, 1);
	ue_roster_fini(&r);
}

static void a_change_of_nickname_is_told_once_and_only_of_those_here(void **state)
{
	struct ue_roster r;
	struct heard h;
	struct confinfo_user a = user("sip:a@x", CONFINFO_FULL, &in);

	(void)state;
	ue_roster_init(&r);
	a.nickname = "First";
	assert_int_equal(apply(&r, CONFINFO_FULL, 1, &a, 1, &h), 0);
	assert_string_equal(h.text, "+sip:a@x ");
	a.nickname = "Captain";
	assert_int_equal(apply(&r, CONFINFO_PARTIAL, 2, &a, 1, &h), 0);
	assert_string_equal(h.text, "~sip:a@x ");
	assert_string_equal(ue_roster_find(&r, SLICE_LIT("sip:a@X;transport=tcp"))->nickname,
			    "Captain");
	assert_int_equal(apply(&r, CONFINFO_PARTIAL, 3, &a, 1, &h), 0);
	assert_string_equal(h.text, "");
	a.nickname = NULL;
	assert_int_equal(apply(&r, CONFINFO_PARTIAL, 4, &a, 1, &h), 0);
	assert_string_equal(h.text, "~sip:a@x ");
	a.nickname = "Gone";
	a.endpoints = &out;
	assert_int_equal(apply(&r, CONFINFO_PARTIAL, 5, &a, 1, &h), 0);
	assert_string_equal(h.text, "-sip:a@x ");
	assert_int_equal(ue_roster_count(&r), 0);
	ue_roster_fini(&r);
}

static void the_epoch_of_the_last_description_holds(void **state)
{
	struct ue_roster r;
	struct heard h = {""};
	struct confinfo_doc doc = {.entity = "sip:r@x",
				   .state = CONFINFO_FULL,
				   .version = 1,
				   .with_description = true,
				   .epoch = "c0ffee010203040500000007"};

	(void)state;
	ue_roster_init(&r);
	assert_string_equal(r.epoch, "");
	assert_int_equal(ue_roster_apply(&r, &doc, on_change, &h), 0);
	assert_string_equal(r.epoch, "c0ffee010203040500000007");
	doc.version = 2;
	doc.state = doc.users_state = CONFINFO_PARTIAL;
	doc.with_description = false;
	doc.epoch = NULL;
	assert_int_equal(ue_roster_apply(&r, &doc, on_change, &h), 0);
	assert_string_equal(r.epoch, "c0ffee010203040500000007");
	doc.version = 1; /* an old one changes nothing */
	doc.with_description = true;
	doc.epoch = "c0ffee010203040500000001";
	assert_int_equal(ue_roster_apply(&r, &doc, on_change, &h), -ERR_STALE);
	assert_string_equal(r.epoch, "c0ffee010203040500000007");
	doc.version = 3;
	doc.epoch = "c0ffee010203040500000008";
	assert_int_equal(ue_roster_apply(&r, &doc, on_change, &h), 0);
	assert_string_equal(r.epoch, "c0ffee010203040500000008");
	doc.version = 4;
	doc.epoch = NULL;
	assert_int_equal(ue_roster_apply(&r, &doc, on_change, &h), 0);
	assert_string_equal(r.epoch, "");
	ue_roster_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_epoch_of_the_last_description_holds),
		cmocka_unit_test(full_and_partial_documents_tell_who_comes_and_goes),
		cmocka_unit_test(old_versions_are_dropped_and_gaps_are_told),
		cmocka_unit_test(a_change_of_nickname_is_told_once_and_only_of_those_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
