/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Media types as MSRP, SDP and CPIM write them (RFC 2045 section 5.1, RFC 4975 sections 8.6 and 9):
 * the base type, parameters, and whether an accept list admits a type. White space is tolerated
 * around the separators, folded lines of MIME headers included. Views only.
 */
#include "proto/media_type.h"

#include "proto/chars.h"

static void skip_blanks(struct slice *s)
{
	while (s->len > 0 && (chars_is(s->ptr[0], CHARS_BLANK) || chars_in(s->ptr[0], "\r\n")))
		*s = slice_from(*s, 1);
}

static bool take_char(struct slice *s, char c)
{
	if (s->len == 0 || s->ptr[0] != c)
		return false;
	*s = slice_from(*s, 1);
	return true;
}

static bool take_token(struct slice *s, struct slice *token_r)
{
	size_t n = chars_span(*s, CHARS_TOKEN);

	*token_r = slice_first(*s, n);
	*s = slice_from(*s, n);
	return n > 0;
}

/* Only \\ and \" may be escaped in a quoted-string of MSRP (MSRP-027). The view has no quotes. */
static bool take_quoted(struct slice *s, struct slice *text_r)
{
	size_t i;

	if (!take_char(s, '"'))
		return false;
	for (i = 0; i < s->len && s->ptr[i] != '"'; i++) {
		if (s->ptr[i] != '\\')
			continue;
		if (i + 1 == s->len || !chars_in(s->ptr[i + 1], "\\\""))
			return false;
		i++;
	}
	if (i >= s->len)
		return false;
	*text_r = slice_first(*s, i);
	*s = slice_from(*s, i + 1);
	return chars_is_text(*text_r);
}

/* The next "; name[=value]". Returns 1, 0 at the end, -ERR_SYNTAX. */
static int take_param(struct slice *s, struct slice *name_r, struct slice *value_r)
{
	*value_r = SLICE_NULL;
	skip_blanks(s);
	if (s->len == 0)
		return 0;
	if (!take_char(s, ';'))
		return -ERR_SYNTAX;
	skip_blanks(s);
	if (!take_token(s, name_r))
		return -ERR_SYNTAX;
	skip_blanks(s);
	if (!take_char(s, '='))
		return 1;
	skip_blanks(s);
	if (s->len > 0 && s->ptr[0] == '"')
		return take_quoted(s, value_r) ? 1 : -ERR_SYNTAX;
	return take_token(s, value_r) ? 1 : -ERR_SYNTAX;
}

/* "type/subtype" off the front of *s. */
static bool take_type(struct slice *s, struct slice *base_r)
{
	struct slice type, subtype;

	skip_blanks(s);
	if (!take_token(s, &type) || !take_char(s, '/') || !take_token(s, &subtype))
		return false;
	*base_r = slice_make(type.ptr, type.len + 1 + subtype.len);
	return true;
}

struct slice media_type_base(struct slice value)
{
	struct slice base;

	if (!take_type(&value, &base))
		return SLICE_NULL;
	skip_blanks(&value);
	return value.len == 0 || value.ptr[0] == ';' ? base : SLICE_NULL;
}

bool media_type_ok(struct slice value)
{
	struct slice base, name, param;
	int rc;

	if (!take_type(&value, &base))
		return false;
	do {
		rc = take_param(&value, &name, &param);
	} while (rc == 1);
	return rc == 0;
}

/* One entry of an accept list: type, wildcard, parameters behind it have no say. */
static bool entry_admits(struct slice entry, struct slice base)
{
	ptrdiff_t semi = slice_chr(entry, ';');

	if (semi >= 0)
		entry = slice_first(entry, (size_t)semi);
	if (slice_eq_str(entry, "*") || slice_eq_str(entry, "*/*"))
		return true;
	if (entry.len > 2 && memcmp(entry.ptr + entry.len - 2, "/*", 2) == 0)
		return slice_istarts(base, slice_first(entry, entry.len - 1));
	return slice_ieq(entry, base);
}

bool media_type_listed(struct slice list, struct slice value)
{
	struct slice base = media_type_base(value), entry;

	if (base.len == 0)
		return false;
	while (slice_next(&list, ' ', &entry)) {
		entry = slice_trim(entry);
		if (entry.len > 0 && entry_admits(entry, base))
			return true;
	}
	return false;
}

struct slice media_type_param(struct slice value, const char *name)
{
	ptrdiff_t semi = slice_chr(value, ';');
	struct slice found, param;

	value = semi < 0 ? SLICE_NULL : slice_from(value, (size_t)semi);
	while (take_param(&value, &found, &param) == 1) {
		if (slice_ieq_str(found, name))
			return param;
	}
	return SLICE_NULL;
}
