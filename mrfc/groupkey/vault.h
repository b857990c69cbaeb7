/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_GROUPKEY_VAULT_H
#define MRFC_GROUPKEY_VAULT_H

#include "mrfc/groupkey/member_keys.h"
#include "mrfc/groupkey/t_memory.h"

/* All that a key server has on the disk: members' keys and last timestamps, sealed in the store. */
struct vault;

struct vault_settings {
	const char *store_path; /* "": the store is memory, and nothing outlives the process */
	const char *key_file;   /* under which rows are sealed; "": STORE_PATH.key */
	uint64_t skew_ms;       /* of members' clocks; 0: 5 min */
};

/*
 * Reads the file of the store key, or makes it (and says so in the log), and what the store has.
 * -ERR_CONFIG with a sentence in why; -ERR_* of the store. The store must outlive it.
 */
MUST_CHECK int vault_open(struct store *store, const struct vault_settings *settings, char *why,
			  size_t why_size, struct vault **vault_r);
void vault_free(struct vault **v);
struct member_keys *vault_members(const struct vault *v);
/* NULL: nothing outlives the process. */
const struct keyserver_memory *vault_memory(const struct vault *v);

#endif
