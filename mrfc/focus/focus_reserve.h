/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_RESERVE_H
#define MRFC_FOCUS_FOCUS_RESERVE_H

#include "mrfc/focus/focus_priv.h"

/* focus_reserve.c: preconditions, RFC 3312 */
/* The answer is made and stored: 183 and true if the peer's resources are still to come. */
bool reserve_start(struct session *s);
/* The peer tells of its resources, before our 200. */
void reserve_on_offer(struct session *s, struct slice offer);
/* The answer to our call came in a reliable 18x: if it asks for our resources, it is told. */
void reserve_on_early_answer(struct session *s, struct slice sdp);

#endif
