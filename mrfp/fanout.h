/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_FANOUT_H
#define MRFP_FANOUT_H

#include "mrfp/wire.h"

/* The end of a loop turn: everything that became due is written, once per connection. */

/*
 * Flush contexts and connections with something new, cut the slowest legs of a log over its
 * limit, pause and resume senders, free closed connections. Call after every turn of the loop.
 */
void fanout_run(struct plane *plane);

#endif
