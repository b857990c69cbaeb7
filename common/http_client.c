/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One blocking HTTP/1.1 request for command-line tools: connect, send, read to the end, all
 * before one deadline. Knows as much HTTP as our own server answers with.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http.h"
#include "common/mem.h"

#define RESPONSE_MAX (16u << 20)

/* 0 when the descriptor is ready; -ERR_TIMEOUT at the deadline, -ERR_IO. */
static int wait_for(int fd, short events, uint64_t deadline_ms)
{
	for (;;) {
		uint64_t now_ms = clock_now_ms();
		struct pollfd p = {.fd = fd, .events = events};
		int n;

		if (now_ms >= deadline_ms) {
			errno = ETIMEDOUT;
			return -ERR_IO;
		}
		n = poll(&p, 1, (int)(deadline_ms - now_ms));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -ERR_IO;
	}
}

static int dial(int fd, const struct addr *to, uint64_t deadline_ms)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (connect(fd, &to->sa, to->len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -ERR_IO;
	if (wait_for(fd, POLLOUT, deadline_ms) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
		return -ERR_IO;
	errno = err;
	return err ? -ERR_IO : 0;
}

static int send_all(int fd, struct slice data, uint64_t deadline_ms)
{
	while (data.len) {
		ssize_t n = send(fd, data.ptr, data.len, MSG_NOSIGNAL);

		if (n >= 0)
			data = slice_from(data, (size_t)n);
		else if (errno == EAGAIN && wait_for(fd, POLLOUT, deadline_ms) == 0)
			continue;
		else if (errno != EINTR)
			return -ERR_IO;
	}
	return 0;
}

static int read_all(int fd, struct bytes *in, uint64_t deadline_ms)
{
	char part[16384];

	for (;;) {
		ssize_t n = recv(fd, part, sizeof(part), 0);

		if (n == 0)
			return 0;
		if (n > 0)
			bytes_add(in, part, (size_t)n);
		else if (errno == EAGAIN && wait_for(fd, POLLIN, deadline_ms) == 0)
			continue;
		else if (errno != EINTR)
			return -ERR_IO;
		if (!bytes_ok(in)) {
			errno = EMSGSIZE;
			return -ERR_IO;
		}
	}
}

/* Request lines and headers have no room for anything but visible characters. */
static bool is_visible(const char *text)
{
	for (; text && *text; text++)
		if ((unsigned char)*text <= 0x20 || *text == 0x7f)
			return false;
	return true;
}

static void build(struct bytes *out, const struct addr *server, const char *method,
		  const char *path, const char *token, struct slice body)
{
	char host[ADDR_STRLEN];

	if (server->sa.sa_family == AF_UNIX)
		bytes_addf(out, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path);
	else
		bytes_addf(out, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path,
			   addr_format(server, host));
	bytes_add_str(out, "Connection: close\r\n");
	if (token)
		bytes_addf(out, "Authorization: Bearer %s\r\n", token);
	if (body.len)
		bytes_add_str(out, "Content-Type: application/json\r\n");
	bytes_addf(out, "Content-Length: %zu\r\n\r\n", body.len);
	bytes_add_slice(out, body);
}

static int bad_answer(void)
{
	errno = EPROTO;
	return -ERR_IO;
}

static int parse_answer(struct slice in, bool head, struct http_result *result_r)
{
	ptrdiff_t end = slice_find(in, SLICE_LIT("\r\n\r\n"));
	struct slice lines = slice_first(in, end < 0 ? 0 : (size_t)end), line;
	struct slice body = slice_from(in, (size_t)end + 4);
	uint64_t status, length = body.len;

	if (end < 0 || !slice_next(&lines, '\n', &line) || line.len < 12 ||
	    !slice_starts(line, SLICE_LIT("HTTP/1.")) ||
	    slice_u64(slice_make(line.ptr + 9, 3), 599, &status) < 0)
		return bad_answer();
	while (slice_next(&lines, '\n', &line)) {
		ptrdiff_t colon = slice_chr(line, ':');
		struct slice name = slice_first(line, colon < 0 ? 0 : (size_t)colon);
		struct slice value = slice_trim(slice_from(line, (size_t)(colon + 1)));

		if (slice_ieq_str(name, "Transfer-Encoding"))
			return bad_answer();
		if (slice_ieq_str(name, "Content-Length") &&
		    slice_u64(value, RESPONSE_MAX, &length) < 0)
			return bad_answer();
	}
	if (!head && length > body.len)
		return bad_answer();
	result_r->status = (int)status;
	bytes_add_slice(&result_r->body, slice_first(body, head ? 0 : (size_t)length));
	return 0;
}

int http_call(const struct addr *server, const char *method, const char *path, const char *token,
	      struct slice body, uint32_t timeout_ms, struct http_result *result_r)
{
	uint64_t deadline_ms = clock_now_ms() + timeout_ms;
	struct bytes out, in;
	int fd, rc = -ERR_IO, err;

	*result_r = (struct http_result){0, BYTES_INIT};
	if (!is_visible(method) || !is_visible(path) || !is_visible(token)) {
		errno = EINVAL;
		return -ERR_IO;
	}
	bytes_init(&out, 0);
	bytes_init(&in, RESPONSE_MAX);
	fd = socket(server->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		goto out;
	build(&out, server, method, path, token, body);
	if (!bytes_ok(&out))
		errno = EMSGSIZE;
	else if (dial(fd, server, deadline_ms) == 0 &&
		 send_all(fd, bytes_slice(&out), deadline_ms) == 0 &&
		 read_all(fd, &in, deadline_ms) == 0)
		rc = parse_answer(bytes_slice(&in), strcasecmp(method, "HEAD") == 0, result_r);
out:
	err = errno;
	if (fd >= 0)
		close(fd);
	mem_wipe(out.data, out.len);
	bytes_fini(&out);
	bytes_fini(&in);
	errno = err;
	return rc;
}
