/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_SENDER_H
#define MRFP_SENDER_H

#include "mrfp/session.h"

/*
 * Who sends: one account for all sessions of one participant on this MRFP, found by the first of
 * its URIs. Never by address: one access gateway carries many participants (IMS-014).
 */

/* One more message of this kind has begun: 200, or 413. May pause its connection, or mark the session to be let go. */
int sender_message(struct session *s, unsigned kind);
/* Octets of bodies have come: above msrp.octet_rate the connection is paused. */
void sender_octets(struct session *s, size_t n);
/* May it ask for a nickname now? */
bool sender_nickname(struct session *s);
/* The session's URIs change, or it ends: its account is looked up anew. */
void sender_forget(struct session *s);

#endif
