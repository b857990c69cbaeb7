/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_CHARS_H
#define PROTO_CHARS_H

#include "common/slice.h"

/* Character classes shared by the text formats (MSRP, CPIM, SIP URIs). ASCII only, no locale. */
enum chars_class {
	CHARS_ALPHA = 1,
	CHARS_DIGIT = 2,
	CHARS_HEX = 4,
	CHARS_UPPER = 8,
	CHARS_IDENT = 16,      /* ident-char of RFC 4975 */
	CHARS_TOKEN = 32,      /* token of RFC 4975 */
	CHARS_UNRESERVED = 64, /* RFC 3986 */
	CHARS_BLANK = 128,     /* SP, HTAB */
	CHARS_HOST = 256,      /* RFC 3986 reg-name, without '%' and ';' */
	CHARS_SESSION = 512,   /* session-id of RFC 4975 */
	CHARS_ALNUM = CHARS_ALPHA | CHARS_DIGIT
};
extern const uint16_t chars_table[256];

/* Is c in one of the classes of mask? */
static inline bool chars_is(char c, unsigned int mask)
{
	return (chars_table[(unsigned char)c] & mask) != 0;
}

/* How many bytes at the start of s are in one of the classes of mask. */
static inline size_t chars_span(struct slice s, unsigned int mask)
{
	size_t n = 0;

	while (n < s.len && chars_is(s.ptr[n], mask))
		n++;
	return n;
}

/* Not empty and all in mask. */
static inline bool chars_all(struct slice s, unsigned int mask)
{
	return s.len > 0 && chars_span(s, mask) == s.len;
}

/* Is c one of the characters of set? Never true for NUL. */
bool chars_in(char c, const char *set);
/* 0..15, or -1. */
int chars_hex(char c);
/* Value of the "%XY" that s starts with, or -1. */
int chars_pct(struct slice s);
/* Only unreserved characters, "%XY" and those of extra (RFC 3986 style text). */
bool chars_pct_text(struct slice s, const char *extra);

enum chars_text { CHARS_TEXT_PLAIN = 0, CHARS_TEXT_HIGH = 1, CHARS_TEXT_CONTROL = 2 };
/*
 * What else than printable ASCII and HTAB is in s: bits of enum chars_text (bytes of 0x80 and
 * above; control characters, DEL included).
 */
unsigned int chars_text_kind(struct slice s);
/* utf8text: printable characters, HTAB and valid UTF-8. */
bool chars_is_text(struct slice s);

/* Without blanks (SP, HTAB) at both ends. */
struct slice chars_trim(struct slice s);

/*
 * Offset of the first CRLF whose LF stands at `from` or later, or -1: a search that was cut short
 * goes on where it stopped.
 */
ptrdiff_t chars_crlf(struct slice s, size_t from);

#endif
