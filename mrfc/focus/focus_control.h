/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_CONTROL_H
#define MRFC_FOCUS_FOCUS_CONTROL_H

#include "mrfc/focus/focus_priv.h"

/* focus_control.c: what changes while it lives */
/* End it when its lifetime is over; warn before. */
void room_check_time(struct room *room, uint64_t wall_ms);
bool room_is_listener(struct room *room, const struct identity *who);
/*
 * An owner left (from: he is still a member, NULL: he is none any more): another becomes owner, where
 * conference.owner_leaves says so.
 */
void room_hand_over(struct room *room, struct member *from);
bool room_has_owner(const struct room *room);

#endif
