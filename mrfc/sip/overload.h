/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SIP_OVERLOAD_H
#define MRFC_SIP_OVERLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"

/*
 * Whether one more request that begins something is taken on, or gets 503 with Retry-After at once
 * (RFC 3261 21.5.4): what was begun is carried on, and the server never gets so late that all its
 * peers send again. State of decisions only; time is given.
 */
struct overload;

struct overload_config {
	uint32_t max_rate;    /* requests a second from one untrusted address; 0: no limit */
	uint32_t max_lag_ms;  /* work that waits for longer is too much; 0: no limit */
	uint32_t max_pending; /* INVITEs without a final answer */
};

#define OVERLOAD_PEERS 4096 /* addresses that are remembered; an IPv6 /64 is one */

enum overload_verdict {
	OVERLOAD_PASS,
	OVERLOAD_RATE,   /* this peer sends too many */
	OVERLOAD_LAG,    /* we are late */
	OVERLOAD_PENDING /* too many INVITEs wait for us */
};
const char *overload_name(enum overload_verdict v); /* "rate", "lag", "pending" */

/* One request outside of dialogs. */
struct overload_request {
	const struct addr *peer;
	bool trusted;  /* of our own network: there is no rate for it */
	bool priority; /* and it has a Resource-Priority: it is never too late for it (RFC 4412) */
	bool invite;
};

struct overload *overload_new(const struct overload_config *config);
void overload_free(struct overload **o);
/* Nothing waits to be read any more: we are not late. The first call sets the time to start from. */
void overload_rested(struct overload *o, uint64_t now_ms);
enum overload_verdict overload_judge(struct overload *o, const struct overload_request *r,
				     uint32_t n_pending, uint64_t now_ms);
/*
 * Shedding for lack of capacity begins and ends: 1 it has begun, -1 it is over (*n_shed_r: of so
 * many), 0 nothing new. It is over when nothing had to be shed for OVERLOAD_QUIET_MS.
 */
#define OVERLOAD_QUIET_MS 5000
int overload_turn(struct overload *o, uint64_t now_ms, uint64_t *n_shed_r);
/* Seconds for Retry-After. */
uint32_t overload_retry_s(enum overload_verdict v);

#endif
