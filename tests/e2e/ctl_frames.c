/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes one frame of every body of the control protocol on stdout, each with every field, as the
 * codec builds them. For tests that read frames with something else than the codec.
 */
#include <stdio.h>

#include "proto/ctl_codec.h"

static struct slice two_texts[] = {{"first", 5}, {"second", 6}};
static struct slice two_records[2];

#define FILL_U8(m, b, f)    CTL_SET(m, b, f, 2)
#define FILL_U16(m, b, f)   CTL_SET(m, b, f, 6)
#define FILL_U32(m, b, f)   CTL_SET(m, b, f, 70000)
#define FILL_U64(m, b, f)   CTL_SET(m, b, f, 0x100000002)
#define FILL_STR(m, b, f)   CTL_SET(m, b, f, SLICE_LIT("text of " #f))
#define FILL_BYTES(m, b, f) CTL_SET(m, b, f, SLICE_LIT("0123456789abcdef"))
#define FILL_STRS(m, b, f)  CTL_SET(m, b, f, ((struct ctl_list){two_texts, 2}))
#define FILL_BLOBS(m, b, f) CTL_SET(m, b, f, ((struct ctl_list){two_records, 2}))
#define CTL_BEGIN(body, command, kind, text)                                                       \
	static void fill_##body(struct ctl_##body *m)                                              \
	{                                                                                          \
		*m = (struct ctl_##body){0};
#define CTL_FIELD(body, type, name, tag, presence, unit, text) FILL_##type(m, body, name);
#define CTL_END(body)                                          }
#include "proto/ctl_msgs.def"

#define CTL_BEGIN(body, command, kind, text)                                                       \
	static int write_##body(struct bytes *out, uint32_t transaction)                           \
	{                                                                                          \
		static const uint8_t context[CTL_CONTEXT_SIZE] = "the 16th context";               \
		uint8_t flags = kind[2] == 'p' ? CTL_FLAG_REPLY : 0;                               \
		struct ctl_##body m;                                                               \
                                                                                                   \
		fill_##body(&m);                                                                   \
		return kind[2] == 'c' ? 0                                                          \
				      : ctl_build(out, CTL_CMD_##command, flags, transaction,      \
						  context, CTL_BODY_##body, &m);                   \
	}
#include "proto/ctl_msgs.def"

int main(void)
{
	struct bytes out = BYTES_INIT, record = BYTES_INIT;
	struct ctl_audit_termination t;
	uint32_t transaction = 0;
	int rc = 0;

	fill_audit_termination(&t);
	ctl_encode(&record, CTL_BODY_audit_termination, &t);
	two_records[0] = two_records[1] = bytes_slice(&record);
#define CTL_BEGIN(body, command, kind, text) rc |= write_##body(&out, ++transaction);
#include "proto/ctl_msgs.def"
	if (fwrite(out.data, 1, out.len, stdout) != out.len)
		rc = -1;
	bytes_fini(&out);
	bytes_fini(&record);
	return rc ? 1 : 0;
}
