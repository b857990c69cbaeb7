/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sampling of typing indications: in a room of hundreds nobody reads who of them types, and each
 * indication costs as much as a line of chat. Receivers time out on their own (RFC 3994 3.3).
 */
#include "mrfp/sampler.h"

#define SECOND_MS 1000

bool sampler_passes(struct sampler_room *room, struct sampler_leg *leg,
		    const struct sampler_limits *limits, bool active, uint64_t now_ms)
{
	if (!active) {
		bool shown = leg->shown;

		leg->shown = false;
		return shown;
	}
	if (leg->passed_ms && now_ms - leg->passed_ms < limits->interval_ms)
		return false;
	if (now_ms - room->since_ms >= SECOND_MS) {
		room->since_ms = now_ms;
		room->n = 0;
	}
	if (room->n >= limits->rate)
		return false;
	room->n++;
	leg->passed_ms = now_ms;
	leg->shown = true;
	return true;
}
