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

/* Off the plane's list of connections with something to send. */
void wire_undirty(struct wire *w);
/*
 * s leaves while a frame of it is partly out: keep the frame's end, or nothing else on this
 * connection could be understood.
 */
void wire_keep_rest(struct wire *w, struct session *s);

#endif
