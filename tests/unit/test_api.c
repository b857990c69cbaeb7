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

#include "common/mem.h"
#include "fake_pool.h"
#include "mrfc/admin/api.h"

#define WALL_MS 1769940000000 /* 2026-02-01T10:00:00Z */

/* The focus: a table of conferences and what it was asked. */
struct focus {
	struct focus_change change;
	char subject[64];
	int ban_fail;
	struct conference_table *table;
	int fail; /* what the next call returns */
	char log[256];
	char barred[256];
	char display[64];
};

struct conference_table *focus_conferences(struct focus *f)
{
	return f->table;
}

int focus_create(struct focus *f, const char *name, const char *subject,
		 struct conference **conference_r)
{
	struct conference *c;
	int rc = conference_create(f->table, name, NULL, CONFERENCE_BY_API, WALL_MS, &c);

	if (f->fail)
		return f->fail;
	if (rc < 0)
		return rc;
	c->subject = subject ? xstrdup(subject) : NULL;
	*conference_r = c;
	return 0;
}

void focus_end(struct focus *f, struct conference *c, int reason_cause)
{
	snprintf(f->log, sizeof(f->log), "end %s %d", c->name, reason_cause);
	conference_remove(f->table, &c);
}

int focus_dial_out(struct focus *f, struct conference *c, struct slice uri, const char *display,
		   const char *by, struct participant **participant_r)
{
	assert_null(by);
	snprintf(f->display, sizeof(f->display), "%s", display ? display : "");
	if (f->fail)
		return f->fail;
	*participant_r = roster_user(c->roster, uri, display);
	roster_endpoint_add(*participant_r, uri, CONFINFO_DIALING_OUT, CONFINFO_DIALED_OUT, f);
	return 0;
}

int focus_remove(struct focus *f, struct conference *c, struct slice uri, const char *by)
{
	assert_null(by);
	snprintf(f->log, sizeof(f->log), "remove %s " SLICE_FMT, c->name, SLICE_ARG(uri));
	return f->fail;
}

int focus_ban(struct focus *f, struct conference *c, struct slice uri)
{
	snprintf(f->barred, sizeof(f->barred), "bar %s " SLICE_FMT, c->name, SLICE_ARG(uri));
	return f->ban_fail != 0 ? f->ban_fail : bars_add(c->bars, uri, NULL, 0);
}

int focus_unban(struct focus *f, struct conference *c, struct slice uri)
{
	(void)f;
	return bars_remove(c->bars, uri);
}

int focus_change(struct focus *f, struct conference *c, const struct focus_change *change)
{
	f->change = *change;
	snprintf(f->subject, sizeof(f->subject), "%s", change->subject ? change->subject : "");
	f->change.subject = NULL;
	if (change->what & FOCUS_CHANGE_LOCKED)
		c->locked = change->locked;
	if (change->what & FOCUS_CHANGE_UNTIL)
		c->until_wall_ms = change->until_wall_ms;
	return f->fail;
}

int focus_set_role(struct focus *f, struct conference *c, struct slice uri, enum member_role role)
{
	snprintf(f->log, sizeof(f->log), "role %s " SLICE_FMT " %s", c->name, SLICE_ARG(uri),
		 member_role_name(role));
	return f->fail;
}

struct rig {
	struct pool_rig pool;
	struct fake_mrfp mrfp;
	struct focus focus;
	struct media *media;
	struct http_server *http;
	struct api *api;
	char head[2048];
	json_t *json; /* the last answer; NULL when it has no body or is no JSON */
	struct bytes text;
};

static const char *is_ready(void *arg)
{
	(void)arg;
	return NULL;
}

static int setup(void **state)
{
	struct rig *rig = xcalloc(1, sizeof(*rig));
	struct addr at;

	*state = rig;
	if (pool_rig_init(&rig->pool, 5000) < 0 || addr_parse(SLICE_LIT("127.0.0.1:0"), &at) < 0 ||
	    http_server_open(rig->pool.base, &at, NULL, rig->pool.metrics, is_ready, NULL,
			     &rig->http) < 0)
		return -1;
	rig->focus.table = conference_table_new("conf.example.com");
	rig->media = media_new(rig->pool.pool);
	rig->api = api_new(rig->http, &rig->focus, rig->media, rig->pool.pool);
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;
	struct conference *c;

	http_server_free(&rig->http);
	api_free(&rig->api);
	media_free(&rig->media);
	fake_close(&rig->mrfp);
	pool_rig_fini(&rig->pool);
	while ((c = conference_first(rig->focus.table)))
		conference_remove(rig->focus.table, &c);
	conference_table_free(&rig->focus.table);
	json_decref(rig->json);
	bytes_fini(&rig->text);
	free(rig);
	return 0;
}

/* One request; returns the status and leaves the rest in the rig. */
static int request(struct rig *rig, const char *method, const char *path, const char *body)
{
	const struct addr *at = http_server_addr(rig->http);
	struct bytes out = BYTES_INIT;
	struct fake_mrfp client; /* any socket that collects what comes */
	const char *end;
	int fd = socket(at->sa.sa_family, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, &at->sa, at->len), 0);
	fake_init(&client, rig->pool.base, fd);
	bytes_addf(&out, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", method,
		   path);
	bytes_addf(&out, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	assert_int_equal(write(fd, out.data, out.len), out.len);
	bytes_fini(&out);
	FAKE_WAIT(&client, client.ended);
	end = strstr(bytes_cstr(&client.in), "\r\n\r\n");
	assert_non_null(end);
	snprintf(rig->head, sizeof(rig->head), "%.*s", (int)(end + 2 - client.in.data),
		 client.in.data);
	json_decref(rig->json);
	rig->json = json_loads(end + 4, 0, NULL);
	bytes_reset(&rig->text);
	bytes_add_str(&rig->text, end + 4);
	fake_close(&client);
	return (int)strtol(rig->head + strlen("HTTP/1.1 "), NULL, 10);
}

static const json_t *member(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);

	assert_non_null(v);
	return v;
}

static const char *text(const json_t *o, const char *name)
{
	return json_string_value(member(o, name));
}

static const char *error_code(struct rig *rig)
{
	const json_t *e = member(rig->json, "error");

	assert_non_null(text(e, "message"));
	return text(e, "code");
}

static struct conference *room(struct rig *rig)
{
	return conference_find(rig->focus.table, SLICE_LIT("room"));
}

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

static void wrong_creations_are_refused(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"a b\"}"), 400);
	assert_string_equal(error_code(rig), "bad_request");
	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":7}"), 400);
	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"subject\":[]}"), 400);
	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"e2e\":\"yes\"}"), 400);
	assert_string_equal(error_code(rig), "bad_request");
	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"e2e\":true}"), 400);
	assert_string_equal(error_code(rig), "unsupported");
	assert_int_equal(request(rig, "POST", "/v1/conferences", "{"), 400);
	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"x\",\"e2e\":false}"),
			 201);
	assert_int_equal(request(rig, "POST", "/v1/conferences", "{\"name\":\"x\"}"), 409);
	assert_string_equal(error_code(rig), "exists");
	assert_int_equal(request(rig, "PUT", "/v1/conferences", ""), 405);
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
		{-ERR_CLOSED, 503, "unavailable"}, {-ERR_DENIED, 409, "refused"},
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
				 "\"until\":\"2026-02-01T10:00:00Z\"}"),
			 200);
	assert_int_equal(rig->focus.change.what, FOCUS_CHANGE_SUBJECT | FOCUS_CHANGE_MAX_USERS |
							 FOCUS_CHANGE_MODE | FOCUS_CHANGE_UNTIL);
	assert_string_equal(rig->focus.subject, "Tea");
	assert_int_equal(rig->focus.change.max_users, 7);
	assert_int_equal(rig->focus.change.mode, CONFERENCE_CLOSED);
	assert_string_equal(text(rig->json, "until"), "2026-02-01T10:00:00Z");
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
		"{\"until\":\"2026-02-01T10:00:00Z and more\"}",
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

static void what_is_not_offered_says_so(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(request(rig, "POST", "/v1/mrfps/mrfp-1/drain", ""), 400);
	assert_string_equal(error_code(rig), "unsupported");
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_conference_is_created_listed_shown_and_ended),
		TEST(a_conference_without_a_name_gets_one),
		TEST(wrong_creations_are_refused),
		TEST(dialing_out_shows_the_participant),
		TEST(a_failed_dial_out_shows_its_cause_and_one_who_left_is_not_shown),
		TEST(errors_of_the_focus_have_their_statuses),
		TEST(a_participant_is_removed_by_its_encoded_uri),
		TEST(a_removed_user_is_barred_when_asked_also_while_absent),
		TEST(a_conference_is_changed_member_by_member),
		TEST(a_wrong_change_changes_nothing),
		TEST(a_participant_is_given_a_role),
		TEST(bans_are_listed_made_and_taken_back),
		TEST(what_is_not_offered_says_so),
		TEST(mrfps_are_listed_and_a_conference_names_its_own),
		TEST(the_live_page_needs_nothing_from_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
