/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one door of liburing. All operations carry MSG_DONTWAIT, so the kernel completes each while
 * it is submitted: a batch is one io_uring_enter, and no buffer is in use after it.
 */
#include "mrfp/uring.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"

struct uring {
	struct io_uring ring;
	unsigned n;
	bool broken;
	int32_t results[URING_MAX];
};

static int set_up(struct uring *u)
{
	struct io_uring_params with = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
	};
	struct io_uring_params plain = {0};
	int rc = io_uring_queue_init_params(URING_MAX, &u->ring, &with);

	if (rc == -EINVAL) /* before Linux 6.1 */
		rc = io_uring_queue_init_params(URING_MAX, &u->ring, &plain);
	return rc;
}

/* An empty socket has nothing, what is sent comes: then both operations are understood. */
static int try_out(struct uring *u)
{
	char out = 'x', in = 0;
	struct iovec iov = {&out, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int32_t first, second, third;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) != 0)
		return -errno;
	uring_recv(u, fd[0], &in, 1);
	first = uring_run(u)[0];
	uring_send(u, fd[1], &msg);
	second = uring_run(u)[0];
	uring_recv(u, fd[0], &in, 1);
	third = uring_run(u)[0];
	close(fd[0]);
	close(fd[1]);
	if (first == -EAGAIN && second == 1 && third == 1 && in == out)
		return 0;
	return second < 0 && second != -EAGAIN ? second : -ENOSYS;
}

int uring_open(struct uring **uring_r)
{
	struct uring *u = xcalloc(1, sizeof(*u));
	int rc = set_up(u);

	if (rc == 0) {
		rc = try_out(u);
		if (rc != 0)
			io_uring_queue_exit(&u->ring);
	}
	if (rc != 0) {
		free(u);
		errno = -rc;
		return -ERR_IO;
	}
	*uring_r = u;
	return 0;
}

void uring_close(struct uring **u)
{
	if (!*u)
		return;
	io_uring_queue_exit(&(*u)->ring);
	free(*u);
	*u = NULL;
}

/* NULL once the ring is broken. */
static struct io_uring_sqe *next(struct uring *u)
{
	struct io_uring_sqe *sqe = u->broken ? NULL : io_uring_get_sqe(&u->ring);

	assert(u->n < URING_MAX);
	assert(sqe || u->broken);
	return sqe;
}

static void add(struct uring *u, struct io_uring_sqe *sqe)
{
	if (sqe)
		io_uring_sqe_set_data64(sqe, u->n);
	u->n++;
}

void uring_send(struct uring *u, int fd, const struct msghdr *msg)
{
	struct io_uring_sqe *sqe = next(u);

	if (sqe)
		io_uring_prep_sendmsg(sqe, fd, msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	add(u, sqe);
}

void uring_recv(struct uring *u, int fd, void *buf, size_t len)
{
	struct io_uring_sqe *sqe = next(u);

	if (sqe)
		io_uring_prep_recv(sqe, fd, buf, len, MSG_DONTWAIT);
	add(u, sqe);
}

/* Completed operations: how many. */
static unsigned reap(struct uring *u)
{
	struct io_uring_cqe *cqe;
	unsigned at, n = 0;

	io_uring_for_each_cqe(&u->ring, at, cqe)
	{
		u->results[cqe->user_data] = cqe->res;
		n++;
	}
	io_uring_cq_advance(&u->ring, n);
	return n;
}

const int32_t *uring_run(struct uring *u)
{
	unsigned done = 0, n = u->n;

	u->n = 0;
	for (unsigned i = 0; i < n; i++)
		u->results[i] = -EAGAIN;
	while (done < n && !u->broken) {
		int rc = io_uring_submit_and_wait(&u->ring, n - done);

		done += reap(u);
		if (rc < 0 && rc != -EINTR && rc != -EAGAIN && rc != -EBUSY)
			u->broken = true;
	}
	return u->results;
}

bool uring_ok(const struct uring *u)
{
	return !u->broken;
}

void uring_rest(struct uring *u, unsigned us)
{
	struct __kernel_timespec ts = {.tv_nsec = (long long)us * 1000};
	struct io_uring_cqe *cqe;

	(void)io_uring_wait_cqe_timeout(&u->ring, &cqe, &ts);
}
