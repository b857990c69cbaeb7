/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_TURN_H
#define MRFC_FOCUS_FOCUS_TURN_H

#include "mrfc/focus/focus_priv.h"

/* focus_turn.c */
void turns_init(struct focus *f);
void turns_fini(struct focus *f);
/* So many calls of this conference wait that users may ask for no more. */
bool turn_is_crowded(const struct room *room);
bool turn_take(struct focus *f);   /* may one go at once? */
void turn_wait(struct session *s); /* dialout_go() follows */
void turn_forget(struct session *s);

#endif
