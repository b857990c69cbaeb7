/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_THROTTLE_H
#define MRFP_THROTTLE_H

#include "mrfp/wire.h"

/*
 * Who sends waits: a connection that brings content while its context, a private message's
 * receiver or the process has too much is not read from until pressure.c lets it. A connection that
 * brings none is never touched: receivers must be able to answer.
 */

/* Octets of a message came from this session. */
void throttle_content(struct session *from, bool bulk);
/* A private message was queued for `to`: past three quarters of its queue the sender waits. */
void throttle_private(struct session *from, struct session *to);

/* Put a context on the plane's list of those that pressure_relieve() and pressure_tick() visit. */
void throttle_enlist(struct context *ctx);
/* Read from the context's legs again that wait for one of these reasons. */
void throttle_release(struct context *ctx, unsigned why);
/* Read little at a time while somebody must wait: what one read brings is not stopped any more. */
void throttle_reads(struct plane *plane, bool small);

#endif
