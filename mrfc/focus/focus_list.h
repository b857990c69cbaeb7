/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_LIST_H
#define MRFC_FOCUS_FOCUS_LIST_H

#include "mrfc/conference/access.h"
#include "mrfc/conference/urilist.h"
#include "mrfc/focus/focus_priv.h"

/* focus_list.c */
#define LIST_TYPE "application/resource-lists+xml"
bool list_is_part(const struct sip_part *p); /* disposition recipient-list */
/*
 * The list that an INVITE brings, judged: *order_r is NULL when there is none to act on. False: the
 * request is answered. list_run() acts on it when the sender is in; nothing else does.
 */
bool list_of_invite(struct focus *f, struct sip_in **in, const struct identity *who,
		    struct list_order **order_r);
void list_run(struct session *s);
void list_order_free(struct list_order **o);
void list_call_fini(struct list_call *c);
/* True: a REFER for many, answered and carried out. */
bool list_on_refer(struct focus *f, struct sip_in **in, const struct identity *who);
/* A call is refused: if it went to a list whose members are told, they are called (LIST-011). */
void list_on_refused(struct session *s, const struct sip_out_result *result);

/* focus_list_refuse.c: answer with the status and what a list's sender may know (d: the policy's reason; l NULL: none was read). */
void list_refuse(struct focus *f, struct sip_in **in, const struct identity *who, int status,
		 enum access_denial d, const struct urilist *l);

/* focus_list_body.c */
/* Header lines of a call, and its body with the description in it: Content-Type on the heap, NULL: the description alone. */
void list_headers(const struct session *s, struct bytes *headers);
char *list_body(const struct session *s, struct bytes *body);

#endif
