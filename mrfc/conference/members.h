/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_MEMBERS_H
#define MRFC_CONFERENCE_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/err.h"
#include "common/slice.h"

/*
 * Who belongs to one conference, apart from who has a session in it (IMS-005): the roster shows
 * endpoints, a member is a user with a role, whether his device is there or not. Pure state.
 */
enum member_role {
	MEMBER_LISTENER, /* hears and sees, may not send to the conference */
	MEMBER_SPEAKER,  /* the usual one */
	MEMBER_MODERATOR,
	MEMBER_OWNER /* made the conference, or was made owner */
};
enum member_state {
	MEMBER_INVITED, /* on the list, has had no session yet */
	MEMBER_IN,      /* has a session */
	MEMBER_AWAY     /* had one; is owed what he misses */
};

struct members;
struct member {
	TAILQ_ENTRY(member) link; /* private: in order of arrival */
	struct members *set;
	char *uri;      /* real identity, canonical */
	char *shown;    /* anonymous URI that all others see instead (PRV-002); NULL: uri */
	char *display;  /* NULL */
	char **aliases; /* further URIs of the same user */
	size_t n_aliases;
	enum member_role role;
	enum member_state state;
	bool listed;      /* of the list that made a closed conference */
	char *invited_by; /* URI; NULL */
	uint64_t since_wall_ms;
	uint64_t called_ms; /* monotonic: when the focus last called him; 0: never */
	/* What waits for him while he is away (IMS-007); kept by the queue. */
	uint64_t owed_first, owed_next; /* numbers of the oldest and of the next to come */
	uint32_t n_owed;
	uint64_t owed_octets;
	uint32_t n_live; /* legs of his that get messages live */
	bool misses;     /* what comes now */
	/* The same for the former context, while the conference goes to another MRFP. */
	uint32_t n_live_before;
	bool misses_before;
};

struct members *members_new(void);
void members_free(struct members **set);
/* By URI, alias or shown URI (equal sip_uri_key); NULL. */
struct member *members_find(const struct members *set, struct slice uri);
/* Find or make (a speaker, invited). */
struct member *members_add(struct members *set, struct slice uri, const char *display);
/* Replace the further URIs; a name that another member has stays his. */
void member_set_aliases(struct member *m, const char *const *uris, size_t n);
/* Show this URI instead of the real one; NULL: the real one. */
void member_set_shown(struct member *m, const char *uri);
/* The URI others see. */
const char *member_shown(const struct member *m);
/* Out for good; frees m. */
void member_remove(struct member *m);
struct member *members_first(const struct members *set);
struct member *members_next(const struct member *m);
size_t members_count(const struct members *set);
size_t members_count_in(const struct members *set, enum member_state state); /* walks */
/* "listener", "speaker", "moderator", "owner". */
const char *member_role_name(enum member_role role);
/* -ERR_NOT_FOUND. */
MUST_CHECK int member_role_parse(struct slice name, enum member_role *role_r);

#endif
