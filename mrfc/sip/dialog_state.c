/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state table of INVITE sessions, RFC 3261 13 to 15: which event leads where. A BYE of ours
 * never overtakes the ACK of our 2xx, and a CANCEL of ours waits for the INVITE's final answer.
 */
#include "mrfc/sip/dialog_state.h"

#include "common/err.h"

/* Stored one higher than the state, so that 0 means "cannot happen". */
#define TO(state) ((state) + 1)

static const unsigned char table[DIALOG_N_STATES][DIALOG_N_EVENTS] = {
	[DIALOG_NEW] = {[DIALOG_EV_INVITE_IN] = TO(DIALOG_INCOMING),
			[DIALOG_EV_INVITE_OUT] = TO(DIALOG_CALLING),
			[DIALOG_EV_HANGUP] = TO(DIALOG_ENDED)},
	[DIALOG_INCOMING] = {[DIALOG_EV_ANSWER] = TO(DIALOG_ACCEPTED),
			     [DIALOG_EV_REFUSE] = TO(DIALOG_ENDED),
			     [DIALOG_EV_CANCEL_IN] = TO(DIALOG_ENDED),
			     [DIALOG_EV_BYE_IN] = TO(DIALOG_ENDED)},
	[DIALOG_ACCEPTED] = {[DIALOG_EV_ACK] = TO(DIALOG_CONFIRMED),
			     [DIALOG_EV_NO_ACK] = TO(DIALOG_ENDED),
			     [DIALOG_EV_HANGUP] = TO(DIALOG_LEAVING),
			     [DIALOG_EV_BYE_IN] = TO(DIALOG_ENDED)},
	[DIALOG_LEAVING] = {[DIALOG_EV_ACK] = TO(DIALOG_ENDED),
			    [DIALOG_EV_NO_ACK] = TO(DIALOG_ENDED),
			    [DIALOG_EV_BYE_IN] = TO(DIALOG_ENDED)},
	[DIALOG_CALLING] = {[DIALOG_EV_PROVISIONAL] = TO(DIALOG_RINGING),
			    [DIALOG_EV_OK] = TO(DIALOG_CONFIRMED),
			    [DIALOG_EV_FAILED] = TO(DIALOG_ENDED),
			    [DIALOG_EV_HANGUP] = TO(DIALOG_CANCELLING)},
	[DIALOG_RINGING] = {[DIALOG_EV_PROVISIONAL] = TO(DIALOG_RINGING),
			    [DIALOG_EV_OK] = TO(DIALOG_CONFIRMED),
			    [DIALOG_EV_FAILED] = TO(DIALOG_ENDED),
			    [DIALOG_EV_HANGUP] = TO(DIALOG_CANCELLING)},
	[DIALOG_CANCELLING] = {[DIALOG_EV_PROVISIONAL] = TO(DIALOG_CANCELLING),
			       [DIALOG_EV_OK] = TO(DIALOG_ENDED),
			       [DIALOG_EV_FAILED] = TO(DIALOG_ENDED)},
	[DIALOG_CONFIRMED] =
		{[DIALOG_EV_HANGUP] = TO(DIALOG_ENDED), [DIALOG_EV_BYE_IN] = TO(DIALOG_ENDED)},
};

static const char *const state_names[DIALOG_N_STATES] = {"new",        "incoming",  "accepted",
							 "leaving",    "calling",   "ringing",
							 "cancelling", "confirmed", "ended"};
static const char *const event_names[DIALOG_N_EVENTS] = {
	"INVITE in", "INVITE out", "answer", "refuse",  "CANCEL in", "ACK",
	"no ACK",    "1xx",        "2xx",    "refused", "hang up",   "BYE in"};

int dialog_state_next(enum dialog_state state, enum dialog_event event)
{
	if ((unsigned)state >= DIALOG_N_STATES || (unsigned)event >= DIALOG_N_EVENTS ||
	    table[state][event] == 0)
		return -ERR_WRONG_STATE;
	return table[state][event] - 1;
}

const char *dialog_state_name(enum dialog_state state)
{
	return (unsigned)state < DIALOG_N_STATES ? state_names[state] : "?";
}

const char *dialog_event_name(enum dialog_event event)
{
	return (unsigned)event < DIALOG_N_EVENTS ? event_names[event] : "?";
}
