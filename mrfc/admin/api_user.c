/* SPDX-License-Identifier: Apache-2.0 */
/* The admin API's users: list, add, another password, remove. Holds no state. */
#include "mrfc/admin/api_user.h"

#include "common/mem.h"
#include "mrfc/conference/users.h"

static json_t *user_json(const struct focus *f, const struct user *u)
{
	json_t *algorithms = json_array();

	json_array_append_new(algorithms, json_string("SHA-256"));
	if (u->secret.md5[0] != '\0')
		json_array_append_new(algorithms, json_string("MD5"));
	return json_pack("{s:s, s:s, s:s, s:s?, s:o}", "name", u->name, "realm", focus_realm(f),
			 "uri", u->uri, "display", u->display, "algorithms", algorithms);
}

static void list_users(struct http_req *req, void *arg)
{
	struct focus *f = arg;
	json_t *list = json_array();

	for (const struct user *u = users_first(focus_users(f)); u != NULL; u = users_next(u))
		json_array_append_new(list, user_json(f, u));
	http_reply(req, 200, json_pack("{s:s, s:o}", "realm", focus_realm(f), "users", list));
}

static void reply_error(struct http_req *req, int err, const char *name)
{
	switch (-err) {
	case ERR_EXISTS:
		http_reply_error(req, 409, "exists", "there is a user %s", name);
		break;
	case ERR_NOT_FOUND:
		http_reply_error(req, 404, "not_found", "no user %s", name);
		break;
	case ERR_LIMIT:
		http_reply_error(req, 400, "bad_request", "a password has 1 to 256 octets");
		break;
	default:
		http_reply_error(req, 400, "bad_request",
				 "a name has 1 to 64 of A-Z a-z 0-9 . _ - + @, a uri is a SIP URI");
		break;
	}
}

static const char *text_of(const json_t *body, const char *name)
{
	return json_string_value(json_object_get(body, name));
}

static struct slice password_of(const json_t *body)
{
	const json_t *v = json_object_get(body, "password");

	return json_is_string(v) ? slice_make(json_string_value(v), json_string_length(v))
				 : SLICE_NULL;
}

static void add_user(struct http_req *req, void *arg)
{
	static const char *const known[] = {"name", "password", "uri", "display"};
	struct focus *f = arg;
	json_t *body = http_body_json(req);
	struct bytes location = BYTES_INIT;
	const struct user *u;
	const char *name;
	int err;

	if (!body)
		return;
	name = text_of(body, "name");
	if (!http_only_members(req, body, known, ARRAY_LEN(known))) {
		json_decref(body);
		return;
	}
	if (!name) {
		http_reply_error(req, 400, "bad_request", "name is missing");
		json_decref(body);
		return;
	}
	err = focus_user_add(f, name, password_of(body), text_of(body, "uri"),
			     text_of(body, "display"), &u);
	if (err != 0) {
		reply_error(req, err, name);
	} else {
		bytes_add_str(&location, "/v1/users/");
		http_encode_segment(&location, slice_str(u->name));
		http_add_header(req, "Location", bytes_cstr(&location));
		http_reply(req, 201, user_json(f, u));
	}
	bytes_fini(&location);
	json_decref(body);
}

static void set_password(struct http_req *req, void *arg)
{
	static const char *const known[] = {"password"};
	struct focus *f = arg;
	json_t *body = http_body_json(req);
	int err;

	if (!body)
		return;
	if (!http_only_members(req, body, known, ARRAY_LEN(known))) {
		json_decref(body);
		return;
	}
	err = focus_user_password(f, http_param(req, "name"), password_of(body));
	if (err != 0)
		reply_error(req, err, http_param(req, "name"));
	else
		http_reply(req, 204, NULL);
	json_decref(body);
}

static void remove_user(struct http_req *req, void *arg)
{
	int err = focus_user_remove(arg, http_param(req, "name"));

	if (err != 0)
		reply_error(req, err, http_param(req, "name"));
	else
		http_reply(req, 204, NULL);
}

void api_user_routes(struct http_server *http, struct focus *focus)
{
	http_route(http, "GET", "/v1/users", list_users, focus);
	http_route(http, "POST", "/v1/users", add_user, focus);
	http_route(http, "PUT", "/v1/users/:name/password", set_password, focus);
	http_route(http, "DELETE", "/v1/users/:name", remove_user, focus);
}
