/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_MARKS_H
#define UE_UE_MARKS_H

#include <stdint.h>

#include "common/bytes.h"

/*
 * How far a UE has come, so that nothing old is taken for new: the time of the last key message of each key
 * server and of the last one of its own (RFC 3830 5.4), and which messages sealed to it alone were seen while their
 * time would still be right. No secrets. Pure; ue_state keeps them in a file.
 */
struct ue_marks;

#define UE_MARKS_SERVERS  64   /* the one with the oldest time gives way */
#define UE_MARKS_MESSAGES 4096 /* what is full refuses the new and forgets nothing */
#define UE_MARKS_OF_ONE   1024 /* of one sender */
#define UE_MARKS_TEXT_MAX (1u << 20)

struct ue_marks *ue_marks_new(void);
void ue_marks_free(struct ue_marks **m);

/* T (NTP-UTC) of the last key message that was taken of this key server; 0: none. */
uint64_t ue_marks_last(const struct ue_marks *m, struct slice server);
void ue_marks_take(struct ue_marks *m, struct slice server, uint64_t t);
/* T of our own last one; 0: none. */
uint64_t ue_marks_own(const struct ue_marks *m);
void ue_marks_set_own(struct ue_marks *m, uint64_t t);

/* A message sealed to us alone, as it says of itself. */
struct ue_marked {
	struct slice from; /* a URI, compared as such */
	struct slice id;   /* its Message-ID */
	uint32_t token;
	uint64_t seq;
	uint64_t until_us; /* it can be forgotten then: its time is over */
};
/*
 * 0: fresh, and noted; -ERR_EXISTS: its Message-ID or its number was seen from this sender; -ERR_LIMIT: too many
 * to note.
 */
MUST_CHECK int ue_marks_message(struct ue_marks *m, const struct ue_marked *one, uint64_t now_us);

/* As text, and back: m has them then instead of what it had. -ERR_SYNTAX: m is untouched. */
void ue_marks_write(const struct ue_marks *m, struct bytes *out);
MUST_CHECK int ue_marks_read(struct ue_marks *m, struct slice text);

#endif
