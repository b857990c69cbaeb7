/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_POLICY_H
#define MRFP_POLICY_H

#include "mrfp/session.h"

/* Who may send what to whom. Pure decisions; every status is an MSRP status. */

enum route { ROUTE_ROOM, ROUTE_PRIVATE };

/*
 * Judge a message's CPIM head in the order of SW-056, from CPIM syntax on: 400, From (403),
 * direction (403), number of To (403), resolvable (404), allowed (403), able (428), type and seal (415).
 * admit: bit per accept list that may have the type. 200 with the route; *targets_r is a heap array
 * of a private message's legs or NULL (the caller frees it in any case).
 */
int policy_route(struct session *from, const struct cpim_head *cpim, uint64_t admit,
		 enum route *route_r, struct session ***targets_r, size_t *n_targets_r);
/* The first part of it, for what no member gets: CPIM syntax and From. */
int policy_from(struct session *from, const struct cpim_head *cpim);
/*
 * Is it from a name that the peer's description may still bring? A peer that was called may bind and
 * speak before its answer is here (MSRP-054), and only the answer tells who it is.
 */
bool policy_waits_for_peer(struct session *from, const struct cpim_head *cpim);
/* Messages of this kind are no content: direction and private-messages do not matter to them. */
bool policy_is_control(unsigned kind);
/* Must a message of this kind be sealed? Key messages are for the focus, and open. */
bool policy_is_gated(const struct session *s, unsigned kind);
/* May the peer send content of this kind by its direction (MSRP-113)? */
bool policy_may_send(const struct session *s, unsigned kind);

/*
 * Top-level types that the switch takes: message/cpim, isComposing bare (IMS-012), and, for the MRFC
 * alone, application/mikey bare and frames of the key server that a member is.
 */
enum top_type { TOP_CPIM, TOP_COMPOSING, TOP_KEY, TOP_KEYSERVER, TOP_OTHER };
enum top_type policy_top_type(struct slice content_type);
/* Frames of a key server: bare, or not at all. */
bool policy_is_keyserver(struct slice content_type);
/* False: an unknown Content-Disposition that insists on being understood (415). */
bool policy_disposition_ok(struct slice disposition);

#endif
