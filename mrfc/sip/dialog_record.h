/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SIP_DIALOG_RECORD_H
#define MRFC_SIP_DIALOG_RECORD_H

#include "mrfc/sip/sip_record.h"

/* An INVITE session in a dialog, as sip_record.h has it. */
struct dialog_record {
	struct leg_record leg;
	bool confirmed;             /* its ACK is in or out */
	uint64_t confirmed_wall_ms; /* since then */
	bool peer_updates;          /* lists UPDATE in Allow */
	uint32_t expires_s;         /* session timer; 0: none */
	uint32_t min_se_s;          /* the largest that a 422 told us; 0 */
	bool we_refresh;
	uint64_t expires_wall_ms; /* when the session is over if nobody refreshes; 0: never */
	char *local_sdp;          /* our last description; NULL */
};
void dialog_record_fini(struct dialog_record *r);

#endif
