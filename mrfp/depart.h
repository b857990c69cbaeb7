/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_DEPART_H
#define MRFP_DEPART_H

#include "mrfp/session.h"

/* Terminations and contexts that the MRFC takes away (Subtract). */

/* It goes now, and its context with the last one. missed: what it has not answered is handed up. */
void depart(struct session **s, bool missed);
/* The context goes with all its terminations. */
void depart_all(struct context *ctx);
/*
 * It goes, with what it has not answered handed up, when it has answered all and says no more, or
 * after that many ms. False: there is nothing to wait for.
 */
bool depart_later(struct session *s, uint32_t ms);
/* Of the session's clock. True: it has gone. */
bool depart_tick(struct session *s, uint64_t now_ms);

#endif
