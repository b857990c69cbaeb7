/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_PRIVACY_H
#define MRFC_FOCUS_FOCUS_PRIVACY_H

#include "mrfc/conference/access.h"
#include "mrfc/focus/focus_priv.h"

/* focus_privacy.c: names of users as a room has them */
/* Who is here already under another of his URIs is meant by that one. */
void room_unify(struct room *room, struct identity *who);
/* The anonymous URI for a session of his, heap string; NULL: he is shown as he is. */
char *room_hide(struct room *room, const struct identity *who);
/* Are participants who hide admitted? */
enum access_denial focus_judge_hidden(const struct focus *f, const struct identity *who);
/* False: he must be hidden (critical) and everybody in the room knows him. */
bool room_can_hide(struct room *room, const struct identity *who);
/* The URI for him in what others get; a view. */
const char *room_shown(struct room *room, const struct identity *who);
/* Entity of its endpoint in the roster, heap string. */
char *session_entity(const struct session *s);

#endif
