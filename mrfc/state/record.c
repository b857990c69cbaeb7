/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text form of records, from tables of fields: writer, reader, and the release of what was
 * read. Pure. The reader trusts nothing: a file may be damaged or from another release.
 */
#include "mrfc/state/record.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#include "common/mem.h"

#define ID_SIZE 16

static void *at(const void *rec, size_t offset)
{
	return (char *)(uintptr_t)rec + offset;
}

static bool is_special(char c)
{
	return c == '\n' || c == '\r' || c == '\0' || c == '\\';
}

static void add_line(struct bytes *out, const char *name, struct slice value)
{
	bytes_add_str(out, name);
	bytes_add_char(out, ' ');
	for (size_t i = 0; i < value.len; i++) {
		size_t plain = i;

		while (i < value.len && !is_special(value.ptr[i]))
			i++;
		bytes_add(out, value.ptr + plain, i - plain);
		if (i == value.len)
			break;
		switch (value.ptr[i]) {
		case '\n':
			bytes_add_str(out, "\\n");
			break;
		case '\r':
			bytes_add_str(out, "\\r");
			break;
		case '\0':
			bytes_add_str(out, "\\0");
			break;
		default:
			bytes_add_str(out, "\\\\");
			break;
		}
	}
	bytes_add_char(out, '\n');
}

static void add_number(struct bytes *out, const char *name, uint64_t value)
{
	if (value != 0)
		bytes_addf(out, "%s %" PRIu64 "\n", name, value);
}

static void add_id(struct bytes *out, const char *name, const uint8_t *id)
{
	bytes_addf(out, "%s ", name);
	for (size_t i = 0; i < ID_SIZE; i++)
		bytes_addf(out, "%02x", id[i]);
	bytes_add_char(out, '\n');
}

static void add_field(struct bytes *out, const struct record_field *f, const void *rec)
{
	const void *where = at(rec, f->offset);
	const char *const *list;

	switch (f->type) {
	case RECORD_TEXT:
		if (*(const char *const *)where != NULL)
			add_line(out, f->name, slice_str(*(const char *const *)where));
		break;
	case RECORD_LIST:
		list = *(const char *const *const *)where;
		for (size_t i = 0; i < *(const size_t *)at(rec, f->count); i++)
			add_line(out, f->name, slice_str(list[i]));
		break;
	case RECORD_BOOL:
		add_number(out, f->name, *(const bool *)where ? 1 : 0);
		break;
	case RECORD_INT:
		add_number(out, f->name, (uint64_t) * (const int *)where);
		break;
	case RECORD_U32:
		add_number(out, f->name, *(const uint32_t *)where);
		break;
	case RECORD_U64:
		add_number(out, f->name, *(const uint64_t *)where);
		break;
	case RECORD_ID16:
		add_id(out, f->name, where);
		break;
	}
}

void record_build(const struct record_spec *spec, const void *rec, struct bytes *out)
{
	for (size_t i = 0; i < spec->n_fields; i++)
		add_field(out, &spec->fields[i], rec);
}

/* Heap copy; NULL: a bad escape, or a NUL (no field of ours has one). */
static char *unescape(struct slice value)
{
	char *text = xcalloc(value.len + 1, 1);
	size_t n = 0;

	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		if (c == '\\') {
			c = ++i < value.len ? value.ptr[i] : '\0';
			c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == '\\' ? '\\' : '\0';
		}
		if (c == '\0') {
			free(text);
			return NULL;
		}
		text[n++] = c;
	}
	return text;
}

static int take_text(void *where, struct slice value)
{
	char *text;

	if (*(char **)where != NULL)
		return -ERR_SYNTAX;
	text = unescape(value);
	*(char **)where = text;
	return text != NULL ? 0 : -ERR_SYNTAX;
}

static int take_item(void *where, size_t *n, struct slice value)
{
	char *text;

	if (*n >= RECORD_MAX_LIST)
		return -ERR_LIMIT;
	text = unescape(value);
	if (text == NULL)
		return -ERR_SYNTAX;
	*(char ***)where = xrealloc(*(char ***)where, (*n + 1) * sizeof(char *));
	(*(char ***)where)[(*n)++] = text;
	return 0;
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int take_id(uint8_t *id, struct slice value)
{
	if (value.len != ID_SIZE * 2)
		return -ERR_SYNTAX;
	for (size_t i = 0; i < ID_SIZE; i++) {
		int high = nibble(value.ptr[2 * i]), low = nibble(value.ptr[2 * i + 1]);

		if (high < 0 || low < 0)
			return -ERR_SYNTAX;
		id[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static int take_number(const struct record_field *f, void *where, struct slice value)
{
	uint64_t max = UINT64_MAX, number;
	int err;

	if (f->type == RECORD_BOOL)
		max = 1;
	else if (f->type == RECORD_INT)
		max = (uint64_t)f->max;
	else if (f->type == RECORD_U32)
		max = UINT32_MAX;
	err = slice_u64(value, max, &number);
	if (err != 0)
		return -ERR_SYNTAX;
	if (f->type == RECORD_BOOL)
		*(bool *)where = number != 0;
	else if (f->type == RECORD_INT)
		*(int *)where = (int)number;
	else if (f->type == RECORD_U32)
		*(uint32_t *)where = (uint32_t)number;
	else
		*(uint64_t *)where = number;
	return 0;
}

static int take_field(const struct record_field *f, void *rec, struct slice value)
{
	void *where = at(rec, f->offset);

	switch (f->type) {
	case RECORD_TEXT:
		return take_text(where, value);
	case RECORD_LIST:
		return take_item(where, at(rec, f->count), value);
	case RECORD_ID16:
		return take_id(where, value);
	default:
		return take_number(f, where, value);
	}
}

static int take_line(const struct record_spec *spec, struct slice line, void *rec, uint64_t *seen,
		     const char **why_r)
{
	ptrdiff_t space = slice_chr(line, ' ');
	struct slice name = slice_first(line, space > 0 ? (size_t)space : 0);

	if (space <= 0) {
		*why_r = "a line without a name";
		return -ERR_SYNTAX;
	}
	for (size_t i = 0; i < spec->n_fields; i++) {
		const struct record_field *f = &spec->fields[i];

		if (!slice_eq_str(name, f->name))
			continue;
		*why_r = f->name;
		if (f->type != RECORD_LIST && (*seen & 1ull << i) != 0)
			return -ERR_SYNTAX;
		*seen |= 1ull << i;
		return take_field(f, rec, slice_from(line, (size_t)space + 1));
	}
	return 0; /* of another release */
}

int record_parse(const struct record_spec *spec, struct slice text, void *rec, const char **why_r)
{
	struct slice line;
	uint64_t seen = 0;
	int err;

	*why_r = "its length";
	if (text.len > RECORD_MAX_BYTES)
		return -ERR_LIMIT;
	if (text.len == 0 || text.ptr[text.len - 1] != '\n')
		return -ERR_SYNTAX;
	text.len--;
	while (slice_next(&text, '\n', &line)) {
		err = take_line(spec, line, rec, &seen, why_r);
		if (err != 0)
			return err;
	}
	for (size_t i = 0; i < spec->n_fields; i++) {
		if (!spec->fields[i].required || (seen & 1ull << i) != 0)
			continue;
		*why_r = spec->fields[i].name;
		return -ERR_SYNTAX;
	}
	return 0;
}

void record_fini(const struct record_spec *spec, void *rec)
{
	for (size_t i = 0; i < spec->n_fields; i++) {
		const struct record_field *f = &spec->fields[i];
		void *where = at(rec, f->offset);

		if (f->type == RECORD_TEXT) {
			free(*(char **)where);
			*(char **)where = NULL;
		} else if (f->type == RECORD_LIST) {
			char **list = *(char ***)where;
			size_t *n = at(rec, f->count);

			while (list != NULL && *n > 0)
				free(list[--*n]);
			*n = 0;
			free(list);
			*(char ***)where = NULL;
		}
	}
}
