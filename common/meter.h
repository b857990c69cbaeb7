/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_METER_H
#define COMMON_METER_H

#include <stdint.h>

/*
 * Octets held by many owners together, in all and by a small class of the user's choice. Each owner
 * that points to a meter keeps it true.
 */
#define METER_CLASSES 8
struct meter {
	uint64_t held;
	uint64_t by_class[METER_CLASSES];
};

static inline void meter_add(struct meter *m, unsigned cls, uint64_t n)
{
	m->held += n;
	m->by_class[cls] += n;
}

static inline void meter_sub(struct meter *m, unsigned cls, uint64_t n)
{
	m->held -= n;
	m->by_class[cls] -= n;
}

#endif
