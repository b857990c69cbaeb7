/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings from defaults, a libconfig file and -o, into a struct of the program's, by its table.
 * The only user of libconfig. Every mistake is told with its place, the setting and what is
 * allowed; nothing unknown is passed over in silence.
 */
#include "common/config.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/bytes.h"
#include "common/config_value.h"
#include "common/log.h"
#include "common/mem.h"

#define LOG_PLACE  "config"
#define PATH_LIMIT 128u
#define DEPTH_MAX  8u

struct loader {
	const struct config_opt *table;
	size_t n_table;
	void *opts;
	const char *file; /* of the setting being read; NULL for -o */
	unsigned line;
	struct bytes error; /* empty until the first mistake */
};

static void *field(const struct config_opt *opt, void *opts)
{
	return (char *)opts + opt->offset;
}

static void store_value(const struct config_opt *opt, void *opts, struct config_value value)
{
	void *to = field(opt, opts);

	switch (opt->type) {
	case CONFIG_BOOL:
		*(bool *)to = value.number != 0;
		break;
	case CONFIG_ENUM:
		*(int *)to = (int)value.number;
		break;
	case CONFIG_STRING:
		free(*(char **)to);
		*(char **)to = value.text;
		break;
	case CONFIG_INT:
	case CONFIG_BYTES:
	case CONFIG_MS:
		*(int64_t *)to = value.number;
		break;
	}
}

static void add_place(struct loader *l, const char *path)
{
	if (l->file && l->line)
		bytes_addf(&l->error, "%s:%u: ", l->file, l->line);
	else if (l->file)
		bytes_addf(&l->error, "%s: ", l->file);
	else
		bytes_add_str(&l->error, "-o: ");
	if (path)
		bytes_addf(&l->error, "%s: ", path);
}

static const struct config_opt *find(const struct loader *l, const char *path)
{
	for (size_t i = 0; i < l->n_table; i++)
		if (strcmp(l->table[i].path, path) == 0)
			return &l->table[i];
	return NULL;
}

/* Edits that turn a into b (Levenshtein); both are cut at PATH_LIMIT. */
static size_t distance(const char *a, const char *b)
{
	size_t row[PATH_LIMIT + 1];
	size_t n_a = strnlen(a, PATH_LIMIT), n_b = strnlen(b, PATH_LIMIT);

	for (size_t j = 0; j <= n_b; j++)
		row[j] = j;
	for (size_t i = 1; i <= n_a; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n_b; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n_b];
}

/* The three settings whose names are most like path, nearest first. */
static void add_nearest(struct loader *l, const char *path)
{
	const char *names[3] = {NULL};
	size_t far[3] = {SIZE_MAX, SIZE_MAX, SIZE_MAX};

	for (size_t i = 0; i < l->n_table; i++) {
		size_t d = distance(path, l->table[i].path);

		for (size_t k = 0; k < ARRAY_LEN(far); k++) {
			if (d >= far[k])
				continue;
			for (size_t m = ARRAY_LEN(far) - 1; m > k; m--) {
				far[m] = far[m - 1];
				names[m] = names[m - 1];
			}
			far[k] = d;
			names[k] = l->table[i].path;
			break;
		}
	}
	for (size_t k = 0; k < ARRAY_LEN(names) && names[k]; k++)
		bytes_addf(&l->error, "%s%s", k ? ", " : "", names[k]);
}

static int unknown(struct loader *l, const char *path)
{
	add_place(l, path);
	bytes_add_str(&l->error, "unknown setting (nearest: ");
	add_nearest(l, path);
	bytes_add_char(&l->error, ')');
	return -ERR_CONFIG;
}

static int apply_text(struct loader *l, const struct config_opt *opt, const char *text)
{
	struct config_value value;
	struct bytes why = BYTES_INIT;
	int rc = config_value_parse(opt, text, &value, &why);

	if (rc < 0) {
		add_place(l, opt->path);
		bytes_add_slice(&l->error, bytes_slice(&why));
		rc = -ERR_CONFIG;
	} else {
		store_value(opt, l->opts, value);
	}
	bytes_fini(&why);
	return rc;
}

static int wrong_type(struct loader *l, const struct config_opt *opt,
		      const config_setting_t *setting)
{
	add_place(l, opt->path);
	config_value_expected(opt, &l->error);
	bytes_add_str(&l->error, " expected");
	if (config_setting_type(setting) == CONFIG_TYPE_STRING)
		bytes_addf(&l->error, ", not the text \"%.100s\"",
			   config_setting_get_string(setting));
	return -ERR_CONFIG;
}

/* A file's value is turned into the text that -o would have, if its type fits. */
static int apply_setting(struct loader *l, const struct config_opt *opt,
			 const config_setting_t *setting)
{
	int type = config_setting_type(setting);
	bool number = type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
	bool quantity = opt->type == CONFIG_BYTES || opt->type == CONFIG_MS;
	char text[64];

	if (type == CONFIG_TYPE_STRING &&
	    (quantity || opt->type == CONFIG_STRING || opt->type == CONFIG_ENUM))
		return apply_text(l, opt, config_setting_get_string(setting));
	if (type == CONFIG_TYPE_BOOL &&
	    (opt->type == CONFIG_BOOL ||
	     (opt->type == CONFIG_ENUM && strstr(opt->words, "false true") != NULL)))
		snprintf(text, sizeof(text), "%s",
			 config_setting_get_bool(setting) ? "true" : "false");
	else if (number && (quantity || opt->type == CONFIG_INT))
		snprintf(text, sizeof(text), "%lld", config_setting_get_int64(setting));
	else if (type == CONFIG_TYPE_FLOAT && quantity)
		snprintf(text, sizeof(text), "%.6f", config_setting_get_float(setting));
	else
		return wrong_type(l, opt, setting);
	return apply_text(l, opt, text);
}

static bool is_group_name(const struct loader *l, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < l->n_table; i++)
		if (strncmp(l->table[i].path, path, len) == 0 && l->table[i].path[len] == '.')
			return true;
	return false;
}

/* One member of a group; *inner_r is set when it is a group to go into. */
static int one_setting(struct loader *l, config_setting_t *setting, const char *path,
		       config_setting_t **inner_r)
{
	const struct config_opt *opt = find(l, path);

	l->line = config_setting_source_line(setting);
	if (config_setting_source_file(setting))
		l->file = config_setting_source_file(setting);
	if (opt)
		return apply_setting(l, opt, setting);
	if (!config_setting_is_group(setting) || !is_group_name(l, path))
		return unknown(l, path);
	*inner_r = setting;
	return 0;
}

static int walk(struct loader *l, config_setting_t *root)
{
	struct {
		config_setting_t *group;
		int next;
		size_t path_len;
	} stack[DEPTH_MAX] = {{root, 0, 0}};
	char path[PATH_LIMIT] = "";
	size_t depth = 1;

	while (depth > 0) {
		config_setting_t *setting, *inner = NULL;
		size_t len = stack[depth - 1].path_len;
		int rc, n;

		setting = config_setting_get_elem(stack[depth - 1].group,
						  (unsigned)stack[depth - 1].next++);
		if (!setting) {
			depth--;
			continue;
		}
		n = snprintf(path + len, sizeof(path) - len, "%s%s", len ? "." : "",
			     config_setting_name(setting));
		rc = one_setting(l, setting, path, &inner);
		if (rc < 0)
			return rc;
		if (!inner)
			continue;
		/* A known group's name is a part of a table path: short, and not deep. */
		assert(depth < DEPTH_MAX && (size_t)n < sizeof(path) - len);
		stack[depth].group = inner;
		stack[depth].next = 0;
		stack[depth].path_len = len + (size_t)n;
		depth++;
	}
	return 0;
}

static int open_file(struct loader *l, FILE **file_r)
{
	FILE *f = fopen(l->file, "re");
	struct stat st;

	if (f && fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode)) {
		fclose(f);
		f = NULL;
		errno = EISDIR;
	}
	if (!f) {
		add_place(l, NULL);
		bytes_add_str(&l->error, strerror(errno));
		return -ERR_CONFIG;
	}
	*file_r = f;
	return 0;
}

static int load_file(struct loader *l, const char *file)
{
	config_t parsed;
	FILE *f;
	int rc;

	l->file = file;
	l->line = 0;
	rc = open_file(l, &f);
	if (rc < 0)
		return rc;
	config_init(&parsed);
	if (config_read(&parsed, f) == CONFIG_TRUE) {
		rc = walk(l, config_root_setting(&parsed));
	} else {
		if (config_error_file(&parsed))
			l->file = config_error_file(&parsed);
		l->line = (unsigned)config_error_line(&parsed);
		add_place(l, NULL);
		bytes_add_str(&l->error, config_error_text(&parsed));
		rc = -ERR_CONFIG;
	}
	config_destroy(&parsed);
	fclose(f);
	l->file = NULL;
	l->line = 0;
	return rc;
}

static int apply_override(struct loader *l, const char *text)
{
	const char *equals = strchr(text, '=');
	const struct config_opt *opt;
	char *path;
	int rc;

	if (!equals) {
		add_place(l, text);
		bytes_add_str(&l->error, "PATH=VALUE expected");
		return -ERR_CONFIG;
	}
	path = slice_dup(slice_make(text, (size_t)(equals - text)));
	opt = find(l, path);
	rc = opt ? apply_text(l, opt, equals + 1) : unknown(l, path);
	free(path);
	return rc;
}

static void apply_defaults(struct loader *l)
{
	for (size_t i = 0; i < l->n_table; i++) {
		const struct config_opt *opt = &l->table[i];

		if (apply_text(l, opt, opt->def ? opt->def : "") < 0) {
			fprintf(stderr, "option table: %s\n", bytes_cstr(&l->error));
			abort();
		}
	}
}

int config_load(const struct config_opt *table, size_t n_table, const char *file,
		char *const *overrides, size_t n_overrides, void *opts,
		struct config_error *error_r)
{
	struct loader l = {.table = table, .n_table = n_table, .opts = opts};
	int rc = 0;

	bytes_init(&l.error, 64u << 10);
	apply_defaults(&l);
	if (file)
		rc = load_file(&l, file);
	for (size_t i = 0; rc == 0 && i < n_overrides; i++)
		rc = apply_override(&l, overrides[i]);
	if (rc < 0) {
		snprintf(error_r->text, sizeof(error_r->text), "%s", bytes_cstr(&l.error));
		config_release(table, n_table, opts);
	}
	bytes_fini(&l.error);
	return rc;
}

void config_release(const struct config_opt *table, size_t n_table, void *opts)
{
	for (size_t i = 0; i < n_table; i++)
		if (table[i].type == CONFIG_STRING)
			store_value(&table[i], opts, (struct config_value){0, NULL});
}

static bool is_default(const struct config_opt *opt, const void *opts)
{
	const void *at = (const char *)opts + opt->offset;
	struct bytes why = BYTES_INIT;
	struct config_value def = {0, NULL};
	bool same = false;

	if (config_value_parse(opt, opt->def ? opt->def : "", &def, &why) == 0) {
		if (opt->type == CONFIG_STRING)
			same = strcmp(def.text, *(char *const *)at) == 0;
		else if (opt->type == CONFIG_BOOL)
			same = (def.number != 0) == *(const bool *)at;
		else if (opt->type == CONFIG_ENUM)
			same = def.number == *(const int *)at;
		else
			same = def.number == *(const int64_t *)at;
	}
	free(def.text);
	bytes_fini(&why);
	return same;
}

void config_log_missing(const struct config_opt *table, size_t n_table, const void *opts)
{
	for (size_t i = 0; i < n_table; i++)
		if (table[i].missing && !is_default(&table[i], opts))
			log_warn("%s has no effect: %s", table[i].path, table[i].missing);
}

void config_log_idle(const struct config_opt *table, size_t n_table, const void *opts,
		     const char *path, const char *why)
{
	for (size_t i = 0; i < n_table; i++)
		if (strcmp(table[i].path, path) == 0 && !is_default(&table[i], opts))
			log_warn("%s has no effect: %s", path, why);
}

/* A cell of a table row: "|" would end it. */
static void print_cell(const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			putchar('\\');
		putchar(*text);
	}
}

void config_print_markdown(const struct config_opt *table, size_t n_table)
{
	puts("| setting | takes | default | what |\n|---|---|---|---|");
	for (size_t i = 0; i < n_table; i++) {
		const struct config_opt *opt = &table[i];
		struct bytes expected = BYTES_INIT;

		config_value_expected(opt, &expected);
		printf("| `%s` | ", opt->path);
		print_cell(bytes_cstr(&expected));
		printf(" | `%s` | ", opt->def && opt->def[0] ? opt->def : "\"\"");
		print_cell(opt->text);
		if (opt->missing) {
			printf(" *Without effect: ");
			print_cell(opt->missing);
			printf(".*");
		}
		printf(" |\n");
		bytes_fini(&expected);
	}
}
