/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_OWED_H
#define MRFC_FOCUS_FOCUS_OWED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "mrfc/conference/members.h"
#include "mrfc/mp/media.h"

/* What members miss is kept and given (IMS-007): part of focus_priv.h. */
struct focus;
struct kept_message;
struct member_hooks;
struct owed_early;
struct owed_id;
struct owed_run;
struct room;
struct session;

/* A termination that was taken away, until its end mark comes. */
struct owed_former {
	LIST_ENTRY(owed_former) link;
	uint64_t termination;
	bool live;
	bool before; /* of the context that the room comes from */
	char *uri;   /* of its member */
};

/* What members of a room miss (IMS-007): focus_owed.c, focus_owed_give.c. */
struct room_owed {
	LIST_HEAD(, owed_former)
	formers; /* terminations taken away that may still have answers to give */
	LIST_HEAD(, owed_run) runs; /* members who are being given what they missed */
	uint32_t n_missing;         /* members who miss what comes */
	bool told_away;             /* what the MRFP knows of that */
	uint32_t n_missing_before;  /* the same for the former context of a room that moves */
	uint64_t next_number;       /* of a message that is kept */
	uint64_t
		next_ahead; /* while it moves: of one from the new context, after all of the former */
	struct owed_id *recent; /* ring of those kept lately */
	uint32_t n_recent;      /* ever */
	TAILQ_HEAD(, owed_early)
	early; /* while it moves: messages that are of those too who are on the way in */
	uint32_t n_early;
	size_t early_octets;
	uint64_t early_serial; /* of the latest */
};

/* focus_owed_away.c: who misses what comes */
const struct member_hooks *owed_hooks(void);
void owed_room_init(struct room *room);
void owed_room_fini(struct room *room);
void owed_fini(struct focus *f);
/* Its bound event came. */
void owed_bound(struct session *s);
/* The event that a termination misses everything from now on, or its loss. */
void owed_leg_ended(struct room *room, uint64_t termination);
/* The MRFP is gone, with all terminations; before: of the former context. */
void owed_context_lost(struct room *room, bool before);
/* Of this member, in the former context or in the present one. */
uint32_t owed_n_live(const struct member *m, bool before);
bool owed_is_live(struct room *room, uint64_t termination);
void owed_former_free(struct owed_former *o);
/* After a start: who has a recorded session is live until events say otherwise. */
void owed_legs_restored(struct room *room);
/* The room goes to another context; the former one is over. */
void owed_move_begins(struct room *room);
void owed_move_over(struct room *room);
void owed_stays(struct room *room); /* it was about to go, and does not */
/* The session's second termination is about to be taken away; its rest is owed then. */
bool owed_former_taken(struct session *s);
/* Its termination is about to be taken away; true: what it has not answered is owed. */
bool owed_taken(struct session *s);
/* Should a new termination wait for what its user missed? */
bool owed_holds(const struct session *s);
/* For the context: does somebody miss what comes? The MRFP is told. */
bool owed_is_away(struct room *room);
void owed_message(struct room *room, bool before, const struct media_owed *o,
		  const struct media_later *later);
/* This message, which has its number, is for him too. */
void owed_owe(struct room *room, struct member *m, uint64_t number, const struct kept_message *k);
/* After a start: a message that a member is owed by the store; then, with all sessions made, the rest. */
void owed_restored(struct room *room, struct member *m, uint64_t number, size_t octets);
void owed_recovered(struct room *room);
/* Whose termination it is, or was of late; NULL. */
struct member *owed_member_of(struct room *room, uint64_t termination);
/* Messages kept for members now. */
size_t owed_count(const struct room *room);
/* The member does not get this one: it is too old, or too much. */
void owed_forget(struct room *room, struct member *m, uint64_t number, size_t octets,
		 const char *why);
/* What is too old goes. */
void owed_sweep(struct room *room, uint64_t wall_ms);

/* focus_owed_entering.c: who comes in while the room moves */
/* The answer to his call goes, or has come: what is said from now on is for him, if he gets in. */
void owed_entering(struct session *s);
/* A message to all came up from one of the contexts. */
void owed_entering_message(struct room *room, bool before, uint64_t number,
			   const struct kept_message *k);
/* He is in: what came in the other context since the answer is his. */
void owed_entered(struct session *s, struct member *m);
void owed_entering_drop(struct room *room);

/* focus_owed_give.c: and given to who comes back */
void owed_give(struct session *s, struct member *m);
void owed_give_stop(struct room *room, uint64_t termination);
void owed_told(struct room *room, uint64_t termination, uint64_t number, int status);

#endif
