/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_DIALOUT_H
#define MRFC_FOCUS_FOCUS_DIALOUT_H

#include "mrfc/focus/focus_priv.h"

/* focus_dialout.c */
MUST_CHECK int dialout_start(struct room *room, struct slice uri, const char *display,
			     const char *by, const char *referred_by, struct refer *refer,
			     struct session **session_r);
/* The callee's answer is a 3xx: call there instead, where policy has it. False: it is a refusal. */
bool dialout_follow(struct session *s, int status);
void dialout_go(struct session *s); /* its turn has come */
void dialout_describe(struct session *s);
void dialout_on_ringing(struct session *s);
void dialout_on_accepted(struct session *s, const struct sip_out_result *result);

#endif
