/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nickname table of one conference, RFC 7701 section 7. Names are compared in a prepared form:
 * blanks trimmed and collapsed, ASCII letters folded. It knows neither users nor MSRP; the roster
 * decides whose names they are and turns errors into status codes.
 */
#include "mrfc/nickname.h"

#include <stdlib.h>
#include <uthash.h>

#include "common/mem.h"

struct nickname_entry {
	UT_hash_handle hh;
	const void *owner; /* NULL: reserved */
	size_t key_len;
	char key[NICKNAME_MAX];
};

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool has_control(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c < 0x20 || c == 0x7f)
			return true;
	}
	return false;
}

int nickname_prepare(struct slice nick, struct bytes *out)
{
	bool gap = false, any = false;

	if (nick.len > NICKNAME_MAX || has_control(nick) || !slice_is_utf8(nick))
		return -ERR_SYNTAX;
	for (size_t i = 0; i < nick.len; i++) {
		if (nick.ptr[i] == ' ') {
			gap = any;
			continue;
		}
		if (gap)
			bytes_add_char(out, ' ');
		bytes_add_char(out, fold(nick.ptr[i]));
		gap = false;
		any = true;
	}
	return any ? 0 : -ERR_SYNTAX;
}

static struct nickname_entry *find(const struct nickname_table *t, const struct bytes *key)
{
	struct nickname_entry *e;

	HASH_FIND(hh, t->entries, key->data, key->len, e);
	return e;
}

static struct nickname_entry *entry_new(const struct bytes *key, const void *owner)
{
	struct nickname_entry *e = xcalloc(1, offsetof(struct nickname_entry, key) + key->len);

	e->owner = owner;
	e->key_len = key->len;
	memcpy(e->key, key->data, key->len);
	return e;
}

int nickname_claim(struct nickname_table *t, struct slice nick, const void *owner)
{
	struct bytes key = BYTES_INIT;
	struct nickname_entry *e;
	int err = nickname_prepare(nick, &key);

	if (err == 0) {
		e = find(t, &key);
		if (e && (e->owner != owner || !owner))
			err = -ERR_EXISTS;
		if (!e) {
			e = entry_new(&key, owner);
			HASH_ADD_KEYPTR(hh, t->entries, e->key, e->key_len, e);
		}
	}
	bytes_fini(&key);
	return err;
}

void nickname_release(struct nickname_table *t, struct slice nick, const void *owner)
{
	struct bytes key = BYTES_INIT;
	struct nickname_entry *e;

	if (nickname_prepare(nick, &key) == 0) {
		e = find(t, &key);
		if (e && e->owner == owner) {
			HASH_DEL(t->entries, e);
			free(e);
		}
	}
	bytes_fini(&key);
}

bool nickname_same(struct slice a, struct slice b)
{
	struct bytes x = BYTES_INIT, y = BYTES_INIT;
	bool same = nickname_prepare(a, &x) == 0 && nickname_prepare(b, &y) == 0 &&
		    slice_eq(bytes_slice(&x), bytes_slice(&y));

	bytes_fini(&x);
	bytes_fini(&y);
	return same;
}

void nickname_fini(struct nickname_table *t)
{
	struct nickname_entry *e, *next;

	HASH_ITER(hh, t->entries, e, next) {
		HASH_DEL(t->entries, e);
		free(e);
	}
}
