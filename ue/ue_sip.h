/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_SIP_H
#define UE_UE_SIP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/bytes.h"

struct event_base;

/*
 * SIP of user equipment: one agent (transports, transactions) and its calls (INVITE dialogs with
 * the conference subscription and the REFERs that belong to them). Sofia stays in ue_sip*.c; bodies
 * pass as text. Several identities may share one agent.
 */
struct ue_sip;
struct ue_call;

struct ue_sip_config {
	struct addr listen;   /* UDP and TCP; port 0 picks one */
	struct addr proxy;    /* next hop of all requests outside dialogs */
	const char *as;       /* our identity, "sip:alice@example.com" */
	const char *display;  /* NULL: none */
	const char *user;     /* of digest; NULL: the user part of `as` */
	const char *password; /* NULL: challenges are not answered */
	bool udp; /* prefer UDP for requests outside dialogs (long ones go by TCP all the same) */
};

/* What happens to calls. Strings are valid during the callback. */
struct ue_sip_ops {
	/* Somebody invites us; answer with ue_call_accept or ue_call_reject, now or later. */
	void (*invited)(struct ue_call *call, const char *from_uri, const char *referred_by,
			struct slice sdp, void *arg);
	/* Provisional (101..199) and final answer of our INVITE; sdp is there with a 2xx. */
	void (*progress)(struct ue_call *call, int status, const char *phrase, void *arg);
	void (*answered)(struct ue_call *call, const char *conference_uri, bool is_focus,
			 struct slice sdp, void *arg);
	/* Our INVITE is refused, and this is said with it; `ended` follows. */
	void (*refused)(struct ue_call *call, int status, struct slice sdp, void *arg);
	/* A later offer of the peer (empty sdp: it asks for ours): write the answer, return 200 or 488. */
	int (*offered)(struct ue_call *call, struct slice sdp, struct bytes *answer_r, void *arg);
	/*
	 * The call is over; freed after the callback. by_peer: their BYE, CANCEL or refusal; cause and
	 * text are those of its Reason header (0 and "" without one) or of the final response; 0 and a
	 * sentence when nobody could be reached or answered.
	 */
	void (*ended)(struct ue_call *call, bool by_peer, int cause, const char *text, void *arg);
	/* A conference-info document; state is the Subscription-State value. */
	void (*conference_info)(struct ue_call *call, const char *state, struct slice xml,
				void *arg);
	/*
	 * How the REFER numbered `ticket` fares: the status line of a sipfrag, or of a refusal.
	 * refused: the REFER itself was answered with it.
	 */
	void (*referred)(struct ue_call *call, unsigned ticket, int status, const char *reason,
			 bool final, bool refused, void *arg);
	/* The SUBSCRIBE was refused while the call was up. */
	void (*unwatched)(struct ue_call *call, int status, const char *reason, void *arg);
};

/* -ERR_IO with errno: the address cannot be bound. */
MUST_CHECK int ue_sip_open(struct event_base *base, const struct ue_sip_config *config,
			   const struct ue_sip_ops *ops, void *arg, struct ue_sip **sip_r);
void ue_sip_free(struct ue_sip **sip); /* calls end without a word on the wire */
const struct addr *ue_sip_addr(const struct ue_sip *sip);
/* Our Contact's URI; the caller frees it. */
char *ue_sip_contact_uri(const struct ue_sip *sip);

/* INVITE uri with our offer. */
MUST_CHECK int ue_call_invite(struct ue_sip *sip, const char *uri, struct slice sdp,
			      struct ue_call **call_r);
void ue_call_ring(struct ue_call *call);
void ue_call_accept(struct ue_call *call, struct slice sdp);
void ue_call_reject(struct ue_call *call, int status);
/* Leave: BYE, or CANCEL when not answered yet; `ended` follows. */
void ue_call_bye(struct ue_call *call);
/* Watch the conference (after the answer). */
MUST_CHECK int ue_call_subscribe(struct ue_call *call, uint32_t expires_s);
/* Ask the focus to invite (method "INVITE") or remove ("BYE") uri; ticket comes back in `referred`. */
MUST_CHECK int ue_call_refer(struct ue_call *call, const char *uri, const char *method,
			     unsigned ticket);
/* The Date of the peer's INVITE, or of its final answer to ours, since 1970; 0: it had none. */
uint64_t ue_call_date(const struct ue_call *call);

#endif
