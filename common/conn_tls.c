/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS layer of a stream. OpenSSL writes into a batch that goes to the layer below in one write;
 * what that does not take is kept here and counts as taken, so OpenSSL never waits for the socket.
 * Memory comes late: no SSL object before a first octet that can be TLS and a turn (conn_tls_turn.h). RFC 8446, RFC 5246; RFC 8122 for who the peer is.
 */
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/conn_priv.h"
#include "common/conn_tls_peer.h"
#include "common/conn_tls_psk.h"
#include "common/conn_tls_turn.h"
#include "common/mem.h"

#define RECORD_HANDSHAKE  0x16
#define ACCEPT_TIMEOUT_MS 10000
#define KEPT_MAX          (2u * TLS_SEND_SPACE)
#define REKEYS_MAX        32 /* in REKEYS_MS; more is an attack */
#define REKEYS_MS         1000

extern const struct conn_ops conn_tls_ops;

/* --- between OpenSSL and the layer below --- */

static int on_bio_write(BIO *bio, const char *data, size_t len, size_t *done_r)
{
	struct tls_stream *ts = BIO_get_data(bio);
	struct tls *t = ts->tls;

	if (len > TLS_SEND_SPACE - t->n_send) {
		ts->failed = true; /* no call of ours writes that much */
		return 0;
	}
	memcpy(t->send + t->n_send, data, len);
	t->n_send += len;
	*done_r = len;
	return 1;
}

static int on_bio_read(BIO *bio, char *data, size_t len, size_t *done_r)
{
	struct tls_stream *ts = BIO_get_data(bio);
	struct conn_layer *below = ts->layer->below;
	ssize_t n;

	BIO_clear_retry_flags(bio);
	if (ts->failed)
		return 0;
	n = ts->drained ? -ERR_AGAIN : below->ops->read(below, data, len);
	if (n > 0) {
		ts->drained = (size_t)n < len;
		*done_r = (size_t)n;
		return 1;
	}
	if (n == -ERR_AGAIN)
		BIO_set_retry_read(bio);
	else if (n == 0)
		ts->eof = true;
	else
		ts->failed = true;
	return 0;
}

static long on_bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	const struct tls_stream *ts = BIO_get_data(bio);

	(void)num;
	(void)ptr;
	if (cmd == BIO_CTRL_EOF)
		return ts->eof;
	return cmd == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_bio_new(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "layer");

	if (m && BIO_meth_set_write_ex(m, on_bio_write) == 1 &&
	    BIO_meth_set_read_ex(m, on_bio_read) == 1 && BIO_meth_set_ctrl(m, on_bio_ctrl) == 1)
		return m;
	BIO_meth_free(m);
	return NULL;
}

static int tls_flush(struct conn_layer *l)
{
	struct tls_stream *ts = l->state;

	while (l->keeps) {
		struct slice held = buf_held(&ts->kept);
		struct iovec iov = {(char *)held.ptr, held.len};
		ssize_t n = l->below->ops->writev(l->below, &iov, 1);

		if (n < 0)
			return (int)n;
		buf_consume(&ts->kept, (size_t)n);
		l->keeps = (size_t)n < held.len;
		if (l->keeps)
			return -ERR_AGAIN;
	}
	return 0;
}

/* The batch to the layer below, behind what is kept. 0, -ERR_IO. */
static int send_batch(struct tls_stream *ts)
{
	struct conn_layer *l = ts->layer;
	struct tls *t = ts->tls;
	struct slice batch = slice_make(t->send, t->n_send);
	struct iovec iov = {t->send, t->n_send};
	ssize_t n = 0;
	int rc;

	t->n_send = 0;
	if (!batch.len)
		return 0;
	rc = tls_flush(l);
	if (rc == 0)
		n = l->below->ops->writev(l->below, &iov, 1);
	if (rc == -ERR_IO || n == -ERR_IO)
		return -ERR_IO;
	batch = slice_from(batch, n > 0 ? (size_t)n : 0);
	if (!batch.len)
		return 0;
	if (buf_keep(&ts->kept, batch, KEPT_MAX)) {
		l->conn->err = ENOBUFS;
		return -ERR_IO;
	}
	l->keeps = true;
	return 0;
}

/* --- handshake --- */

static void ended(struct tls_stream *ts, enum tls_end end, const char *why)
{
	ts->why = why;
	ts->tls->n_ended[end]++;
	tls_turn_end(ts);
}

static int refuse(struct tls_stream *ts, enum tls_end end, int err, const char *why)
{
	ts->failed = true;
	ts->layer->conn->err = err;
	ended(ts, end, why);
	return -ERR_IO;
}

/* Has a first octet come that can begin TLS? 1, 0 none yet, -ERR_IO. Nothing is consumed. */
static int look(struct tls_stream *ts)
{
	unsigned char first;
	ssize_t n;

	do
		n = recv(ts->layer->conn->fd, &first, 1, MSG_PEEK);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n <= 0)
		return refuse(ts, TLS_GONE, n < 0 ? errno : ECONNRESET, "gone");
	if (first != RECORD_HANDSHAKE)
		return refuse(ts, TLS_NOT_TLS, EPROTO, "no TLS");
	return 1;
}

static void open_ssl(struct tls_stream *ts)
{
	BIO *bio = BIO_new(ts->tls->bio);

	ts->ssl = SSL_new(ts->client ? ts->tls->client : ts->tls->server);
	if (!ts->ssl || !bio)
		abort(); /* out of memory */
	BIO_set_data(bio, ts);
	BIO_set_init(bio, 1);
	SSL_set_bio(ts->ssl, bio, bio);
	SSL_set_app_data(ts->ssl, ts);
	SSL_set_msg_callback_arg(ts->ssl, ts);
	tls_psk_begin(ts);
	if (ts->client)
		SSL_set_connect_state(ts->ssl);
	else
		SSL_set_accept_state(ts->ssl);
}

/* Text of what OpenSSL complains about; static. */
static const char *complaint(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	return text ? text : "handshake failed";
}

static int shake(struct tls_stream *ts)
{
	struct conn_layer *l = ts->layer;
	int rc, err;

	ERR_clear_error();
	ts->drained = false;
	rc = SSL_do_handshake(ts->ssl);
	err = rc == 1 ? SSL_ERROR_NONE : SSL_get_error(ts->ssl, rc);
	if (send_batch(ts) < 0 || ts->eof)
		return refuse(ts, TLS_GONE, l->conn->err ? l->conn->err : ECONNRESET, "gone");
	if (err == SSL_ERROR_WANT_READ) {
		l->needs = EV_READ;
		return -ERR_AGAIN;
	}
	if (err != SSL_ERROR_NONE)
		return refuse(ts, TLS_REFUSED, EPROTO, ts->why ? ts->why : complaint());
	ts->up = true;
	tls_psk_over(ts);
	tls_peer_keep(ts);
	l->more = true; /* read ahead with the handshake, perhaps */
	ended(ts, conn_psk(l->conn) ? TLS_BY_KEY : TLS_DONE, NULL);
	return 0;
}

static int tls_start(struct conn_layer *l)
{
	struct tls_stream *ts = l->state;
	int rc;

	l->needs = EV_READ;
	if (!ts->ssl && !ts->client) {
		rc = look(ts);
		if (rc <= 0)
			return rc ? rc : -ERR_AGAIN;
	}
	if (!tls_turn_begin(ts)) {
		l->needs = 0; /* the end of another calls again */
		return -ERR_AGAIN;
	}
	if (!ts->client && tls_turn_is_spent(ts))
		return -ERR_AGAIN;
	if (!ts->ssl)
		open_ssl(ts);
	return shake(ts);
}

/* Messages of an established connection that cost us work: new keys, attempts to renegotiate. */
void tls_on_message(int write, int version, int type, const void *buf, size_t len, SSL *ssl,
		    void *arg)
{
	struct tls_stream *ts = arg;
	uint64_t now_ms;

	(void)version;
	(void)buf;
	(void)ssl;
	if (write || type != SSL3_RT_HANDSHAKE || !len || !ts || !ts->up)
		return;
	now_ms = clock_now_ms();
	if (now_ms - ts->rekeys_ms >= REKEYS_MS) {
		ts->rekeys_ms = now_ms;
		ts->n_rekeys = 0;
	}
	if (++ts->n_rekeys > REKEYS_MAX)
		ts->failed = true;
}

/* --- octets --- */

static ssize_t broken(struct tls_stream *ts, int err)
{
	ts->failed = true;
	ts->layer->conn->err = err;
	return -ERR_IO;
}

static ssize_t tls_read(struct conn_layer *l, void *buf, size_t len)
{
	struct tls_stream *ts = l->state;
	size_t done = 0, n;
	int err = SSL_ERROR_NONE;

	l->conn->err = 0;
	ts->drained = false;
	ERR_clear_error();
	while (done < len && err == SSL_ERROR_NONE && !ts->failed) {
		if (SSL_read_ex(ts->ssl, (char *)buf + done, len - done, &n) == 1)
			done += n;
		else
			err = SSL_get_error(ts->ssl, 0);
	}
	if (send_batch(ts) < 0)
		return broken(ts, l->conn->err ? l->conn->err : EPIPE);
	/* An end, good or bad, is told by the next read if octets came before it. */
	l->more = err != SSL_ERROR_WANT_READ && done > 0;
	if (done > 0)
		return (ssize_t)done;
	if (err == SSL_ERROR_WANT_READ && !ts->failed)
		return -ERR_AGAIN;
	if (err == SSL_ERROR_ZERO_RETURN)
		return 0;
	return broken(ts, l->conn->err ? l->conn->err : EPROTO);
}

/* Where the next octets to be written are: a place in iov. */
struct reader {
	const struct iovec *iov;
	int n;
	size_t off;
};

/* Up to a record's octets, gathered if they are in several places. */
static struct slice next_record(struct reader *r, char *space)
{
	size_t len = 0;

	while (r->n > 0 && len < TLS_RECORD) {
		size_t left = r->iov->iov_len - r->off, room = TLS_RECORD - len;
		size_t take = left < room ? left : room;
		char *from = (char *)r->iov->iov_base + r->off;

		r->off += take;
		if (take == left) {
			r->iov++;
			r->n--;
			r->off = 0;
		}
		if (len == 0 && (take == TLS_RECORD || r->n == 0))
			return slice_make(from, take);
		memcpy(space + len, from, take);
		len += take;
	}
	return slice_make(space, len);
}

static ssize_t tls_writev(struct conn_layer *l, const struct iovec *iov, int n)
{
	struct tls_stream *ts = l->state;
	struct reader r = {iov, n, 0};
	size_t total = 0, in_batch = 0, done;
	struct slice record;
	int rc = tls_flush(l);

	if (rc)
		return rc;
	ERR_clear_error();
	while (!l->keeps && !ts->failed) {
		record = next_record(&r, ts->tls->gather);
		if (record.len && SSL_write_ex(ts->ssl, record.ptr, record.len, &done) != 1)
			return broken(ts, EPROTO);
		total += record.len;
		in_batch += record.len;
		if (in_batch >= TLS_BATCH || !record.len) {
			if (send_batch(ts) < 0)
				return broken(ts, l->conn->err ? l->conn->err : EPIPE);
			in_batch = 0;
		}
		if (!record.len)
			break;
	}
	return ts->failed ? broken(ts, EPROTO) : (ssize_t)total;
}

static void tls_close(struct conn_layer *l)
{
	struct tls_stream *ts = l->state;

	if (!ts->up && !ts->failed) /* by its limit of time, or by its owner */
		ts->tls->n_ended[TLS_GONE]++;
	tls_turn_end(ts);
	if (ts->up && !ts->failed && !ts->eof && !l->keeps) {
		ERR_clear_error();
		(void)SSL_shutdown(ts->ssl);
		(void)send_batch(ts);
	}
	SSL_free(ts->ssl);
	ERR_clear_error();
	buf_fini(&ts->kept);
	free(ts->pins);
	tls_psk_over(ts);
	free(ts->psk);
	tls_peer_drop(ts);
	free(ts);
}

const struct conn_ops conn_tls_ops = {
	.name = "TLS",
	.secure = true,
	.start = tls_start,
	.read = tls_read,
	.writev = tls_writev,
	.flush = tls_flush,
	.close = tls_close,
};

/* --- streams --- */

void conn_push_tls(struct conn *c, struct tls *tls, bool client,
		   const struct fingerprint_list *pins)
{
	struct tls_stream *ts = xcalloc(1, sizeof(*ts));

	ts->tls = tls;
	ts->client = client;
	if (pins && pins->n) {
		ts->pins = xcalloc(1, sizeof(*pins));
		*ts->pins = *pins;
	}
	conn_push(c, &conn_tls_ops, ts);
	ts->layer = c->top;
}

struct conn *conn_accept_tls(struct event_base *base, struct tls *tls, int fd_take,
			     const struct addr *peer, conn_event_fn *fn, void *arg)
{
	struct conn *c = conn_new_accepted(base, fd_take, peer, fn, arg);

	conn_push_tls(c, tls, false, NULL);
	conn_begin(c, ACCEPT_TIMEOUT_MS);
	return c;
}

int conn_connect_tls(struct event_base *base, struct tls *tls, const struct addr *peer,
		     const struct fingerprint_list *pins, uint32_t timeout_ms, conn_event_fn *fn,
		     void *arg, struct conn **conn_r)
{
	struct conn *c;
	int rc = conn_new_connecting(base, peer, fn, arg, &c);

	if (rc)
		return rc;
	conn_push_tls(c, tls, true, pins);
	conn_begin(c, timeout_ms);
	*conn_r = c;
	return 0;
}

const struct tls_stream *tls_stream_of(const struct conn *c)
{
	for (const struct conn_layer *l = c->top; l; l = l->below) {
		if (l->ops == &conn_tls_ops)
			return l->state;
	}
	return NULL;
}

const char *conn_why(const struct conn *c)
{
	const struct tls_stream *ts = tls_stream_of(c);

	return ts && ts->why ? ts->why : strerror(c->err);
}
