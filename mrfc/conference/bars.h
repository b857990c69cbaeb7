/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_BARS_H
#define MRFC_CONFERENCE_BARS_H

#include <stdbool.h>

#include "common/err.h"
#include "common/slice.h"

/*
 * Who is kept out of one conference: users by their URIs, compared as sip_uri_key does. A user with
 * several is kept out by each of them. Pure state.
 */
struct bars;

enum { BARS_MAX = 1000 };

struct bars *bars_new(void);
void bars_free(struct bars **b);
/*
 * One more user, with his further URIs; 0 also when he is there. -ERR_SYNTAX: uri is none,
 * -ERR_LIMIT: BARS_MAX are there.
 */
MUST_CHECK int bars_add(struct bars *b, struct slice uri, const char *const *aliases, size_t n);
/* By any of his URIs. -ERR_NOT_FOUND. */
MUST_CHECK int bars_remove(struct bars *b, struct slice uri);
/* All names of the user of this URI, separated by blanks, as the store keeps them; "": not barred. The caller frees. */
char *bars_names(const struct bars *b, struct slice uri);
/* The way back. Errors of bars_add. */
MUST_CHECK int bars_restore(struct bars *b, struct slice names);
bool bars_has(const struct bars *b, struct slice uri);
size_t bars_count(const struct bars *b);
/* In order of arrival; NULL after the last. */
const char *bars_at(const struct bars *b, size_t i);

#endif
