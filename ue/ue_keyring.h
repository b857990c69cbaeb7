/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_KEYRING_H
#define UE_UE_KEYRING_H

#include <stdbool.h>

#include "proto/ks/member_key.h"

/*
 * The pairwise keys that a user who is the key server of his conferences shares with the others: a file
 * of lines "<URI> <id> <64 hex digits>"; empty ones and those that begin with # say nothing. One who
 * has several devices may have several keys, each with an id of its own.
 */
struct ue_keyring;

#define UE_KEYRING_MAX 10000u /* keys */

/*
 * Reads the file. 1: others than its owner may read it; 0; -ERR_IO with errno; -ERR_SYNTAX,
 * -ERR_EXISTS (this user has a key of that id above), -ERR_LIMIT: *line_r is the line, from 1.
 */
MUST_CHECK int ue_keyring_load(const char *path, struct ue_keyring **ring_r, unsigned *line_r);
void ue_keyring_free(struct ue_keyring **ring); /* keys are wiped */
size_t ue_keyring_count(const struct ue_keyring *ring);
/* Any URI that means the same user. id empty: his first in the file. NULL: none. */
const struct member_key *ue_keyring_find(const struct ue_keyring *ring, const char *uri,
					 struct slice id);
/*
 * The file was written to since it was read. When it can be read as above the keys are those of it, else
 * they stay. 1: new ones; 0: no change; -ERR_*: as above.
 */
MUST_CHECK int ue_keyring_renew(struct ue_keyring *ring, unsigned *line_r);

#endif
