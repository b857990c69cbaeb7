/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_KEY_H
#define MRFP_KEY_H

#include "mrfp/inmsg.h"

/*
 * Messages for the MRFC only, gathered whole: key messages, and private ones to a participant who has
 * no leg here and may be away (policy bit 128).
 */

/*
 * Key messages of a member (application/mikey, bare or in message/cpim), and frames of the key server
 * that he is (application/vnd.mrf.keyserver, bare): for the MRFC only, never for members.
 */

#define KEY_MESSAGE_MAX 10240       /* octets, with a CPIM head; more gets 413 */
#define KEY_FRAMES_MAX  (64u << 10) /* the same of a key server's */
#define KEY_ABSENT_MAX  (64u << 10) /* the same for who is away: a chat message */

/* This message is one; its payload begins head_len octets after its start. */
void key_begin(struct inmsg *m, size_t head_len);
/* This one is frames of a key server. */
void key_begin_frames(struct inmsg *m);
/* This message is for a participant without a leg. */
void key_begin_absent(struct inmsg *m, struct slice to);
/* Most octets of such a message. */
uint64_t key_max(const struct inmsg *m);
/* Octets start.. of it, in any order, within key_max(). */
void key_octets(struct inmsg *m, uint64_t start, struct slice piece);
/* It is complete (m->length): it goes up as an event; a key message without its CPIM head. */
void key_finish(struct inmsg *m);

#endif
