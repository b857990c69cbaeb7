/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SIP_SIP_RECORD_H
#define MRFC_SIP_SIP_RECORD_H

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

#endif
