/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_MP_MRFP_POOL_PRIV_H
#define MRFC_MP_MRFP_POOL_PRIV_H

#include <sys/queue.h>
#include <uthash.h>

#include "common/listener.h"
#include "common/metrics.h"
#include "mrfc/mp/mrfp_link_loop.h"
#include "mrfc/mp/mrfp_pool.h"

/* What the pieces of the pool share: registration (pool), requests and contexts (ctx), audit. */

struct pool_termination {
	UT_hash_handle hh;
	uint64_t id;
	uint32_t born; /* the member's audit number when it came */
	uint32_t seen; /* the last audit that listed it */
};

struct pool_context {
	UT_hash_handle hh;
	LIST_ENTRY(pool_context) link; /* of the member */
	struct pool_member *member;
	uint8_t id[CTL_CONTEXT_SIZE];
	uint64_t generation; /* tells it from an earlier one with the same id */
	struct pool_termination *terminations;
	unsigned n_pending; /* requests in flight */
	uint32_t born, seen;
	bool lingers; /* terminations that were subtracted may not have gone yet: it is till its own is */
	uint64_t highest; /* termination that it ever had */
};

/*
 * Does it know what it talks about? After it registered, events from before may name what is gone:
 * they are not counted until the audit is over and no stranger one came for a while.
 */
struct pool_trust {
	bool audited, settled;
	bool strange;        /* since the last tick */
	uint64_t audited_ms; /* when */
	unsigned n_invented;
};
#define POOL_FORMER        4096 /* contexts remembered that are no more */
#define POOL_INVENTED_MAX  10
#define POOL_TRUST_WAIT_MS 5000

/* One MRFP by name; lives on while it is away. */
struct pool_member {
	LIST_ENTRY(pool_member) link;
	struct mrfp_pool *pool;
	struct mrfp_link *mrfp;
	char *msrp;
	char *fingerprint; /* "": no TLS */
	bool websocket;
	bool v4, v6;        /* address families that its MSRP URIs can have */
	bool held_back;     /* the operator drains it */
	bool says_goodbye;  /* it drains itself: it goes down */
	unsigned n_flaps;   /* links lost soon after they were made, in a row */
	uint64_t up_ms;     /* when it registered last */
	uint64_t steady_ms; /* until then others are preferred: its link comes and goes */
	uint64_t max_size;
	uint32_t max_terminations;
	uint32_t load;
	LIST_HEAD(, pool_context) contexts;
	uint32_t n_contexts, n_terminations;
	uint32_t audit;        /* number of the latest one */
	uint64_t audit_due_ms; /* try again then; 0: no need */
	bool leaving;          /* said forced: given up in the next turn */
	struct pool_trust trust;
	bool restarting; /* its contexts are told lost once it is up again */
};

/* A wire that has not registered. */
struct pool_stranger {
	LIST_ENTRY(pool_stranger) link;
	struct mrfp_pool *pool;
	const struct mrfp_wire_events *events; /* of its wire */
	struct mrfp_wire *wire;
	bool remote;            /* came over TLS */
	char peer[ADDR_STRLEN]; /* from there; "" else */
	uint64_t deadline_ms;
};

/* A request with a callback, at a link or (err set) waiting to be told that it failed. */
struct pool_op {
	TAILQ_ENTRY(pool_op) link;
	struct mrfp_pool *pool;
	uint8_t command;
	uint8_t context[CTL_CONTEXT_SIZE];
	uint64_t generation;
	uint64_t termination;
	int err;
	mrfp_result_fn *fn;
	void *arg;
};
TAILQ_HEAD(pool_op_list, pool_op);

struct pool_stats {
	struct mrfp_link_stats link;
	int64_t *registered, *refused;
	int64_t *notifies[CTL_EVENT_END];
	int64_t *invented;
	int64_t *full; /* terminations that no MRFP had room for */
	struct metrics_family *of_load, *of_contexts, *of_terminations, *of_state;
	int64_t *audit_subtracted, *audit_lost, *audit_adopted;
	int64_t *state[MRFP_DOWN + 1];
	int64_t *contexts, *terminations;
};

struct mrfp_pool {
	struct event_base *base;
	struct mrfp_timing timing;
	uint64_t incarnation;               /* of this MRFC */
	struct listener *listener, *remote; /* Unix socket; TLS, NULL: none */
	struct tls *tls;
	struct fingerprint_list pins;
	struct peer_users users; /* who else may come by the socket */
	struct mrfp_loop *loop;
	const struct mrfp_pool_events *events; /* NULL: nobody listens yet */
	void *events_arg;
	LIST_HEAD(, pool_member) members;
	unsigned n_members;
	uint32_t max_load; /* per mille; one above it gets no new contexts */
	LIST_HEAD(, pool_stranger) strangers;
	unsigned n_strangers;
	struct pool_context *contexts;                 /* by id */
	uint8_t former[POOL_FORMER][CTL_CONTEXT_SIZE]; /* ended lately; a ring */
	uint64_t n_former;                             /* ever */
	uint64_t next_generation;
	struct pool_op_list sent;   /* at a link */
	struct pool_op_list failed; /* to be told in the next turn */
	struct ctl_arena arena;
	struct mrfp_link *asking; /* whose event is with our user now */
	uint32_t asking_transaction;
	const uint8_t *asking_context;
	struct pool_stats stats;
};

/* mrfp_pool.c */
/* Room for one that is about to register; the oldest of too many goes. Its wire is the caller's to set. */
struct pool_stranger *pool_stranger_new(struct mrfp_pool *p);
/* mrfp_pool_door.c */
MUST_CHECK int pool_door_unix(struct mrfp_pool *p, const char *path);
void pool_doors_close(struct mrfp_pool *p);
/* mrfp_pool.c */
void pool_stats_init(struct mrfp_pool *p, struct metrics *metrics);

/* mrfp_pool_ctx.c */
struct pool_context *pool_context_find(const struct mrfp_pool *p, const uint8_t *id);
struct pool_context *pool_context_new(struct pool_member *m, const uint8_t *id);
void pool_context_free(struct pool_context *c);
struct pool_termination *pool_termination_find(struct pool_context *c, uint64_t id);
void pool_termination_add(struct pool_context *c, uint64_t id);
void pool_termination_del(struct pool_context *c, uint64_t id);
/* The member's contexts are lost, all of them. */
void pool_member_lose_contexts(struct pool_member *m);
/* Remember that there was such a context. */
void pool_context_note(struct mrfp_pool *p, const uint8_t *id);
/* Tell the failed ones. */
void pool_ops_turn(struct mrfp_pool *p);

/* mrfp_pool_place.c */
/* What it registered with: what it can serve. */
void pool_member_describe(struct pool_member *m, const struct ctl_service_change *msg);
/* It has as many terminations as it can have. */
bool pool_member_full(const struct pool_member *m);
/* Its link is up, or was lost: does it come and go? */
void pool_member_steady(struct pool_member *m, bool up, uint64_t now_ms);
/*
 * Where a new context goes, of what its first termination needs. -ERR_LIMIT: all that could take it
 * are full or too busy; -ERR_CLOSED: there is none.
 */
MUST_CHECK int pool_place(struct mrfp_pool *p, const struct ctl_add *msg,
			  struct pool_member **member_r);
/* One that fell silent is given up at once where another can take its contexts. */
void pool_tick_silent(struct mrfp_pool *p);

/* mrfp_pool_audit.c */
void pool_audit_start(struct pool_member *m);
/* An event names what the pool does not know, but its user may, from its store: adopted then. */
void pool_audit_event(struct pool_member *m, const uint8_t *context, uint64_t termination);

/* mrfp_pool_trust.c */
void pool_trust_tick(struct pool_member *m, uint64_t now_ms);
/*
 * May this event be about something that is or was? Else it is counted, and the link closed when
 * there were too many: CTL_R_UNKNOWN_CONTEXT or _TERMINATION.
 */
uint16_t pool_trust_event(struct pool_member *m, const uint8_t *context, uint64_t termination);

#endif
