/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SIP_DIALOG_H
#define MRFC_SIP_DIALOG_H

#include "mrfc/sip/dialog_record.h"
#include "mrfc/sip/dialog_state.h"
#include "mrfc/sip/sip_out.h"

struct event_base;

/*
 * INVITE sessions of the focus: one dialog each, with its offers and answers (RFC 3264, glare and
 * overlap of RFC 3261 14.2), session timer (RFC 4028), reliable provisional answers. SDP passes as
 * text. The owner is told by callbacks and decides; it ends a dialog with dialog_close.
 */
struct dialog;
struct dialog_set; /* all of one agent, also those only waiting for a last ACK or answer */

enum dialog_end {
	DIALOG_END_BYE,       /* the peer left; its BYE waits: dialog_take_bye */
	DIALOG_END_CANCELLED, /* the peer cancelled its INVITE */
	DIALOG_END_NO_ACK,
	DIALOG_END_NO_PRACK,
	DIALOG_END_EXPIRED, /* no session refresh came in time */
	DIALOG_END_REFUSED, /* the final answer to our INVITE is no 2xx */
	DIALOG_END_GONE     /* the peer does not know the dialog, or does not answer */
};

/* All are called from the loop; in each the owner may close the dialog. */
struct dialog_ops {
	/*
	 * re-INVITE or UPDATE with an offer (ptr NULL: re-INVITE without one, we offer). The owner
	 * answers once with dialog_answer or dialog_refuse.
	 */
	void (*change)(struct dialog *d, struct slice offer, void *arg);
	/* The peer took its re-INVITE back, 487 is out; the owner still ends it with dialog_refuse. */
	void (*change_cancelled)(struct dialog *d, void *arg);
	/*
	 * The answer to our INVITE's offer came before the 2xx, reliably; it counts as the 2xx's unless
	 * another follows. The owner may send dialog_early_offer. May be NULL.
	 */
	void (*early_answer)(struct dialog *d, struct slice sdp, void *arg);
	/*
	 * The peer's answer to an offer of ours (2xx or ACK); ptr NULL: it carried none. The owner
	 * applies it, then dialog_ack; or closes the dialog.
	 */
	void (*answer)(struct dialog *d, struct slice sdp, void *arg);
	void (*ringing)(struct dialog *d, int status, void *arg);
	/* 2xx to our first INVITE, before its answer is given. */
	void (*accepted)(struct dialog *d, const struct sip_out_result *result, void *arg);
	/* Final answer to our first INVITE that is no 2xx; ended() follows. May be NULL. */
	void (*refused)(struct dialog *d, const struct sip_out_result *result, void *arg);
	/* Both sides have it: ACK in or out. */
	void (*confirmed)(struct dialog *d, void *arg);
	/*
	 * The session is to be refreshed by a re-INVITE. False: with our last description again. True:
	 * the owner offers anew for it, now or once it can, and the session timer goes on.
	 * NULL: always false.
	 */
	bool (*refresh)(struct dialog *d, void *arg);
	/* Our re-offer failed; the session is as before (FOC-023). */
	void (*change_failed)(struct dialog *d, int status, void *arg);
	void (*ended)(struct dialog *d, enum dialog_end how, int status, const char *phrase,
		      void *arg);
	/*
	 * What dialog_save() writes is no longer so (target, CSeq, session timer); NULL: nobody
	 * records it. The owner closes nothing in it.
	 */
	void (*changed)(struct dialog *d, void *arg);
};

struct dialog_settings {
	uint32_t session_expires_s; /* what we would like; 0: none */
	uint32_t min_se_s;
};

struct dialog_set *dialog_set_new(struct event_base *base, struct sip_agent *a,
				  const struct dialog_settings *settings,
				  const struct dialog_ops *ops);
void dialog_set_free(struct dialog_set **set); /* ends all, without a word to the peers */
size_t dialog_set_count(const struct dialog_set *set);

/*
 * Take on an INVITE: 100 goes out (and a reliable 180 when asked for), name is the conference's.
 * Takes *in in any case. -ERR_LIMIT: refused with 422 (TIM-002).
 */
MUST_CHECK int dialog_accept(struct dialog_set *set, struct sip_in **in, const char *name,
			     void *arg, struct dialog **dialog_r);

struct dialog_call_to {
	const char *name;    /* conference */
	const char *from;    /* its URI */
	const char *target;  /* URI */
	const char *route;   /* NULL: straight to the target */
	const char *headers; /* further header lines; NULL */
	const char *trusted; /* the same, for a first hop of our own network alone; NULL */
	struct slice sdp;
	const char *content_type; /* of body; NULL: the description alone is the body */
	struct slice body;        /* that has the description in it */
};
/*
 * A dialog of ours before its INVITE, so that it can be recorded first: of *to only name, from and
 * target count. dialog_invite() follows, or dialog_close(). -ERR_SYNTAX when a URI cannot be used.
 */
MUST_CHECK int dialog_prepare(struct dialog_set *set, const struct dialog_call_to *to, void *arg,
			      struct dialog **dialog_r);
/* Send its INVITE. -ERR_SYNTAX: it could not be made, the dialog is as before. */
MUST_CHECK int dialog_invite(struct dialog *d, const struct dialog_call_to *to);
/* Both at once. -ERR_SYNTAX when a URI cannot be used. */
MUST_CHECK int dialog_call(struct dialog_set *set, const struct dialog_call_to *to, void *arg,
			   struct dialog **dialog_r);

/* What must survive, but for our description, which the owner has. Release with dialog_record_fini. */
void dialog_save(const struct dialog *d, struct dialog_record *record_r);
/*
 * Go on with a dialog of an earlier process; local is our last description in it. One whose 2xx was
 * never acknowledged has 64*T1 to show life, then ends with NO_ACK. Call dialog_alive() when it is
 * known to be used. -ERR_SYNTAX: the record makes no dialog.
 */
MUST_CHECK int dialog_restore(struct dialog_set *set, const struct dialog_record *record,
			      const char *name, struct slice local, void *arg,
			      struct dialog **dialog_r);
void dialog_alive(struct dialog *d);
/*
 * A call of an earlier process that had no answer: it is given up. Should it be answered yet, that
 * is acknowledged and the session ended (RFC 3261 15). Has no owner.
 */
void dialog_forsake(struct dialog_set *set, const struct leg_record *record, const char *name);

/* 200 with SDP to the INVITE or change that waits (an UPDATE likewise). */
void dialog_answer(struct dialog *d, struct slice sdp);
/*
 * Preconditions of the caller (RFC 3312): may our answer go in a reliable 183? Then an offer of the
 * peer comes as a change, its UPDATE or PRACK, to be answered; and dialog_take_call gives the 200
 * without a description.
 */
bool dialog_can_progress(const struct dialog *d);
void dialog_progress(struct dialog *d, struct slice sdp);
void dialog_take_call(struct dialog *d);
/* Offer anew before our call is answered, after a reliable answer; its answer replaces that one. */
void dialog_early_offer(struct dialog *d, struct slice sdp);
/* This description goes with our next refusal by 488 (RFC 3261 21.4.26, RFC 4567 4.1.2). */
void dialog_explain(struct dialog *d, struct slice sdp);
/* Refuse the change that waits; headers may be NULL. The session stays. */
void dialog_refuse(struct dialog *d, int status, const char *headers);
/* The peer's answer is in effect: ACK its 2xx (the owner calls this after `answer`). */
void dialog_ack(struct dialog *d);
/* Offer anew by re-INVITE; waits for its turn when something is in progress. */
void dialog_offer(struct dialog *d, struct slice sdp);
/* Is an offer of ours still to be sent, for the first time or again after 491? */
bool dialog_offer_waits(const struct dialog *d);
/* The peer's BYE, to be answered when its effect is stored; NULL when there is none. */
struct sip_in *dialog_take_bye(struct dialog *d);

/*
 * Leave, by what the state asks for: refusal with status (and headers), CANCEL, BYE with
 * Reason: SIP;cause=cause;text. The rest happens without the owner. Nulls the pointer.
 */
void dialog_close(struct dialog **d, int status, const char *headers, int cause, const char *text);

struct sip_ref;
/*
 * The session of this set whose dialog a header names (RFC 3891 3, RFC 3911 4); ours alone that are
 * still wanted. -ERR_NOT_FOUND: none such; -ERR_CLOSED: it was there and is over.
 */
MUST_CHECK int dialog_named(struct dialog_set *set, const struct sip_ref *ref,
			    struct dialog **dialog_r);
/* What its owner gave it. */
void *dialog_arg(const struct dialog *d);
enum dialog_state dialog_state(const struct dialog *d);
struct sip_leg *dialog_leg(struct dialog *d);
/* Contact of the peer's last answer, also of a 3xx to our first INVITE; NULL. */
const char *dialog_remote_contact(const struct dialog *d);

#endif
