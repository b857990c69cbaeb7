/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The growing output buffer that builders write into. It owns one heap block, keeps a NUL after
 * the content, and has a ceiling: the first addition that would pass it marks the buffer failed
 * and nothing is added from then on, so that a builder checks once at the end.
 */
#include "common/bytes.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"

#define FIRST_CAP 64u

static size_t ceiling(const struct bytes *b)
{
	return b->max ? b->max : BYTES_MAX_DEFAULT;
}

/* Make room for n more bytes and the NUL; false marks the buffer failed. */
static bool reserve(struct bytes *b, size_t n)
{
	size_t cap = b->cap ? b->cap : FIRST_CAP;
	char *data;

	if (b->failed)
		return false;
	if (n > ceiling(b) - b->len) {
		b->failed = true;
		return false;
	}
	if (b->cap > b->len + n)
		return true;
	while (cap <= b->len + n)
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

void bytes_init(struct bytes *b, size_t max)
{
	*b = BYTES_INIT;
	b->max = max;
}

void bytes_fini(struct bytes *b)
{
	free(b->data);
	*b = BYTES_INIT;
}

void bytes_reset(struct bytes *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

void bytes_add(struct bytes *b, const void *data, size_t len)
{
	if (len == 0 || !reserve(b, len))
		return;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void bytes_add_slice(struct bytes *b, struct slice s)
{
	bytes_add(b, s.ptr, s.len);
}

void bytes_add_str(struct bytes *b, const char *s)
{
	bytes_add(b, s, strlen(s));
}

void bytes_add_char(struct bytes *b, char c)
{
	/* Within what is reserved, of which there is always a rest, no ceiling is passed. */
	if (b->failed || b->len + 1 >= b->cap || b->len >= ceiling(b)) {
		bytes_add(b, &c, 1);
		return;
	}
	b->data[b->len++] = c;
	b->data[b->len] = '\0';
}

void bytes_addf(struct bytes *b, const char *fmt, ...)
{
	va_list ap, again;
	char small[128];
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	if (n < 0) {
		b->failed = true;
	} else if ((size_t)n < sizeof(small)) {
		bytes_add(b, small, (size_t)n);
	} else if (reserve(b, (size_t)n)) {
		(void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
	va_end(ap);
}

void bytes_add_u8(struct bytes *b, uint8_t v)
{
	bytes_add(b, &v, 1);
}

void bytes_add_u16(struct bytes *b, uint16_t v)
{
	uint8_t raw[2] = {(uint8_t)(v >> 8), (uint8_t)v};

	bytes_add(b, raw, sizeof(raw));
}

void bytes_add_u32(struct bytes *b, uint32_t v)
{
	uint8_t raw[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

	bytes_add(b, raw, sizeof(raw));
}

void bytes_add_u64(struct bytes *b, uint64_t v)
{
	uint8_t raw[8];

	for (unsigned i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(v >> (56 - 8 * i));
	bytes_add(b, raw, sizeof(raw));
}

void bytes_drop(struct bytes *b, size_t n)
{
	assert(n <= b->len);
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
	b->data[b->len] = '\0';
}

const char *bytes_cstr(const struct bytes *b)
{
	return b->data ? b->data : "";
}

char *bytes_take(struct bytes *b)
{
	char *data = b->data ? xrealloc(b->data, b->len + 1) : xstrdup("");
	size_t max = b->max;

	bytes_init(b, max);
	return data;
}
