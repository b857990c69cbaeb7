/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SIP agent. Owns Sofia's root and transaction agent and the bridge between the two loops:
 * libevent is outside, Sofia's epoll descriptor is one readable event in it, and a timer stands for
 * Sofia's next one. Everything of Sofia runs in the loop's thread. Transports are guarded as
 * measured: small receive buffers on TCP listeners, idle connections closed, library text
 * rate-limited. Knows no conference.
 */
#include "mrfc/sip/sip.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "mrfc/sip/sip_priv.h"
#include "mrfc/sip/sip_probe.h"
#include "mrfc/sip/sip_tls.h"

#include <sofia-sip/msg_mclass.h>
#include <sofia-sip/nta_tag.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/su.h>
#include <sofia-sip/su_log.h>
#include <sofia-sip/tport_tag.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "common/tls_files.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "sip"

#define BODY_MAX     (512 * 1024)
#define TCP_RCVBUF   (16 * 1024)
#define PUMP_MAX_MS  200
#define REST_ASK_MS  5
#define SHED_MAX     64 /* connections closed at once, out of descriptors */
#define TLS_PORT     5061
#define NTP_OFFSET_S 2208988800u

extern void (*_su_time)(su_time_t *tv);

/* Wall time of the process' start carried on by the monotonic clock: a clock step moves no timer. */
static void steady_time(su_time_t *tv)
{
	static struct timespec wall, mono; /* set once, at the first call */
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (wall.tv_sec == 0) {
		clock_gettime(CLOCK_REALTIME, &wall);
		mono = now;
	}
	int64_t us = (int64_t)(now.tv_sec - mono.tv_sec) * 1000000 +
		     (now.tv_nsec - mono.tv_nsec) / 1000 + wall.tv_nsec / 1000;
	tv->tv_sec = (unsigned long)(wall.tv_sec + us / 1000000 + NTP_OFFSET_S);
	tv->tv_usec = (unsigned long)(us % 1000000);
}

static void on_sofia_log(void *stream, char const *fmt, va_list ap)
{
	static struct log_bucket bucket = {.burst = 10};
	struct sip_agent *a = stream;
	char text[512];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	vsnprintf(text, sizeof(text), fmt, ap);
#pragma GCC diagnostic pop
	text[strcspn(text, "\r\n")] = '\0';
	/* The stack tells of a failed accept in its log only. */
	if (strstr(text, strerror(EMFILE)) != NULL || strstr(text, strerror(ENFILE)) != NULL)
		a->out_of_fds = true;
	if (text[0] != '\0')
		log_limited(&bucket, LOG_INFO, "sip/stack", "%s", text);
}

/*
 * Without a free descriptor the stack would try to accept the same connection for ever. The spare
 * one takes those that wait, to close them.
 */
static void shed_connections(struct sip_agent *a)
{
	struct pollfd waiting = {.fd = a->listen_fd, .events = POLLIN};

	a->out_of_fds = false;
	if (a->listen_fd < 0 || a->spare_fd < 0)
		return;
	close(a->spare_fd);
	for (int n = 0; n < SHED_MAX && poll(&waiting, 1, 0) > 0; n++) {
		int fd = accept(a->listen_fd, NULL, NULL);

		if (fd < 0)
			break;
		close(fd);
	}
	a->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/*
 * Late is who always has something to read: then what comes last waits behind it all. It is asked
 * now and then only, to save the system call.
 */
static void note_rest(struct sip_agent *a)
{
	struct pollfd waiting = {.fd = event_get_fd(a->readable), .events = POLLIN};
	uint64_t now_ms = clock_now_ms();

	if (now_ms < a->asked_ms + REST_ASK_MS)
		return;
	if (poll(&waiting, 1, 0) == 0) {
		a->asked_ms = now_ms;
		overload_rested(a->overload, now_ms);
	}
}

static void on_pump(evutil_socket_t fd, short what, void *arg)
{
	struct sip_agent *a = arg;
	su_duration_t rest;
	int n = 0;

	(void)fd;
	(void)what;
	a->pumping = true;
	do {
		/* A failed handshake of one peer would close the connection of the next. */
		tls_forget_errors();
		rest = su_root_step(a->root, 0);
	} while (rest == 0 && ++n < 3);
	a->pumping = false;
	note_rest(a);
	sip_in_turn(a);
	if (a->out_of_fds)
		shed_connections(a);
	if (rest == 0)
		rest = 1; /* never spin on a sub-millisecond rest */
	else if (rest < 0 || rest > PUMP_MAX_MS)
		rest = PUMP_MAX_MS;
	struct timeval tv = {rest / 1000, (rest % 1000) * 1000};
	evtimer_add(a->timer, &tv);
}

void sip_agent_kick(struct sip_agent *a)
{
	if (!a->pumping)
		event_active(a->readable, EV_READ, 0);
}

/* Bind UDP and TCP ourselves first: tells a port in use from everything else, and finds a free one. */
static int probe_port(struct addr *at)
{
	int err = -ERR_IO;

	for (int tries = 0; tries < 50; tries++) {
		struct addr got = *at;
		int one = 1;
		int tcp = socket(at->sa.sa_family, SOCK_STREAM, 0);
		int udp = socket(at->sa.sa_family, SOCK_DGRAM, 0);
		bool ok = tcp >= 0 && udp >= 0 &&
			  setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
			  bind(tcp, &at->sa, at->len) == 0 && listen(tcp, 1) == 0 &&
			  getsockname(tcp, &got.sa, &got.len) == 0 &&
			  bind(udp, &got.sa, got.len) == 0;
		int saved = errno;

		if (tcp >= 0)
			close(tcp);
		if (udp >= 0)
			close(udp);
		if (ok) {
			*at = got;
			return 0;
		}
		errno = saved;
		if (addr_port(at) != 0)
			break;
	}
	return err;
}

/*
 * A burst on one connection is quadratic in what one read may take: bound it by the receive buffer
 * of the listening sockets, which accepted ones inherit.
 */
static void shrink_listeners(struct sip_agent *a)
{
	struct rlimit lim = {0};
	int max;

	if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
		return;
	max = lim.rlim_cur > 256 ? 256 : (int)lim.rlim_cur;
	for (int fd = 0; fd < max; fd++) {
		int listening = 0, size = TCP_RCVBUF;
		socklen_t len = sizeof(listening);
		struct addr mine = {.len = sizeof(mine.in6)};

		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 || !listening)
			continue;
		if (getsockname(fd, &mine.sa, &mine.len) != 0 ||
		    (!addr_equal(&mine, &a->at) && !addr_equal(&mine, &a->tls_at)))
			continue;
		if (addr_equal(&mine, &a->at))
			a->listen_fd = fd;
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) != 0)
			log_warn("receive buffer of the listener stays large: %s", strerror(errno));
	}
}

/* The descriptor that Sofia's root polls with: it must have taken the lowest free number. */
static int root_fd(su_root_t **root_r)
{
	char link[64], name[64] = "";
	int probe = dup(0);

	if (probe < 0)
		probe = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (probe < 0)
		return -ERR_IO;
	close(probe);
	*root_r = su_root_create(NULL);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", probe);
	if (*root_r == NULL || readlink(link, name, sizeof(name) - 1) < 0 ||
	    strcmp(name, "anon_inode:[eventpoll]") != 0)
		return -ERR_IO;
	su_root_multishot(*root_r, 0);
	return probe;
}

static void set_contact(struct sip_agent *a, const char *contact)
{
	char real[ADDR_STRLEN];

	if (contact == NULL || contact[0] == '\0') {
		a->contact = xstrdup(addr_format(&a->at, real));
		return;
	}
	const char *end = strrchr(contact, ']');
	if (strchr(end != NULL ? end : contact, ':') != NULL)
		a->contact = xstrdup(contact);
	else
		a->contact = xasprintf("%s:%u", contact, addr_port(&a->at));
}

/* The URI between < and > in text, which moves on behind it; false when there is none. */
static bool next_bracketed(struct slice *text, struct slice *uri_r)
{
	ptrdiff_t open = slice_chr(*text, '<'), close = slice_chr(*text, '>');

	if (open < 0 || close < open)
		return false;
	*uri_r = slice_make(text->ptr + open + 1, (size_t)(close - open - 1));
	*text = slice_from(*text, (size_t)close + 1);
	return true;
}

/*
 * The stack reads the escapes of a URI, %5F as _. The URIs of a route belong to the proxies that will
 * look for their own marks in them: they go back as they came, octet by octet (IMS-003).
 */
static void restore_routes(msg_t *msg, sip_t *sip)
{
	struct slice rest = SLICE_NULL, one;
	struct sip_uri uri;

	for (sip_record_route_t *r = sip->sip_record_route; r != NULL; r = r->r_next) {
		if (r->r_common->h_data != NULL && r->r_common->h_len > 0)
			rest = slice_make(r->r_common->h_data, r->r_common->h_len);
		if (!next_bracketed(&rest, &one) || slice_chr(one, '%') < 0 ||
		    sip_uri_parse(one, &uri) != 0)
			continue;
		if (uri.user.len > 0 && r->r_url->url_user != NULL)
			r->r_url->url_user =
				su_strndup(msg_home(msg), uri.user.ptr, (isize_t)uri.user.len);
		if (uri.params.len > 0 && r->r_url->url_params != NULL)
			r->r_url->url_params =
				su_strndup(msg_home(msg), uri.params.ptr, (isize_t)uri.params.len);
	}
}

/*
 * The stack keeps a status in 16 bits, and ends the process when a transaction that is over seems to
 * have none. What is no status is a failure.
 */
static issize_t extract_body(msg_t *msg, msg_pub_t *pub, char text[], isize_t len, int eos)
{
	sip_status_t *st = ((sip_t *)pub)->sip_status;
	const sip_content_length_t *length = ((sip_t *)pub)->sip_content_length;

	if (st != NULL && (st->st_status < 100 || st->st_status > 699))
		st->st_status = 500;
	/* It would ask for as much memory as is promised, and end the process when that is 2 GiB. */
	if (length != NULL && length->l_length > BODY_MAX) {
		((sip_t *)pub)->sip_flags |= MSG_FLG_TOOLARGE;
		return -1;
	}
	restore_routes(msg, (sip_t *)pub);
	return sip_extract_body(msg, (sip_t *)pub, text, len, eos);
}

static int on_dialogless(struct sip_leg *none, nta_leg_t *leg, nta_incoming_t *irq,
			 sip_t const *sip)
{
	(void)none;
	(void)leg;
	(void)irq;
	(void)sip;
	return 404;
}

static int start_nta(struct sip_agent *a, unsigned idle_ms)
{
	char where[ADDR_STRLEN], url[ADDR_STRLEN + 8], nobody[21];

	snprintf(url, sizeof(url), "sip:%s", addr_format(&a->at, where));
	a->nta = nta_agent_create(a->root, URL_STRING_MAKE(url), sip_in_on_message, a, NTATAG_UA(1),
				  NTATAG_SERVER_RPORT(1), NTATAG_MERGE_482(1),
				  NTATAG_MAXSIZE(BODY_MAX), NTATAG_USE_NAPTR(0), NTATAG_USE_SRV(0),
				  NTATAG_SIPFLAGS(MSG_DO_EXTRACT_COPY), TPTAG_QUEUESIZE(2000),
				  TPTAG_IDLE(idle_ms), TPTAG_TIMEOUT(32000),
				  TPTAG_UDP_RMEM(4 << 20), TAG_END());
	if (a->nta == NULL)
		return -ERR_IO;
	/* With a URI, that nobody knows: without one, it would get what sip_in_on_message is for. */
	rand_ident(nobody, 20);
	snprintf(url, sizeof(url), "sip:%s@none.invalid", nobody);
	a->dialogless = nta_leg_tcreate(a->nta, on_dialogless, NULL, NTATAG_NO_DIALOG(1),
					URLTAG_URL(URL_STRING_MAKE(url)), TAG_END());
	sip_out_open(a);
	return a->dialogless != NULL ? 0 : -ERR_IO;
}

int sip_agent_open(struct event_base *base, const struct sip_config *config, char *why,
		   size_t why_size, struct sip_agent **agent_r)
{
	struct sip_agent *a = xcalloc(1, sizeof(*a));
	char where[ADDR_STRLEN];
	int fd;

	a->at = config->at;
	a->listen_fd = a->spare_fd = -1;
	a->overload = overload_new(&config->limits);
	a->domain = xstrdup(config->domain);
	a->base = base;
	a->contact_params = xstrdup(config->contact_params != NULL ? config->contact_params : "");
	a->hop_timeout_ms = config->hop_timeout_ms;
	a->preconditions = config->preconditions;
	if (hop_table_parse(config->outbound_proxy, &a->hops, NULL) != 0) {
		snprintf(why, why_size,
			 "sip.outbound_proxy: %s is no list of numeric HOST:PORT or SIP URIs",
			 config->outbound_proxy);
		sip_agent_free(&a);
		return -ERR_CONFIG;
	}
	if (probe_port(&a->at) != 0) {
		snprintf(why, why_size, "cannot listen for SIP on %s: %s",
			 addr_format(&a->at, where),
			 errno == EADDRINUSE ? "the port is in use" : strerror(errno));
		sip_agent_free(&a);
		return -ERR_IO;
	}
	su_init();
	_su_time = steady_time;
	su_log_redirect(NULL, on_sofia_log, a);
	su_log_set_level(NULL, 2);
	msg_mclass_t *parser = sip_extend_mclass(NULL);
	parser->mc_extract_body = extract_body;
	sip_update_default_mclass(parser);
	fd = root_fd(&a->root);
	if (fd < 0 || start_nta(a, config->idle_ms) != 0) {
		snprintf(why, why_size, "cannot start the SIP stack on %s: %s",
			 addr_format(&a->at, where), strerror(errno));
		sip_agent_free(&a);
		return -ERR_IO;
	}
	a->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	set_contact(a, config->contact);
	if (config->tls.on) {
		int err = sip_tls_open(a, config, why, why_size);

		if (err != 0) {
			sip_agent_free(&a);
			return err;
		}
	}
	shrink_listeners(a);
	a->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_pump, a);
	a->timer = evtimer_new(base, on_pump, a);
	event_add(a->readable, NULL);
	a->probe = sip_probe_new(a, config->probe_ms);
	sip_agent_kick(a);
	*agent_r = a;
	return 0;
}

void sip_agent_free(struct sip_agent **ap)
{
	struct sip_agent *a = *ap;

	if (a == NULL)
		return;
	*ap = NULL;
	sip_probe_free(&a->probe);
	if (a->readable != NULL)
		event_free(a->readable);
	if (a->timer != NULL)
		event_free(a->timer);
	if (a->stray != NULL)
		nta_outgoing_destroy(a->stray);
	if (a->dialogless != NULL)
		nta_leg_destroy(a->dialogless);
	if (a->nta != NULL)
		nta_agent_destroy(a->nta);
	if (a->root != NULL) {
		su_root_destroy(a->root);
		su_log_redirect(NULL, NULL, NULL);
		su_deinit();
	}
	if (a->spare_fd >= 0)
		close(a->spare_fd);
	overload_free(&a->overload);
	free(a->domain);
	free(a->contact);
	free(a->tls_contact);
	free(a->contact_params);
	hop_table_free(&a->hops);
	free(a);
}

void sip_agent_set_handlers(struct sip_agent *a, const struct sip_handlers *handlers, void *arg)
{
	a->handlers = handlers;
	a->handlers_arg = arg;
}

const struct addr *sip_agent_addr(const struct sip_agent *a)
{
	return &a->at;
}

const struct addr *sip_agent_tls_addr(const struct sip_agent *a)
{
	return a->tls_contact != NULL ? &a->tls_at : NULL;
}

const char *sip_agent_contact(const struct sip_agent *a)
{
	return a->contact;
}

const char *sip_agent_tls_contact(const struct sip_agent *a)
{
	return a->tls_contact;
}

const char *sip_agent_domain(const struct sip_agent *a)
{
	return a->domain;
}

/* "HOST:PORT" with 5060 meant when no port is written. */
static bool same_authority(const char *text, struct slice host, uint16_t port)
{
	const char *bracket = strrchr(text, ']');
	const char *colon = strchr(bracket != NULL ? bracket : text, ':');
	struct slice h = colon != NULL ? slice_make(text, (size_t)(colon - text)) : slice_str(text);
	uint64_t p = 5060;

	if (colon != NULL && slice_u64(slice_str(colon + 1), 65535, &p) != 0)
		return false;
	return slice_ieq(h, host) && (port != 0 ? port : 5060) == p;
}

bool sip_agent_is_me(const struct sip_agent *a, struct slice host, uint16_t port)
{
	char where[ADDR_STRLEN];

	/* The domain is a name, whatever port somebody resolved it to. */
	if (slice_ieq_str(host, a->domain))
		return true;
	if (a->tls_contact != NULL &&
	    (same_authority(a->tls_contact, host, port != 0 ? port : TLS_PORT) ||
	     same_authority(addr_format(&a->tls_at, where), host, port != 0 ? port : TLS_PORT)))
		return true;
	return same_authority(a->contact, host, port) ||
	       same_authority(addr_format(&a->at, where), host, port);
}

void sip_agent_focus_contact(const struct sip_agent *a, const char *name, struct bytes *out)
{
	bytes_addf(out, "<sip:%s@%s>;isfocus;message;automata;event=\"conference\"%s", name,
		   a->contact, a->contact_params);
}

bool sip_agent_preconditions(const struct sip_agent *a)
{
	return a->preconditions;
}

int sip_agent_route(struct sip_agent *a, const char *uri, const char **route_r)
{
	int hop = hop_table_choose(a->hops, 0, clock_now_ms());
	struct sip_uri parsed;
	struct addr numeric;

	if (hop >= 0) {
		*route_r = hop_table_at(a->hops, (size_t)hop)->uri;
		return 0;
	}
	if (sip_uri_parse(slice_str(uri), &parsed) != 0 ||
	    (parsed.scheme != SIP_URI_SIP && parsed.scheme != SIP_URI_SIPS) ||
	    addr_from_host(parsed.host, 5060, &numeric) != 0)
		return -ERR_NOT_FOUND;
	*route_r = NULL;
	return 0;
}

void sip_header_add(struct bytes *headers, const char *name, const char *value)
{
	bytes_addf(headers, "%s: ", name);
	for (const char *p = value; *p != '\0'; p++)
		bytes_add_char(headers, *p == '\r' || *p == '\n' ? ' ' : *p);
	bytes_add_str(headers, "\r\n");
}
