/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_INGRESS_PRIV_H
#define MRFP_INGRESS_PRIV_H

#include "mrfp/ingress.h"

/* Between ingress.c (requests and their ends) and ingress_head.c (what is decided at the beginning). */

/* ingress.c: the message ends here for us; later chunks of it get the same answer. */
void ingress_refuse(struct request *rq, int status);

/* ingress_head.c */
/* A piece of the body while it is not decided; what follows from it is done. */
void ingress_before_head(struct request *rq, struct slice piece);
/* A piece for later: of a head that is not complete, or of a message that waits for a verdict. */
void ingress_hold(struct request *rq, uint64_t pos, struct slice piece);
/* Decide by what is held, if that is possible now; complete: no more will come. */
void ingress_try_whole(struct request *rq, bool complete);
/* The sender is described now: its head is looked at once more. */
void ingress_judge_again(struct request *rq, bool whole);
/* It is decided: on with what was held. */
void ingress_pass_held(struct inmsg *m);

#endif
