/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of pairwise keys: users by the key of their URI, each with a short list. A row of the store
 * is named "USER ID" and holds serial(8) key(32) URI; the serial keeps the order of arrival.
 */
#include "mrfc/groupkey/member_keys.h"

#include <stdlib.h>
#include <sys/queue.h>
#include <uthash.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "common/secret.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "groupkey/keys"

#define TABLE       "member_key"
#define URI_MAX     255 /* octets that an id of MIKEY has */
#define SERIAL_SIZE 8
#define ID_MADE     8 /* random characters of an id that is made up */

struct entry {
	TAILQ_ENTRY(entry) link;
	struct member_key pub;
	char *uri, *id;
	uint8_t *key;
	uint64_t serial;
};
TAILQ_HEAD(entries, entry);

struct owner {
	char *name; /* sip_uri_key */
	struct entries keys;
	size_t n;
	UT_hash_handle hh;
};

struct member_keys {
	struct key_rows *rows; /* NULL: memory only */
	bool fleeting;
	struct owner *owners;
	size_t n;
	uint64_t last_serial;
};

struct member_keys *member_keys_new(struct key_rows *rows)
{
	struct member_keys *k = xcalloc(1, sizeof(*k));

	k->rows = rows;
	return k;
}

void member_keys_set_fleeting(struct member_keys *k)
{
	k->fleeting = true;
}

bool member_keys_stored(const struct member_keys *k)
{
	return k->rows != NULL && !k->fleeting;
}

static void entry_free(struct entry *e)
{
	secret_free(&e->key, MEMBER_KEY_SIZE);
	free(e->uri);
	free(e->id);
	free(e);
}

static void drop(struct member_keys *k, struct owner *o, struct entry *e)
{
	TAILQ_REMOVE(&o->keys, e, link);
	entry_free(e);
	o->n--;
	k->n--;
}

static void owner_drop_empty(struct member_keys *k, struct owner *o)
{
	if (o->n > 0)
		return;
	HASH_DEL(k->owners, o);
	free(o->name);
	free(o);
}

void member_keys_free(struct member_keys **kp)
{
	struct member_keys *k = *kp;
	struct owner *o, *next;

	if (k == NULL)
		return;
	*kp = NULL;
	HASH_ITER(hh, k->owners, o, next) {
		while (!TAILQ_EMPTY(&o->keys))
			drop(k, o, TAILQ_FIRST(&o->keys));
		owner_drop_empty(k, o);
	}
	free(k);
}

/* --- names --- */

static bool id_ok(struct slice id)
{
	for (size_t i = 0; i < id.len; i++) {
		char c = id.ptr[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c != '\0' && strchr("._-:@+", c) != NULL)))
			return false;
	}
	return id.len > 0 && id.len <= MEMBER_KEY_ID_MAX;
}

/* Names end at no NUL, not even an escaped one. */
static bool uri_ok(struct slice uri)
{
	struct bytes name = BYTES_INIT;
	struct sip_uri u;
	bool ok = uri.len <= URI_MAX && sip_uri_parse(uri, &u) == 0 && u.scheme != SIP_URI_OTHER &&
		  u.user.len > 0;

	if (ok) {
		sip_uri_name_key(uri, &name);
		ok = memchr(bytes_cstr(&name), '\0', name.len) == NULL;
	}
	bytes_fini(&name);
	return ok;
}

static struct owner *owner_find(const struct member_keys *k, struct slice uri)
{
	struct bytes name = BYTES_INIT;
	struct owner *o;

	sip_uri_name_key(uri, &name);
	HASH_FIND(hh, k->owners, bytes_cstr(&name), name.len, o);
	bytes_fini(&name);
	return o;
}

static struct owner *owner_get(struct member_keys *k, struct slice uri)
{
	struct owner *o = owner_find(k, uri);
	struct bytes name = BYTES_INIT;

	if (o != NULL)
		return o;
	o = xcalloc(1, sizeof(*o));
	sip_uri_name_key(uri, &name);
	o->name = bytes_take(&name);
	TAILQ_INIT(&o->keys);
	HASH_ADD_KEYPTR(hh, k->owners, o->name, strlen(o->name), o);
	return o;
}

static struct entry *entry_find(const struct owner *o, struct slice id)
{
	struct entry *e;

	TAILQ_FOREACH(e, &o->keys, link) {
		if (slice_eq_str(id, e->id))
			return e;
	}
	return NULL;
}

/* In the order of serials. */
static struct entry *insert(struct member_keys *k, struct slice uri, struct slice id,
			    const uint8_t key[MEMBER_KEY_SIZE], uint64_t serial)
{
	struct owner *o = owner_get(k, uri);
	struct entry *e = xcalloc(1, sizeof(*e)), *before;

	e->uri = slice_dup(uri);
	e->id = slice_dup(id);
	e->key = secret_alloc(MEMBER_KEY_SIZE);
	memcpy(e->key, key, MEMBER_KEY_SIZE);
	e->serial = serial;
	e->pub = (struct member_key){.uri = e->uri, .id = e->id, .key = e->key};
	before = TAILQ_FIRST(&o->keys);
	while (before != NULL && before->serial < serial)
		before = TAILQ_NEXT(before, link);
	if (before != NULL)
		TAILQ_INSERT_BEFORE(before, e, link);
	else
		TAILQ_INSERT_TAIL(&o->keys, e, link);
	o->n++;
	k->n++;
	if (serial > k->last_serial)
		k->last_serial = serial;
	return e;
}

/* --- rows --- */

static void row_name(const struct entry *e, struct bytes *out)
{
	sip_uri_name_key(slice_str(e->uri), out);
	bytes_addf(out, " %s", e->id);
}

static void write_row(struct member_keys *k, const struct entry *e, store_commit_fn *fn, void *arg)
{
	struct bytes name = BYTES_INIT;
	size_t uri_len = strlen(e->uri), size = SERIAL_SIZE + MEMBER_KEY_SIZE + uri_len;
	uint8_t *value = secret_alloc(size);

	for (size_t i = 0; i < SERIAL_SIZE; i++)
		value[i] = (uint8_t)(e->serial >> (8 * (SERIAL_SIZE - 1 - i)));
	memcpy(value + SERIAL_SIZE, e->key, MEMBER_KEY_SIZE);
	memcpy(value + SERIAL_SIZE + MEMBER_KEY_SIZE, e->uri, uri_len);
	row_name(e, &name);
	key_rows_put(k->rows, TABLE, bytes_slice(&name), slice_make(value, size), fn, arg);
	bytes_fini(&name);
	secret_free(&value, size);
}

struct load {
	struct member_keys *keys;
	size_t n_skipped;
};

static bool take_row(struct member_keys *k, struct slice name, struct slice value)
{
	struct slice uri = slice_from(value, SERIAL_SIZE + MEMBER_KEY_SIZE), id = name;
	const uint8_t *octets = (const uint8_t *)value.ptr;
	uint64_t serial = 0;
	ptrdiff_t space;

	if (value.len <= SERIAL_SIZE + MEMBER_KEY_SIZE || !uri_ok(uri))
		return false;
	while ((space = slice_chr(id, ' ')) >= 0)
		id = slice_from(id, (size_t)space + 1);
	if (!id_ok(id))
		return false;
	for (size_t i = 0; i < SERIAL_SIZE; i++)
		serial = serial << 8 | octets[i];
	(void)insert(k, uri, id, octets + SERIAL_SIZE, serial);
	return true;
}

static void on_row(struct slice name, struct slice value, void *arg)
{
	struct load *load = arg;

	if (value.len > 0 && take_row(load->keys, name, value))
		return;
	load->n_skipped++;
	log_error("alarm: the stored key '" SLICE_FMT "' was changed, or sealed with another store "
		  "key: it is not used",
		  SLICE_ARG(name));
}

int member_keys_load(struct member_keys *k, size_t *n_skipped_r)
{
	struct load load = {.keys = k};
	int err = k->rows == NULL ? 0 : key_rows_each(k->rows, TABLE, on_row, &load);

	if (err == 0)
		*n_skipped_r = load.n_skipped;
	return err;
}

/* --- changes --- */

int member_keys_add(struct member_keys *k, const char *uri, const char *id, store_commit_fn *fn,
		    void *arg, const struct member_key **key_r)
{
	char made[ID_MADE + 1];
	uint8_t *key;
	struct owner *o;
	struct entry *e;

	if (id == NULL || id[0] == '\0') {
		rand_ident(made, ID_MADE);
		id = made;
	}
	if (!uri_ok(slice_str(uri)) || !id_ok(slice_str(id)))
		return -ERR_SYNTAX;
	o = owner_find(k, slice_str(uri));
	if (o != NULL && entry_find(o, slice_str(id)) != NULL)
		return -ERR_EXISTS;
	if (o != NULL && o->n == MEMBER_KEYS_MAX)
		return -ERR_LIMIT;
	key = secret_alloc(MEMBER_KEY_SIZE);
	secret_random(key, MEMBER_KEY_SIZE);
	e = insert(k, slice_str(uri), slice_str(id), key, k->last_serial + 1);
	secret_free(&key, MEMBER_KEY_SIZE);
	if (k->rows != NULL)
		write_row(k, e, fn, arg);
	*key_r = &e->pub;
	return 0;
}

static void remove_entry(struct member_keys *k, struct owner *o, struct entry *e,
			 store_commit_fn *fn, void *arg)
{
	struct bytes name = BYTES_INIT;

	row_name(e, &name);
	drop(k, o, e);
	if (k->rows != NULL)
		key_rows_del(k->rows, TABLE, bytes_slice(&name), fn, arg);
	bytes_fini(&name);
}

int member_keys_remove(struct member_keys *k, const char *uri, const char *id, store_commit_fn *fn,
		       void *arg)
{
	struct owner *o = owner_find(k, slice_str(uri));
	struct entry *e;
	int n = 0;

	if (o == NULL || (id != NULL && entry_find(o, slice_str(id)) == NULL))
		return -ERR_NOT_FOUND;
	while ((e = id != NULL ? entry_find(o, slice_str(id)) : TAILQ_FIRST(&o->keys)) != NULL) {
		bool last = id != NULL || o->n == 1;

		remove_entry(k, o, e, last ? fn : NULL, arg);
		n++;
	}
	owner_drop_empty(k, o);
	return n;
}

/* --- looking --- */

const struct member_key *member_keys_find(const struct member_keys *k, const char *uri,
					  struct slice id)
{
	const struct owner *o = owner_find(k, slice_str(uri));
	const struct entry *e = NULL;

	if (o != NULL)
		e = id.len == 0 ? TAILQ_FIRST(&o->keys) : entry_find(o, id);
	return e != NULL ? &e->pub : NULL;
}

static const struct member_key *on_lookup(const char *uri, struct slice id, void *arg)
{
	return member_keys_find(arg, uri, id);
}

struct keyserver_keys member_keys_lookup(struct member_keys *k)
{
	return (struct keyserver_keys){.find = on_lookup, .arg = k};
}

void member_keys_each(const struct member_keys *k, member_keys_fn *fn, void *arg)
{
	for (const struct owner *o = k->owners; o != NULL; o = o->hh.next) {
		const struct entry *e;

		TAILQ_FOREACH(e, &o->keys, link)
			fn(&e->pub, arg);
	}
}

static bool on_any(struct slice key, struct slice value, void *arg)
{
	(void)key;
	(void)value;
	*(bool *)arg = true;
	return false;
}

bool member_keys_are_in(struct store *store)
{
	bool any = false;

	return store_each(store, TABLE, on_any, &any) == 0 && any;
}
