/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_GROUPKEY_KEY_ROWS_H
#define MRFC_GROUPKEY_KEY_ROWS_H

#include "common/secret_box.h"
#include "common/store.h"

/*
 * Rows of the store that nobody but the holder of the store key can read or make: each value is
 * sealed together with the table's and the row's name, so that one which was edited, or put in
 * another's place, is found out. What they cannot show: that a row is missing, or an older one of its own.
 */
struct key_rows;

/* The store must outlive it. */
struct key_rows *key_rows_new(struct store *store, const uint8_t key[SECRET_BOX_KEY_SIZE]);
void key_rows_free(struct key_rows **rows);

/* fn: NULL, or called from the loop once it is stored (as store_commit). */
void key_rows_put(struct key_rows *rows, const char *table, struct slice name, struct slice value,
		  store_commit_fn *fn, void *arg);
void key_rows_del(struct key_rows *rows, const char *table, struct slice name, store_commit_fn *fn,
		  void *arg);

/* value: SLICE_NULL when the row is not what was put; else valid in the call, wiped after it. */
typedef void key_rows_fn(struct slice name, struct slice value, void *arg);
/* In order of names. 0, or -ERR_* of the store. */
MUST_CHECK int key_rows_each(struct key_rows *rows, const char *table, key_rows_fn *fn, void *arg);

#endif
