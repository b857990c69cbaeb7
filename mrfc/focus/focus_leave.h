/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_LEAVE_H
#define MRFC_FOCUS_FOCUS_LEAVE_H

#include "mrfc/conference/unwind.h"
#include "mrfc/focus/focus_priv.h"

/* focus_leave.c */
/* The one way out: status 0 takes the table's; by may be NULL; why (NULL: the table's text) is for log and Warning. */
void focus_unwind(struct session *s, enum unwind_cause cause, int status, const char *by,
		  const char *why);
/* Remove what a URI means: a user with all his devices, or one of them. -ERR_NOT_FOUND. */
MUST_CHECK int room_remove(struct room *room, struct slice uri, const char *by);
/* Subscriptions of that user end, under whichever of his names he made them (FOC-019b). */
void room_end_watching(struct room *room, struct slice uri);
void room_check(struct room *room); /* end it if nobody is left */
void room_end(struct room *room, enum unwind_cause cause);
void room_free(struct room *room);
bool room_name_free(struct focus *f, struct slice name); /* may free an ended conference */
void leave_on_ended(struct session *s, enum dialog_end how, int status, const char *phrase);

#endif
