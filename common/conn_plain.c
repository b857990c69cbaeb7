/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lowest layer of a stream: the socket itself, TCP or Unix. A peer that went away is an
 * error code here, never a SIGPIPE.
 */
#include <errno.h>
#include <limits.h>
#include <sys/socket.h>

#include "common/conn_priv.h"

static int plain_start(struct conn_layer *l)
{
	struct conn *c = l->conn;
	socklen_t len = sizeof(c->err);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &c->err, &len) != 0)
		c->err = errno;
	return c->err ? -ERR_IO : 0;
}

static ssize_t failed(struct conn *c)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return -ERR_AGAIN;
	c->err = errno;
	return -ERR_IO;
}

static ssize_t plain_read(struct conn_layer *l, void *buf, size_t len)
{
	struct conn *c = l->conn;
	ssize_t n;

	do
		n = recv(c->fd, buf, len, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? failed(c) : n;
}

static ssize_t plain_writev(struct conn_layer *l, const struct iovec *iov, int n)
{
	struct conn *c = l->conn;
	struct msghdr msg = {
		.msg_iov = (struct iovec *)iov,
		.msg_iovlen = (size_t)(n > IOV_MAX ? IOV_MAX : n),
	};
	ssize_t sent;

	do
		sent = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? failed(c) : sent;
}

const struct conn_ops conn_plain_ops = {
	.name = "plain",
	.start = plain_start,
	.read = plain_read,
	.writev = plain_writev,
};
