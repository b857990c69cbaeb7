/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_ACCOUNT_H
#define MRFP_ACCOUNT_H

#include "mrfp/context.h"

/* One event per message for charging, where the context's policy asks for it. */
struct account {
	uint64_t termination; /* the sender's */
	struct slice message_id, type;
	uint64_t size;       /* octets received */
	uint64_t started_ms; /* since 1970; 0: when policy was not set yet */
	uint8_t kind;        /* enum cpim_kind; typing and notifications are free */
	uint8_t outcome;     /* enum ctl_outcome */
	int status;          /* 0: none goes with it */
};

/* The wall clock for account.started_ms; 0 where nothing is accounted. */
uint64_t account_begin(const struct context *ctx);
/* The message's outcome is known: tell the MRFC if the policy says so. */
void account_end(const struct context *ctx, const struct account *a);

/* A sealed message was taken: keys wear out, the MRFC is told now and then how much they were used. */
void account_sealed(struct context *ctx);

#endif
