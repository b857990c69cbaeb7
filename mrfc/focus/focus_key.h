/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_KEY_H
#define MRFC_FOCUS_FOCUS_KEY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uthash.h>

#include "common/bytes.h"
#include "mrfc/conference/rekey.h"
#include "mrfc/conference/unwind.h"
#include "mrfc/groupkey/groupkey.h"
#include "mrfc/mp/media.h"

/*
 * Sealed conferences: part of focus_priv.h. The focus tells the key server who belongs, carries its
 * opaque bytes to each member and tells the media side which epochs are in use. It has no key.
 */
struct focus;
struct focus_sdp_peer;
struct focus_sdp_why;
struct identity;
struct media_remote;
struct room;
struct session;
struct timer;

enum key_stage {
	KEY_NEW,    /* the next change tells the key server of it */
	KEY_TOLD,   /* the key server has been told, its bytes are to come */
	KEY_HOLDER, /* it got bytes */
	KEY_MAKER   /* it makes the keys itself (focus_key_owner.h) */
};

/* A session in a sealed conference. */
struct session_key {
	struct session *session;
	struct key_member *member; /* NULL: of stage KEY_MAKER */
	LIST_ENTRY(session_key) of_member;
	LIST_ENTRY(session_key) unconfirmed; /* of the room, while copy is open */
	enum key_stage stage;
	struct bytes request; /* of its offer, until it was told */
	struct bytes last;    /* the newest bytes for it */
	struct gkid epoch;    /* of them, of stage KEY_HOLDER */
	uint64_t epoch_t;     /* timestamp of the first bytes of it */
	uint64_t claimed_t; /* of the bytes that it says to have; 0: none. The server judges that */
	bool claims;        /* and it has not judged yet */
	struct rekey_copy copy;
	bool flying;        /* on the way to the media side */
	bool stale;         /* given up, and kept (conference.stale_member) */
	bool judging;       /* the key server judges what is in its new offer */
	bool refresh_waits; /* its session timer is due, the offer waits for a key */
	bool move_waits;    /* its new termination is there, the offer of it waits for a key */
	struct timer *wait_timer; /* of SESSION_KEYING, SESSION_PROVING, these; NULL: never was */
};

/* A user with one of his keys: sessions that share it are one member for the key server. */
struct key_member {
	UT_hash_handle hh;
	LIST_HEAD(, session_key) sessions;
	char *uri;
	struct bytes id; /* of his key; empty: the server has not told yet */
	bool told;       /* he is a member there */
	bool judging;    /* it judges a new offer of one of his sessions */
	bool gone; /* his last session left since: that is to be told, whoever comes with his key */
	size_t name_len;
	char name[]; /* URI, line feed, id */
};

/* A sealed conference. */
struct room_key {
	struct room *room;
	struct rekey rekey;
	struct timer *timer; /* the next epoch, and copies */
	uint64_t timer_ms;
	struct timer *gate_timer;
	bool opened;       /* the key server has it */
	bool recovering;   /* members of an earlier process are told when all are there */
	struct gkid epoch; /* newest; epoch number 0: none yet */
	struct media_keys gate;
	struct key_member *members; /* uthash, by user and key */
	uint32_t n_sessions;        /* with a key, or on the way to one */
	LIST_HEAD(, session_key) unconfirmed;
	uint32_t n_flying;
	struct session *maker; /* its terminal makes the keys; NULL: none does */
	bool maker_up;         /* and can be reached */
};

/* focus_key.c: the room and the key server */
/* Takes over the key server's events. */
void key_init(struct focus *f);
/* The sealed conference that the key server means; NULL. */
struct room *key_room_of_uri(struct focus *f, const char *uri);
/* A sealed room begins; recovering: its members are told of by key_recovered(). */
void key_room_open(struct room *room, bool recovering);
void key_room_close(struct room *room);
/* When all sessions of an earlier process are there: everybody gets a new key. */
void key_recovered(struct room *room);
/* Something is due. */
void key_soon(struct room *room);
/* So many more messages were sealed with its key. */
void key_used(struct room *room, uint64_t n_messages);
/* Membership changed: the next epoch is due. */
void key_note(struct room_key *k, enum rekey_change change);

/* focus_key_member.c: members and their sessions */
struct key_member *key_member_find(const struct room_key *k, const char *uri, struct slice id);
/* The same of what the key server says: it may be the first word on which key of his it took. */
struct key_member *key_member_meant(struct room_key *k, const char *uri, struct slice key_id);
/* A session of his has got bytes. */
bool key_member_holds(const struct key_member *m);
void key_member_free(struct room_key *k, struct key_member *m); /* has no sessions any more */
/* The session wants the group key: the next epoch is for it, too. key_ready() follows, or its end. */
void key_ask(struct session *s, struct slice key_id, struct slice request);
/* It makes the keys itself: from its beginning, from now on, or no more. */
void key_begin_maker(struct session *s);
void key_to_maker(struct session *s);
void key_from_maker(struct session *s);
/* It leaves; frees its part. kicked: the others get a new key at once. */
void key_leave(struct session *s, bool kicked);
/* Which of his keys it came with, for its record; empty: not known, or none. */
struct slice key_id_of(const struct session *s);
/* A session of an earlier process; key_recovered() follows. */
void key_restore(struct session *s, struct slice key_id);
/* Bytes of its peer's to the key server. */
MUST_CHECK int key_pass_on(struct session *s, struct slice bytes);
/*
 * The same of a new offer of its peer: 0, and key_judged() follows; -ERR_EXISTS: another session
 * of the same key waits for that, too; else it cannot be judged now.
 */
MUST_CHECK int key_renew(struct session *s, struct slice bytes);
/* No judgement is waited for any more. */
void key_unjudged(struct session *s);

/* focus_key_judge.c: events of the key server */
void key_on_error(const char *uri, const char *user, struct slice key_id, struct slice bytes,
		  void *arg);
void key_on_judged(const char *uri, const char *user, struct slice key_id, int err, const char *why,
		   void *arg);

/* focus_key_gate.c: which epochs are in use */
bool room_is_sealed(const struct room *room);
/* For a new context. */
void key_media(const struct room *room, struct media_context *ctx);
/* The room is not sealed, or this session was given its key. */
bool key_may_read(const struct session *s);
/* Hex of the newest epoch; false: there is none. */
bool key_epoch_hex(const struct room *room, char hex[GKID_HEX_SIZE]);
/* An MRFP told all it has: what was under way when its link broke is done again. */
void key_audited(struct focus *f, const char *mrfp);
/* The media side is told anew which epochs are in use. */
void key_regate(struct room *room);
void key_gate_init(struct room *room);
/* There is a new epoch. */
void key_take_epoch(struct room *room, const struct gkid *id);

/* focus_key_join.c: offers and answers */
/* Its chat line lists this type in a=accept-types. */
bool key_takes(const struct focus_sdp_peer *p, const char *type);
/*
 * A user joins the room who may be in it already. 0, or 488: another terminal of his makes its keys. That
 * one is asked whether it is alive.
 */
MUST_CHECK int key_judge_second(const struct room *room, const struct identity *who,
				const char *contact, const struct session *replaced,
				struct focus_sdp_why *why_r);
/*
 * What keeps an offer (NULL: there is none, we offer) out of this room: 0, or the status; *why_r
 * says it, sdp (appended) may tell it to the peer's own key management.
 */
MUST_CHECK int key_judge_offer(const struct room *room, const struct identity *who,
			       const struct focus_sdp_peer *p, struct focus_sdp_why *why_r,
			       struct bytes *sdp);
/*
 * The same of a change by re-INVITE. *wait_r: a new request in it is being judged, key_judged()
 * and reinvite_judged() follow. NULL: on the way in there is no wait, it is passed on.
 */
MUST_CHECK int key_judge_change(struct session *s, const struct focus_sdp_peer *p,
				struct focus_sdp_why *why_r, bool *wait_r);
void key_judged(struct session *s, int err, const char *why);
/* These bytes tell the peer why it is refused, which follows. */
void key_explain(struct session *s, struct slice bytes);
/* Our first description is to be made: true when it waits for the key (key_ready() goes on). */
bool key_wait(struct session *s);
void key_ready(struct session *s);
/* Its offers have the key that they must have. */
bool key_may_offer(const struct session *s);
/*
 * A new termination is to be offered, and there is no key for it since we were started: true when that
 * waits for one (reinvite_keyed() follows, or its end). Over: it has come, it is needed no more; false:
 * nothing waited.
 */
bool key_move_waits(struct session *s);
bool key_move_over(struct session *s);
/*
 * The peer's answer to our first offer: NULL, or why the session cannot be. *wait_r: what it
 * confirms is being checked, key_prove() waits for that and join_proven() follows.
 */
const char *key_take_answer(struct session *s, const struct focus_sdp_peer *p, bool *wait_r);
void key_prove(struct session *s);
void key_proven(struct session *s);
/* The same of a later offer: false when the session is over by it. */
bool key_take_later_answer(struct session *s, const struct focus_sdp_peer *p);
/* The key server refuses. */
void key_refused(struct session *s, int err, const char *why);

/* focus_key_leg.c: keys for the TLS of legs */
/* Nobody connects before the key is there: the peer's place is told by key_leg_waits(). */
bool key_leg_defers(const struct room *room, const struct media_remote *remote);
/*
 * From the newest bytes for it, which our offer has: true when fn (may be NULL) follows; from the request in
 * his offer.
 */
bool key_leg_of_ours(struct session *s, media_result_fn *fn);
void key_leg_of_theirs(struct session *s, const struct focus_sdp_peer *p);
/* Our first description is due: true when it follows, or the session's end. */
bool key_leg_waits(struct session *s);

/* focus_key_send.c: copies of keys on their way */
/* New bytes for this session. */
void key_deliver(struct session *s, struct slice bytes, bool fresh);
/* Messages of ours reach it now. */
bool key_can_send(const struct session *s);
/* Its connection is bound, or it is back from hold. */
void key_nudge(struct session *s);
/* Its connection is lost: what was sent may be, too. */
void key_park(struct session *s);
/* A description of ours goes out now. */
void key_told_by_sdp(struct session *s);
/* These bytes of its peer's go to the key server: they may confirm a key. */
void key_claims(struct session *s, struct slice bytes);
/* He confirmed this epoch, with one of his sessions: was it this one? */
void key_confirmed(struct session *s, const struct gkid *id);
/* Our new offer was refused. */
void key_offer_failed(struct session *s);
/* Does what is due of all copies of a room; when there will be more. */
uint64_t key_send_due(struct room *room, uint64_t now_ms);
/* No copy is on the way any more. */
void key_send_forget(struct session_key *sk);
/* A member (s NULL: nobody knows who) sent bytes for the key server. */
void key_on_message(struct focus *f, struct session *s, struct slice body);

#endif
