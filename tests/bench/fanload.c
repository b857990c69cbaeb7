/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fan-out load client: N receivers and one sender in one process and thread. MSRP (each leg binds
 * with the To-Path and From-Path of a sessions file) or Redis publish/subscribe, to compare with.
 * With -B one more member streams that many octets as one SEND meanwhile; with -m each receiver answers
 * a line by two notifications, and some members type; with -T legs are TLS, with -e bodies are sealed. Closed loop (at most W messages not yet with everybody) or open loop (messages per second).
 * Prints one JSON line: deliveries, latency, and the server's CPU time per delivery, read from
 * /proc/PID/task/<tid>/schedstat in nanoseconds, so that other work on the machine disturbs little.
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "latency.h"
#include "load.h"
#include "load_seal.h"
#include "load_tls.h"
#include "mix.h"
#include "usage.h"

#define MARK       "@TS"
#define BULK_PIECE 65536u
#define BULK_TID   "bulk0001"
#define BULK_END   "\r\n-------" BULK_TID "$\r\n"
#define READ_SIZE  (1u << 20)

struct leg {
	int fd;
	int id;
	bool ready;
	struct load_tls *tls;
	char *to, *from; /* as in the sessions file */
	char *tail;      /* of our responses: paths */
	char *in;
	size_t in_len, in_cap;
	char *out;
	size_t out_len, out_done, out_cap;
	uint64_t stamp_us;  /* of the message under way */
	uint64_t bulk_left; /* octets of the one long SEND not yet written */
};

static struct load opt;
static struct leg *legs; /* [0] sends, 1..N receive */
static int n_legs, epfd, n_ready;
static bool stalling;
static uint64_t sent, delivered, answered, noticed, octets;
static struct latency latency;
static uint64_t bulk_start_us, bulk_end_us;
static char read_buf[READ_SIZE];
static char *payload;
static size_t payload_len, mark_at, id_at;

static void die(const char *what)
{
	fprintf(stderr, "fanload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *grow(void *p, size_t *cap, size_t need)
{
	while (*cap < need)
		*cap = *cap ? *cap * 2 : 4096;
	p = realloc(p, *cap);
	if (!p)
		die("memory");
	return p;
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void want_write(struct leg *l, bool on)
{
	struct epoll_event ev = {.events = EPOLLIN | (on ? EPOLLOUT : 0u), .data.ptr = l};

	epoll_ctl(epfd, EPOLL_CTL_MOD, l->fd, &ev);
}

/* The next piece of the long SEND; what it owes others waits until its end-line is out. */
static void refill_bulk(struct leg *l)
{
	size_t n = l->bulk_left < BULK_PIECE ? (size_t)l->bulk_left : BULK_PIECE;

	if (l->out_cap < BULK_PIECE + 64)
		l->out = grow(l->out, &l->out_cap, BULK_PIECE + 64);
	memset(l->out, 'b', n);
	l->out_done = 0;
	l->out_len = n;
	l->bulk_left -= n;
	if (l->bulk_left == 0) {
		memcpy(l->out + n, BULK_END, sizeof(BULK_END) - 1);
		l->out_len += sizeof(BULK_END) - 1;
	}
}

static void flush(struct leg *l)
{
	while (l->out_done < l->out_len || l->bulk_left) {
		if (l->out_done == l->out_len)
			refill_bulk(l);
		const char *from = l->out + l->out_done;
		size_t len = l->out_len - l->out_done;
		ssize_t n = l->tls ? load_tls_send(l->tls, from, len)
				   : send(l->fd, from, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			want_write(l, true);
			return;
		}
		if (n < 0)
			die("send");
		l->out_done += (size_t)n;
	}
	l->out_done = l->out_len = 0;
}

static void put(struct leg *l, const void *data, size_t len)
{
	if (l->out_len + len > l->out_cap)
		l->out = grow(l->out, &l->out_cap, l->out_len + len);
	memcpy(l->out + l->out_len, data, len);
	l->out_len += len;
}

static void put_str(struct leg *l, const char *s)
{
	put(l, s, strlen(s));
}

static void stamp(uint64_t us)
{
	char hex[17];

	snprintf(hex, sizeof(hex), "%016lx", us);
	memcpy(payload + mark_at, hex, 16);
	if (opt.mix)
		memcpy(payload + id_at, hex, 16);
}

/* The line was shown: its sender is notified twice, and who is next begins to type. */
static void react(struct leg *l, const char *frame, size_t len)
{
	const char *at = memmem(frame, len, MARK, sizeof(MARK) - 1);
	char hex[17] = "", out[MIX_MAX];
	uint64_t line;

	if (!at) {
		noticed += l->id == 0;
		return;
	}
	memcpy(hex, at + sizeof(MARK) - 1, 16);
	line = strtoull(hex, NULL, 16);
	put(l, out, mix_imdn(out, l->tail, l->id, line, 0));
	put(l, out, mix_imdn(out, l->tail, l->id, line, 1));
	answered += 2;
	if ((sent + (uint64_t)l->id) % ((uint64_t)opt.receivers / MIX_TYPING + 1) == 0)
		put(l, out, mix_typing(out, l->tail, l->id));
}

static void send_message(struct leg *l)
{
	char head[1024];

	stamp(now_us());
	sent++;
	if (opt.redis) {
		snprintf(head, sizeof(head), "*3\r\n$7\r\nPUBLISH\r\n$4\r\nroom\r\n$%zu\r\n",
			 payload_len);
		put_str(l, head);
		put(l, payload, payload_len);
		put_str(l, "\r\n");
	} else {
		snprintf(
			head, sizeof(head),
			"MSRP s%010lu SEND\r\nTo-Path: %s\r\nFrom-Path: %s\r\nMessage-ID: m%010lu\r\n"
			"Byte-Range: 1-%zu/%zu\r\nContent-Type: message/cpim\r\n\r\n",
			sent, l->to, l->from, sent, payload_len, payload_len);
		put_str(l, head);
		put(l, payload, payload_len);
		snprintf(head, sizeof(head), "\r\n-------s%010lu$\r\n", sent);
		put_str(l, head);
	}
	flush(l);
}

/* A message is stamped in its first frame and there with its last. */
static void count_delivery(struct leg *l, const char *frame, size_t len, bool last)
{
	const char *at = memmem(frame, len < 1024 ? len : 1024, MARK, sizeof(MARK) - 1);
	char hex[17] = "";

	octets += len;
	if (at && (size_t)(frame + len - at) >= sizeof(MARK) - 1 + 16) {
		memcpy(hex, at + sizeof(MARK) - 1, 16);
		l->stamp_us = strtoull(hex, NULL, 16);
	}
	if (!last || !l->stamp_us)
		return;
	latency_add(&latency, now_us() - l->stamp_us);
	l->stamp_us = 0;
	delivered++;
}

static void now_ready(struct leg *l)
{
	if (!l->ready) {
		l->ready = true;
		n_ready++;
	}
}

/* One MSRP frame off the front; its length, or 0 when it is not whole. */
static size_t msrp_frame(struct leg *l, const char *p, size_t len)
{
	char needle[48], tid[33];
	const char *eol = memchr(p, '\n', len), *end;
	size_t tid_len, frame;
	bool response;

	if (!eol || len < 10)
		return 0;
	tid_len = (size_t)((const char *)memchr(p + 5, ' ', (size_t)(eol - p)) - p - 5);
	if (tid_len > 32)
		die("a frame's transaction id");
	memcpy(tid, p + 5, tid_len);
	tid[tid_len] = '\0';
	response = p[6 + tid_len] >= '0' && p[6 + tid_len] <= '9';
	snprintf(needle, sizeof(needle), "\r\n-------%s", tid);
	end = memmem(p, len, needle, 9 + tid_len);
	if (!end || end + 9 + tid_len + 3 > p + len)
		return 0;
	frame = (size_t)(end - p) + 9 + tid_len + 3;
	if (response && strcmp(tid, BULK_TID) == 0) {
		bulk_end_us = now_us();
	} else if (response) {
		now_ready(l);
	} else if (l->bulk_left) {
		; /* the long SEND is not interrupted: its sender answers nothing meanwhile */
	} else if (memcmp(p + 6 + tid_len, "SEND", 4) == 0) {
		put_str(l, "MSRP ");
		put(l, tid, tid_len);
		put_str(l, " 200 OK\r\n");
		put_str(l, l->tail);
		put_str(l, "-------");
		put(l, tid, tid_len);
		put_str(l, "$\r\n");
		if (!opt.bulk || l->id < n_legs - 1)
			count_delivery(l, p, frame, end[9 + tid_len] == '$');
		if (opt.mix)
			react(l, p, frame);
	}
	return frame;
}

/* One RESP reply off the front: *3 message arrays are deliveries, all else is counted as ready. */
static size_t redis_frame(struct leg *l, const char *p, size_t len)
{
	const char *eol = memchr(p, '\n', len), *q, *end = p + len;
	long n = 0, i;

	if (!eol)
		return 0;
	if (p[0] != '*')
		return (size_t)(eol - p) + 1;
	n = strtol(p + 1, NULL, 10);
	q = eol + 1;
	for (i = 0; i < n; i++) {
		long bulk;

		eol = memchr(q, '\n', (size_t)(end - q));
		if (!eol)
			return 0;
		bulk = q[0] == '$' ? strtol(q + 1, NULL, 10) + 2 : 0;
		if (eol + 1 + bulk > end)
			return 0;
		q = eol + 1 + bulk;
	}
	if (memmem(p, (size_t)(q - p), "subscribe", 9))
		now_ready(l);
	else
		count_delivery(l, p, (size_t)(q - p), true);
	return (size_t)(q - p);
}

static void take(struct leg *l, const char *data, size_t len)
{
	size_t at = 0, used;

	if (l->in_len) {
		if (l->in_len + len > l->in_cap)
			l->in = grow(l->in, &l->in_cap, l->in_len + len);
		memcpy(l->in + l->in_len, data, len);
		data = l->in;
		len += l->in_len;
	}
	while (at < len && (used = opt.redis ? redis_frame(l, data + at, len - at)
					     : msrp_frame(l, data + at, len - at)))
		at += used;
	if (len - at > l->in_cap)
		l->in = grow(l->in, &l->in_cap, len - at);
	if (len > at)
		memmove(l->in, data + at, len - at);
	l->in_len = len - at;
	flush(l);
}

static void on_event(struct leg *l, uint32_t events)
{
	ssize_t n;

	if (events & EPOLLOUT) {
		flush(l);
		if (l->out_len == 0)
			want_write(l, false);
	}
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	n = l->tls ? load_tls_recv(l->tls, read_buf, READ_SIZE)
		   : recv(l->fd, read_buf, READ_SIZE, 0);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		die("a leg was closed");
	if (n > 0)
		take(l, read_buf, (size_t)n);
}

static void turn(int timeout_ms)
{
	struct epoll_event ev[256];
	int i, n = epoll_wait(epfd, ev, 256, timeout_ms);

	for (i = 0; i < n; i++)
		on_event(ev[i].data.ptr, ev[i].events);
}

static void connect_leg(struct leg *l, int id)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)};
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = l};
	char text[1024];
	int one = 1;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l->id = id;
	l->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		die("connect");
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (opt.pem)
		l->tls = load_tls_connect(l->fd, opt.pem);
	fcntl(l->fd, F_SETFL, O_NONBLOCK);
	epoll_ctl(epfd, EPOLL_CTL_ADD, l->fd, &ev);
	if (opt.redis && id == 0) {
		now_ready(l);
		return;
	}
	if (opt.redis)
		snprintf(text, sizeof(text), "*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nroom\r\n");
	else
		snprintf(text, sizeof(text),
			 "MSRP bind%06d SEND\r\nTo-Path: %s\r\nFrom-Path: %s\r\n"
			 "Message-ID: bind%06d\r\nByte-Range: 1-0/0\r\n-------bind%06d$\r\n",
			 id, l->to, l->from, id, id);
	put_str(l, text);
	flush(l);
}

static void read_sessions(void)
{
	FILE *f = opt.redis ? NULL : fopen(opt.sessions, "r");
	char to[512], from[512], text[1100];
	int i;

	if (!opt.redis && !f)
		die(opt.sessions ? opt.sessions : "-s SESSIONS is missing");
	for (i = 0; i < n_legs; i++) {
		if (opt.redis)
			continue;
		if (fscanf(f, "%511s %511s", to, from) != 2)
			die("too few sessions");
		legs[i].to = strdup(to);
		legs[i].from = strdup(from);
		snprintf(text, sizeof(text), "To-Path: %s\r\nFrom-Path: %s\r\n", to, from);
		legs[i].tail = strdup(text);
	}
	if (f)
		fclose(f);
}

/* What stands after the CPIM headers, and where its stamp goes. */
static void make_body(struct bytes *b, size_t *at_r)
{
	if (opt.body < 32)
		opt.body = 32;
	*at_r = 0;
	if (opt.sealed) {
		load_seal((size_t)opt.body, b, at_r);
		return;
	}
	for (int i = 0; i < opt.body; i++)
		bytes_add_char(b, 'x');
}

static void make_payload(void)
{
	char head[600], ask[200] = "";
	struct bytes body = BYTES_INIT;
	size_t head_len = 0;

	if (opt.mix)
		snprintf(ask, sizeof(ask), MIX_ASK, 0ul);
	if (!opt.redis)
		head_len =
			(size_t)snprintf(head, sizeof(head),
					 "From: <sip:user0@example.com>\r\n"
					 "To: <sip:room@conf.example.com>\r\n"
					 "DateTime: 2026-01-01T00:00:00Z\r\n%s\r\n"
					 "Content-Type: %s\r\n\r\n",
					 ask, opt.sealed ? LOAD_TYPE : "text/plain;charset=UTF-8");
	if (opt.mix)
		id_at = (size_t)(strstr(head, "Message-ID: ") - head) + strlen("Message-ID: ");
	make_body(&body, &mark_at);
	mark_at += head_len;
	payload_len = head_len + body.len;
	payload = malloc(payload_len);
	if (!payload)
		die("memory");
	memcpy(payload, head, head_len);
	memcpy(payload + head_len, body.data, body.len);
	bytes_fini(&body);
	memcpy(payload + mark_at, MARK, sizeof(MARK) - 1);
	mark_at += sizeof(MARK) - 1;
	payload[mark_at + 16] = ' ';
}

/* Receivers that read. */
static uint64_t heard_by(void)
{
	return (uint64_t)(opt.receivers - (stalling ? opt.stalled : 0));
}

/* From now on the last ones read nothing. */
static void stall(void)
{
	stalling = true;
	for (int i = 0; i < opt.stalled; i++)
		epoll_ctl(epfd, EPOLL_CTL_DEL, legs[opt.receivers - i].fd, NULL);
}

/* Send for that long; in the closed loop all but `window` messages are with everybody. */
static void run(double seconds)
{
	uint64_t start = now_us(), end = start + (uint64_t)(seconds * 1e6), now, due = 0;
	uint64_t base_sent = sent, base_delivered = delivered;

	while ((now = now_us()) < end || (bulk_start_us && !bulk_end_us && now < end + 60000000)) {
		uint64_t done = (delivered - base_delivered) / heard_by();

		if (opt.rate)
			due = (now - start) * (uint64_t)opt.rate / 1000000;
		while (opt.rate ? sent - base_sent < due
				: sent - base_sent - done < (uint64_t)opt.window)
			send_message(&legs[0]);
		turn(opt.rate ? 1 : 10);
	}
	while (delivered - base_delivered < (sent - base_sent) * heard_by() &&
	       now_us() < end + 5000000)
		turn(10);
}

/* One member more streams a message of opt.bulk octets as one SEND. */
static void start_bulk(struct leg *l)
{
	char cpim[400], head[1024];
	int n = snprintf(cpim, sizeof(cpim),
			 "From: <sip:user%d@example.com>\r\nTo: <sip:room@conf.example.com>\r\n"
			 "DateTime: 2026-01-01T00:00:00Z\r\n\r\nContent-Type: image/png\r\n\r\n",
			 l->id);

	snprintf(head, sizeof(head),
		 "MSRP " BULK_TID
		 " SEND\r\nTo-Path: %s\r\nFrom-Path: %s\r\nMessage-ID: bulk0001\r\n"
		 "Byte-Range: 1-*/%lu\r\nContent-Type: message/cpim\r\n\r\n",
		 l->to, l->from, opt.bulk + (uint64_t)n);
	put_str(l, head);
	put_str(l, cpim);
	l->bulk_left = opt.bulk;
	bulk_start_us = now_us();
	flush(l);
}

static double per_delivery(uint64_t cpu_ns)
{
	return delivered ? (double)cpu_ns / 1e3 / (double)delivered : 0.0;
}

int main(int argc, char **argv)
{
	struct rlimit files;
	struct usage_ticks ticks, ticks_end;
	uint64_t cpu, start_cpu, set_up_cpu, t0;
	double wall, user;
	long rss;
	int i;

	load_options(&opt, argc, argv);
	n_legs = opt.receivers + 1 + (opt.bulk ? 1 : 0);
	legs = calloc((size_t)n_legs, sizeof(*legs));
	epfd = epoll_create1(0);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (!legs || epfd < 0)
		die("start");
	read_sessions();
	make_payload();
	start_cpu = usage_cpu_ns(opt.pid);
	for (i = 0; i < n_legs; i++) {
		connect_leg(&legs[i], i);
		if (i % 64 == 63)
			turn(0);
	}
	for (t0 = now_us(); n_ready < n_legs && now_us() - t0 < 20000000;)
		turn(100);
	if (n_ready < n_legs)
		die("not every leg was answered");
	set_up_cpu = usage_cpu_ns(opt.pid) - start_cpu;
	rss = usage_kb(opt.pid, "VmRSS:");
	run(0.4); /* warm-up */
	memset(&latency, 0, sizeof(latency));
	stall();
	delivered = octets = answered = noticed = 0;
	ticks = usage_ticks(opt.pid);
	cpu = usage_cpu_ns(opt.pid);
	t0 = now_us();
	sent = 1000000; /* ids of the warm-up are not used again */
	if (opt.bulk)
		start_bulk(&legs[n_legs - 1]);
	run(opt.seconds);
	wall = (double)(now_us() - t0) / 1e6;
	cpu = usage_cpu_ns(opt.pid) - cpu;
	ticks_end = usage_ticks(opt.pid);
	user = (double)(ticks_end.user - ticks.user);
	user /= user + (double)(ticks_end.kernel - ticks.kernel) + 1e-9;
	printf("{\"delivered\": %lu, \"missing\": %lu, \"per_s\": %.0f, \"cpu_us\": %.3f, "
	       "\"user_us\": %.3f, \"p50_us\": %lu, \"p99_us\": %lu, \"max_us\": %lu, \"bulk_s\": %.2f, ",
	       delivered, (sent - 1000000) * heard_by() - delivered, (double)delivered / wall,
	       per_delivery(cpu), per_delivery(cpu) * user, latency_at(&latency, 0.5),
	       latency_at(&latency, 0.99), latency.longest_us,
	       (double)(bulk_end_us - bulk_start_us) / 1e6);
	printf("\"rss_kb\": %ld, \"add_us\": %.1f, \"bind_us\": %.1f, \"peak_mb\": %.1f, "
	       "\"answers\": %lu, \"notices\": %lu}\n",
	       rss, (double)start_cpu / 1e3 / n_legs, (double)set_up_cpu / 1e3 / n_legs,
	       (double)usage_kb(opt.pid, "VmHWM:") / 1024, answered, noticed);
	return 0;
}
