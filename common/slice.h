/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_SLICE_H
#define COMMON_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/err.h"

/* A view of bytes that somebody else owns. Not NUL-terminated. ptr may be NULL when len is 0. */
struct slice {
	const char *ptr;
	size_t len;
};

#define SLICE_NULL   ((struct slice){NULL, 0})
#define SLICE_LIT(s) ((struct slice){(s), sizeof(s) - 1})
#define SLICE_FMT    "%.*s" /* printf format with SLICE_ARG */
#define SLICE_ARG(s) (int)(s).len, (s).ptr

static inline struct slice slice_make(const void *ptr, size_t len)
{
	return (struct slice){ptr, len};
}

/* View of a C string; NULL gives the empty view. */
static inline struct slice slice_str(const char *s)
{
	return s ? (struct slice){s, strlen(s)} : SLICE_NULL;
}

/* The part from `from` on; empty when from is past the end. */
static inline struct slice slice_from(struct slice s, size_t from)
{
	if (!s.ptr) /* no arithmetic on NULL */
		return s;
	return from >= s.len ? (struct slice){s.ptr + s.len, 0}
			     : (struct slice){s.ptr + from, s.len - from};
}

/* The first n bytes, or all when shorter. */
static inline struct slice slice_first(struct slice s, size_t n)
{
	return (struct slice){s.ptr, n < s.len ? n : s.len};
}

bool slice_eq(struct slice a, struct slice b);
bool slice_ieq(struct slice a, struct slice b); /* ASCII case-insensitive */
bool slice_eq_str(struct slice a, const char *b);
bool slice_ieq_str(struct slice a, const char *b);
bool slice_starts(struct slice s, struct slice prefix);
bool slice_istarts(struct slice s, struct slice prefix);

/* Offset of the first c / first needle, or -1. */
ptrdiff_t slice_chr(struct slice s, char c);
ptrdiff_t slice_find(struct slice s, struct slice needle);

/* Without leading and trailing SP, HTAB, CR, LF. */
struct slice slice_trim(struct slice s);

/*
 * Take the next token separated by `sep` off *rest; returns false when nothing is left.
 * Empty tokens are returned ("," gives two, "" one, SLICE_NULL none), so callers decide. Tokens are not
 * trimmed.
 */
bool slice_next(struct slice *rest, char sep, struct slice *token_r);

/* Decimal digits only, whole slice. -ERR_SYNTAX when not a number, -ERR_LIMIT above max. */
MUST_CHECK int slice_u64(struct slice s, uint64_t max, uint64_t *value_r);

/* Heap copy with a NUL appended; the caller frees it. */
char *slice_dup(struct slice s);

/* Copy into a fixed array with a NUL; -ERR_LIMIT when it does not fit (dst untouched). */
MUST_CHECK int slice_copy(struct slice s, char *dst, size_t dst_size);

/* Valid UTF-8 (RFC 3629: no surrogates, no overlong forms, ≤ U+10FFFF). */
bool slice_is_utf8(struct slice s);

#endif
