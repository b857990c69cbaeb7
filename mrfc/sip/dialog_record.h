/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SIP_DIALOG_RECORD_H
#define MRFC_SIP_DIALOG_RECORD_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What must be known of a dialog so that another process can go on with it (RFC 3261 12): saved
 * before the answer that makes it or changes it, read after a restart. Strings are the record's own.
 */
struct leg_record {
	char *call_id, *local_tag, *remote_tag;
	char *local, *remote; /* as in From and To, without tags */
	char *target;         /* the peer's Contact, a URI */
	char *routes;         /* Route lines of our requests, one value; NULL: none */
	char *hop;            /* the peer by address; NULL */
	uint32_t local_cseq;  /* none above it was used: gaps are legal, repeats are not */
	uint32_t remote_cseq;
	bool incoming; /* the peer made it */
};
void leg_record_fini(struct leg_record *r);

/* An INVITE session in it. */
struct dialog_record {
	struct leg_record leg;
	bool confirmed;     /* its ACK is in or out */
	bool peer_updates;  /* lists UPDATE in Allow */
	uint32_t expires_s; /* session timer; 0: none */
	uint32_t min_se_s;  /* the largest that a 422 told us; 0 */
	bool we_refresh;
	uint64_t expires_wall_ms; /* when the session is over if nobody refreshes; 0: never */
	char *local_sdp;          /* our last description; NULL */
};
void dialog_record_fini(struct dialog_record *r);

#endif
