/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of mrfctl: columns as wide as their widest cell, counted in characters. Cells are cleaned
 * of control characters, since a nickname must not be able to steer an operator's terminal.
 */
#include "mrfc/admin/mrfctl_print.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

#define COLUMNS_MAX  10
#define GAP          2
#define EPOCH_DIGITS 8 /* of the hexadecimal id of a group key, its end */

struct table {
	const char *const *heads;
	size_t n_columns;
	char **cells; /* by rows */
	size_t n_cells, cap;
};

static bool is_control(const unsigned char *c)
{
	/* C0, DEL, and C1 in UTF-8 */
	return *c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f);
}

static char *clean(const char *text)
{
	char *copy = xstrdup(text);
	char *to = copy;

	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		bool control = is_control(c);

		if (control && *c == 0xc2)
			c++;
		*to++ = control ? '?' : (char)*c;
	}
	*to = '\0';
	return copy;
}

/* Characters of UTF-8: continuation octets do not count. */
static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void cell(struct table *t, const char *text)
{
	if (t->n_cells == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 64;
		t->cells = xrealloc(t->cells, t->cap * sizeof(*t->cells));
	}
	t->cells[t->n_cells++] = clean(text && text[0] ? text : "-");
}

static void cell_number(struct table *t, json_int_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)n);
	cell(t, text);
}

/* The last column is not filled up. */
static void print_row(FILE *out, const struct table *t, const char *const *row,
		      const size_t *widths)
{
	for (size_t i = 0; i < t->n_columns; i++) {
		bool last = i + 1 == t->n_columns;

		fputs(row[i], out);
		fprintf(out, "%*s", last ? 0 : (int)(widths[i] + GAP - width(row[i])), "");
	}
	fputc('\n', out);
}

static void table_finish(FILE *out, struct table *t)
{
	size_t widths[COLUMNS_MAX];

	for (size_t i = 0; i < t->n_columns; i++)
		widths[i] = width(t->heads[i]);
	for (size_t i = 0; i < t->n_cells; i++)
		if (width(t->cells[i]) > widths[i % t->n_columns])
			widths[i % t->n_columns] = width(t->cells[i]);
	print_row(out, t, t->heads, widths);
	for (size_t i = 0; i < t->n_cells; i += t->n_columns)
		print_row(out, t, (const char *const *)t->cells + i, widths);
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
}

static const char *text_of(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static json_int_t number_of(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

/* "" of an open one; "epoch N" (as terminals count: the end of the id), "yes" before the first. */
static const char *sealed(const json_t *conference, char buf[32])
{
	const char *id = text_of(conference, "epoch");
	size_t len = id ? strlen(id) : 0;

	if (!json_is_true(json_object_get(conference, "e2e")))
		return "";
	if (len < EPOCH_DIGITS)
		return "yes";
	snprintf(buf, 32, "epoch %lu", strtoul(id + len - EPOCH_DIGITS, NULL, 16));
	return buf;
}

/* Who has to come over TLS; NULL: nobody, or a word that is none of ours. */
static const char *requires_tls(const json_t *conference)
{
	const char *word = text_of(conference, "require_tls");

	return word && strcmp(word, "hop") == 0             ? "hop"
	       : word && strcmp(word, "access-or-hop") == 0 ? "access-or-hop"
							    : NULL;
}

void mrfctl_print_conferences(FILE *out, const json_t *answer)
{
	static const char *const heads[] = {"NAME",   "STATE", "PARTICIPANTS", "MEMBERS",
					    "SEALED", "MRFP",  "CREATED",      "SUBJECT"};
	struct table t = {.heads = heads, .n_columns = ARRAY_LEN(heads)};
	const json_t *list = json_object_get(answer, "conferences");
	const json_t *c;
	size_t i;

	json_array_foreach(list, i, c)
	{
		char epoch[32];

		cell(&t, text_of(c, "name"));
		cell(&t, text_of(c, "state"));
		cell_number(&t, number_of(c, "participant_count"));
		cell_number(&t, number_of(c, "member_count"));
		cell(&t, sealed(c, epoch));
		cell(&t, text_of(c, "mrfp"));
		cell(&t, text_of(c, "created"));
		cell(&t, text_of(c, "subject"));
	}
	table_finish(out, &t);
}

static void print_line(FILE *out, const json_t *o, const char *name)
{
	const char *value = text_of(o, name);
	char *cleaned;

	if (!value)
		return;
	cleaned = clean(value);
	fprintf(out, "%-8s  %s\n", name, cleaned);
	free(cleaned);
}

/* A terminal of his has not confirmed the newest group key. */
static bool is_stale(const json_t *p)
{
	const json_t *e;
	size_t i;

	json_array_foreach(json_object_get(p, "endpoints"), i, e)
	{
		if (json_is_true(json_object_get(e, "stale")))
			return true;
	}
	return false;
}

static void participant_state(struct table *t, const json_t *p)
{
	const char *state = text_of(p, "state");
	const char *reason = text_of(p, "reason");
	json_int_t cause = number_of(p, "cause");
	char text[256];

	if (cause)
		snprintf(text, sizeof(text), "%s %lld%s%s", state ? state : "", (long long)cause,
			 reason ? " " : "", reason ? reason : "");
	else
		snprintf(text, sizeof(text), "%s%s", state ? state : "",
			 is_stale(p) ? " stale" : "");
	cell(t, text);
}

void mrfctl_print_conference(FILE *out, const json_t *answer)
{
	static const char *const heads[] = {"URI",    "DISPLAY", "NICKNAME", "ROLE",   "STATE",
					    "JOINED", "SINCE",   "LOST",     "MEMBER", "OWED"};
	struct table t = {.heads = heads, .n_columns = ARRAY_LEN(heads)};
	const json_t *list = json_object_get(answer, "participants");
	const json_t *p;
	char epoch[32];
	size_t i;

	print_line(out, answer, "name");
	print_line(out, answer, "uri");
	print_line(out, answer, "state");
	print_line(out, answer, "subject");
	print_line(out, answer, "creator");
	print_line(out, answer, "created");
	print_line(out, answer, "mrfp");
	print_line(out, answer, "mode");
	if (sealed(answer, epoch)[0])
		fprintf(out, "%-8s  %s\n", "sealed", sealed(answer, epoch));
	if (requires_tls(answer))
		fprintf(out, "%-8s  %s\n", "tls", requires_tls(answer));
	if (json_is_true(json_object_get(answer, "locked")))
		fprintf(out, "%-8s  %s\n", "locked", "yes");
	if (number_of(answer, "max_users"))
		fprintf(out, "%-8s  %lld users\n", "limit",
			(long long)number_of(answer, "max_users"));
	print_line(out, answer, "until");
	if (number_of(answer, "owed"))
		fprintf(out, "%-8s  %lld messages for who is away\n", "owed",
			(long long)number_of(answer, "owed"));
	if (!list)
		return;
	fputc('\n', out);
	json_array_foreach(list, i, p)
	{
		const json_t *e = json_array_get(json_object_get(p, "endpoints"), 0);

		cell(&t, text_of(p, "uri"));
		cell(&t, text_of(p, "display"));
		cell(&t, text_of(p, "nickname"));
		cell(&t, json_string_value(json_array_get(json_object_get(p, "roles"), 0)));
		participant_state(&t, p);
		cell(&t, text_of(e, "joining_method"));
		cell(&t, text_of(e, "since"));
		cell_number(&t, number_of(p, "lost"));
		cell(&t, text_of(p, "member"));
		cell_number(&t, number_of(p, "owed"));
	}
	table_finish(out, &t);
}

void mrfctl_print_bans(FILE *out, const json_t *answer)
{
	static const char *const heads[] = {"URI"};
	struct table t = {.heads = heads, .n_columns = ARRAY_LEN(heads)};
	const json_t *ban;
	size_t i;

	json_array_foreach(json_object_get(answer, "bans"), i, ban) cell(&t, text_of(ban, "uri"));
	table_finish(out, &t);
}

void mrfctl_print_mrfps(FILE *out, const json_t *answer)
{
	static const char *const heads[] = {"ID",       "STATE",        "MSRP",
					    "CONTEXTS", "TERMINATIONS", "LOAD"};
	struct table t = {.heads = heads, .n_columns = ARRAY_LEN(heads)};
	const json_t *list = json_object_get(answer, "mrfps");
	const json_t *m;
	size_t i;

	json_array_foreach(list, i, m)
	{
		char load[32];
		json_int_t per_mille = number_of(m, "load");

		snprintf(load, sizeof(load), "%lld.%lld %%", (long long)(per_mille / 10),
			 (long long)(per_mille % 10));
		cell(&t, text_of(m, "id"));
		cell(&t, text_of(m, "state"));
		cell(&t, text_of(m, "msrp"));
		cell_number(&t, number_of(m, "contexts"));
		cell_number(&t, number_of(m, "terminations"));
		cell(&t, load);
	}
	table_finish(out, &t);
}
