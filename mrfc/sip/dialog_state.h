/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SIP_DIALOG_STATE_H
#define MRFC_SIP_DIALOG_STATE_H

#include "common/err.h"

/* States of an INVITE session seen from the focus, RFC 3261 13-15. Pure table. */
enum dialog_state {
	DIALOG_NEW,        /* nothing sent or received */
	DIALOG_INCOMING,   /* their INVITE has no final answer yet */
	DIALOG_ACCEPTED,   /* our 2xx is out, its ACK not in */
	DIALOG_LEAVING,    /* as ACCEPTED, and our BYE waits for the ACK (RFC 3261 15) */
	DIALOG_CALLING,    /* our INVITE has no answer yet */
	DIALOG_RINGING,    /* our INVITE has a provisional answer */
	DIALOG_CANCELLING, /* our CANCEL is out, the INVITE's final answer not in */
	DIALOG_CONFIRMED,
	DIALOG_ENDED,
	DIALOG_N_STATES
};

enum dialog_event {
	DIALOG_EV_INVITE_IN,
	DIALOG_EV_INVITE_OUT,
	DIALOG_EV_ANSWER,      /* we send a 2xx */
	DIALOG_EV_REFUSE,      /* we send a final refusal */
	DIALOG_EV_CANCEL_IN,   /* CANCEL came */
	DIALOG_EV_ACK,         /* ACK of our 2xx */
	DIALOG_EV_NO_ACK,      /* none within 64*T1 */
	DIALOG_EV_PROVISIONAL, /* 1xx to our INVITE */
	DIALOG_EV_OK,          /* 2xx to our INVITE */
	DIALOG_EV_FAILED,      /* final refusal of our INVITE */
	DIALOG_EV_HANGUP,      /* we want out */
	DIALOG_EV_BYE_IN,
	DIALOG_N_EVENTS
};

/* The next state, or -ERR_WRONG_STATE when the event cannot happen there. */
MUST_CHECK int dialog_state_next(enum dialog_state state, enum dialog_event event);
const char *dialog_state_name(enum dialog_state state);
const char *dialog_event_name(enum dialog_event event);

#endif
