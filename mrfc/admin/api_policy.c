/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin API's changes of a conference that lives: subject, lock, limits, mode, lifetime, roles,
 * bans. Strict: a member that is not known or of the wrong type refuses the whole, and then nothing
 * is changed.
 */
#include "mrfc/admin/api_policy.h"

#include <stdlib.h>
#include <time.h>

#include "common/clock.h"
#include "common/mem.h"
#include "mrfc/admin/api_priv.h"
#include "mrfc/admin/api_stored.h"

#define SUBJECT_MAX  512
#define MAX_USERS    1000000
#define LIFETIME_MAX 31536000 /* s */

static bool bad(struct http_req *req, const char *why)
{
	http_reply_error(req, 400, "bad_request", "%s", why);
	return false;
}

/* Goes into a header and a document: one line of text. */
static bool is_line(const char *text)
{
	if (strlen(text) > SUBJECT_MAX)
		return false;
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p < ' ' || *p == 0x7f)
			return false;
	return true;
}

static bool take_subject(struct http_req *req, const json_t *v, struct focus_change *ch)
{
	if (!json_is_null(v) && (!json_is_string(v) || !is_line(json_string_value(v))))
		return bad(req, "subject must be null or one line of at most 512 octets");
	ch->what |= FOCUS_CHANGE_SUBJECT;
	ch->subject = json_string_value(v);
	return true;
}

static bool take_locked(struct http_req *req, const json_t *v, struct focus_change *ch)
{
	if (!json_is_boolean(v))
		return bad(req, "locked must be true or false");
	ch->what |= FOCUS_CHANGE_LOCKED;
	ch->locked = json_is_true(v);
	return true;
}

static bool take_max_users(struct http_req *req, const json_t *v, struct focus_change *ch)
{
	if (!json_is_null(v) &&
	    (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > MAX_USERS))
		return bad(req, "max_users must be null or a number up to 1000000");
	ch->what |= FOCUS_CHANGE_MAX_USERS;
	ch->max_users = (uint32_t)json_integer_value(v);
	return true;
}

static bool take_mode(struct http_req *req, const json_t *v, struct focus_change *ch)
{
	const char *text = json_string_value(v);

	if (!text || (strcmp(text, "open") != 0 && strcmp(text, "closed") != 0))
		return bad(req, "mode must be \"open\" or \"closed\"");
	ch->what |= FOCUS_CHANGE_MODE;
	ch->mode = text[0] == 'c' ? CONFERENCE_CLOSED : CONFERENCE_OPEN;
	return true;
}

static bool take_lifetime(struct http_req *req, const json_t *v, struct focus_change *ch)
{
	json_int_t s = json_integer_value(v);

	if (!json_is_null(v) && (!json_is_integer(v) || s < 0 || s > LIFETIME_MAX))
		return bad(req, "lifetime must be null or seconds from now, at most 31536000");
	if (ch->what & FOCUS_CHANGE_UNTIL)
		return bad(req, "lifetime and until exclude each other");
	ch->what |= FOCUS_CHANGE_UNTIL;
	ch->until_wall_ms = s != 0 ? clock_wall_ms() + (uint64_t)s * 1000 : 0;
	return true;
}

static bool take_until(struct http_req *req, const json_t *v, struct focus_change *ch)
{
	const char *text = json_string_value(v), *end = NULL;
	struct tm tm = {0};
	time_t at = 0;

	if (text)
		end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (end && *end == '\0')
		at = timegm(&tm);
	if (!json_is_null(v) && at <= 0)
		return bad(req, "until must be null or a time such as 2026-02-01T10:00:00Z");
	if (text && (uint64_t)at * 1000 <= clock_wall_ms())
		return bad(req, "until is in the past (DELETE ends a conference)");
	if (ch->what & FOCUS_CHANGE_UNTIL)
		return bad(req, "lifetime and until exclude each other");
	ch->what |= FOCUS_CHANGE_UNTIL;
	ch->until_wall_ms = (uint64_t)at * 1000;
	return true;
}

static const struct {
	const char *name;
	bool (*take)(struct http_req *req, const json_t *v, struct focus_change *ch);
} changes[] = {
	{"subject", take_subject}, {"locked", take_locked},     {"max_users", take_max_users},
	{"mode", take_mode},       {"lifetime", take_lifetime}, {"until", take_until},
};

static bool read_change(struct http_req *req, const json_t *body, struct focus_change *ch)
{
	const char *names[ARRAY_LEN(changes)];

	for (size_t i = 0; i < ARRAY_LEN(changes); i++)
		names[i] = changes[i].name;
	if (!http_only_members(req, body, names, ARRAY_LEN(changes)))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		const json_t *v = json_object_get(body, changes[i].name);

		if (v && !changes[i].take(req, v, ch))
			return false;
	}
	return true;
}

static void change_conference(struct http_req *req, void *arg)
{
	struct api *a = arg;
	struct conference *c = api_find_conference(a, req);
	struct focus_change change = {0};
	json_t *body;
	int rc;

	if (!c)
		return;
	body = http_body_json(req);
	if (!body)
		return;
	if (read_change(req, body, &change)) {
		rc = focus_change(a->focus, c, &change);
		if (rc < 0)
			api_reply_focus_error(req, rc, c->name, "");
		else
			api_reply_stored(a, req, 200, api_conference(a, c), NULL);
	}
	json_decref(body);
}

static void change_participant(struct http_req *req, void *arg)
{
	static const char *const names[] = {"role"};
	struct api *a = arg;
	struct conference *c = api_find_conference(a, req);
	const char *uri, *text;
	enum member_role role;
	json_t *body;
	int rc;

	if (!c)
		return;
	uri = http_param(req, "uri");
	body = http_body_json(req);
	if (!body)
		return;
	text = json_string_value(json_object_get(body, "role"));
	if (http_only_members(req, body, names, ARRAY_LEN(names))) {
		if (!text || member_role_parse(slice_str(text), &role) < 0) {
			(void)bad(req, "role must be listener, speaker, moderator or owner");
		} else {
			rc = focus_set_role(a->focus, c, slice_str(uri), role);
			if (rc < 0)
				api_reply_focus_error(req, rc, c->name, uri);
			else
				api_reply_stored(a, req, 200,
						 json_pack("{s:s, s:s}", "uri", uri, "role", text),
						 NULL);
		}
	}
	json_decref(body);
}

static void list_bans(struct http_req *req, void *arg)
{
	struct api *a = arg;
	struct conference *c = api_find_conference(a, req);
	json_t *list;

	if (!c)
		return;
	list = json_array();
	for (size_t i = 0; i < bars_count(c->bars); i++)
		json_array_append_new(list, json_pack("{s:s}", "uri", bars_at(c->bars, i)));
	http_reply(req, 200, json_pack("{s:o}", "bans", list));
}

static void add_ban(struct http_req *req, void *arg)
{
	struct api *a = arg;
	struct conference *c = api_find_conference(a, req);
	const char *uri;
	int rc;

	if (!c)
		return;
	uri = http_param(req, "uri");
	rc = slice_is_utf8(slice_str(uri)) ? focus_ban(a->focus, c, slice_str(uri)) : -ERR_SYNTAX;
	if (rc == -ERR_LIMIT)
		http_reply_error(req, 409, "full", "%s has %d bans, that is all", c->name,
				 BARS_MAX);
	else if (rc < 0)
		api_reply_focus_error(req, rc, c->name, uri);
	else
		api_reply_stored(a, req, 204, NULL, NULL);
}

static void drop_ban(struct http_req *req, void *arg)
{
	struct api *a = arg;
	struct conference *c = api_find_conference(a, req);
	const char *uri;

	if (!c)
		return;
	uri = http_param(req, "uri");
	if (focus_unban(a->focus, c, slice_str(uri)) < 0)
		http_reply_error(req, 404, "not_found", "%s is not barred from %s", uri, c->name);
	else
		api_reply_stored(a, req, 204, NULL, NULL);
}

void api_policy_routes(struct api *a, struct http_server *http)
{
	http_route(http, "PATCH", "/v1/conferences/:name", change_conference, a);
	http_route(http, "PATCH", "/v1/conferences/:name/participants/:uri", change_participant, a);
	http_route(http, "GET", "/v1/conferences/:name/bans", list_bans, a);
	http_route(http, "PUT", "/v1/conferences/:name/bans/:uri", add_ban, a);
	http_route(http, "DELETE", "/v1/conferences/:name/bans/:uri", drop_ban, a);
}
