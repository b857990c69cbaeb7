/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_MP_MRFP_POOL_H
#define MRFC_MP_MRFP_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/peer_users.h"
#include "common/tls.h"
#include "mrfc/mp/mrfp_link.h"
#include "proto/ctl_codec.h"

struct event_base;
struct metrics;

/* The MRFPs that registered, and which of them holds a context. */
struct mrfp_pool;

/*
 * Listen on the Unix socket for MRFPs. timing NULL: the defaults. -ERR_IO with errno when the
 * socket cannot be opened.
 */
MUST_CHECK int mrfp_pool_new(struct event_base *base, const char *socket_path,
			     const struct mrfp_timing *timing, struct metrics *metrics,
			     struct mrfp_pool **pool_r);
/*
 * Whose processes may register on the socket besides. With any users it is opened to all (0666), as each
 * is asked for its user. -ERR_IO with errno.
 */
MUST_CHECK int mrfp_pool_set_users(struct mrfp_pool *p, const struct peer_users *users);
/*
 * Listen for MRFPs of other machines too: TLS 1.3, both sides with certificates, and theirs have to
 * be among pins (two for a change). -ERR_CONFIG, -ERR_IO with a sentence in why.
 */
struct mrfp_remote {
	const struct addr *at;
	const char *certificate, *key; /* PEM files */
	const struct fingerprint_list *pins;
};
MUST_CHECK int mrfp_pool_listen_tls(struct mrfp_pool *p, const struct mrfp_remote *remote,
				    char why[TLS_WHY_SIZE]);
/* Where; NULL: not at all. */
const struct addr *mrfp_pool_remote_addr(const struct mrfp_pool *p);
/* Pending callbacks are dropped. */
void mrfp_pool_free(struct mrfp_pool **p);

/* Read model for the admin API and readiness. */
enum mrfp_state { MRFP_UP, MRFP_DRAINING, MRFP_DOWN };
struct mrfp_info {
	const char *id;
	enum mrfp_state state;
	const char *msrp;
	uint32_t contexts, terminations;
	uint32_t max_terminations; /* 0: no limit of its own */
	uint32_t load;             /* per mille */
	bool tls, websocket;
	bool held_back; /* draining by the operator's word */
};
typedef void mrfp_each_fn(const struct mrfp_info *info, void *arg);
void mrfp_pool_each(const struct mrfp_pool *p, mrfp_each_fn *fn, void *arg);
bool mrfp_pool_up(const struct mrfp_pool *p);
/* An MRFP whose load is above this (per mille) gets no new contexts; as made: 1000. */
void mrfp_pool_set_max_load(struct mrfp_pool *p, uint32_t per_mille);
/*
 * The operator's word: no new contexts to this MRFP, or again (not while it goes down itself). It
 * holds over registrations. Who has contexts there moves them. -ERR_NOT_FOUND.
 */
MUST_CHECK int mrfp_pool_drain(struct mrfp_pool *p, const char *id, bool on);
/* Some MRFP drains. */
bool mrfp_pool_draining(const struct mrfp_pool *p);
/* The MRFP of this context drains, and another could take it. */
bool mrfp_pool_should_move(const struct mrfp_pool *p, const uint8_t context[CTL_CONTEXT_SIZE]);
/* Which MRFP holds a context; "" when none. */
const char *mrfp_pool_of(const struct mrfp_pool *p, const uint8_t context[CTL_CONTEXT_SIZE]);
/* One that is up serves MSRP over TLS. */
bool mrfp_pool_has_tls(const struct mrfp_pool *p);
bool mrfp_pool_has_websocket(const struct mrfp_pool *p);
/* Largest message that every MRFP that is up accepts; 0: not known. */
uint64_t mrfp_pool_max_size(const struct mrfp_pool *p);

/* What the pool tells its user (media). */
struct mrfp_pool_events {
	/* An event of a context the pool knows. It is answered when this returns, unless mrfp_pool_later() was called. */
	void (*notify)(const uint8_t *context, const struct ctl_notify *event, void *arg);
	/* The MRFP that held the context has lost it. The pool has forgotten it already. */
	void (*context_lost)(const uint8_t *context, void *arg);
	/* The MRFP no longer has this termination (its event did not reach us). */
	void (*termination_lost)(const uint8_t *context, uint64_t termination, void *arg);
	/* Is this termination (0: the context) wanted? What is not is subtracted. */
	bool (*known)(const uint8_t *context, uint64_t termination, void *arg);
	/* An audit lists this one, which is known; bound: it has its connection. NULL: nobody asks. */
	void (*listed)(const uint8_t *context, uint64_t termination, bool bound, void *arg);
	/* The audit of this MRFP is over: what it did not list, it does not have. NULL. */
	void (*audited)(const char *mrfp, void *arg);
};
void mrfp_pool_set_events(struct mrfp_pool *p, const struct mrfp_pool_events *events, void *arg);

/* Views die with the callback. */
struct mrfp_result {
	int err; /* 0, -ERR_CLOSED, _LIMIT, _TIMEOUT, _DENIED, _NOT_FOUND, _STALE, _WRONG_STATE */
	struct slice reason;
	struct slice local_path; /* add, modify of a termination */
	struct slice address;
	struct slice fingerprint; /* of the MRFP; empty: no TLS */
};
typedef void mrfp_result_fn(const struct mrfp_result *result, void *arg);
/*
 * Requests about a context, to the MRFP that holds it; a new context (by add) goes to one that is up,
 * has room and what the termination needs, the less loaded of two. fn (may be NULL) comes once, from the loop, never from within the call.
 */
void mrfp_pool_add(struct mrfp_pool *p, const uint8_t context[CTL_CONTEXT_SIZE],
		   const struct ctl_add *msg, mrfp_result_fn *fn, void *arg);
void mrfp_pool_modify(struct mrfp_pool *p, const uint8_t context[CTL_CONTEXT_SIZE],
		      const struct ctl_modify *msg, mrfp_result_fn *fn, void *arg);
void mrfp_pool_subtract(struct mrfp_pool *p, const uint8_t context[CTL_CONTEXT_SIZE],
			const struct ctl_subtract *msg, mrfp_result_fn *fn, void *arg);
/* A message to one termination, or with termination 0 to all. */
void mrfp_pool_inject(struct mrfp_pool *p, const uint8_t context[CTL_CONTEXT_SIZE],
		      const struct ctl_inject *msg, mrfp_result_fn *fn, void *arg);
/* An event whose reply waits for something. */
struct mrfp_later {
	uint64_t incarnation; /* of the MRFP */
	uint32_t transaction;
	uint8_t context[CTL_CONTEXT_SIZE];
};
/* In events->notify: its reply is given later. If the MRFP is gone by then, nothing happens. */
void mrfp_pool_later(struct mrfp_pool *p, struct mrfp_later *later_r);
/* status: an MSRP status that goes with it, or 0. */
void mrfp_pool_answer(struct mrfp_pool *p, const struct mrfp_later *later, bool ok,
		      uint16_t status);
/* Drop all pending callbacks (their owner goes away); the requests go on. */
void mrfp_pool_drop_callbacks(struct mrfp_pool *p);

#endif
