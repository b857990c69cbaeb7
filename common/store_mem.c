/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store in memory: hash tables of rows, nothing survives the process. A commit changes the
 * rows at once; its callback comes from the loop, in order, as with a back end that has to wait
 * for a disk.
 */
#include <assert.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <uthash.h>

#include "common/mem.h"
#include "common/store_priv.h"

struct row {
	char *key, *value;
	size_t key_len, value_len;
	UT_hash_handle hh;
};

struct table {
	char *name;
	struct row *rows;
	UT_hash_handle hh;
};

struct done {
	STAILQ_ENTRY(done) link;
	store_commit_fn *fn;
	void *arg;
};

struct store_mem {
	struct store store;
	struct table *tables;
	STAILQ_HEAD(done_list, done) done;
	struct event on_done;
	unsigned n_walks; /* store_each() calls under way */
	uint64_t commits, n_written;
};

static struct store_mem *mem_of(struct store *s)
{
	return CONTAINER_OF(s, struct store_mem, store);
}

static struct table *find_table(struct store_mem *m, const char *name)
{
	struct table *t;

	HASH_FIND_STR(m->tables, name, t);
	return t;
}

static struct row *find_row(const struct table *t, const char *key, size_t key_len)
{
	struct row *r = NULL;

	if (t)
		HASH_FIND(hh, t->rows, key ? key : "", (unsigned)key_len, r);
	return r;
}

static void remove_row(struct table *t, struct row *r)
{
	HASH_DEL(t->rows, r);
	free(r->key);
	free(r->value);
	free(r);
}

static int mem_get(struct store *s, const char *table, struct slice key, struct slice *value_r)
{
	const struct row *r = find_row(find_table(mem_of(s), table), key.ptr, key.len);

	if (!r)
		return -ERR_NOT_FOUND;
	*value_r = slice_make(r->value, r->value_len);
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;
	size_t common = x->key_len < y->key_len ? x->key_len : y->key_len;
	int order = memcmp(x->key, y->key, common);

	return order != 0 ? order : (x->key_len > y->key_len) - (x->key_len < y->key_len);
}

static int mem_each(struct store *s, const char *table, struct slice prefix, store_each_fn *fn,
		    void *arg)
{
	struct store_mem *m = mem_of(s);
	struct table *t = find_table(m, table);
	struct row **rows, *r;
	size_t n = 0;

	if (!t)
		return 0;
	rows = xcalloc(HASH_COUNT(t->rows) + 1, sizeof(struct row *));
	for (r = t->rows; r; r = r->hh.next)
		if (slice_starts(slice_make(r->key, r->key_len), prefix))
			rows[n++] = r;
	qsort(rows, n, sizeof(struct row *), by_key);
	m->n_walks++;
	for (size_t i = 0; i < n; i++)
		if (!fn(slice_make(rows[i]->key, rows[i]->key_len),
			slice_make(rows[i]->value, rows[i]->value_len), arg))
			break;
	m->n_walks--;
	free(rows);
	return 0;
}

/* Takes key and value out of the write. */
static void put(struct store_mem *m, struct store_write *w)
{
	struct table *t = find_table(m, w->table);
	struct row *r = find_row(t, w->key, w->key_len);

	if (!t) {
		t = xcalloc(1, sizeof(*t));
		t->name = xstrdup(w->table);
		HASH_ADD_KEYPTR(hh, m->tables, t->name, strlen(t->name), t);
	}
	if (r) {
		free(r->value);
	} else {
		r = xcalloc(1, sizeof(*r));
		r->key = w->key;
		r->key_len = w->key_len;
		w->key = NULL;
		HASH_ADD_KEYPTR(hh, t->rows, r->key, (unsigned)r->key_len, r);
	}
	r->value = w->value;
	r->value_len = w->value_len;
	w->value = NULL;
}

static void mem_commit(struct store *s, struct store_batch *batch_take, store_commit_fn *fn,
		       void *arg)
{
	struct store_mem *m = mem_of(s);
	struct store_write *w;
	struct done *done;

	assert(m->n_walks == 0);
	m->commits++;
	STAILQ_FOREACH(w, &batch_take->writes, link) {
		struct table *t = find_table(m, w->table);
		struct row *r = find_row(t, w->key, w->key_len);

		m->n_written++;
		if (w->is_put)
			put(m, w);
		else if (r)
			remove_row(t, r);
	}
	store_batch_free(&batch_take);
	if (!fn)
		return;
	done = xcalloc(1, sizeof(*done));
	done->fn = fn;
	done->arg = arg;
	STAILQ_INSERT_TAIL(&m->done, done, link);
	event_active(&m->on_done, 0, 0);
}

static void on_done(evutil_socket_t fd, short what, void *arg)
{
	struct store_mem *m = arg;
	struct done_list now = STAILQ_HEAD_INITIALIZER(now);
	struct done *done;

	(void)fd;
	(void)what;
	/* What a callback commits is for the next round: the loop must get its turn. */
	STAILQ_CONCAT(&now, &m->done);
	while ((done = STAILQ_FIRST(&now)) != NULL) {
		store_commit_fn *fn = done->fn;
		void *fn_arg = done->arg;

		STAILQ_REMOVE_HEAD(&now, link);
		free(done);
		fn(0, fn_arg);
	}
}

static void mem_health(const struct store *s, struct store_health *health_r)
{
	const struct store_mem *m = mem_of((struct store *)(uintptr_t)s);

	*health_r = (struct store_health){.commits = m->commits, .rows = m->n_written};
}

static void mem_free(struct store *s)
{
	struct store_mem *m = mem_of(s);
	struct table *t, *next_table;
	struct row *r, *next_row;
	struct done *done;

	event_del(&m->on_done);
	while ((done = STAILQ_FIRST(&m->done)) != NULL) {
		STAILQ_REMOVE_HEAD(&m->done, link);
		free(done);
	}
	HASH_ITER(hh, m->tables, t, next_table) {
		HASH_ITER(hh, t->rows, r, next_row)
			remove_row(t, r);
		HASH_DEL(m->tables, t);
		free(t->name);
		free(t);
	}
	free(m);
}

static const struct store_ops ops = {
	.name = "memory",
	.get = mem_get,
	.each = mem_each,
	.commit = mem_commit,
	.health = mem_health,
	.free = mem_free,
};

struct store *store_mem_new(struct event_base *base)
{
	struct store_mem *m = xcalloc(1, sizeof(*m));

	m->store.ops = &ops;
	STAILQ_INIT(&m->done);
	event_assign(&m->on_done, base, -1, 0, on_done, m);
	return &m->store;
}
