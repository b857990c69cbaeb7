/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream below a control link: bytes of a conn to frames and back. Output leaves when the loop
 * says that the stream is writable, so all frames of one turn go out in one write and a failing
 * write never surprises the code that asked for it.
 */
#include "mrfc/mp/mrfp_link_wire.h"

#include <stdlib.h>

#include "common/buf.h"
#include "common/conn.h"
#include "common/mem.h"
#include "common/outq.h"

#define READ_SIZE    (64u << 10)
#define OUT_MAX      (16u << 20)
#define IOV_MAX_HERE 64

struct mrfp_wire {
	struct conn *conn;
	const struct mrfp_wire_events *events;
	void *arg;
	struct buf in;
	struct outq out;
	bool busy;                    /* inside an event of ours: freeing waits for its end */
	bool freed;                   /* mrfp_wire_free() was called meanwhile */
	bool closed;                  /* the closed event was given */
	bool secret;                  /* over TLS */
	struct fingerprint_list pins; /* whom we talk to then */
};

static void release(struct mrfp_wire *w)
{
	conn_free(&w->conn);
	buf_fini(&w->in);
	outq_fini(&w->out);
	free(w);
}

static void tell_closed(struct mrfp_wire *w, const char *why)
{
	if (w->closed || w->freed)
		return;
	w->closed = true;
	conn_want_read(w->conn, false);
	conn_want_write(w->conn, false);
	w->events->closed(w, why, w->arg);
}

/* False when the stream broke. */
static bool flush(struct mrfp_wire *w)
{
	while (!outq_empty(&w->out)) {
		struct iovec iov[IOV_MAX_HERE];
		ssize_t n = conn_writev(w->conn, iov, outq_iov(&w->out, iov, IOV_MAX_HERE));

		if (n == -ERR_AGAIN)
			return true;
		if (n < 0)
			return false;
		outq_sent(&w->out, (size_t)n, NULL, NULL);
	}
	conn_want_write(w->conn, false);
	return true;
}

static void take_frames(struct mrfp_wire *w)
{
	struct ctl_frame frame;
	size_t used;
	int rc;

	while (!w->freed && (rc = ctl_frame_next(buf_held(&w->in), &frame, &used)) != 0) {
		if (rc < 0) {
			tell_closed(w, rc == -ERR_LIMIT ? "frame too large" : "malformed frame");
			return;
		}
		w->events->frame(w, &frame, w->arg);
		if (!w->freed)
			buf_consume(&w->in, used);
	}
}

static void on_readable(struct mrfp_wire *w)
{
	char data[READ_SIZE];
	ssize_t n = conn_read(w->conn, data, sizeof(data));

	if (n == -ERR_AGAIN)
		return;
	if (n <= 0) {
		tell_closed(w, n == 0 ? "closed by the peer" : "reset");
		return;
	}
	if (buf_keep(&w->in, slice_make(data, (size_t)n), CTL_FRAME_MAX + READ_SIZE) < 0) {
		tell_closed(w, "too much held");
		return;
	}
	take_frames(w);
}

static void on_conn(struct conn *c, enum conn_event ev, void *arg)
{
	struct mrfp_wire *w = arg;

	if (w->closed)
		return;
	w->busy = true;
	if (ev == CONN_CONNECTED && w->secret && !conn_peer_is(c, &w->pins))
		tell_closed(w, "its certificate is not one of mp.pins");
	else if (ev == CONN_READABLE)
		on_readable(w);
	else if (ev == CONN_FAILED || (ev == CONN_WRITABLE && !flush(w)))
		tell_closed(w, w->secret ? conn_why(c) : "reset");
	w->busy = false;
	if (w->freed)
		release(w);
}

struct mrfp_wire *mrfp_wire_new(struct event_base *base, int fd_take, const struct addr *peer,
				const struct mrfp_wire_events *events, void *arg)
{
	struct mrfp_wire *w = xcalloc(1, sizeof(*w));

	outq_init(&w->out, OUT_MAX);
	mrfp_wire_set_events(w, events, arg);
	w->conn = conn_accept(base, fd_take, peer, on_conn, w);
	return w;
}

struct mrfp_wire *mrfp_wire_new_tls(struct event_base *base, struct tls *tls,
				    const struct fingerprint_list *pins, int fd_take,
				    const struct addr *peer, const struct mrfp_wire_events *events,
				    void *arg)
{
	struct mrfp_wire *w = xcalloc(1, sizeof(*w));

	outq_init(&w->out, OUT_MAX);
	mrfp_wire_set_events(w, events, arg);
	w->secret = true;
	w->pins = *pins;
	w->conn = conn_accept_tls(base, tls, fd_take, peer, on_conn, w);
	return w;
}

void mrfp_wire_set_events(struct mrfp_wire *w, const struct mrfp_wire_events *events, void *arg)
{
	w->events = events;
	w->arg = arg;
}

int mrfp_wire_send(struct mrfp_wire *w, struct chunk *frame_take)
{
	int rc = outq_push(&w->out, frame_take, 0);

	if (rc == 0 && !w->closed)
		conn_want_write(w->conn, true);
	return rc;
}

void mrfp_wire_free(struct mrfp_wire **w)
{
	struct mrfp_wire *wire = *w;

	if (!wire)
		return;
	*w = NULL;
	if (wire->freed)
		return;
	if (!wire->closed)
		(void)flush(wire);
	wire->freed = true;
	if (!wire->busy)
		release(wire);
}
