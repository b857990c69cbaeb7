/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of settings into values: numbers with ranges, sizes, times, words. No file, no table:
 * one option and one text at a time. All arithmetic is checked; a value that cannot be kept
 * exactly is refused rather than rounded.
 */
#include "common/config_value.h"

#include <inttypes.h>
#include <string.h>

#include "common/mem.h"
#include "common/slice.h"

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit byte_units[] = {
	{"", 1},         {"k", 1 << 10},   {"K", 1 << 10},   {"KiB", 1 << 10},
	{"kB", 1 << 10}, {"M", 1 << 20},   {"MiB", 1 << 20}, {"MB", 1 << 20},
	{"G", 1 << 30},  {"GiB", 1 << 30}, {"GB", 1 << 30},
};

static const struct unit time_units[] = {
	{"", 1000}, {"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000},
};

static bool has_range(const struct config_opt *opt)
{
	return opt->min != 0 || opt->max != 0;
}

/* A number in the option's own way of writing. */
static void add_number(const struct config_opt *opt, int64_t v, struct bytes *out)
{
	if (opt->type == CONFIG_MS && v % 1000 == 0)
		bytes_addf(out, "%" PRId64 "s", v / 1000);
	else if (opt->type == CONFIG_MS)
		bytes_addf(out, "%" PRId64 "ms", v);
	else if (opt->type == CONFIG_BYTES && v && v % (1 << 20) == 0)
		bytes_addf(out, "%" PRId64 "MiB", v >> 20);
	else if (opt->type == CONFIG_BYTES && v && v % (1 << 10) == 0)
		bytes_addf(out, "%" PRId64 "KiB", v >> 10);
	else
		bytes_addf(out, "%" PRId64, v);
}

static void add_range(const struct config_opt *opt, struct bytes *out)
{
	add_number(opt, opt->min, out);
	bytes_add_str(out, "..");
	if (opt->max != INT64_MAX)
		add_number(opt, opt->max, out);
}

void config_value_expected(const struct config_opt *opt, struct bytes *out)
{
	switch (opt->type) {
	case CONFIG_BOOL:
		bytes_add_str(out, "true or false");
		return;
	case CONFIG_STRING:
		bytes_add_str(out, "a text");
		return;
	case CONFIG_ENUM:
		bytes_addf(out, "one of: %s", opt->words);
		return;
	case CONFIG_INT:
		bytes_add_str(out, "a whole number");
		break;
	case CONFIG_BYTES:
		bytes_add_str(out, "a size such as 65536, \"64k\" or \"16MiB\"");
		break;
	case CONFIG_MS:
		bytes_add_str(out, "a time such as 10, \"500ms\", \"1.5s\" or \"5min\"");
		break;
	}
	if (has_range(opt)) {
		bytes_add_str(out, " (");
		add_range(opt, out);
		bytes_add_char(out, ')');
	}
}

static int unexpected(const struct config_opt *opt, const char *text, struct bytes *why)
{
	bytes_addf(why, "\"%s\" is not ", text);
	config_value_expected(opt, why);
	return -ERR_SYNTAX;
}

static int check_range(const struct config_opt *opt, const char *text, int64_t v, struct bytes *why)
{
	if (!has_range(opt) || (v >= opt->min && v <= opt->max))
		return 0;
	bytes_addf(why, "%s is out of range (", text);
	add_range(opt, why);
	bytes_add_char(why, ')');
	return -ERR_LIMIT;
}

static int parse_bool(const char *text, int64_t *v_r)
{
	static const char *const yes[] = {"true", "yes", "on", "1"};
	static const char *const no[] = {"false", "no", "off", "0"};

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (slice_ieq_str(slice_str(yes[i]), text) ||
		    slice_ieq_str(slice_str(no[i]), text)) {
			*v_r = slice_ieq_str(slice_str(yes[i]), text);
			return 0;
		}
	}
	return -ERR_SYNTAX;
}

static int parse_int(const char *text, int64_t *v_r)
{
	bool negative = text[0] == '-';
	uint64_t v;
	int rc = slice_u64(slice_str(text + negative), INT64_MAX, &v);

	if (rc == 0)
		*v_r = negative ? -(int64_t)v : (int64_t)v;
	return rc;
}

static size_t n_digits(struct slice s)
{
	size_t n = 0;

	while (n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9')
		n++;
	return n;
}

/* DIGITS [ "." DIGITS ] [ unit ], the result a whole number. */
static int parse_scaled(const char *text, const struct unit *units, size_t n_units, int64_t *v_r)
{
	struct slice rest = slice_str(text), part = {"", 0};
	uint64_t whole, fraction = 0, scale = 1;
	size_t n = n_digits(rest);
	int rc = slice_u64(slice_first(rest, n), INT64_MAX, &whole);

	if (rc < 0)
		return rc;
	rest = slice_from(rest, n);
	if (slice_starts(rest, SLICE_LIT("."))) {
		rest = slice_from(rest, 1);
		n = n_digits(rest);
		part = slice_first(rest, n);
		rest = slice_from(rest, n);
		if (part.len > 6 || slice_u64(part, INT64_MAX, &fraction) < 0)
			return -ERR_SYNTAX;
		for (size_t i = 0; i < part.len; i++)
			scale *= 10;
	}
	for (size_t i = 0; i < n_units; i++) {
		uint64_t factor = (uint64_t)units[i].factor;

		if (!slice_eq_str(rest, units[i].name))
			continue;
		if (fraction * factor % scale != 0)
			return -ERR_SYNTAX;
		fraction = fraction * factor / scale;
		if (whole > ((uint64_t)INT64_MAX - fraction) / factor)
			return -ERR_LIMIT;
		*v_r = (int64_t)(whole * factor + fraction);
		return 0;
	}
	return -ERR_SYNTAX;
}

static int parse_word(const char *words, const char *text, int64_t *v_r)
{
	struct slice rest = slice_str(words), word;

	for (int64_t i = 0; slice_next(&rest, ' ', &word); i++) {
		if (word.len && slice_eq_str(word, text)) {
			*v_r = i;
			return 0;
		}
	}
	return -ERR_SYNTAX;
}

/* Settings end up in protocol headers and log lines. */
static bool is_clean(const char *text)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return slice_is_utf8(slice_str(text));
}

int config_value_parse(const struct config_opt *opt, const char *text, struct config_value *value_r,
		       struct bytes *why)
{
	int64_t v = 0;
	int rc = -ERR_SYNTAX;

	if (!is_clean(text)) {
		bytes_add_str(why, "control characters and malformed UTF-8 are not allowed");
		return -ERR_SYNTAX;
	}
	switch (opt->type) {
	case CONFIG_STRING:
		*value_r = (struct config_value){0, xstrdup(text)};
		return 0;
	case CONFIG_BOOL:
		rc = parse_bool(text, &v);
		break;
	case CONFIG_ENUM:
		rc = parse_word(opt->words, text, &v);
		break;
	case CONFIG_INT:
		rc = parse_int(text, &v);
		break;
	case CONFIG_BYTES:
		rc = parse_scaled(text, byte_units, ARRAY_LEN(byte_units), &v);
		break;
	case CONFIG_MS:
		rc = parse_scaled(text, time_units, ARRAY_LEN(time_units), &v);
		break;
	}
	if (rc == -ERR_LIMIT && has_range(opt))
		return check_range(opt, text, text[0] == '-' ? INT64_MIN : INT64_MAX, why) < 0
			       ? -ERR_LIMIT
			       : unexpected(opt, text, why);
	if (rc < 0)
		return unexpected(opt, text, why);
	if (opt->type != CONFIG_BOOL && opt->type != CONFIG_ENUM) {
		rc = check_range(opt, text, v, why);
		if (rc < 0)
			return rc;
	}
	*value_r = (struct config_value){v, NULL};
	return 0;
}
