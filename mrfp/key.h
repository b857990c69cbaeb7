/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_KEY_H
#define MRFP_KEY_H

#include "mrfp/inmsg.h"

/* Key messages (application/mikey, bare or in message/cpim) of a member: for the MRFC only, never for members. */

#define KEY_MESSAGE_MAX 10240 /* octets, with a CPIM head; more gets 413 */

/* This message is one; its payload begins head_len octets after its start. */
void key_begin(struct inmsg *m, size_t head_len);
/* Octets start.. of it, in any order, within KEY_MESSAGE_MAX. */
void key_octets(struct inmsg *m, uint64_t start, struct slice piece);
/* It is complete (m->length): its payload goes up as an event. */
void key_finish(const struct inmsg *m);

#endif
