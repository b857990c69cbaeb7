/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_RELAY_H
#define MRFP_RELAY_H

#include "mrfp/relayed.h"

/*
 * Contexts of two terminations: what one sends goes to the other. Decisions about a message, the
 * wait for a leg without connection, back-pressure from one leg to the other.
 */

#define RELAY_LEGS 2

struct session *relay_other(const struct session *s);

/* route_start() and route_head() for a relay (route.h). */
int relay_start(struct inmsg *m, const struct msrp_head *head);
int relay_head(struct inmsg *m, const struct cpim_head *cpim);
/* Largest message that may pass to the receiver now, in octets of the sender. */
uint64_t relay_max_size(const struct inmsg *m);

/* The leg has no connection: what is sent to it waits in the logs. */
void relay_park(struct session *s);
/* Timers of a leg. True while it must be looked at again. */
bool relay_tick(struct session *s, uint64_t now_ms);
/* Pause and resume senders. True while one is paused. */
bool relay_pressure(struct context *ctx);

#endif
