/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters and gauges, written in the Prometheus text format 0.0.4. A cell is found by its label
 * text exactly as it will be printed, so that printing is copying. A family is bounded: label
 * values that grow without end end up together in one cell.
 */
#include "common/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <uthash.h>

#include "common/mem.h"

#define CELLS_MAX 1000u

struct cell {
	int64_t value;
	char *labels; /* {a="x",b="y"}, or "" */
	UT_hash_handle hh;
};

struct metrics_family {
	STAILQ_ENTRY(metrics_family) link;
	enum metrics_type type;
	const char *name, *label_names, *help;
	size_t n_labels;
	struct cell *cells;
	struct cell *other;
};

struct collector {
	STAILQ_ENTRY(collector) link;
	metrics_collect_fn *fn;
	void *arg;
};

struct metrics {
	STAILQ_HEAD(, metrics_family) families;
	STAILQ_HEAD(, collector) collectors;
};

struct metrics *metrics_new(void)
{
	struct metrics *m = xcalloc(1, sizeof(*m));

	STAILQ_INIT(&m->families);
	STAILQ_INIT(&m->collectors);
	return m;
}

static void free_cell(struct cell *c)
{
	if (c)
		free(c->labels);
	free(c);
}

static void free_family(struct metrics_family *f)
{
	struct cell *c, *next;

	HASH_ITER(hh, f->cells, c, next) {
		HASH_DEL(f->cells, c);
		free_cell(c);
	}
	free_cell(f->other);
	free(f);
}

void metrics_free(struct metrics **m)
{
	struct metrics *metrics = *m;

	*m = NULL;
	if (!metrics)
		return;
	while (!STAILQ_EMPTY(&metrics->families)) {
		struct metrics_family *f = STAILQ_FIRST(&metrics->families);

		STAILQ_REMOVE_HEAD(&metrics->families, link);
		free_family(f);
	}
	while (!STAILQ_EMPTY(&metrics->collectors)) {
		struct collector *c = STAILQ_FIRST(&metrics->collectors);

		STAILQ_REMOVE_HEAD(&metrics->collectors, link);
		free(c);
	}
	free(metrics);
}

struct metrics_family *metrics_add(struct metrics *m, enum metrics_type type, const char *name,
				   const char *label_names, const char *help)
{
	struct metrics_family *f;

	STAILQ_FOREACH(f, &m->families, link)
		assert(strcmp(f->name, name) != 0);
	f = xcalloc(1, sizeof(*f));
	f->type = type;
	f->name = name;
	f->label_names = label_names;
	f->help = help;
	if (label_names[0]) {
		f->n_labels = 1;
		for (const char *p = label_names; *p; p++)
			f->n_labels += *p == ',';
	}
	STAILQ_INSERT_TAIL(&m->families, f, link);
	if (f->n_labels == 0)
		(void)metrics_cell(f, NULL, 0);
	return f;
}

static void add_value(struct bytes *out, const char *value)
{
	bool utf8 = slice_is_utf8(slice_str(value));

	for (; *value; value++) {
		if (*value == '\n')
			bytes_add_str(out, "\\n");
		else if (*value == '\\' || *value == '"')
			bytes_addf(out, "\\%c", *value);
		else
			bytes_add_char(out, !utf8 && (*value & 0x80) ? '?' : *value);
	}
}

/* values NULL: "other" for each. */
static char *label_text(const struct metrics_family *f, const char *const *values)
{
	struct slice rest = slice_str(f->label_names);
	struct bytes out = BYTES_INIT;
	struct slice name;

	if (f->n_labels == 0)
		return xstrdup("");
	bytes_add_char(&out, '{');
	for (size_t i = 0; slice_next(&rest, ',', &name); i++) {
		if (i > 0)
			bytes_add_char(&out, ',');
		bytes_add_slice(&out, slice_trim(name));
		bytes_add_str(&out, "=\"");
		add_value(&out, values ? values[i] : "other");
		bytes_add_char(&out, '"');
	}
	bytes_add_char(&out, '}');
	return bytes_take(&out);
}

int64_t *metrics_cell(struct metrics_family *f, const char *const *values, size_t n_values)
{
	struct cell *c;
	char *labels;

	assert(n_values == f->n_labels);
	labels = label_text(f, values);
	HASH_FIND_STR(f->cells, labels, c);
	if (c) {
		free(labels);
		return &c->value;
	}
	if (HASH_COUNT(f->cells) >= CELLS_MAX) {
		free(labels);
		if (!f->other) {
			f->other = xcalloc(1, sizeof(*f->other));
			f->other->labels = label_text(f, NULL);
		}
		return &f->other->value;
	}
	c = xcalloc(1, sizeof(*c));
	c->labels = labels;
	HASH_ADD_KEYPTR(hh, f->cells, c->labels, strlen(c->labels), c);
	return &c->value;
}

void metrics_on_collect(struct metrics *m, metrics_collect_fn *fn, void *arg)
{
	struct collector *c = xcalloc(1, sizeof(*c));

	c->fn = fn;
	c->arg = arg;
	STAILQ_INSERT_TAIL(&m->collectors, c, link);
}

static void write_cell(const struct metrics_family *f, const struct cell *c, struct bytes *out)
{
	bytes_add_str(out, f->name);
	bytes_add_str(out, c->labels);
	bytes_addf(out, " %" PRId64 "\n", c->value);
}

static void write_family(const struct metrics_family *f, struct bytes *out)
{
	bytes_addf(out, "# HELP %s ", f->name);
	for (const char *p = f->help; *p; p++) {
		if (*p == '\n' || *p == '\\')
			bytes_addf(out, "\\%c", *p == '\n' ? 'n' : '\\');
		else
			bytes_add_char(out, *p);
	}
	bytes_addf(out, "\n# TYPE %s %s\n", f->name,
		   f->type == METRICS_COUNTER ? "counter" : "gauge");
	for (const struct cell *c = f->cells; c; c = c->hh.next)
		write_cell(f, c, out);
	if (f->other)
		write_cell(f, f->other, out);
}

void metrics_write(struct metrics *m, struct bytes *out)
{
	const struct metrics_family *f;
	const struct collector *c;

	STAILQ_FOREACH(c, &m->collectors, link)
		c->fn(c->arg);
	STAILQ_FOREACH(f, &m->families, link)
		write_family(f, out);
}
