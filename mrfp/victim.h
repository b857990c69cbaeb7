/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_VICTIM_H
#define MRFP_VICTIM_H

#include "mrfp/wire.h"

/* Which leg pays when something is full. Reads only. */

/* Cost of what waits for the leg in its context's logs. */
uint64_t victim_log_lag(const struct session *s);
/*
 * The leg that is farthest behind in the logs, or NULL; of several about as far behind, one that was
 * read from again and still takes nothing, then one that takes nothing.
 */
struct session *victim_in_logs(struct context *ctx);
/* The same with private messages counted. */
struct session *victim_in_context(struct context *ctx);
/* The context that holds most in logs and queues, or NULL. */
struct context *victim_context(struct plane *plane);
/* The leg for which the process holds most of what it has most of; NULL: no leg has any. */
struct session *victim_in_process(struct plane *plane);
/* Octets of a leg's open transactions. */
uint64_t victim_open(const struct session *s);

#endif
