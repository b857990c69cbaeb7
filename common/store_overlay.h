/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_STORE_OVERLAY_H
#define COMMON_STORE_OVERLAY_H

#include "common/store_priv.h"

/*
 * The rows whose last write is not durable yet: reads look here before they look into the file. A
 * write belongs to the batch that carries it, or, once that failed, to the overlay: it is unsaved
 * then, until a batch takes it again or a later write of the row takes its place.
 */
struct store_overlay_table;
struct store_overlay {
	struct store_overlay_table *tables;
	size_t n_bytes;   /* of all writes that are not durable, about */
	size_t n_unsaved; /* rows */
};

/* What a write counts for. */
size_t store_overlay_cost(const struct store_batch *b);
/* The writes of a batch are what their rows are from now on. */
void store_overlay_add(struct store_overlay *o, struct store_batch *b);
/* NULL: the file knows. */
const struct store_write *store_overlay_find(const struct store_overlay *o, const char *table,
					     struct slice key);
/* The batch is back, and is emptied: durable, or what is still the last of its row is unsaved. */
void store_overlay_settle(struct store_overlay *o, struct store_batch *b, bool durable);
/* All that is unsaved goes into b. */
void store_overlay_take(struct store_overlay *o, struct store_batch *b);
/* The rows whose key begins with prefix, by key. The array is the caller's, n of them. */
const struct store_write **store_overlay_list(const struct store_overlay *o, const char *table,
					      struct slice prefix, size_t *n_r);
/* Order of keys, as memcmp. */
int store_overlay_order(struct slice a, struct slice b);
/* No batch is out. */
void store_overlay_fini(struct store_overlay *o);

#endif
