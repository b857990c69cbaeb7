/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_KEEP_H
#define MRFP_KEEP_H

#include "mrfp/context.h"

/*
 * Messages of a context that some leg may not have answered yet (policy bit 128): references to their
 * chunks, so that one can be put together again for who missed it. Bounded in octets
 * (context.keep_bytes): the oldest give way. Costs something per message and per tick, nothing per
 * delivery.
 */
struct kept_part {
	struct chunk *bytes;
	uint64_t start;   /* of the message, from 1 */
	uint32_t at, len; /* in bytes */
};

struct kept {
	TAILQ_ENTRY(kept) link;
	uint64_t serial;
	uint64_t sender; /* termination; 0: the focus */
	uint32_t source; /* leg */
	uint8_t kind;    /* enum cpim_kind */
	bool complete;
	uint64_t last_num; /* complete: transaction in the log that ends it */
	char *message_id;  /* the sender's; "" when it is the focus' */
	char *content_type;
	struct kept_part *parts;
	size_t n_parts, n_bytes;
	uint64_t length; /* complete: octets */
};

struct keep {
	TAILQ_HEAD(kept_list, kept) messages; /* by serial */
	size_t n_bytes;
	LIST_ENTRY(keep) link; /* of the plane */
	struct context *ctx;
};

/* Does the context keep messages at all? */
static inline bool keep_wanted(const struct context *ctx)
{
	return ctx->policy & CTL_POLICY_KEEP && ctx->kind == CTL_KIND_CHAT;
}

struct keep_message {
	uint64_t serial, sender;
	uint32_t source;
	uint8_t kind;
	const char *message_id, *content_type;
};
/* A chat message to all begins. */
void keep_begin(struct context *ctx, const struct keep_message *m);
/*
 * The newest entry of the chat log is a chunk of it: octets start.. at offset at of the frame.
 * last: nothing more follows; aborted: it was given up, and is forgotten.
 */
void keep_chunk(struct context *ctx, uint64_t serial, const struct chunklog_entry *entry,
		uint64_t start, size_t at, size_t len, bool last, bool aborted);
/* NULL when it is not kept any more. */
const struct kept *keep_find(const struct context *ctx, uint64_t serial);
/* The whole message; the caller has to free the bytes. Only of a complete one. */
void keep_join(const struct kept *k, struct bytes *out);
/* Forget what every leg has answered. */
void keep_tick(struct plane *plane);
void keep_free(struct context *ctx);

#endif
