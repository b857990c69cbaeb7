/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin API on a real HTTP server over a focus of the test's own: statuses, the fields of each
 * object, errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake_focus.h"

static void a_conference_is_created_listed_shown_and_ended(void **state)
{
	struct rig *rig = *state;
	const json_t *c;

	assert_int_equal(request(rig, "POST", "/v1/conferences",
				 "{\"name\":\"room\",\"subject\":\"Plans \\u00e9\"}"),
			 201);
	assert_non_null(strstr(rig->head, "\r\nLocation: /v1/conferences/room\r\n"));
	assert_string_equal(text(rig->json, "name"), "room");
	assert_string_equal(text(rig->json, "uri"), "sip:room@conf.example.com");
	assert_string_equal(text(rig->json, "state"), "active");
	assert_string_equal(text(rig->json, "subject"), "Plans \xc3\xa9");
	assert_true(json_is_false(member(rig->json, "e2e")));
	assert_true(json_is_null(member(rig->json, "creator")));
	assert_string_equal(text(rig->json, "created"), "2026-02-01T10:00:00Z");
	assert_int_equal(json_integer_value(member(rig->json, "participant_count")), 0);
	assert_true(json_is_null(member(rig->json, "mrfp")));

	assert_int_equal(request(rig, "GET", "/v1/conferences", ""), 200);
	c = json_array_get(member(rig->json, "conferences"), 0);
	assert_string_equal(text(c, "name"), "room");
	assert_null(json_object_get(c, "participants"));

	assert_int_equal(request(rig, "GET", "/v1/conferences/room", ""), 200);
	assert_int_equal(json_array_size(member(rig->json, "participants")), 0);
	assert_int_equal(request(rig, "DELETE", "/v1/conferences/room", ""), 204);
	assert_int_equal(rig->text.len, 0);
	assert_string_equal(rig->focus.log, "end room 410");
	assert_int_equal(request(rig, "GET", "/v1/conferences/room", ""), 404);
	assert_string_equal(error_code(rig), "not_found");
}

static void a_conference_without_a_name_gets_one(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(request(rig, "POST", "/v1/conferences", ""), 201);
	assert_true(strlen(text(rig->json, "name")) > 5);
	assert_true(json_is_null(member(rig->json, "subject")));
}

static void a_sealed_one_tells_its_epoch(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"s\",\"e2e\":true}"),
			 201);
	assert_true(json_is_true(member(rig->json, "e2e")));
	assert_string_equal(json_string_value(member(rig->json, "epoch")),
			    "c0ffee010203040500000007");
	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"p\"}"), 201);
	assert_true(json_is_null(member(rig->json, "epoch")));
}

static int with_tls(struct rig *rig, const char *value)
{
	char body[64];

	snprintf(body, sizeof(body), "{\"require_tls\":%s}", value);
	return request(rig, "POST", "/v1/conferences", body);
}

static void one_may_want_more_tls_than_all_but_not_less(void **state)
{
	/* covers: SEC-013 */
	struct rig *rig = *state;

	assert_int_equal(with_tls(rig, "null"), 201);
	assert_string_equal(text(rig->json, "require_tls"), "off");
	assert_int_equal(with_tls(rig, "\"off\""), 201);
	assert_int_equal(with_tls(rig, "\"hop\""), 201);
	assert_string_equal(text(rig->json, "require_tls"), "hop");
	rig->focus.least = CONFERENCE_TLS_ACCESS_OR_HOP;
	assert_int_equal(with_tls(rig, "null"), 201);
	assert_string_equal(text(rig->json, "require_tls"), "access-or-hop");
	assert_int_equal(with_tls(rig, "\"access-or-hop\""), 201);
	assert_int_equal(with_tls(rig, "\"hop\""), 201);
	assert_string_equal(text(rig->json, "require_tls"), "hop");
	assert_int_equal(with_tls(rig, "\"off\""), 400);
	assert_non_null(strstr(text(member(rig->json, "error"), "message"),
			       "conference.require_tls, which is access-or-hop"));
	rig->focus.least = CONFERENCE_TLS_HOP;
	assert_int_equal(with_tls(rig, "\"access-or-hop\""), 400);
	assert_int_equal(with_tls(rig, "\"Hop\""), 400);
	assert_int_equal(with_tls(rig, "\"\""), 400);
	assert_int_equal(with_tls(rig, "true"), 400);
}

static void wrong_creations_are_refused(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"a b\"}"), 400);
	assert_string_equal(error_code(rig), "bad_request");
	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":7}"), 400);
	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"subject\":[]}"), 400);
	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"e2e\":\"yes\"}"), 400);
	assert_string_equal(error_code(rig), "bad_request");
	assert_int_equal(
		request(rig, "POST", "/v1/conferences", "{\"name\":\"x\",\"sealed\":true}"), 400);
	assert_string_equal(error_code(rig), "bad_request");
	assert_non_null(strstr(text(member(rig->json, "error"), "message"), "\"sealed\""));
	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"e2E\":true}"), 400);
	rig->focus.no_keys = true;
	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"e2e\":true}"), 503);
	assert_string_equal(error_code(rig), "unavailable");
	assert_int_equal(request(rig, "POST", "/v1/conferences", "{"), 400);
	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"x\",\"e2e\":false}"),
			 201);
	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"x\"}"), 409);
	assert_string_equal(error_code(rig), "exists");
	assert_int_equal(request(rig, "PUT", "/v1/conferences", ""), 405);
}

static void what_cannot_be_stored_is_not_made(void **state)
{
	/* covers: FOC-030 */
	struct rig *rig = *state;

	rig->focus.store_fails = true;
	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"room\"}"), 503);
	assert_string_equal(error_code(rig), "unavailable");
	assert_non_null(strstr(rig->head, "\r\nRetry-After: "));
	assert_string_equal(rig->focus.log, "end room 503");
	rig->focus.store_fails = false;
	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"room\"}"), 201);
}

static void a_conference_is_made_of_members(void **state)
{
	/* covers: IMS-020, IMS-005 */
	static const char *const wrong[] = {
		"{\"mode\":\"shut\"}",
		"{\"mode\":\"closed\"}",
		"{\"members\":\"sip:a@b\"}",
		"{\"members\":[1]}",
		"{\"members\":[\"sip:a@b\"],\"invite\":1}",
	};
	struct rig *rig = *state;
	const json_t *p;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(request(rig, "POST", "/v1/conferences", wrong[i]), 400);
		assert_string_equal(error_code(rig), "bad_request");
		assert_null(conference_first(rig->focus.table));
	}
	assert_int_equal(request(rig, "POST", "/v1/conferences",
				 "{\"name\":\"room\",\"mode\":\"closed\",\"invite\":true,"
				 "\"members\":[\"sip:a@b\",\"tel:+1\"]}"),
			 201);
	assert_string_equal(rig->focus.log, "members 2, called");
	assert_string_equal(text(rig->json, "mode"), "closed");
	assert_true(json_is_true(member(rig->json, "kept")));
	assert_int_equal(json_integer_value(member(rig->json, "member_count")), 2);
	assert_true(json_is_null(member(rig->json, "contribution_id")));
	roster_show_absent(roster_user(room(rig)->roster, SLICE_LIT("sip:a@b"), NULL),
			   CONFINFO_PENDING, CONFINFO_LEFT_NONE, 0, NULL);
	assert_int_equal(request(rig, "GET", "/v1/conferences/room", ""), 200);
	p = json_array_get(member(rig->json, "participants"), 0);
	assert_string_equal(text(p, "state"), "pending");
	assert_string_equal(text(p, "member"), "invited");
	assert_int_equal(json_array_size(member(p, "endpoints")), 0);
	assert_int_equal(json_integer_value(member(rig->json, "participant_count")), 0);

	rig->focus.fail_members = -ERR_SYNTAX;
	assert_int_equal(request(rig, "POST", "/v1/conferences",
				 "{\"name\":\"other\",\"members\":[\"mailto:a@b\"]}"),
			 400);
	assert_string_equal(rig->focus.log, "end other 410");
}

static void dialing_out_shows_the_participant(void **state)
{
	struct rig *rig = *state;
	const json_t *p, *e;

	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"room\"}"), 201);
	assert_int_equal(request(rig, "POST", "/v1/conferences/room/participants",
				 "{\"uri\":\"sip:carol@example.com\",\"display\":\"Carol\"}"),
			 202);
	assert_string_equal(text(rig->json, "uri"), "sip:carol@example.com");
	assert_string_equal(text(rig->json, "display"), "Carol");
	assert_true(json_is_null(member(rig->json, "nickname")));
	assert_int_equal(json_array_size(member(rig->json, "roles")), 0);
	assert_string_equal(text(rig->json, "state"), "dialing-out");
	assert_int_equal(json_integer_value(member(rig->json, "lost")), 0);
	assert_null(json_object_get(rig->json, "cause"));
	e = json_array_get(member(rig->json, "endpoints"), 0);
	assert_string_equal(text(e, "contact"), "sip:carol@example.com");
	assert_string_equal(text(e, "state"), "dialing-out");
	assert_string_equal(text(e, "joining_method"), "dialed-out");
	assert_true(json_is_null(member(e, "since")));

	assert_int_equal(request(rig, "GET", "/v1/conferences/room", ""), 200);
	p = json_array_get(member(rig->json, "participants"), 0);
	assert_string_equal(text(p, "state"), "dialing-out");
}

static void a_failed_dial_out_shows_its_cause_and_one_who_left_is_not_shown(void **state)
{
	struct rig *rig = *state;
	struct roster_endpoint *e;
	struct participant *p;
	const json_t *list;

	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"room\"}"), 201);
	p = roster_user(room(rig)->roster, SLICE_LIT("sip:busy@example.com"), NULL);
	e = roster_endpoint_add(p, SLICE_LIT("sip:busy@10.0.0.1"), CONFINFO_DIALING_OUT,
				CONFINFO_DIALED_OUT, rig);
	roster_endpoint_end(e, CONFINFO_BUSY, 486, NULL, 1000);
	p = roster_user(room(rig)->roster, SLICE_LIT("sip:left@example.com"), NULL);
	e = roster_endpoint_add(p, SLICE_LIT("sip:left@10.0.0.1"), CONFINFO_CONNECTED,
				CONFINFO_DIALED_IN, rig);
	roster_endpoint_end(e, CONFINFO_DEPARTED, 0, NULL, 1000);
	p = roster_user(room(rig)->roster, SLICE_LIT("sip:bob@example.com"),
			"B\xff"
			"b");
	e = roster_endpoint_add(p, SLICE_LIT("sip:bob@10.0.0.1"), CONFINFO_PENDING,
				CONFINFO_DIALED_IN, rig);
	roster_endpoint_status(e, CONFINFO_CONNECTED, WALL_MS);
	assert_int_equal(roster_nickname(p, SLICE_LIT("Bobby")), 200);
	roster_set_role(p, "owner");

	assert_int_equal(request(rig, "GET", "/v1/conferences/room", ""), 200);
	assert_int_equal(json_integer_value(member(rig->json, "participant_count")), 1);
	list = member(rig->json, "participants");
	assert_int_equal(json_array_size(list), 2);
	for (size_t i = 0; i < 2; i++) {
		const json_t *o = json_array_get(list, i);

		if (strcmp(text(o, "uri"), "sip:busy@example.com") == 0) {
			assert_string_equal(text(o, "state"), "disconnected");
			assert_int_equal(json_integer_value(member(o, "cause")), 486);
			continue;
		}
		assert_string_equal(text(o, "uri"), "sip:bob@example.com");
		assert_string_equal(text(o, "display"), "B?b");
		assert_string_equal(text(o, "nickname"), "Bobby");
		assert_string_equal(text(o, "state"), "connected");
		assert_string_equal(json_string_value(json_array_get(member(o, "roles"), 0)),
				    "owner");
		o = json_array_get(member(o, "endpoints"), 0);
		assert_string_equal(text(o, "joining_method"), "dialed-in");
		assert_string_equal(text(o, "since"), "2026-02-01T10:00:00Z");
	}
}

static void errors_of_the_focus_have_their_statuses(void **state)
{
	static const struct {
		int err, status;
		const char *code;
	} cases[] = {
		{-ERR_SYNTAX, 400, "bad_request"}, {-ERR_EXISTS, 409, "exists"},
		{-ERR_LIMIT, 409, "full"},         {-ERR_WRONG_STATE, 409, "ending"},
		{-ERR_CLOSED, 503, "unavailable"}, {-ERR_DENIED, 403, "refused"},
		{-ERR_IO, 503, "unavailable"},
	};
	struct rig *rig = *state;

	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"room\"}"), 201);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		rig->focus.fail = cases[i].err;
		assert_int_equal(request(rig, "POST", "/v1/conferences/room/participants",
					 "{\"uri\":\"sip:carol@example.com\"}"),
				 cases[i].status);
		assert_string_equal(error_code(rig), cases[i].code);
	}
	rig->focus.fail = 0;
	assert_int_equal(request(rig, "POST", "/v1/conferences/room/participants", "{}"), 400);
	assert_int_equal(request(rig, "POST", "/v1/conferences/none/participants",
				 "{\"uri\":\"sip:carol@example.com\"}"),
			 404);
}

static void a_participant_is_removed_by_its_encoded_uri(void **state)
{
	struct rig *rig = *state;
	const char *path = "/v1/conferences/room/participants/sip%3Acarol%40example.com";

	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"room\"}"), 201);
	assert_int_equal(request(rig, "DELETE", path, ""), 204);
	assert_string_equal(rig->focus.log, "remove room sip:carol@example.com");
	rig->focus.fail = -ERR_NOT_FOUND;
	assert_int_equal(request(rig, "DELETE", path, ""), 404);
	assert_string_equal(error_code(rig), "not_found");
}

static void a_removed_user_is_barred_when_asked_also_while_absent(void **state)
{
	static const char path[] = "/v1/conferences/room/participants/sip%3Aa%40b?ban=1";
	struct rig *rig = *state;

	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"room\"}"), 201);
	assert_int_equal(request(rig, "DELETE", path, ""), 204);
	assert_string_equal(rig->focus.barred, "bar room sip:a@b");
	assert_string_equal(rig->focus.log, "remove room sip:a@b");
	rig->focus.fail = -ERR_NOT_FOUND;
	assert_int_equal(request(rig, "DELETE", path, ""), 204);
}

static void an_mrfp_is_drained_and_takes_conferences_again(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(request(rig, "POST", "/v1/mrfps/mrfp-1/drain", ""), 404);
	assert_string_equal(error_code(rig), "not_found");
	assert_int_equal(request(rig, "DELETE", "/v1/mrfps/mrfp-1/drain", ""), 404);
	fake_up(&rig->mrfp, &rig->pool, "mrfp-1", 1);
	assert_int_equal(request(rig, "POST", "/v1/mrfps/mrfp-1/drain", ""), 202);
	assert_string_equal(text(rig->json, "state"), "draining");
	assert_true(json_is_true(member(rig->json, "drain")));
	assert_int_equal(request(rig, "POST", "/v1/mrfps/mrfp-1/drain", ""), 202);
	assert_int_equal(request(rig, "DELETE", "/v1/mrfps/mrfp-1/drain", ""), 200);
	assert_string_equal(text(rig->json, "state"), "up");
	assert_true(json_is_false(member(rig->json, "drain")));
}

static void mrfps_are_listed_and_a_conference_names_its_own(void **state)
{
	struct rig *rig = *state;
	struct media_context ctx = {.epoch = 1, .conference_uri = "sip:room@conf.example.com"};
	struct media_remote remote = {.setup = MEDIA_PASSIVE};
	const char *uris[] = {"sip:alice@example.com"};
	const json_t *m;

	assert_int_equal(request(rig, "GET", "/v1/mrfps", ""), 200);
	assert_int_equal(json_array_size(member(rig->json, "mrfps")), 0);

	fake_up(&rig->mrfp, &rig->pool, "mrfp-1", 1);
	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"room\"}"), 201);
	memcpy(ctx.id, room(rig)->context, MEDIA_CONTEXT_SIZE);
	media_add(rig->media, &ctx, 1, uris, 1, &remote, NULL, NULL);
	fake_take_add(&rig->mrfp, CTL_R_OK, "192.0.2.9:2855");

	assert_int_equal(request(rig, "GET", "/v1/mrfps", ""), 200);
	m = json_array_get(member(rig->json, "mrfps"), 0);
	assert_string_equal(text(m, "id"), "mrfp-1");
	assert_string_equal(text(m, "state"), "up");
	assert_string_equal(text(m, "msrp"), "192.0.2.9:2855");
	assert_int_equal(json_integer_value(member(m, "contexts")), 1);
	assert_int_equal(json_integer_value(member(m, "terminations")), 1);
	assert_int_equal(json_integer_value(member(m, "load")), 0);
	assert_int_equal(request(rig, "GET", "/v1/conferences/room", ""), 200);
	assert_string_equal(text(rig->json, "mrfp"), "mrfp-1");
}

static void the_live_page_needs_nothing_from_elsewhere(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(request(rig, "GET", "/", ""), 200);
	assert_non_null(strstr(rig->head, "Content-Type: text/html; charset=utf-8"));
	assert_non_null(strstr(rig->head, "Content-Security-Policy: default-src 'none'"));
	assert_non_null(strstr(bytes_cstr(&rig->text), "v1/conferences"));
	assert_null(strstr(bytes_cstr(&rig->text), "http://"));
	assert_null(strstr(bytes_cstr(&rig->text), "https://"));
	assert_null(strstr(bytes_cstr(&rig->text), "innerHTML"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_conference_is_created_listed_shown_and_ended),
		TEST(a_conference_without_a_name_gets_one),
		TEST(a_sealed_one_tells_its_epoch),
		TEST(one_may_want_more_tls_than_all_but_not_less),
		TEST(wrong_creations_are_refused),
		TEST(what_cannot_be_stored_is_not_made),
		TEST(a_conference_is_made_of_members),
		TEST(dialing_out_shows_the_participant),
		TEST(a_failed_dial_out_shows_its_cause_and_one_who_left_is_not_shown),
		TEST(errors_of_the_focus_have_their_statuses),
		TEST(a_participant_is_removed_by_its_encoded_uri),
		TEST(a_removed_user_is_barred_when_asked_also_while_absent),
		TEST(an_mrfp_is_drained_and_takes_conferences_again),
		TEST(mrfps_are_listed_and_a_conference_names_its_own),
		TEST(the_live_page_needs_nothing_from_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
