/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's front: batches, which are the same for every back end, and the calls into the
 * back end's table.
 */
#include "common/store.h"

#include <stdlib.h>

#include "common/mem.h"
#include "common/store_priv.h"

void store_free(struct store **s)
{
	if (*s)
		(*s)->ops->free(*s);
	*s = NULL;
}

int store_get(struct store *s, const char *table, struct slice key, struct slice *value_r)
{
	return s->ops->get(s, table, key, value_r);
}

int store_each(struct store *s, const char *table, store_each_fn *fn, void *arg)
{
	return s->ops->each(s, table, SLICE_NULL, fn, arg);
}

int store_each_prefix(struct store *s, const char *table, struct slice prefix, store_each_fn *fn,
		      void *arg)
{
	return s->ops->each(s, table, prefix, fn, arg);
}

struct store_batch *store_batch_new(void)
{
	struct store_batch *b = xcalloc(1, sizeof(*b));

	STAILQ_INIT(&b->writes);
	return b;
}

static void add(struct store_batch *b, bool is_put, const char *table, struct slice key,
		struct slice value)
{
	struct store_write *w = xcalloc(1, sizeof(*w));

	w->is_put = is_put;
	w->table = xstrdup(table);
	w->key = slice_dup(key);
	w->key_len = key.len;
	w->value = slice_dup(value);
	w->value_len = value.len;
	STAILQ_INSERT_TAIL(&b->writes, w, link);
}

void store_batch_put(struct store_batch *b, const char *table, struct slice key, struct slice value)
{
	add(b, true, table, key, value);
}

void store_batch_del(struct store_batch *b, const char *table, struct slice key)
{
	add(b, false, table, key, SLICE_NULL);
}

void store_batch_may_wait(struct store_batch *b)
{
	b->may_wait = true;
}

void store_write_free(struct store_write *w)
{
	free(w->table);
	free(w->key);
	free(w->value);
	free(w);
}

void store_batch_free(struct store_batch **b)
{
	struct store_batch *batch = *b;
	struct store_write *w;

	*b = NULL;
	if (!batch)
		return;
	while ((w = STAILQ_FIRST(&batch->writes)) != NULL) {
		STAILQ_REMOVE_HEAD(&batch->writes, link);
		store_write_free(w);
	}
	free(batch);
}

void store_commit(struct store *s, struct store_batch *batch_take, store_commit_fn *fn, void *arg)
{
	s->ops->commit(s, batch_take, fn, arg);
}

void store_health(const struct store *s, struct store_health *health_r)
{
	s->ops->health(s, health_r);
}
