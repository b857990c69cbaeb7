/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_GKE_BODY_H
#define PROTO_GKE_BODY_H

#include "common/bytes.h"

/*
 * The entity that stands sealed in a group message: an inner message/cpim with what the sender says
 * about itself (RFC 8591 9.1), so that a sealed body cannot be cut out and pasted to another
 * sender, conference or time. Pure.
 */
#define GKE_CPIM_NS "urn:x-gke:cpim:1"

struct gke_inner {
	struct slice from, to;     /* URIs */
	struct slice date_time;    /* RFC 3339 with fraction */
	struct slice message_id;   /* imdn.Message-ID */
	uint32_t token;            /* of the device, random per session */
	uint64_t seq;              /* rising */
	struct slice content_type; /* of the real body */
	struct slice disposition;  /* Content-Disposition; empty: none (names of files are here) */
	struct slice payload;      /* the rest */
};
void gke_inner_build(const struct gke_inner *inner, struct bytes *out);
/* *inner_r: views. -ERR_SYNTAX: not such an entity; -ERR_UNSUPPORTED: a signed one: *signed_r is its DER. */
MUST_CHECK int gke_inner_parse(struct slice entity, struct gke_inner *inner_r,
			       struct slice *signed_r);
/*
 * Type and body of a MIME entity, as one stands inside SignedData, too. -ERR_SYNTAX: no headers, or one that
 * matters twice, or an encoding that changes octets.
 */
MUST_CHECK int gke_entity_read(struct slice entity, struct slice *type_r, struct slice *body_r);
/* Put SignedData's DER into an entity. */
void gke_signed_build(struct slice der, struct bytes *out);

/* Replays: a window of 64 for one sender's token in one epoch. Zeroed: nothing seen. */
struct gke_window {
	uint64_t top, bits;
	bool any;
};
/* True: fresh, and noted. False: seen before, or too old to tell. */
bool gke_window_take(struct gke_window *w, uint64_t seq);

#endif
