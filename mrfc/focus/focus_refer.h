/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_REFER_H
#define MRFC_FOCUS_FOCUS_REFER_H

#include "mrfc/focus/focus_priv.h"

/* focus_refer.c */
void focus_on_refer(struct sip_in *in_take, struct sip_leg *leg, void *arg);
void refer_done(struct refer *r, int status, const char *phrase);
void refer_forget(struct refer **r);          /* shutdown: its record stays */
const char *refer_key(const struct refer *r); /* of its record; NULL: it has none */
/* Of an earlier process, when the room's sessions are there. -ERR_SYNTAX: the record makes no dialog. */
MUST_CHECK int refer_restore(struct room *room, const char *key,
			     const struct subscription_record *record);

#endif
