/* SPDX-License-Identifier: Apache-2.0 */
/* The admin API's changes of a live conference: settings, roles, bans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake_focus.h"

static void a_conference_is_changed_member_by_member(void **state)
{
	struct rig *rig = *state;
	const char *path = "/v1/conferences/room";

	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"room\"}"), 201);
	assert_true(json_is_false(member(rig->json, "locked")));
	assert_string_equal(text(rig->json, "mode"), "open");
	assert_true(json_is_null(member(rig->json, "max_users")));
	assert_true(json_is_null(member(rig->json, "until")));
	assert_int_equal(request(rig, "PATCH", path, "{\"locked\":true}"), 200);
	assert_true(json_is_true(member(rig->json, "locked")));
	assert_int_equal(rig->focus.change.what, FOCUS_CHANGE_LOCKED);
	assert_int_equal(request(rig, "PATCH", path,
				 "{\"subject\":\"Tea\",\"max_users\":7,\"mode\":\"closed\","
				 "\"until\":\"2096-02-01T10:00:00Z\"}"),
			 200);
	assert_int_equal(rig->focus.change.what, FOCUS_CHANGE_SUBJECT | FOCUS_CHANGE_MAX_USERS |
							 FOCUS_CHANGE_MODE | FOCUS_CHANGE_UNTIL);
	assert_string_equal(rig->focus.subject, "Tea");
	assert_int_equal(rig->focus.change.max_users, 7);
	assert_int_equal(rig->focus.change.mode, CONFERENCE_CLOSED);
	assert_string_equal(text(rig->json, "until"), "2096-02-01T10:00:00Z");
	assert_int_equal(request(rig, "PATCH", path,
				 "{\"subject\":null,\"max_users\":null,\"lifetime\":null}"),
			 200);
	assert_string_equal(rig->focus.subject, "");
	assert_int_equal(rig->focus.change.max_users, 0);
	assert_int_equal(rig->focus.change.until_wall_ms, 0);
	assert_int_equal(request(rig, "PATCH", path, "{}"), 200);
	assert_int_equal(rig->focus.change.what, 0);
	rig->focus.fail = -ERR_WRONG_STATE;
	assert_int_equal(request(rig, "PATCH", path, "{\"locked\":true}"), 409);
	assert_string_equal(error_code(rig), "ending");
	assert_int_equal(request(rig, "PATCH", "/v1/conferences/none", "{}"), 404);
}

static void a_wrong_change_changes_nothing(void **state)
{
	static const char *const wrong[] = {
		"{\"locked\":1}",
		"{\"locked\":null}",
		"{\"max_users\":-1}",
		"{\"max_users\":1000001}",
		"{\"max_users\":\"7\"}",
		"{\"max_users\":1.5}",
		"{\"subject\":7}",
		"{\"subject\":\"a\\nb\"}",
		"{\"mode\":\"ajar\"}",
		"{\"mode\":null}",
		"{\"lifetime\":-1}",
		"{\"lifetime\":31536001}",
		"{\"until\":\"tomorrow\"}",
		"{\"until\":\"2096-02-01T10:00:00Z and more\"}",
		"{\"until\":\"2001-01-01T00:00:00Z\"}",
		"{\"until\":\"1960-02-01T10:00:00Z\"}",
		"{\"until\":null,\"lifetime\":1}",
		"{\"owner\":\"sip:a@b\"}",
		"{\"locked\":true,\"nosuch\":1}",
		"[]",
		"{",
	};
	struct rig *rig = *state;

	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"room\"}"), 201);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		rig->focus.change.what = 77;
		assert_int_equal(request(rig, "PATCH", "/v1/conferences/room", wrong[i]), 400);
		assert_string_equal(error_code(rig), "bad_request");
		assert_int_equal(rig->focus.change.what, 77);
	}
	assert_false(room(rig)->locked);
}

static void a_participant_is_given_a_role(void **state)
{
	static const char *const wrong[] = {"{}", "{\"role\":\"king\"}", "{\"role\":1}",
					    "{\"role\":\"owner\",\"x\":1}"};
	const char *path = "/v1/conferences/room/participants/sip%3Acarol%40example.com";
	struct rig *rig = *state;

	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"room\"}"), 201);
	assert_int_equal(request(rig, "PATCH", path, "{\"role\":\"moderator\"}"), 200);
	assert_string_equal(text(rig->json, "role"), "moderator");
	assert_string_equal(rig->focus.log, "role room sip:carol@example.com moderator");
	rig->focus.log[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(request(rig, "PATCH", path, wrong[i]), 400);
	assert_string_equal(rig->focus.log, "");
	rig->focus.fail = -ERR_NOT_FOUND;
	assert_int_equal(request(rig, "PATCH", path, "{\"role\":\"listener\"}"), 404);
}

static void bans_are_listed_made_and_taken_back(void **state)
{
	const char *path = "/v1/conferences/room/bans/sip%3Acarol%40example.com";
	struct rig *rig = *state;

	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"room\"}"), 201);
	assert_int_equal(request(rig, "PUT", path, ""), 204);
	assert_int_equal(request(rig, "PUT", path, ""), 204);
	assert_int_equal(request(rig, "GET", "/v1/conferences/room/bans", ""), 200);
	assert_int_equal(json_array_size(member(rig->json, "bans")), 1);
	assert_string_equal(text(json_array_get(member(rig->json, "bans"), 0), "uri"),
			    "sip:carol@example.com");
	assert_int_equal(request(rig, "DELETE", path, ""), 204);
	assert_int_equal(request(rig, "DELETE", path, ""), 404);
	assert_string_equal(error_code(rig), "not_found");
	assert_int_equal(request(rig, "PUT", "/v1/conferences/room/bans/carol", ""), 400);
	rig->focus.ban_fail = -ERR_LIMIT;
	assert_int_equal(request(rig, "PUT", path, ""), 409);
	assert_string_equal(error_code(rig), "full");
	assert_int_equal(request(rig, "GET", "/v1/conferences/none/bans", ""), 404);
	assert_int_equal(request(rig, "PUT", "/v1/conferences/none/bans/sip%3Aa%40b", ""), 404);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_conference_is_changed_member_by_member),
		TEST(a_wrong_change_changes_nothing),
		TEST(a_participant_is_given_a_role),
		TEST(bans_are_listed_made_and_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
