/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_GROUPKEY_GROUPKEY_H
#define MRFC_GROUPKEY_GROUPKEY_H

#include "common/slice.h"
#include "proto/gke.h"
#include "proto/ks/member_key.h"

/*
 * Where the keys of sealed conferences come from: a key server in this process (local), another
 * process (external), or a member's UE (member). The focus tells who belongs; it gets an epoch's
 * name and opaque bytes for each member, and never sees a key. No scheme is named here: bytes are
 * MIKEY today. All calls are asynchronous; callbacks come from the loop, never inside a call.
 */
struct groupkey;

struct groupkey_policy {
	enum gke_suite suite;
	const char *owner; /* `member`: the UE that serves keys */
};

struct groupkey_events {
	/* A new epoch is made; a message for each current member follows. reason: for the log. */
	void (*epoch)(const char *room, const struct gkid *id, void *arg);
	/*
	 * Bytes for one member's key (key_id tells which). fresh: of a new epoch; else the answer to
	 * his request.
	 */
	void (*message)(const char *room, const char *uri, struct slice key_id, struct slice bytes,
			bool fresh, void *arg);
	/* He has it, of this epoch. */
	void (*confirmed)(const char *room, const char *uri, struct slice key_id,
			  const struct gkid *id, void *arg);
	/*
	 * This member gets no key: err -ERR_NOT_FOUND (no key of his is known), -ERR_DENIED (not allowed, or
	 * not authentic), -ERR_STALE (a replay, or his clock is off), -ERR_SYNTAX, -ERR_LIMIT (too
	 * often). He is no member for the key server.
	 */
	void (*refused)(const char *room, const char *uri, struct slice key_id, int err,
			const char *why, void *arg);
	/*
	 * Bytes that tell him why he is refused, or his request dropped, and how he may do better: the
	 * event that says so follows at once. Only for who has proven that he is himself.
	 */
	void (*error)(const char *room, const char *uri, struct slice key_id, struct slice bytes,
		      void *arg);
	/*
	 * What was in his new offer (renew): 0, and the message it asked for came before; else it changed
	 * nothing: err and why as above. He stays a member.
	 */
	void (*judged)(const char *room, const char *uri, struct slice key_id, int err,
		       const char *why, void *arg);
	/*
	 * The key server of this room (NULL: of all) lost its keys or cannot be reached. back: tell it
	 * all members again by open and change.
	 */
	void (*down)(const char *room, const char *why, void *arg);
	void (*back)(const char *room, void *arg);
};

struct groupkey_ops {
	/* A conference begins or is taken up again; a new domain. room: its URI, also IDRapp. */
	int (*open)(struct groupkey *g, const char *room, const struct groupkey_policy *policy);
	void (*close)(struct groupkey *g, const char *room); /* keys are wiped */
	/*
	 * Membership changed: one new epoch for who is in now, joiners included (even when both lists are
	 * empty: the old one has lived long enough). Joiners that are refused are told before it; when
	 * all are and nobody left, there is no new epoch. The server makes epochs by itself, too, when one
	 * has lived for 24 h or 2^20 messages. -ERR_AGAIN: it is on its way, and `back` or `down` follows;
	 * -ERR_CLOSED: there is none now, and `back` follows when there is.
	 */
	int (*change)(struct groupkey *g, const char *room, const struct groupkey_member *joined,
		      size_t n_joined, const struct groupkey_member *left, size_t n_left);
	/*
	 * Bytes of a member: a later request for the current key, or what confirms one. What is not
	 * authentic, replayed, late or too often is dropped and counted, as if it had not come; only
	 * who is no member hears that he is refused.
	 */
	int (*request)(struct groupkey *g, const char *room, const struct groupkey_member *from,
		       struct slice bytes);
	/*
	 * The same of what is in a new offer of his: `judged` follows. Not 0: it cannot be judged now.
	 */
	int (*renew)(struct groupkey *g, const char *room, const struct groupkey_member *from,
		     struct slice bytes);
	/* So many more messages were sealed with the current key; NULL: the server does not ask. */
	void (*sent)(struct groupkey *g, const char *room, uint64_t n_messages);
	/* The room has a key server, or one is on its way. */
	bool (*ready)(const struct groupkey *g, const char *room);
	/*
	 * At once: the key of a member's TLS leg from the message in the offer of his session
	 * (keyserver_leg). NULL, or an error: there is none. The caller wipes *leg_r.
	 */
	int (*leg)(struct groupkey *g, const char *room, const char *uri, struct slice offer,
		   struct gke_leg *leg_r);
	void (*free)(struct groupkey *g);
};

/* What implementations begin with. */
struct groupkey {
	const struct groupkey_ops *ops;
	const struct groupkey_events *events;
	void *arg;
};

static inline void groupkey_set_events(struct groupkey *g, const struct groupkey_events *events,
				       void *arg)
{
	g->events = events;
	g->arg = arg;
}

/* Nothing is told any more; keys are wiped. */
static inline void groupkey_free(struct groupkey **g)
{
	if (*g)
		(*g)->ops->free(*g);
	*g = NULL;
}

#endif
