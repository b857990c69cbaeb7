/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_ROSTER_PRIV_H
#define MRFC_CONFERENCE_ROSTER_PRIV_H

#include "mrfc/conference/nickname.h"
#include "mrfc/conference/roster.h"

/* Shared by roster.c (state), roster_nick.c (nicknames) and roster_doc.c (documents) only. */
struct roster_key;

struct roster {
	char *uri;
	uint64_t serial;
	uint64_t described; /* serial of the last change to the conference itself */
	uint64_t horizon;   /* highest serial of a forgotten user: who has seen less starts anew */
	uint32_t n_present; /* participants with a present endpoint */
	TAILQ_HEAD(, participant) users;               /* in order of arrival */
	TAILQ_HEAD(changed_head, participant) changed; /* oldest change first */
	TAILQ_HEAD(ranked_head, participant) ranked;   /* owners and moderators */
	uint64_t demoted; /* serial when somebody last lost his rank: limited lists may have him */
	TAILQ_HEAD(, roster_endpoint) ended;   /* shown as disconnected, oldest first */
	TAILQ_HEAD(, roster_endpoint) retired; /* shown as deleted, oldest first */
	struct roster_key *keys;
	struct nickname_table nicknames;
};

/* A visible change of the user: the next serial. */
void roster_user_changed(struct participant *p);
/* The same, of a user that watchers may know of; others are told when the first endpoint comes. */
void roster_detail_changed(struct participant *p);
/* Take the user's nickname away, nobody is told. */
void roster_drop_nickname(struct participant *p);
/* Some endpoint asked for the user's nickname and is still there. */
bool roster_nickname_held(const struct participant *p);

#endif
