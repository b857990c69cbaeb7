/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_KS_KEYSERVER_PRIV_H
#define PROTO_KS_KEYSERVER_PRIV_H

#include <sys/queue.h>
#include <uthash.h>

#include "proto/ks/keyserver.h"
#include "proto/mikey.h"

/* Shared by the pieces of the key server. */
struct ks_member;

/* What waits to be fetched. A member's are part of it, others are on the heap. */
struct ks_item {
	TAILQ_ENTRY(ks_item) link;
	enum keyserver_kind kind;
	struct ks_room *room;
	struct ks_member *member; /* KEYSERVER_MESSAGE: of him, and not on the heap */
	bool queued, fresh;
	char *uri, *key_id;
	struct gkid gkid;
	int err;
	const char *why;
	struct bytes bytes; /* KEYSERVER_ERROR */
};

/* A message that may be confirmed: all that is needed to see that, with the RAND of its epoch. */
struct ks_sent {
	uint64_t t; /* 0: none */
	uint32_t epoch;
	unsigned n_confirmed; /* one member may be several devices with one key */
};
#define KS_REMEMBERED 8  /* messages to one member, and epochs */
#define KS_CONFIRMS   16 /* of one message that are told of */
enum { KS_FRESH, KS_ANSWER, KS_KINDS };

/* One key of a user in a room. */
struct ks_member {
	TAILQ_ENTRY(ks_member) link;
	struct ks_person *person;
	char *uri, *key_id;
	char key_mark[GKE_LEG_IDENTITY_SIZE]; /* tells his key from another of that name */
	bool in_offer;                        /* the next message stands in an offer of ours */
	struct ks_item items[KS_KINDS];
	struct ks_sent sent[KS_REMEMBERED]; /* a ring */
	unsigned n_sent;
};
TAILQ_HEAD(ks_members, ks_member);

struct ks_person {
	char *name; /* sip_uri_name_key */
	struct ks_members keys;
	UT_hash_handle hh;
};

struct ks_room {
	char *uri;
	enum gke_suite suite;
	uint8_t domain[GKID_DOMAIN_SIZE];
	uint32_t epoch;                                /* 0: none yet */
	uint8_t *tek;                                  /* GKE_TEK_MAX */
	uint8_t rands[KS_REMEMBERED][MIKEY_RAND_SIZE]; /* of the last epochs, by number */
	uint64_t since_ms, n_messages;                 /* of the epoch */
	struct ks_person *people;
	UT_hash_handle hh;
};

/* Who ever sent something authentic, by "USER ID". */
struct ks_sender {
	char *name;
	uint64_t last_t;
	uint64_t busy_until_ms;      /* of the limit for requests */
	uint64_t explained_until_ms; /* for what we tell him when they are refused */
	UT_hash_handle hh;
};

struct keyserver {
	char *name, *factory;
	uint64_t skew_us, life_ms, life_messages;
	void (*random)(void *out, size_t len, void *arg);
	void *random_arg;
	bool (*allowed)(const char *room, const char *uri, void *arg); /* NULL: all */
	void *allowed_arg;
	struct keyserver_memory memory; /* last_t NULL: none */
	struct keyserver_keys keys;
	struct ks_room *rooms;
	struct ks_sender *senders;
	uint64_t start_t, last_t, reserved_t;
	TAILQ_HEAD(, ks_item) queue;
	size_t n_refused; /* in it */
	/* What keyserver_next() showed last. */
	char *out_room, *out_uri, *out_id;
	struct bytes out_bytes;
};

struct ks_room *ks_room_find(const struct keyserver *ks, const char *uri);
struct ks_member *ks_member_find(const struct ks_room *room, const char *uri, struct slice key_id);
struct ks_person *ks_person_find(const struct ks_room *room, const char *uri);
/* Something to fetch; copies. */
void ks_tell(struct keyserver *ks, enum keyserver_kind kind, struct ks_room *room, const char *uri,
	     struct slice key_id, const struct gkid *gkid, int err, const char *why);
/* A message for him that says why he is refused. */
void ks_tell_error(struct keyserver *ks, struct ks_room *room, const char *uri, struct slice key_id,
		   struct bytes *message_take);
/* A message of this kind for him, with what is current when it is fetched. */
void ks_owe(struct keyserver *ks, struct ks_room *room, struct ks_member *m, int which);
const struct member_key *ks_key_find(const struct keyserver *ks, const char *uri, struct slice id);
struct gkid ks_gkid(const struct ks_room *room);
uint8_t *ks_rand(struct ks_room *room, uint32_t epoch);

/* How a request came. */
enum ks_way {
	KS_JOINING, /* in the offer of who wants in: the room may be meant by the factory's URI */
	KS_OFFER,   /* in a later one */
	KS_LATER    /* by itself */
};
/*
 * keyserver_judge.c: is this a genuine request for the current key, by the user uri? 0 and his key; else
 * -ERR_* as groupkey_events.refused has them, and why; error: what may be told him then, if anything.
 */
MUST_CHECK int ks_judge_request(struct keyserver *ks, const struct ks_room *room, const char *uri,
				struct slice bytes, enum ks_way way,
				const struct keyserver_now *now, const struct member_key **key_r,
				const char **why_r, struct bytes *error);
void ks_senders_free(struct keyserver *ks);

#endif
