/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines from a file, a pipe or a terminal, handed on one at a time from the loop; held back while
 * a /wait is open. A regular file cannot be polled and is simply read.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/mem.h"
#include "ue/mrfue.h"

#define LINE_MAX_BYTES (64u << 10)

struct mrfue_input {
	int fd;
	bool own_fd, regular, hold, eof, ended;
	struct event *ev_read, *ev_deliver;
	struct bytes held;
	unsigned number;
	mrfue_line_fn *fn;
	void *arg;
};

static void want(struct mrfue_input *in)
{
	if (in->hold || in->ended)
		return;
	event_active(in->ev_deliver, EV_TIMEOUT, 0);
}

static void read_some(struct mrfue_input *in)
{
	char buf[4096];
	ssize_t n = read(in->fd, buf, sizeof(buf));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		bytes_add(&in->held, buf, (size_t)n);
		return;
	}
	in->eof = true;
	if (in->ev_read)
		event_del(in->ev_read);
}

static void on_read(evutil_socket_t fd, short what, void *arg)
{
	struct mrfue_input *in = arg;

	(void)fd;
	(void)what;
	if (in->held.len > LINE_MAX_BYTES)
		return;
	read_some(in);
	want(in);
}

static void on_deliver(evutil_socket_t fd, short what, void *arg)
{
	struct mrfue_input *in = arg;
	ptrdiff_t eol;
	size_t len, used;
	char *line;

	(void)fd;
	(void)what;
	if (in->hold || in->ended)
		return;
	eol = slice_chr(bytes_slice(&in->held), '\n');
	while (eol < 0 && in->regular && !in->eof) {
		read_some(in);
		eol = slice_chr(bytes_slice(&in->held), '\n');
	}
	if (eol < 0 && !in->eof && in->held.len <= LINE_MAX_BYTES)
		return;
	if (eol < 0 && in->held.len == 0) {
		in->ended = true;
		in->fn(SLICE_NULL, in->number, in->arg);
		return;
	}
	len = eol < 0 ? in->held.len : (size_t)eol;
	used = eol < 0 ? len : len + 1;
	if (len && in->held.data[len - 1] == '\r')
		len--;
	line = slice_dup(slice_make(in->held.data, len));
	bytes_drop(&in->held, used);
	in->number++;
	want(in);
	in->fn(slice_str(line), in->number, in->arg);
	free(line);
}

int mrfue_input_open(struct event_base *base, const char *path, mrfue_line_fn *fn, void *arg,
		     struct mrfue_input **input_r)
{
	struct mrfue_input *in;
	bool own = path && strcmp(path, "-") != 0;
	int fd = own ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	struct stat st;

	if (fd < 0)
		return -ERR_IO;
	in = xcalloc(1, sizeof(*in));
	in->fd = fd;
	in->own_fd = own;
	in->fn = fn;
	in->arg = arg;
	in->regular =
		fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode)) && !isatty(fd);
	in->ev_deliver = event_new(base, -1, 0, on_deliver, in);
	if (!in->regular) {
		in->ev_read = event_new(base, fd, EV_READ | EV_PERSIST, on_read, in);
		event_add(in->ev_read, NULL);
	}
	want(in);
	*input_r = in;
	return 0;
}

void mrfue_input_hold(struct mrfue_input *in, bool hold)
{
	in->hold = hold;
	want(in);
}

void mrfue_input_free(struct mrfue_input **in_p)
{
	struct mrfue_input *in = *in_p;

	if (!in)
		return;
	if (in->ev_read)
		event_free(in->ev_read);
	event_free(in->ev_deliver);
	if (in->own_fd)
		close(in->fd);
	bytes_fini(&in->held);
	free(in);
	*in_p = NULL;
}
