/* SPDX-License-Identifier: Apache-2.0 */
/* Whom we believe a request to be from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mrfc/conference/identity.h"
#include "mrfc/conference/privacy.h"

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
	const struct identity_claim claim = {.trusted = true,
					     .asserted = asserted,
					     .n_asserted = 2,
					     .asserted_display = "Alice",
					     .from = "sip:mallory@example.net",
					     .from_display = "Mallory"};
	struct identity id;

	(void)state;
	assert_int_equal(identity_of(&claim, &id), 0);
	assert_string_equal(id.uri, "sip:Alice@example.com");
	assert_string_equal(id.display, "Alice");
	assert_true(has_alias(&id, "tel:+15551230001"));
	assert_true(has_alias(&id, "im:Alice@example.com"));
	assert_false(has_alias(&id, "sip:mallory@example.net"));
	identity_fini(&id);
}

static void without_an_assertion_the_from_of_a_trusted_peer_counts(void **state)
{
	const struct identity_claim claim = {
		.trusted = true, .from = "sip:bob@example.com", .from_display = "Bob"};
	struct identity id;

	(void)state;
	assert_int_equal(identity_of(&claim, &id), 0);
	assert_string_equal(id.uri, "sip:bob@example.com");
	assert_string_equal(id.display, "Bob");
	identity_fini(&id);
}

static void from_lends_its_display_name_only_to_the_same_user(void **state)
{
	static const char *const same[] = {"sip:bob@example.com"};
	static const char *const other[] = {"sip:robert@example.com"};
	struct identity_claim claim = {.trusted = true,
				       .asserted = same,
				       .n_asserted = 1,
				       .from = "sip:bob@EXAMPLE.com",
				       .from_display = "Bob"};
	struct identity id;

	(void)state;
	assert_int_equal(identity_of(&claim, &id), 0);
	assert_string_equal(id.display, "Bob");
	identity_fini(&id);
	claim.asserted = other;
	assert_int_equal(identity_of(&claim, &id), 0);
	assert_null(id.display);
	identity_fini(&id);
}

static void nobody_else_is_believed(void **state)
{
	/* covers: FOC-006 */
	static const char *const asserted[] = {"sip:alice@example.com"};
	struct identity_claim claim = {.trusted = false,
				       .asserted = asserted,
				       .n_asserted = 1,
				       .from = "sip:alice@example.com"};
	struct identity id;

	(void)state;
	assert_int_equal(identity_of(&claim, &id), -ERR_DENIED);
}

static void the_anonymous_uri_names_nobody(void **state)
{
	/* covers: IMS-001 */
	static const char *const names[] = {
		"sip:anonymous@anonymous.invalid", "sip:Anonymous@anonymous.invalid",
		"sip:bob@anonymous.invalid", "sip:anonymous@example.invalid"};
	struct identity id;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct identity_claim claim = {.trusted = true, .from = names[i]};

		assert_int_equal(identity_of(&claim, &id), -ERR_DENIED);
	}
}

static void a_malformed_or_missing_uri_is_no_identity(void **state)
{
	struct identity_claim claim = {.trusted = true, .from = "bob"};
	struct identity id;

	(void)state;
	assert_int_equal(identity_of(&claim, &id), -ERR_DENIED);
	claim.from = NULL;
	assert_int_equal(identity_of(&claim, &id), -ERR_DENIED);
}

static void only_sip_sips_and_tel_uris_name_somebody(void **state)
{
	/* covers: FOC-006 */
	static const char *const asserted[] = {"http://q/", "urn:service:sos",
					       "TEL:+1-555-123-0001", "SIP:Alice@example.com"};
	struct identity_claim claim = {.trusted = true,
				       .asserted = asserted,
				       .n_asserted = 4,
				       .from = "sip:bob@example.com"};
	struct identity id;

	(void)state;
	assert_int_equal(identity_of(&claim, &id), 0);
	assert_string_equal(id.uri, "sip:Alice@example.com");
	assert_int_equal(id.n_aliases, 2); /* tel and im */
	identity_fini(&id);
	claim.n_asserted = 3;
	assert_int_equal(identity_of(&claim, &id), 0);
	assert_int_equal(strncmp(id.uri, "tel:", 4), 0);
	identity_fini(&id);
	claim.n_asserted = 2; /* what is asserted counts, not From */
	assert_int_equal(identity_of(&claim, &id), -ERR_DENIED);
	claim.n_asserted = 0;
	claim.from = "http://q/";
	assert_int_equal(identity_of(&claim, &id), -ERR_DENIED);
}

static void aliases_are_kept_once_and_their_number_is_bounded(void **state)
{
	const struct identity_claim claim = {.trusted = true, .from = "sip:bob@example.com"};
	struct identity id;
	char uri[64];

	(void)state;
	assert_int_equal(identity_of(&claim, &id), 0);
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

static void more_than_one_sip_or_tel_uri_is_no_assertion(void **state)
{
	/* covers: ID-002 */
	static const char *const sips[] = {"sip:a@example.com", "SIPS:b@example.com"};
	static const char *const tels[] = {"tel:+1", "tel:+2"};
	struct identity_claim claim = {.trusted = true, .asserted = sips, .n_asserted = 2};
	struct identity id;

	(void)state;
	assert_int_equal(identity_of(&claim, &id), -ERR_SYNTAX);
	claim.asserted = tels;
	assert_int_equal(identity_of(&claim, &id), -ERR_SYNTAX);
	claim.trusted = false; /* nobody asks what an untrusted peer wrote */
	assert_int_equal(identity_of(&claim, &id), -ERR_DENIED);
}

static void credentials_name_the_user_whatever_is_asserted(void **state)
{
	/* covers: ID-001, ID-003 */
	static const char *const asserted[] = {"sip:owner@example.com", "sip:b@example.com"};
	const struct identity_claim claim = {.user = "sip:alice@example.com",
					     .asserted = asserted,
					     .n_asserted = 2,
					     .asserted_display = "Owner",
					     .from = "sip:alice@example.com",
					     .from_display = "Alice"};
	struct identity id;

	(void)state;
	assert_int_equal(identity_of(&claim, &id), 0);
	assert_string_equal(id.uri, "sip:alice@example.com");
	assert_string_equal(id.display, "Alice");
	assert_false(has_alias(&id, "sip:owner@example.com"));
	identity_fini(&id);
}

static void a_telephone_number_in_a_sip_uri_is_the_tel_uri_too(void **state)
{
	static const char *const asserted[] = {"sip:+15551230001@example.com;user=phone"};
	const struct identity_claim claim = {
		.trusted = true, .asserted = asserted, .n_asserted = 1};
	struct identity id;

	(void)state;
	assert_int_equal(identity_of(&claim, &id), 0);
	assert_true(has_alias(&id, "tel:+15551230001"));
	identity_fini(&id);
}

static void who_wants_to_hide_is_known_to_us_all_the_same(void **state)
{
	/* covers: PRV-001, PRV-007 */
	static const char *const asserted[] = {"sip:alice@example.com"};
	struct identity_claim claim = {.trusted = true,
				       .asserted = asserted,
				       .n_asserted = 1,
				       .from = "sip:anonymous@anonymous.invalid"};
	struct identity id;

	(void)state;
	assert_int_equal(identity_of(&claim, &id), 0);
	assert_string_equal(id.uri, "sip:alice@example.com");
	assert_true(id.hidden);
	identity_fini(&id);
	claim.privacy = PRIVACY_NONE;
	assert_int_equal(identity_of(&claim, &id), 0);
	assert_false(id.hidden);
	identity_fini(&id);
	claim.from = "sip:alice@example.com";
	claim.privacy = PRIVACY_ID;
	assert_int_equal(identity_of(&claim, &id), 0);
	assert_true(id.hidden);
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
		cmocka_unit_test(more_than_one_sip_or_tel_uri_is_no_assertion),
		cmocka_unit_test(credentials_name_the_user_whatever_is_asserted),
		cmocka_unit_test(a_telephone_number_in_a_sip_uri_is_the_tel_uri_too),
		cmocka_unit_test(who_wants_to_hide_is_known_to_us_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
