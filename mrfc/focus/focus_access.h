/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_ACCESS_H
#define MRFC_FOCUS_FOCUS_ACCESS_H

#include "mrfc/conference/access.h"
#include "mrfc/focus/focus_priv.h"

/* focus_access.c: what policy has to know, roles, bans */
/* What policy has to know of one user of a conference. */
void focus_facts(struct room *room, const char *user, struct access_facts *facts_r);
/* The same of who sent a request, by any of his names. */
void focus_facts_who(struct room *room, const struct identity *who, struct access_facts *facts_r);
/* Of whom he acts on: fills target. */
void focus_facts_target(struct room *room, struct slice uri, struct access_facts *facts);
/* The facts of a user who is to be brought in by `by` (URI; NULL: the operator). */
void focus_facts_bring(struct room *room, const char *user, const char *by,
		       struct access_facts *facts_r);
/* May this user remove the user or device that a URI means; bring in the user of a URI? */
enum access_denial focus_judge_remove(struct room *room, const struct identity *who,
				      struct slice uri);
enum access_denial focus_judge_bring(struct room *room, const struct identity *who,
				     const char *uri);
/* The role a user has or would have. */
enum member_role room_role_of(const struct room *room, const char *user);
/* As the roster shows it: NULL for the usual one. */
const char *room_role_shown(enum member_role role);
uint32_t room_max_users(const struct room *room); /* 0: no limit */
/* The text for a denial, as configured. */
const char *focus_denial_text(const struct focus *f, enum access_denial d);
/* Answer a request with what the policy says. */
void focus_deny(struct focus *f, struct sip_in **in, enum access_denial d);

#endif
