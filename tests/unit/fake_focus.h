/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FAKE_FOCUS_H
#define TESTS_FAKE_FOCUS_H

/* A focus of the test's own under the admin API on a real HTTP server; requests to it. */
#include <stdio.h>
#include <stdlib.h>

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
	int fail;         /* what the next call returns */
	bool store_fails; /* nothing is stored any more */
	int fail_members;
	bool no_keys;              /* there is no key server */
	enum conference_tls least; /* conference.require_tls */
	char log[256];
	char barred[256];
	char display[64];
};

struct conference_table *focus_conferences(struct focus *f)
{
	return f->table;
}

void focus_stored(struct focus *f, focus_stored_fn *fn, void *arg)
{
	fn(f->store_fails ? -ERR_IO : 0, arg);
}

void focus_stored_forget(struct focus *f, const void *arg)
{
	(void)f;
	(void)arg;
}

int focus_create(struct focus *f, const struct focus_wanted *wanted,
		 struct conference **conference_r)
{
	struct conference *c;
	int rc = conference_create(f->table, wanted->name, wanted->owner, CONFERENCE_BY_API,
				   WALL_MS, &c);

	if (f->fail)
		return f->fail;
	if (wanted->sealed && f->no_keys)
		return -ERR_UNSUPPORTED;
	if (rc < 0)
		return rc;
	c->e2e = wanted->sealed;
	c->require_tls = wanted->require_tls;
	c->subject = wanted->subject ? xstrdup(wanted->subject) : NULL;
	*conference_r = c;
	return 0;
}

enum conference_tls focus_tls(const struct focus *f, const struct conference *c)
{
	return c && c->require_tls > f->least ? c->require_tls : f->least;
}

bool focus_epoch(const struct conference *c, char hex[GKID_HEX_SIZE])
{
	snprintf(hex, GKID_HEX_SIZE, "c0ffee010203040500000007");
	return c->e2e;
}

int focus_set_members(struct focus *f, struct conference *c, enum conference_mode mode,
		      const char *const *uris, size_t n, bool call)
{
	snprintf(f->log, sizeof(f->log), "members %zu%s", n, call ? ", called" : "");
	if (f->fail_members)
		return f->fail_members;
	for (size_t i = 0; i < n; i++)
		members_add(c->members, slice_str(uris[i]), NULL);
	c->mode = mode;
	c->kept = true;
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

static inline bool is_ready(const char **text_r, void *arg)
{
	(void)text_r;
	(void)arg;
	return true;
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
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
static inline int request(struct rig *rig, const char *method, const char *path, const char *body)
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

static inline const json_t *member(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);

	assert_non_null(v);
	return v;
}

static inline const char *text(const json_t *o, const char *name)
{
	return json_string_value(member(o, name));
}

static inline const char *error_code(struct rig *rig)
{
	const json_t *e = member(rig->json, "error");

	assert_non_null(text(e, "message"));
	return text(e, "code");
}

static inline struct conference *room(struct rig *rig)
{
	return conference_find(rig->focus.table, SLICE_LIT("room"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
