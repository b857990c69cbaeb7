/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control protocol's stream: frames are taken off the input and each is read as every body.
 * What decodes is encoded again and must decode to the same octets once more.
 */
#include <stdlib.h>

#include "proto/ctl_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

union any_body {
#define CTL_BEGIN(body, command, kind, text) struct ctl_##body body;
#include "proto/ctl_msgs.def"
};

static void check_body(struct slice tlvs, enum ctl_body body)
{
	static struct ctl_arena arena;
	struct bytes first = BYTES_INIT, second = BYTES_INIT;
	struct ctl_decode_error error;
	union any_body msg;

	arena.used = 0;
	if (ctl_decode(tlvs, body, &msg, &arena, &error) < 0)
		return;
	ctl_encode(&first, body, &msg);
	arena.used = 0;
	if (ctl_decode(bytes_slice(&first), body, &msg, &arena, &error) < 0)
		abort();
	ctl_encode(&second, body, &msg);
	if (!slice_eq(bytes_slice(&first), bytes_slice(&second)))
		abort();
	bytes_fini(&first);
	bytes_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_make(data, size);
	struct ctl_frame frame;
	size_t used;

	while (ctl_frame_next(in, &frame, &used) == 1) {
		if (used < CTL_HEAD_SIZE || used > in.len || frame.tlvs.len != used - CTL_HEAD_SIZE)
			abort();
		for (int body = 0; body < CTL_BODY_COUNT; body++)
			check_body(frame.tlvs, (enum ctl_body)body);
		in = slice_from(in, used);
	}
	return 0;
}
