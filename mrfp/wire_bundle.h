/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_WIRE_BUNDLE_H
#define MRFP_WIRE_BUNDLE_H

#include "mrfp/uring.h"
#include "mrfp/wire.h"

/*
 * Sends and reads of many connections in one system call each. Connections that are not plain
 * sockets, and a single one, go their own way.
 */
struct bundle;

/* Takes the ring over. */
struct bundle *bundle_new(struct uring *ring_take);
void bundle_free(struct bundle **b);

/* Write what is due on w: now, or by the next bundle_run(). */
void bundle_send(struct plane *plane, struct wire *w);
/* Write what was put together. Connections that can take more are touched. */
void bundle_run(struct plane *plane);

/* Read from all connections on plane->readable. */
void bundle_read(struct plane *plane);

/* While many responses are due, let them gather for the time of msrp.gather. */
void bundle_gather(struct plane *plane);
/* Give the bundle up when its ring failed. At the end of a turn. */
void bundle_check(struct plane *plane);

#endif
