/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/*
 * Configuration: a libconfig file plus -o PATH=VALUE overrides, checked against a table of
 * options, into a plain struct of the program's. Every setting is a scalar (lists are
 * comma-separated strings). docs/configuration.md is printed from the same tables.
 */
enum config_type {
	CONFIG_BOOL,  /* bool */
	CONFIG_INT,   /* int64_t, in [min, max]; suffix text in unit */
	CONFIG_BYTES, /* int64_t; accepts 4194304, "4M", "16MiB", "64k" */
	CONFIG_MS, /* int64_t milliseconds; accepts "500ms", "10s", "1.5s", "5min"; a bare number is seconds */
	CONFIG_STRING, /* char *, owned by the struct; NULL never, "" when empty */
	CONFIG_ENUM    /* int: index of the word in the space-separated `words` */
};

struct config_opt {
	const char *path; /* "sip.port" */
	enum config_type type;
	size_t offset;     /* in the options struct */
	const char *def;   /* default, in the syntax of -o */
	int64_t min, max;  /* numbers; 0,0 = unchecked */
	const char *words; /* CONFIG_ENUM: "ims rfc" */
	const char *unit;  /* for the manual: "octets", "s", "" */
	const char *text;  /* one sentence for the manual */
	const char *
		missing; /* NULL, or: accepted, but this feature is not in this release (logged when set) */
};

struct config_error {
	char text[512]; /* "conf/mrfp.conf:7: msrp.port: 99999 is out of range (0..65535)" */
};

/*
 * Fill opts (zeroed by the caller) from defaults, then file (NULL: none), then the n_overrides
 * "PATH=VALUE" strings. Unknown settings, wrong types and ranges are errors that name file:line (or
 * -o), the key and what is allowed. -ERR_CONFIG and *error on failure; opts is then released.
 */
MUST_CHECK int config_load(const struct config_opt *table, size_t n_table, const char *file,
			   char *const *overrides, size_t n_overrides, void *opts,
			   struct config_error *error_r);
void config_release(const struct config_opt *table, size_t n_table, void *opts);
/* Log a line for every accepted-but-missing feature whose value differs from its default. */
void config_log_missing(const struct config_opt *table, size_t n_table, const void *opts);
/* The same of the setting `path` whose value differs from its default, and which something makes idle: why. */
void config_log_idle(const struct config_opt *table, size_t n_table, const void *opts,
		     const char *path, const char *why);
/* The table in Markdown, for docs (stdout). */
void config_print_markdown(const struct config_opt *table, size_t n_table);

#endif
