/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_ACCESS_H
#define MRFC_CONFERENCE_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "mrfc/conference/members.h"

/*
 * Who may do what in a conference, from facts that the focus gathers: one table of actions by
 * roles, and what the conference itself says (ended, locked, closed, full). Pure policy.
 */
enum access_action {
	ACCESS_JOIN,       /* come in, or come back (FOC-007..009) */
	ACCESS_LEAVE,      /* act on oneself */
	ACCESS_INVITE,     /* bring somebody in (REF-002); whom: access_bring() */
	ACCESS_KICK,       /* remove somebody else (REF-015) */
	ACCESS_BAN,        /* and keep him out */
	ACCESS_RENAME,     /* change the subject */
	ACCESS_LOCK,       /* lock, unlock, set the limits */
	ACCESS_MUTE,       /* make a listener of a speaker, and back */
	ACCESS_PROMOTE,    /* give and take the roles of moderators and owners */
	ACCESS_END,        /* end the conference (FOC-019) */
	ACCESS_SUBSCRIBE,  /* watch the roster (CONF-003, 004) */
	ACCESS_IDENTITIES, /* see who hides behind an anonymous URI (PRV-002) */
	ACCESS_N
};

/* In what capacity somebody acts; the columns of the table. */
enum access_rank {
	ACCESS_STRANGER, /* is no member and has no session */
	ACCESS_ABSENT,   /* a listener or speaker without a session: away, or invited */
	ACCESS_LISTENER,
	ACCESS_SPEAKER,
	ACCESS_MODERATOR, /* has his role without a session too, as the owner */
	ACCESS_OWNER,
	ACCESS_OPERATOR, /* the admin API, or a user of conference.operators */
	ACCESS_RANKS
};

/* Whom an option names: conference.invite, conference.remove. Listeners are never meant. */
enum access_who { ACCESS_WHO_OWNER, ACCESS_WHO_MODERATORS, ACCESS_WHO_ANYONE };
/* event.watchers: who may watch without being a member. */
enum access_watchers { ACCESS_WATCH_MEMBERS, ACCESS_WATCH_TRUSTED, ACCESS_WATCH_ANYONE };

struct access_facts {
	bool member; /* belongs to it, present or not; role holds then */
	enum member_role role;
	bool listed;            /* was on the list that made it */
	bool locked, closed;    /* the conference is */
	bool refuses_anonymous; /* conference.anonymous = refuse */
	bool anonymous;         /* the user hides who he is */
	bool ending;            /* the conference is over */
	bool barred;            /* the user was barred from it */
	bool present;           /* the user has a session in it */
	bool owner;             /* the user owns it */
	bool self;              /* the user acts on himself */
	bool trusted;           /* a network that we trust asserts who he is */
	bool is_operator;       /* acts for who runs the server */
	bool vouched;           /* access_bring: who brings him in may pass the lock */
	bool target_member;     /* the user acts on a member of this role */
	enum member_role target;
	enum access_who invite, remove;
	enum access_watchers watchers;
	uint32_t n_users, max_users; /* max 0: no limit */
};

/* Why not; each has a status and a text for people (Warning, IMS-020). */
enum access_denial {
	ACCESS_GRANTED,
	ACCESS_ENDED,  /* 404 */
	ACCESS_BARRED, /* 403, as the next */
	ACCESS_LOCKED,
	ACCESS_CLOSED,
	ACCESS_ROLE,      /* the role does not allow it */
	ACCESS_HIGHER,    /* the other has a higher role */
	ACCESS_ANONYMOUS, /* 433 */
	ACCESS_FULL,      /* 486 */
	ACCESS_DENIALS
};

enum access_rank access_rank_of(const struct access_facts *f);
enum access_denial access_judge(enum access_action action, const struct access_facts *f);
/* May the user of these facts be brought in, by somebody who may invite? */
enum access_denial access_bring(const struct access_facts *target);
/* May who brings others in bring them past the lock? */
bool access_vouches(const struct access_facts *f);
/* May the role of a member of role `from` become `to`? The facts are of who asks. */
enum access_denial access_set_role(const struct access_facts *f, enum member_role from,
				   enum member_role to);

int access_status(enum access_denial d);       /* SIP; 0: granted */
const char *access_text(enum access_denial d); /* for people */
const char *access_action_name(enum access_action action);

/* The same as SIP status, 0: may. */
int access_join(const struct access_facts *f);
int access_remove(const struct access_facts *f); /* ACCESS_KICK, or with self ACCESS_LEAVE */
int access_end(const struct access_facts *f);
int access_subscribe(const struct access_facts *f);
/* Bring in many by a list (LIST-006); nameless: the sender is nobody in particular. */
enum access_denial access_list(const struct access_facts *f, bool nameless);

#endif
