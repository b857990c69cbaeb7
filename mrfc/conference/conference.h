/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_CONFERENCE_H
#define MRFC_CONFERENCE_CONFERENCE_H

#include <stdbool.h>
#include <sys/queue.h>

#include "mrfc/conference/event_pkg.h"
#include "mrfc/conference/roster.h"
#include "mrfc/mp/media.h"

/*
 * One conference and the table of all. State and policy only: no SIP, no clock of its own. The
 * focus drives it. Name is the user part of the URI.
 */
enum conference_state { CONFERENCE_ACTIVE, CONFERENCE_ENDING };
enum conference_end { CONFERENCE_END_LAST_LEAVES, CONFERENCE_END_CREATOR_LEAVES };
enum conference_origin { CONFERENCE_BY_FACTORY, CONFERENCE_BY_JOIN, CONFERENCE_BY_API };

struct conference {
	char *name;
	char *uri;     /* sip:NAME@domain */
	char *subject; /* NULL */
	char *creator; /* URI; NULL when made by the API */
	enum conference_state state;
	enum conference_origin origin;
	enum conference_end end_policy;
	bool e2e;
	uint64_t created_wall_ms;
	uint64_t empty_since_ms; /* 0: not empty */
	uint8_t context[MEDIA_CONTEXT_SIZE];
	uint64_t epoch;
	struct roster *roster;
	struct event_pkg *events;
	uint64_t next_termination;
	void *focus; /* focus' side: its sessions */
};

struct conference_table;
struct conference_table *conference_table_new(const char *domain);
void conference_table_free(struct conference_table **t);
const char *conference_domain(const struct conference_table *t);
/* name NULL or "": a random one. -ERR_EXISTS, -ERR_SYNTAX (name: 1..64 of [A-Za-z0-9._-]). */
MUST_CHECK int conference_create(struct conference_table *t, const char *name, const char *creator,
				 enum conference_origin origin, uint64_t wall_ms,
				 struct conference **conference_r);
struct conference *conference_find(struct conference_table *t, struct slice name);
struct conference *conference_find_context(struct conference_table *t,
					   const uint8_t context[MEDIA_CONTEXT_SIZE]);
/* Iterate; safe against removal of the returned one. */
struct conference *conference_first(struct conference_table *t);
struct conference *conference_next(struct conference *c);
void conference_remove(struct conference_table *t, struct conference **c);
size_t conference_count(const struct conference_table *t);

#endif
