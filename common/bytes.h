/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_BYTES_H
#define COMMON_BYTES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/slice.h"

/*
 * A growing output buffer with a ceiling. Appending past the ceiling sets `failed`, drops the
 * addition and everything later: builders append without checks and test bytes_ok() once.
 */
struct bytes {
	char *data; /* NUL kept after len when non-NULL */
	size_t len;
	size_t cap;
	size_t max; /* ceiling of len; 0 means BYTES_MAX_DEFAULT */
	bool failed;
};

#define BYTES_MAX_DEFAULT (16u << 20)
#define BYTES_INIT        ((struct bytes){0})

void bytes_init(struct bytes *b, size_t max);
void bytes_fini(struct bytes *b);  /* frees and zeroes */
void bytes_reset(struct bytes *b); /* empties, keeps the memory, clears failed */
static inline bool bytes_ok(const struct bytes *b)
{
	return !b->failed;
}
static inline struct slice bytes_slice(const struct bytes *b)
{
	return (struct slice){b->data, b->len};
}
void bytes_add(struct bytes *b, const void *data, size_t len);
void bytes_add_slice(struct bytes *b, struct slice s);
void bytes_add_str(struct bytes *b, const char *s);
void bytes_add_char(struct bytes *b, char c);
void bytes_addf(struct bytes *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Big-endian integers. */
void bytes_add_u8(struct bytes *b, uint8_t v);
void bytes_add_u16(struct bytes *b, uint16_t v);
void bytes_add_u32(struct bytes *b, uint32_t v);
void bytes_add_u64(struct bytes *b, uint64_t v);
/* Drop n bytes from the front (memmove). */
void bytes_drop(struct bytes *b, size_t n);
/* NUL-terminated content, owned by b; "" when empty. */
const char *bytes_cstr(const struct bytes *b);
/* Hand the heap block over (NUL-terminated, no longer than needed); b is empty afterwards. Caller frees. */
char *bytes_take(struct bytes *b);

#endif
