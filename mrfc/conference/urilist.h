/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_URILIST_H
#define MRFC_CONFERENCE_URILIST_H

#include <stdbool.h>

#include "common/chunk.h"
#include "proto/reslist.h"

/*
 * A list of users in a request (RFC 5363): who of them is called or removed, who may not be, and what
 * each of those called is told about the others. Pure policy: no SIP message, no conference.
 */
struct urilist;

/* Who has agreed to be called by lists of others (RFC 5363 5.2, RFC 5360). */
struct urilist_consent;
/*
 * One URI or one "@domain" (all of its users) a line; '#' and what follows is a remark. -ERR_SYNTAX
 * and the number of the line when one is neither.
 */
MUST_CHECK int urilist_consent_parse(struct slice text, struct urilist_consent **consent_r,
				     unsigned *line_r);
void urilist_consent_free(struct urilist_consent **consent);
bool urilist_consent_has(const struct urilist_consent *consent, const char *uri);

enum urilist_use {
	URILIST_INVITE, /* of an INVITE: a method in an entry plays no part (LIST-013) */
	URILIST_REFER   /* of a REFER: an entry may say method=BYE (RFC 5368 9) */
};
struct urilist_rules {
	size_t max_entries, max_octets;              /* of all documents together */
	const struct urilist_consent *consent;       /* NULL: everybody has agreed */
	bool (*is_ours)(const char *uri, void *arg); /* would come back to this server */
	bool (*is_self)(const char *uri, void *arg); /* is the user whose request it is */
	void *arg;
};
struct urilist_target {
	char *uri;     /* without headers and method */
	char *display; /* NULL */
	bool bye;
};

struct urilist *urilist_new(void);
void urilist_free(struct urilist **l);
/* A document more; all of them are one list. 0, or the SIP status to refuse with: 400, 403 (LIST-012). */
MUST_CHECK int urilist_add(struct urilist *l, struct slice text, const struct urilist_rules *rules);
/*
 * Sort the entries. 0, or the status: 400 nothing usable in it, 403 some are lists or conferences of
 * ours (urilist_ours), 470 nobody has agreed (urilist_missing), 501 another method. The sender's own
 * entry is no target of an INVITE.
 */
MUST_CHECK int urilist_judge(struct urilist *l, enum urilist_use use,
			     const struct urilist_rules *rules);
const struct urilist_target *urilist_targets(const struct urilist *l, size_t *n_r);
/* Entries that only we could expand, and those who have not agreed: URIs. */
const char *const *urilist_ours(const struct urilist *l, size_t *n_r);
const char *const *urilist_missing(const struct urilist *l, size_t *n_r);
/*
 * The recipient-list-history for all who are called (RFC 5364 4): entries "to" and "cc", those that
 * ask for it anonymised and counted. NULL when it shows nobody. A new reference.
 */
struct chunk *urilist_history(const struct urilist *l);
/*
 * One more for such a document (reslist_build): as he is, or (hidden > 0) so many who are not to be
 * told, counted together.
 */
void urilist_show(struct reslist *list, const char *uri, const char *display,
		  enum reslist_copy copy, uint32_t hidden);

#endif
