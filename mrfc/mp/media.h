/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_MP_MEDIA_H
#define MRFC_MP_MEDIA_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/slice.h"

/*
 * The focus' view of the MRFP: contexts and terminations, with nothing of the control protocol in
 * it. Implemented over mrfp_pool and mrfp_link. All calls are asynchronous; each callback comes
 * exactly once, from the loop, never before the call has returned (also on failure and timeout, 5 s).
 */
struct media;
struct mrfp_pool;

#define MEDIA_CONTEXT_SIZE 16

enum media_setup { MEDIA_ACTIVE = 1, MEDIA_PASSIVE = 2, MEDIA_SETUP_UNKNOWN = 3 };

/* What the MRFP has to know of a peer. NULL / 0 / false: not known or absent. Strings are the caller's. */
struct media_remote {
	const char *path;       /* a=path; NULL while we only offer */
	enum media_setup setup; /* of the MRFP */
	const char *connect;    /* "HOST:PORT" for us as active; NULL: from path */
	bool match_session_only;
	bool has_chatroom;
	bool nickname, private_messages;
	const char *accept_types;
	const char *accept_wrapped_types;
	uint64_t max_size;
	int direction; /* CTL_DIR_*: from the peer's view */
	/* media_modify: the user's URIs are these from now on; n_uris 0: as before. */
	const char *const *uris;
	size_t n_uris;
	const char *source;
	bool v6;
	bool tls;      /* media_add: MSRP over TLS, for good */
	bool ws;       /* media_add: inside a WebSocket, for good */
	bool listener; /* media_add: may not send to the conference; later media_set_listener */
	bool hold;     /* media_add: live messages wait for media_release() */
	/* a=fingerprint values, one of which is the peer's certificate's. */
	const char *const *fingerprints;
	size_t n_fingerprints;
};

/* Group keys that members may send under: names alone, of a domain, from the oldest epoch to the newest. */
#define MEDIA_KEY_DOMAIN_SIZE 8
struct media_keys {
	uint8_t domain[MEDIA_KEY_DOMAIN_SIZE];
	uint32_t oldest, newest; /* newest 0: there is no key yet */
};

struct media_context {
	uint8_t id[MEDIA_CONTEXT_SIZE]; /* random, chosen by conference */
	uint64_t epoch;                 /* ctl epoch */
	const char *conference_uri;
	const char *const *aliases;
	size_t n_aliases;
	bool private_messages, nicknames, echo, strict;
	bool keep;   /* what members miss is handed up */
	bool away;   /* some miss what comes */
	bool file;   /* from its one sending termination to the others */
	bool sealed; /* bodies under one of keys alone pass */
	struct media_keys keys;
	uint64_t max_message, max_file; /* octets; 0: what the MRFP allows */
};

struct media_result {
	int err; /* 0; -ERR_CLOSED no MRFP (503); -ERR_LIMIT no resources; -ERR_TIMEOUT; -ERR_DENIED */
	const char *reason;      /* for the log */
	const char *local_path;  /* "msrp://h:p/s;tcp" */
	const char *host;        /* for c= */
	uint16_t port;           /* for m= */
	const char *fingerprint; /* of the MRFP's certificate, for a=fingerprint; NULL: no TLS */
};
typedef void media_result_fn(const struct media_result *result, void *arg);

struct media *media_new(struct mrfp_pool *pool);
void media_free(struct media **m);

/* An MRFP is registered and up. */
bool media_available(const struct media *m);
/* Some MRFP drains: it is to lose its contexts. Should this one go to another, which could take it? */
bool media_draining(const struct media *m);
bool media_should_move(const struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE]);
/* Some MRFP serves MSRP over TLS. */
bool media_has_tls(const struct media *m);
bool media_has_websocket(const struct media *m);
/* Largest message accepted by the pool's MRFPs (for a=max-size). */
uint64_t media_max_size(const struct media *m);

/* Add a termination (and the context when new). termination: chosen by the caller, never 0, unique. */
void media_add(struct media *m, const struct media_context *ctx, uint64_t termination,
	       const char *const *uris, size_t n_uris, const struct media_remote *remote,
	       media_result_fn *fn, void *arg);
/* Give the remote side (answer came) or change it (re-INVITE). new_local: a new local URI is wanted. */
void media_modify(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
		  uint64_t termination, const struct media_remote *remote, bool new_local,
		  media_result_fn *fn, void *arg);
/*
 * A pre-shared key by which the peer of a termination over TLS may be known from now on, instead of by a
 * certificate: of this hop alone. What came by an earlier one stays. Done before what is asked for later; where
 * it cannot be, the termination is as it was. fn may be NULL.
 */
void media_set_psk(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
		   uint64_t termination, struct slice identity, struct slice psk,
		   media_result_fn *fn, void *arg);
/* Whether a termination may send to the conference (403 else); private messages as before. */
void media_set_listener(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
			uint64_t termination, bool listener);
/* Whether a termination's peer is the key server: its frames come as events (key); others get 403. */
void media_set_key_server(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
			  uint64_t termination, bool key_server);
/* Remove one termination, or the whole context (termination 0). fn may be NULL. */
void media_subtract(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
		    uint64_t termination, media_result_fn *fn, void *arg);
/*
 * The same for a termination whose user is away from now on: what it has not answered comes as events
 * owed. It has this long to answer and to say the last; 0: none. With it the context has to be subtracted
 * too in the end.
 */
void media_subtract_missed(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
			   uint64_t termination, uint32_t grace_ms, media_result_fn *fn, void *arg);
/* Are members away, who miss what comes? fn may be NULL. */
void media_set_away(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
		    bool away, media_result_fn *fn, void *arg);
/* A sealed context's keys changed. fn may be NULL. */
void media_set_keys(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
		    const struct media_keys *keys, media_result_fn *fn, void *arg);
/* A held termination has what it missed: live messages go out. */
void media_release(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
		   uint64_t termination);
/*
 * Send a message to one termination; number rises. What became of it comes as event told, unless this
 * fails.
 */
void media_inject(struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE], uint64_t epoch,
		  uint64_t termination, struct slice content_type, struct slice body,
		  uint64_t number, media_result_fn *fn, void *arg);

/* A message that somebody misses; views die with the callback. */
struct media_owed {
	uint64_t missed_by; /* termination; 0: all who are away */
	uint64_t sender;    /* termination; 0: the focus */
	struct slice to;    /* a private message to this participant; empty: to all */
	struct slice message_id, content_type;
	struct slice body; /* empty: missed_by misses what comes from now on */
};
/* Opaque: an event that is to be acknowledged. */
struct media_later {
	uint64_t incarnation;
	uint32_t transaction;
	uint8_t ctx[MEDIA_CONTEXT_SIZE];
};
/* It is stored (or cannot be). */
void media_owed_done(struct media *m, const struct media_later *later, bool ok);
/* What a nickname comes to: 200, 403, 424, 425. */
void media_nickname_done(struct media *m, const struct media_later *later, int status);
/* Forget a pending callback (its owner goes away). The operation itself goes on. */
void media_cancel(struct media *m, void *arg);

/* Events of terminations. cause is enum ctl_lost. */
struct media_events {
	void (*bound)(const uint8_t *ctx, uint64_t termination, const char *peer, void *arg);
	void (*lost)(const uint8_t *ctx, uint64_t termination, int cause, uint64_t copies_lost,
		     void *arg);
	/*
	 * Returns the MSRP status: 200, 403, 424, 425; 0: media_nickname_done(later) gives it, once. nick ""
	 * gives it up.
	 */
	int (*nickname)(const uint8_t *ctx, uint64_t termination, struct slice nick,
			const struct media_later *later, void *arg);
	/* A context for a file: nothing more of it is under way. outcome is enum ctl_outcome. */
	void (*file_over)(const uint8_t *ctx, int outcome, uint64_t size, void *arg);
	/* The MRFP that held this context is gone for good (process restarted, or link down > 3 s). */
	void (*context_lost)(const uint8_t *ctx, void *arg);
	/*
	 * Audit found this termination (0: the context as a whole) on an MRFP: false has it
	 * subtracted.
	 */
	bool (*known)(const uint8_t *ctx, uint64_t termination, void *arg);
	/*
	 * Somebody misses this (a private message: if he is a member who is away). With a body the event is acknowledged by media_owed_done(later), once;
	 * NULL: not at all.
	 */
	void (*owed)(const uint8_t *ctx, const struct media_owed *o,
		     const struct media_later *later, void *arg);
	/*
	 * A member sent a key message (application/mikey), or, being the key server, frames: nobody
	 * else gets them. NULL: nobody asks.
	 */
	void (*key)(const uint8_t *ctx, uint64_t termination, struct slice body, bool frames,
		    void *arg);
	/* So many more sealed messages passed. NULL: nobody counts. */
	void (*sealed)(const uint8_t *ctx, uint64_t n, void *arg);
	/* What became of media_inject: MSRP status; 481 and 408: it has not got it. */
	void (*told)(const uint8_t *ctx, uint64_t termination, uint64_t number, int status,
		     void *arg);
	/* An audit found this known termination; bound: with its connection. NULL: nobody asks. */
	void (*listed)(const uint8_t *ctx, uint64_t termination, bool bound, void *arg);
	/* All that this MRFP has was listed. NULL. */
	void (*audited)(const char *mrfp, void *arg);
	/* A leg that stays has lost so many copies since the last event. */
	void (*slow)(const uint8_t *ctx, uint64_t termination, uint64_t copies_lost, void *arg);
};
void media_set_events(struct media *m, const struct media_events *events, void *arg);
/* Which MRFP serves a context ("" when none): for the admin API. */
const char *media_mrfp_of(const struct media *m, const uint8_t ctx[MEDIA_CONTEXT_SIZE]);

#endif
