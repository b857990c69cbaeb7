/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CONN_PRIV_H
#define COMMON_CONN_PRIV_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/conn.h"

/*
 * A stream is a stack of layers: the socket (conn_plain.c) at the bottom, what is spoken over it
 * above. Users see the topmost. For conn.c and the carriers (conn_*.c) only.
 *
 * A layer reads and writes through layer->below with the same meaning as conn_read() and
 * conn_writev(); the socket layer has none below. It may take octets that the layer below did not
 * take yet, if it keeps them itself (a record, a frame's rest), bounded, says so in `keeps`, and
 * takes no more until flush() has got rid of them. Octets that it has read from below and that
 * await a read from above it announces in `more`. conn.c arms the events that follow from these
 * after every call; a layer never touches events.
 */
struct conn_layer;

struct conn_ops {
	const char *name;
	bool secure;
	/*
	 * Bring the layer up (those below are): 0 when it is, -ERR_AGAIN when it waits for `needs`
	 * and is to be called again then, -ERR_IO with conn->err. NULL: it is up at once.
	 */
	int (*start)(struct conn_layer *l);
	/* As conn_read() and conn_writev(); a failure leaves its errno in conn->err. */
	ssize_t (*read)(struct conn_layer *l, void *buf, size_t len);
	ssize_t (*writev)(struct conn_layer *l, const struct iovec *iov, int n);
	/* Send what it keeps: 0 or -ERR_AGAIN as far as possible, -ERR_IO. NULL: it never keeps. */
	int (*flush)(struct conn_layer *l);
	/* Before the layers below are closed; frees l->state. NULL: nothing to do. */
	void (*close)(struct conn_layer *l);
};

extern const struct conn_ops conn_plain_ops;

struct conn_layer {
	const struct conn_ops *ops;
	void *state; /* the table's own */
	struct conn *conn;
	struct conn_layer *below, *above; /* NULL: socket, user */
	short needs; /* of start(): EV_READ, EV_WRITE, 0: somebody calls conn_retry() */
	bool up;
	bool keeps;
	bool more;
};

enum conn_state { CONN_STATE_STARTING, CONN_STATE_UP, CONN_STATE_FAILED, CONN_STATE_CLOSED };

struct conn {
	struct conn_layer socket, *top;
	conn_event_fn *fn;
	void *arg;
	int fd;
	int err;
	enum conn_state state;
	bool want_read, want_write;
	struct event on_read;
	struct event *on_write; /* this and the next: NULL until first needed */
	struct event *on_timer; /* limit of the start; later: there is more to be read */
	struct addr peer;       /* only as much of it as the family needs */
};

/*
 * A stream over an accepted descriptor, or over one that is connecting, that has only its socket
 * layer and no event armed; -ERR_IO when connecting fails at once. Add layers, then begin.
 */
struct conn *conn_new_accepted(struct event_base *base, int fd_take, const struct addr *peer,
			       conn_event_fn *fn, void *arg);
MUST_CHECK int conn_new_connecting(struct event_base *base, const struct addr *peer,
				   conn_event_fn *fn, void *arg, struct conn **conn_r);
/* On top of what is there. The layer's close() frees state. */
void conn_push(struct conn *c, const struct conn_ops *ops, void *state_take);
/* TLS on top; pins (may be NULL) are copied. */
void conn_push_tls(struct conn *c, struct tls *tls, bool client,
		   const struct fingerprint_list *pins);
/* Start its layers from the loop: CONN_CONNECTED, or CONN_FAILED, at the latest after timeout_ms. */
void conn_begin(struct conn *c, uint32_t timeout_ms);
/* Of a start that waits: call it again from the loop; the remaining time is at most timeout_ms. */
void conn_retry(struct conn *c);
void conn_hurry(struct conn *c, uint32_t timeout_ms);

#endif
