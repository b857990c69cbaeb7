/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views of bytes: comparing, searching, cutting. Nothing here copies except the two functions
 * that say so, and nothing depends on the locale.
 */
#include "common/slice.h"

#include <strings.h>

#include "common/mem.h"

static unsigned char lower(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? (unsigned char)(u + ('a' - 'A')) : u;
}

static bool same_folded(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool slice_ieq(struct slice a, struct slice b)
{
	return a.len == b.len && same_folded(a.ptr, b.ptr, a.len);
}

bool slice_eq_str(struct slice a, const char *b)
{
	return slice_eq(a, slice_str(b));
}

bool slice_ieq_str(struct slice a, const char *b)
{
	return slice_ieq(a, slice_str(b));
}

bool slice_starts(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && slice_eq(slice_first(s, prefix.len), prefix);
}

bool slice_istarts(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && slice_ieq(slice_first(s, prefix.len), prefix);
}

ptrdiff_t slice_chr(struct slice s, char c)
{
	const char *at = s.len ? memchr(s.ptr, (unsigned char)c, s.len) : NULL;

	return at ? at - s.ptr : -1;
}

ptrdiff_t slice_find(struct slice s, struct slice needle)
{
	const char *at;

	if (needle.len == 0)
		return 0;
	if (s.len < needle.len)
		return -1;
	at = memmem(s.ptr, s.len, needle.ptr, needle.len);
	return at ? at - s.ptr : -1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice s)
{
	while (s.len && is_blank(s.ptr[0]))
		s = slice_from(s, 1);
	while (s.len && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

bool slice_next(struct slice *rest, char sep, struct slice *token_r)
{
	ptrdiff_t at;

	if (!rest->ptr)
		return false;
	at = slice_chr(*rest, sep);
	if (at < 0) {
		*token_r = *rest;
		*rest = SLICE_NULL;
	} else {
		*token_r = slice_first(*rest, (size_t)at);
		*rest = slice_from(*rest, (size_t)at + 1);
	}
	return true;
}

int slice_u64(struct slice s, uint64_t max, uint64_t *value_r)
{
	uint64_t value = 0;
	bool over = false;

	if (s.len == 0)
		return -ERR_SYNTAX;
	for (size_t i = 0; i < s.len; i++) {
		uint64_t digit;

		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return -ERR_SYNTAX;
		digit = (uint64_t)(s.ptr[i] - '0');
		if (over || value > (UINT64_MAX - digit) / 10)
			over = true;
		else
			value = value * 10 + digit;
	}
	if (over || value > max)
		return -ERR_LIMIT;
	*value_r = value;
	return 0;
}

char *slice_dup(struct slice s)
{
	char *copy = xrealloc(NULL, s.len + 1);

	if (s.len)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}

int slice_copy(struct slice s, char *dst, size_t dst_size)
{
	if (s.len >= dst_size)
		return -ERR_LIMIT;
	if (s.len)
		memcpy(dst, s.ptr, s.len);
	dst[s.len] = '\0';
	return 0;
}

/* Length of the sequence at p (1..4), or 0 when it is not valid. RFC 3629 section 4. */
static size_t utf8_sequence(const unsigned char *p, size_t len)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (len < n)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return n;
}

bool slice_is_utf8(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	size_t i = 0;

	while (i < s.len) {
		size_t n = utf8_sequence(p + i, s.len - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}
