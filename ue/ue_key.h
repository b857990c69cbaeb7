/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_KEY_H
#define UE_UE_KEY_H

#include <stdint.h>

#include "common/slice.h"

/* The pairwise key of a member and the key server, as provisioning gave it. */
#define UE_KEY_SIZE   32
#define UE_KEY_ID_MAX 64
struct ue_key {
	char id[UE_KEY_ID_MAX + 1];
	uint8_t key[UE_KEY_SIZE];
};

/*
 * A file whose first line is "<id> <64 hex digits>", as mrfctl writes it. 1: others than
 * its owner may read it; -ERR_IO with errno; -ERR_SYNTAX: no such line. The caller wipes *key_r.
 */
MUST_CHECK int ue_key_load(const char *path, struct ue_key *key_r);
/* That line. -ERR_SYNTAX: *key_r may be written to, and is to be wiped as well. */
MUST_CHECK int ue_key_parse(struct slice line, struct ue_key *key_r);

#endif
