/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_UNWIND_H
#define MRFC_CONFERENCE_UNWIND_H

#include <stdbool.h>

#include "common/log.h"
#include "proto/confinfo.h"

/*
 * Why a session ends before or after it was up, and what each cause means on the wire, in the
 * roster, in the log and in the counters: one table (FOC-020).
 */
enum unwind_cause {
	UNWIND_DEPARTED,       /* BYE of the peer */
	UNWIND_CANCELLED,      /* CANCEL of the peer */
	UNWIND_BAD_SDP,        /* not a session description */
	UNWIND_NOT_ACCEPTABLE, /* no chat line we can serve */
	UNWIND_BAD_ANSWER,     /* the answer to our offer is missing or unusable */
	UNWIND_NO_MRFP,        /* none registered, or its link went away */
	UNWIND_MRFP_FULL,
	UNWIND_MRFP_TIMEOUT,
	UNWIND_MRFP_REFUSED, /* not allowed there (connect_allow) */
	UNWIND_STORE_FAILED,
	UNWIND_NO_ACK,
	UNWIND_NO_PRACK,
	UNWIND_EXPIRED, /* session timer */
	UNWIND_GONE,    /* the peer lost the dialog or does not answer */
	UNWIND_MEDIA_LOST,
	UNWIND_TOO_SLOW,
	UNWIND_QUIET,
	UNWIND_FLOOD,     /* it sent far too many messages */
	UNWIND_MRFP_LOST, /* and no other took over */
	UNWIND_REMOVED,
	UNWIND_REPLACED,  /* another device took its place (Replaces) */
	UNWIND_ENDED,     /* the conference ended */
	UNWIND_OVERDUE,   /* its lifetime is over */
	UNWIND_SHUTDOWN,  /* this server stops */
	UNWIND_RESTARTED, /* it was killed in the middle of the way in */
	UNWIND_REFUSED,   /* dial-out: final answer of the callee */
	UNWIND_BUSY,      /* dial-out: 486 or 600 */
	UNWIND_NO_ROUTE,  /* dial-out: nowhere to send it */
	UNWIND_NO_KEY,  /* sealed conference: the key server knows no key of his, or refuses him */
	UNWIND_BAD_KEY, /* his key message is not authentic, or too old */
	UNWIND_STALE_KEY, /* he does not confirm the group key */
	UNWIND_NO_KEY_SERVER,
	UNWIND_BAD_KEY_SERVER, /* its terminal makes the keys, and sends what it should not */
	UNWIND_N
};

/* What it means for the user's membership, once his last session is over (IMS-005). */
enum unwind_member {
	UNWIND_STAYS,  /* he belongs, and is away */
	UNWIND_LEAVES, /* he belongs no more */
	UNWIND_ASKED   /* as the peer's request or answer says */
};

struct unwind_rule {
	const char *name; /* counter label, log */
	int status;       /* while the peer's INVITE waits; also the cause shown of a dial-out */
	uint32_t retry_after_s; /* 0: none */
	int reason;             /* Reason: SIP;cause= of our BYE */
	const char *text;       /* its text */
	enum confinfo_leaving leaving;
	enum log_level level;
	enum unwind_member member;
};

const struct unwind_rule *unwind_rule(enum unwind_cause cause);
/*
 * Does the membership end? cause, and what the peer said: the Reason of its BYE (NULL: none) where
 * by_reason is set (OMA CPM: only cause 200 means leaving, all other BYEs end the session alone), its
 * final answer to our call (603 declines for good; 404, 410 and the like: there is no such user).
 */
bool unwind_ends_membership(enum unwind_cause cause, bool by_reason, const char *reason,
			    int status);
/* Cause for an error of media (-ERR_*). */
enum unwind_cause unwind_of_media(int err);
/* Cause for a lost termination (enum ctl_lost). */
enum unwind_cause unwind_of_lost(int ctl_lost);

#endif
