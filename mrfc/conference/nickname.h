/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_NICKNAME_H
#define MRFC_CONFERENCE_NICKNAME_H

#include "common/bytes.h"

/*
 * Nicknames of one conference, RFC 7701 section 7: who holds which, compared as RFC 8266 says.
 * Owners are opaque; NULL stands for "reserved".
 */
struct nickname_entry;
struct nickname_table {
	struct nickname_entry *by_key;      /* uthash */
	struct nickname_entry *by_skeleton; /* uthash; only with strict */
	bool strict; /* look-alikes clash, words of two alphabets are refused */
};

/*
 * The name as it is shown (proto/precis.h) appended to out. -ERR_SYNTAX: too long, not UTF-8, code
 * points that no nickname has, or nothing left.
 */
MUST_CHECK int nickname_shown(struct slice nick, struct bytes *out);
/*
 * Give nick to owner. -ERR_SYNTAX as above; -ERR_EXISTS when another owner has it (or it is
 * reserved), or strict refuses it.
 */
MUST_CHECK int nickname_claim(struct nickname_table *t, struct slice nick, const void *owner);
/* Owner gives nick up; nothing when it is not his. */
void nickname_release(struct nickname_table *t, struct slice nick, const void *owner);
/* True when both are good and compare equal. */
bool nickname_same(struct slice a, struct slice b);
void nickname_fini(struct nickname_table *t);

#endif
