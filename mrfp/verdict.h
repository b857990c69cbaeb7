/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_VERDICT_H
#define MRFP_VERDICT_H

#include "mrfp/inmsg.h"

/*
 * Messages that wait for the MRFC's verdict (policy bit 32): asked when all checks of ours are passed;
 * what comes meanwhile is held, the responses too. No verdict in time is a refusal. In the same way messages
 * wait for the description of a sender that speaks before it is here.
 */
struct verdicts;
#define VERDICT_JUDGE 0 /* for resume: the sender is described, judge it again */
typedef void verdict_answer_fn(struct session *s, struct slice tid, struct slice paths, int status);
typedef void verdict_resume_fn(struct inmsg *m, int status);

/* answer sends a response; resume lets a message go on (200, VERDICT_JUDGE) or refuses it. */
struct verdicts *verdicts_new(struct plane *plane, verdict_answer_fn *answer,
			      verdict_resume_fn *resume);
void verdicts_free(struct verdicts **v);

/* Does the context want such a message to be asked for? Typing indications never are. */
bool verdict_wanted(const struct inmsg *m);
/* Ask; the message's state becomes INMSG_VERDICT. type is the payload's. */
void verdict_ask(struct inmsg *m, struct slice type);
/* The same until the sender is described, without a question. */
void verdict_await_peer(struct inmsg *m);
/* Terminations were changed: messages of those that are described now are judged. */
void verdict_described(struct verdicts *v);
/* A chunk of a waiting message has ended: its response waits too. */
void verdict_defer(struct inmsg *m, const struct request *rq);
/* Send the responses that waited. */
void verdict_answer_all(struct inmsg *m, int status);
/* Octets of a waiting message were held: its sender may have to wait. */
void verdict_held(struct inmsg *m, size_t n);
/* The MRFC's reply to the Notify with this transaction; others' transactions are passed over. */
void verdict_reply(struct verdicts *v, uint32_t transaction, int status);
/* No verdict in time: 403. */
void verdict_tick(struct verdicts *v, uint64_t now_ms);

#endif
