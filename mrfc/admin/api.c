/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin API: requests of /v1 to calls of the focus, its errors to HTTP. Holds no state.
 */
#include "mrfc/admin/api.h"

#include <stdlib.h>

#include "common/mem.h"
#include "mrfc/admin/api_json.h"
#include "mrfc/admin/api_page.h"
#include "mrfc/admin/api_policy.h"
#include "mrfc/admin/api_priv.h"
#include "mrfc/admin/api_stored.h"
#include "mrfc/admin/api_user.h"

json_t *api_conference(const struct api *a, const struct conference *c)
{
	return api_json_conference(c, media_mrfp_of(a->media, c->context), focus_tls(a->focus, c));
}

struct conference *api_find_conference(const struct api *a, struct http_req *req)
{
	const char *name = http_param(req, "name");
	struct conference *c = conference_find(focus_conferences(a->focus), slice_str(name));

	if (!c)
		http_reply_error(req, 404, "not_found", "no conference %s", name);
	return c;
}

void api_reply_focus_error(struct http_req *req, int err, const char *name, const char *uri)
{
	switch (-err) {
	case ERR_SYNTAX:
		http_reply_error(req, 400, "bad_request",
				 "'%s' is no URI of a user (such as sip:user@host or tel:+1...)",
				 uri);
		break;
	case ERR_NOT_FOUND:
		http_reply_error(req, 404, "not_found", "no participant %s in %s", uri, name);
		break;
	case ERR_EXISTS:
		http_reply_error(req, 409, "exists", "%s is in %s already", uri, name);
		break;
	case ERR_WRONG_STATE:
		http_reply_error(req, 409, "ending", "%s is ending", name);
		break;
	case ERR_DENIED:
		http_reply_error(req, 403, "refused",
				 "%s does not take %s: barred, or it is closed", name, uri);
		break;
	case ERR_LIMIT:
		http_reply_error(req, 409, "full", "%s is full", name);
		break;
	case ERR_CLOSED:
		http_reply_error(req, 503, "unavailable", "no MRFP is registered");
		break;
	case ERR_IO:
		http_add_header(req, "Retry-After", "5");
		http_reply_error(req, 503, "unavailable", "state cannot be stored at present");
		break;
	default:
		http_reply_error(req, 503, "unavailable", "failed: %s", err_name(err));
		break;
	}
}

/*
 * An optional text member: true with *value_r NULL when it is absent or null. False after a 400.
 */
static bool text_member(struct http_req *req, const json_t *body, const char *name,
			const char **value_r)
{
	const json_t *v = json_object_get(body, name);

	*value_r = NULL;
	if (!v || json_is_null(v))
		return true;
	if (!json_is_string(v)) {
		http_reply_error(req, 400, "bad_request", "%s must be a string", name);
		return false;
	}
	*value_r = json_string_value(v);
	return true;
}

static void list_conferences(struct http_req *req, void *arg)
{
	struct api *a = arg;
	json_t *list = json_array();

	for (struct conference *c = conference_first(focus_conferences(a->focus)); c;
	     c = conference_next(c))
		json_array_append_new(list, api_conference(a, c));
	http_reply(req, 200, json_pack("{s:o}", "conferences", list));
}

/* e2e: absent, or whether it is sealed. False after the reply. */
static bool read_e2e(struct http_req *req, const json_t *body, bool *e2e_r)
{
	const json_t *e2e = json_object_get(body, "e2e");

	if (e2e && !json_is_boolean(e2e)) {
		http_reply_error(req, 400, "bad_request", "e2e must be true or false");
		return false;
	}
	*e2e_r = json_is_true(e2e);
	return true;
}

/* require_tls: absent, or no weaker than in every conference. False after the reply. */
static bool read_tls(struct api *a, struct http_req *req, const json_t *body,
		     enum conference_tls *tls_r)
{
	enum conference_tls least = focus_tls(a->focus, NULL);
	const char *word;

	*tls_r = CONFERENCE_TLS_OFF;
	if (!text_member(req, body, "require_tls", &word))
		return false;
	if (!word)
		return true;
	if (!api_json_read_tls(word, tls_r)) {
		http_reply_error(req, 400, "bad_request",
				 "require_tls is off, access-or-hop or hop");
		return false;
	}
	if (*tls_r >= least)
		return true;
	http_reply_error(req, 400, "bad_request",
			 "require_tls %s is weaker than conference.require_tls, which is %s", word,
			 api_json_tls(least));
	return false;
}

/* What POST /v1/conferences says of who may be in it. */
struct wanted {
	enum conference_mode mode;
	const char *uris[FOCUS_MAX_LIST];
	size_t n_uris;
	bool invite;
};

/* members: absent, or strings. False after the reply. */
static bool read_members(struct http_req *req, const json_t *body, struct wanted *w)
{
	const json_t *list = json_object_get(body, "members"), *one;
	size_t i;

	if (!list || json_is_null(list))
		return true;
	if (!json_is_array(list) || json_array_size(list) > ARRAY_LEN(w->uris)) {
		http_reply_error(req, 400, "bad_request", "members must be at most %d URIs",
				 FOCUS_MAX_LIST);
		return false;
	}
	json_array_foreach(list, i, one)
	{
		if (!json_is_string(one)) {
			http_reply_error(req, 400, "bad_request", "members must be URIs");
			return false;
		}
		w->uris[w->n_uris++] = json_string_value(one);
	}
	return true;
}

/* mode, members, invite. False after the reply. */
static bool read_wanted(struct http_req *req, const json_t *body, struct wanted *w)
{
	const json_t *invite = json_object_get(body, "invite");
	const char *mode;

	w->n_uris = 0;
	w->invite = json_is_true(invite);
	if (!text_member(req, body, "mode", &mode) || !read_members(req, body, w))
		return false;
	w->mode = mode && strcmp(mode, "closed") == 0 ? CONFERENCE_CLOSED : CONFERENCE_OPEN;
	if (mode && w->mode == CONFERENCE_OPEN && strcmp(mode, "open") != 0)
		http_reply_error(req, 400, "bad_request", "mode is open or closed");
	else if (w->mode == CONFERENCE_CLOSED && w->n_uris == 0)
		http_reply_error(req, 400, "bad_request", "a closed conference needs members");
	else if (invite && !json_is_boolean(invite))
		http_reply_error(req, 400, "bad_request", "invite must be true or false");
	else if (w->invite && w->n_uris == 0)
		http_reply_error(req, 400, "bad_request", "invite needs members to call");
	else
		return true;
	return false;
}

static void reply_created(struct api *a, struct http_req *req, const struct conference *c)
{
	struct bytes location = BYTES_INIT;

	bytes_add_str(&location, "/v1/conferences/");
	http_encode_segment(&location, slice_str(c->name));
	http_add_header(req, "Location", bytes_cstr(&location));
	api_reply_stored(a, req, 201, api_conference(a, c), c->name);
	bytes_fini(&location);
}

static void give_members(struct api *a, struct http_req *req, struct conference *c,
			 const struct wanted *w)
{
	int rc = w->n_uris == 0
			 ? 0
			 : focus_set_members(a->focus, c, w->mode, w->uris, w->n_uris, w->invite);

	if (rc == 0) {
		reply_created(a, req, c);
		return;
	}
	http_reply_error(req, 400, "bad_request",
			 "one of members is no URI of a user (such as sip:user@host)");
	focus_end(a->focus, c, 410);
}

static void create_conference(struct http_req *req, void *arg)
{
	static const char *const known[] = {"name",    "subject", "owner",  "e2e",
					    "members", "mode",    "invite", "require_tls"};
	struct api *a = arg;
	json_t *body = http_body_json(req);
	struct focus_wanted room;
	struct conference *c;
	struct wanted wanted;
	int rc;

	if (!body)
		return;
	if (http_only_members(req, body, known, ARRAY_LEN(known)) &&
	    text_member(req, body, "name", &room.name) &&
	    text_member(req, body, "subject", &room.subject) &&
	    text_member(req, body, "owner", &room.owner) && read_e2e(req, body, &room.sealed) &&
	    read_tls(a, req, body, &room.require_tls) && read_wanted(req, body, &wanted)) {
		rc = focus_create(a->focus, &room, &c);
		if (rc == -ERR_EXISTS)
			http_reply_error(req, 409, "exists",
					 "the name %s is taken by a conference or the factory",
					 room.name);
		else if (rc == -ERR_SYNTAX)
			http_reply_error(req, 400, "bad_request",
					 "a name has 1 to 64 of A-Z a-z 0-9 . _ - and is one that "
					 "conference.psi, where it is set, brings here");
		else if (rc == -ERR_CONFIG)
			http_reply_error(req, 400, "bad_request",
					 "a sealed conference needs an owner here: his terminal "
					 "makes its keys (groupkey.server)");
		else if (rc == -ERR_DENIED)
			http_reply_error(req, 400, "bad_request",
					 "owner is no URI of a user (such as sip:user@host)");
		else if (rc == -ERR_UNSUPPORTED)
			http_reply_error(req, 503, "unavailable",
					 "there is no key server for sealed conferences");
		else if (rc < 0)
			api_reply_focus_error(req, rc, room.name ? room.name : "the conference",
					      "");
		else
			give_members(a, req, c, &wanted);
	}
	json_decref(body);
}

static void show_conference(struct http_req *req, void *arg)
{
	struct api *a = arg;
	struct conference *c = api_find_conference(a, req);
	json_t *o;

	if (!c)
		return;
	o = api_conference(a, c);
	json_object_set_new(o, "participants", api_json_participants(c));
	http_reply(req, 200, o);
}

static void end_conference(struct http_req *req, void *arg)
{
	struct api *a = arg;
	struct conference *c = api_find_conference(a, req);

	if (!c)
		return;
	focus_end(a->focus, c, 410);
	api_reply_stored(a, req, 204, NULL, NULL);
}

static void add_participant(struct http_req *req, void *arg)
{
	static const char *const known[] = {"uri", "display"};
	struct api *a = arg;
	struct conference *c = api_find_conference(a, req);
	const char *uri, *display;
	struct participant *p;
	json_t *body;
	int rc;

	if (!c)
		return;
	body = http_body_json(req);
	if (!body)
		return;
	if (http_only_members(req, body, known, ARRAY_LEN(known)) &&
	    text_member(req, body, "uri", &uri) && text_member(req, body, "display", &display)) {
		if (!uri) {
			http_reply_error(req, 400, "bad_request", "uri is missing");
		} else {
			rc = focus_dial_out(a->focus, c, slice_str(uri), display, NULL, &p);
			if (rc < 0)
				api_reply_focus_error(req, rc, c->name, uri);
			else
				api_reply_stored(a, req, 202, api_json_participant(c, p), NULL);
		}
	}
	json_decref(body);
}

static void remove_participant(struct http_req *req, void *arg)
{
	struct api *a = arg;
	struct conference *c = api_find_conference(a, req);
	const char *ban, *uri;
	bool barred;
	int rc;

	if (!c)
		return;
	uri = http_param(req, "uri");
	ban = http_query(req, "ban");
	barred = ban && strcmp(ban, "0") != 0;
	rc = barred ? focus_ban(a->focus, c, slice_str(uri)) : 0;
	if (rc == 0)
		rc = focus_remove(a->focus, c, slice_str(uri), NULL);
	if (rc < 0 && !(barred && rc == -ERR_NOT_FOUND))
		api_reply_focus_error(req, rc, c->name, uri);
	else
		api_reply_stored(a, req, 204, NULL, NULL);
}

static void add_mrfp(const struct mrfp_info *info, void *arg)
{
	json_array_append_new(arg, api_json_mrfp(info));
}

static void list_mrfps(struct http_req *req, void *arg)
{
	struct api *a = arg;
	json_t *list = json_array();

	mrfp_pool_each(a->pool, add_mrfp, list);
	http_reply(req, 200, json_pack("{s:o}", "mrfps", list));
}

struct one_mrfp {
	const char *id;
	json_t *o;
};

static void show_one(const struct mrfp_info *info, void *arg)
{
	struct one_mrfp *one = arg;

	if (strcmp(info->id, one->id) == 0)
		one->o = api_json_mrfp(info);
}

static void set_drain(struct api *a, struct http_req *req, bool on)
{
	struct one_mrfp one = {.id = http_param(req, "id")};

	if (mrfp_pool_drain(a->pool, one.id, on) != 0) {
		http_reply_error(req, 404, "not_found", "no MRFP %s", one.id);
		return;
	}
	mrfp_pool_each(a->pool, show_one, &one);
	http_reply(req, on ? 202 : 200, one.o);
}

/* The answer does not wait: its contexts go one by one. */
static void drain_mrfp(struct http_req *req, void *arg)
{
	set_drain(arg, req, true);
}

static void undrain_mrfp(struct http_req *req, void *arg)
{
	set_drain(arg, req, false);
}

static void live_page(struct http_req *req, void *arg)
{
	(void)arg;
	http_add_header(req, "Content-Security-Policy", API_PAGE_POLICY);
	http_reply_text(req, 200, "text/html; charset=utf-8", api_page());
}

struct api *api_new(struct http_server *http, struct focus *focus, const struct media *media,
		    struct mrfp_pool *pool)
{
	struct api *a = xcalloc(1, sizeof(*a));

	a->focus = focus;
	a->media = media;
	a->pool = pool;
	LIST_INIT(&a->pending);
	http_route(http, "GET", "/", live_page, a);
	http_route(http, "GET", "/v1/conferences", list_conferences, a);
	http_route(http, "POST", "/v1/conferences", create_conference, a);
	http_route(http, "GET", "/v1/conferences/:name", show_conference, a);
	http_route(http, "DELETE", "/v1/conferences/:name", end_conference, a);
	http_route(http, "POST", "/v1/conferences/:name/participants", add_participant, a);
	http_route(http, "DELETE", "/v1/conferences/:name/participants/:uri", remove_participant,
		   a);
	api_policy_routes(a, http);
	api_user_routes(http, focus);
	http_route(http, "GET", "/v1/mrfps", list_mrfps, a);
	http_route(http, "POST", "/v1/mrfps/:id/drain", drain_mrfp, a);
	http_route(http, "DELETE", "/v1/mrfps/:id/drain", undrain_mrfp, a);
	return a;
}

void api_free(struct api **a)
{
	if (*a != NULL)
		api_stored_free(*a);
	free(*a);
	*a = NULL;
}
