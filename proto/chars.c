/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Character classes of the text formats as one table, and the check that a line holds text only.
 * The check runs over every header byte that arrives, so it looks at eight bytes at a time and
 * leaves the exact answer to a slow path that ordinary lines never take.
 */
#include "proto/chars.h"

#define IN(c, a, z) ((c) >= (a) && (c) <= (z))
#define IS_UPPER(c) IN(c, 'A', 'Z')
#define IS_ALPHA(c) (IS_UPPER(c) || IN(c, 'a', 'z'))
#define IS_DIGIT(c) IN(c, '0', '9')
#define IS_HEX(c)   (IS_DIGIT(c) || IN(c, 'a', 'f') || IN(c, 'A', 'F'))
#define IS_IDENT(c)                                                                                \
	(IS_ALPHA(c) || IS_DIGIT(c) || (c) == '.' || (c) == '-' || (c) == '+' || (c) == '%' ||     \
	 (c) == '=')
#define IS_TOKEN(c)                                                                                \
	((c) == 0x21 || IN(c, 0x23, 0x27) || IN(c, 0x2a, 0x2b) || IN(c, 0x2d, 0x2e) ||             \
	 IS_DIGIT(c) || IS_UPPER(c) || IN(c, 0x5e, 0x7e))
#define IS_UNRESERVED(c)                                                                           \
	(IS_ALPHA(c) || IS_DIGIT(c) || (c) == '-' || (c) == '.' || (c) == '_' || (c) == '~')
#define IS_HOST(c)    (IS_UNRESERVED(c) || (c) == '!' || (c) == '$' || IN(c, '&', ',') || (c) == '=')
#define IS_SESSION(c) (IS_UNRESERVED(c) || (c) == '+' || (c) == '=' || (c) == '/')
#define CLASS(c)                                                                                   \
	((IS_ALPHA(c) ? CHARS_ALPHA : 0) | (IS_DIGIT(c) ? CHARS_DIGIT : 0) |                       \
	 (IS_HEX(c) ? CHARS_HEX : 0) | (IS_UPPER(c) ? CHARS_UPPER : 0) |                           \
	 (IS_IDENT(c) ? CHARS_IDENT : 0) | (IS_TOKEN(c) ? CHARS_TOKEN : 0) |                       \
	 (IS_UNRESERVED(c) ? CHARS_UNRESERVED : 0) |                                               \
	 ((c) == ' ' || (c) == '\t' ? CHARS_BLANK : 0) | (IS_HOST(c) ? CHARS_HOST : 0) |           \
	 (IS_SESSION(c) ? CHARS_SESSION : 0))
#define CLASS4(c)  CLASS(c), CLASS((c) + 1), CLASS((c) + 2), CLASS((c) + 3)
#define CLASS16(c) CLASS4(c), CLASS4((c) + 4), CLASS4((c) + 8), CLASS4((c) + 12)

const uint16_t chars_table[256] = {
	CLASS16(0x00), CLASS16(0x10), CLASS16(0x20), CLASS16(0x30),
	CLASS16(0x40), CLASS16(0x50), CLASS16(0x60), CLASS16(0x70),
};

bool chars_in(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

int chars_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int chars_pct(struct slice s)
{
	if (s.len < 3 || s.ptr[0] != '%' || !chars_is(s.ptr[1], CHARS_HEX) ||
	    !chars_is(s.ptr[2], CHARS_HEX))
		return -1;
	return chars_hex(s.ptr[1]) * 16 + chars_hex(s.ptr[2]);
}

bool chars_pct_text(struct slice s, const char *extra)
{
	for (size_t i = 0; i < s.len; i++) {
		if (chars_is(s.ptr[i], CHARS_UNRESERVED) || chars_in(s.ptr[i], extra))
			continue;
		if (chars_pct(slice_from(s, i)) < 0)
			return false;
		i += 2;
	}
	return true;
}

#define ONES  UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* May one of the eight bytes be below 0x20, DEL, or 0x80 and above? No false "no". */
static bool word_is_odd(uint64_t w)
{
	uint64_t del = w ^ (ONES * 0x7f);

	return (((w - ONES * 0x20) | (del - ONES) | w) & HIGHS) != 0;
}

unsigned int chars_text_kind(struct slice s)
{
	unsigned int kind = CHARS_TEXT_PLAIN;
	size_t i = 0;

	while (i < s.len) {
		unsigned char c;
		uint64_t w;

		if (s.len - i >= sizeof(w)) {
			memcpy(&w, s.ptr + i, sizeof(w));
			if (!word_is_odd(w)) {
				i += sizeof(w);
				continue;
			}
		}
		c = (unsigned char)s.ptr[i++];
		if (c >= 0x80)
			kind |= CHARS_TEXT_HIGH;
		else if ((c < 0x20 && c != '\t') || c == 0x7f)
			kind |= CHARS_TEXT_CONTROL;
	}
	return kind;
}

bool chars_is_text(struct slice s)
{
	unsigned int kind = chars_text_kind(s);

	if (kind & CHARS_TEXT_CONTROL)
		return false;
	return !(kind & CHARS_TEXT_HIGH) || slice_is_utf8(s);
}

struct slice chars_trim(struct slice s)
{
	s = slice_from(s, chars_span(s, CHARS_BLANK));
	while (s.len > 0 && chars_is(s.ptr[s.len - 1], CHARS_BLANK))
		s.len--;
	return s;
}

ptrdiff_t chars_crlf(struct slice s, size_t from)
{
	while (from < s.len) {
		const char *lf = memchr(s.ptr + from, '\n', s.len - from);

		if (!lf)
			return -1;
		from = (size_t)(lf - s.ptr);
		if (from > 0 && s.ptr[from - 1] == '\r')
			return (ptrdiff_t)from - 1;
		from++;
	}
	return -1;
}
