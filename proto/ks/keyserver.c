/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rooms of the key server, their epochs, and the queue of what came of calls. A message is made when it
 * is fetched, with the key that is current then: members who wait for an older one never get it.
 * Old keys are wiped as the next one is made; nothing of them is kept.
 */
#include "proto/ks/keyserver.h"

#include <stdlib.h>

#include "common/mem.h"
#include "common/secret.h"
#include "proto/ks/keyserver_priv.h"
#include "proto/sip_uri.h"

#define SKEW_MS       300000u
#define LIFE_MS       86400000u
#define LIFE_MESSAGES (1u << 20)
#define MAX_REFUSED   1000         /* that wait to be fetched */
#define RESERVE       (2ull << 32) /* seconds of timestamps that are written down ahead */

struct keyserver *keyserver_new(const struct keyserver_settings *settings,
				const struct keyserver_keys *keys, const struct keyserver_now *now)
{
	struct keyserver *ks = xcalloc(1, sizeof(*ks));

	ks->name = xstrdup(settings->name);
	ks->factory = settings->factory != NULL ? xstrdup(settings->factory) : NULL;
	ks->skew_us = (settings->skew_ms != 0 ? settings->skew_ms : SKEW_MS) * 1000;
	ks->life_ms = settings->life_ms != 0 ? settings->life_ms : LIFE_MS;
	ks->life_messages = settings->life_messages != 0 ? settings->life_messages : LIFE_MESSAGES;
	ks->random = settings->random;
	ks->random_arg = settings->random_arg;
	ks->allowed = settings->allowed;
	ks->allowed_arg = settings->allowed_arg;
	if (settings->memory != NULL)
		ks->memory = *settings->memory;
	ks->keys = *keys;
	ks->start_t = mikey_time(now->wall_us);
	if (ks->memory.last_t != NULL)
		ks->last_t = ks->memory.last_t(KEYSERVER_OWN_T, ks->memory.arg);
	TAILQ_INIT(&ks->queue);
	return ks;
}

const struct member_key *ks_key_find(const struct keyserver *ks, const char *uri, struct slice id)
{
	return ks->keys.find(uri, id, ks->keys.arg);
}

struct gkid ks_gkid(const struct ks_room *room)
{
	return gkid_make(room->domain, room->epoch);
}

uint8_t *ks_rand(struct ks_room *room, uint32_t epoch)
{
	return room->rands[epoch % KS_REMEMBERED];
}

/* --- the queue --- */

static void item_drop(struct keyserver *ks, struct ks_item *item)
{
	if (!item->queued)
		return;
	TAILQ_REMOVE(&ks->queue, item, link);
	item->queued = false;
	if (item->kind == KEYSERVER_REFUSED)
		ks->n_refused--;
	if (item->member != NULL)
		return;
	free(item->uri);
	free(item->key_id);
	bytes_fini(&item->bytes);
	free(item);
}

static void item_add(struct keyserver *ks, struct ks_item *item)
{
	TAILQ_INSERT_TAIL(&ks->queue, item, link);
	item->queued = true;
}

void ks_tell_error(struct keyserver *ks, struct ks_room *room, const char *uri, struct slice key_id,
		   struct bytes *message_take)
{
	struct ks_item *item = xcalloc(1, sizeof(*item));

	item->kind = KEYSERVER_ERROR;
	item->room = room;
	item->uri = xstrdup(uri);
	item->key_id = slice_dup(key_id);
	item->bytes = *message_take;
	*message_take = BYTES_INIT;
	item_add(ks, item);
}

void ks_tell(struct keyserver *ks, enum keyserver_kind kind, struct ks_room *room, const char *uri,
	     struct slice key_id, const struct gkid *gkid, int err, const char *why)
{
	struct ks_item *item;

	if (kind == KEYSERVER_REFUSED && ks->n_refused >= MAX_REFUSED)
		return;
	item = xcalloc(1, sizeof(*item));
	item->kind = kind;
	item->room = room;
	item->uri = uri != NULL ? xstrdup(uri) : NULL;
	item->key_id = slice_dup(key_id);
	if (gkid != NULL)
		item->gkid = *gkid;
	item->err = err;
	item->why = why;
	ks->n_refused += kind == KEYSERVER_REFUSED;
	item_add(ks, item);
}

void ks_owe(struct keyserver *ks, struct ks_room *room, struct ks_member *m, int which)
{
	struct ks_item *item = &m->items[which];

	item_drop(ks, item);
	*item = (struct ks_item){
		.kind = KEYSERVER_MESSAGE, .room = room, .member = m, .fresh = which == KS_FRESH};
	item_add(ks, item);
}

/* --- members --- */

struct ks_person *ks_person_find(const struct ks_room *room, const char *uri)
{
	struct bytes name = BYTES_INIT;
	struct ks_person *p;

	sip_uri_name_key(slice_str(uri), &name);
	HASH_FIND(hh, room->people, bytes_cstr(&name), name.len, p);
	bytes_fini(&name);
	return p;
}

struct ks_member *ks_member_find(const struct ks_room *room, const char *uri, struct slice key_id)
{
	struct ks_person *p = ks_person_find(room, uri);
	struct ks_member *m;

	if (p == NULL)
		return NULL;
	TAILQ_FOREACH(m, &p->keys, link) {
		if (slice_eq_str(key_id, m->key_id))
			return m;
	}
	return NULL;
}

/* What cannot be told from a random value by who has not the key. */
static void mark_key(const struct ks_room *room, const struct member_key *key,
		     char mark_r[GKE_LEG_IDENTITY_SIZE])
{
	struct gke_leg leg;

	gke_leg(slice_make(key->key, MEMBER_KEY_SIZE),
		slice_make(room->domain, sizeof(room->domain)), 0, &leg);
	memcpy(mark_r, leg.identity, sizeof(leg.identity));
	mem_wipe(&leg, sizeof(leg));
}

static struct ks_member *member_add(struct ks_room *room, const char *uri, const char *key_id)
{
	struct ks_member *m = ks_member_find(room, uri, slice_str(key_id));
	struct ks_person *p = ks_person_find(room, uri);
	struct bytes name = BYTES_INIT;

	if (m != NULL)
		return m;
	if (p == NULL) {
		p = xcalloc(1, sizeof(*p));
		sip_uri_name_key(slice_str(uri), &name);
		p->name = bytes_take(&name);
		TAILQ_INIT(&p->keys);
		HASH_ADD_KEYPTR(hh, room->people, p->name, strlen(p->name), p);
	}
	m = xcalloc(1, sizeof(*m));
	m->person = p;
	m->uri = xstrdup(uri);
	m->key_id = xstrdup(key_id);
	TAILQ_INSERT_TAIL(&p->keys, m, link);
	return m;
}

static void member_drop(struct keyserver *ks, struct ks_room *room, struct ks_member *m)
{
	struct ks_person *p = m->person;

	for (int i = 0; i < KS_KINDS; i++)
		item_drop(ks, &m->items[i]);
	TAILQ_REMOVE(&p->keys, m, link);
	free(m->uri);
	free(m->key_id);
	free(m);
	if (!TAILQ_EMPTY(&p->keys))
		return;
	HASH_DEL(room->people, p);
	free(p->name);
	free(p);
}

/* --- rooms --- */

struct ks_room *ks_room_find(const struct keyserver *ks, const char *uri)
{
	struct ks_room *room;

	HASH_FIND_STR(ks->rooms, uri, room);
	return room;
}

static void room_drop(struct keyserver *ks, struct ks_room *room)
{
	struct ks_person *p, *next;
	struct ks_item *item, *after;

	HASH_ITER(hh, room->people, p, next) {
		struct ks_members *keys = &p->keys;
		size_t n = 0;

		/* The last one takes the person along. */
		for (struct ks_member *m = TAILQ_FIRST(keys); m != NULL; m = TAILQ_NEXT(m, link))
			n++;
		while (n-- > 0)
			member_drop(ks, room, TAILQ_FIRST(keys));
	}
	for (item = TAILQ_FIRST(&ks->queue); item != NULL; item = after) {
		after = TAILQ_NEXT(item, link);
		if (item->room == room)
			item_drop(ks, item);
	}
	HASH_DEL(ks->rooms, room);
	secret_free(&room->tek, GKE_TEK_MAX);
	free(room->uri);
	free(room);
}

int keyserver_open(struct keyserver *ks, const char *uri, enum gke_suite suite)
{
	struct ks_room *room = ks_room_find(ks, uri);

	if (strlen(uri) > MIKEY_ID_MAX)
		return -ERR_LIMIT;
	if (room != NULL)
		room_drop(ks, room);
	room = xcalloc(1, sizeof(*room));
	room->uri = xstrdup(uri);
	room->suite = suite;
	room->tek = secret_alloc(GKE_TEK_MAX);
	ks->random(room->domain, sizeof(room->domain), ks->random_arg);
	HASH_ADD_KEYPTR(hh, ks->rooms, room->uri, strlen(room->uri), room);
	return 0;
}

int keyserver_close(struct keyserver *ks, const char *uri)
{
	struct ks_room *room = ks_room_find(ks, uri);

	if (room == NULL)
		return -ERR_NOT_FOUND;
	room_drop(ks, room);
	return 0;
}

void keyserver_free(struct keyserver **ksp)
{
	struct keyserver *ks = *ksp;
	struct ks_room *room, *next;

	if (ks == NULL)
		return;
	*ksp = NULL;
	HASH_ITER(hh, ks->rooms, room, next)
		room_drop(ks, room);
	ks_senders_free(ks);
	free(ks->name);
	free(ks->factory);
	free(ks->out_room);
	free(ks->out_uri);
	free(ks->out_id);
	bytes_fini(&ks->out_bytes);
	free(ks);
}

/* --- epochs --- */

static void new_epoch(struct keyserver *ks, struct ks_room *room, const struct keyserver_now *now)
{
	struct gkid gkid;

	room->epoch++;
	mem_wipe(room->tek, GKE_TEK_MAX);
	ks->random(room->tek, gke_tek_size(room->suite), ks->random_arg);
	ks->random(ks_rand(room, room->epoch), MIKEY_RAND_SIZE, ks->random_arg);
	room->since_ms = now->mono_ms;
	room->n_messages = 0;
	gkid = ks_gkid(room);
	ks_tell(ks, KEYSERVER_EPOCH, room, NULL, SLICE_NULL, &gkid, 0, NULL);
	for (struct ks_person *p = room->people; p != NULL; p = p->hh.next) {
		struct ks_member *m;

		TAILQ_FOREACH(m, &p->keys, link) {
			item_drop(ks, &m->items[KS_ANSWER]); /* the new one serves */
			ks_owe(ks, room, m, KS_FRESH);
		}
	}
}

static void leave(struct keyserver *ks, struct ks_room *room, const struct groupkey_member *who)
{
	struct ks_person *p = ks_person_find(room, who->uri);
	struct ks_member *m = p != NULL ? TAILQ_FIRST(&p->keys) : NULL, *next;

	for (; m != NULL; m = next) {
		next = TAILQ_NEXT(m, link);
		if (who->key_id.len == 0 || slice_eq_str(who->key_id, m->key_id))
			member_drop(ks, room, m);
	}
}

static bool join(struct keyserver *ks, struct ks_room *room, const struct groupkey_member *who,
		 const struct keyserver_now *now)
{
	const struct member_key *key = NULL;
	const char *why = "no key of his is known";
	struct bytes error = BYTES_INIT;
	struct ks_member *m;
	int err = 0;

	if (strlen(who->uri) > MIKEY_ID_MAX) {
		err = -ERR_SYNTAX;
		why = "his URI is too long";
	} else if (ks->allowed != NULL && !ks->allowed(room->uri, who->uri, ks->allowed_arg)) {
		err = -ERR_DENIED;
		why = "the key server does not have him on its list";
	} else if (who->request.len > 0) {
		err = ks_judge_request(ks, room, who->uri, who->request, KS_JOINING, now, &key,
				       &why, &error);
	} else {
		key = ks_key_find(ks, who->uri, who->key_id);
		err = key == NULL ? -ERR_NOT_FOUND : 0;
	}
	if (err == 0 && who->key_id.len > 0 && !slice_eq_str(who->key_id, key->id)) {
		err = -ERR_DENIED;
		why = "it is of another key of his";
	}
	if (err != 0) {
		if (error.len > 0)
			ks_tell_error(ks, room, who->uri, who->key_id, &error);
		ks_tell(ks, KEYSERVER_REFUSED, room, who->uri, who->key_id, NULL, err, why);
		return false;
	}
	m = member_add(room, who->uri, key->id);
	mark_key(room, key, m->key_mark);
	m->in_offer = who->request.len == 0;
	return true;
}

int keyserver_change(struct keyserver *ks, const char *uri, const struct groupkey_member *joined,
		     size_t n_joined, const struct groupkey_member *left, size_t n_left,
		     const struct keyserver_now *now)
{
	struct ks_room *room = ks_room_find(ks, uri);
	size_t n_in = 0;

	if (room == NULL)
		return -ERR_NOT_FOUND;
	for (size_t i = 0; i < n_left; i++)
		leave(ks, room, &left[i]);
	for (size_t i = 0; i < n_joined; i++)
		n_in += join(ks, room, &joined[i], now);
	if (n_in > 0 || n_left > 0 || n_joined == 0)
		new_epoch(ks, room, now);
	return 0;
}

void keyserver_sent(struct keyserver *ks, const char *uri, uint64_t n_messages,
		    const struct keyserver_now *now)
{
	struct ks_room *room = ks_room_find(ks, uri);

	if (room == NULL || room->epoch == 0)
		return;
	room->n_messages += n_messages;
	if (room->n_messages >= ks->life_messages)
		new_epoch(ks, room, now);
}

void keyserver_age(struct keyserver *ks, const struct keyserver_now *now)
{
	for (struct ks_room *room = ks->rooms; room != NULL; room = room->hh.next) {
		if (room->epoch > 0 && now->mono_ms - room->since_ms >= ks->life_ms)
			new_epoch(ks, room, now);
	}
}

/* --- what is fetched --- */

/* RFC 3830 5.4: unique and rising, whatever the clock does, also over a restart. */
static uint64_t next_t(struct keyserver *ks, const struct keyserver_now *now)
{
	uint64_t t = mikey_time(now->wall_us);

	if (t <= ks->last_t)
		t = ks->last_t + 1;
	ks->last_t = t;
	if (ks->memory.set_last_t != NULL && t + RESERVE / 2 > ks->reserved_t) {
		ks->reserved_t = t + RESERVE;
		ks->memory.set_last_t(KEYSERVER_OWN_T, ks->reserved_t, ks->memory.arg);
	}
	return t;
}

static int build(struct keyserver *ks, struct ks_room *room, struct ks_member *m,
		 const struct member_key *key, const struct keyserver_now *now, struct bytes *out)
{
	struct gkid gkid = ks_gkid(room);
	struct mikey_init init = {
		.suite = room->suite,
		.csb_id = gkid_csb_id(&gkid),
		.v = true,
		.t = next_t(ks, now),
		.rand = ks_rand(room, room->epoch),
		.idri = slice_str(ks->name),
		.idrr = slice_str(m->uri),
		.idrpsk = slice_str(m->key_id),
		.idrpsk_is_octets = true,
		.idrapp = slice_str(room->uri),
		.sdp_ids = m->in_offer ? SLICE_LIT("mikey") : SLICE_NULL,
		.tek = slice_make(room->tek, gke_tek_size(room->suite)),
		.gkid = gkid,
	};

	m->sent[m->n_sent++ % KS_REMEMBERED] = (struct ks_sent){.t = init.t, .epoch = room->epoch};
	return mikey_build_init(&init, slice_make(key->key, MEMBER_KEY_SIZE), out);
}

static void show(struct keyserver *ks, struct keyserver_event *e, const char *room, const char *uri,
		 const char *key_id)
{
	free(ks->out_room);
	free(ks->out_uri);
	free(ks->out_id);
	e->room = ks->out_room = xstrdup(room);
	e->uri = ks->out_uri = xstrdup(uri != NULL ? uri : "");
	ks->out_id = xstrdup(key_id != NULL ? key_id : "");
	e->key_id = slice_str(ks->out_id);
}

/* His message, made now; or, when his key was taken from him, that he is out. */
static void fetch_message(struct keyserver *ks, struct ks_item *item,
			  const struct keyserver_now *now, struct keyserver_event *e)
{
	struct ks_room *room = item->room;
	struct ks_member *m = item->member;
	const struct member_key *key = ks_key_find(ks, m->uri, slice_str(m->key_id));
	char mark[GKE_LEG_IDENTITY_SIZE];
	bool replaced = false;

	if (key != NULL) {
		mark_key(room, key, mark);
		replaced = strcmp(mark, m->key_mark) != 0;
		key = replaced ? NULL : key;
	}
	item_drop(ks, item);
	show(ks, e, room->uri, m->uri, m->key_id);
	bytes_reset(&ks->out_bytes);
	if (key == NULL || build(ks, room, m, key, now, &ks->out_bytes) != 0) {
		e->kind = KEYSERVER_REFUSED;
		e->err = key == NULL ? -ERR_NOT_FOUND : -ERR_SYNTAX;
		e->why = replaced      ? "his key was replaced by another of that name"
			 : key == NULL ? "his key was removed"
				       : "his names are too long";
		member_drop(ks, room, m);
		return;
	}
	m->in_offer = false;
	e->kind = KEYSERVER_MESSAGE;
	e->fresh = item->fresh;
	e->bytes = bytes_slice(&ks->out_bytes);
	e->gkid = ks_gkid(room);
}

bool keyserver_next(struct keyserver *ks, const struct keyserver_now *now,
		    struct keyserver_event *event_r)
{
	struct ks_item *item = TAILQ_FIRST(&ks->queue);

	*event_r = (struct keyserver_event){0};
	if (item == NULL)
		return false;
	if (item->kind == KEYSERVER_MESSAGE) {
		fetch_message(ks, item, now, event_r);
		return true;
	}
	show(ks, event_r, item->room->uri, item->uri, item->key_id);
	event_r->kind = item->kind;
	event_r->gkid = item->gkid;
	event_r->err = item->err;
	event_r->why = item->why;
	if (item->bytes.len > 0) {
		bytes_reset(&ks->out_bytes);
		bytes_add_slice(&ks->out_bytes, bytes_slice(&item->bytes));
		event_r->bytes = bytes_slice(&ks->out_bytes);
	}
	item_drop(ks, item);
	return true;
}

bool keyserver_key(const struct keyserver *ks, const char *uri, struct gkid *id_r,
		   struct slice *tek_r)
{
	const struct ks_room *room = ks_room_find(ks, uri);

	if (room == NULL || room->epoch == 0)
		return false;
	*id_r = ks_gkid(room);
	*tek_r = slice_make(room->tek, gke_tek_size(room->suite));
	return true;
}
