/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_CONTEXT_H
#define MRFP_CONTEXT_H

#include <uthash.h>

#include "mrfp/aggregate.h"
#include "mrfp/chunklog.h"
#include "mrfp/legindex.h"
#include "mrfp/plane.h"
#include "mrfp/sampler.h"
#include "mrfp/uris.h"

/* The MRFP's side of a conference: its names, its legs and the two logs they read. */

enum { STREAM_CHAT, STREAM_BULK, STREAM_DIRECT, STREAM_COUNT };
#define N_LOGS 2 /* chat and bulk */

/* One distinct set of what peers accept; legs with the same set share it. */
struct accept_list {
	char *types;   /* accept-types; "" when unknown */
	char *wrapped; /* accept-wrapped-types; NULL: no restriction */
	char *refused; /* types that a peer answered with 415, space-separated; "" when none */
	uint32_t n_users;
};
#define ACCEPT_LISTS 63
#define ACCEPT_OWN   63 /* taste.accept of legs beyond that: each is judged by its own list */

/* Of a conference with sealed bodies: the keys of now (seal.h). */
struct seal {
	bool known; /* the domain is; else any key's name passes */
	uint8_t domain[8];
	uint32_t oldest, newest; /* epochs that may be sent under; newest 0: no limit */
	uint32_t n_passed;       /* messages that the MRFC was not told of yet */
};

struct keep;
struct receipt;
struct relay_book;

enum {
	THROTTLE_BULK = 1,    /* senders of bulk: a leg is past context.high_water */
	THROTTLE_ALL = 2,     /* all senders: the logs hold more than context.chat_water */
	THROTTLE_PRIVATE = 4, /* senders of private messages to a leg whose queue is nearly full */
	THROTTLE_PEER = 8     /* kind relay: a sender whose peer is behind (relay.c) */
};

/* Payload types of recent messages, for a 415 that comes later (MSRP-097). */
#define CONTEXT_CHUNK (16u << 10) /* octets of one outgoing chunk */

#define RECENT_TYPES 32
struct recent_type {
	uint64_t serial;
	char type[56]; /* "type/subtype"; "" when longer */
};

/* Of a file context: its one message. */
struct file_state {
	uint64_t termination; /* that sends */
	char *message_id, *content_type;
	uint64_t size, started_ms; /* octets that came; wall clock */
	bool begun, ended, told;
	uint8_t outcome; /* enum ctl_outcome of the input */
	uint16_t status;
	uint32_t settled[OUTCOME_COUNT];
};

struct context {
	UT_hash_handle hh;
	TAILQ_ENTRY(context) dirty_link;
	TAILQ_ENTRY(context) sent_link;
	struct plane *plane;
	uint8_t id[CTL_CONTEXT_SIZE];
	char name[CTL_CONTEXT_SIZE * 2 + 1]; /* id in hex, for the log */
	uint64_t epoch;                      /* highest ctl epoch seen */
	struct uris room;                    /* conference URI, then aliases */
	uint8_t kind;                        /* CTL_KIND_ */
	uint8_t policy;                      /* CTL_POLICY_ bits */
	uint64_t max_message, max_file;      /* octets; 0: as the plane's */
	struct file_state *file;             /* kind file, once its sender is there */
	struct seal seal;                    /* policy CTL_POLICY_SEALED */

	struct chunklog log[N_LOGS];
	struct series direct;      /* transaction ids of frames for one leg */
	struct series message_ids; /* our Message-IDs: number = serial */
	uint64_t serial;           /* of the last message begun */

	TAILQ_HEAD(, session) sessions;
	size_t n_sessions, n_bound;
	uint32_t n_relayed; /* sessions whose peer is behind a relay */
	struct legindex by_termination, by_number;
	uint32_t next_number;
	struct accept_list accepts[ACCEPT_LISTS];
	struct receipt *receipts; /* uthash, by serial */
	struct relay_book *book;  /* kind relay: its messages; NULL until the first */

	struct keep *keep;  /* messages that may be owed; NULL: none */
	bool away;          /* members are: what they miss goes up */
	uint32_t n_missing; /* sessions that went and were neither taken away nor bound again */
	uint64_t returned_serial; /* of the last message begun when a leg came back */

	struct recent_type *recent; /* RECENT_TYPES of them; NULL until the first message */

	struct aggregates *aggregates; /* notifications held back; NULL: none */
	LIST_ENTRY(context) aggregating_link;
	struct sampler_room typing;

	bool dirty;
	bool direct_high;            /* much waits in some leg's own queue */
	bool enlisted;               /* on plane->throttled */
	uint8_t throttle;            /* THROTTLE_ bits: who has to wait */
	uint64_t all_ms, private_ms; /* since when THROTTLE_ALL, THROTTLE_PRIVATE */
	LIST_ENTRY(context) throttled_link;
};

/* Result is owned by the plane's table; context_free takes it out. */
struct context *context_new(struct plane *plane, const uint8_t id[CTL_CONTEXT_SIZE]);
struct context *context_find(struct plane *plane, const uint8_t id[CTL_CONTEXT_SIZE]);
/* Only without sessions. */
void context_free(struct context **ctx);

/* Conference URI (empty: unchanged) and aliases (NULL: unchanged). */
void context_set_room(struct context *ctx, struct slice conference, const struct ctl_list *aliases);

/* Largest message of this kind, octets. */
uint64_t context_max_size(const struct context *ctx, unsigned kind);

/* Index of the accept list, for taste.accept and bits of chunk_meta.admit. -ERR_LIMIT when full. */
MUST_CHECK int context_accept_get(struct context *ctx, const char *types, const char *wrapped,
				  const char *refused, uint8_t *index_r);
void context_accept_put(struct context *ctx, uint8_t index);
/*
 * Bit per accept list, that of ACCEPT_OWN always set: may it have a message of this kind? top is the type of the SEND's body,
 * inner the payload's inside message/cpim (empty when top is something else). IMDN and isComposing
 * pass wherever message/cpim does (IMS-012).
 */
uint64_t context_admit(const struct context *ctx, unsigned kind, struct slice top,
		       struct slice inner);
/* The same for one list. */
bool accept_list_admits(const struct accept_list *a, unsigned kind, struct slice top,
			struct slice inner);

/* Note the payload's type of message serial, and ask for it (empty when forgotten). */
void context_note_type(struct context *ctx, uint64_t serial, struct slice content_type);
struct slice context_type_of(const struct context *ctx, uint64_t serial);

/* Remember that the logs have something new for the legs. */
void context_touch(struct context *ctx);
/* Most octets of one outgoing chunk: less while a peer is behind a relay (msrp.relay_chunk). */
size_t context_chunk(const struct context *ctx);
/* Octets held in both logs. */
uint64_t context_held(const struct context *ctx);

#endif
