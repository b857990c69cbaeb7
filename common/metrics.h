/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

/* Counters and gauges in Prometheus text form. One registry per process, built by server.c. */
enum metrics_type { METRICS_COUNTER, METRICS_GAUGE };
struct metrics;
struct metrics_family;

struct metrics *metrics_new(void);
void metrics_free(struct metrics **m);
/* label_names: comma-separated, "" for none. name and help must outlive the registry (literals). */
struct metrics_family *metrics_add(struct metrics *m, enum metrics_type type, const char *name,
				   const char *label_names, const char *help);
/*
 * The cell for one combination of label values (n values, in order; created at 0 on first use).
 * The pointer stays valid: hot paths look it up once. At most 1000 cells a family; further
 * combinations share one with the values "other".
 */
int64_t *metrics_cell(struct metrics_family *f, const char *const *values, size_t n_values);
/* Called before each exposition, for gauges computed on demand. */
typedef void metrics_collect_fn(void *arg);
void metrics_on_collect(struct metrics *m, metrics_collect_fn *fn, void *arg);
void metrics_write(struct metrics *m, struct bytes *out);

#endif
