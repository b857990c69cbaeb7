/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_URIS_H
#define MRFP_URIS_H

#include "common/slice.h"
#include "proto/ctl_msgs.h"

/* The URIs by which a participant or a room is known. */
struct uris {
	char **uri; /* as given; the first is the one shown */
	char **key; /* sip_uri_key(), NULL where it has none */
	size_t n;
	char *last; /* text that matched last: the usual case is one memcmp */
	size_t last_len;
};

/* Replace all by the list (at most CTL_LIST_MAX). */
void uris_set(struct uris *u, const struct ctl_list *list);
void uris_fini(struct uris *u);
/* Is uri the same as one of them (RFC 3261 19.1.4, parameters tolerated: SW-024)? */
bool uris_has(struct uris *u, struct slice uri);
/*
 * The same for asking many sets: key is uris_key(uri), a heap string, NULL when uri has none.
 */
char *uris_key(struct slice uri);
bool uris_has_key(const struct uris *u, struct slice uri, const char *key);

#endif
