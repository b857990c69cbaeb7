/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_ACCESS_H
#define MRFC_CONFERENCE_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "mrfc/conference/members.h"

/* Who may do what in a conference, from facts that the focus gathers. Pure policy: 0 or the SIP status. */
struct access_facts {
	bool member; /* belongs to it, present or not; role holds then */
	enum member_role role;
	bool listed;                 /* was on the list that made it */
	bool locked, closed;         /* the conference is */
	bool anonymous;              /* the user hides who he is */
	bool ending;                 /* the conference is over */
	bool barred;                 /* the user was barred from it */
	bool present;                /* the user has a session in it */
	bool owner;                  /* the user owns it */
	bool self;                   /* the user acts on himself */
	bool anyone_may;             /* conference.remove = anyone */
	uint32_t n_users, max_users; /* max 0: no limit */
};

int access_join(const struct access_facts *f);      /* 404, 403, 486 (FOC-007..009) */
int access_invite(const struct access_facts *f);    /* bring somebody in by REFER (REF-002) */
int access_remove(const struct access_facts *f);    /* REFER with method=BYE (REF-015) */
int access_end(const struct access_facts *f);       /* REFER BYE to the conference (FOC-019) */
int access_subscribe(const struct access_facts *f); /* CONF-003, 004 */

#endif
