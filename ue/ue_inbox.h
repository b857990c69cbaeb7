/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_INBOX_H
#define UE_UE_INBOX_H

#include "proto/msrp_head.h"
#include "ue/ue_msrp.h"
#include "ue/ue_octets.h"

/*
 * Reassembly of incoming messages by Message-ID and Byte-Range: chunks in any order, overlaps
 * (last received wins), gaps. Short messages stay in memory, long ones go to an unlinked file.
 */
struct ue_inbox;
struct ue_inbox_message;

#define UE_INBOX_MEMORY   (256u << 10)
#define UE_INBOX_MESSAGES 32
#define UE_INBOX_MAX_SIZE (1ull << 30)

struct ue_inbox *ue_inbox_new(void);
void ue_inbox_free(struct ue_inbox **in);

/*
 * A chunk begins; bare: of a short message without CPIM, which kind comes back in the ue_message; 0: CPIM.
 * -ERR_LIMIT: too many or too long (413).
 */
MUST_CHECK int ue_inbox_begin(struct ue_inbox *in, const struct msrp_head *head, unsigned bare,
			      struct ue_inbox_message **message_r);
const char *ue_inbox_id(const struct ue_inbox_message *m); /* its Message-ID */
/*
 * Its first octets, all that are here without a gap. False: there are none, or it was said that they are
 * known.
 */
bool ue_inbox_here(const struct ue_inbox_message *m, struct ue_source *here_r);
void ue_inbox_known(struct ue_inbox_message *m, bool known);
MUST_CHECK int ue_inbox_piece(struct ue_inbox_message *m, struct slice piece);
/*
 * A chunk ends. 1: the message is whole and *out_r describes it until ue_inbox_drop; 0: goes on;
 * -ERR_SYNTAX: whole, but no CPIM; -ERR_CLOSED: aborted by its sender.
 */
MUST_CHECK int ue_inbox_end(struct ue_inbox_message *m, char flag, struct ue_message *out_r);
void ue_inbox_drop(struct ue_inbox *in, struct ue_inbox_message *m);
uint64_t ue_inbox_done(const struct ue_inbox_message *m);
uint64_t ue_inbox_total(const struct ue_inbox_message *m); /* 0: not known */

#endif
