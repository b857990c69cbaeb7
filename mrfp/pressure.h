/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_PRESSURE_H
#define MRFP_PRESSURE_H

#include "mrfp/wire.h"

/* Budgets of what waits for legs: who is paused, who is cut. */

/* A context's logs were flushed: cut the slowest legs of a log over its limit, pause senders above the high-water mark. */
void pressure_check(struct context *ctx);
/* Read again from senders whose contexts have caught up. */
void pressure_relieve(struct plane *plane);

#endif
