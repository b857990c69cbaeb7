/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_PUBLISH_H
#define MRFP_PUBLISH_H

#include "mrfp/report.h"

/* Outgoing messages: to the room through the context's logs, or to one leg through its own queue. */

struct outmsg {
	struct chunk_meta meta; /* serial set by publish_begin() */
	int stream;             /* STREAM_CHAT, STREAM_BULK, or STREAM_DIRECT */
	uint64_t total;         /* or MSRP_UNSPECIFIED */
	char type[56];          /* of the payload, "type/subtype"; "" when longer */
	char *content_type;     /* owned */
	char *disposition;      /* owned; NULL: none */
	char *other_mime;       /* further Content-* lines with their CRLFs, owned; NULL: none */
	struct bytes wrap;      /* octets in front of the sender's first one (kind relay) */
	bool success_report;    /* asked of the receiver (kind relay) */
	uint64_t sender;        /* termination; 0: the focus */
	const char *id;         /* the sender's Message-ID, not owned; NULL: the focus' */
};
void outmsg_fini(struct outmsg *m);

/* A message to the room begins: gives it its serial and owes a copy to every bound leg but the source. */
void publish_begin(struct context *ctx, struct outmsg *m);
/* A private one: serial only; its receipt owes the copies. */
void publish_begin_private(struct context *ctx, struct outmsg *m);

/*
 * One chunk: octets start.. of the message, flag '$', '+' or '#'; last tells that nothing more
 * follows. A '#' chunk has no body. Room messages go to the log.
 */
void publish_chunk(struct context *ctx, struct outmsg *m, uint64_t start, struct slice body,
		   char flag, bool last);
/*
 * The same to one leg, through its own queue. -ERR_LIMIT when the queue is full: the copy is lost
 * then, and the caller settles it.
 */
MUST_CHECK int publish_direct(struct session *to, struct outmsg *m, uint64_t start,
			      struct slice body, char flag, bool last);
/* A SEND without body: binds (MSRP-041), or asks for a sign of life (MSRP-071). Its paths must be set. */
void publish_empty(struct session *to);
/* A whole message to one leg in as many chunks as it takes. -ERR_LIMIT as above. */
MUST_CHECK int publish_direct_whole(struct session *to, struct outmsg *m, struct slice body);
/* Tell a leg that nothing more of this message comes (MSRP-076); for no account. */
void publish_stop(struct session *to, uint64_t serial);

#endif
