/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_RELAYED_H
#define MRFP_RELAYED_H

#include "mrfp/inmsg.h"

/*
 * Messages of a relay on their way from one leg to the other, and for a while behind it: what the
 * receiver reports is told to the sender by the sender's own Message-ID.
 */
enum relayed_state {
	RELAYED_OPEN,     /* its fate is not known */
	RELAYED_UNPROVEN, /* answered 200; the success REPORT asked for has not come */
	RELAYED_DONE      /* accounted for; kept for late REPORTs */
};

struct relayed {
	UT_hash_handle hh; /* in its context's book, by serial */
	TAILQ_ENTRY(relayed) in_state;
	TAILQ_ENTRY(relayed) in_due;
	uint64_t serial;
	uint64_t termination; /* the sender's */
	uint32_t from, to;    /* legs */
	uint32_t shift;       /* octets that we put in front */
	uint8_t kind, outcome;
	enum relayed_state state;
	bool want_success, want_failure;
	bool input_done, settled;
	bool keep; /* waits for the next connection of the receiver */
	bool due;  /* a REPORT of ours waits for room */
	bool told; /* its failure was reported */
	int status;
	uint64_t size, started_ms;
	struct ranges proven;
	char id[MSRP_MESSAGE_ID_MAX + 1];
	char type[sizeof(((struct outmsg *)0)->type)];
};

#define RELAYED_UNPROVEN_MAX 1024
#define RELAYED_DONE_MAX     256

/* A message got its serial: it goes to this leg (NULL or lost: to nobody, its sender will be told). */
void relayed_begin(struct inmsg *m, struct session *to);
struct relayed *relayed_find(const struct context *ctx, uint64_t serial);
/* The receiver answered, refused it, or did not answer; the copy itself is counted by the caller. */
void relayed_settled(struct session *to, uint64_t serial, enum stats_outcome outcome, int status);
/* The sender's last octet came. */
void relayed_input_done(struct inmsg *m);
/* The sender aborted it, or it was refused by us in its midst (enum ctl_outcome). */
void relayed_given_up(struct inmsg *m, uint8_t outcome, int status);
/*
 * A REPORT of the receiver: passed on to the sender if it wants it, with its own Message-ID. True:
 * a range was not received, so the receiver's session has failed (RFC 4975 7.3.2).
 */
bool relayed_report(struct session *from, const struct msrp_head *head);
/*
 * A leg's connection ends. What it has not got is lost and reported; with keep, messages of which
 * nothing was written yet wait for its next connection. The caller counts all copies but
 * session.kept.
 */
void relayed_leave(struct session *s, bool keep);
/* What waits for this leg without a connection waited too long. */
void relayed_give_up_waiting(struct session *s);
/* Send REPORTs that had no room. True while some are left. */
bool relayed_flush(struct session *sender);
void relayed_free(struct context *ctx);

#endif
