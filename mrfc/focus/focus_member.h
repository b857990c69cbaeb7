/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_MEMBER_H
#define MRFC_FOCUS_FOCUS_MEMBER_H

#include "mrfc/conference/unwind.h"
#include "mrfc/focus/focus_priv.h"

/* focus_member.c: who belongs, apart from who has a session (IMS-005) */
/* It can be called, or come: sip:, sips: with a user part, tel:. */
bool focus_uri_is_user(const char *uri);
/* The member that one of these names means; NULL. */
struct member *member_of(struct room *room, const struct identity *who);
/* It lives on without sessions: conference.kept, once somebody was in. */
bool room_is_kept(const struct room *room);
/* From now on it is kept, and absent members are shown. */
void room_keep(struct room *room);
/* Makes a user a member without a session, if he is none yet. by: URI or NULL. Stored by the next flush. */
struct member *room_add_member(struct room *room, struct slice uri, const char *display,
			       const char *by);
/*
 * The same for an entry of the list that makes the room: it is kept, closed where conference.mode
 * says so, and this one may join it then. The list's sender is listed by being its creator.
 */
struct member *room_list_member(struct room *room, struct slice uri, const char *display,
				const char *by);
/* Dial out to a user, who becomes a member (if he is none); he stays one when he does not answer. Errors of dialout_start. */
MUST_CHECK int room_invite_member(struct room *room, struct slice uri, const char *display,
				  const char *by);
/* He belongs no more (his sessions are the caller's); frees m. */
void room_drop_member(struct room *room, struct member *m);
/* Call all absent members soon, each once in conference.reinvite_interval. */
void room_recall(struct room *room);
/* What sessions tell: an endpoint in the roster; up; bound; over (bye_reason: the Reason of the peer's BYE). */
void member_entering(struct session *s);
void member_came(struct session *s);
void member_bound(struct session *s);
void member_went(struct session *s, enum unwind_cause cause, int status, const char *by,
		 const char *bye_reason);
/* Of an earlier process: as recorded; then, when all sessions are there too, what they are now. */
void member_restore(struct room *room, const struct member *from);
void members_restored(struct room *room);
/* The room's media are known again: the hooks hear of who is absent. */
void members_recovered(struct room *room);
/* Write down what is new of a member, or that he is none. */
void member_store(struct room *room, const struct member *m);
void member_unstore(struct room *room, const struct member *m);

#endif
