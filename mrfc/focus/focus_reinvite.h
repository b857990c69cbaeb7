/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_REINVITE_H
#define MRFC_FOCUS_FOCUS_REINVITE_H

#include "mrfc/focus/focus_priv.h"

/* focus_reinvite.c */
/* The lines for files of the change in progress have their terminations. */
void reinvite_lines_ready(struct session *s);
/* A line for a file is closed by us: tell the peer. */
void reinvite_lines_closed(struct session *s);
void reinvite_on_change(struct session *s, struct slice offer);
/* The peer takes its change back: what is applied of it already is undone. */
void reinvite_on_cancelled(struct session *s);
/* What the key server says of the new request in its offer: 0, or the status to refuse it with. */
void reinvite_judged(struct session *s, int status, const char *why);
void reinvite_on_answer(struct session *s, struct slice sdp);
void reinvite_on_failed(struct session *s, int status);
/* If the peer's answer asked for it: the new offer without CEMA (RFC 6714 4.2). */
void reinvite_fall_back(struct session *s);
/* What holds, with the newest key. */
void reinvite_offer_key(struct session *s);
/*
 * A refresh by re-INVITE in a sealed conference is an offer of what holds, with the key; it waits for
 * one when there is none since we were started. False: the last description does.
 */
bool reinvite_refresh(struct session *s);
void reinvite_refresh_late(struct session *s); /* there may be a key for one that waits */
void reinvite_move(struct session *s);         /* a new termination, and the offer of it */
/* The offer of a new termination waited for a key, which is there. */
void reinvite_keyed(struct session *s);
void room_move(struct room *room); /* its MRFP is gone: go to another, or end the sessions */
/* The MRFP has its room but not this one: a new termination there. */
void reinvite_lost(struct session *s);
/* The change that waited for the end of the recovery. */
void reinvite_held(struct session *s);

#endif
