/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_SAMPLER_H
#define MRFP_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

/* Which typing indications of a large room pass. Pure; all-zero structs are the start. */

struct sampler_limits {
	uint64_t interval_ms; /* between two active states of one sender that pass */
	uint32_t rate;        /* active states of all senders that pass in a second */
};
struct sampler_room {
	uint64_t since_ms; /* the present second began */
	uint32_t n;        /* passed in it */
};
struct sampler_leg {
	uint64_t passed_ms; /* the last active state that passed; 0: none */
	bool shown;         /* the others take it for active */
};

/*
 * An indication of a leg came: does it pass? An active one at most once an interval and within the
 * room's rate, an idle one when the others were told of the active state before it.
 */
bool sampler_passes(struct sampler_room *room, struct sampler_leg *leg,
		    const struct sampler_limits *limits, bool active, uint64_t now_ms);

#endif
