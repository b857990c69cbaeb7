/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_CONFERENCE_H
#define MRFC_CONFERENCE_CONFERENCE_H

#include <stdbool.h>
#include <sys/queue.h>

#include "mrfc/conference/bars.h"
#include "mrfc/conference/event_pkg.h"
#include "mrfc/conference/members.h"
#include "mrfc/conference/roster.h"
#include "mrfc/mp/media.h"

/*
 * One conference and the table of all. State and policy only: no SIP, no clock of its own. The
 * focus drives it. Name is the user part of the URI.
 */
enum conference_state { CONFERENCE_ACTIVE, CONFERENCE_ENDING };
enum conference_end {
	CONFERENCE_END_LAST_LEAVES,
	CONFERENCE_END_CREATOR_LEAVES,
	CONFERENCE_END_MIN_PARTICIPANTS, /* fewer than two are left */
	CONFERENCE_END_MAX_IDLE          /* nobody had a session for max_idle_ms */
};
enum conference_mode {
	CONFERENCE_OPEN,
	CONFERENCE_CLOSED /* only who was on the list that made it (IMS-020) */
};
/* Sessions without MSRP over TLS: all may be, those of trusted peers, none. The stronger, the greater. */
enum conference_tls { CONFERENCE_TLS_OFF, CONFERENCE_TLS_ACCESS_OR_HOP, CONFERENCE_TLS_HOP };
enum conference_origin { CONFERENCE_BY_FACTORY, CONFERENCE_BY_JOIN, CONFERENCE_BY_API };

struct conference {
	char *name;
	char *uri;     /* sip:NAME@domain */
	char *subject; /* NULL */
	char *creator; /* URI; NULL when made by the API */
	enum conference_state state;
	enum conference_origin origin;
	enum conference_end end_policy;
	enum conference_mode mode;
	bool e2e;
	enum conference_tls require_tls; /* at least; off: no more than the server's policy */
	bool locked;                     /* nobody new comes in */
	bool kept;                       /* lives on without sessions, for its members (IMS-005) */
	uint32_t max_users;              /* 0: the configured limit */
	uint64_t max_idle_ms;            /* without a session; 0: the configured time */
	uint64_t until_wall_ms;          /* end of its lifetime; 0: none */
	uint32_t most_in;                /* participants that were in at once, at most */
	/* Headers of the request that made it, repeated in each call of ours (IMS-004); NULL. */
	char *contribution_id; /* a second key: no two conferences share one */
	char *conversation_id, *in_reply_to, *referred_by;
	struct members *members;
	struct bars *bars; /* who is kept out */
	uint64_t created_wall_ms;
	uint64_t empty_since_ms; /* 0: not empty */
	uint8_t context[MEDIA_CONTEXT_SIZE];
	uint64_t epoch;
	char *mrfp; /* that has the context; NULL: not placed yet */
	struct roster *roster;
	struct event_pkg *events;
	uint64_t next_termination;
	void *focus; /* focus' side: its sessions */
};

struct conference_table;
struct conference_table *conference_table_new(const char *domain);
void conference_table_free(struct conference_table **t);
/* name NULL or "": a random one. -ERR_EXISTS, -ERR_SYNTAX (name: 1..64 of [A-Za-z0-9._-]). */
MUST_CHECK int conference_create(struct conference_table *t, const char *name, const char *creator,
				 enum conference_origin origin, uint64_t wall_ms,
				 struct conference **conference_r);
/*
 * Make one again as it was recorded: everything but roster, members and events, with a higher ctl
 * epoch and terminations above all that may be in use. -ERR_EXISTS, -ERR_SYNTAX.
 */
MUST_CHECK int conference_restore(struct conference_table *t, const struct conference *from,
				  struct conference **conference_r);
struct conference *conference_find(struct conference_table *t, struct slice name);
struct conference *conference_find_context(struct conference_table *t,
					   const uint8_t context[MEDIA_CONTEXT_SIZE]);
/* A new context for it, to be placed anew; the former one, with the epoch before this, is the caller's to end. */
void conference_move_context(struct conference_table *t, struct conference *c,
			     uint8_t former_r[MEDIA_CONTEXT_SIZE]);
/* By Contribution-ID; NULL. */
struct conference *conference_find_contribution(struct conference_table *t, const char *id);
/* Give it its second key; id NULL takes it away. -ERR_EXISTS: another conference has it. */
MUST_CHECK int conference_set_contribution(struct conference_table *t, struct conference *c,
					   const char *id);
/* Iterate; safe against removal of the returned one. */
struct conference *conference_first(struct conference_table *t);
struct conference *conference_next(struct conference *c);
void conference_remove(struct conference_table *t, struct conference **c);
size_t conference_count(const struct conference_table *t);
/* How many there are that this user made; those of the operator that he owns do not count. */
size_t conference_count_of(const struct conference_table *t, const char *creator);

#endif
