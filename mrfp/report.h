/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_REPORT_H
#define MRFP_REPORT_H

#include "mrfp/wire.h"

/*
 * REPORTs to senders (never from recipients: SW-037), and the receipts of private messages: who
 * still owes an answer, so that a message that reached nobody is told to its sender.
 */

struct report {
	struct slice message_id;
	uint64_t start; /* first octet reported; 0: 1 */
	uint64_t size;  /* last octet reported, or MSRP_UNSPECIFIED */
	uint64_t total; /* or MSRP_UNSPECIFIED */
	int status;
	struct slice cpim_from,
		cpim_to; /* raw; with both the REPORT has a message/cpim body (SW-055) */
};
/* A REPORT as bytes, for the peer of a bound session; NULL when it is not bound. */
struct chunk *report_build(struct session *to, const struct report *r);
/* Send a REPORT to the peer of a bound session; nothing when it is not bound. */
void report_send(struct session *to, const struct report *r);

enum receipt_state { RECEIPT_OPEN, RECEIPT_DELIVERED, RECEIPT_FAILED };
struct receipt_target {
	uint32_t number; /* leg */
	enum receipt_state state;
};

/* One private message; owned by its context until input and all copies are done. */
struct receipt {
	UT_hash_handle hh; /* in its context's table, by serial */
	struct context *ctx;
	uint64_t serial;
	uint32_t sender; /* leg */
	uint8_t kind;
	bool want_failure; /* Failure-Report is not "no" */
	bool input_done;
	bool reported;
	uint64_t number; /* of the Inject whose fate the MRFC wants to know; 0: none */
	char *message_id, *cpim_from, *cpim_to;
	uint64_t size;
	int code; /* of the last failure */
	size_t n_open, n_delivered;
	struct receipt_target *targets;
	size_t n_targets;
};

/* A private message begins: copies of kind are owed to these legs. */
struct receipt *receipt_new(struct session *sender, uint64_t serial, unsigned kind,
			    struct session *const *targets, size_t n_targets);
struct receipt *receipt_find(struct context *ctx, uint64_t serial);
/*
 * A target's copy is settled (counted here). The last one of a message that reached nobody sends
 * a failure REPORT with the last code. May free r when its input is done.
 */
void receipt_settle(struct receipt *r, struct session *target, enum stats_outcome outcome,
		    int code);
/* All of it has come in (or been given up: ok false, no REPORT then). May free r. */
void receipt_input_done(struct receipt *r, uint64_t size, bool ok);
/* Settle this leg's open copies of private messages as lost. */
void receipts_leg_lost(struct session *s);
void receipts_free(struct context *ctx);

#endif
