/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_STORE_SQLITE_H
#define COMMON_STORE_SQLITE_H

#include "common/store.h"

/*
 * A database file as tables of (key, value): one SQL table each, "(key BLOB PRIMARY KEY, value
 * BLOB) WITHOUT ROWID", names and values only as bound parameters. Blocking calls over one
 * connection, which one thread uses at a time; store_file puts a loop and a thread around it.
 */
struct store_sqlite;
struct store_write;

struct store_sqlite_config {
	const char *path;
	bool sync; /* on the disk when a commit returns; else within seconds (WAL, NORMAL) */
	uint64_t max_bytes; /* of the file; 0: no limit */
	unsigned busy_ms;   /* patience with other processes' locks */
};

/*
 * For writing: makes the file (0600) and its table "meta", checks the whole file, proves that it can
 * be written. -ERR_CONFIG: it is another program's, or a folder; -ERR_WRONG_STATE: another process
 * holds it; -ERR_IO: all else. *why is one sentence then, which names the file.
 */
MUST_CHECK int store_sqlite_open(const struct store_sqlite_config *config, char *why,
				 size_t why_size, struct store_sqlite **db_r);
/* The same file again: one that is only read from (readonly), or the writer's after a failure. */
MUST_CHECK int store_sqlite_reopen(const struct store_sqlite_config *config, bool readonly,
				   char *why, size_t why_size, struct store_sqlite **db_r);
void store_sqlite_close(struct store_sqlite **db);
/* -ERR_IO: the file is no longer where it was opened. */
MUST_CHECK int store_sqlite_check_place(struct store_sqlite *db);

/* One transaction: begin, apply..., then commit, or undo (after any failure). -ERR_IO; why: below. */
MUST_CHECK int store_sqlite_begin(struct store_sqlite *db);
MUST_CHECK int store_sqlite_apply(struct store_sqlite *db, const struct store_write *w);
/* Write a row of our own, to see whether the file takes it. */
MUST_CHECK int store_sqlite_touch(struct store_sqlite *db);
MUST_CHECK int store_sqlite_commit(struct store_sqlite *db);
void store_sqlite_undo(struct store_sqlite *db);

/* Appends the value. -ERR_NOT_FOUND, -ERR_IO. */
struct bytes;
MUST_CHECK int store_sqlite_get(struct store_sqlite *db, const char *table, struct slice key,
				struct bytes *value);
/* In order of keys. */
MUST_CHECK int store_sqlite_each(struct store_sqlite *db, const char *table, struct slice prefix,
				 store_each_fn *fn, void *arg);
/* What the last failure was. */
const char *store_sqlite_why(const struct store_sqlite *db);

#endif
