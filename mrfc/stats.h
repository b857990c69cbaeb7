/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_STATS_H
#define MRFC_STATS_H

#include <stdbool.h>

#include "common/metrics.h"
#include "common/store.h"
#include "mrfc/conference/unwind.h"

/* The MRFC's counters. One object, made by server.c. */
struct stats;
struct stats *stats_new(struct metrics *m);
void stats_free(struct stats **s);

void stats_answered(struct stats *s, const char *method, int status);
/* A request was refused for a reason (NULL: none was); is there a lack of capacity now? */
void stats_shed(struct stats *s, const char *reason, bool overloaded);
void stats_unwound(struct stats *s, enum unwind_cause cause);
void stats_joined(struct stats *s, const char *how);  /* "dialed-in", "dialed-out" */
void stats_created(struct stats *s, const char *how); /* "factory", "join", "api" */
void stats_ended(struct stats *s);
void stats_notified(struct stats *s, const char *event, int status);
void stats_tolerated(struct stats *s, const char *what); /* "sdp" */
/* Conferences that went from a draining MRFP to another; how many are between two now. */
void stats_drained(struct stats *s);
void stats_set_draining(struct stats *s, size_t n);
void stats_reestablished(struct stats *s, const char *result); /* "ok", "failed" */
/* A next hop "answered", "failed", lost a request to another ("failover"); name is "HOST:PORT". */
void stats_hop(struct stats *s, const char *name, const char *what, bool up);
/* Messages for absent members: "kept", "delivered", "refused" by the peer, "dropped", "expired", "left". */
void stats_owed(struct stats *s, const char *what, uint32_t n);
void stats_set_owed(struct stats *s, size_t n); /* gauge */
/* Sealed conferences: epochs, and what becomes of the copies of their keys. */
enum stats_key {
	STATS_KEY_EPOCH,
	STATS_KEY_SDP,   /* sent in a description */
	STATS_KEY_MSRP,  /* sent by MSRP */
	STATS_KEY_AGAIN, /* the same once more */
	STATS_KEY_OFFER, /* offered anew */
	STATS_KEY_CONFIRMED,
	STATS_KEY_STALE, /* given up */
	STATS_KEYS
};
void stats_key(struct stats *s, enum stats_key what);
void stats_key_refused(struct stats *s, int err); /* -ERR_* */
/* Gauges, set when they are asked for. */
void stats_set_now(struct stats *s, size_t conferences, size_t sessions, size_t subscriptions,
		   size_t dialogs);
void stats_set_store(struct stats *s, const struct store_health *health);

#endif
