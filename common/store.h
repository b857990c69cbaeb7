/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_STORE_H
#define COMMON_STORE_H

#include "common/slice.h"

/*
 * Durable state as tables of (key, value) bytes behind one interface. Writes gather in a batch
 * that is committed as a whole; a request is answered from the commit's callback, so that an answer
 * never precedes its state. Back ends: memory (store_mem), a database file (store_file).
 */
struct store;
struct store_batch;
typedef void store_commit_fn(int err, void *arg);                            /* 0 or -ERR_* */
typedef bool store_each_fn(struct slice key, struct slice value, void *arg); /* false stops */

/* How it is. Counters since the start. */
struct store_health {
	const char *trouble; /* NULL: commits succeed; else one sentence why not */
	uint64_t commits;    /* transactions made durable */
	uint64_t failures;   /* that failed, and reads that did */
	uint64_t rows;       /* written or removed, durably */
	uint64_t busy_us;    /* spent in transactions */
	size_t unsaved;      /* rows that wait for the store to work again */
};

struct store_ops {
	const char *name;
	int (*get)(struct store *s, const char *table, struct slice key, struct slice *value_r);
	int (*each)(struct store *s, const char *table, struct slice prefix, store_each_fn *fn,
		    void *arg);
	/* Takes the batch. Calls back from the loop, never before returning. */
	void (*commit)(struct store *s, struct store_batch *batch_take, store_commit_fn *fn,
		       void *arg);
	void (*health)(const struct store *s, struct store_health *health_r);
	void (*free)(struct store *s);
};

struct event_base;
struct store *store_mem_new(struct event_base *base);
/* What was committed is made durable first, as far as the back end can. */
void store_free(struct store **s);

/* View valid until the next call with the store. -ERR_NOT_FOUND; -ERR_IO: cannot be read. */
MUST_CHECK int store_get(struct store *s, const char *table, struct slice key,
			 struct slice *value_r);
/* In order of keys. fn must not commit. 0, or what the back end failed with. */
MUST_CHECK int store_each(struct store *s, const char *table, store_each_fn *fn, void *arg);
/* Those whose key begins with prefix. */
MUST_CHECK int store_each_prefix(struct store *s, const char *table, struct slice prefix,
				 store_each_fn *fn, void *arg);

struct store_batch *store_batch_new(void);
/* Table names are literals of [a-z_]. */
void store_batch_put(struct store_batch *b, const char *table, struct slice key,
		     struct slice value);
void store_batch_del(struct store_batch *b, const char *table, struct slice key);
/*
 * Nobody was told yet what rests on these changes: they may wait for others, STORE_GATHER_MS at most,
 * and go into one transaction with them.
 */
#define STORE_GATHER_MS 10
void store_batch_may_wait(struct store_batch *b);
void store_batch_free(struct store_batch **b);
/*
 * get and each show the changes at once; fn (may be NULL) is called from the loop, commits in
 * order, once they are durable. Failed ones (-ERR_IO) are not taken back: they stay visible and are
 * written again, later changes included, until the back end can. -ERR_LIMIT: too much waits for
 * that already; these changes are lost. Callbacks still due when the store is freed do not come; do
 * not free it in one.
 */
void store_commit(struct store *s, struct store_batch *batch_take, store_commit_fn *fn, void *arg);
void store_health(const struct store *s, struct store_health *health_r);

#endif
