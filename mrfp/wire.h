/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_WIRE_H
#define MRFP_WIRE_H

#include "common/buf.h"
#include "common/conn.h"
#include "mrfp/session.h"
#include "proto/msrp_parse.h"

/* One MSRP connection and the sessions bound to it (usually one, MSRP-045). */

/* The request whose body is being received. */
struct request {
	struct session *session; /* NULL: none, or it went away meanwhile */
	struct inmsg *msg;       /* SEND with a body that is wanted */
	uint8_t method;          /* enum msrp_method */
	bool active;
	bool answered;  /* or will be, by others (NICKNAME) */
	bool mute;      /* no response whatever happens (REPORT, Failure-Report: no) */
	bool keepalive; /* SEND without body */
	bool repeat;    /* a message that was received before (MSRP-049) */
	bool stranger;  /* for no session of ours, on a connection that never carried one */
	bool success_report;
	enum msrp_failure_report failure_report;
	int status;           /* of the response; 200 so far */
	uint64_t pos;         /* of the next octet in the message */
	char *paths;          /* response path lines, when they are not the session's */
	struct chunk *report; /* to be sent behind the response */
	char *mid;            /* Message-ID of a repeat that wants a report */
	char tid[MSRP_TID_MAX + 1];
};

enum {
	WIRE_PAUSE_CONTEXT = 1,  /* it sends bulk, and receivers are behind */
	WIRE_PAUSE_OWN = 2,      /* it does not read our responses */
	WIRE_PAUSE_HELD = 4,     /* its first request waits for what the MRFC knows of the peer */
	WIRE_PAUSE_PEER = 8,     /* kind relay: the receiver of one of its sessions is behind */
	WIRE_PAUSE_VERDICT = 16, /* its messages wait for the MRFC's verdict */
	WIRE_PAUSE_CHAT = 32,    /* it sends, and receivers are far behind */
	WIRE_PAUSE_MEMORY = 64,  /* it sends, and the process holds too much */
	WIRE_PAUSE_RATE = 128    /* it sends more than it may; until throttled_ms */
};
/* It waits for receivers. */
#define WIRE_PAUSE_SENDER (WIRE_PAUSE_CONTEXT | WIRE_PAUSE_CHAT | WIRE_PAUSE_MEMORY)
enum wire_part_kind { PART_NONE, PART_REST, PART_OWN, PART_DIRECT, PART_CHAT, PART_BULK };

struct wire {
	struct plane *plane;
	struct conn *conn;
	struct ws_link *ws; /* inside a WebSocket (RFC 7977); NULL: not */
	LIST_HEAD(, session) sessions;
	uint32_t n_sessions;
	bool blocked; /* the kernel took less than given: wait for CONN_WRITABLE */
	bool armed;   /* CONN_WRITABLE is asked for */
	bool bundled; /* in the batch that is being made */
	bool dirty;
	bool readable; /* to be read from in this turn */
	bool dead;
	bool active;       /* we connected */
	bool trusted;      /* its peer is in msrp.trusted_media */
	bool connected;    /* always, but for an outgoing one under way */
	bool served;       /* it has carried a session */
	bool closing;      /* close as soon as own is out */
	uint8_t transport; /* CTL_TRANSPORT_ */
	bool held, again;  /* the request at the front of `in` waits; is to be read again */
	uint8_t paused;    /* WIRE_PAUSE_ bits */
	uint8_t mid_part;  /* enum wire_part_kind of which a frame is partly out */
	struct session *mid_session;
	struct wire_rx *rx; /* NULL between frames, but for the time of a read */
	struct outq own;    /* responses and REPORTs */
	struct chunk *rest; /* end of a frame whose session went away, or of a WebSocket frame */
	size_t rest_off;
	bool watched;
	bool overfull;         /* own did not take a frame */
	uint64_t unbound_ms;   /* since when without session */
	uint64_t heard_ms;     /* last octet read */
	uint64_t asked_ms;     /* an empty SEND asked for a sign of life then; 0: none under way */
	uint64_t moved_ms;     /* last octet taken, or begin of a block or of reading again */
	uint64_t let_go_ms;    /* the last wire_let_go() */
	uint64_t said_octets;  /* of content, at the last tick while blocked */
	uint64_t said_ms;      /* the last tick at which it had grown */
	uint64_t paused_ms;    /* since when paused */
	uint64_t partial_ms;   /* by its clock: since when an incomplete head waits; 0: none does */
	uint64_t throttled_ms; /* WIRE_PAUSE_RATE: read again then */
	uint64_t stood_still_ms; /* paused in all, before now */
	LIST_ENTRY(wire) in_all, in_watched;
	TAILQ_ENTRY(wire) in_readable;
	TAILQ_ENTRY(wire) in_list; /* dirty_wires or dead_wires */
};

/* A frame under way from the peer. */
struct wire_rx {
	struct request req;
	struct msrp_parser parser;
	struct buf in; /* octets that the parser has not used */
};

/* Is m the message whose chunk is being received? */
static inline bool wire_receives(const struct wire *w, const struct inmsg *m)
{
	return w->rx && w->rx->req.msg == m;
}

/* Octets read of an incomplete frame. */
static inline size_t wire_kept(const struct wire *w)
{
	return w->rx ? buf_held(&w->rx->in).len : 0;
}

/* Accepts NULL, nulls the pointer. */
void wire_rx_free(struct wire_rx **rx);

#define WIRE_OWN_MAX  (8u << 20)
#define WIRE_OWN_HIGH (128u << 10) /* responses not taken: stop reading requests */

/* The peer is to open a WebSocket, over TLS if secure. */
struct wire *wire_accept_ws(struct plane *plane, int fd_take, const struct addr *peer, bool secure);
/* Pings that are due; silent WebSockets are closed. */
void wire_ws_tick(struct plane *plane);
/* A WebSocket of which only the peer's Close frame or end is waited for. */
bool wire_is_ending(const struct wire *w);
/* A connection from outside, CTL_TRANSPORT_TCP or _TLS; fd is taken over. */
struct wire *wire_accept(struct plane *plane, int fd_take, const struct addr *peer,
			 uint8_t transport);
/*
 * Connect; over TLS only to a peer with one of these certificates, if pins, or one that proves to have psk (may
 * be NULL). -ERR_IO when it fails at once.
 */
MUST_CHECK int wire_connect(struct plane *plane, const struct addr *to, uint8_t transport,
			    const struct fingerprint_list *pins, const struct psk *psk,
			    struct wire **wire_r);
/* Close now; the object goes at the end of the turn. Sessions must have been taken off. */
void wire_close(struct wire *w);
/* Close when what is queued is out. */
void wire_close_soon(struct wire *w);
/* Free closed ones. */
void wire_reap(struct plane *plane);

void wire_add_session(struct wire *w, struct session *s);
/* Also finishes a frame of it that is partly out. */
void wire_remove_session(struct wire *w, struct session *s);

/* Queue one of our own frames (takes the reference) and remember to send it in this turn. */
void wire_push(struct wire *w, struct chunk *frame_take);
void wire_touch(struct wire *w);
/* Write what is due: rest of the frame under way, own, chat, direct, bulk. */
void wire_flush(struct wire *w);

/*
 * From wire_ops.item: the request whose head it was is not to be judged yet. It and what follows stay
 * unread until wire_release_held(), which has every such request told again.
 */
void wire_hold(struct wire *w);
void wire_release_held(struct plane *plane);

void wire_pause(struct wire *w, unsigned why);
void wire_resume(struct wire *w, unsigned why);
/* Hold a session's sender back, or no more; others on the connection wait with it. */
void wire_hold_back(struct session *s, bool on);
/*
 * It sends and takes nothing, maybe because it waits for us: read from it again, and do not pause
 * it before it has taken an octet.
 */
void wire_let_go(struct wire *w);
/* Was it let go, and has taken nothing since? */
static inline bool wire_is_let_go(const struct wire *w)
{
	return w->let_go_ms && w->blocked && w->moved_ms == w->let_go_ms;
}
/* Look at it at every tick while it has no session or is blocked. */
void wire_watch(struct wire *w);
void wire_unwatch(struct wire *w);
/* The connection's clock: stands still while it is not read from. */
uint64_t wire_clock(const struct wire *w);

#endif
