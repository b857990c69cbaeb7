/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_GROUPKEY_MEMBER_KEYS_H
#define MRFC_GROUPKEY_MEMBER_KEYS_H

#include "mrfc/groupkey/key_rows.h"
#include "proto/ks/member_key.h"

/*
 * Pairwise keys of users and the key server (MK): under which group keys travel. A user has one or
 * several, each with an id (one per device, say). They live in locked memory and, sealed, in the
 * store; made here, told once, never again.
 */
#define MEMBER_KEYS_MAX 16 /* of one user */

struct member_keys;
/* rows NULL: memory only. They must outlive it. */
struct member_keys *member_keys_new(struct key_rows *rows);
/* They outlive the process: there are rows, and not in memory alone (fleeting). */
void member_keys_set_fleeting(struct member_keys *k);
bool member_keys_stored(const struct member_keys *k);
void member_keys_free(struct member_keys **keys);
/* Take what the store has. Rows that were tampered with are skipped, counted and logged. -ERR_* of the store. */
MUST_CHECK int member_keys_load(struct member_keys *keys, size_t *n_skipped_r);

/*
 * Make one. id empty: one is made up. -ERR_SYNTAX: no URI of a user, or no id (1..64 of A-Z a-z 0-9
 * . _ - : @ +); -ERR_EXISTS; -ERR_LIMIT. fn, arg: as in key_rows_put.
 */
MUST_CHECK int member_keys_add(struct member_keys *keys, const char *uri, const char *id,
			       store_commit_fn *fn, void *arg, const struct member_key **key_r);
/* id NULL: all of his. How many went, or -ERR_NOT_FOUND. fn is called once, for the last. */
MUST_CHECK int member_keys_remove(struct member_keys *keys, const char *uri, const char *id,
				  store_commit_fn *fn, void *arg);

/* Any URI that means the same user. id empty: the one he was given first. NULL: none. */
const struct member_key *member_keys_find(const struct member_keys *keys, const char *uri,
					  struct slice id);
/* The same as a key server asks it; lives as long as they do. */
struct keyserver_keys member_keys_lookup(struct member_keys *keys);
/* In order of users, then of arrival; fn must not change the table. */
typedef void member_keys_fn(const struct member_key *key, void *arg);
void member_keys_each(const struct member_keys *keys, member_keys_fn *fn, void *arg);

/* Does the store have keys of members? They need not be readable. */
bool member_keys_are_in(struct store *store);

#endif
