/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_SESSION_H
#define MRFP_SESSION_H

#include "common/outq.h"
#include "mrfp/context.h"
#include "mrfp/transaction.h"
#include "proto/msrp_head.h"

/*
 * One termination: an MSRP session between a peer and us, and the leg of its context. Owned by
 * its context's list; the wire only refers to it while it is bound.
 */
enum session_state {
	SESSION_IDLE,       /* our URI is out, the peer's path is not known yet */
	SESSION_WAITING,    /* passive: the peer is to connect and bind */
	SESSION_CONNECTING, /* active: connection under way */
	SESSION_BINDING,    /* active: our first SEND waits for its response */
	SESSION_BOUND,
	SESSION_LOST, /* was told to the MRFC; a new path may bring it back */
	SESSION_STATES
};

#define SESSION_ID_LEN 18 /* characters of our session-ids: 107 random bits */
#define SESSION_SEEN   32 /* Message-IDs remembered (MSRP-049) */

struct conn;
struct fingerprint_list;
struct inmsg;
struct psk;
struct request;
struct sender;

struct session {
	/* What every delivery touches. */
	struct wire *wire;
	struct context *ctx;
	struct cursor cur[N_LOGS];
	struct leg_block block;
	struct taste taste;
	struct txring tx[STREAM_COUNT];
	uint64_t serial; /* rising over all sessions of the process: order of an audit */
	uint32_t open[STATS_CLASSES]; /* copies owed and not settled */
	enum session_state state;
	bool busy;
	bool joined;     /* counted as bound in its context */
	bool flooding;   /* far above its rate for too long: ended with the next tick */
	bool hold;       /* policy 128: once joined, messages to all wait for session_release() */
	bool missing;    /* counted so in its context: it went, and is not back */
	bool returned;   /* it was held when it joined */
	bool listener;   /* may not send to the conference */
	bool key_server; /* its frames of a key server go to the MRFC */
	bool relayed;    /* its path has several URIs; counted in its context */
	uint64_t copies_delivered, copies_lost, messages_in, octets_in;
	uint64_t lost_told; /* of copies_lost, what the MRFC was told by an event */
	struct outq direct; /* private messages and injected ones */

	TAILQ_ENTRY(session) in_context;
	LIST_ENTRY(session) in_wire;
	TAILQ_ENTRY(session) in_busy;
	UT_hash_handle by_local;

	uint64_t termination;
	uint32_t traffic;     /* messages either way at the last look */
	uint32_t quiet_s;     /* seconds since there was one */
	uint64_t deadline_ms; /* WAITING, CONNECTING, BINDING: lost then; 0: none */
	char local_id[SESSION_ID_LEN + 1];
	char *local_uri;
	char *remote_path; /* a=path; "" when unknown */
	char *connect;     /* HOST:PORT; "" when the path says it */
	uint8_t transport; /* CTL_TRANSPORT_ */
	uint8_t family;    /* of the peer: 4, 6, 0 not known */
	uint8_t setup, match, caps, direction;
	struct fingerprint_list *pins; /* the peer's certificates; NULL: not known, any */
	struct psk *psk;               /* NULL: none */
	char *accept_types, *accept_wrapped, *refused_types; /* wrapped may be NULL */
	struct uris uris;
	struct sender *sender; /* account shared by the participant's sessions; NULL until needed */
	char *nickname;

	/* CONNECTING: the name that is being resolved, then the addresses to try. */
	struct resolver_query *query;
	struct addr *candidates;
	size_t n_candidates, next_candidate;

	/* As the peer writes them; a request that repeats them octet by octet needs no parsing. */
	const char *to_raw, *from_raw; /* no strings: places in the block of reply_paths */
	uint32_t to_raw_len, from_raw_len, reply_paths_len;
	char *reply_paths; /* To-Path, From-Path lines of responses to SEND; NULL before a bind */

	TAILQ_HEAD(, inmsg) inbox; /* partial messages from this peer */
	size_t n_inbox;
	struct sampler_leg typing;
	struct cursor parked
		[N_LOGS]; /* kind relay, without connection: what waits for the next; while held */
	uint64_t hold_until_ms;       /* while held and joined */
	uint64_t injected;            /* highest number of an Inject since it joined */
	uint64_t parked_due_ms;       /* something waits: given up then; 0: nothing does */
	uint32_t kept[STATS_CLASSES]; /* of open: of messages that wait there */
	uint64_t depart_ms;           /* it is being taken away: at the latest then; 0: it is not */
	uint64_t depart_octets;       /* octets_in at the last look */
	bool held_back;               /* not read from until its receiver catches up */
	uint64_t *seen;               /* hashes of finished Message-IDs; NULL until the first */
	uint32_t seen_next;
	size_t n_verdicts, verdict_bytes; /* messages that wait for a verdict, and what they hold */
};

const char *session_state_name(enum session_state st);
/* Is the move allowed? (table in session.c) */
bool session_may(enum session_state from, enum session_state to);

/* New termination in ctx with a fresh (or the given) session-id. -ERR_EXISTS when that id is in use. */
MUST_CHECK int session_make(struct context *ctx, uint64_t termination, struct slice local_id,
			    struct session **session_r);
/* Only after it was unbound and its inbox emptied. */
void session_free(struct session **s);
struct session *session_find(struct context *ctx, uint64_t termination);
struct session *session_by_number(struct context *ctx, uint32_t number);
struct session *session_by_local(struct plane *plane, struct slice session_id);
/* Host of its URI, and the port: where the peer is to connect to. */
const char *session_place(const struct session *s, uint16_t *port_r);
/* CTL_TRANSPORT_, and 4, 6 or 0; a session is made for TCP and any family. Its URI changes with them. */
void session_set_place(struct session *s, uint8_t transport, uint8_t family);
/* Copies the list. */
void session_set_pins(struct session *s, const struct fingerprint_list *pins);
/* Is who is at the other end of c the session's peer, as far as certificates tell (RFC 8122 6.2, RFC 4975 5.4)? */
bool session_peer_ok(const struct session *s, const struct conn *c);
/* Set one of the texts connect, accept_types, accept_wrapped, refused_types, nickname. */
void session_text(char **text, struct slice value);
/* Give it a new session-id and URI. */
void session_renew(struct session *s);

/* The one way to change state: checks, logs with the cause, sets the state's deadline. */
void session_set_state(struct session *s, enum session_state to, const char *cause);

/* Forget the addresses to connect to. */
void session_stop_dialing(struct session *s);

/* Accept lists, sizes and direction into the leg's taste. */
void session_apply_taste(struct session *s);
/*
 * For what chunk_meta.admit leaves open: does the leg, if it is judged by its own list, take this
 * type? Arguments as for context_admit.
 */
bool session_admits(const struct session *s, unsigned kind, struct slice top, struct slice inner);
/*
 * Join the context's logs. The path blocks must be set (session_set_paths) and wire be set.
 */
void session_join(struct session *s);
/* No longer held: what waited goes out. */
void session_release(struct session *s);
/* Leave the logs; does not settle copies. */
void session_part(struct session *s);
/* The same, but what was not begun waits for the next session_join(). */
void session_part_waiting(struct session *s);
/* Its a=path is known or another one. */
void session_set_remote_path(struct session *s, struct slice path);
/* Build path blocks: to_raw, from_raw as the peer writes them in its requests. */
void session_set_paths(struct session *s, struct slice to_raw, struct slice from_raw);

/* Start the session's clock: it is looked at every tick until it has nothing due. */
void session_busy(struct session *s);
void session_unbusy(struct session *s);

/* A copy's fate is known: counters of the leg and of all. */
void session_settle(struct session *s, unsigned kind, enum stats_outcome outcome);
/* One line in the log (rate-limited) about a copy of the leg that is lost. */
void session_log_lost(const struct session *s, uint64_t serial, const char *why);
/* chunklog_sent_fn's work for one log: open its transaction. */
void session_sent(struct session *s, int stream, const struct chunk_meta *m, uint64_t num,
		  uint64_t at_ms);
/* Cost of what waits in the logs while the leg is held. */
uint64_t session_held_lag(const struct session *s);
/* Cost of what waits for this leg in the logs and its own queue. */
uint64_t session_lag(const struct session *s);
/* Is something due for this leg? Passes over what it does not want. */
bool session_pending(struct session *s);

/* Finished Message-IDs of the peer. */
bool session_has_seen(const struct session *s, struct slice message_id);
void session_see(struct session *s, struct slice message_id);

#endif
