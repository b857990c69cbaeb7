/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_KS_KS_SERVE_H
#define PROTO_KS_KS_SERVE_H

#include "proto/ks/keyserver.h"
#include "proto/ks/ks_frame.h"

/*
 * A key server that is spoken to in frames, by one client or many: each has the conferences that it
 * opened, and they end with it, or when it says hello again. A conference that another one opens is that one's from then on. Pure:
 * what is to be sent is fetched; the caller has the connections, the clock and the log.
 */
struct ks_serve;

/* One client. Zeroed: it has not said hello. */
struct ks_client {
	bool hello;
};

/* What became of a frame. */
struct ks_taken {
	uint8_t answer;         /* KS_HELLO, KS_PONG: to be sent before all else; 0: nothing */
	int dropped;            /* a member's message changed nothing: why, as keyserver_reason() */
	struct ks_client *lost; /* whose the conference was till now; NULL: nobody's else */
};

/* One frame to send; views that live until the next call. */
struct ks_out {
	struct ks_client *to; /* NULL: whose the conference was went meanwhile */
	struct ks_frame frame;
	enum keyserver_kind kind;
	const char *room, *uri, *why; /* for the log; why: of KEYSERVER_REFUSED */
};

/* keys and settings: as keyserver_new(). */
struct ks_serve *ks_serve_new(const struct keyserver_settings *settings,
			      const struct keyserver_keys *keys, const struct keyserver_now *now);
void ks_serve_free(struct ks_serve **s); /* keys are wiped */

/*
 * A frame of this client. 0; -ERR_SYNTAX, -ERR_LIMIT: it cannot be understood, and nothing is to be
 * expected of this client any more. A frame about a conference that is not its own is ignored.
 */
MUST_CHECK int ks_serve_take(struct ks_serve *s, struct ks_client *c, const struct ks_frame *f,
			     const struct keyserver_now *now, struct ks_taken *taken_r);
/* The client is no more: its conferences end, their keys are wiped. */
void ks_serve_gone(struct ks_serve *s, struct ks_client *c);
/* The next frame to send, in order. False: none is left. */
bool ks_serve_next(struct ks_serve *s, const struct keyserver_now *now, struct ks_out *out_r);
/* As keyserver_age(). */
void ks_serve_age(struct ks_serve *s, const struct keyserver_now *now);
/* As keyserver_key(). */
bool ks_serve_key(const struct ks_serve *s, const char *room, struct gkid *id_r,
		  struct slice *tek_r);
size_t ks_serve_rooms(const struct ks_serve *s);

#endif
