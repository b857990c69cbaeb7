/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_GROUPKEY_T_MEMORY_H
#define MRFC_GROUPKEY_T_MEMORY_H

#include "mrfc/groupkey/key_rows.h"
#include "proto/ks/keyserver.h"

/*
 * The last timestamps of the key server and of members, in the store: what was seen before a
 * restart is a replay after it (RFC 3830 5.4).
 */
struct t_memory;

/*
 * Reads what is there; what is too old to matter is removed. A row that was tampered with counts as
 * lost: its sender is heard again once the window (skew_ms) is over. -ERR_* of the store.
 */
MUST_CHECK int t_memory_new(struct key_rows *rows, uint64_t skew_ms, uint64_t wall_us,
			    struct t_memory **memory_r);
void t_memory_free(struct t_memory **memory);
/* Lives as long as it does. */
const struct keyserver_memory *t_memory_hooks(const struct t_memory *memory);

#endif
