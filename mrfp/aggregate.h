/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_AGGREGATE_H
#define MRFP_AGGREGATE_H

#include <sys/queue.h>
#include <uthash.h>

#include "common/slice.h"
#include "proto/imdn.h"

/*
 * Notifications (IMDN) of a large room: which pass and which are held back for a summary (RFC 5438
 * 8.3, IMS-013). Of each message and kind the first few pass. Pure: time is given, nothing is sent.
 */
#define AGGREGATE_OPEN_MAX 256              /* messages followed; the oldest gives way */
#define AGGREGATE_HELD_MAX (1u << 20)       /* octets of documents held; the oldest are due then */
#define AGGREGATE_FULL     (512u << 10)     /* octets held for one message: due at once */
#define AGGREGATE_KEEP_MS  UINT64_C(120000) /* without news how many passed is forgotten */

struct aggregate_limits {
	uint32_t pass;      /* notifications of one message and kind that pass one by one */
	uint64_t window_ms; /* from the first one held to the summary */
};

/* A document held; its text follows. */
struct aggregate_part {
	STAILQ_ENTRY(aggregate_part) link;
	size_t len;
	char text[];
};

/* What is known of one message. Read by who builds its summary, else private. */
struct aggregate {
	char *to;         /* its sender, as the first notification has it */
	char *message_id; /* of the message */
	char *date_time;  /* of the message, by its first notification; NULL: none */
	uint32_t n_held;
	uint32_t counts[IMDN_KINDS][IMDN_STATUSES]; /* of those held */
	STAILQ_HEAD(, aggregate_part) parts;

	UT_hash_handle hh;
	TAILQ_ENTRY(aggregate) by_use, by_due;
	uint32_t passed[IMDN_KINDS];
	size_t held_bytes;
	uint64_t due_ms; /* when something is held */
	uint64_t used_ms;
	bool leaving;
	size_t key_len;
	char key[];
};

/* All of one context. */
struct aggregates;
struct aggregates *aggregates_new(void);
/* Returns how many notifications were held. */
uint64_t aggregates_free(struct aggregates **a);

struct aggregate_item {
	struct slice owner;      /* who sent the message, in one form for all */
	struct slice to;         /* the same as the notification has it */
	struct slice from;       /* who sends the notification */
	struct slice document;   /* message/imdn+xml */
	const struct imdn *imdn; /* the same, parsed; its status is one of the RFC's */
};
/*
 * A notification came: true when it is held (copied). The document names its sender then: where its
 * recipient-uri is another (the room, as clients copy the To of a group message), it is written anew.
 * aggregates_due() may have something afterwards.
 */
bool aggregates_hold(struct aggregates *a, const struct aggregate_limits *limits,
		     const struct aggregate_item *item, uint64_t now_ms);
/*
 * A message whose summary is due; NULL: none. Valid until aggregates_done() is called for it, which
 * must be before the next call of any other function here.
 */
struct aggregate *aggregates_due(struct aggregates *a, uint64_t now_ms);
void aggregates_done(struct aggregates *a, struct aggregate *g);
/* Forget messages without news; false when nothing is left. */
bool aggregates_expire(struct aggregates *a, uint64_t now_ms);

#endif
