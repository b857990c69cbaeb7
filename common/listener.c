/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listening socket, TCP or Unix. Owns the descriptor and the socket file. When descriptors run
 * out it rests for a moment and counts that: a level-triggered loop would spin, and closing the
 * listener would lose the address.
 */
#include "common/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/log.h"
#include "common/mem.h"

#define LOG_PLACE       "listener"
#define PAUSE_MS        100
#define BACKLOG         4096
#define ACCEPT_PER_TURN 64

struct listener {
	struct event_base *base;
	int fd;
	struct addr at;
	listener_accept_fn *fn;
	void *arg;
	struct event on_ready, on_rested;
	uint64_t n_pauses;
	dev_t file_dev; /* of the Unix socket's file, to remove no other's */
	ino_t file_ino;
};

/* Somebody accepts there: 1. Nobody: 0. -ERR_IO when that cannot be told. */
static int unix_is_live(const struct addr *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -ERR_IO;
	err = connect(fd, &at->sa, at->len) == 0 ? 0 : errno;
	close(fd);
	if (err == 0 || err == EAGAIN)
		return 1;
	if (err == ECONNREFUSED || err == ENOENT)
		return 0;
	errno = err;
	return -ERR_IO;
}

/* Make the way free for bind(): folder there, no dead socket file. */
static int unix_prepare(const struct addr *at)
{
	struct stat st;
	int live;

	if (daemon_mkdir_for(at->un.sun_path) < 0)
		return -ERR_IO;
	if (lstat(at->un.sun_path, &st) != 0)
		return errno == ENOENT ? 0 : -ERR_IO;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EADDRINUSE;
		return -ERR_IO;
	}
	live = unix_is_live(at);
	if (live < 0)
		return live;
	if (live) {
		errno = EADDRINUSE;
		return -ERR_IO;
	}
	return unlink(at->un.sun_path) == 0 || errno == ENOENT ? 0 : -ERR_IO;
}

static int bind_and_listen(int fd, const struct addr *at)
{
	int one = 1;

	if (at->sa.sa_family == AF_UNIX) {
		/* On Linux the descriptor's mode becomes the file's: at no time can others connect. */
		if (fchmod(fd, 0600) != 0)
			return -ERR_IO;
	} else if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0) {
		return -ERR_IO;
	}
	if (addr_is_v6(at) && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) != 0)
		return -ERR_IO;
	if (bind(fd, &at->sa, at->len) != 0 || listen(fd, BACKLOG) != 0)
		return -ERR_IO;
	return 0;
}

int listener_socket(const struct addr *at, int *fd_r, struct addr *real_r)
{
	struct addr real = *at;
	int fd, err;

	if (at->sa.sa_family == AF_UNIX && unix_prepare(at) < 0)
		return -ERR_IO;
	fd = socket(at->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -ERR_IO;
	if (bind_and_listen(fd, at) < 0)
		goto failed;
	if (at->sa.sa_family != AF_UNIX && getsockname(fd, &real.sa, &real.len) != 0)
		goto failed;
	*fd_r = fd;
	*real_r = real;
	return 0;
failed:
	err = errno;
	close(fd);
	errno = err;
	return -ERR_IO;
}

static void rest(struct listener *l, int err)
{
	struct timeval pause = {0, PAUSE_MS * 1000};
	char text[ADDR_STRLEN];

	l->n_pauses++;
	log_peer("%s: cannot accept: %s", addr_format(&l->at, text), strerror(err));
	event_del(&l->on_ready);
	event_add(&l->on_rested, &pause);
}

static void on_rested(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	event_add(&l->on_ready, NULL);
}

static bool out_of_resources(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	for (int i = 0; i < ACCEPT_PER_TURN && l->fd >= 0; i++) {
		struct addr peer = {.len = sizeof(peer.un)};
		int one = accept4(l->fd, &peer.sa, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (one < 0) {
			if (out_of_resources(errno))
				rest(l, errno);
			else if (errno == ECONNABORTED || errno == EINTR)
				continue;
			return;
		}
		if (peer.sa.sa_family == AF_UNIX)
			peer = l->at; /* clients have no name of their own */
		l->fn(one, &peer, l->arg);
	}
}

int listener_open(struct event_base *base, const struct addr *at, listener_accept_fn *fn, void *arg,
		  struct listener **listener_r)
{
	struct listener *l;
	struct addr real;
	struct stat st;
	int fd;

	if (listener_socket(at, &fd, &real) < 0)
		return -ERR_IO;
	l = xcalloc(1, sizeof(*l));
	l->base = base;
	l->fd = fd;
	l->at = real;
	l->fn = fn;
	l->arg = arg;
	if (real.sa.sa_family == AF_UNIX && lstat(real.un.sun_path, &st) == 0) {
		l->file_dev = st.st_dev;
		l->file_ino = st.st_ino;
	}
	event_assign(&l->on_ready, base, fd, EV_READ | EV_PERSIST, on_ready, l);
	event_assign(&l->on_rested, base, -1, 0, on_rested, l);
	event_add(&l->on_ready, NULL);
	*listener_r = l;
	return 0;
}

int listener_open_to_all(const struct listener *l)
{
	return chmod(l->at.un.sun_path, 0666) == 0 ? 0 : -ERR_IO;
}

const struct addr *listener_addr(const struct listener *l)
{
	return &l->at;
}

uint64_t listener_n_pauses(const struct listener *l)
{
	return l->n_pauses;
}

static void on_unused(struct event *ev, void *arg)
{
	(void)ev;
	free(arg);
}

void listener_free(struct listener **l)
{
	struct listener *listener = *l;
	struct stat st;

	*l = NULL;
	if (!listener)
		return;
	event_del(&listener->on_ready);
	event_del(&listener->on_rested);
	close(listener->fd);
	listener->fd = -1;
	if (listener->at.sa.sa_family == AF_UNIX && lstat(listener->at.un.sun_path, &st) == 0 &&
	    st.st_dev == listener->file_dev && st.st_ino == listener->file_ino)
		(void)unlink(listener->at.un.sun_path);
	event_finalize(0, &listener->on_ready, on_unused);
}
