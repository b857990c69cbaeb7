/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MSRP connections: their life, their place in the plane's lists, and reading through the parser
 * into plane->ops. Sending is wire_send.c. Knows no MSRP semantics.
 */
#include "mrfp/wire.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfp/admit.h"
#include "mrfp/psk.h"
#include "mrfp/wire_priv.h"

#define LOG_PLACE "wire"

#define UNKNOWN_READ_SIZE (PLANE_READ_HEADROOM / 2)

static void on_event(struct conn *c, enum conn_event ev, void *arg);

static void tune(struct wire *w)
{
	const struct options *opt = w->plane->opt;

	conn_set_sndbuf(w->conn, (int)opt->send_buffer);
	conn_set_keepalive(w->conn, (unsigned)(opt->tcp_timeout_ms / 1000));
	w->trusted = w->plane->trusted && addr_set_has(w->plane->trusted, conn_peer(w->conn));
}

static struct wire *new_wire(struct plane *plane)
{
	struct wire *w = xcalloc(1, sizeof(*w));

	w->plane = plane;
	LIST_INIT(&w->sessions);
	outq_init(&w->own, WIRE_OWN_MAX);
	w->own.meter = &plane->budget.own;
	w->unbound_ms = w->heard_ms = plane->now_ms;
	LIST_INSERT_HEAD(&plane->wires, w, in_all);
	(*plane->stats.connections)++;
	(*plane->stats.connections_total)++;
	(*plane->stats.unbound)++;
	wire_watch(w);
	return w;
}

void wire_watch(struct wire *w)
{
	if (w->watched || w->dead)
		return;
	w->watched = true;
	LIST_INSERT_HEAD(&w->plane->watched, w, in_watched);
}

void wire_unwatch(struct wire *w)
{
	if (!w->watched)
		return;
	w->watched = false;
	LIST_REMOVE(w, in_watched);
}

static struct wire *accept_over(struct plane *plane, struct tls *tls, int fd_take,
				const struct addr *peer, uint8_t transport)
{
	struct wire *w = new_wire(plane);

	w->connected = true;
	w->transport = transport;
	if (tls)
		w->conn = conn_accept_tls(plane->base, tls, fd_take, peer, on_event, w);
	else
		w->conn = conn_accept(plane->base, fd_take, peer, on_event, w);
	tune(w);
	return w;
}

struct wire *wire_accept(struct plane *plane, int fd_take, const struct addr *peer,
			 uint8_t transport)
{
	return accept_over(plane, transport == CTL_TRANSPORT_TLS ? plane->tls : NULL, fd_take, peer,
			   transport);
}

struct wire *wire_accept_ws(struct plane *plane, int fd_take, const struct addr *peer, bool secure)
{
	struct wire *w =
		accept_over(plane, secure ? plane->wss : NULL, fd_take, peer, CTL_TRANSPORT_WS);

	wire_ws_open(w);
	return w;
}

int wire_connect(struct plane *plane, const struct addr *to, uint8_t transport,
		 const struct fingerprint_list *pins, const struct psk *psk, struct wire **wire_r)
{
	uint32_t timeout_ms = (uint32_t)plane->opt->connect_timeout_ms;
	struct wire *w = new_wire(plane);
	int rc;

	w->active = true;
	w->transport = transport;
	if (transport == CTL_TRANSPORT_TLS)
		rc = conn_connect_tls(plane->base, plane->tls, to, pins, timeout_ms, on_event, w,
				      &w->conn);
	else
		rc = conn_connect(plane->base, to, timeout_ms, on_event, w, &w->conn);
	if (rc) {
		wire_close(w);
		return rc;
	}
	if (transport == CTL_TRANSPORT_TLS)
		psk_offer(psk, w->conn);
	tune(w);
	*wire_r = w;
	return 0;
}

void wire_undirty(struct wire *w)
{
	if (!w->dirty)
		return;
	w->dirty = false;
	TAILQ_REMOVE(&w->plane->dirty_wires, w, in_list);
}

/* What was kept is in the read buffer now. */
static void unkeep(struct wire *w)
{
	size_t n = wire_kept(w);

	if (!n)
		return;
	w->plane->budget.partial -= n;
	buf_consume(&w->rx->in, n);
}

void wire_close(struct wire *w)
{
	if (w->dead)
		return;
	w->dead = true;
	wire_undirty(w);
	wire_unwatch(w);
	if (w->held)
		w->plane->n_held--;
	if (w->readable)
		TAILQ_REMOVE(&w->plane->readable, w, in_readable);
	w->readable = false;
	LIST_REMOVE(w, in_all);
	TAILQ_INSERT_TAIL(&w->plane->dead_wires, w, in_list);
	if (w->paused)
		(*w->plane->stats.paused)--;
	(*w->plane->stats.connections)--;
	if (!w->n_sessions)
		(*w->plane->stats.unbound)--;
	if (w->ws)
		wire_ws_closed(w);
	if (w->conn && !w->active)
		admit_release(w->plane, conn_peer(w->conn));
	if (w->conn)
		conn_free(&w->conn);
	outq_fini(&w->own);
	unkeep(w);
}

void wire_close_soon(struct wire *w)
{
	w->closing = true;
	if (w->connected)
		wire_touch(w);
	else
		wire_close(w);
}

void wire_reap(struct plane *plane)
{
	struct wire *w;

	while ((w = TAILQ_FIRST(&plane->dead_wires))) {
		TAILQ_REMOVE(&plane->dead_wires, w, in_list);
		wire_ws_free(w);
		chunk_unref(&w->rest);
		wire_rx_free(&w->rx);
		free(w);
	}
}

void wire_add_session(struct wire *w, struct session *s)
{
	if (!w->n_sessions++)
		(*w->plane->stats.unbound)--;
	LIST_INSERT_HEAD(&w->sessions, s, in_wire);
	s->wire = w;
	w->served = true;
}

/* Its session goes, the request is still to be answered. */
static void orphan(struct request *rq)
{
	const struct session *s = rq->session;

	if (!rq->paths && s->reply_paths)
		rq->paths = xstrndup(s->reply_paths, s->reply_paths_len);
	rq->session = NULL;
	rq->msg = NULL;
	rq->status = 481;
}

void wire_remove_session(struct wire *w, struct session *s)
{
	if (!w->dead && w->mid_session == s && w->mid_part)
		wire_keep_rest(w, s);
	wire_hold_back(s, false);
	wire_resume(w, WIRE_PAUSE_VERDICT);
	LIST_REMOVE(s, in_wire);
	s->wire = NULL;
	wire_resume(w, WIRE_PAUSE_CONTEXT | WIRE_PAUSE_CHAT); /* its context tells us no more */
	if (w->rx && w->rx->req.session == s)
		orphan(&w->rx->req);
	if (--w->n_sessions == 0 && !w->dead) {
		(*w->plane->stats.unbound)++;
		w->unbound_ms = w->plane->now_ms;
		wire_watch(w);
	}
}

void wire_touch(struct wire *w)
{
	if (w->dirty || w->dead)
		return;
	w->dirty = true;
	TAILQ_INSERT_TAIL(&w->plane->dirty_wires, w, in_list);
}

void wire_push(struct wire *w, struct chunk *frame_take)
{
	if (w->dead) {
		chunk_unref(&frame_take);
		return;
	}
	if (outq_push(&w->own, frame_take, 0)) {
		(*w->plane->stats.own_dropped)++;
		w->overfull = true; /* what it is owed is lost, so its session is (watch.c) */
		wire_watch(w);
		return;
	}
	if (w->own.n_bytes > WIRE_OWN_HIGH)
		wire_pause(w, WIRE_PAUSE_OWN);
	wire_touch(w);
}

uint64_t wire_clock(const struct wire *w)
{
	return (w->paused ? w->paused_ms : w->plane->now_ms) - w->stood_still_ms;
}

static void count_pause(struct wire *w, unsigned why)
{
	for (int i = 0; i < WHY_COUNT; i++)
		*w->plane->stats.pauses[i] += why >> i & 1;
}

void wire_pause(struct wire *w, unsigned why)
{
	count_pause(w, why & ~(unsigned)w->paused);
	if (!w->paused && !w->dead) {
		w->paused_ms = w->plane->now_ms;
		(*w->plane->stats.paused)++;
		conn_want_read(w->conn, false);
	}
	w->paused |= (uint8_t)why;
}

void wire_resume(struct wire *w, unsigned why)
{
	if (!(w->paused & why))
		return;
	w->paused &= (uint8_t)~why;
	if (w->paused || w->dead)
		return;
	w->stood_still_ms += w->plane->now_ms - w->paused_ms;
	w->moved_ms = w->plane->now_ms;
	(*w->plane->stats.paused)--;
	conn_want_read(w->conn, true);
}

void wire_hold_back(struct session *s, bool on)
{
	const struct session *o;
	bool others = false;

	if (on)
		wire_pause(s->wire, WIRE_PAUSE_PEER);
	if (on == s->held_back)
		return;
	s->held_back = on;
	LIST_FOREACH(o, &s->wire->sessions, in_wire)
		others = others || o->held_back;
	if (!others)
		wire_resume(s->wire, WIRE_PAUSE_PEER);
}

void wire_let_go(struct wire *w)
{
	wire_resume(w, WIRE_PAUSE_SENDER);
	w->let_go_ms = w->moved_ms = w->plane->now_ms;
}

/* --- reading --- */

/* A frame whose end cannot be found: what is queued (a 400) goes out, then the stream ends. */
static void broken(struct wire *w)
{
	char text[ADDR_STRLEN];

	(*w->plane->stats.broken)++;
	log_peer("a stream from %s without end of frame is closed",
		 addr_format(conn_peer(w->conn), text));
	w->plane->ops->broken(w);
	wire_flush(w);
	if (w->dead)
		return;
	wire_close(w);
	w->plane->ops->lost(w, CTL_LOST_CLOSED);
}

/* Returns the bytes used; sets *bad_r when the stream must be closed. */
static size_t parse(struct wire *w, struct slice in, bool *bad_r)
{
	const struct wire_ops *ops = w->plane->ops;
	struct msrp_item item;
	size_t done = 0, used;
	struct slice tid;
	int rc;

	*bad_r = false;
	while (!w->dead && done < in.len) {
		used = msrp_parse_fast_200(&w->rx->parser, slice_from(in, done), &tid);
		if (used) {
			ops->ok(w, tid);
			done += used;
			continue;
		}
		used = 0;
		rc = msrp_parse_next(&w->rx->parser, slice_from(in, done), &item, &used);
		if (rc < 0) {
			*bad_r = true;
			break;
		}
		if (rc > 0)
			ops->item(w, &item);
		if (w->held) { /* the head will be read again */
			msrp_parser_init(&w->rx->parser, &msrp_limits_default);
			break;
		}
		done += used;
		if (rc == 0)
			break;
	}
	*bad_r = *bad_r || w->rx->parser.broken; /* told before the next octet comes */
	return done;
}

struct slice wire_with_held(struct wire *w, char *at, size_t n)
{
	struct slice held = w->rx ? buf_held(&w->rx->in) : SLICE_NULL;
	char *buf = w->plane->read_buf + PLANE_READ_HEADROOM;
	size_t n_held = held.len;

	if (!n_held)
		return slice_make(at, n);
	if (at < buf || at > buf + PLANE_READ_SIZE) { /* no room in front */
		memcpy(buf, at, n);
		at = buf;
	}
	memcpy(at - n_held, held.ptr, n_held);
	unkeep(w);
	return slice_make(at - n_held, n_held + n);
}

int wire_keep_tail(struct wire *w, struct slice rest)
{
	int rc = buf_keep(&w->rx->in, rest, PLANE_READ_HEADROOM);

	if (rc == 0)
		w->plane->budget.partial += rest.len;
	return rc;
}

void wire_drop_queued(struct wire *w)
{
	unkeep(w);
	outq_fini(&w->own);
	wire_resume(w, WIRE_PAUSE_OWN);
}

/* An incomplete head or end-line is left in the buffer, or none is: its clock runs or rests. */
static void note_partial(struct wire *w, size_t used, size_t len)
{
	if (used == len || w->held) {
		w->partial_ms = 0;
	} else if (used || !w->partial_ms) {
		w->partial_ms = wire_clock(w);
		wire_watch(w);
	}
}

/* Read what has come, behind what was kept; keep the rest. */
static void take(struct wire *w, struct slice in)
{
	size_t used;
	bool bad;

	used = parse(w, in, &bad);
	if (w->dead)
		return;
	w->plane->ops->batch_end(w);
	if (w->dead)
		return;
	note_partial(w, used, in.len);
	if (bad || wire_keep_tail(w, slice_from(in, used)))
		broken(w);
}

void wire_take(struct wire *w, char *at, ssize_t n)
{
	if (n == -ERR_AGAIN)
		return;
	if (n <= 0) {
		wire_close(w);
		w->plane->ops->lost(w, n == 0 ? CTL_LOST_CLOSED : CTL_LOST_RESET);
		return;
	}
	w->heard_ms = w->plane->now_ms;
	*w->plane->stats.octets_in += n;
	wire_rx_open(w);
	if (w->ws)
		wire_ws_input(w, at, (size_t)n);
	else
		take(w, wire_with_held(w, at, (size_t)n));
	wire_rx_close(w);
}

void wire_hold(struct wire *w)
{
	w->held = true;
	w->plane->n_held++;
	wire_pause(w, WIRE_PAUSE_HELD);
}

static void read_again(struct wire *w)
{
	w->held = w->again = false;
	w->plane->n_held--;
	wire_resume(w, WIRE_PAUSE_HELD);
	wire_rx_open(w);
	take(w, wire_with_held(w, w->plane->read_buf + PLANE_READ_HEADROOM, 0));
	wire_rx_close(w);
}

void wire_release_held(struct plane *plane)
{
	struct wire *w;

	if (!plane->n_held)
		return;
	LIST_FOREACH(w, &plane->watched, in_watched)
		w->again = w->held;
	do { /* what it says may end others */
		LIST_FOREACH(w, &plane->watched, in_watched) {
			if (w->again)
				break;
		}
		if (w)
			read_again(w);
	} while (w);
}

/* At once, or with all others at the end of the turn. */
static void on_readable(struct wire *w)
{
	struct plane *plane = w->plane;
	char *at = plane->read_buf + PLANE_READ_HEADROOM;
	/* What is held until the peer is known must fit into what may be kept. */
	bool unknown = w->transport != CTL_TRANSPORT_TCP && !w->n_sessions;

	if (w->paused || w->readable)
		return;
	if (plane->bundle && wire_is_bare(w)) {
		w->readable = true;
		TAILQ_INSERT_TAIL(&plane->readable, w, in_readable);
		return;
	}
	wire_take(w, at, conn_read(w->conn, at, unknown ? UNKNOWN_READ_SIZE : plane->read_now));
}

static void on_writable(struct wire *w)
{
	if (w->plane->bundle && wire_is_bare(w)) {
		w->blocked = false;
		wire_touch(w);
	} else {
		wire_flush(w);
	}
}

static void on_event(struct conn *c, enum conn_event ev, void *arg)
{
	struct wire *w = arg;
	struct plane *plane = w->plane;
	char text[ADDR_STRLEN];

	if (w->dead)
		return;
	plane->now_ms = clock_now_ms();
	switch (ev) {
	case CONN_READABLE:
		on_readable(w);
		break;
	case CONN_WRITABLE:
		on_writable(w);
		break;
	case CONN_CONNECTED:
		w->connected = true;
		w->plane->ops->connected(w);
		break;
	case CONN_FAILED:
		if (w->transport != CTL_TRANSPORT_TCP)
			log_peer("no connection with %s: %s", addr_format(conn_peer(c), text),
				 conn_why(c));
		wire_close(w);
		w->plane->ops->lost(w, w->connected ? CTL_LOST_RESET : CTL_LOST_CONNECT);
		break;
	}
	if (plane->over_limit)
		plane->ops->overfull(plane); /* w may be gone now */
}
