/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed rows of the store: the name that is authenticated is "TABLE NUL ROW". */
#include "mrfc/groupkey/key_rows.h"

#include <stdlib.h>

#include "common/mem.h"
#include "common/secret.h"

#define VALUE_MAX 512

struct key_rows {
	struct store *store;
	uint8_t *key;
};

struct key_rows *key_rows_new(struct store *store, const uint8_t key[SECRET_BOX_KEY_SIZE])
{
	struct key_rows *r = xcalloc(1, sizeof(*r));

	r->store = store;
	r->key = secret_alloc(SECRET_BOX_KEY_SIZE);
	memcpy(r->key, key, SECRET_BOX_KEY_SIZE);
	return r;
}

void key_rows_free(struct key_rows **rp)
{
	struct key_rows *r = *rp;

	if (r == NULL)
		return;
	*rp = NULL;
	secret_free(&r->key, SECRET_BOX_KEY_SIZE);
	free(r);
}

static void full_name(const char *table, struct slice name, struct bytes *out)
{
	bytes_add_str(out, table);
	bytes_add_char(out, '\0');
	bytes_add_slice(out, name);
}

void key_rows_put(struct key_rows *r, const char *table, struct slice name, struct slice value,
		  store_commit_fn *fn, void *arg)
{
	struct store_batch *batch = store_batch_new();
	struct bytes whole = BYTES_INIT, sealed = BYTES_INIT;

	full_name(table, name, &whole);
	secret_box_seal(r->key, bytes_slice(&whole), value, &sealed);
	store_batch_put(batch, table, name, bytes_slice(&sealed));
	store_commit(r->store, batch, fn, arg);
	bytes_fini(&whole);
	bytes_fini(&sealed);
}

void key_rows_del(struct key_rows *r, const char *table, struct slice name, store_commit_fn *fn,
		  void *arg)
{
	struct store_batch *batch = store_batch_new();

	store_batch_del(batch, table, name);
	store_commit(r->store, batch, fn, arg);
}

struct walk {
	const struct key_rows *rows;
	const char *table;
	key_rows_fn *fn;
	void *arg;
};

static bool on_row(struct slice name, struct slice sealed, void *arg)
{
	const struct walk *w = arg;
	uint8_t value[VALUE_MAX];
	struct bytes whole = BYTES_INIT;
	int n;

	full_name(w->table, name, &whole);
	n = secret_box_open(w->rows->key, bytes_slice(&whole), sealed, value, sizeof(value));
	w->fn(name, n < 0 ? SLICE_NULL : slice_make(value, (size_t)n), w->arg);
	mem_wipe(value, sizeof(value));
	bytes_fini(&whole);
	return true;
}

int key_rows_each(struct key_rows *r, const char *table, key_rows_fn *fn, void *arg)
{
	struct walk w = {.rows = r, .table = table, .fn = fn, .arg = arg};

	return store_each(r->store, table, on_row, &w);
}
