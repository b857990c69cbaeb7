/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_WIRE_PRIV_H
#define MRFP_WIRE_PRIV_H

#include <sys/uio.h>

#include "mrfp/wire.h"

/* Between the pieces of wire only. */

/* What one gathered write holds, and whose it is. */
#define WIRE_IOV   512
#define WIRE_PARTS 64
struct wire_part {
	enum wire_part_kind kind;
	struct session *session;
	size_t n_bytes;
};
struct wire_batch {
	struct iovec *iov;       /* room for WIRE_IOV, the caller's */
	struct wire_part *parts; /* room for WIRE_PARTS, the caller's */
	int n_iov, n_parts;
	size_t n_bytes;
};

/* All that is due, up to the batch's room; changes nothing but cursors that pass over what is not wanted. */
void wire_collect(struct wire *w, struct wire_batch *b);
/* The first n octets of the batch are out. */
void wire_advance(struct wire *w, const struct wire_batch *b, size_t n);
/*
 * What follows from the result n of writing the batch (already advanced by n > 0): wait until the
 * kernel takes more, or end, or be done. True when more can be written at once.
 */
bool wire_wrote(struct wire *w, const struct wire_batch *b, ssize_t n);
/* Nothing is due. May close. */
void wire_drained(struct wire *w);

/*
 * n octets were read to at, or n is an error as of conn_read(). at is plane->read_buf behind its
 * headroom, or memory that the parser may read and nobody needs afterwards.
 */
void wire_take(struct wire *w, char *at, ssize_t n);

/* Make w->rx be there for a read; take it back unless a frame is under way. */
void wire_rx_open(struct wire *w);
void wire_rx_close(struct wire *w);

/* Off the plane's list of connections with something to send. */
void wire_undirty(struct wire *w);
/*
 * s leaves while a frame of it is partly out: keep the frame's end, or nothing else on this
 * connection could be understood.
 */
void wire_keep_rest(struct wire *w, struct session *s);

/* Its octets are MSRP as the kernel has them: no TLS, no WebSocket. */
static inline bool wire_is_bare(const struct wire *w)
{
	return !w->ws && conn_is_plain(w->conn);
}
/*
 * One piece of memory: what was kept of an incomplete frame, then the n octets at at, which stay
 * where they are when they lie in plane->read_buf behind its headroom.
 */
struct slice wire_with_held(struct wire *w, char *at, size_t n);
/* Keep what is not used yet for the next octets. -ERR_LIMIT. */
MUST_CHECK int wire_keep_tail(struct wire *w, struct slice rest);
/* Forget what waits to be sent and what was read of an incomplete frame. */
void wire_drop_queued(struct wire *w);

/* --- wire_ws.c; only while w->ws --- */

void wire_ws_open(struct wire *w);
/* len octets came from the stream, at data in plane->read_buf behind its headroom. */
void wire_ws_input(struct wire *w, char *data, size_t len);
/* Answer to the handshake, pong, ping or Close frame that is due. */
bool wire_ws_has_control(const struct wire *w);
/* Make it the wire's rest, unless there is one. */
void wire_ws_take_control(struct wire *w);
/*
 * Write one frame of n_bytes in iov[1..] as a message, or go on with the wire's rest in iov[1]. iov[0]
 * is for the message's head. As conn_writev(); of a frame all or nothing, as what the stream
 * does not take becomes the rest.
 */
MUST_CHECK ssize_t wire_ws_writev(struct wire *w, struct iovec *iov, int n_iov, size_t n_bytes);
/* The stream is about to be closed: say so when that is possible at once. */
void wire_ws_closed(struct wire *w);
void wire_ws_free(struct wire *w);

#endif
