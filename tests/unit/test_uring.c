/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mrfp/uring: results in order, nothing waits, a wait has its end. Skipped without io_uring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/slice.h"
#include "mrfp/uring.h"

static struct uring *open_ring(void)
{
	struct uring *u = NULL;

	if (uring_open(&u)) {
		print_message("no io_uring here: %s\n", strerror(errno));
		skip();
	}
	return u;
}

static void open_pair(int fd[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
}

static void a_batch_has_its_results_in_order_and_waits_for_nobody(void **state)
{
	struct uring *u = open_ring();
	char text[] = "abcdefgh", got[3][16] = {{0}};
	struct iovec iov[2] = {{text, 3}, {text + 3, 5}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	int a[2], b[2], c[2];
	const int32_t *r;

	(void)state;
	open_pair(a);
	open_pair(b);
	open_pair(c);
	close(c[1]);
	uring_send(u, a[0], &msg);
	uring_send(u, c[0], &msg);
	uring_recv(u, b[1], got[0], sizeof(got[0]));
	uring_recv(u, a[1], got[1], sizeof(got[1]));
	uring_recv(u, c[0], got[2], sizeof(got[2]));
	r = uring_run(u);
	assert_int_equal(r[0], 8);
	assert_int_equal(r[1], -EPIPE); /* and no signal */
	assert_int_equal(r[2], -EAGAIN);
	assert_int_equal(r[3], 8);
	assert_int_equal(r[4], 0);
	assert_memory_equal(got[1], text, 8);
	assert_true(uring_ok(u));
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
	close(c[0]);
	uring_close(&u);
	assert_null(u);
}

static void a_full_socket_takes_a_part_then_nothing(void **state)
{
	struct uring *u = open_ring();
	static char much[1 << 20];
	struct iovec iov = {much, sizeof(much)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int fd[2];
	int32_t first;

	(void)state;
	open_pair(fd);
	uring_send(u, fd[0], &msg);
	first = uring_run(u)[0];
	assert_true(first > 0 && first < (int32_t)sizeof(much));
	uring_send(u, fd[0], &msg);
	assert_int_equal(uring_run(u)[0], -EAGAIN);
	close(fd[0]);
	close(fd[1]);
	uring_close(&u);
}

static void the_largest_batch_fits_time_after_time(void **state)
{
	struct uring *u = open_ring();
	char out = 'o', in[URING_MAX / 2];
	struct iovec iov = {&out, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int fd[2];

	(void)state;
	open_pair(fd);
	for (int round = 0; round < 5; round++) {
		const int32_t *r;

		for (int i = 0; i < URING_MAX / 2; i++)
			uring_send(u, fd[0], &msg);
		for (int i = 0; i < URING_MAX / 2; i++)
			uring_recv(u, fd[1], in + i, 1);
		r = uring_run(u);
		for (int i = 0; i < URING_MAX; i++)
			assert_int_equal(r[i], 1);
	}
	close(fd[0]);
	close(fd[1]);
	uring_close(&u);
}

static void a_rest_ends(void **state)
{
	struct uring *u = open_ring();
	uint64_t start = clock_now_ms();

	(void)state;
	uring_rest(u, 3000);
	assert_in_range(clock_now_ms() - start, 2, 10000);
	uring_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_has_its_results_in_order_and_waits_for_nobody),
		cmocka_unit_test(a_full_socket_takes_a_part_then_nothing),
		cmocka_unit_test(the_largest_batch_fits_time_after_time),
		cmocka_unit_test(a_rest_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
