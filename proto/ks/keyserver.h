/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_KS_KEYSERVER_H
#define PROTO_KS_KEYSERVER_H

#include "common/err.h"
#include "proto/gke.h"
#include "proto/ks/member_key.h"

/*
 * A key server: rooms, who is in them, the current key of each, and MIKEY messages that carry it to
 * each member under his own key. Pure: time and randomness are given, what comes of a call is
 * fetched afterwards. Any change is a fresh, independent key for all; none is ever sent under
 * another group key. Judges what members send in the order of RFC 3830 5.3: time, names,
 * algorithms, MAC; only an authentic message moves anything.
 */
struct keyserver;

/* The name of its own timestamp there; no user's, as it has no scheme. */
#define KEYSERVER_OWN_T "key server"

/* Where the timestamps are that must outlive the process (RFC 3830 5.4). */
struct keyserver_memory {
	/* 0: there is none. */
	uint64_t (*last_t)(const char *name, void *arg);
	void (*set_last_t)(const char *name, uint64_t t, void *arg);
	void *arg;
};

struct keyserver_settings {
	const char *name;       /* its URI: IDRi of its messages */
	const char *factory;    /* a URI that an offer may name instead of the room; NULL: none */
	uint64_t skew_ms;       /* how far a member's clock may be off; 0: 5 min */
	uint64_t life_ms;       /* of an epoch; 0: 24 h */
	uint64_t life_messages; /* the same; 0: 2^20 */
	void (*random)(void *out, size_t len, void *arg); /* for keys: secret_random_to */
	void *random_arg;
	/* Another word on who may have a room's keys; NULL: whom the caller names. */
	bool (*allowed)(const char *room, const char *uri, void *arg);
	void *allowed_arg;
	const struct keyserver_memory
		*memory; /* NULL: none; then nothing from before the start counts */
};

struct keyserver_now {
	uint64_t mono_ms;
	uint64_t wall_us; /* since 1970 */
};

enum keyserver_kind {
	KEYSERVER_NOTHING,
	KEYSERVER_EPOCH,     /* gkid */
	KEYSERVER_MESSAGE,   /* uri, key_id, bytes, fresh */
	KEYSERVER_CONFIRMED, /* uri, key_id, gkid */
	KEYSERVER_REFUSED,   /* uri, key_id, err, why */
	/* uri, key_id, bytes: tells him why he is refused or his request dropped, which follows */
	KEYSERVER_ERROR,
	KEYSERVER_JUDGED /* uri, key_id, err (0: fine), why: of keyserver_renew() */
};
/* One thing that came of calls; views that live until the next call. */
struct keyserver_event {
	enum keyserver_kind kind;
	const char *room, *uri;
	struct slice key_id, bytes;
	struct gkid gkid;
	bool fresh;
	int err;
	const char *why;
};

/* What keys.arg and settings name must outlive it. */
struct keyserver *keyserver_new(const struct keyserver_settings *settings,
				const struct keyserver_keys *keys, const struct keyserver_now *now);
void keyserver_free(struct keyserver **ks); /* keys are wiped */

/* A room begins, or once more: a new domain, nobody in it, no key yet. -ERR_LIMIT: its URI is too long. */
MUST_CHECK int keyserver_open(struct keyserver *ks, const char *room, enum gke_suite suite);
/* -ERR_NOT_FOUND */
MUST_CHECK int keyserver_close(struct keyserver *ks, const char *room);
/*
 * Membership changed: one new epoch for who is in now, joiners included (even when both lists are
 * empty). Joiners that are refused are told before it; when all are and nobody left, there is no new
 * epoch. -ERR_NOT_FOUND: no such room.
 */
MUST_CHECK int keyserver_change(struct keyserver *ks, const char *room,
				const struct groupkey_member *joined, size_t n_joined,
				const struct groupkey_member *left, size_t n_left,
				const struct keyserver_now *now);
/*
 * Bytes of a member: a request for the current key, or what confirms one. 0; -ERR_NOT_FOUND: no such room; what was dropped says why: -ERR_SYNTAX,
 * -ERR_DENIED (not authentic, or not meant), -ERR_STALE (replayed, or his clock is off), -ERR_LIMIT (too often).
 */
MUST_CHECK int keyserver_request(struct keyserver *ks, const char *room,
				 const struct groupkey_member *from, struct slice bytes,
				 const struct keyserver_now *now);
/* The same of bytes in a new offer of his: KEYSERVER_JUDGED says what came of it, behind the message. */
MUST_CHECK int keyserver_renew(struct keyserver *ks, const char *room,
			       const struct groupkey_member *from, struct slice bytes,
			       const struct keyserver_now *now);
/* More messages were sealed under the current key. */
void keyserver_sent(struct keyserver *ks, const char *room, uint64_t n_messages,
		    const struct keyserver_now *now);
/* Epochs that have lived long enough are replaced. Once a minute or so. */
void keyserver_age(struct keyserver *ks, const struct keyserver_now *now);

/* The next event, in order: messages are made only here. False: none is left. */
bool keyserver_next(struct keyserver *ks, const struct keyserver_now *now,
		    struct keyserver_event *event_r);

/*
 * The current key itself, for who takes part in a room and is its key server; a view until the next
 * call. False: no such room, or none yet.
 */
bool keyserver_key(const struct keyserver *ks, const char *room, struct gkid *id_r,
		   struct slice *tek_r);

/*
 * Key of a member's leg, from the message in the offer of his session (his request, or a key to him): an
 * authentic one, of any time, as only who has his pairwise key can use what comes of it. -ERR_NOT_FOUND:
 * no such room, member or key; -ERR_SYNTAX; -ERR_DENIED. The caller wipes *leg_r.
 */
MUST_CHECK int keyserver_leg(const struct keyserver *ks, const char *room, const char *uri,
			     struct slice offer, struct gke_leg *leg_r);

/* Why keyserver_request() dropped something, as metrics and logs name it. Static text. */
const char *keyserver_reason(int err);

#endif
