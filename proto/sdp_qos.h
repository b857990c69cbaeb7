/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_SDP_QOS_H
#define PROTO_SDP_QOS_H

#include <stdbool.h>

#include "common/bytes.h"

/*
 * Preconditions of a media line: the segmented quality-of-service status of RFC 3312 (a=curr, a=des,
 * a=conf with "qos local|remote"). Whole-path status ("e2e") and other types are not looked at.
 * Directions are bits, seen from who wrote the description.
 */
enum { SDP_QOS_SEND = 1, SDP_QOS_RECV = 2, SDP_QOS_BOTH = 3 };

struct sdp_qos_side {
	unsigned curr;      /* reserved */
	unsigned mandatory; /* without them there is no session */
	unsigned optional;
	unsigned conf; /* told when reached */
};

struct sdp_qos {
	bool present;
	struct sdp_qos_side local, remote;
};

bool sdp_qos_is_attribute(struct slice name);
/* Take one attribute in; what is malformed is as if it was not there. */
void sdp_qos_take(struct sdp_qos *q, struct slice name, struct slice value);
/* Write the lines; nothing when there are none. */
void sdp_qos_build(struct bytes *out, const struct sdp_qos *q);
/* Must something on the side of who wrote q still be reserved? */
bool sdp_qos_waits(const struct sdp_qos *q);
/* Does who wrote q want to be told of the reservation on our side, or cannot go on without it? */
bool sdp_qos_asks(const struct sdp_qos *q);
/*
 * What we say to what the peer said, having all we need: the sides change places; confirm: the peer
 * is asked to tell when its side is there.
 */
struct sdp_qos sdp_qos_reply(const struct sdp_qos *theirs, bool confirm);

#endif
