/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_SETTLE_H
#define MRFP_SETTLE_H

#include "mrfp/publish.h"

/*
 * What becomes of copies: responses and REPORTs of recipients, silence, and lost legs. Each copy
 * is counted once (sum rule in stats.def).
 */

enum settle_verdict {
	SETTLE_OK,      /* done, the session goes on */
	SETTLE_UNKNOWN, /* matches nothing open */
	SETTLE_GONE     /* the peer knows no such session: the caller ends it as refused */
};
/* A response to a request of ours on wire w. *session_r is whose it was. */
enum settle_verdict settle_answer(struct wire *w, struct slice tid, int status,
				  struct session **session_r);
/* A failure REPORT of a recipient, by our Message-ID (MSRP-108, 109). */
enum settle_verdict settle_report(struct session *s, struct slice message_id, int status);
/* Transactions without response in time count as lost. Returns how many. */
unsigned settle_expire(struct session *s, uint64_t now_ms);
/* The leg leaves: whatever is open is lost. Returns how many copies. */
uint64_t settle_leave(struct session *s);

#endif
