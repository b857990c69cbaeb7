/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers the metrics of stats.def and keeps pointers to their cells. The sum rule of copies is
 * kept by going through stats_owe() and stats_settle() only.
 */
#include "mrfp/stats.h"

#include "common/mem.h"

static const char *const outcome_names[] = {"delivered", "refused", "skipped", "lost", "aborted"};
static const char *const result_names[] = {"accepted", "refused", "aborted"};
static const char *const cause_names[] = {"closed", "reset", "connect", "unbound",
					  "slow",   "log",   "refused", "shutdown",
					  "idle",   "quiet", "flood"};
static const char *const limit_names[] = {"address", "unbound", "total", "banned"};
static const char *const method_names[] = {"SEND", "REPORT", "NICKNAME", "other"};
static const char *const status_names[] = {"200", "400", "403", "404", "408", "413", "415",
					   "424", "425", "428", "481", "501", "506", "other"};
static const char *const end_names[] = {"done", "refused", "not_tls", "gone", "key"};
static const char *const scope_names[] = {"process", "context", "leg", "queue"};
static const char *const part_names[] = {"logs", "queues", "own", "partial", "open", "kept"};
static const char *const senders_names[] = {"bulk", "all", "private", "peer"};
static const char *const why_names[] = {"bulk",    "responses", "unknown", "peer",
					"verdict", "chat",      "memory",  "rate"};
static const int statuses[] = {200, 400, 403, 404, 408, 413, 415, 424, 425, 428, 481, 501, 506};

_Static_assert(ARRAY_LEN(outcome_names) == OUTCOME_COUNT, "one name per outcome");
_Static_assert(ARRAY_LEN(cause_names) == CAUSE_COUNT, "one name per cause");
_Static_assert(ARRAY_LEN(scope_names) == SCOPE_COUNT, "one name per scope");
_Static_assert(ARRAY_LEN(part_names) == BUDGET_PARTS, "one name per part");
_Static_assert(ARRAY_LEN(why_names) == WHY_COUNT, "one name per reason");
_Static_assert(ARRAY_LEN(status_names) == STATS_STATUSES, "one name per status");

static void add_by(struct metrics *m, enum metrics_type type, const char *name, const char *label,
		   const char *text, const char *const *values, size_t n, int64_t **cells)
{
	struct metrics_family *f = metrics_add(m, type, name, label, text);

	for (size_t i = 0; i < n; i++)
		cells[i] = metrics_cell(f, &values[i], 1);
}

static void add_class_by(struct metrics *m, enum metrics_type type, const char *name,
			 const char *labels, const char *text, const char *const *values, size_t n,
			 int64_t **cells)
{
	struct metrics_family *f = metrics_add(m, type, name, labels, text);

	for (unsigned k = 0; k < STATS_CLASSES; k++) {
		for (size_t i = 0; i < n; i++) {
			const char *v[2] = {cpim_kind_name((enum cpim_kind)k), values[i]};
			cells[k * n + i] = metrics_cell(f, v, 2);
		}
	}
}

void stats_init(struct stats *s, struct metrics *m)
{
	const char *classes[STATS_CLASSES];

	for (unsigned k = 0; k < STATS_CLASSES; k++)
		classes[k] = cpim_kind_name((enum cpim_kind)k);
#define STATS_ONE(type, field, name, text)                                                         \
	s->field = metrics_cell(metrics_add(m, METRICS_##type, name, "", text), NULL, 0);
#define STATS_CLASS(type, field, name, text)                                                       \
	add_by(m, METRICS_##type, name, "class", text, classes, STATS_CLASSES, s->field);
#define STATS_CLASS_BY(type, field, dimension, name, text)                                         \
	add_class_by(m, METRICS_##type, name, "class," #dimension, text, dimension##_names,        \
		     STATS_DIM_##dimension, &s->field[0][0]);
#define STATS_BY(type, field, dimension, name, text)                                               \
	add_by(m, METRICS_##type, name, #dimension, text, dimension##_names,                       \
	       STATS_DIM_##dimension, s->field);
#include "mrfp/stats.def"
}

size_t stats_status(int status)
{
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		if (statuses[i] == status)
			return i;
	}
	return STATS_STATUSES - 1;
}

const char *stats_cause_name(int cause)
{
	return cause >= 1 && cause <= CAUSE_COUNT ? cause_names[cause - 1] : "none";
}
