/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_REPLACE_H
#define MRFC_FOCUS_FOCUS_REPLACE_H

#include "mrfc/focus/focus_priv.h"

/* focus_replace.c: Replaces and Join */
struct join_means {
	struct room *room;        /* the conference that is meant; NULL: the Request-URI tells */
	struct session *replaced; /* whose place is to be taken; NULL */
};
/* What the headers of an INVITE mean. Answers the request and returns false when that may not be. */
bool replace_read(struct focus *f, struct sip_in **in, const struct identity *who,
		  struct join_means *means_r);
void replace_begin(struct session *s, struct session *giver);
/* A conference here is succeeded by one that its own members make, not by a stranger's. */
bool replace_may_succeed(struct focus *f, const struct sip_in *in, const struct identity *who);
/* The conference succeeds another one here (Session-Replaces): s takes its user's place there. */
void replace_former(struct session *s);
/* The new session is up, or its connection is bound: maybe the old one can go. */
void replace_go_on(struct session *s);
/* One of the two goes away. */
void replace_forget(struct session *s);

#endif
