/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_CHARGING_H
#define MRFC_FOCUS_FOCUS_CHARGING_H

#include "mrfc/focus/focus_priv.h"

/* focus_charging.c */
/* 0, or the status to refuse with. The vector goes into every answer. */
int charging_admit(struct focus *f, struct sip_in *in, bool in_dialog);
void charging_take(struct session *s, const struct sip_in *in);
/* A call of ours: the vector of the request that asked for it; NULL. */
void charging_relate(struct session *s, const char *vector);
/* trusted: headers for a trusted next hop alone. */
void charging_call(struct session *s, struct bytes *trusted);
void charging_fini(struct focus_charging *c);

#endif
