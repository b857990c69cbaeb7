/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_PRESSURE_H
#define MRFP_PRESSURE_H

#include "mrfp/context.h"

/*
 * The bounds of what is held for slow receivers, in the order in which they bite: senders of bulk
 * wait, all senders wait, a leg that does not move goes, the slowest leg goes. For one context's
 * logs, one leg's own queue, and the process (docs/operations.md "Slow receivers").
 */

/* The context has something new, and its legs have been written to. May close legs. */
void pressure_check(struct context *ctx);
/* End of the turn: let senders go on that need not wait any longer; keep the process's ceiling. */
void pressure_relieve(struct plane *plane);
/* Each tick: legs for which senders wait and that do not move. May close legs. */
void pressure_tick(struct plane *plane);
/* Gauges, for a scrape. */
void pressure_collect(struct plane *plane);

#endif
