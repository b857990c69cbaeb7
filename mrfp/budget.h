/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_BUDGET_H
#define MRFP_BUDGET_H

#include <stdbool.h>

#include "common/meter.h"

/*
 * What the process holds for its legs, against one ceiling (process.memory). Kept true by who holds
 * it, at each append and free; the level says who has to wait. No clock, no decision about legs.
 */
enum budget_part {
	BUDGET_LOGS,
	BUDGET_QUEUES,
	BUDGET_OWN,
	BUDGET_PARTIAL,
	BUDGET_OPEN,
	BUDGET_KEPT,
	BUDGET_PARTS
};

enum budget_level {
	BUDGET_FREE,
	BUDGET_BULK, /* 80 %: senders of bulk wait */
	BUDGET_ALL,  /* 95 %: all senders wait */
	BUDGET_FULL, /* 100 %: new messages are refused */
	BUDGET_LEVELS
};

struct budget {
	uint64_t ceiling;
	uint64_t alarm; /* the total that raises the level; at the highest: the ceiling */
	uint64_t peak;  /* most that budget_note() saw */
	enum budget_level level;
	struct meter logs;   /* chunks in the contexts' logs, by enum cpim_kind */
	struct meter queues; /* private and injected messages, likewise */
	struct meter own;    /* responses and REPORTs */
	uint64_t partial;    /* messages and frames that have not come whole */
	uint64_t open;       /* transactions without response; as of the last tick */
	uint64_t kept;       /* recent messages, for legs that may go */
};

/* Zeroes all counts. */
void budget_init(struct budget *b, uint64_t ceiling);
uint64_t budget_part(const struct budget *b, enum budget_part part);
static inline uint64_t budget_total(const struct budget *b)
{
	return b->logs.held + b->queues.held + b->own.held + b->partial + b->open + b->kept;
}
/* After something was added: keep the peak; must the level be looked at now? */
static inline bool budget_note(struct budget *b)
{
	uint64_t total = budget_total(b);

	if (total > b->peak)
		b->peak = total;
	return total >= b->alarm;
}
/*
 * Set the level: up at 80, 95 and 100 %, down again below 70, 85 and 95 %, so that it does not
 * swing. True when it changed.
 */
bool budget_update(struct budget *b);
const char *budget_level_name(enum budget_level level);

#endif
