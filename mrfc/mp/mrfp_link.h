/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_MP_MRFP_LINK_H
#define MRFC_MP_MRFP_LINK_H

#include "mrfc/mp/mrfp_link_wire.h"
#include "proto/ctl_codec.h"

/*
 * One MRFP as the MRFC sees it, over as many connections as its life takes: transactions, keepalive,
 * state. The wire below may be lost and replaced; requests wait for the next one of the same
 * incarnation and then go again with their numbers, so that the MRFP answers them from its saved
 * replies where it had them already. Time is given.
 */
struct mrfp_link;

enum mrfp_link_state {
	MRFP_LINK_UP,
	MRFP_LINK_DRAINING, /* up, takes no new contexts */
	MRFP_LINK_LOST,     /* no wire; contexts are believed to live on */
	MRFP_LINK_GONE      /* given up: contexts are lost */
};
const char *mrfp_link_state_name(enum mrfp_link_state s);

#define MRFP_LINK_IN_FLIGHT_MAX 4096

struct mrfp_timing {
	uint32_t tick_ms;      /* how often the pool looks */
	uint32_t register_ms;  /* a new wire must have registered */
	uint32_t request_ms;   /* a request is answered */
	uint32_t keepalive_ms; /* KEEPALIVE is sent */
	uint32_t silent_ms;    /* nothing heard: the wire is dead */
	uint32_t gone_ms;      /* lost: given up */
};
/* 250 ms, 5 s, 5 s, 1 s, 3 s, 3 s. */
void mrfp_timing_default(struct mrfp_timing *t);

/* Cells to count in; shared by all links of a pool. */
struct mrfp_link_stats {
	int64_t *requests[CTL_CMD_KEEPALIVE + 1]; /* by command */
	int64_t *resent;
	int64_t *timeouts, *closed, *refused; /* failed requests */
	int64_t *in_flight;
	int64_t *lost, *gone; /* links */
};

/* err 0: the MRFP answered, tlvs is the reply's body (its code may be an error). Else tlvs is empty. */
struct mrfp_reply {
	int err; /* -ERR_TIMEOUT, -ERR_CLOSED */
	struct slice tlvs;
};
typedef void mrfp_reply_fn(const struct mrfp_reply *reply, void *arg);

struct mrfp_link_ops {
	/*
	 * A request of the MRFP's that is no KEEPALIVE. *result_r says OK already. Views in it have to
	 * live until this returns to the link. Repeated transactions do not come here.
	 */
	void (*request)(struct mrfp_link *l, const struct ctl_frame *frame,
			struct ctl_result *result_r, void *arg);
	/* After the state changed. The link must not be freed in it. */
	void (*state)(struct mrfp_link *l, enum mrfp_link_state old, void *arg);
	void (*load)(struct mrfp_link *l, uint32_t per_mille, void *arg);
};

/* A link without a wire, in state gone until mrfp_link_attach(). timing and stats must outlive it. */
struct mrfp_link *mrfp_link_new(const char *id, const struct mrfp_timing *timing,
				const struct mrfp_link_stats *stats,
				const struct mrfp_link_ops *ops, void *arg);
/* Pending requests fail with -ERR_CLOSED; the state operation is not called. */
void mrfp_link_free(struct mrfp_link **l);
const char *mrfp_link_id(const struct mrfp_link *l);
uint64_t mrfp_link_incarnation(const struct mrfp_link *l);
enum mrfp_link_state mrfp_link_state(const struct mrfp_link *l);

/*
 * A registered wire, its SERVICE_CHANGE reply already queued. Replaces an older wire. The same
 * incarnation as before: unanswered requests go again. Another one: they fail with -ERR_CLOSED and
 * saved replies are forgotten.
 */
void mrfp_link_attach(struct mrfp_link *l, struct mrfp_wire *wire_take, uint64_t incarnation,
		      uint64_t now_ms);
/* Close its wire: it is lost, and may come back. */
void mrfp_link_close(struct mrfp_link *l, const char *why);
/* No new contexts, from up only; and back. */
void mrfp_link_drain(struct mrfp_link *l, const char *why);
void mrfp_link_undrain(struct mrfp_link *l, const char *why);
/* Lost, because nothing was heard of it: it may be there and do nothing. */
bool mrfp_link_silent(const struct mrfp_link *l);
/* The MRFP said that it goes down now, or it is to be given up: pending requests fail. */
void mrfp_link_give_up(struct mrfp_link *l, const char *why);

/*
 * Send a request; fn comes once, from the loop or a tick, unless this fails: -ERR_CLOSED (gone),
 * -ERR_LIMIT (too many in flight, or larger than a frame). While the link is lost the request waits.
 */
MUST_CHECK int mrfp_link_request(struct mrfp_link *l, uint8_t command,
				 const uint8_t context[CTL_CONTEXT_SIZE], enum ctl_body body,
				 const void *msg, uint64_t now_ms, mrfp_reply_fn *fn, void *arg);
/*
 * In ops->request: no answer now, mrfp_link_answer() gives it. Until then a repeat of the request comes
 * as a new one. Nothing happens when the link has no wire any more. status: an MSRP status, or 0.
 */
void mrfp_link_answer_later(struct mrfp_link *l);
void mrfp_link_answer(struct mrfp_link *l, uint8_t command, uint32_t transaction,
		      const uint8_t context[CTL_CONTEXT_SIZE], uint16_t code, uint16_t status);
/* Timeouts, keepalive, silence. After a long pause of our own the other side has time to be heard. */
void mrfp_link_tick(struct mrfp_link *l, uint64_t now_ms);

#endif
