/* SPDX-License-Identifier: Apache-2.0 */
/* Whom we believe a request to be from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mrfc/conference/identity.h"

struct rig {
	struct addr_set *trusted;
	struct addr inside, outside;
};

static int set_up(void **state)
{
	static struct rig rig;

	rig = (struct rig){0};
	assert_int_equal(addr_set_parse("127.0.0.0/8,::1", &rig.trusted), 0);
	assert_int_equal(addr_from_host(SLICE_LIT("127.0.0.1"), 5060, &rig.inside), 0);
	assert_int_equal(addr_from_host(SLICE_LIT("192.0.2.7"), 5060, &rig.outside), 0);
	*state = &rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	addr_set_free(&rig->trusted);
	return 0;
}

static bool has_alias(const struct identity *id, const char *uri)
{
	for (size_t i = 0; i < id->n_aliases; i++) {
		if (strcmp(id->aliases[i], uri) == 0)
			return true;
	}
	return false;
}

static void a_trusted_peer_s_assertion_names_the_user_and_the_rest_are_aliases(void **state)
{
	/* covers: FOC-006, SW-010 */
	static const char *const asserted[] = {"tel:+15551230001",
					       "sip:Alice@EXAMPLE.com;transport=tcp"};
	struct rig *rig = *state;
	const struct identity_claim claim = {.peer = &rig->inside,
					     .asserted = asserted,
					     .n_asserted = 2,
					     .asserted_display = "Alice",
					     .from = "sip:mallory@example.net",
					     .from_display = "Mallory"};
	struct identity id;

	assert_int_equal(identity_of(rig->trusted, &claim, &id), 0);
	assert_string_equal(id.uri, "sip:Alice@example.com");
	assert_string_equal(id.display, "Alice");
	assert_true(has_alias(&id, "tel:+15551230001"));
	assert_true(has_alias(&id, "im:Alice@example.com"));
	assert_false(has_alias(&id, "sip:mallory@example.net"));
	identity_fini(&id);
}

static void without_an_assertion_the_from_of_a_trusted_peer_counts(void **state)
{
	struct rig *rig = *state;
	const struct identity_claim claim = {
		.peer = &rig->inside, .from = "sip:bob@example.com", .from_display = "Bob"};
	struct identity id;

	assert_int_equal(identity_of(rig->trusted, &claim, &id), 0);
	assert_string_equal(id.uri, "sip:bob@example.com");
	assert_string_equal(id.display, "Bob");
	identity_fini(&id);
}

static void from_lends_its_display_name_only_to_the_same_user(void **state)
{
	static const char *const same[] = {"sip:bob@example.com"};
	static const char *const other[] = {"sip:robert@example.com"};
	struct rig *rig = *state;
	struct identity_claim claim = {.peer = &rig->inside,
				       .asserted = same,
				       .n_asserted = 1,
				       .from = "sip:bob@EXAMPLE.com",
				       .from_display = "Bob"};
	struct identity id;

	assert_int_equal(identity_of(rig->trusted, &claim, &id), 0);
	assert_string_equal(id.display, "Bob");
	identity_fini(&id);
	claim.asserted = other;
	assert_int_equal(identity_of(rig->trusted, &claim, &id), 0);
	assert_null(id.display);
	identity_fini(&id);
}

static void nobody_else_is_believed(void **state)
{
	/* covers: FOC-006 */
	static const char *const asserted[] = {"sip:alice@example.com"};
	struct rig *rig = *state;
	struct identity_claim claim = {.peer = &rig->outside,
				       .asserted = asserted,
				       .n_asserted = 1,
				       .from = "sip:alice@example.com"};
	struct addr nowhere = {0};
	struct identity id;

	assert_int_equal(identity_of(rig->trusted, &claim, &id), -ERR_DENIED);
	claim.peer = &nowhere;
	assert_int_equal(identity_of(rig->trusted, &claim, &id), -ERR_DENIED);
}

static void the_anonymous_uri_names_nobody(void **state)
{
	/* covers: IMS-001 */
	static const char *const names[] = {
		"sip:anonymous@anonymous.invalid", "sip:Anonymous@anonymous.invalid",
		"sip:bob@anonymous.invalid", "sip:anonymous@example.invalid"};
	struct rig *rig = *state;
	struct identity id;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct identity_claim claim = {.peer = &rig->inside, .from = names[i]};

		assert_int_equal(identity_of(rig->trusted, &claim, &id), -ERR_DENIED);
	}
}

static void a_malformed_or_missing_uri_is_no_identity(void **state)
{
	struct rig *rig = *state;
	struct identity_claim claim = {.peer = &rig->inside, .from = "bob"};
	struct identity id;

	assert_int_equal(identity_of(rig->trusted, &claim, &id), -ERR_DENIED);
	claim.from = NULL;
	assert_int_equal(identity_of(rig->trusted, &claim, &id), -ERR_DENIED);
}

static void only_sip_sips_and_tel_uris_name_somebody(void **state)
{
	/* covers: FOC-006 */
	static const char *const asserted[] = {"http://q/", "urn:service:sos",
					       "TEL:+1-555-123-0001", "SIP:Alice@example.com"};
	struct rig *rig = *state;
	struct identity_claim claim = {.peer = &rig->inside,
				       .asserted = asserted,
				       .n_asserted = 4,
				       .from = "sip:bob@example.com"};
	struct identity id;

	assert_int_equal(identity_of(rig->trusted, &claim, &id), 0);
	assert_string_equal(id.uri, "sip:Alice@example.com");
	assert_int_equal(id.n_aliases, 2); /* tel and im */
	identity_fini(&id);
	claim.n_asserted = 3;
	assert_int_equal(identity_of(rig->trusted, &claim, &id), 0);
	assert_int_equal(strncmp(id.uri, "tel:", 4), 0);
	identity_fini(&id);
	claim.n_asserted = 2; /* what is asserted counts, not From */
	assert_int_equal(identity_of(rig->trusted, &claim, &id), -ERR_DENIED);
	claim.n_asserted = 0;
	claim.from = "http://q/";
	assert_int_equal(identity_of(rig->trusted, &claim, &id), -ERR_DENIED);
}

static void aliases_are_kept_once_and_their_number_is_bounded(void **state)
{
	struct rig *rig = *state;
	const struct identity_claim claim = {.peer = &rig->inside, .from = "sip:bob@example.com"};
	struct identity id;
	char uri[64];

	assert_int_equal(identity_of(rig->trusted, &claim, &id), 0);
	size_t before = id.n_aliases;
	identity_add_alias(&id, "sip:bob@example.com");
	identity_add_alias(&id, "sip:b@example.com");
	identity_add_alias(&id, "sip:b@example.com;x=y");
	assert_int_equal(id.n_aliases, before + 1);
	for (int i = 0; i < 20; i++) {
		snprintf(uri, sizeof(uri), "sip:b%d@example.com", i);
		identity_add_alias(&id, uri);
	}
	assert_int_equal(id.n_aliases, IDENTITY_MAX_ALIASES);
	identity_fini(&id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_trusted_peer_s_assertion_names_the_user_and_the_rest_are_aliases),
		cmocka_unit_test(without_an_assertion_the_from_of_a_trusted_peer_counts),
		cmocka_unit_test(from_lends_its_display_name_only_to_the_same_user),
		cmocka_unit_test(nobody_else_is_believed),
		cmocka_unit_test(the_anonymous_uri_names_nobody),
		cmocka_unit_test(a_malformed_or_missing_uri_is_no_identity),
		cmocka_unit_test(only_sip_sips_and_tel_uris_name_somebody),
		cmocka_unit_test(aliases_are_kept_once_and_their_number_is_bounded),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
