/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_PLANE_H
#define MRFP_PLANE_H

#include <sys/queue.h>

#include "common/addr.h"
#include "mrfp/budget.h"
#include "mrfp/options.h"
#include "mrfp/places.h"
#include "mrfp/stats.h"
#include "proto/ctl_msgs.h"

struct admit_source;
struct bundle;
struct context;
struct keep;
struct event_base;
struct msrp_item;
struct nicknames;
struct owed;
struct plane;
struct resolver;
struct sender;
struct session;
struct tls;
struct verdicts;
struct wire;
struct wire_rx;

/*
 * What the parts of the media plane share: settings, tables, the turn's clock and its lists of
 * work. Made and owned by server.c; no part owns another's table entries.
 */

/* What a connection's bytes mean: given by request.c, called by wire.c. */
struct wire_ops {
	void (*item)(struct wire *w, const struct msrp_item *item);
	void (*ok)(struct wire *w, struct slice tid); /* a whole 200, by the fast path */
	void (*batch_end)(struct wire *w);            /* views of this read die now */
	void (*connected)(struct wire *w);            /* an outgoing connection is up */
	void (*broken)(struct wire *w);               /* no end of the present frame can be found */
	void (*overfull)(struct plane *p);            /* plane->over_limit: make room now */
	void (*lost)(struct wire *w, int cause); /* enum ctl_lost; the wire is closed already */
};

/* Hand an event to the MRFC. Returns the transaction that its reply will carry (nickname). */
typedef uint32_t plane_notify_fn(const struct context *ctx, const struct ctl_notify *event,
				 void *arg);

#define PLANE_LISTENERS (3 * PLACES_MAX + 4) /* TCP, TLS, WebSocket; one for a proxy; admin */

struct plane {
	const struct options *opt;
	struct event_base *base;
	struct stats stats;
	struct addr_set *connect_allow, *trusted;
	struct addr own[PLANE_LISTENERS]; /* listeners of this process: nothing to connect to */
	size_t n_own;
	struct places places; /* where peers reach us; one at least */
	struct tls *tls;      /* our certificate; NULL: no TLS */
	struct tls *wss;      /* the same for browsers, which are not asked for a certificate */
	uint64_t now_ms;      /* of this loop turn */
	uint64_t (*wall_ms)(void); /* since 1970 */

	struct context *contexts;     /* uthash, by id */
	struct session *sessions;     /* uthash, by local session-id */
	struct psk *psks;             /* uthash, by identity */
	struct admit_source *sources; /* uthash, by address: connections of each */
	uint64_t sources_swept_ms;    /* when idle ones were last forgotten */
	struct sender *senders;       /* uthash, by participant: what they may send */
	uint64_t last_session;        /* serial of the newest session */

	LIST_HEAD(, wire) wires;
	TAILQ_HEAD(, wire) dirty_wires;       /* something of their own to send */
	LIST_HEAD(, wire) watched;            /* without session, or blocked */
	uint32_t n_held;                      /* of them with a request that waits */
	TAILQ_HEAD(, wire) readable;          /* to be read from in this turn */
	TAILQ_HEAD(, wire) dead_wires;        /* freed at the end of the turn */
	TAILQ_HEAD(, ws_link) websockets;     /* by the time of their next ping */
	TAILQ_HEAD(, context) dirty_contexts; /* something new in their logs */
	LIST_HEAD(, context) aggregating;     /* contexts that follow notifications */
	LIST_HEAD(, context) throttled;       /* contexts with senders that wait */
	TAILQ_HEAD(, session) busy;           /* sessions with a running clock */
	bool over_limit;                      /* a log or the process passed a mark in this turn */
	uint64_t alive_ms;                    /* next look for dead peers and quiet sessions */
	bool draining;                        /* going down: no new messages */

	const struct wire_ops *ops;
	char *read_buf;             /* one for all connections */
	struct wire_rx *spare_rx;   /* for the next read of a connection that has none */
	struct bundle *bundle;      /* many connections in one system call; NULL: one call each */
	bool reading;               /* no connection is freed now */
	uint32_t due;               /* responses that receivers owe us, of lately */
	uint32_t due_lately;        /* since the last tick */
	size_t read_now, read_most; /* of one read: now, and while nobody has to wait */
	struct budget budget;
	uint64_t level_ms;     /* since when the budget's level is not free and has not fallen */
	uint64_t peak_context; /* most that a context's logs held */
	struct nicknames *nicknames;
	struct verdicts *verdicts;
	struct owed *owed;
	LIST_HEAD(, keep) keeping; /* contexts that hold recent messages */
	struct resolver *resolver; /* NULL: names cannot be connected to */
	plane_notify_fn *notify;
	/* The reply to an event is wanted no more: it is dropped, sent or not. */
	void (*withdraw)(uint32_t transaction, void *arg);
	void *notify_arg;
};

#define PLANE_READ_HEADROOM (32u << 10) /* in front: what was kept of an incomplete frame */
#define PLANE_READ_SIZE     (256u << 10)
#define PLANE_READ_SMALL    (16u << 10) /* while senders have to wait */

#endif
