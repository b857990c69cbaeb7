/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_INGRESS_H
#define MRFP_INGRESS_H

#include "mrfp/publish.h"

/*
 * Messages on their way in: chunks of one Message-ID in any order, held only until the CPIM head
 * is complete, then passed on as they come.
 */

#define INGRESS_CPIM_MAX (8u << 10)  /* CPIM head */
#define INGRESS_HELD_MAX (64u << 10) /* octets held before the head is complete */

struct msrp_head;

/*
 * The head of a SEND with a Message-ID, for a bound session. Sets rq->msg (NULL: nothing of the
 * body is wanted), rq->pos and rq->status.
 */
void ingress_begin(struct request *rq, const struct msrp_head *head);
/* A piece of its body. May set rq->status. */
void ingress_body(struct request *rq, struct slice piece);
/* Its end-line. Sets rq->status for the last time. */
void ingress_end(struct request *rq, char flag);
/* The read buffer will be used again: views into it are passed on or copied. */
void ingress_batch_end(struct request *rq);
/* The word that a message waited for (verdict.h): 200, VERDICT_JUDGE, or why it is refused. */
void ingress_resume(struct inmsg *m, int status);
/* The sender is gone: recipients get '#' (SW-034). */
void ingress_abort_all(struct session *s);
/* Give up partial messages whose timer ran out (SW-033). */
void ingress_tick(struct session *s, uint64_t clock_ms);

#endif
