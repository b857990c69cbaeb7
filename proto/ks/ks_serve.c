/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of clients to calls of the key server, what comes of them to frames. Whose a conference is
 * stands here: the key server itself knows no clients.
 */
#include "proto/ks/ks_serve.h"

#include <assert.h>
#include <stdlib.h>
#include <uthash.h>

#include "common/mem.h"

#define MAX_CHANGE 100000 /* items */

/* Whose a room is. */
struct owned {
	char *room;
	struct ks_client *client;
	UT_hash_handle hh;
};

struct ks_serve {
	struct keyserver *ks;
	struct owned *rooms;
	struct gkid out_gkid;
};

struct ks_serve *ks_serve_new(const struct keyserver_settings *settings,
			      const struct keyserver_keys *keys, const struct keyserver_now *now)
{
	struct ks_serve *s = xcalloc(1, sizeof(*s));

	s->ks = keyserver_new(settings, keys, now);
	return s;
}

static struct owned *owned_find(const struct ks_serve *s, const char *room)
{
	struct owned *o;

	HASH_FIND_STR(s->rooms, room, o);
	return o;
}

static void owned_drop(struct ks_serve *s, struct owned *o)
{
	int err = keyserver_close(s->ks, o->room);

	assert(err == 0);
	(void)err;
	HASH_DEL(s->rooms, o);
	free(o->room);
	free(o);
}

void ks_serve_free(struct ks_serve **sp)
{
	struct ks_serve *s = *sp;
	struct owned *o, *next;

	if (s == NULL)
		return;
	*sp = NULL;
	HASH_ITER(hh, s->rooms, o, next)
		owned_drop(s, o);
	keyserver_free(&s->ks);
	free(s);
}

void ks_serve_gone(struct ks_serve *s, struct ks_client *c)
{
	struct owned *o, *next;

	HASH_ITER(hh, s->rooms, o, next) {
		if (o->client == c)
			owned_drop(s, o);
	}
}

size_t ks_serve_rooms(const struct ks_serve *s)
{
	return HASH_COUNT(s->rooms);
}

void ks_serve_age(struct ks_serve *s, const struct keyserver_now *now)
{
	keyserver_age(s->ks, now);
}

bool ks_serve_key(const struct ks_serve *s, const char *room, struct gkid *id_r,
		  struct slice *tek_r)
{
	return keyserver_key(s->ks, room, id_r, tek_r);
}

/* --- frames --- */

static int open_room(struct ks_serve *s, struct ks_client *c, const char *room, uint64_t suite,
		     struct ks_taken *taken)
{
	struct owned *o = owned_find(s, room);
	int err = suite > GKE_SUITE_A ? -ERR_SYNTAX
				      : keyserver_open(s->ks, room, (enum gke_suite)suite);

	if (err != 0)
		return err;
	if (o != NULL && o->client != c)
		taken->lost = o->client;
	if (o == NULL) {
		o = xcalloc(1, sizeof(*o));
		o->room = xstrdup(room);
		HASH_ADD_KEYPTR(hh, s->rooms, o->room, strlen(o->room), o);
	}
	o->client = c;
	return 0;
}

/* A change's list as the key server takes it. */
struct change {
	struct groupkey_member *joined, *left;
	size_t n_joined, n_left;
};

static void change_fini(struct change *c)
{
	for (size_t i = 0; i < c->n_joined; i++)
		free((char *)(uintptr_t)c->joined[i].uri);
	for (size_t i = 0; i < c->n_left; i++)
		free((char *)(uintptr_t)c->left[i].uri);
	free(c->joined);
	free(c->left);
}

static int change_read(struct slice list, struct change *c)
{
	struct slice rest = list;
	struct ks_item_view item;
	size_t n = 0;
	int rc;

	while ((rc = ks_list_next(&rest, &item)) > 0)
		n++;
	if (rc < 0 || n > MAX_CHANGE)
		return -ERR_SYNTAX;
	c->joined = xcalloc(n + 1, sizeof(*c->joined));
	c->left = xcalloc(n + 1, sizeof(*c->left));
	while (ks_list_next(&list, &item) > 0) {
		struct groupkey_member m = {
			.uri = slice_dup(item.uri), .key_id = item.key_id, .request = item.request};

		if (item.joined)
			c->joined[c->n_joined++] = m;
		else
			c->left[c->n_left++] = m;
	}
	return 0;
}

static int change_room(struct ks_serve *s, const char *room, struct slice list,
		       const struct keyserver_now *now)
{
	struct change c = {0};
	int err = change_read(list, &c);

	if (err == 0)
		err = keyserver_change(s->ks, room, c.joined, c.n_joined, c.left, c.n_left, now);
	change_fini(&c);
	return err;
}

/* What is not right is dropped, and is no fault of the client's. */
static int request(struct ks_serve *s, const char *room, const struct ks_frame *f,
		   const struct keyserver_now *now, struct ks_taken *taken)
{
	struct groupkey_member from = {.uri = slice_dup(f->uri), .key_id = f->key_id};

	taken->dropped = f->number == 1 ? keyserver_renew(s->ks, room, &from, f->bytes, now)
					: keyserver_request(s->ks, room, &from, f->bytes, now);
	free((char *)(uintptr_t)from.uri);
	return 0;
}

static int take(struct ks_serve *s, struct ks_client *c, const char *room, const struct ks_frame *f,
		const struct keyserver_now *now, struct ks_taken *taken)
{
	struct owned *o = owned_find(s, room);

	if (f->verb == KS_OPEN)
		return open_room(s, c, room, f->number, taken);
	if (o == NULL || o->client != c) /* it went to another meanwhile, or was never opened */
		return 0;
	switch (f->verb) {
	case KS_CLOSE:
		owned_drop(s, o);
		return 0;
	case KS_CHANGE:
		return change_room(s, room, f->bytes, now);
	case KS_REQUEST:
		return request(s, room, f, now, taken);
	default: /* KS_SENT */
		keyserver_sent(s->ks, room, f->number, now);
		return 0;
	}
}

int ks_serve_take(struct ks_serve *s, struct ks_client *c, const struct ks_frame *f,
		  const struct keyserver_now *now, struct ks_taken *taken_r)
{
	char *room;
	int err;

	*taken_r = (struct ks_taken){0};
	if (f->verb == KS_HELLO) {
		if (f->number == 0)
			return -ERR_SYNTAX; /* there is no such version */
		ks_serve_gone(s, c);        /* it begins anew */
		c->hello = true;
		taken_r->answer = KS_HELLO;
		return 0;
	}
	if (!c->hello)
		return -ERR_SYNTAX;
	if (f->verb == KS_PING) {
		taken_r->answer = KS_PONG;
		return 0;
	}
	if (f->verb < KS_OPEN || f->verb > KS_SENT || f->room.len == 0)
		return -ERR_SYNTAX;
	room = slice_dup(f->room);
	err = take(s, c, room, f, now, taken_r);
	free(room);
	return err;
}

/* --- what came of calls --- */

bool ks_serve_next(struct ks_serve *s, const struct keyserver_now *now, struct ks_out *out_r)
{
	static const uint8_t verbs[] = {
		[KEYSERVER_EPOCH] = KS_EPOCH,         [KEYSERVER_MESSAGE] = KS_MESSAGE,
		[KEYSERVER_CONFIRMED] = KS_CONFIRMED, [KEYSERVER_REFUSED] = KS_REFUSED,
		[KEYSERVER_ERROR] = KS_ERROR,         [KEYSERVER_JUDGED] = KS_JUDGED};
	struct keyserver_event e;
	struct owned *o;

	*out_r = (struct ks_out){0};
	if (!keyserver_next(s->ks, now, &e))
		return false;
	o = owned_find(s, e.room);
	s->out_gkid = e.gkid;
	out_r->to = o != NULL ? o->client : NULL;
	out_r->kind = e.kind;
	out_r->room = e.room;
	out_r->uri = e.uri;
	out_r->why = e.why;
	out_r->frame = (struct ks_frame){.verb = verbs[e.kind],
					 .room = slice_str(e.room),
					 .uri = slice_str(e.uri),
					 .key_id = e.key_id,
					 .bytes = slice_make(s->out_gkid.octets, GKID_SIZE)};
	if (e.kind == KEYSERVER_MESSAGE) {
		out_r->frame.bytes = e.bytes;
		out_r->frame.number = e.fresh;
	} else if (e.kind == KEYSERVER_ERROR) {
		out_r->frame.bytes = e.bytes;
	} else if (e.kind == KEYSERVER_REFUSED || e.kind == KEYSERVER_JUDGED) {
		out_r->frame.bytes = slice_str(e.why);
		out_r->frame.number = (uint64_t)-e.err;
	}
	return true;
}
