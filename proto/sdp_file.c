/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File attributes of a media line, RFC 5547 section 6, figure 1. Names are percent-decoded on the
 * way in and encoded on the way out; everything else stays as written. One bad attribute spoils the
 * file, never the description around it.
 */
#include "proto/sdp_file.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/mem.h"
#include "proto/chars.h"

#define SHA1_SIZE 20

static const struct slice selector = SLICE_LIT("file-selector");

bool sdp_file_is_attribute(struct slice name)
{
	static const char *const names[] = {"file-selector", "file-transfer-id", "file-disposition",
					    "file-date",     "file-icon",        "file-range"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (slice_ieq_str(name, names[i]))
			return true;
	}
	return false;
}

/* token of RFC 4566 section 9. */
static bool is_token(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] <= ' ' || s.ptr[i] > '~' || chars_in(s.ptr[i], "\"(),/:;<=>?@[\\]"))
			return false;
	}
	return s.len > 0 && s.len <= SDP_FILE_TEXT_MAX;
}

/* A string of the caller's kind comes once. */
static int set_once(char **field, struct slice value)
{
	if (*field)
		return -ERR_EXISTS;
	*field = slice_dup(value);
	return 0;
}

/* --- the selectors --- */

/* Length of the quoted string that s starts with, both quotes included; 0: it does not. */
static size_t quoted_len(struct slice s)
{
	ptrdiff_t end = s.len > 1 && s.ptr[0] == '"' ? slice_chr(slice_from(s, 1), '"') : -1;

	return end < 0 ? 0 : (size_t)end + 2;
}

static int decode(struct slice text, char **out_r)
{
	struct bytes b;
	int err = 0;

	bytes_init(&b, SDP_FILE_NAME_MAX);
	for (size_t i = 0; i < text.len && err == 0; i++) {
		int octet = text.ptr[i] == '%' ? chars_pct(slice_from(text, i)) : -1;

		if (text.ptr[i] == '%') {
			if (octet <= 0) /* NUL has no place in any name */
				err = -ERR_SYNTAX;
			else
				bytes_add_char(&b, (char)octet);
			i += 2;
		} else {
			bytes_add_char(&b, text.ptr[i]);
		}
	}
	if (err == 0 && (!bytes_ok(&b) || b.len == 0 || !slice_is_utf8(bytes_slice(&b))))
		err = -ERR_SYNTAX;
	if (err == 0)
		*out_r = bytes_take(&b);
	bytes_fini(&b);
	return err;
}

static int take_name(struct sdp_file *f, struct slice v)
{
	if (f->name)
		return -ERR_EXISTS;
	if (v.len < 3 || quoted_len(v) != v.len)
		return -ERR_SYNTAX;
	return decode(slice_first(slice_from(v, 1), v.len - 2), &f->name);
}

/* type "/" subtype *(";" attribute "=" quoted) */
static int take_type(struct sdp_file *f, struct slice v)
{
	ptrdiff_t end = slice_chr(v, ';'), slash;
	struct slice base = end < 0 ? v : slice_first(v, (size_t)end);
	struct slice rest = slice_from(v, base.len);

	slash = slice_chr(base, '/');
	if (v.len > SDP_FILE_TEXT_MAX || slash < 0 || !slice_is_utf8(v) ||
	    !is_token(slice_first(base, (size_t)slash)) ||
	    !is_token(slice_from(base, (size_t)slash + 1)))
		return -ERR_SYNTAX;
	while (rest.len) {
		ptrdiff_t eq = slice_chr(rest, '=');
		size_t n;

		if (eq < 2 || !is_token(slice_first(slice_from(rest, 1), (size_t)eq - 1)))
			return -ERR_SYNTAX;
		rest = slice_from(rest, (size_t)eq + 1);
		n = quoted_len(rest);
		if (n == 0 || (rest.len > n && rest.ptr[n] != ';'))
			return -ERR_SYNTAX;
		rest = slice_from(rest, n);
	}
	return set_once(&f->type, v);
}

static int take_size(struct sdp_file *f, struct slice v, bool strict)
{
	uint64_t size;

	if (f->has_size || slice_u64(v, INT64_MAX, &size) < 0 || (strict && size == 0))
		return -ERR_SYNTAX;
	f->has_size = true;
	f->size = size;
	return 0;
}

/* 2HEXDIG *(":" 2HEXDIG), in upper case; number of octets, or an error. */
static int hash_octets(struct slice v, bool strict)
{
	int n = 0;

	for (size_t i = 0; i < v.len; i++) {
		if (i % 3 == 2 ? v.ptr[i] != ':' : chars_hex(v.ptr[i]) < 0)
			return -ERR_SYNTAX;
		if (strict && v.ptr[i] >= 'a')
			return -ERR_SYNTAX;
		n += i % 3 == 1;
	}
	return v.len % 3 == 2 ? n : -ERR_SYNTAX;
}

static int take_hash(struct sdp_file *f, struct slice v, bool strict)
{
	struct slice value = v, algorithm;
	int n;

	if (v.len > SDP_FILE_TEXT_MAX || !slice_next(&value, ':', &algorithm) ||
	    !is_token(algorithm))
		return -ERR_SYNTAX;
	n = hash_octets(value, strict);
	if (n < 0 || (slice_ieq_str(algorithm, "sha-1") && n != SHA1_SIZE))
		return -ERR_SYNTAX;
	if (f->n_hashes < SDP_FILE_HASHES) {
		char *text = slice_dup(v);

		for (char *c = text + algorithm.len + 1; *c; c++)
			*c = *c >= 'a' ? (char)(*c - ('a' - 'A')) : *c;
		f->hashes[f->n_hashes++] = text;
	}
	return 0;
}

/* Up to the next blank outside of quotes. */
static struct slice next_word(struct slice *rest)
{
	struct slice s = *rest;
	bool quoted = false;
	size_t n;

	for (n = 0; n < s.len && (quoted || s.ptr[n] != ' '); n++)
		quoted = quoted != (s.ptr[n] == '"');
	*rest = slice_from(s, n + 1);
	return slice_first(s, n);
}

static int take_selector(struct sdp_file *f, struct slice value, bool strict)
{
	struct slice rest = slice_trim(value);
	int err = f->has_selector ? -ERR_EXISTS : 0;

	f->has_selector = true;
	while (rest.len && err == 0) {
		struct slice word = next_word(&rest), what;

		if (!strict && word.len == 0)
			continue;
		if (slice_chr(word, ':') < 0 || !slice_next(&word, ':', &what))
			err = -ERR_SYNTAX;
		else if (slice_eq_str(what, "name"))
			err = take_name(f, word);
		else if (slice_eq_str(what, "type"))
			err = take_type(f, word);
		else if (slice_eq_str(what, "size"))
			err = take_size(f, word, strict);
		else if (slice_eq_str(what, "hash"))
			err = take_hash(f, word, strict);
		else if (!is_token(what))
			err = -ERR_SYNTAX; /* else a selector of later times */
	}
	return err;
}

/* --- the other attributes --- */

/* "creation:" DQUOTE date-time DQUOTE and the like, separated by blanks. */
static int take_date(struct sdp_file *f, struct slice value)
{
	struct slice rest = value;

	if (value.len == 0 || value.len > SDP_FILE_TEXT_MAX)
		return -ERR_SYNTAX;
	while (rest.len) {
		struct slice word = next_word(&rest), what;

		if (!slice_next(&word, ':', &what) || word.len < 3 || quoted_len(word) != word.len)
			return -ERR_SYNTAX;
		if (chars_text_kind(word) != CHARS_TEXT_PLAIN)
			return -ERR_SYNTAX;
		if (!slice_eq_str(what, "creation") && !slice_eq_str(what, "modification") &&
		    !slice_eq_str(what, "read"))
			return -ERR_SYNTAX;
	}
	return set_once(&f->date, value);
}

/* "cid:" and an addr-spec with percent-encoding, RFC 2392. */
static int take_icon(struct sdp_file *f, struct slice value)
{
	if (value.len < 5 || value.len > SDP_FILE_TEXT_MAX ||
	    !slice_istarts(value, SLICE_LIT("cid:")))
		return -ERR_SYNTAX;
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] <= ' ' || value.ptr[i] > '~' || chars_in(value.ptr[i], "<>\""))
			return -ERR_SYNTAX;
	}
	return set_once(&f->icon, value);
}

static int take_range(struct sdp_file *f, struct slice value)
{
	struct slice stop = value, start;
	uint64_t from, to = 0;

	if (f->has_range || !slice_next(&stop, '-', &start) ||
	    slice_u64(start, INT64_MAX, &from) < 0 || from == 0)
		return -ERR_SYNTAX;
	if (!slice_eq_str(stop, "*") && (slice_u64(stop, INT64_MAX, &to) < 0 || to < from))
		return -ERR_SYNTAX;
	f->has_range = true;
	f->range_start = from;
	f->range_stop = to;
	return 0;
}

static int take_token(char **field, struct slice value)
{
	return is_token(value) ? set_once(field, value) : -ERR_SYNTAX;
}

void sdp_file_take(struct sdp_file *f, struct slice name, struct slice value, bool strict)
{
	int err = 0;

	if (slice_ieq(name, selector))
		err = take_selector(f, value, strict);
	else if (slice_ieq_str(name, "file-transfer-id"))
		err = take_token(&f->transfer_id, value);
	else if (slice_ieq_str(name, "file-disposition"))
		err = take_token(&f->disposition, value);
	else if (slice_ieq_str(name, "file-date"))
		err = take_date(f, value);
	else if (slice_ieq_str(name, "file-icon"))
		err = take_icon(f, value);
	else if (slice_ieq_str(name, "file-range"))
		err = take_range(f, value);
	if (err < 0)
		f->malformed = true;
}

void sdp_file_fini(struct sdp_file *f)
{
	free(f->name);
	free(f->type);
	for (size_t i = 0; i < f->n_hashes; i++)
		free(f->hashes[i]);
	free(f->transfer_id);
	free(f->disposition);
	free(f->date);
	free(f->icon);
	*f = (struct sdp_file){0};
}

static char *copy_of(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

void sdp_file_copy(struct sdp_file *to, const struct sdp_file *from)
{
	*to = *from;
	to->name = copy_of(from->name);
	to->type = copy_of(from->type);
	for (size_t i = 0; i < from->n_hashes; i++)
		to->hashes[i] = xstrdup(from->hashes[i]);
	to->transfer_id = copy_of(from->transfer_id);
	to->disposition = copy_of(from->disposition);
	to->date = copy_of(from->date);
	to->icon = copy_of(from->icon);
}

/* --- writing --- */

static void build_name(struct bytes *out, const char *name)
{
	bytes_add_str(out, "name:\"");
	for (const char *c = name; *c; c++) {
		if (*c == '"' || *c == '%' || *c == '\r' || *c == '\n')
			bytes_addf(out, "%%%02X", (unsigned)(unsigned char)*c);
		else
			bytes_add_char(out, *c);
	}
	bytes_add_char(out, '"');
}

static void build_selector(struct bytes *out, const struct sdp_file *f)
{
	char sep = ':';

	bytes_add_str(out, "a=file-selector");
	if (f->name) {
		bytes_add_char(out, sep);
		build_name(out, f->name);
		sep = ' ';
	}
	if (f->type) {
		bytes_addf(out, "%ctype:%s", sep, f->type);
		sep = ' ';
	}
	if (f->has_size) {
		bytes_addf(out, "%csize:%" PRIu64, sep, f->size);
		sep = ' ';
	}
	for (size_t i = 0; i < f->n_hashes; i++) {
		bytes_addf(out, "%chash:%s", sep, f->hashes[i]);
		sep = ' ';
	}
	bytes_add_str(out, "\r\n");
}

static void build_value(struct bytes *out, const char *name, const char *value)
{
	if (value)
		bytes_addf(out, "a=%s:%s\r\n", name, value);
}

void sdp_file_build(struct bytes *out, const struct sdp_file *f)
{
	if (f->malformed)
		return;
	if (f->has_selector)
		build_selector(out, f);
	build_value(out, "file-transfer-id", f->transfer_id);
	build_value(out, "file-disposition", f->disposition);
	build_value(out, "file-date", f->date);
	build_value(out, "file-icon", f->icon);
	if (f->has_range && f->range_stop)
		bytes_addf(out, "a=file-range:%" PRIu64 "-%" PRIu64 "\r\n", f->range_start,
			   f->range_stop);
	else if (f->has_range)
		bytes_addf(out, "a=file-range:%" PRIu64 "-*\r\n", f->range_start);
}

bool sdp_file_is_push(const struct sdp_file *f)
{
	return f->has_selector && !f->malformed && f->transfer_id &&
	       (f->type || f->has_size || f->n_hashes > 0);
}

bool sdp_file_same(const struct sdp_file *a, const struct sdp_file *b)
{
	if (!slice_eq(slice_str(a->name), slice_str(b->name)) ||
	    !slice_ieq(slice_str(a->type), slice_str(b->type)))
		return false;
	if (a->has_size != b->has_size || a->size != b->size)
		return false;
	return a->n_hashes == 0 || b->n_hashes == 0 ||
	       slice_ieq(slice_str(a->hashes[0]), slice_str(b->hashes[0]));
}

void sdp_file_hash_text(struct bytes *out, const char *algorithm, const uint8_t *value, size_t len)
{
	bytes_add_str(out, algorithm);
	for (size_t i = 0; i < len; i++)
		bytes_addf(out, ":%02X", value[i]);
}
