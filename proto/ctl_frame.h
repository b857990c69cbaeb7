/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_CTL_FRAME_H
#define PROTO_CTL_FRAME_H

#include "common/bytes.h"
#include "proto/ctl_msgs.h"

/*
 * Frames of the control protocol, all integers big-endian:
 * length(4, octets that follow it) version(1) command(1) flags(1) reserved(1, 0) transaction(4)
 * context(16), then TLVs: tag(2) length(4) value.
 */
enum { CTL_FLAG_REPLY = 1, CTL_FLAG_ERROR = 2, CTL_FLAG_URGENT = 4 };
#define CTL_HEAD_SIZE 28 /* with the length field */

struct ctl_frame {
	uint8_t version;
	uint8_t command;
	uint8_t flags;
	uint32_t transaction;
	uint8_t context[CTL_CONTEXT_SIZE];
	struct slice tlvs;
};

/*
 * Take the next frame off a stream. 1 and a frame (views into in; *used_r bytes to drop after use),
 * 0 more bytes needed, -ERR_LIMIT (over CTL_FRAME_MAX), -ERR_SYNTAX (shorter than its head).
 */
MUST_CHECK int ctl_frame_next(struct slice in, struct ctl_frame *frame_r, size_t *used_r);
/*
 * Begin a frame on out (the length is set by ctl_frame_end); returns its offset in out. context NULL:
 * no context, 16 zeros.
 */
size_t ctl_frame_begin(struct bytes *out, uint8_t command, uint8_t flags, uint32_t transaction,
		       const uint8_t context[CTL_CONTEXT_SIZE]);
/* -ERR_LIMIT when the frame grew over CTL_FRAME_MAX (it is taken off out again) or out failed. */
MUST_CHECK int ctl_frame_end(struct bytes *out, size_t begin);

#endif
