/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream below: octets of a conn to frames and back. Output leaves when the loop says that the
 * stream is writable, all frames of a turn at once. What is in frames is opaque here.
 */
#include "mrfc/groupkey/ks_stream.h"

#include <stdlib.h>

#include "common/buf.h"
#include "common/conn.h"
#include "common/mem.h"
#include "common/tls.h"

#define READ_SIZE          (64u << 10)
#define OUT_MAX            (64u << 20)
#define CONNECT_TIMEOUT_MS 5000

struct ks_stream {
	struct conn *conn;
	const struct ks_security *security;
	const struct ks_stream_events *events;
	void *arg;
	struct buf in;
	struct bytes out;
	size_t out_done;
	bool busy; /* inside an event of ours: freeing waits for its end */
	bool freed, closed, up;
};

static struct ks_stream *stream_new(const struct ks_security *security,
				    const struct ks_stream_events *events, void *arg)
{
	struct ks_stream *s = xcalloc(1, sizeof(*s));

	s->security = security;
	s->events = events;
	s->arg = arg;
	bytes_init(&s->out, OUT_MAX);
	return s;
}

static void release(struct ks_stream *s)
{
	conn_free(&s->conn);
	buf_fini(&s->in);
	bytes_fini(&s->out);
	free(s);
}

static void tell_closed(struct ks_stream *s, const char *why)
{
	if (s->closed || s->freed)
		return;
	s->closed = true;
	conn_want_read(s->conn, false);
	conn_want_write(s->conn, false);
	s->events->closed(s, why, s->arg);
}

/* False when the stream broke. */
static bool flush(struct ks_stream *s)
{
	while (s->out_done < s->out.len) {
		struct iovec iov = {s->out.data + s->out_done, s->out.len - s->out_done};
		ssize_t n = conn_writev(s->conn, &iov, 1);

		if (n == -ERR_AGAIN)
			return true;
		if (n < 0)
			return false;
		s->out_done += (size_t)n;
	}
	bytes_reset(&s->out);
	s->out_done = 0;
	conn_want_write(s->conn, false);
	return true;
}

static void take_frames(struct ks_stream *s)
{
	struct ks_frame f;
	size_t used;
	int rc;

	while (!s->freed && !s->closed && (rc = ks_frame_next(buf_held(&s->in), &f, &used)) != 0) {
		if (rc < 0) {
			tell_closed(s, "malformed frame");
			return;
		}
		s->events->frame(s, &f, s->arg);
		if (!s->freed)
			buf_consume(&s->in, used);
	}
}

static void on_readable(struct ks_stream *s)
{
	char *data = xcalloc(1, READ_SIZE);
	ssize_t n = conn_read(s->conn, data, READ_SIZE);

	if (n > 0 && buf_keep(&s->in, slice_make(data, (size_t)n), KS_FRAME_MAX + READ_SIZE) == 0)
		take_frames(s);
	else if (n != -ERR_AGAIN)
		tell_closed(s, n == 0 ? "closed by the peer" : "reset");
	free(data);
}

static void on_up(struct ks_stream *s)
{
	if (s->up)
		return;
	s->up = true;
	if (s->security->tls != NULL && !conn_peer_is(s->conn, &s->security->pins))
		tell_closed(s, "its certificate is not pinned");
	else
		s->events->up(s, s->arg);
}

static void on_conn(struct conn *c, enum conn_event ev, void *arg)
{
	struct ks_stream *s = arg;

	if (s->closed)
		return;
	s->busy = true;
	if (ev == CONN_CONNECTED)
		on_up(s);
	else if (ev == CONN_READABLE)
		on_readable(s);
	else if (ev == CONN_FAILED || !flush(s))
		tell_closed(s, conn_why(c));
	s->busy = false;
	if (s->freed)
		release(s);
}

struct ks_stream *ks_stream_accept(struct event_base *base, const struct ks_security *security,
				   int fd_take, const struct addr *peer,
				   const struct ks_stream_events *events, void *arg)
{
	struct ks_stream *s = stream_new(security, events, arg);

	s->conn = security->tls != NULL
			  ? conn_accept_tls(base, security->tls, fd_take, peer, on_conn, s)
			  : conn_accept(base, fd_take, peer, on_conn, s);
	return s;
}

int ks_stream_connect(struct event_base *base, const struct ks_security *security,
		      const struct addr *peer, const struct ks_stream_events *events, void *arg,
		      struct ks_stream **stream_r)
{
	struct ks_stream *s = stream_new(security, events, arg);
	int err = security->tls != NULL
			  ? conn_connect_tls(base, security->tls, peer, &security->pins,
					     CONNECT_TIMEOUT_MS, on_conn, s, &s->conn)
			  : conn_connect(base, peer, CONNECT_TIMEOUT_MS, on_conn, s, &s->conn);

	if (err != 0) {
		bytes_fini(&s->out);
		free(s);
		return err;
	}
	*stream_r = s;
	return 0;
}

int ks_stream_send(struct ks_stream *s, const struct ks_frame *f)
{
	ks_frame_build(f, &s->out);
	if (!bytes_ok(&s->out))
		return -ERR_LIMIT;
	if (!s->closed)
		conn_want_write(s->conn, true);
	return 0;
}

void ks_stream_free(struct ks_stream **sp)
{
	struct ks_stream *s = *sp;

	if (s == NULL)
		return;
	*sp = NULL;
	if (s->freed)
		return;
	if (!s->closed && s->up)
		(void)flush(s);
	s->freed = true;
	if (!s->busy)
		release(s);
}
