/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_CHUNKLOG_H
#define MRFP_CHUNKLOG_H

#include <sys/uio.h>

#include "common/meter.h"
#include "mrfp/frame.h"

/*
 * A context's shared log of outgoing chunks. Each chunk is stored once; a leg is a cursor
 * (sequence, offset) and adds only its own path block. Entries are freed when every cursor that was
 * attached at their append has passed them. No I/O, no clock.
 */

/* What a leg must know about the message of a chunk to want it or not. */
struct chunk_meta {
	uint64_t serial; /* of the message in its context, rising */
	uint64_t admit;  /* bit per accept list of the context: may have the type */
	uint64_t size;   /* octets of the message as far as known */
	uint32_t source; /* number of the leg it came from; 0: the focus */
	uint8_t kind;    /* enum cpim_kind */
	bool control;    /* not content: a=sendonly and a=inactive do not stop it */
	bool first;      /* nothing of this message came before */
	bool last;       /* no more of this message follows */
	char flag;       /* '$', '+' or '#' */
};

/* What a leg wants. */
struct taste {
	uint64_t since;    /* messages up to this serial began before it joined */
	uint64_t max_size; /* of the peer; 0: none */
	uint64_t *settled; /* messages of which it gets nothing more; rising from first_settled */
	uint32_t first_settled, n_settled, cap_settled;
	uint32_t number; /* its own number: never gets what it sent */
	uint8_t accept;  /* bit in admit */
	bool deaf;       /* peer is sendonly or inactive: control only */
};

void taste_settle(struct taste *t, uint64_t serial); /* no more of it */
bool taste_is_settled(const struct taste *t, uint64_t serial);
void taste_forget(struct taste *t, uint64_t serial);
void taste_fini(struct taste *t);
/*
 * Should the leg get this message? Asked once, when the message begins: who says no settles it
 * (taste_settle), so that a later change of taste never splits a message.
 */
bool taste_wants(const struct taste *t, const struct chunk_meta *m);

struct chunklog_entry {
	struct chunk_meta meta;
	struct chunk *bytes;
	uint64_t num; /* of its transaction id */
	uint64_t pos; /* cost of all entries before */
	uint32_t start_len;
	uint32_t left; /* cursors that have not passed */
};

struct chunklog {
	struct series tids;
	struct chunklog_entry *ring;
	size_t cap;
	uint64_t head, tail; /* sequence numbers: next to append, oldest held */
	uint64_t pos_head;
	uint32_t n_cursors;
	struct meter *meter; /* what all logs hold, by enum cpim_kind; NULL: not kept */
};

struct cursor {
	uint64_t seq;
	uint32_t off; /* bytes of the current frame already out */
	bool attached;
};

/* A leg's own part of every frame. */
struct leg_block {
	const char *paths; /* To-Path and From-Path lines */
	uint32_t paths_len;
	uint8_t suffix_len;
	char suffix[SERIES_SUFFIX_MAX];
};

void chunklog_init(struct chunklog *l);
void chunklog_fini(struct chunklog *l);
/* What holding a frame of len bytes costs (entry included); the unit of the log's limit. */
static inline uint64_t chunklog_cost(uint64_t len)
{
	return len + sizeof(struct chunklog_entry) + sizeof(struct chunk) + 16;
}
/* Cost of everything held. */
uint64_t chunklog_held(const struct chunklog *l);
/* Cost of what is between the cursor and the head: the leg's lag. */
uint64_t chunklog_lag(const struct chunklog *l, const struct cursor *c);

void chunklog_attach(struct chunklog *l, struct cursor *c); /* at the head */
void chunklog_detach(struct chunklog *l, struct cursor *c);
/*
 * to takes the place of from, which is detached (nothing when it was not attached). A frame that is
 * partly out is passed: its rest is the caller's matter.
 */
void chunklog_move(struct chunklog *l, struct cursor *from, struct cursor *to);
/* The chunk with this sequence number; NULL at the head. Valid until the next append. */
const struct chunk_meta *chunklog_at(const struct chunklog *l, uint64_t seq);

/* Its transaction's number. */
uint64_t chunklog_num_at(const struct chunklog *l, uint64_t seq);
/* The entry before the head; NULL when nothing is held. Valid until the next append. */
const struct chunklog_entry *chunklog_newest(const struct chunklog *l);

/* Append one chunk for all attached cursors; nothing is kept when there are none. */
void chunklog_append(struct chunklog *l, const struct chunk_meta *meta,
		     const struct msrp_rest *rest, struct slice body);

/* Called for each frame that is completely out. */
typedef void chunklog_sent_fn(const struct chunk_meta *m, uint64_t num, void *arg);

/*
 * iovecs of the next frames from the cursor: at most n_iov, max_entries frames and (but for the
 * first frame) max_bytes. Passes over what the leg does not want. *bytes_r is their sum.
 */
int chunklog_iov(struct chunklog *l, struct cursor *c, struct taste *t, const struct leg_block *leg,
		 struct iovec *iov, int n_iov, size_t max_entries, size_t max_bytes,
		 size_t *bytes_r);
/* n bytes of what chunklog_iov gave are out. */
void chunklog_advance(struct chunklog *l, struct cursor *c, struct taste *t,
		      const struct leg_block *leg, size_t n, chunklog_sent_fn *sent, void *arg);
/* Newest chunk of the message that the cursor has not passed, or NULL. Valid until the next append. */
const struct chunk_meta *chunklog_ahead(const struct chunklog *l, const struct cursor *c,
					uint64_t serial);
/* Is there anything for this leg? (passes over what it does not want) */
bool chunklog_pending(struct chunklog *l, struct cursor *c, struct taste *t);

#endif
