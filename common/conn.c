/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte stream in the loop: its descriptor, its events, and who is told. How bytes move is the
 * business of the layers behind it (conn_priv.h). Every event callback ends with the call of
 * the user's function and what follows from it, and a freed stream lives on, closed, until
 * libevent's finalizer runs at the end of the loop turn: so a user may free a stream anywhere,
 * inside its own callback too.
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

static void on_writable(evutil_socket_t fd, short what, void *arg);
static void on_timer(evutil_socket_t fd, short what, void *arg);

static void set_event(struct event *ev, bool on)
{
	if (on)
		event_add(ev, NULL);
	else
		event_del(ev);
}

static void stop(struct event *ev)
{
	if (ev)
		event_del(ev);
}

static void want_writable(struct conn *c, bool on)
{
	if (on && !c->on_write) {
		c->on_write = xcalloc(1, sizeof(*c->on_write));
		event_assign(c->on_write, event_get_base(&c->on_read), c->fd, EV_WRITE | EV_PERSIST,
			     on_writable, c);
	}
	if (c->on_write)
		set_event(c->on_write, on);
}

static struct event *timer(struct conn *c)
{
	if (!c->on_timer) {
		c->on_timer = xcalloc(1, sizeof(*c->on_timer));
		evtimer_assign(c->on_timer, event_get_base(&c->on_read), on_timer, c);
	}
	return c->on_timer;
}

static struct timeval ms_to_timeval(uint32_t ms)
{
	return (struct timeval){(time_t)(ms / 1000u), (suseconds_t)(ms % 1000u) * 1000};
}

static bool is_layered(const struct conn *c)
{
	return c->top != &c->socket;
}

/* The events of a stream that is up, from what user and layers want. */
static void arm(struct conn *c)
{
	const struct timeval now = {0, 0};
	bool keeps = false, more = false;

	for (const struct conn_layer *l = c->top; l; l = l->below) {
		keeps = keeps || l->keeps;
		more = more || l->more;
	}
	set_event(&c->on_read, c->want_read);
	want_writable(c, c->want_write || keeps);
	if (more && c->want_read)
		event_add(timer(c), &now); /* the next turn, so that others have theirs */
	else
		stop(c->on_timer);
}

static void fail(struct conn *c, int err)
{
	c->err = err;
	c->state = CONN_STATE_FAILED;
	event_del(&c->on_read);
	stop(c->on_write);
	stop(c->on_timer);
	c->fn(c, CONN_FAILED, c->arg);
}

/* Send what layers keep, the lowest first. 0 all is gone, -ERR_AGAIN, -ERR_IO. */
static int flush(struct conn *c)
{
	struct conn_layer *l = &c->socket;

	while (l) {
		int rc = l->keeps ? l->ops->flush(l) : 0;

		if (rc)
			return rc;
		/* What a layer got rid of may be kept by the one below. */
		l = l->below && l->below->keeps ? l->below : l->above;
	}
	return 0;
}

/* Go on with starting the layers. */
static void start(struct conn *c)
{
	short needs = 0;
	bool keeps = false;

	for (struct conn_layer *l = &c->socket; l; l = l->above) {
		int rc = l->up || !l->ops->start ? 0 : l->ops->start(l);

		keeps = keeps || l->keeps;
		l->up = rc == 0;
		if (l->up)
			continue;
		if (rc != -ERR_AGAIN) {
			fail(c, c->err);
			return;
		}
		needs = l->needs;
		set_event(&c->on_read, (needs & EV_READ) != 0);
		want_writable(c, (needs & EV_WRITE) != 0 || keeps);
		return;
	}
	stop(c->on_timer);
	c->state = CONN_STATE_UP;
	arm(c);
	c->fn(c, CONN_CONNECTED, c->arg);
	if (c->state == CONN_STATE_UP)
		arm(c);
}

static void go_on(struct conn *c)
{
	int rc = flush(c);

	if (rc == -ERR_IO)
		fail(c, c->err);
	else
		start(c);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (c->state == CONN_STATE_STARTING) {
		go_on(c);
		return;
	}
	c->fn(c, CONN_READABLE, c->arg);
	if (c->state == CONN_STATE_UP && is_layered(c))
		arm(c);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	int rc;

	(void)fd;
	(void)what;
	if (c->state == CONN_STATE_STARTING) {
		go_on(c);
		return;
	}
	rc = flush(c);
	if (rc == -ERR_IO) {
		fail(c, c->err);
		return;
	}
	if (rc == 0 && c->want_write)
		c->fn(c, CONN_WRITABLE, c->arg);
	if (c->state == CONN_STATE_UP && is_layered(c))
		arm(c);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	if (c->state == CONN_STATE_STARTING)
		fail(c, ETIMEDOUT);
	else if (c->want_read)
		on_readable(fd, what, arg);
}

static struct conn *new_conn(struct event_base *base, int fd, const struct addr *peer,
			     conn_event_fn *fn, void *arg)
{
	size_t peer_len = offsetof(struct addr, sa) + peer->len;
	struct conn *c = xcalloc(1, offsetof(struct conn, peer) + peer_len);
	int one = 1;

	c->socket.ops = &conn_plain_ops;
	c->socket.conn = c;
	c->top = &c->socket;
	c->fn = fn;
	c->arg = arg;
	c->fd = fd;
	c->want_read = true;
	memcpy(&c->peer, peer, peer_len);
	if (peer->sa.sa_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	event_assign(&c->on_read, base, fd, EV_READ | EV_PERSIST, on_readable, c);
	return c;
}

struct conn *conn_new_accepted(struct event_base *base, int fd_take, const struct addr *peer,
			       conn_event_fn *fn, void *arg)
{
	struct conn *c;

	int flags = fcntl(fd_take, F_GETFL);

	if (flags >= 0 && !(flags & O_NONBLOCK)) { /* listeners give both */
		(void)fcntl(fd_take, F_SETFL, flags | O_NONBLOCK);
		(void)fcntl(fd_take, F_SETFD, FD_CLOEXEC);
	}
	c = new_conn(base, fd_take, peer, fn, arg);
	c->socket.up = true;
	return c;
}

int conn_new_connecting(struct event_base *base, const struct addr *peer, conn_event_fn *fn,
			void *arg, struct conn **conn_r)
{
	int fd = socket(peer->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -ERR_IO;
	if (connect(fd, &peer->sa, peer->len) != 0 && errno != EINPROGRESS) {
		int err = errno;

		close(fd);
		errno = err;
		return -ERR_IO;
	}
	*conn_r = new_conn(base, fd, peer, fn, arg);
	return 0;
}

void conn_push(struct conn *c, const struct conn_ops *ops, void *state_take)
{
	struct conn_layer *l = xcalloc(1, sizeof(*l));

	l->ops = ops;
	l->state = state_take;
	l->conn = c;
	l->below = c->top;
	c->top->above = l;
	c->top = l;
}

void conn_begin(struct conn *c, uint32_t timeout_ms)
{
	c->state = CONN_STATE_STARTING;
	conn_hurry(c, timeout_ms);
	if (c->socket.up)
		event_add(&c->on_read, NULL);
	else
		want_writable(c, true);
}

void conn_retry(struct conn *c)
{
	if (c->state == CONN_STATE_STARTING)
		event_active(&c->on_read, EV_READ, 0);
}

void conn_hurry(struct conn *c, uint32_t timeout_ms)
{
	struct timeval limit = ms_to_timeval(timeout_ms), now, end;

	if (c->state != CONN_STATE_STARTING)
		return;
	if (event_pending(timer(c), EV_TIMEOUT, &end)) {
		evutil_gettimeofday(&now, NULL);
		evutil_timeradd(&now, &limit, &now);
		if (evutil_timercmp(&end, &now, <))
			return;
	}
	event_add(timer(c), &limit);
}

struct conn *conn_accept(struct event_base *base, int fd_take, const struct addr *peer,
			 conn_event_fn *fn, void *arg)
{
	struct conn *c = conn_new_accepted(base, fd_take, peer, fn, arg);

	c->state = CONN_STATE_UP;
	event_add(&c->on_read, NULL);
	return c;
}

int conn_connect(struct event_base *base, const struct addr *peer, uint32_t timeout_ms,
		 conn_event_fn *fn, void *arg, struct conn **conn_r)
{
	struct conn *c;
	int rc = conn_new_connecting(base, peer, fn, arg, &c);

	if (rc)
		return rc;
	conn_begin(c, timeout_ms);
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
	ssize_t n;

	assert(len > 0);
	if (c->state != CONN_STATE_UP)
		return not_up(c);
	n = c->top->ops->read(c->top, buf, len);
	if (is_layered(c))
		arm(c);
	return n;
}

ssize_t conn_writev(struct conn *c, const struct iovec *iov, int n)
{
	ssize_t sent;

	if (n == 0)
		return 0;
	if (c->state != CONN_STATE_UP)
		return not_up(c);
	sent = c->top->ops->writev(c->top, iov, n);
	if (is_layered(c))
		arm(c);
	return sent;
}

bool conn_unsent(const struct conn *c)
{
	for (const struct conn_layer *l = c->top; l; l = l->below) {
		if (l->keeps)
			return true;
	}
	return false;
}

void conn_want_read(struct conn *c, bool on)
{
	if (c->want_read == on)
		return;
	c->want_read = on;
	if (c->state == CONN_STATE_UP)
		arm(c);
}

void conn_want_write(struct conn *c, bool on)
{
	if (c->want_write == on)
		return;
	c->want_write = on;
	if (c->state == CONN_STATE_UP)
		arm(c);
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
	for (const struct conn_layer *l = c->top; l; l = l->below) {
		if (l->ops->secure)
			return true;
	}
	return false;
}

bool conn_is_plain(const struct conn *c)
{
	return c->state == CONN_STATE_UP && !is_layered(c);
}

void conn_set_keepalive(struct conn *c, unsigned timeout_s)
{
	const int probes = 3, on = 1;
	int idle = (int)(timeout_s / 2), interval = (int)(timeout_s / 2) / probes;
	unsigned unacknowledged_ms = timeout_s * 1000;

	if (!timeout_s || (c->peer.sa.sa_family != AF_INET && c->peer.sa.sa_family != AF_INET6))
		return;
	idle = idle > 0 ? idle : 1;
	interval = interval > 0 ? interval : 1;
	(void)setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms,
			 sizeof(unacknowledged_ms));
}

void conn_set_sndbuf(struct conn *c, int n_bytes)
{
	(void)setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &n_bytes, sizeof(n_bytes));
}

static void on_unused(struct event *ev, void *arg)
{
	struct conn *c = arg;

	(void)ev;
	free(c->on_write);
	free(c->on_timer);
	free(c);
}

void conn_free(struct conn **c)
{
	struct conn_layer *l, *below;
	struct conn *conn = *c;

	*c = NULL;
	if (!conn)
		return;
	assert(conn->state != CONN_STATE_CLOSED);
	for (l = conn->top; l; l = below) {
		below = l->below;
		if (l->ops->close)
			l->ops->close(l);
		if (l != &conn->socket)
			free(l);
	}
	conn->top = &conn->socket;
	conn->socket.above = NULL;
	event_del(&conn->on_read);
	stop(conn->on_write);
	stop(conn->on_timer);
	close(conn->fd);
	conn->fd = -1;
	conn->state = CONN_STATE_CLOSED;
	event_finalize(0, &conn->on_read, on_unused);
}
