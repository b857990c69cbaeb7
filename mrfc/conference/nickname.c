/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nickname table of one conference, RFC 7701 section 7. What a name is and when two are equal
 * is PRECIS' business (proto/precis.h). It knows neither users nor MSRP; the roster decides whose
 * names they are and turns errors into status codes.
 */
#include "mrfc/conference/nickname.h"

#include <stdlib.h>
#include <uthash.h>

#include "common/mem.h"
#include "proto/precis.h"

struct nickname_entry {
	UT_hash_handle hh, by_skeleton;
	const void *owner; /* NULL: reserved */
	char *key, *skeleton;
	size_t key_len, skeleton_len; /* skeleton_len 0: in by_key only */
};

int nickname_shown(struct slice nick, struct bytes *out)
{
	return precis_nickname_enforce(nick, out);
}

static struct nickname_entry *find(const struct nickname_table *t, const struct bytes *key)
{
	struct nickname_entry *e;

	HASH_FIND(hh, t->by_key, key->data, key->len, e);
	return e;
}

/* Somebody else's name looks like this one. */
static bool looks_taken(const struct nickname_table *t, const struct bytes *skeleton,
			const void *owner)
{
	struct nickname_entry *e;

	HASH_FIND(by_skeleton, t->by_skeleton, skeleton->data, skeleton->len, e);
	return e && (e->owner != owner || !owner);
}

static void add(struct nickname_table *t, struct bytes *key, struct bytes *skeleton,
		const void *owner)
{
	struct nickname_entry *e = xcalloc(1, sizeof(*e));

	e->owner = owner;
	e->key_len = key->len;
	e->key = bytes_take(key);
	HASH_ADD_KEYPTR(hh, t->by_key, e->key, e->key_len, e);
	if (!t->strict)
		return;
	e->skeleton_len = skeleton->len;
	e->skeleton = bytes_take(skeleton);
	HASH_ADD_KEYPTR(by_skeleton, t->by_skeleton, e->skeleton, e->skeleton_len, e);
}

static void del(struct nickname_table *t, struct nickname_entry *e)
{
	HASH_DELETE(hh, t->by_key, e);
	if (e->skeleton_len)
		HASH_DELETE(by_skeleton, t->by_skeleton, e);
	free(e->key);
	free(e->skeleton);
	free(e);
}

/* May a name that is new here be given? 0 or -ERR_EXISTS; skeleton is filled. */
static int check_looks(const struct nickname_table *t, struct slice nick, const void *owner,
		       struct bytes *skeleton)
{
	struct bytes shown = BYTES_INIT;
	int rc = 0;

	if (!t->strict)
		return 0;
	if (precis_nickname_enforce(nick, &shown) == 0) {
		precis_skeleton(bytes_slice(&shown), skeleton);
		if (precis_mixes_scripts(bytes_slice(&shown)) || looks_taken(t, skeleton, owner))
			rc = -ERR_EXISTS;
	}
	bytes_fini(&shown);
	return rc;
}

int nickname_claim(struct nickname_table *t, struct slice nick, const void *owner)
{
	struct bytes key = BYTES_INIT, skeleton = BYTES_INIT;
	const struct nickname_entry *e;
	int err = precis_nickname_compare(nick, &key);

	if (err == 0) {
		e = find(t, &key);
		if (e)
			err = e->owner == owner && owner ? 0 : -ERR_EXISTS;
		else if ((err = check_looks(t, nick, owner, &skeleton)) == 0)
			add(t, &key, &skeleton, owner);
	}
	bytes_fini(&key);
	bytes_fini(&skeleton);
	return err;
}

void nickname_release(struct nickname_table *t, struct slice nick, const void *owner)
{
	struct bytes key = BYTES_INIT;
	struct nickname_entry *e;

	if (precis_nickname_compare(nick, &key) == 0) {
		e = find(t, &key);
		if (e && e->owner == owner)
			del(t, e);
	}
	bytes_fini(&key);
}

bool nickname_same(struct slice a, struct slice b)
{
	struct bytes x = BYTES_INIT, y = BYTES_INIT;
	bool same = precis_nickname_compare(a, &x) == 0 && precis_nickname_compare(b, &y) == 0 &&
		    slice_eq(bytes_slice(&x), bytes_slice(&y));

	bytes_fini(&x);
	bytes_fini(&y);
	return same;
}

void nickname_fini(struct nickname_table *t)
{
	struct nickname_entry *e, *next;

	HASH_ITER(hh, t->by_key, e, next) {
		del(t, e);
	}
}
