/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One MSRP session of user equipment: its connection (made by us or by the peer, RFC 4975 5.4 and
 * 6135), and how long responses are waited for. Frames that come in are ue_msrp_in, sending is
 * ue_outbox, reassembly ue_inbox.
 */
#include "ue/ue_msrp_priv.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "common/tls.h"
#include "proto/ks/ks_frame.h"
#include "proto/mikey.h"
#include "proto/msrp_build.h"

#define LOG_PLACE "ue_msrp"

#define OUT_HIGH   (128u << 10)
#define HELD_MAX   (32u << 10)
#define CONNECT_MS 10000

static void on_conn(struct conn *c, enum conn_event ev, void *arg);

static void flush(struct ue_msrp *m)
{
	while (m->conn && (m->bound || m->connected)) {
		struct iovec iov;
		ssize_t n;

		while (m->out.len - m->out_done < OUT_HIGH && ue_outbox_next(m->outbox, &m->out))
			;
		if (m->out.len == m->out_done)
			break;
		iov = (struct iovec){m->out.data + m->out_done, m->out.len - m->out_done};
		n = conn_writev(m->conn, &iov, 1);
		if (n == -ERR_AGAIN || n == 0) {
			conn_want_write(m->conn, true);
			return;
		}
		if (n < 0) /* reading tells the reason */
			return;
		m->out_done += (size_t)n;
		if (m->out_done == m->out.len) {
			bytes_reset(&m->out);
			m->out_done = 0;
			ue_outbox_written(m->outbox, clock_now_ms());
		}
	}
	if (m->conn)
		conn_want_write(m->conn, false);
}

static void close_conn(struct ue_msrp *m)
{
	resolver_cancel(&m->query);
	conn_free(&m->conn);
	buf_fini(&m->held);
	bytes_reset(&m->out);
	m->out_done = 0;
	m->message = NULL;
	m->bound = m->connected = m->accepted = false;
	msrp_parser_init(&m->parser, &msrp_limits_default);
}

static void report_failed(struct ue_msrp *m, const char *why)
{
	struct ue_outbox_done done;

	while (ue_outbox_fail(m->outbox, &done))
		ue_msrp_tell(m, &done, 0, why);
}

static void lost(struct ue_msrp *m, const char *why)
{
	close_conn(m);
	report_failed(m, why);
	m->ops->down(why, m->arg);
}

/* Once a second: what is overdue for its response has failed (RFC 4975 7.1.1). */
static void on_wait(evutil_socket_t fd, short what, void *arg)
{
	struct ue_msrp *m = arg;
	struct ue_outbox_done done;

	(void)fd;
	(void)what;
	while (ue_outbox_expire(m->outbox, clock_now_ms(), &done)) {
		if (done.kind == UE_OUTBOX_BIND) {
			lost(m, "no answer within 30 s");
			return;
		}
		ue_msrp_tell(m, &done, 408, "no answer within 30 s");
	}
	flush(m);
}

/* Parse what there is; 0, or < 0 when the stream must be closed. */
static int parse(struct ue_msrp *m, struct slice in, size_t *used_r)
{
	struct msrp_item item;
	size_t used, total = 0;
	int rc;

	do {
		rc = msrp_parse_next(&m->parser, slice_from(in, total), &item, &used);
		if (rc < 0)
			return rc;
		if (rc == 1)
			ue_msrp_take(m, &item);
		if (m->status < 0)
			return -ERR_DENIED;
		total += used;
	} while (rc == 1 && m->conn);
	*used_r = total;
	return 0;
}

static void take_bytes(struct ue_msrp *m, struct slice in)
{
	bool from_held = m->held.end > m->held.done;
	size_t used = 0;
	int rc;

	if (from_held) {
		if (buf_keep(&m->held, in, HELD_MAX + UE_MSRP_READ) < 0) {
			lost(m, "the peer's frame has no end");
			return;
		}
		in = buf_held(&m->held);
	}
	rc = parse(m, in, &used);
	if (!m->conn)
		return;
	if (rc < 0) {
		lost(m, rc == -ERR_DENIED ? "the session is not known (any more)"
					  : "the peer's stream is broken");
		return;
	}
	if (from_held)
		buf_consume(&m->held, used);
	else if (used < in.len &&
		 buf_keep(&m->held, slice_from(in, used), HELD_MAX + UE_MSRP_READ) < 0)
		lost(m, "the peer's frame has no end");
}

static void on_readable(struct ue_msrp *m)
{
	ssize_t n = conn_read(m->conn, m->read_buf, sizeof(m->read_buf));

	if (n == -ERR_AGAIN)
		return;
	if (n <= 0) {
		lost(m, n == 0 ? "closed by the peer" : "connection reset");
		return;
	}
	take_bytes(m, slice_make(m->read_buf, (size_t)n));
	flush(m);
}

static bool on_psk(struct slice identity, struct slice *key_r, void *arg)
{
	const struct ue_msrp *m = arg;

	if (!m->leg || !slice_eq_str(identity, m->leg->identity))
		return false;
	*key_r = slice_make(m->leg->psk, sizeof(m->leg->psk));
	return true;
}

void ue_msrp_leg(struct ue_msrp *m, const struct gke_leg *leg)
{
	m->leg = leg;
	if (m->tls)
		tls_set_psk(m->tls, leg ? on_psk : NULL, m);
}

bool ue_msrp_by_key(const struct ue_msrp *m)
{
	return m->conn && conn_psk(m->conn);
}

/* Who shows a key has shown that of this session: there is no other. */
static bool is_peer(const struct ue_msrp *m)
{
	return !m->pins.n || conn_psk(m->conn) || conn_peer_is(m->conn, &m->pins);
}

static int connect_to(struct ue_msrp *m, const struct addr *target)
{
	int err = m->pins.n ? conn_connect_tls(m->base, m->tls, target, &m->pins, CONNECT_MS,
					       on_conn, m, &m->conn)
			    : conn_connect(m->base, target, CONNECT_MS, on_conn, m, &m->conn);

	if (err == 0 && m->pins.n && m->leg)
		conn_offer_psk(m->conn, slice_str(m->leg->identity),
			       slice_make(m->leg->psk, sizeof(m->leg->psk)));
	return err;
}

/* Connect to the next address of the peer; the last failure ends the session (RFC 4975 6.2). */
static void connect_next(struct ue_msrp *m)
{
	char why[128] = "cannot connect";

	if (m->conn && m->pins.n)
		snprintf(why, sizeof(why), "no TLS connection: %s", conn_why(m->conn));
	conn_free(&m->conn);
	while (m->next_target < m->n_targets)
		if (connect_to(m, &m->targets[m->next_target++]) == 0)
			return;
	lost(m, m->n_targets ? why : "the peer's host name has no address");
}

static void accept_conn(struct ue_msrp *m, int fd_take, const struct addr *peer)
{
	m->conn = m->pins.n ? conn_accept_tls(m->base, m->tls, fd_take, peer, on_conn, m)
			    : conn_accept(m->base, fd_take, peer, on_conn, m);
}

/* Who connected to us is not the peer, or talks no TLS (RFC 8122 5.1): the peer may yet come. */
static void turn_away(struct ue_msrp *m)
{
	log_warn("a connection was refused: %s",
		 m->accepted ? "not the certificate that was announced" : conn_why(m->conn));
	close_conn(m);
}

static void on_resolved(const struct addr *addrs, size_t n, void *arg)
{
	struct ue_msrp *m = arg;

	m->query = NULL;
	memcpy(m->targets, addrs, n * sizeof(*addrs));
	m->n_targets = n;
	m->next_target = 0;
	connect_next(m);
}

static void on_conn(struct conn *c, enum conn_event ev, void *arg)
{
	struct ue_msrp *m = arg;

	(void)c;
	if (ev == CONN_CONNECTED && !m->active) {
		m->accepted = true;
		if (!is_peer(m))
			turn_away(m);
	} else if (ev == CONN_CONNECTED) {
		m->connected = true;
		ue_outbox_bind(m->outbox);
		flush(m);
	} else if (ev == CONN_READABLE) {
		on_readable(m);
	} else if (ev == CONN_WRITABLE) {
		flush(m);
	} else if (m->connected || m->bound) {
		lost(m, "connection reset");
	} else if (!m->active) {
		turn_away(m);
	} else {
		connect_next(m);
	}
}

static void on_accept(int fd_take, const struct addr *peer, void *arg)
{
	struct ue_msrp *m = arg;

	if (m->active || m->conn || m->early_fd >= 0) {
		close(fd_take);
	} else if (!m->remote) { /* faster than the answer that names it */
		m->early_fd = fd_take;
		m->early_peer = *peer;
	} else {
		accept_conn(m, fd_take, peer);
	}
}

static void make_path(struct ue_msrp *m, bool secure)
{
	struct bytes path = BYTES_INIT;
	char text[ADDR_STRLEN];

	msrp_uri_build(&path, secure, slice_str(addr_host(listener_addr(m->listener), text)),
		       addr_port(listener_addr(m->listener)), slice_str(m->session),
		       SLICE_LIT("tcp"));
	free(m->path);
	m->path = bytes_take(&path);
}

void ue_msrp_secure(struct ue_msrp *m, bool on)
{
	make_path(m, on);
}

int ue_msrp_open(struct event_base *base, struct resolver *resolver, const struct addr *host,
		 struct tls *tls, const struct ue_msrp_ops *ops, void *arg, struct ue_msrp **msrp_r)
{
	struct ue_msrp *m = xcalloc(1, sizeof(*m));
	int err;

	m->base = base;
	m->tls = tls;
	m->host = *host;
	m->ops = ops;
	m->arg = arg;
	m->early_fd = -1;
	addr_set_port(&m->host, 0);
	err = listener_open(base, &m->host, on_accept, m, &m->listener);
	if (err < 0) {
		free(m);
		return err;
	}
	rand_ident(m->session, sizeof(m->session) - 1);
	make_path(m, false);
	m->resolver = resolver;
	m->ev_wait = event_new(base, -1, EV_PERSIST, on_wait, m);
	event_add(m->ev_wait, &(struct timeval){1, 0});
	m->outbox = ue_outbox_new();
	m->inbox = ue_inbox_new();
	msrp_parser_init(&m->parser, &msrp_limits_default);
	*msrp_r = m;
	return 0;
}

void ue_msrp_free(struct ue_msrp **m_p)
{
	struct ue_msrp *m = *m_p;

	if (!m)
		return;
	close_conn(m);
	ue_msrp_leg(m, NULL);
	if (m->early_fd >= 0)
		close(m->early_fd);
	event_free(m->ev_wait);
	listener_free(&m->listener);
	ue_outbox_free(&m->outbox);
	ue_inbox_free(&m->inbox);
	bytes_fini(&m->out);
	bytes_fini(&m->head_text);
	free(m->path);
	free(m->remote);
	free(m);
	*m_p = NULL;
}

const char *ue_msrp_path(const struct ue_msrp *m)
{
	return m->path;
}

uint16_t ue_msrp_port(const struct ue_msrp *m)
{
	return addr_port(listener_addr(m->listener));
}

int ue_msrp_start(struct ue_msrp *m, const char *remote_path, bool active,
		  const struct fingerprint_list *pins)
{
	struct msrp_path path;
	struct msrp_uri uri;
	int err;

	if (m->remote && (m->conn || m->query) && m->active == active &&
	    slice_eq(slice_str(m->remote), slice_str(remote_path)))
		return 0;
	err = msrp_path_parse(slice_str(remote_path), &path);
	if (err == 0)
		err = msrp_uri_parse(path.items[0], &uri);
	if (err == 0 && (uri.secure != (pins != NULL) || (pins && (!m->tls || pins->n == 0))))
		err = -ERR_UNSUPPORTED;
	if (err < 0)
		return err;
	close_conn(m);
	report_failed(m, "the session moved");
	m->pins = pins ? *pins : (struct fingerprint_list){.n = 0};
	free(m->remote);
	m->remote = xstrdup(remote_path);
	m->active = active;
	ue_outbox_paths(m->outbox, path.text, slice_str(m->path));
	if (active)
		m->query = resolver_lookup(m->resolver, uri.host, uri.port, on_resolved, m);
	if (m->early_fd >= 0) {
		if (active)
			close(m->early_fd);
		else
			accept_conn(m, m->early_fd, &m->early_peer);
		m->early_fd = -1;
	}
	return 0;
}

void ue_msrp_limit(struct ue_msrp *m, uint64_t max_size)
{
	m->max_out = max_size;
}

/* fd is taken. */
static int queue(struct ue_msrp *m, const struct cpim_fields *head, struct slice payload, int fd,
		 uint64_t size, unsigned ticket)
{
	struct bytes b = BYTES_INIT;
	int err = m->bound ? 0 : -ERR_WRONG_STATE;

	cpim_build(&b, head);
	if (err == 0 && m->max_out && b.len + size > m->max_out)
		err = -ERR_LIMIT;
	if (err == 0)
		ue_outbox_message(m->outbox, bytes_slice(&b), payload, fd, size, ticket);
	else if (fd >= 0)
		close(fd);
	bytes_fini(&b);
	flush(m);
	return err;
}

int ue_msrp_send(struct ue_msrp *m, const struct cpim_fields *head, struct slice payload,
		 unsigned ticket)
{
	return queue(m, head, payload, -1, payload.len, ticket);
}

int ue_msrp_send_file(struct ue_msrp *m, const struct cpim_fields *head, int fd_take, uint64_t size,
		      unsigned ticket)
{
	return queue(m, head, SLICE_NULL, fd_take, size, ticket);
}

int ue_msrp_send_raw(struct ue_msrp *m, const char *type, int fd_take, uint64_t from, uint64_t size,
		     unsigned ticket)
{
	int err = m->bound ? 0 : -ERR_WRONG_STATE;

	if (err == 0 && m->max_out && size > m->max_out)
		err = -ERR_LIMIT;
	if (err == 0)
		ue_outbox_file(m->outbox, type, fd_take, from, size, ticket);
	else
		close(fd_take);
	flush(m);
	return err;
}

int ue_msrp_send_octets(struct ue_msrp *m, const struct cpim_fields *head, const char *type,
			const char *mime, const struct ue_octets *octets_take, uint64_t size,
			unsigned ticket)
{
	struct bytes b = BYTES_INIT;
	int err = m->bound ? 0 : -ERR_WRONG_STATE;

	if (head)
		cpim_build(&b, head);
	if (err == 0 && m->max_out && b.len + size > m->max_out)
		err = -ERR_LIMIT;
	if (err == 0)
		ue_outbox_octets(m->outbox, bytes_slice(&b), type, mime, octets_take, size, ticket);
	else
		octets_take->drop(octets_take->arg);
	bytes_fini(&b);
	flush(m);
	return err;
}

void ue_msrp_hold(struct ue_msrp *m, bool hold)
{
	if (m->conn)
		conn_want_read(m->conn, !hold);
}

int ue_msrp_send_key(struct ue_msrp *m, struct slice mikey)
{
	if (!m->bound)
		return -ERR_WRONG_STATE;
	ue_outbox_bare(m->outbox, MIKEY_TYPE, mikey, 0);
	flush(m);
	return 0;
}

void ue_msrp_take_frames(struct ue_msrp *m, bool on)
{
	m->takes_frames = on;
}

int ue_msrp_send_frames(struct ue_msrp *m, struct slice body)
{
	if (!m->bound)
		return -ERR_WRONG_STATE;
	ue_outbox_bare(m->outbox, KS_BODY_TYPE, body, UE_MSRP_FRAMES);
	flush(m);
	return 0;
}

void ue_msrp_abort(struct ue_msrp *m)
{
	ue_outbox_abort(m->outbox);
	flush(m);
}

int ue_msrp_nickname(struct ue_msrp *m, struct slice nick, unsigned ticket)
{
	if (!m->remote)
		return -ERR_WRONG_STATE;
	ue_outbox_nickname(m->outbox, nick, ticket);
	flush(m);
	return 0;
}

bool ue_msrp_idle(const struct ue_msrp *m)
{
	return ue_outbox_empty(m->outbox);
}
