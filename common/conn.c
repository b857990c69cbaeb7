/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte stream in the loop: its descriptor, its two events, and who is told. How bytes move is
 * the business of the table behind it (conn_priv.h). Every event callback ends with the call of
 * the user's function, and a freed stream lives on, closed, until libevent's finalizer runs at
 * the end of the loop turn: so a user may free a stream anywhere, inside its own callback too.
 */
#include "common/conn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/conn_priv.h"
#include "common/mem.h"

static void set_event(struct event *ev, bool on)
{
	if (on)
		event_add(ev, NULL);
	else
		event_del(ev);
}

static void fail(struct conn *c, int err)
{
	c->err = err;
	c->state = CONN_STATE_FAILED;
	event_del(&c->on_read);
	event_del(&c->on_write);
	c->fn(c, CONN_FAILED, c->arg);
}

static void on_started(struct conn *c, short what)
{
	event_del(&c->on_write); /* and its timeout */
	if (what & EV_TIMEOUT) {
		fail(c, ETIMEDOUT);
		return;
	}
	if (c->ops->start(c) < 0) {
		fail(c, c->err);
		return;
	}
	c->state = CONN_STATE_UP;
	set_event(&c->on_read, c->want_read);
	set_event(&c->on_write, c->want_write);
	c->fn(c, CONN_CONNECTED, c->arg);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	c->fn(c, CONN_READABLE, c->arg);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	if (c->state == CONN_STATE_STARTING)
		on_started(c, what);
	else
		c->fn(c, CONN_WRITABLE, c->arg);
}

static struct conn *new_conn(struct event_base *base, int fd, const struct addr *peer,
			     conn_event_fn *fn, void *arg)
{
	struct conn *c = xcalloc(1, sizeof(*c));
	int one = 1;

	c->ops = &conn_plain_ops;
	c->fn = fn;
	c->arg = arg;
	c->fd = fd;
	c->want_read = true;
	c->peer = *peer;
	if (peer->sa.sa_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	event_assign(&c->on_read, base, fd, EV_READ | EV_PERSIST, on_readable, c);
	event_assign(&c->on_write, base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	return c;
}

struct conn *conn_accept(struct event_base *base, int fd_take, const struct addr *peer,
			 conn_event_fn *fn, void *arg)
{
	struct conn *c;

	evutil_make_socket_nonblocking(fd_take);
	evutil_make_socket_closeonexec(fd_take);
	c = new_conn(base, fd_take, peer, fn, arg);
	c->state = CONN_STATE_UP;
	event_add(&c->on_read, NULL);
	return c;
}

int conn_connect(struct event_base *base, const struct addr *peer, uint32_t timeout_ms,
		 conn_event_fn *fn, void *arg, struct conn **conn_r)
{
	struct timeval timeout = {(time_t)(timeout_ms / 1000u),
				  (suseconds_t)(timeout_ms % 1000u) * 1000};
	int fd = socket(peer->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct conn *c;

	if (fd < 0)
		return -ERR_IO;
	if (connect(fd, &peer->sa, peer->len) != 0 && errno != EINPROGRESS) {
		int err = errno;

		close(fd);
		errno = err;
		return -ERR_IO;
	}
	c = new_conn(base, fd, peer, fn, arg);
	c->state = CONN_STATE_STARTING;
	event_add(&c->on_write, &timeout);
	*conn_r = c;
	return 0;
}

void conn_set_handler(struct conn *c, conn_event_fn *fn, void *arg)
{
	c->fn = fn;
	c->arg = arg;
}

static ssize_t not_up(struct conn *c)
{
	if (c->state == CONN_STATE_STARTING)
		return -ERR_AGAIN;
	if (c->err == 0)
		c->err = ENOTCONN;
	return -ERR_IO;
}

ssize_t conn_read(struct conn *c, void *buf, size_t len)
{
	assert(len > 0);
	return c->state == CONN_STATE_UP ? c->ops->read(c, buf, len) : not_up(c);
}

ssize_t conn_writev(struct conn *c, const struct iovec *iov, int n)
{
	if (n == 0)
		return 0;
	return c->state == CONN_STATE_UP ? c->ops->writev(c, iov, n) : not_up(c);
}

void conn_want_read(struct conn *c, bool on)
{
	if (c->want_read == on)
		return;
	c->want_read = on;
	if (c->state == CONN_STATE_UP)
		set_event(&c->on_read, on);
}

void conn_want_write(struct conn *c, bool on)
{
	if (c->want_write == on)
		return;
	c->want_write = on;
	if (c->state == CONN_STATE_UP)
		set_event(&c->on_write, on);
}

const struct addr *conn_peer(const struct conn *c)
{
	return &c->peer;
}

int conn_local(const struct conn *c, struct addr *addr_r)
{
	struct addr a = {.len = sizeof(a.un)};

	if (getsockname(c->fd, &a.sa, &a.len) != 0)
		return -ERR_IO;
	*addr_r = a;
	return 0;
}

int conn_fd(const struct conn *c)
{
	return c->fd;
}

int conn_errno(const struct conn *c)
{
	return c->err;
}

bool conn_is_secure(const struct conn *c)
{
	return c->ops->secure;
}

void conn_set_sndbuf(struct conn *c, int n_bytes)
{
	(void)setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &n_bytes, sizeof(n_bytes));
}

static void on_unused(struct event *ev, void *arg)
{
	(void)ev;
	free(arg);
}

void conn_free(struct conn **c)
{
	struct conn *conn = *c;

	*c = NULL;
	if (!conn)
		return;
	assert(conn->state != CONN_STATE_CLOSED);
	if (conn->ops->close)
		conn->ops->close(conn);
	event_del(&conn->on_read);
	event_del(&conn->on_write);
	close(conn->fd);
	conn->fd = -1;
	conn->state = CONN_STATE_CLOSED;
	event_finalize(0, &conn->on_read, on_unused);
}
