/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_EVENT_RATE_H
#define MRFC_CONFERENCE_EVENT_RATE_H

#include <stdint.h>

#include "common/slice.h"

/*
 * How often each user may ask to subscribe: so many in a second on average, ten times as many at
 * once. Bounded memory; the clock is given.
 */
struct event_rate;

#define EVENT_RATE_BURST     10    /* seconds' worth that may come at once */
#define EVENT_RATE_MAX_USERS 16384 /* remembered; of more, the one longest silent is forgotten */

/* per_s 0: no limit. */
struct event_rate *event_rate_new(uint32_t per_s);
void event_rate_free(struct event_rate **r);
/* 0: granted and counted; else the seconds after which one will be granted, at least 1. */
uint32_t event_rate_take(struct event_rate *r, struct slice user, uint64_t now_ms);

#endif
