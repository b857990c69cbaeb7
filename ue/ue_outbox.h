/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_OUTBOX_H
#define UE_UE_OUTBOX_H

#include "common/bytes.h"
#include "proto/msrp_head.h"
#include "ue/ue_octets.h"

/*
 * What a UE has to send on one MSRP session: messages cut into chunks, short ones before long ones,
 * and the transactions whose responses are due. No sockets: frames are appended to a buffer.
 */
struct ue_outbox;

#define UE_OUTBOX_CHUNK   16384u
#define UE_OUTBOX_WINDOW  32u    /* unanswered chunks of one message */
#define UE_OUTBOX_WAIT_MS 30000u /* for the response to a frame, RFC 4975 7.1.1 */

enum ue_outbox_kind { UE_OUTBOX_BIND, UE_OUTBOX_MESSAGE, UE_OUTBOX_NICKNAME };
struct ue_outbox_done {
	enum ue_outbox_kind kind;
	unsigned ticket;
	bool cut; /* its file became shorter: the receiver was told that it is not whole */
};

struct ue_outbox *ue_outbox_new(void);
void ue_outbox_free(struct ue_outbox **o);
void ue_outbox_paths(struct ue_outbox *o, struct slice to_path, struct slice from_path);

/* Bodiless SEND that binds the connection; goes before everything else. */
void ue_outbox_bind(struct ue_outbox *o);
/* head: CPIM head; payload from memory (copied), or from fd (taken, size octets) when fd ≥ 0. */
void ue_outbox_message(struct ue_outbox *o, struct slice head, struct slice payload, int fd_take,
		       uint64_t size, unsigned ticket);
/* A message without CPIM: size octets of the file from octet `from` on, of this type. */
void ue_outbox_file(struct ue_outbox *o, const char *type, int fd_take, uint64_t from,
		    uint64_t size, unsigned ticket);
/*
 * Octets that are made as they go: behind a CPIM head, or (type not NULL) without one, as a message of that
 * type with further Content-* lines (mime, static, may be NULL).
 */
void ue_outbox_octets(struct ue_outbox *o, struct slice head, const char *type, const char *mime,
		      const struct ue_octets *octets_take, uint64_t size, unsigned ticket);
/* A message without CPIM, before all that are not begun; those of this kind keep their order. */
void ue_outbox_bare(struct ue_outbox *o, const char *type, struct slice payload, unsigned ticket);
/* Give up what is not sent yet: its receivers are told ('#'). */
void ue_outbox_abort(struct ue_outbox *o);
void ue_outbox_nickname(struct ue_outbox *o, struct slice nick, unsigned ticket);

/* Append the next frame; false when there is nothing to send now. */
bool ue_outbox_next(struct ue_outbox *o, struct bytes *out);
/* Everything appended so far is written out: its responses are due UE_OUTBOX_WAIT_MS from now_ms (> 0). */
void ue_outbox_written(struct ue_outbox *o, uint64_t now_ms);
/* Something whose response is overdue is given up as after a refusal; false when there is none. */
bool ue_outbox_expire(struct ue_outbox *o, uint64_t now_ms, struct ue_outbox_done *done_r);
/*
 * A response came. 1: something of ours is finished and *done_r tells what (status decides how); 0: not
 * ours, or the message goes on. Of a message refused before its end no octet follows, only a chunk that
 * tells the receiver so ('#').
 */
int ue_outbox_response(struct ue_outbox *o, struct slice tid, int status,
		       struct ue_outbox_done *done_r);
/* Take back everything unfinished, one a call (the session is gone); false when none is left. */
bool ue_outbox_fail(struct ue_outbox *o, struct ue_outbox_done *done_r);
bool ue_outbox_empty(const struct ue_outbox *o);

#endif
