/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/listener: real sockets on loopback and in a folder of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/listener.h"

struct seen {
	struct event_base *base;
	struct listener *to_free; /* freed in the callback */
	unsigned n;
	unsigned stop_at;
	struct addr peer;
};

static void on_accept(int fd_take, const struct addr *peer, void *arg)
{
	struct seen *seen = arg;

	seen->peer = *peer;
	close(fd_take);
	listener_free(&seen->to_free);
	if (++seen->n == seen->stop_at)
		event_base_loopbreak(seen->base);
}

static int dial(const struct addr *to)
{
	int fd = socket(to->sa.sa_family, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, &to->sa, to->len), 0);
	return fd;
}

static struct addr tcp(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(slice_str(text), &a), 0);
	return a;
}

static char folder[] = "/tmp/mrf-listener-XXXXXX";

static struct addr in_folder(const char *name)
{
	char path[100];
	struct addr a;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(addr_from_unix(path, &a), 0);
	return a;
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char path[100];

	(void)state;
	snprintf(path, sizeof(path), "%s/run", folder);
	rmdir(path);
	return rmdir(folder);
}

static void port_zero_picks_one_and_connections_arrive(void **state)
{
	static const char *const hosts[] = {"127.0.0.1:0", "[::1]:0"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct seen seen = {.base = event_base_new(), .stop_at = 2};
		struct addr at = tcp(hosts[i]);
		struct listener *l;
		int a, b;

		assert_int_equal(listener_open(seen.base, &at, on_accept, &seen, &l), 0);
		assert_true(addr_port(listener_addr(l)) != 0);
		assert_true(addr_host_equal(listener_addr(l), &at));
		a = dial(listener_addr(l));
		b = dial(listener_addr(l));
		event_base_dispatch(seen.base);
		assert_int_equal(seen.n, 2);
		assert_true(addr_is_loopback(&seen.peer));
		close(a);
		close(b);
		listener_free(&l);
		assert_null(l);
		event_base_free(seen.base);
	}
}

static void a_port_in_use_says_so(void **state)
{
	struct seen seen = {.base = event_base_new()};
	struct addr at = tcp("127.0.0.1:0");
	struct listener *l, *second = NULL;

	(void)state;
	assert_int_equal(listener_open(seen.base, &at, on_accept, &seen, &l), 0);
	errno = 0;
	assert_int_equal(listener_open(seen.base, listener_addr(l), on_accept, &seen, &second),
			 -ERR_IO);
	assert_int_equal(errno, EADDRINUSE);
	assert_null(second);
	at = tcp("192.0.2.1:0");
	assert_int_equal(listener_open(seen.base, &at, on_accept, &seen, &second), -ERR_IO);
	assert_int_equal(errno, EADDRNOTAVAIL);
	listener_free(&l);
	event_base_free(seen.base);
}

static void a_listener_may_be_freed_in_its_callback(void **state)
{
	struct seen seen = {.base = event_base_new(), .stop_at = 1};
	struct addr at = tcp("127.0.0.1:0");
	struct listener *l;
	int a, b;

	(void)state;
	assert_int_equal(listener_open(seen.base, &at, on_accept, &seen, &l), 0);
	a = dial(listener_addr(l));
	b = dial(listener_addr(l));
	seen.to_free = l;
	event_base_dispatch(seen.base);
	assert_int_equal(seen.n, 1);
	assert_int_equal(event_base_dispatch(seen.base), 1); /* nothing is left to wait for */
	close(a);
	close(b);
	event_base_free(seen.base);
}

static void a_unix_socket_is_private_and_removed_at_the_end(void **state)
{
	struct seen seen = {.base = event_base_new(), .stop_at = 1};
	struct addr at = in_folder("run/mp.sock");
	char path[100];
	struct listener *l;
	struct stat st;
	mode_t mask = umask(0);
	int fd;

	(void)state;
	assert_int_equal(listener_open(seen.base, &at, on_accept, &seen, &l), 0);
	umask(mask);
	assert_int_equal(stat(at.un.sun_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(listener_open_to_all(l), 0);
	assert_int_equal(stat(at.un.sun_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0666);
	snprintf(path, sizeof(path), "%s/run", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	fd = dial(&at);
	event_base_dispatch(seen.base);
	assert_int_equal(seen.n, 1);
	assert_true(addr_equal(&seen.peer, &at));
	close(fd);
	listener_free(&l);
	assert_int_equal(stat(at.un.sun_path, &st), -1);
	event_base_free(seen.base);
}

static void a_dead_socket_file_is_replaced_and_a_live_one_is_not(void **state)
{
	struct seen seen = {.base = event_base_new(), .stop_at = 1};
	struct addr at = in_folder("mp.sock");
	struct listener *l, *second = NULL;
	int dead = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(bind(dead, &at.sa, at.len), 0);
	close(dead);
	assert_int_equal(listener_open(seen.base, &at, on_accept, &seen, &l), 0);
	errno = 0;
	assert_int_equal(listener_open(seen.base, &at, on_accept, &seen, &second), -ERR_IO);
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(access(at.un.sun_path, F_OK), 0);
	listener_free(&l);
	event_base_free(seen.base);
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
	struct seen seen = {.base = event_base_new()};
	struct addr at = in_folder("file");
	FILE *f = fopen(at.un.sun_path, "w");
	struct listener *l = NULL;

	(void)state;
	assert_non_null(f);
	fclose(f);
	errno = 0;
	assert_int_equal(listener_open(seen.base, &at, on_accept, &seen, &l), -ERR_IO);
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(unlink(at.un.sun_path), 0);
	event_base_free(seen.base);
}

static void anothers_socket_file_survives_the_free(void **state)
{
	struct seen seen = {.base = event_base_new()};
	struct addr at = in_folder("mp.sock");
	struct listener *l, *second;

	(void)state;
	assert_int_equal(listener_open(seen.base, &at, on_accept, &seen, &l), 0);
	assert_int_equal(unlink(at.un.sun_path), 0);
	assert_int_equal(listener_open(seen.base, &at, on_accept, &seen, &second), 0);
	listener_free(&l);
	assert_int_equal(access(at.un.sun_path, F_OK), 0);
	listener_free(&second);
	assert_int_equal(access(at.un.sun_path, F_OK), -1);
	event_base_free(seen.base);
}

static void running_out_of_descriptors_is_survived(void **state)
{
	struct seen seen = {.base = event_base_new(), .stop_at = 1};
	struct addr at = tcp("127.0.0.1:0");
	struct rlimit old, low;
	struct timeval soon = {0, 50000};
	struct listener *l;
	int fd, spare[64];
	int n = 0;

	(void)state;
	assert_int_equal(listener_open(seen.base, &at, on_accept, &seen, &l), 0);
	fd = dial(listener_addr(l));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = (rlim_t)fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	while (n < 64 && (spare[n] = dup(fd)) >= 0)
		n++;
	event_base_loopexit(seen.base, &soon);
	event_base_dispatch(seen.base);
	assert_int_equal(seen.n, 0);
	assert_int_equal(listener_n_pauses(l), 1);
	while (n > 0)
		close(spare[--n]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	event_base_dispatch(seen.base);
	assert_int_equal(seen.n, 1);
	close(fd);
	listener_free(&l);
	event_base_free(seen.base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(port_zero_picks_one_and_connections_arrive),
		cmocka_unit_test(a_port_in_use_says_so),
		cmocka_unit_test(a_listener_may_be_freed_in_its_callback),
		cmocka_unit_test(a_unix_socket_is_private_and_removed_at_the_end),
		cmocka_unit_test(a_dead_socket_file_is_replaced_and_a_live_one_is_not),
		cmocka_unit_test(a_file_that_is_no_socket_is_left_alone),
		cmocka_unit_test(anothers_socket_file_survives_the_free),
		cmocka_unit_test(running_out_of_descriptors_is_survived),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
