/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_STORE_H
#define COMMON_STORE_H

#include "common/slice.h"

/*
 * Durable state as tables of (key, value) bytes behind one interface. Writes gather in a batch
 * that is committed as a whole, once per loop turn; a request is answered from the commit's
 * callback, so that an answer never precedes its state. Back ends: memory (store_mem); a database
 * file comes behind the same table.
 */
struct store;
struct store_batch;
typedef void store_commit_fn(int err, void *arg);                            /* 0 or -ERR_* */
typedef bool store_each_fn(struct slice key, struct slice value, void *arg); /* false stops */

struct store_ops {
	const char *name;
	int (*get)(struct store *s, const char *table, struct slice key, struct slice *value_r);
	int (*each)(struct store *s, const char *table, store_each_fn *fn, void *arg);
	/* Takes the batch. Calls back from the loop, never before returning. */
	void (*commit)(struct store *s, struct store_batch *batch_take, store_commit_fn *fn,
		       void *arg);
	void (*free)(struct store *s);
};

struct event_base;
struct store *store_mem_new(struct event_base *base);
void store_free(struct store **s);

/* View valid until the next commit. -ERR_NOT_FOUND. */
MUST_CHECK int store_get(struct store *s, const char *table, struct slice key,
			 struct slice *value_r);
/* In any order. fn must not commit. 0, or what the back end failed with. */
MUST_CHECK int store_each(struct store *s, const char *table, store_each_fn *fn, void *arg);

struct store_batch *store_batch_new(void);
void store_batch_put(struct store_batch *b, const char *table, struct slice key,
		     struct slice value);
void store_batch_del(struct store_batch *b, const char *table, struct slice key);
void store_batch_free(struct store_batch **b);
/*
 * get and each show the changes at once; fn (may be NULL) is called from the loop, commits in
 * order, once they are durable. Callbacks still due when the store is freed do not come;
 * do not free it in one.
 */
void store_commit(struct store *s, struct store_batch *batch_take, store_commit_fn *fn, void *arg);

#endif
