/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_ROSTER_H
#define UE_UE_ROSTER_H

#include "proto/confinfo.h"
#include "proto/gke.h"

/* A subscriber's picture of a conference, RFC 4575 4.6: full documents replace, partial ones change. */
struct ue_roster_user {
	char *uri;
	char *display;  /* NULL */
	char *nickname; /* NULL */
	enum confinfo_status status;
	enum confinfo_joining joining;
	bool here; /* connected or on hold */
	bool seen; /* private: mark of a full document */
};
struct ue_roster {
	struct ue_roster_user *users;
	size_t n_users;
	uint32_t version;
	bool have_version;
	char epoch[GKID_HEX_SIZE]; /* of the group key, as the focus tells it; "": none */
};
enum ue_roster_change { UE_ROSTER_ARRIVED, UE_ROSTER_DEPARTED, UE_ROSTER_RENAMED };
typedef void ue_roster_change_fn(const struct ue_roster_user *user, enum ue_roster_change change,
				 void *arg);

void ue_roster_init(struct ue_roster *r);
void ue_roster_fini(struct ue_roster *r);
/*
 * Apply a document; fn hears who arrived or departed by it, or changed the nickname while here. -ERR_STALE: an old version, nothing
 * changed; -ERR_WRONG_STATE: a partial document that does not follow (subscribe afresh).
 */
MUST_CHECK int ue_roster_apply(struct ue_roster *r, const struct confinfo_doc *doc,
			       ue_roster_change_fn *fn, void *arg);
/* The user of a URI (sip_uri_same); NULL when there is none. */
const struct ue_roster_user *ue_roster_find(const struct ue_roster *r, struct slice uri);
/* How many users are here. */
uint32_t ue_roster_count(const struct ue_roster *r);

#endif
