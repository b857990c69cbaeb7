/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_CTL_CODEC_H
#define PROTO_CTL_CODEC_H

#include "proto/ctl_frame.h"

/* Bodies of ctl_msgs.def as TLVs; msg is the struct ctl_NAME of that body. */

/* Append the present fields of msg. Missing required ones are our own mistake (assertion). */
void ctl_encode(struct bytes *out, enum ctl_body body, const void *msg);

struct ctl_decode_error {
	uint16_t result; /* CTL_R_UNKNOWN_FIELD, CTL_R_MISSING_FIELD, CTL_R_BAD_FRAME */
	char text[80];   /* names the field or its tag */
};
/*
 * Read TLVs into msg (zeroed first). Views into tlvs; the arrays of repeated fields come from arena
 * (reset by the caller when msg is done with). Unknown tags without the top bit are skipped; with
 * it they fail. A field that occurs twice (and is no list), a wrong length, or bytes left over is
 * BAD_FRAME. 0, or -ERR_SYNTAX with *error_r.
 */
#define CTL_ARENA_ITEMS (2 * CTL_LIST_MAX)
struct ctl_arena {
	struct slice items[CTL_ARENA_ITEMS];
	size_t used;
};
MUST_CHECK int ctl_decode(struct slice tlvs, enum ctl_body body, void *msg, struct ctl_arena *arena,
			  struct ctl_decode_error *error_r);

/* Whole frame in one go: begin, encode, end. */
MUST_CHECK int ctl_build(struct bytes *out, uint8_t command, uint8_t flags, uint32_t transaction,
			 const uint8_t context[CTL_CONTEXT_SIZE], enum ctl_body body,
			 const void *msg);

/*
 * Can a peer that means well have sent this frame? NULL, or what is wrong: another version, a
 * command nobody knows, octets left over behind the last field. The link is to be closed then.
 */
const char *ctl_frame_fault(const struct ctl_frame *frame);

#endif
