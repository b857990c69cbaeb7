/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limit: a server that does only what any MSRP fan-out must. Every leg that binds gets every
 * message of the others; one shared log, one cursor a leg, one writev a leg and loop turn; each
 * receiver's 200 is scanned. No CPIM, no checks, no accounting, no limits. What the switch costs is
 * given as a ratio to this.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define LOG_SIZE  65536u /* messages, a power of two */
#define READ_SIZE (256u << 10)
#define IOV       960

struct leg {
	int fd;
	bool bound, blocked, dirty;
	uint64_t cursor;
	size_t offset; /* sent octets of the message at the cursor */
	char *head;    /* To-Path and From-Path lines of our requests */
	size_t head_len;
	char *reply; /* the same lines for our responses: just as they came, swapped */
	size_t reply_len;
	char *in;
	size_t in_len, in_cap;
	char *out;
	size_t out_len, out_cap;
};

struct message {
	char *start; /* "MSRP tid SEND\r\n" then the rest */
	size_t start_len;
	char *rest;
	size_t rest_len;
	struct leg *from;
};

static struct message ring[LOG_SIZE];
static uint64_t head_seq;
static struct leg **all;
static size_t n_all;
static int epfd;
static char read_buf[READ_SIZE];

static void die(const char *what)
{
	fprintf(stderr, "limit: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *must(void *p)
{
	if (!p)
		die("memory");
	return p;
}

static void watch(struct leg *l, bool write)
{
	struct epoll_event ev = {.events = EPOLLIN | (write ? EPOLLOUT : 0u), .data.ptr = l};

	epoll_ctl(epfd, EPOLL_CTL_MOD, l->fd, &ev);
	l->blocked = write;
}

/* Everything the leg has not got yet, as much as one writev takes. */
static bool flush_once(struct leg *l)
{
	struct iovec iov[IOV];
	size_t skip = l->offset, total = 0;
	uint64_t seq = l->cursor;
	int n = 0;
	ssize_t sent;

	if (l->out_len)
		iov[n++] = (struct iovec){l->out, l->out_len};
	for (; seq < head_seq && n + 3 <= IOV; seq++) {
		struct message *m = &ring[seq % LOG_SIZE];
		struct iovec part[3] = {
			{m->start, m->start_len}, {l->head, l->head_len}, {m->rest, m->rest_len}};
		int i;

		if (m->from == l)
			continue;
		for (i = 0; i < 3; i++) {
			size_t cut = skip < part[i].iov_len ? skip : part[i].iov_len;

			skip -= cut;
			if (part[i].iov_len > cut)
				iov[n++] = (struct iovec){(char *)part[i].iov_base + cut,
							  part[i].iov_len - cut};
		}
	}
	if (n == 0) {
		l->cursor = seq;
		return false;
	}
	sent = writev(l->fd, iov, n);
	if (sent < 0 && errno == EAGAIN) {
		watch(l, true);
		return false;
	}
	if (sent < 0)
		die("writev");
	total = (size_t)sent;
	if (l->out_len) {
		size_t cut = total < l->out_len ? total : l->out_len;

		memmove(l->out, l->out + cut, l->out_len - cut);
		l->out_len -= cut;
		total -= cut;
	}
	while (l->cursor < head_seq) {
		struct message *m = &ring[l->cursor % LOG_SIZE];
		size_t left = m->start_len + l->head_len + m->rest_len - l->offset;

		if (m->from != l && total < left) {
			l->offset += total;
			break;
		}
		if (m->from != l)
			total -= left;
		l->offset = 0;
		l->cursor++;
	}
	return l->cursor < head_seq || l->out_len;
}

static void put(struct leg *l, const char *data, size_t len)
{
	if (l->out_len + len > l->out_cap) {
		l->out_cap = (l->out_len + len) * 2;
		l->out = must(realloc(l->out, l->out_cap));
	}
	memcpy(l->out + l->out_len, data, len);
	l->out_len += len;
}

static void publish(struct leg *l, const char *tid, size_t tid_len, const char *rest, size_t len)
{
	struct message *m = &ring[head_seq % LOG_SIZE];

	free(m->start);
	free(m->rest);
	m->start_len = 5 + tid_len + 7;
	m->start = must(malloc(m->start_len + 1));
	snprintf(m->start, m->start_len + 1, "MSRP %.*s SEND\r\n", (int)tid_len, tid);
	m->rest = must(malloc(len));
	memcpy(m->rest, rest, len);
	m->rest_len = len;
	m->from = l;
	head_seq++;
}

/* Keep the two path lines: as they are for requests to the leg they come swapped. */
static void bind_leg(struct leg *l, const char *to, const char *from, const char *rest)
{
	size_t to_len = (size_t)(from - to), from_len = (size_t)(rest - from);
	const char *to_uri = to + 9, *from_uri = from + 11;

	l->reply_len = to_len + from_len;
	l->reply = must(malloc(l->reply_len + 1));
	snprintf(l->reply, l->reply_len + 1, "To-Path: %.*sFrom-Path: %.*s", (int)(from_len - 11),
		 from_uri, (int)(to_len - 9), to_uri);
	l->head = l->reply;
	l->head_len = l->reply_len;
	l->cursor = head_seq;
	l->bound = true;
	all = must(realloc(all, (n_all + 1) * sizeof(*all)));
	all[n_all++] = l;
}

static size_t frame(struct leg *l, const char *p, size_t len)
{
	const char *eol = memchr(p, '\n', len), *end, *to, *from, *rest;
	char needle[64];
	size_t tid_len, total;

	if (!eol || len < 10)
		return 0;
	tid_len = (size_t)((const char *)memchr(p + 5, ' ', (size_t)(eol - p)) - p - 5);
	if (tid_len > 32)
		die("transaction id");
	memcpy(needle, "\r\n-------", 9);
	memcpy(needle + 9, p + 5, tid_len);
	end = memmem(p, len, needle, 9 + tid_len);
	if (!end || end + 12 + tid_len > p + len)
		return 0;
	total = (size_t)(end - p) + 12 + tid_len;
	if (p[6 + tid_len] == '2')
		return total;
	to = eol + 1;
	from = (const char *)must(memchr(to, '\n', (size_t)(end - to))) + 1;
	rest = (const char *)must(memchr(from, '\n', (size_t)(end + 2 - from))) + 1;
	if (!l->bound)
		bind_leg(l, to, from, rest);
	put(l, p, 5 + tid_len);
	put(l, " 200 OK\r\n", 9);
	put(l, l->reply, l->reply_len);
	put(l, needle + 2, 7 + tid_len);
	put(l, "$\r\n", 3);
	l->dirty = true;
	if (memmem(rest, (size_t)(end - rest), "\r\n\r\n", 4))
		publish(l, p + 5, tid_len, rest, (size_t)(p + total - rest));
	return total;
}

static void on_readable(struct leg *l)
{
	ssize_t n = recv(l->fd, read_buf, READ_SIZE, 0);
	const char *data = read_buf;
	size_t len, at = 0, used;

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			exit(0); /* the load is over */
		return;
	}
	len = (size_t)n;
	if (l->in_len) {
		if (l->in_len + len > l->in_cap) {
			l->in_cap = (l->in_len + len) * 2;
			l->in = must(realloc(l->in, l->in_cap));
		}
		memcpy(l->in + l->in_len, read_buf, len);
		len += l->in_len;
		data = l->in;
	}
	while (at < len && (used = frame(l, data + at, len - at)))
		at += used;
	if (len - at > l->in_cap) {
		l->in_cap = len - at;
		l->in = must(realloc(l->in, l->in_cap));
	}
	if (len > at)
		memmove(l->in, data + at, len - at);
	l->in_len = len - at;
}

static void on_accept(int listener)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct leg *l = must(calloc(1, sizeof(*l)));
	int one = 1, size = 262144;

	l->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	if (l->fd < 0) {
		free(l);
		return;
	}
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(l->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	ev.data.ptr = l;
	epoll_ctl(epfd, EPOLL_CTL_ADD, l->fd, &ev);
}

int main(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	struct epoll_event ev = {.events = EPOLLIN}, got[512];
	socklen_t len = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), i, n;
	uint64_t flushed = 0;
	size_t k;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener < 0 || bind(listener, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
	    listen(listener, 4096) < 0 || getsockname(listener, (struct sockaddr *)&sin, &len) < 0)
		die("listen");
	epfd = epoll_create1(0);
	epoll_ctl(epfd, EPOLL_CTL_ADD, listener, &ev);
	printf("ready msrp=127.0.0.1:%u\n", ntohs(sin.sin_port));
	fflush(stdout);
	for (;;) {
		n = epoll_wait(epfd, got, 512, -1);
		for (i = 0; i < n; i++) {
			struct leg *l = got[i].data.ptr;

			if (!l) {
				on_accept(listener);
				continue;
			}
			if (got[i].events & EPOLLOUT)
				watch(l, false), l->dirty = true;
			if (got[i].events & (EPOLLIN | EPOLLHUP))
				on_readable(l);
		}
		for (k = 0; k < n_all; k++)
			if (!all[k]->blocked && (all[k]->dirty || flushed != head_seq)) {
				all[k]->dirty = false;
				while (flush_once(all[k]) && !all[k]->blocked)
					;
			}
		flushed = head_seq;
	}
}
