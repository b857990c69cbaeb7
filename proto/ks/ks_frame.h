/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_KS_KS_FRAME_H
#define PROTO_KS_KS_FRAME_H

#include "common/bytes.h"

/*
 * Frames between an MRFC and a key server of its own: length(4, of what follows) verb(1) number(8),
 * then room, uri, key_id and bytes, each length(4) and octets; big-endian, all fields in every
 * frame. The MRFC talks first (HELLO); what it opened goes with its connection. Pure.
 */
#define KS_FRAME_MAX (16u << 20)
#define KS_VERSION   1

/*
 * Where a member's UE is the key server they are bodies of this type in his MSRP session: each has one
 * frame or several, none is cut. Who lists it in a=accept-types takes them. Either side may ask by
 * PING: the UE does after an EPOCH, and seals with that key once the PONG says that it is let through.
 */
#define KS_BODY_TYPE "application/vnd.mrf.keyserver"
#define KS_BODY_MAX  65536u

enum ks_verb {
	KS_HELLO = 1, /* number: version */
	KS_PING,      /* answered by PONG, when what came before it has been done */
	KS_PONG,
	/* MRFC to key server */
	KS_OPEN = 16, /* room; number: enum gke_suite */
	KS_CLOSE,     /* room */
	KS_CHANGE,    /* room; bytes: list of who joined and left */
	KS_REQUEST,   /* room, uri, key_id, bytes; number: 1 in a new offer: say what came of it */
	KS_SENT,      /* room; number: of messages */
	/* key server to MRFC */
	KS_EPOCH = 32, /* room; bytes: GKID */
	KS_MESSAGE,    /* room, uri, key_id, bytes; number: 1 fresh, 0 an answer */
	KS_CONFIRMED,  /* room, uri, key_id; bytes: GKID */
	KS_REFUSED,    /* room, uri, key_id; number: enum err; bytes: why */
	KS_ERROR,      /* room, uri, key_id, bytes: for him; REFUSED or JUDGED follows */
	KS_JUDGED      /* as REFUSED, of a KS_REQUEST in a new offer; number: 0: it is fine */
};

struct ks_frame {
	uint8_t verb;
	uint64_t number;
	struct slice room, uri, key_id, bytes;
};

/* Appends. */
void ks_frame_build(const struct ks_frame *f, struct bytes *out);
/*
 * The first frame of in; views. 1: it, and *used_r octets of in are its; 0: more octets are needed;
 * -ERR_SYNTAX: the fields do not fill it; -ERR_LIMIT: above KS_FRAME_MAX.
 */
MUST_CHECK int ks_frame_next(struct slice in, struct ks_frame *f_r, size_t *used_r);

/* An item of KS_CHANGE: joined(1), then uri, key_id, request as above. */
struct ks_item_view {
	bool joined;
	struct slice uri, key_id, request;
};
void ks_list_add(struct bytes *list, const struct ks_item_view *item);
/* 1: *item_r, and *rest is behind it; 0: no more; -ERR_SYNTAX. */
MUST_CHECK int ks_list_next(struct slice *rest, struct ks_item_view *item_r);

#endif
