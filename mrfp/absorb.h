/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_ABSORB_H
#define MRFP_ABSORB_H

#include "mrfp/inmsg.h"

/*
 * What a large room does not pass on one by one: notifications, which go to their addressee in
 * summaries, and typing indications, which are sampled. Both are answered as delivered and counted;
 * nobody is owed a copy of them. To decide, all of the message must be there.
 */
#define ABSORB_MAX                                                                                 \
	(8u << 10) /* octets of a message, CPIM head included; longer notifications pass */

/*
 * Must a message of this kind be held until it is whole? have: octets of it that are there. Only in
 * rooms above the limits of the options.
 */
bool absorb_waits(const struct inmsg *m, unsigned kind, size_t have);
/* May a typing indication of this room be left out? */
bool absorb_samples(const struct context *ctx);
/*
 * A whole notification for the legs of one participant (to is one of them): true when it is held for
 * a summary. document views its body.
 */
bool absorb_imdn(struct inmsg *m, const struct cpim_head *cpim, struct session *to,
		 struct slice document);
/* A whole typing indication for the room: true when it is left out. */
bool absorb_composing(struct inmsg *m, struct slice document);
/* Send summaries whose window is over. */
void absorb_tick(struct plane *plane);
/* The context ends; what it held is counted as dropped. */
void absorb_end(struct context *ctx);

#endif
