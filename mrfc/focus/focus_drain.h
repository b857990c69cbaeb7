/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_DRAIN_H
#define MRFC_FOCUS_FOCUS_DRAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "mrfc/conference/members.h"
#include "mrfc/mp/media.h"

/* Rooms that leave an MRFP which drains: part of focus_priv.h. */
struct focus;
struct room;
struct session;

/* A room between two MRFPs: focus_drain.c. */
struct room_drain {
	LIST_ENTRY(room) link; /* of the focus, while on */
	bool telling;          /* about to begin: the MRFP is told that not all are there */
	bool on;
	bool hold;    /* what the new context brings waits until the former one is silent */
	bool closing; /* those who are over are being taken from the former one */
	uint8_t context[MEDIA_CONTEXT_SIZE]; /* the former one */
	uint64_t epoch;
	uint64_t began_ms, asked_ms; /* asked: the latest re-INVITE */
	uint64_t closing_ms, retry_ms;
	uint32_t n_moved;
};

/* focus_drain.c: rooms leave an MRFP that drains */
void drain_run(struct focus *f);
/* The room a context belongs to, now or as the one it comes from (*former_r, may be NULL); NULL: none, or it ended. */
struct room *drain_room_of(struct focus *f, const uint8_t *ctx, bool *former_r);
struct session *drain_by_former(struct room *room, uint64_t termination);
void drain_context_lost(struct room *room); /* the former one */
/* There is no place for it yet: true when it goes on where it was. */
bool drain_came_back(struct session *s, const char *why);
void drain_leave(struct session *s); /* its second termination goes */
void drain_room_ends(struct room *room);
/* May what a member missed be given on this leg, and live messages after it? */
bool drain_may_give(const struct session *s, const struct member *m);
/* The context of its termination. */
const uint8_t *session_context(const struct session *s);
uint64_t session_epoch(const struct session *s);

#endif
