/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_KEY_OWNER_H
#define MRFC_FOCUS_FOCUS_KEY_OWNER_H

#include "mrfc/focus/focus_priv.h"

/*
 * Sealed conferences whose key server is a member's terminal (groupkey.server = member): which session
 * of an owner it is, when it can be reached, and its frames there and back. In others nothing of
 * this does anything.
 */

void owner_init(struct focus *f);
bool owner_mode(const struct focus *f);

/* It makes the keys of its room: it asks for none and gets none. */
bool owner_is_maker(const struct session *s);
/*
 * Who joins with this offer (NULL: we are to offer): true when he is to make the room's keys; *lack_r
 * is NULL, or what his offer lacks for it.
 */
bool owner_would_serve(const struct room *room, const struct identity *who,
		       const struct focus_sdp_peer *p, const char **lack_r);
/*
 * Another terminal of his makes the keys and answers, as far as is known: it is neither the one of this
 * Contact (NULL: not known) nor `replaced` (NULL: none). Two of one user cannot be in: nobody takes a
 * key from himself (RFC 3830 5.3).
 */
bool owner_is_elsewhere(const struct room *room, const struct identity *who, const char *contact,
			const struct session *replaced);
/* The session's first description is to be made: true when it becomes the maker. */
bool owner_begin(struct session *s);
/* What the maker's description lacks; NULL: nothing. */
const char *owner_lacks(const struct focus_sdp_peer *p);
/* Its part of key_leave(). Another of its owner's sessions may follow. */
void owner_leave(struct session *s);
/* Roles, connections or sessions changed: who serves, and can he be reached? */
void owner_look(struct room *room);
/* What was under way to or from the maker may be lost: it begins anew. */
void owner_again(struct room *room);
/* Frames of this termination's session (NULL: nobody knows whose). */
void key_on_frames(struct focus *f, struct session *s, struct slice body);

#endif
