/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outgoing SEND frames and the identifiers in them. Knows nothing of legs or connections. A
 * frame for many legs is built without its path block; the end-line scan is exact, because
 * identifiers made by counting can be guessed by who sees the last one (RFC 4975 7.1).
 */
#include "mrfp/frame.h"

#include <stdio.h>

#include "common/mem.h"
#include "common/rand.h"

#define INTERRUPTIBLE 2048 /* octets above which a chunk's end must be '*' */

void series_init(struct series *s)
{
	rand_ident(s->prefix, SERIES_PREFIX);
	s->next = 1;
}

size_t series_format(const struct series *s, uint64_t num, struct slice suffix,
		     char out[MSRP_TID_MAX + 1])
{
	static const char hex[] = "0123456789abcdef";
	char digits[16];
	size_t n = 0, len = SERIES_PREFIX;

	memcpy(out, s->prefix, SERIES_PREFIX);
	do {
		digits[n++] = hex[num & 15];
		num >>= 4;
	} while (num);
	while (n)
		out[len++] = digits[--n];
	if (suffix.len && suffix.len <= SERIES_SUFFIX_MAX) {
		memcpy(out + len, suffix.ptr, suffix.len);
		len += suffix.len;
	}
	out[len] = '\0';
	return len;
}

bool series_match(const struct series *s, struct slice id, uint64_t *num_r, struct slice *suffix_r)
{
	uint64_t num = 0;
	size_t i;

	if (id.len <= SERIES_PREFIX || id.len > MSRP_TID_MAX ||
	    memcmp(id.ptr, s->prefix, SERIES_PREFIX))
		return false;
	for (i = SERIES_PREFIX; i < id.len; i++) {
		char c = id.ptr[i];
		if (c >= '0' && c <= '9')
			num = num << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			num = num << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	if (i == SERIES_PREFIX || i > SERIES_PREFIX + 16 || (i < id.len && id.ptr[i] != '.'))
		return false;
	*num_r = num;
	*suffix_r = slice_from(id, i);
	return true;
}

/* The next id whose end-line (any flag, any suffix) is not in body. */
static uint64_t pick_number(struct series *s, struct slice body)
{
	char needle[7 + MSRP_TID_MAX + 1] = "-------";

	for (;;) {
		uint64_t num = s->next++;
		size_t len = series_format(s, num, SLICE_NULL, needle + 7);
		if (body.len < 7 + len || !memmem(body.ptr, body.len, needle, 7 + len))
			return num;
	}
}

struct chunk *frame_send(struct series *s, struct slice suffix, struct slice paths,
			 const struct msrp_rest *rest, struct slice body, char flag,
			 uint64_t *num_r, uint32_t *start_len_r)
{
	bool has_body = rest->content_type.len != 0;
	struct bytes b = BYTES_INIT;
	struct slice tid;
	struct chunk *c;
	char id[MSRP_TID_MAX + 1], *p;
	size_t start_len, head_len;
	uint64_t num = pick_number(s, body);

	tid = slice_make(id, series_format(s, num, suffix, id));
	msrp_build_start(&b, tid, SLICE_LIT("SEND"));
	start_len = b.len;
	bytes_add_slice(&b, paths);
	msrp_build_rest(&b, rest);
	head_len = b.len;
	msrp_build_end(&b, tid, has_body, flag);

	c = chunk_new(b.len + body.len);
	p = c->data;
	memcpy(p, b.data, head_len);
	if (body.len)
		memcpy(p + head_len, body.ptr, body.len);
	memcpy(p + head_len + body.len, b.data + head_len, b.len - head_len);
	bytes_fini(&b);
	*num_r = num;
	*start_len_r = (uint32_t)start_len;
	return c;
}

size_t frame_body_at(const struct chunk *frame, uint32_t start_len, size_t body_len)
{
	static const size_t around_tid = sizeof("MSRP  SEND\r\n") - 1;
	size_t end_len = sizeof("\r\n-------$\r\n") - 1 + start_len - around_tid;

	return frame->len - end_len - body_len;
}

struct msrp_range frame_range(uint64_t start, uint64_t len, uint64_t total)
{
	return (struct msrp_range){
		.present = true,
		.start = start,
		.end = len > INTERRUPTIBLE ? MSRP_UNSPECIFIED : start + len - 1,
		.total = total,
	};
}
