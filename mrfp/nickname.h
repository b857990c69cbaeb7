/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_NICKNAME_H
#define MRFP_NICKNAME_H

#include "mrfp/session.h"

/*
 * NICKNAME requests (RFC 7701 section 7): the syntax is judged here, ownership by the MRFC; the
 * MSRP transaction waits for its reply.
 */
struct nicknames;
typedef void nickname_answer_fn(struct session *s, struct slice tid, struct slice paths,
				int status);

struct nicknames *nicknames_new(struct plane *plane, nickname_answer_fn *answer);
void nicknames_free(struct nicknames **n);
/*
 * Check a NICKNAME's head; 0: asked of the MRFC, answered later; else the status to answer at
 * once. paths are the response's path lines.
 */
int nickname_ask(struct nicknames *n, struct session *s, const struct msrp_head *head,
		 struct slice paths);
/* The MRFC's reply to the Notify with this transaction. */
void nickname_reply(struct nicknames *n, uint32_t transaction, int status);
/* No reply in time: 403. */
void nickname_tick(struct nicknames *n, uint64_t now_ms);

#endif
