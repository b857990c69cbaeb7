/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_STORE_WRITER_H
#define COMMON_STORE_WRITER_H

#include "common/store_priv.h"
#include "common/store_sqlite.h"

/*
 * The helper thread that writes: it takes all batches that queued up while it was busy into one
 * transaction (group commit), in order; batches that may wait gather for STORE_GATHER_MS after the
 * transaction before, until one comes that may not. After a failure every batch fails at once, as later changes
 * must not become durable before earlier ones, until one that is marked as a retry succeeds.
 */
struct store_writer;

/* A batch on its way to the file and back. The caller's memory, the writer's while it has it. */
struct store_item {
	STAILQ_ENTRY(store_item) link;
	struct store_batch *batch;
	bool is_retry;
	store_commit_fn *fn; /* the caller's own */
	void *arg;
	/* The outcome. */
	int err; /* set before: the batch is empty and keeps its place in the order */
	uint32_t n_commits;
	uint64_t n_rows, busy_us; /* of the transaction, told by one of its items */
	char why[256];
};
STAILQ_HEAD(store_items, store_item);

/* Takes db. -ERR_IO with errno. */
MUST_CHECK int store_writer_new(const struct store_sqlite_config *config,
				struct store_sqlite *db_take, struct store_writer **w_r);
/* Readable when items are done. */
int store_writer_fd(const struct store_writer *w);
void store_writer_send(struct store_writer *w, struct store_item *i);
/* Those that are done, in the order they were sent. */
void store_writer_collect(struct store_writer *w, struct store_items *done_r);
/* Ends the thread after all it has; collect gives them back. */
void store_writer_stop(struct store_writer *w);
/* After stop: do this one now. */
void store_writer_run(struct store_writer *w, struct store_item *i);
void store_writer_free(struct store_writer **w);

#endif
