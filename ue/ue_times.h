/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_TIMES_H
#define UE_UE_TIMES_H

#include "proto/ks/keyserver.h"

/*
 * The last timestamps of a UE that is a key server, and of who asked it for keys, in a file: its own
 * rise over a restart whatever the clock does, and what was taken before one is a replay after it
 * (RFC 3830 5.4). Without a file that is true of one process.
 */
struct ue_times;

/*
 * The file need not be there. -ERR_IO with errno; -ERR_SYNTAX: it is none of ours;
 * -ERR_EXISTS: another process has it (lock on FILE.lock). What is too old to
 * matter is forgotten. skew_ms: how far clocks may be off.
 */
MUST_CHECK int ue_times_open(const char *path, uint64_t skew_ms, uint64_t wall_us,
			     struct ue_times **times_r);
void ue_times_free(struct ue_times **t);
/* Lives as long as it does. */
const struct keyserver_memory *ue_times_hooks(const struct ue_times *t);
/*
 * What was told since is written, as a whole or not at all; before anything goes out that depends on it.
 * -ERR_IO with errno.
 */
MUST_CHECK int ue_times_save(struct ue_times *t);

#endif
