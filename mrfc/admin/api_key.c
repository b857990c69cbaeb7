/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin API's pairwise keys: list ids, make one, remove. Answers wait until the store has what
 * they tell; owns those that wait.
 */
#include "mrfc/admin/api_key.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "common/log.h"
#include "common/mem.h"

#define LOG_PLACE "admin/keys"

struct waiting {
	LIST_ENTRY(waiting) link;
	struct http_req *req;
	int status;
	json_t *body; /* NULL: none */
};

struct api_key {
	struct member_keys *keys;
	LIST_HEAD(, waiting) waiting;
};

static void on_stored(int err, void *arg)
{
	struct waiting *w = arg;

	LIST_REMOVE(w, link);
	if (err == 0) {
		http_reply(w->req, w->status, w->body);
	} else { /* it holds in this process, but its key was told to nobody */
		json_decref(w->body);
		http_add_header(w->req, "Retry-After", "5");
		http_reply_error(w->req, 503, "unavailable", "state cannot be stored at present");
	}
	free(w);
}

static struct waiting *wait_new(struct api_key *a, struct http_req *req, int status)
{
	struct waiting *w = xcalloc(1, sizeof(*w));

	w->req = req;
	w->status = status;
	LIST_INSERT_HEAD(&a->waiting, w, link);
	return w;
}

static void wait_drop(struct waiting *w)
{
	LIST_REMOVE(w, link);
	free(w);
}

static void add_key(const struct member_key *key, void *arg)
{
	json_array_append_new(arg, json_pack("{s:s, s:s}", "uri", key->uri, "id", key->id));
}

static void list_keys(struct http_req *req, void *arg)
{
	const struct api_key *a = arg;
	json_t *list = json_array();

	member_keys_each(a->keys, add_key, list);
	http_reply(req, 200, json_pack("{s:o}", "keys", list));
}

static void reply_error(struct http_req *req, int err, const char *uri)
{
	switch (-err) {
	case ERR_EXISTS:
		http_reply_error(req, 409, "exists", "%s has a key of that id", uri);
		break;
	case ERR_NOT_FOUND:
		http_reply_error(req, 404, "not_found", "no such key of %s", uri);
		break;
	case ERR_LIMIT:
		http_reply_error(req, 409, "full", "%s has %d keys already", uri, MEMBER_KEYS_MAX);
		break;
	default:
		http_reply_error(
			req, 400, "bad_request",
			"uri is that of a user (such as sip:user@host or tel:+1...), id has 1 to %d of "
			"A-Z a-z 0-9 . _ - : @ +",
			MEMBER_KEY_ID_MAX);
		break;
	}
}

static json_t *made_json(const struct member_key *key, bool stored)
{
	char hex[2 * MEMBER_KEY_SIZE + 1];
	json_t *o;

	for (size_t i = 0; i < MEMBER_KEY_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", key->key[i]);
	o = json_pack("{s:s, s:s, s:s, s:b}", "uri", key->uri, "id", key->id, "key", hex, "stored",
		      stored);
	mem_wipe(hex, sizeof(hex));
	return o;
}

static void make(struct api_key *a, struct http_req *req, const char *uri, const char *id)
{
	struct waiting *w = wait_new(a, req, 201);
	const struct member_key *key;
	char who[ADDR_STRLEN];
	int err = member_keys_add(a->keys, uri, id, on_stored, w, &key);

	if (err != 0) {
		wait_drop(w);
		reply_error(req, err, uri);
		return;
	}
	w->body = made_json(key, member_keys_stored(a->keys));
	log_info("audit: key %s of %s is made and given to %s", key->id, key->uri,
		 http_peer(req, who));
}

static void make_key(struct http_req *req, void *arg)
{
	static const char *const known[] = {"uri", "id"};
	json_t *body;
	const json_t *uri, *id;

	if (!http_is_local(req)) {
		http_reply_error(
			req, 403, "refused",
			"keys are given over a loopback admin.address only: this one can be "
			"listened to");
		return;
	}
	body = http_body_json(req);
	if (!body)
		return;
	uri = json_object_get(body, "uri");
	id = json_object_get(body, "id");
	if (!http_only_members(req, body, known, ARRAY_LEN(known)))
		;
	else if (!json_is_string(uri) || (id && !json_is_null(id) && !json_is_string(id)))
		http_reply_error(req, 400, "bad_request",
				 "uri, and id if it is there, must be strings");
	else
		make(arg, req, json_string_value(uri), json_string_value(id));
	json_decref(body);
}

static void remove_key(struct http_req *req, void *arg)
{
	struct api_key *a = arg;
	const char *uri = http_param(req, "uri"), *id = http_query(req, "id");
	struct waiting *w = wait_new(a, req, 204);
	char who[ADDR_STRLEN];
	int n = member_keys_remove(a->keys, uri, id, on_stored, w);

	if (n < 0) {
		wait_drop(w);
		reply_error(req, n, uri);
		return;
	}
	log_info("audit: %d key(s) of %s removed (%s) by %s", n, uri, id ? id : "all",
		 http_peer(req, who));
}

struct api_key *api_key_new(struct http_server *http, struct member_keys *keys)
{
	struct api_key *a = xcalloc(1, sizeof(*a));

	a->keys = keys;
	LIST_INIT(&a->waiting);
	http_route(http, "GET", "/v1/keys", list_keys, a);
	http_route(http, "POST", "/v1/keys", make_key, a);
	http_route(http, "DELETE", "/v1/keys/:uri", remove_key, a);
	return a;
}

static void not_here(struct http_req *req, void *arg)
{
	(void)arg;
	http_reply_error(req, 404, "not_found",
			 "keys are at the key server of its own: --server HOST:PORT of mrfks");
}

static void owners_have(struct http_req *req, void *arg)
{
	(void)arg;
	http_reply_error(req, 404, "not_found",
			 "groupkey.server = member: each conference's owner has the keys of its "
			 "members, in the file of mrfue --serve-keys");
}

void api_key_elsewhere(struct http_server *http, bool owners)
{
	http_handler_fn *answer = owners ? owners_have : not_here;

	http_route(http, "GET", "/v1/keys", answer, NULL);
	http_route(http, "POST", "/v1/keys", answer, NULL);
	http_route(http, "DELETE", "/v1/keys/:uri", answer, NULL);
}

void api_key_free(struct api_key **ap)
{
	struct api_key *a = *ap;

	if (a == NULL)
		return;
	*ap = NULL;
	while (!LIST_EMPTY(&a->waiting)) {
		struct waiting *w = LIST_FIRST(&a->waiting);

		json_decref(w->body);
		http_reply_error(w->req, 503, "unavailable", "the server stops");
		wait_drop(w);
	}
	free(a);
}
