/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CONN_PRIV_H
#define COMMON_CONN_PRIV_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/conn.h"

/* What carries a stream. For conn.c and the carriers only. */
struct conn_ops {
	const char *name;
	bool secure;
	/* The socket became writable after connect(): 0 when the stream is up, -ERR_IO with c->err. */
	int (*start)(struct conn *c);
	/* As conn_read() and conn_writev(); a failure leaves its errno in c->err. */
	ssize_t (*read)(struct conn *c, void *buf, size_t len);
	ssize_t (*writev)(struct conn *c, const struct iovec *iov, int n);
	/* Before the descriptor is closed; frees c->carrier. NULL: nothing to do. */
	void (*close)(struct conn *c);
};

extern const struct conn_ops conn_plain_ops;

enum conn_state { CONN_STATE_STARTING, CONN_STATE_UP, CONN_STATE_FAILED, CONN_STATE_CLOSED };

struct conn {
	const struct conn_ops *ops;
	void *carrier; /* the table's own state */
	conn_event_fn *fn;
	void *arg;
	int fd;
	int err;
	enum conn_state state;
	bool want_read, want_write;
	struct addr peer;
	struct event on_read, on_write;
};

#endif
