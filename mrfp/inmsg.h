/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_INMSG_H
#define MRFP_INMSG_H

#include "mrfp/publish.h"
#include "mrfp/ranges.h"

struct msrp_head;

/* One message that a peer is sending us, from its first chunk to its last. Owned by its session. */
enum inmsg_state {
	INMSG_HEAD,    /* the CPIM head is not complete */
	INMSG_GATHER,  /* held until it is whole (absorb.h) */
	INMSG_VERDICT, /* waits for the MRFC's word (verdict.h); what comes is held */
	INMSG_OPEN,    /* passed on as it comes */
	INMSG_TAKEN,   /* whole, and kept from the others */
	INMSG_REFUSED, /* further chunks get the same answer */
	INMSG_STATES
};

/* Octets that came ahead of the CPIM head. */
struct held {
	TAILQ_ENTRY(held) link;
	uint64_t pos;
	struct bytes data;
};

/* A response that waits for the verdict. */
struct deferred {
	STAILQ_ENTRY(deferred) link;
	bool partial; /* Failure-Report: partial */
	char *paths;
	char tid[MSRP_TID_MAX + 1];
};

struct inmsg {
	TAILQ_ENTRY(inmsg) link;
	struct session *from;
	enum inmsg_state state;
	int status; /* REFUSED: the answer */
	bool success_report;
	bool acked; /* a chunk of it was answered, or taken in silence */
	enum msrp_failure_report failure_report; /* of the first chunk (MSRP-079) */
	char id[MSRP_MESSAGE_ID_MAX + 1];
	struct outmsg out;
	struct receipt *receipt;   /* private messages */
	char *cpim_from, *cpim_to; /* raw; private messages only */
	uint64_t total;            /* as told, or MSRP_UNSPECIFIED */
	uint64_t length;           /* fixed by '$', or MSRP_UNSPECIFIED */
	struct ranges got;
	uint64_t n_passed;   /* octets passed on, repeated ones too */
	uint64_t started_ms; /* since 1970; 0: not accounted */
	int sealed;          /* what the gate says of its first octets; 0: not asked */
	uint64_t due_ms;     /* by the connection's clock: given up then */

	char *key;       /* a key message, gathered for the MRFC (key.h); NULL: for members */
	size_t key_head; /* octets of it before its payload */
	size_t n_key;    /* octets of it so far */
	bool key_frames; /* of a key server, not of a member's */
	char *absent;    /* whom it is for, who has no leg here; then it is no key message */
	uint32_t absent_transaction; /* of the event that handed it up */

	struct bytes head; /* octets 1.. while the CPIM head is incomplete */
	TAILQ_HEAD(held_list, held) held;
	size_t n_held_bytes;
	uint64_t verdict; /* number of the question */
	size_t n_verdict_bytes;
	STAILQ_HEAD(, deferred) deferred;
	size_t n_counted; /* of it in the budget */

	/* To be passed on next: a view into the read buffer, or own bytes; one of them is empty. */
	uint64_t pend_pos;
	struct slice view;
	struct bytes own;
};

struct inmsg *inmsg_new(struct session *from, struct slice id);
struct inmsg *inmsg_find(struct session *from, struct slice id);
/*
 * The last octet that the message may have: its '$' decides, before that the announced total. More
 * than announced would pass as chat whatever its size (MSRP-069).
 */
uint64_t inmsg_size_limit(const struct inmsg *m);
/* Byte-Range rules of MSRP-061, 069, 072 for a chunk of it (NULL: of a new one); 0 or the status. */
int inmsg_check_range(const struct inmsg *m, const struct msrp_head *head);
/* Make room: a sender that was refused need not end its message. */
bool inmsg_forget_refused(struct session *s);
/* Takes it off its session; the wire's request must not refer to it any more. */
void inmsg_free(struct inmsg **m);
const char *inmsg_state_name(enum inmsg_state st);
void inmsg_set_state(struct inmsg *m, enum inmsg_state to, const char *cause);
/* It waits for a verdict from now on; the next change of state ends that. */
void inmsg_wait(struct inmsg *m);
/* The verdict is there. */
void inmsg_go_on(struct inmsg *m);
/* Tell the budget what is held of it; asked when it stays open behind a read. */
void inmsg_count(struct inmsg *m);
/* Drop what was held for the head. */
void inmsg_drop_held(struct inmsg *m);

#endif
