/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_RECEIPTS_H
#define UE_UE_RECEIPTS_H

#include "common/slice.h"
#include "proto/imdn.h"

/* Messages of ours that asked for notifications, and who notified (RFC 5438 7.1.2). Pure. */
struct ue_receipts;

#define UE_RECEIPTS_MESSAGES 256   /* the oldest is forgotten */
#define UE_RECEIPTS_PEOPLE   10000 /* of one message; further ones are not counted */

struct ue_receipt {
	unsigned ticket;
	uint32_t delivered, displayed, failed; /* people; failed: any other status */
};

struct ue_receipts *ue_receipts_new(void);
void ue_receipts_free(struct ue_receipts **r);
/* A message was sent that asks. */
void ue_receipts_sent(struct ue_receipts *r, const char *message_id, unsigned ticket);
/*
 * A notification about it from somebody (who empty: from many, doc->count of them). NULL: not about
 * a message of ours, or nothing new. The result is valid until the next call.
 */
const struct ue_receipt *ue_receipts_note(struct ue_receipts *r, const struct imdn *doc,
					  struct slice who);

#endif
