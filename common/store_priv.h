/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_STORE_PRIV_H
#define COMMON_STORE_PRIV_H

#include <sys/queue.h>

#include "common/store.h"

/* First member of every back end's own struct. */
struct store {
	const struct store_ops *ops;
};

/* One write, in the order they were made. Heap copies. */
struct store_write {
	STAILQ_ENTRY(store_write) link;
	bool is_put; /* else a removal, value is empty */
	char *table;
	char *key, *value;
	size_t key_len, value_len;
};
void store_write_free(struct store_write *w);

struct store_batch {
	STAILQ_HEAD(, store_write) writes;
	bool may_wait;
};

#endif
