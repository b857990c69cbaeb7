/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_STORE_FILE_H
#define COMMON_STORE_FILE_H

#include "common/store.h"

/* The store in a database file: see store.h for what it does, store_sqlite.h for the file. */
struct store_file_config {
	const char *path;   /* folders are made (0700), the file is 0600 */
	bool sync;          /* a commit is on the disk, not only with the system, when it is told */
	uint64_t max_bytes; /* of the file; 0: no limit */
	size_t max_unsaved; /* octets of changes that may wait in memory; 0: 64 MiB */
	unsigned busy_ms;   /* patience with other processes' locks; 0: 2 s */
	unsigned retry_ms;  /* after a failure; 0: 1 s */
};

/*
 * Blocks while the file is checked. -ERR_CONFIG: it is a folder or another program's; -ERR_IO: it
 * cannot be had, read or written, or another process has it. why: one sentence that names the file.
 */
MUST_CHECK int store_file_open(struct event_base *base, const struct store_file_config *config,
			       char *why, size_t why_size, struct store **store_r);

#endif
