/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_NAMES_H
#define UE_UE_NAMES_H

#include "common/slice.h"

/* The URIs that a UE knows its conference by: what it called or was called from, Contact, roster entity. */
struct ue_names {
	char *called;     /* NULL: we were invited */
	char *conference; /* what the others are told to call it; NULL: not known yet */
	char *contact;    /* of the focus, without parameters */
	char *entity;     /* of the roster */
};

void ue_names_fini(struct ue_names *n);
/* We call this URI. */
void ue_names_called(struct ue_names *n, const char *uri);
/*
 * The focus is at this URI (Contact of its answer, From of its INVITE). It becomes the conference's
 * name, unless the URI that we called has the same user part: the Contact may have an address for host.
 */
void ue_names_focus(struct ue_names *n, const char *uri);
/* A conference-info document has this entity. */
void ue_names_entity(struct ue_names *n, const char *uri);
/*
 * Was a message with this CPIM To for one user only? Not when To is one of the names, has the user part
 * of one (the conference by another host), is missing or is the anonymous URI of RFC 3323; but always
 * when it is our own URI `as`.
 */
bool ue_names_private(const struct ue_names *n, struct slice to, const char *as);

#endif
