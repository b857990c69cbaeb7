/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Framing of the control protocol: the fixed head in front of the TLVs. Knows nothing of the
 * messages. A length that cannot be right is refused as soon as its four octets are there, so a
 * confused peer never makes us wait for (or hold) more than one frame.
 */
#include "proto/ctl_frame.h"

#include "proto/ctl_priv.h"

#define LENGTH_SIZE 4

int ctl_frame_next(struct slice in, struct ctl_frame *frame_r, size_t *used_r)
{
	uint64_t rest;

	if (in.len < LENGTH_SIZE)
		return 0;
	rest = ctl_get_uint(in.ptr, LENGTH_SIZE);
	if (rest > CTL_FRAME_MAX - LENGTH_SIZE)
		return -ERR_LIMIT;
	if (rest < CTL_HEAD_SIZE - LENGTH_SIZE)
		return -ERR_SYNTAX;
	if (in.len - LENGTH_SIZE < rest)
		return 0;

	frame_r->version = (uint8_t)in.ptr[4];
	frame_r->command = (uint8_t)in.ptr[5];
	frame_r->flags = (uint8_t)in.ptr[6];
	frame_r->transaction = (uint32_t)ctl_get_uint(in.ptr + 8, 4);
	memcpy(frame_r->context, in.ptr + 12, CTL_CONTEXT_SIZE);
	frame_r->tlvs = slice_from(slice_first(in, LENGTH_SIZE + (size_t)rest), CTL_HEAD_SIZE);
	*used_r = LENGTH_SIZE + (size_t)rest;
	return 1;
}

size_t ctl_frame_begin(struct bytes *out, uint8_t command, uint8_t flags, uint32_t transaction,
		       const uint8_t context[CTL_CONTEXT_SIZE])
{
	static const uint8_t no_context[CTL_CONTEXT_SIZE];
	size_t begin = out->len;

	bytes_add_u32(out, 0);
	bytes_add_u8(out, CTL_VERSION);
	bytes_add_u8(out, command);
	bytes_add_u8(out, flags);
	bytes_add_u8(out, 0);
	bytes_add_u32(out, transaction);
	bytes_add(out, context ? context : no_context, CTL_CONTEXT_SIZE);
	return begin;
}

int ctl_frame_end(struct bytes *out, size_t begin)
{
	size_t rest;

	if (!bytes_ok(out))
		return -ERR_LIMIT;
	rest = out->len - begin - LENGTH_SIZE;
	if (rest > CTL_FRAME_MAX - LENGTH_SIZE) {
		out->len = begin;
		out->data[begin] = '\0';
		return -ERR_LIMIT;
	}
	for (size_t i = 0; i < LENGTH_SIZE; i++)
		out->data[begin + i] = (char)(rest >> (8 * (LENGTH_SIZE - 1 - i)));
	return 0;
}
