/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sum of all that is held for peers, and its level. Who waits or goes at which level is
 * pressure.c's business.
 */
#include "mrfp/budget.h"

#include "common/mem.h"
#include "proto/cpim.h"

_Static_assert(CPIM_KEY < METER_CLASSES, "a meter has a place for every class of message");

/* Per cent of the ceiling at which a level is entered and, going down, left. */
static const unsigned enter[BUDGET_LEVELS] = {0, 80, 95, 100};
static const unsigned leave[BUDGET_LEVELS] = {0, 70, 85, 95};
static const char *const names[BUDGET_LEVELS] = {"free", "senders of bulk wait", "all senders wait",
						 "new messages are refused"};

static uint64_t mark(const struct budget *b, unsigned per_cent)
{
	return b->ceiling / 100 * per_cent + b->ceiling % 100 * per_cent / 100;
}

static void set_level(struct budget *b, enum budget_level level)
{
	b->level = level;
	b->alarm = mark(b, level < BUDGET_FULL ? enter[level + 1] : 100);
}

void budget_init(struct budget *b, uint64_t ceiling)
{
	*b = (struct budget){.ceiling = ceiling};
	set_level(b, BUDGET_FREE);
}

uint64_t budget_part(const struct budget *b, enum budget_part part)
{
	const uint64_t held[BUDGET_PARTS] = {b->logs.held, b->queues.held, b->own.held,
					     b->partial,   b->open,        b->kept};

	return held[part];
}

bool budget_update(struct budget *b)
{
	uint64_t total = budget_total(b);
	enum budget_level old = b->level, level = old;

	while (level < BUDGET_FULL && total >= mark(b, enter[level + 1]))
		level++;
	while (level > BUDGET_FREE && total < mark(b, leave[level]))
		level--;
	if (level != old)
		set_level(b, level);
	return level != old;
}

const char *budget_level_name(enum budget_level level)
{
	return names[level];
}
