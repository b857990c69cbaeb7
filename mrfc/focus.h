/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_H
#define MRFC_FOCUS_H

#include "mrfc/conference.h"

/*
 * The focus: every way in and out of a conference, from SIP and from the operator. What the admin
 * API and the media events may call; SIP comes in through sip_in.
 */
struct focus;

struct conference_table *focus_conferences(struct focus *f);
/* Operator makes a conference; lives until ended or empty for an hour. Errors of conference_create. */
MUST_CHECK int focus_create(struct focus *f, const char *name, const char *subject,
			    struct conference **conference_r);
/* Everyone gets BYE (Reason 410), subscriptions end, URI is freed. */
void focus_end(struct focus *f, struct conference *c, int reason_cause);
/*
 * Dial out to uri. 0: started, *participant_r shows dialing-out. -ERR_EXISTS connected already,
 * -ERR_SYNTAX bad URI, -ERR_CLOSED no MRFP, -ERR_LIMIT full, -ERR_WRONG_STATE ending. by: who asked (URI) or NULL.
 */
MUST_CHECK int focus_dial_out(struct focus *f, struct conference *c, struct slice uri,
			      const char *display, const char *by,
			      struct participant **participant_r);
/* Remove a participant: BYE with Reason 603 on all its dialogs, CANCEL pending dial-outs. -ERR_NOT_FOUND. */
MUST_CHECK int focus_remove(struct focus *f, struct conference *c, struct slice uri,
			    const char *by);

#endif
