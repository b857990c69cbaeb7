/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_OWED_H
#define MRFP_OWED_H

#include "mrfp/inmsg.h"

/*
 * What members miss who are away (policy bit 128, IMS-007): whole messages go up to the MRFC, which
 * keeps them. A sender's last response waits for the MRFC's word, for a while; nobody else waits.
 */
struct owed;
typedef void owed_answer_fn(struct session *s, struct slice tid, struct slice paths, int status);

struct owed *owed_new(struct plane *plane, owed_answer_fn *answer);
void owed_free(struct owed **o);

/*
 * rq->msg has come whole and gone out to who is there. If somebody misses it, it goes up, and the
 * response and REPORT wait (rq->answered).
 */
void owed_message(struct request *rq);
/*
 * The leg goes: what it has not answered, as far as it is kept, goes up; its copies are lost with it. Until
 * it is taken away or bound again, the context is as if `away` were set. Its next messages to all wait
 * for owed_release(). Nothing without policy 128.
 */
void owed_leave(struct session *s);
/* The leg has what it missed: messages to all go out to it now. */
void owed_release(struct session *s);
/* The MRFC's word about the event with this transaction; others' transactions are passed over. */
void owed_reply(struct owed *o, uint32_t transaction, bool ok);
/* Responses that have waited long enough go. */
void owed_tick(struct owed *o, uint64_t now_ms);
/* The MRFC is there again, maybe a new one: tell it which legs wait for it. */
void owed_tell_held(struct plane *plane);

#endif
