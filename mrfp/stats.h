/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_STATS_H
#define MRFP_STATS_H

#include "common/metrics.h"
#include "mrfp/budget.h"
#include "proto/cpim.h"

/* The cells of stats.def, ready for (*cell)++ on the hot path. */

#define STATS_CLASSES (CPIM_KEY + 1)

enum stats_outcome {
	OUTCOME_DELIVERED,
	OUTCOME_REFUSED,
	OUTCOME_SKIPPED,
	OUTCOME_LOST,
	OUTCOME_ABORTED,
	OUTCOME_COUNT
};
enum stats_result { RESULT_ACCEPTED, RESULT_REFUSED, RESULT_ABORTED, RESULT_COUNT };
/* In the order of enum ctl_lost, from 1. */
enum stats_cause { CAUSE_COUNT = 11 };
enum stats_turned_away {
	TURNED_AWAY_ADDRESS,
	TURNED_AWAY_UNBOUND,
	TURNED_AWAY_TOTAL,
	TURNED_AWAY_BANNED,
	TURNED_AWAY_COUNT
};
enum stats_method { METHOD_SEND, METHOD_REPORT, METHOD_NICKNAME, METHOD_OTHER, METHOD_COUNT };
enum stats_scope { SCOPE_PROCESS, SCOPE_CONTEXT, SCOPE_LEG, SCOPE_QUEUE, SCOPE_COUNT };
enum stats_senders { SENDERS_BULK, SENDERS_ALL, SENDERS_PRIVATE, SENDERS_PEER, SENDERS_COUNT };
enum stats_why { WHY_COUNT = 8 }; /* in the order of the WIRE_PAUSE_ bits */
/* Registered codes have a cell each, others share the last. */
#define STATS_STATUSES 14

#define STATS_DIM_outcome OUTCOME_COUNT
#define STATS_DIM_result  RESULT_COUNT
#define STATS_DIM_cause   CAUSE_COUNT
#define STATS_DIM_limit   TURNED_AWAY_COUNT
#define STATS_DIM_method  METHOD_COUNT
#define STATS_DIM_end     5 /* enum tls_end */
#define STATS_DIM_status  STATS_STATUSES
#define STATS_DIM_scope   SCOPE_COUNT
#define STATS_DIM_part    BUDGET_PARTS
#define STATS_DIM_senders SENDERS_COUNT
#define STATS_DIM_why     WHY_COUNT

struct stats {
#define STATS_ONE(type, field, name, text)   int64_t *field;
#define STATS_CLASS(type, field, name, text) int64_t *field[STATS_CLASSES];
#define STATS_CLASS_BY(type, field, dimension, name, text)                                         \
	int64_t *field[STATS_CLASSES][STATS_DIM_##dimension];
#define STATS_BY(type, field, dimension, name, text) int64_t *field[STATS_DIM_##dimension];
#include "mrfp/stats.def"
};

/* Register all families; the cells live as long as m. */
void stats_init(struct stats *s, struct metrics *m);
/* Index of an MSRP status code in `responses` and `answers`. */
size_t stats_status(int status);
/* Name of an enum ctl_lost value as in mrfp_legs_cut_total ("slow"). */
const char *stats_cause_name(int cause);

/* A copy begins: owed and open. */
static inline void stats_owe(struct stats *s, unsigned kind)
{
	(*s->copies[kind])++;
	(*s->open[kind])++;
}
/* Its fate is known. */
static inline void stats_settle(struct stats *s, unsigned kind, enum stats_outcome outcome,
				int64_t n)
{
	*s->settled[kind][outcome] += n;
	*s->open[kind] -= n;
}

#endif
