/* SPDX-License-Identifier: Apache-2.0 */
/* A key server with a clock of the test's own, chance that repeats, and members who talk MIKEY. */
#ifndef TESTS_UNIT_KEYSERVER_RIG_H
#define TESTS_UNIT_KEYSERVER_RIG_H

#include <stdlib.h>

#include "mrfc/groupkey/member_keys.h"
#include "proto/ks/keyserver.h"
#include "proto/mikey.h"

#define ROOM       "sip:room1@conf.example.com"
#define OTHER_ROOM "sip:room2@conf.example.com"
#define KS         "sip:keys@conf.example.com"
#define FACTORY    "sip:factory@conf.example.com"
#define ALICE      "sip:alice@example.com"
#define BOB        "sip:bob@example.com"
#define CAROL      "tel:+15550100"
#define START_US   1795330800000000ull
#define EVENTS_MAX 64

/* One event, copied. */
struct seen {
	enum keyserver_kind kind;
	char room[64], uri[64], key_id[66];
	uint8_t octets[MIKEY_MAX_SIZE];
	struct slice bytes;
	struct gkid gkid;
	bool fresh;
	int err;
};

struct rig {
	struct keyserver_settings settings;
	struct keyserver_now now;
	struct member_keys *keys;
	struct keyserver_keys lookup;
	struct keyserver *ks;
	uint64_t chance;
	struct seen seen[EVENTS_MAX];
	size_t n;
};

static inline void rig_random(void *out, size_t len, void *arg)
{
	struct rig *rig = arg;
	uint8_t *octets = out;

	for (size_t i = 0; i < len; i++) {
		rig->chance = rig->chance * 6364136223846793005u + 1442695040888963407u;
		octets[i] = (uint8_t)(rig->chance >> 56);
	}
}

static inline void rig_add_key(struct rig *rig, const char *uri, const char *id)
{
	const struct member_key *key;

	assert_int_equal(member_keys_add(rig->keys, uri, id, NULL, NULL, &key), 0);
}

static inline struct rig *rig_new(void)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig->settings = (struct keyserver_settings){
		.name = KS, .factory = FACTORY, .random = rig_random, .random_arg = rig};
	rig->now = (struct keyserver_now){.mono_ms = 1000, .wall_us = START_US};
	rig->keys = member_keys_new(NULL);
	rig->lookup = member_keys_lookup(rig->keys);
	rig_add_key(rig, ALICE, "a1");
	rig_add_key(rig, ALICE, "a2");
	rig_add_key(rig, BOB, "b1");
	rig_add_key(rig, CAROL, "c1");
	rig->ks = keyserver_new(&rig->settings, &rig->lookup, &rig->now);
	assert_int_equal(keyserver_open(rig->ks, ROOM, GKE_SUITE_B), 0);
	rig->now.mono_ms += 1000;
	rig->now.wall_us += 1000000;
	return rig;
}

static inline void rig_free(struct rig *rig)
{
	keyserver_free(&rig->ks);
	member_keys_free(&rig->keys);
	free(rig);
}

/* Fetch all that waits; how many there were. */
static inline size_t rig_fetch(struct rig *rig)
{
	struct keyserver_event e;

	rig->n = 0;
	while (keyserver_next(rig->ks, &rig->now, &e)) {
		struct seen *s = &rig->seen[rig->n++];

		assert_true(rig->n < EVENTS_MAX);
		*s = (struct seen){.kind = e.kind, .gkid = e.gkid, .fresh = e.fresh, .err = e.err};
		assert_int_equal(slice_copy(slice_str(e.room), s->room, sizeof(s->room)), 0);
		assert_int_equal(slice_copy(slice_str(e.uri), s->uri, sizeof(s->uri)), 0);
		assert_int_equal(slice_copy(e.key_id, s->key_id, sizeof(s->key_id)), 0);
		assert_true(e.bytes.len <= sizeof(s->octets));
		if (e.bytes.len > 0)
			memcpy(s->octets, e.bytes.ptr, e.bytes.len);
		s->bytes = slice_make(s->octets, e.bytes.len);
	}
	return rig->n;
}

/* The n-th event of this kind about this user (NULL: anybody); NULL: none. */
static inline struct seen *rig_seen(struct rig *rig, enum keyserver_kind kind, const char *uri)
{
	for (size_t i = 0; i < rig->n; i++) {
		if (rig->seen[i].kind == kind && (!uri || strcmp(rig->seen[i].uri, uri) == 0))
			return &rig->seen[i];
	}
	return NULL;
}

static inline struct slice rig_psk(const struct rig *rig, const char *uri, const char *id)
{
	const struct member_key *key = member_keys_find(rig->keys, uri, slice_str(id));

	assert_non_null(key);
	return slice_make(key->key, MEMBER_KEY_SIZE);
}

/* What a member asks; change its fields, then build. */
static inline struct mikey_init rig_ask(const struct rig *rig, const char *uri, const char *id)
{
	static const uint8_t salt[MIKEY_RAND_SIZE] = {1, 2, 3};

	return (struct mikey_init){.suite = GKE_SUITE_B,
				   .csb_id = 7,
				   .t = mikey_time(rig->now.wall_us),
				   .rand = salt,
				   .idri = slice_str(uri),
				   .idrr = slice_str(KS),
				   .idrpsk = slice_str(id),
				   .idrpsk_is_octets = true,
				   .idrapp = slice_str(ROOM)};
}

static inline int rig_send(struct rig *rig, const char *from, const char *key_id,
			   struct slice bytes)
{
	const struct groupkey_member who = {.uri = from, .key_id = slice_str(key_id)};

	return keyserver_request(rig->ks, ROOM, &who, bytes, &rig->now);
}

/* Send a request as the member `from`, MACed with the key id of `from`. */
static inline int rig_request(struct rig *rig, const char *from, const char *id,
			      const struct mikey_init *ask)
{
	struct bytes b = BYTES_INIT;
	int err;

	assert_int_equal(mikey_build_init(ask, rig_psk(rig, from, id), &b), 0);
	err = rig_send(rig, from, NULL, bytes_slice(&b));
	bytes_fini(&b);
	return err;
}

/* Joins without a request, and fetches. */
static inline void rig_join(struct rig *rig, const char *uri, const char *id)
{
	const struct groupkey_member who = {.uri = uri, .key_id = slice_str(id)};

	assert_int_equal(keyserver_change(rig->ks, ROOM, &who, 1, NULL, 0, &rig->now), 0);
	(void)rig_fetch(rig);
}

static inline void rig_leave(struct rig *rig, const char *uri, const char *id)
{
	const struct groupkey_member who = {.uri = uri, .key_id = slice_str(id)};

	assert_int_equal(keyserver_change(rig->ks, ROOM, NULL, 0, &who, 1, &rig->now), 0);
	(void)rig_fetch(rig);
}

/* Joins with a request in his offer, and fetches. */
static inline void rig_join_asking(struct rig *rig, const char *uri, const char *id,
				   const struct mikey_init *ask)
{
	struct bytes b = BYTES_INIT;
	struct groupkey_member who = {.uri = uri};

	assert_int_equal(mikey_build_init(ask, rig_psk(rig, uri, id), &b), 0);
	who.request = bytes_slice(&b);
	assert_int_equal(keyserver_change(rig->ks, ROOM, &who, 1, NULL, 0, &rig->now), 0);
	bytes_fini(&b);
	(void)rig_fetch(rig);
}

/* What this member reads in the message that was fetched for him. */
static inline void rig_open(struct rig *rig, const char *uri, const char *id, struct mikey *m_r,
			    struct mikey_key *key_r)
{
	struct seen *s = rig_seen(rig, KEYSERVER_MESSAGE, uri);

	assert_non_null(s);
	assert_string_equal(s->key_id, id);
	assert_int_equal(mikey_parse(s->bytes, m_r, NULL), 0);
	assert_int_equal(mikey_open(m_r, rig_psk(rig, uri, id), key_r), 1);
}

#endif
