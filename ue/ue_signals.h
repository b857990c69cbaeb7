/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_SIGNALS_H
#define UE_UE_SIGNALS_H

#include "ue/ue_msrp.h"
#include "ue/ue_receipts.h"

/*
 * What goes with a UE's messages: disposition notifications (RFC 5438), asked for, answered and
 * counted, and typing indications (RFC 3994), sent and watched.
 */
struct ue_signals;

enum ue_answers { UE_ANSWER_NONE, UE_ANSWER_DELIVERY, UE_ANSWER_DISPLAY }; /* the last: both */

struct ue_signals_ops {
	/* Send to everyone (to NULL) or one; the IMDN fields and the types of f are set. */
	void (*send)(const char *to, struct cpim_fields *f, struct slice document, void *arg);
	void (*receipt)(const struct ue_receipt *receipt, void *arg);
	void (*typing)(struct slice who, bool active, void *arg);
};

struct ue_signals *ue_signals_new(struct event_base *base, bool ask, enum ue_answers answers,
				  const struct ue_signals_ops *ops, void *arg);
void ue_signals_free(struct ue_signals **s);

/* Room for the Message-ID of one message. */
#define UE_SIGNALS_ID 20
struct ue_signals_id {
	char text[UE_SIGNALS_ID + 1];
};
/* A message is about to be sent: asks for notifications where configured; f refers to id. */
void ue_signals_saying(struct ue_signals *s, struct cpim_fields *f, struct ue_signals_id *id);
/* It is queued, or was not (-ERR_). */
void ue_signals_said(struct ue_signals *s, const struct ue_signals_id *id, unsigned ticket,
		     int err);
/*
 * A message came: true when it was a notification or an indication, and is dealt with. from_room: the
 * conference sent it, and so may speak for many.
 */
bool ue_signals_take(struct ue_signals *s, const struct ue_message *m, bool from_room);
/* Another one is shown to the user: send what its sender asked for. */
void ue_signals_shown(struct ue_signals *s, const struct ue_message *m);
/* The user begins or goes on typing, or gives up. */
void ue_signals_typing(struct ue_signals *s, bool active);

#endif
