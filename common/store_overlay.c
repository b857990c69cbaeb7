/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that are not durable yet, in hash tables. Owns unsaved writes and nothing else. */
#include "common/store_overlay.h"

#include <assert.h>
#include <stdlib.h>
#include <uthash.h>

#include "common/mem.h"

#define ROW_COST 128 /* octets of a write beside its key and value */

struct row {
	struct store_write *w;
	bool unsaved; /* w is ours */
	UT_hash_handle hh;
};

struct store_overlay_table {
	char *name;
	struct row *rows;
	UT_hash_handle hh;
};

static size_t cost(const struct store_write *w)
{
	return w->key_len + w->value_len + ROW_COST;
}

size_t store_overlay_cost(const struct store_batch *b)
{
	const struct store_write *w;
	size_t n = 0;

	STAILQ_FOREACH(w, &b->writes, link)
		n += cost(w);
	return n;
}

static void drop_write(struct store_overlay *o, struct store_write *w)
{
	o->n_bytes -= cost(w);
	store_write_free(w);
}

static struct store_overlay_table *find_table(const struct store_overlay *o, const char *name)
{
	struct store_overlay_table *t;

	HASH_FIND_STR(o->tables, name, t);
	return t;
}

static struct row *find_row(const struct store_overlay_table *t, const char *key, size_t len)
{
	struct row *r = NULL;

	if (t != NULL)
		HASH_FIND(hh, t->rows, key != NULL ? key : "", (unsigned)len, r);
	return r;
}

static void add(struct store_overlay *o, struct store_write *w)
{
	struct store_overlay_table *t = find_table(o, w->table);
	struct row *r = find_row(t, w->key, w->key_len);

	if (t == NULL) {
		t = xcalloc(1, sizeof(*t));
		t->name = xstrdup(w->table);
		HASH_ADD_KEYPTR(hh, o->tables, t->name, strlen(t->name), t);
	}
	if (r == NULL) {
		r = xcalloc(1, sizeof(*r));
	} else {
		HASH_DEL(t->rows, r); /* its key is the old write's */
		if (r->unsaved) {
			drop_write(o, r->w);
			o->n_unsaved--;
		}
	}
	r->w = w;
	r->unsaved = false;
	HASH_ADD_KEYPTR(hh, t->rows, w->key, (unsigned)w->key_len, r);
	o->n_bytes += cost(w);
}

void store_overlay_add(struct store_overlay *o, struct store_batch *b)
{
	struct store_write *w;

	STAILQ_FOREACH(w, &b->writes, link)
		add(o, w);
}

const struct store_write *store_overlay_find(const struct store_overlay *o, const char *table,
					     struct slice key)
{
	const struct row *r = find_row(find_table(o, table), key.ptr, key.len);

	return r != NULL ? r->w : NULL;
}

void store_overlay_settle(struct store_overlay *o, struct store_batch *b, bool durable)
{
	struct store_write *w;

	while ((w = STAILQ_FIRST(&b->writes)) != NULL) {
		struct store_overlay_table *t = find_table(o, w->table);
		struct row *r = find_row(t, w->key, w->key_len);

		STAILQ_REMOVE_HEAD(&b->writes, link);
		if (r == NULL || r->w != w) { /* a later one took its place */
			drop_write(o, w);
		} else if (durable) {
			HASH_DEL(t->rows, r);
			free(r);
			drop_write(o, w);
		} else {
			r->unsaved = true;
			o->n_unsaved++;
		}
	}
}

void store_overlay_take(struct store_overlay *o, struct store_batch *b)
{
	for (struct store_overlay_table *t = o->tables; t != NULL; t = t->hh.next) {
		for (struct row *r = t->rows; r != NULL; r = r->hh.next) {
			if (!r->unsaved)
				continue;
			r->unsaved = false;
			o->n_unsaved--;
			if (r->w->is_put)
				STAILQ_INSERT_TAIL(&b->writes, r->w, link);
			else /* first: they make room */
				STAILQ_INSERT_HEAD(&b->writes, r->w, link);
		}
	}
	assert(o->n_unsaved == 0);
}

int store_overlay_order(struct slice a, struct slice b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int result = common > 0 ? memcmp(a.ptr, b.ptr, common) : 0;

	return result != 0 ? result : (a.len > b.len) - (a.len < b.len);
}

static int by_key(const void *a, const void *b)
{
	const struct store_write *x = *(const struct store_write *const *)a;
	const struct store_write *y = *(const struct store_write *const *)b;

	return store_overlay_order(slice_make(x->key, x->key_len), slice_make(y->key, y->key_len));
}

const struct store_write **store_overlay_list(const struct store_overlay *o, const char *table,
					      struct slice prefix, size_t *n_r)
{
	const struct store_overlay_table *t = find_table(o, table);
	const struct store_write **list;
	size_t n = 0;

	list = xcalloc((t != NULL ? HASH_COUNT(t->rows) : 0) + 1, sizeof(const void *));
	for (const struct row *r = t != NULL ? t->rows : NULL; r != NULL; r = r->hh.next) {
		if (slice_starts(slice_make(r->w->key, r->w->key_len), prefix))
			list[n++] = r->w;
	}
	qsort(list, n, sizeof(const void *), by_key);
	*n_r = n;
	return list;
}

void store_overlay_fini(struct store_overlay *o)
{
	struct store_overlay_table *t, *next_table;
	struct row *r, *next_row;

	HASH_ITER(hh, o->tables, t, next_table) {
		HASH_ITER(hh, t->rows, r, next_row) {
			HASH_DEL(t->rows, r);
			assert(r->unsaved);
			drop_write(o, r->w);
			free(r);
		}
		HASH_DEL(o->tables, t);
		free(t->name);
		free(t);
	}
	assert(o->n_bytes == 0);
	o->n_unsaved = 0;
}
