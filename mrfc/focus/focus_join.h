/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_JOIN_H
#define MRFC_FOCUS_FOCUS_JOIN_H

#include "mrfc/focus/focus_priv.h"

/* focus_join.c */
void focus_on_invite(struct sip_in *in_take, void *arg);
void join_on_answer(struct session *s, struct slice sdp);
void session_enter_roster(struct session *s, enum confinfo_status status);
void session_connected(struct session *s);
/* A sealed room: the key is there; the answer's sender holds it. */
void join_describe(struct session *s);
void join_proven(struct session *s);

#endif
