/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_NICKNAME_H
#define MRFC_NICKNAME_H

#include "common/bytes.h"

/*
 * Nicknames of one conference, RFC 7701 section 7: who holds which, compared in prepared form.
 * Owners are opaque; NULL stands for "reserved".
 */
#define NICKNAME_MAX 1023 /* octets */

struct nickname_entry;
struct nickname_table {
	struct nickname_entry *entries;
};

/*
 * Prepared form for comparison: blanks trimmed and collapsed, ASCII letters in lower case. Appends
 * to out. -ERR_SYNTAX: too long, not UTF-8, control characters, or nothing left.
 */
MUST_CHECK int nickname_prepare(struct slice nick, struct bytes *out);
/* Give nick to owner. -ERR_SYNTAX as above, -ERR_EXISTS when another owner has it (or it is reserved). */
MUST_CHECK int nickname_claim(struct nickname_table *t, struct slice nick, const void *owner);
/* Owner gives nick up; nothing when it is not his. */
void nickname_release(struct nickname_table *t, struct slice nick, const void *owner);
/* True when both are the same in prepared form. */
bool nickname_same(struct slice a, struct slice b);
void nickname_fini(struct nickname_table *t);

#endif
