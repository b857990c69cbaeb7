/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One MSRP session of user equipment: its connection (made by us or by the peer, RFC 4975 5.4 and
 * 6135), the frames in and out, and what is told upwards. Sending is ue_outbox, reassembly ue_inbox.
 */
#include "ue/ue_msrp.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/conn.h"
#include "common/listener.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "common/resolve.h"
#include "proto/msrp_build.h"
#include "proto/msrp_parse.h"
#include "ue/ue_inbox.h"
#include "ue/ue_outbox.h"

#define LOG_PLACE  "ue_msrp"
#define READ_SIZE  (64u << 10)
#define OUT_HIGH   (128u << 10)
#define HELD_MAX   (32u << 10)
#define CONNECT_MS 10000

struct ue_msrp {
	struct event_base *base;
	struct addr host;
	const struct ue_msrp_ops *ops;
	void *arg;
	struct listener *listener;
	struct resolver *resolver;
	struct resolver_query *query;
	struct addr targets[RESOLVE_MAX]; /* addresses of the peer, tried in order */
	size_t n_targets, next_target;
	struct conn *conn;
	bool active, connected, bound;
	char *path;   /* ours */
	char *remote; /* the peer's, NULL before start */
	struct buf held;
	struct msrp_parser parser;
	struct bytes out;
	size_t out_done;
	struct ue_outbox *outbox;
	struct ue_inbox *inbox;
	struct ue_inbox_message *message; /* the one whose chunk is being received */
	struct msrp_head head;            /* of the frame being received; strings in head_text */
	struct bytes head_text;
	int status; /* to answer the present frame with; 0: none */
	char read_buf[READ_SIZE];
};

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
	m->bound = m->connected = false;
	msrp_parser_init(&m->parser, &msrp_limits_default);
}

static void report_failed(struct ue_msrp *m, const char *why)
{
	struct ue_outbox_done done;

	while (ue_outbox_fail(m->outbox, &done)) {
		if (done.kind == UE_OUTBOX_MESSAGE)
			m->ops->sent(done.ticket, 0, why, m->arg);
		else if (done.kind == UE_OUTBOX_NICKNAME)
			m->ops->nickname(done.ticket, 0, why, m->arg);
	}
}

static void lost(struct ue_msrp *m, const char *why)
{
	close_conn(m);
	report_failed(m, why);
	m->ops->down(why, m->arg);
}

static void now_bound(struct ue_msrp *m)
{
	if (m->bound)
		return;
	m->bound = true;
	m->ops->up(m->arg);
}

/* Keep the fields of a head beyond its bytes: only what the end of the frame needs. */
static void keep_head(struct ue_msrp *m, const struct msrp_head *h)
{
	size_t tid = h->tid.len, to = h->to_path.len, from = h->from_path.len;

	m->head = *h;
	bytes_reset(&m->head_text);
	bytes_add_slice(&m->head_text, h->tid);
	bytes_add_slice(&m->head_text, h->to_path);
	bytes_add_slice(&m->head_text, h->from_path);
	m->head.tid = slice_make(m->head_text.data, tid);
	m->head.to_path = slice_make(m->head_text.data + tid, to);
	m->head.from_path = slice_make(m->head_text.data + tid + to, from);
}

static int judge_request(struct ue_msrp *m, const struct msrp_head *h)
{
	struct msrp_uri ours, theirs;
	struct msrp_path to;

	if (h->error)
		return h->error;
	if (msrp_path_parse(h->to_path, &to) < 0 || to.n_items != 1 ||
	    msrp_uri_parse(to.items[0], &theirs) < 0 ||
	    msrp_uri_parse(slice_str(m->path), &ours) < 0 || !msrp_uri_same_session(&ours, &theirs))
		return 481;
	if (h->method == MSRP_REPORT)
		return 0;
	if (h->method != MSRP_SEND)
		return 501;
	if (h->has_body && !slice_ieq_str(slice_first(h->content_type, 12), "message/cpim"))
		return 415;
	return 200;
}

static void on_head(struct ue_msrp *m, const struct msrp_head *h)
{
	struct ue_outbox_done done;

	keep_head(m, h);
	m->message = NULL;
	m->status = 0;
	if (h->is_response) {
		const char *text = msrp_status_text(h->status);

		if (!ue_outbox_response(m->outbox, h->tid, h->status, &done))
			return;
		if (done.kind == UE_OUTBOX_BIND && h->status == 200)
			now_bound(m);
		else if (done.kind == UE_OUTBOX_BIND)
			m->status = -1; /* closed at the end of the frame */
		else if (done.kind == UE_OUTBOX_MESSAGE)
			m->ops->sent(done.ticket, h->status, text, m->arg);
		else
			m->ops->nickname(done.ticket, h->status, text, m->arg);
		return;
	}
	m->status = judge_request(m, h);
	if (m->status == 200 && !m->active)
		now_bound(m);
	if (m->status == 200 && h->has_body && ue_inbox_begin(m->inbox, h, &m->message) < 0)
		m->status = 413;
}

static void on_body(struct ue_msrp *m, struct slice piece)
{
	if (!m->message)
		return;
	if (ue_inbox_piece(m->message, piece) < 0) {
		ue_inbox_drop(m->inbox, m->message);
		m->message = NULL;
		m->status = 413;
		return;
	}
	m->ops->receiving(ue_inbox_done(m->message), ue_inbox_total(m->message), m->arg);
}

static void finish_message(struct ue_msrp *m, char flag)
{
	struct ue_message msg;
	int rc = ue_inbox_end(m->message, flag, &msg);

	if (rc == 1)
		m->ops->message(&msg, m->arg);
	else if (rc == -ERR_CLOSED)
		m->ops->aborted(SLICE_NULL, ue_inbox_done(m->message), m->arg);
	else if (rc < 0)
		m->status = 400;
	if (rc != 0)
		ue_inbox_drop(m->inbox, m->message);
	m->message = NULL;
}

static void on_end(struct ue_msrp *m, char flag)
{
	if (m->head.is_response)
		return;
	if (m->message)
		finish_message(m, flag);
	if (m->status == 0 || m->head.failure_report == MSRP_FR_NO ||
	    (m->status == 200 && m->head.failure_report == MSRP_FR_PARTIAL))
		return;
	msrp_build_response(&m->out, &m->head, m->status, msrp_status_text(m->status));
}

static void take_item(struct ue_msrp *m, const struct msrp_item *item)
{
	if (item->type == MSRP_ITEM_HEAD)
		on_head(m, &item->head);
	else if (item->type == MSRP_ITEM_BODY)
		on_body(m, item->piece);
	else
		on_end(m, item->flag);
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
			take_item(m, &item);
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
		if (buf_keep(&m->held, in, HELD_MAX + READ_SIZE) < 0) {
			lost(m, "the peer's frame has no end");
			return;
		}
		in = buf_held(&m->held);
	}
	rc = parse(m, in, &used);
	if (!m->conn)
		return;
	if (rc < 0) {
		lost(m,
		     rc == -ERR_DENIED ? "the session was refused" : "the peer's stream is broken");
		return;
	}
	if (from_held)
		buf_consume(&m->held, used);
	else if (used < in.len &&
		 buf_keep(&m->held, slice_from(in, used), HELD_MAX + READ_SIZE) < 0)
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

/* Connect to the next address of the peer; the last failure ends the session (RFC 4975 6.2). */
static void connect_next(struct ue_msrp *m)
{
	conn_free(&m->conn);
	while (m->next_target < m->n_targets)
		if (conn_connect(m->base, &m->targets[m->next_target++], CONNECT_MS, on_conn, m,
				 &m->conn) == 0)
			return;
	lost(m, m->n_targets ? "cannot connect" : "the peer's host name has no address");
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
	if (ev == CONN_CONNECTED) {
		m->connected = true;
		ue_outbox_bind(m->outbox);
		flush(m);
	} else if (ev == CONN_READABLE) {
		on_readable(m);
	} else if (ev == CONN_WRITABLE) {
		flush(m);
	} else if (m->connected) {
		lost(m, "connection reset");
	} else {
		connect_next(m);
	}
}

static void on_accept(int fd_take, const struct addr *peer, void *arg)
{
	struct ue_msrp *m = arg;

	if (m->active || m->conn || !m->remote) {
		close(fd_take);
		return;
	}
	m->conn = conn_accept(m->base, fd_take, peer, on_conn, m);
}

int ue_msrp_open(struct event_base *base, const struct addr *host, const struct ue_msrp_ops *ops,
		 void *arg, struct ue_msrp **msrp_r)
{
	struct ue_msrp *m = xcalloc(1, sizeof(*m));
	struct bytes path = BYTES_INIT;
	char session[17], text[ADDR_STRLEN];
	int err;

	m->base = base;
	m->host = *host;
	m->ops = ops;
	m->arg = arg;
	addr_set_port(&m->host, 0);
	err = listener_open(base, &m->host, on_accept, m, &m->listener);
	if (err < 0) {
		free(m);
		return err;
	}
	rand_ident(session, sizeof(session) - 1);
	msrp_uri_build(&path, false, slice_str(addr_host(listener_addr(m->listener), text)),
		       addr_port(listener_addr(m->listener)), slice_str(session), SLICE_LIT("tcp"));
	m->path = bytes_take(&path);
	m->resolver = resolver_new(base, NULL);
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
	listener_free(&m->listener);
	resolver_free(&m->resolver);
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

int ue_msrp_start(struct ue_msrp *m, const char *remote_path, bool active)
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
	if (err < 0)
		return err;
	close_conn(m);
	free(m->remote);
	m->remote = xstrdup(remote_path);
	m->active = active;
	ue_outbox_paths(m->outbox, path.text, slice_str(m->path));
	if (active)
		m->query = resolver_lookup(m->resolver, uri.host, uri.port, on_resolved, m);
	return 0;
}

int ue_msrp_send(struct ue_msrp *m, const struct cpim_fields *head, struct slice payload,
		 unsigned ticket)
{
	struct bytes b = BYTES_INIT;

	if (!m->remote)
		return -ERR_WRONG_STATE;
	cpim_build(&b, head);
	ue_outbox_message(m->outbox, bytes_slice(&b), payload, -1, 0, ticket);
	bytes_fini(&b);
	flush(m);
	return 0;
}

int ue_msrp_send_file(struct ue_msrp *m, const struct cpim_fields *head, int fd_take, uint64_t size,
		      unsigned ticket)
{
	struct bytes b = BYTES_INIT;

	if (!m->remote) {
		close(fd_take);
		return -ERR_WRONG_STATE;
	}
	cpim_build(&b, head);
	ue_outbox_message(m->outbox, bytes_slice(&b), SLICE_NULL, fd_take, size, ticket);
	bytes_fini(&b);
	flush(m);
	return 0;
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
