/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control link from the MRFP's side. Owns the stream, its buffers, the queue of events and the
 * saved replies; knows no context. Lost link: contexts live on, events wait (docs/control-protocol.md).
 */
#include "mrfp/ctl_client.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/conn.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "mrfp/ctl_dedup.h"
#include "proto/ctl_codec.h"

#define LOG_PLACE "ctl"

#define BACKOFF_MIN_MS     100
#define BACKOFF_MAX_MS     1000
#define CONNECT_TIMEOUT_MS 5000
#define MISSES_MAX         3
#define READ_SIZE          (64u << 10)
#define OUT_HIGH           (4u << 20) /* replies not taken: stop reading requests */
#define EVENTS_IN_FLIGHT   1024

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_REGISTERING, LINK_UP, LINK_STATES };
static const char *const state_names[LINK_STATES] = {"down", "connecting", "registering", "up"};

struct queued {
	TAILQ_ENTRY(queued) link;
	uint32_t transaction;
	bool sent;
	bool message; /* counted in n_octets; no place among the others */
	struct bytes frame;
};

struct ctl_client {
	struct event_base *base;
	const struct options *opt;
	struct addr mrfc;
	struct tls *tls; /* NULL: the Unix socket */
	struct fingerprint_list pins;
	struct stats *stats;
	const struct ctl_client_ops *ops;
	void *arg;
	enum link_state state;
	struct conn *conn;
	struct buf in;
	struct bytes out;
	struct ctl_dedup *dedup;
	struct event *redial, *keepalive;
	uint32_t backoff_ms;
	unsigned misses;
	bool wants_write, reading;
	struct log_trouble trouble; /* why there is no link, while there is none */
	uint64_t incarnation;       /* ours */
	uint64_t peer_incarnation;  /* of the MRFC that the saved replies belong to */
	uint32_t next_transaction, registration;
	TAILQ_HEAD(, queued) events; /* in order; sent ones first */
	size_t n_events, n_sent;     /* messages left out of the first */
	size_t n_octets;             /* of messages */
	unsigned n_untold;           /* dropped events that no alarm has told yet */
	struct queued *unsent;       /* first that is not sent; NULL: all are */
};

static void dial(struct ctl_client *c);

static void set_state(struct ctl_client *c, enum link_state to, const char *cause)
{
	bool was_up = c->state == LINK_UP;

	if (c->state == to)
		return;
	log_at(was_up || to == LINK_UP ? LOG_INFO : LOG_DEBUG, LOG_PLACE, "%s -> %s (%s)",
	       state_names[c->state], state_names[to], cause);
	c->state = to;
	*c->stats->ctl_up = to == LINK_UP;
	if (was_up != (to == LINK_UP))
		c->ops->changed(to == LINK_UP, c->arg);
}

static void arm(struct event *ev, int64_t ms)
{
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

	event_add(ev, &tv);
}

static void redial_later(struct ctl_client *c)
{
	arm(c->redial, c->backoff_ms);
	c->backoff_ms = c->backoff_ms * 2 < BACKOFF_MAX_MS ? c->backoff_ms * 2 : BACKOFF_MAX_MS;
}

/* One try of many has failed. */
static void tell_trouble(struct ctl_client *c, const char *why)
{
	char where[ADDR_STRLEN];

	log_trouble_at(&c->trouble, clock_now_ms(), LOG_PLACE,
		       "no link to the MRFC at %s: %s; trying on", addr_format(&c->mrfc, where),
		       why);
}

static void link_down(struct ctl_client *c, const char *why)
{
	struct queued *q;

	if (c->state != LINK_UP)
		tell_trouble(c, why);
	conn_free(&c->conn);
	buf_fini(&c->in);
	bytes_fini(&c->out);
	event_del(c->keepalive);
	c->wants_write = false;
	TAILQ_FOREACH(q, &c->events, link)
		q->sent = false;
	c->unsent = TAILQ_FIRST(&c->events);
	c->n_sent = 0;
	set_state(c, LINK_DOWN, why);
	redial_later(c);
}

/* --- sending --- */

void ctl_client_flush(struct ctl_client *c)
{
	while (c->conn && c->out.len) {
		struct iovec iov = {c->out.data, c->out.len};
		ssize_t n = conn_writev(c->conn, &iov, 1);

		if (n == -ERR_AGAIN)
			break;
		if (n < 0) {
			link_down(c, "write failed");
			return;
		}
		bytes_drop(&c->out, (size_t)n);
	}
	if (!c->conn)
		return;
	if (c->wants_write != (c->out.len != 0)) {
		c->wants_write = c->out.len != 0;
		conn_want_write(c->conn, c->wants_write);
	}
	if (c->reading != (c->out.len < OUT_HIGH)) {
		c->reading = c->out.len < OUT_HIGH;
		conn_want_read(c->conn, c->reading);
	}
}

static void send_request(struct ctl_client *c, uint8_t command, uint32_t transaction,
			 enum ctl_body body, const void *msg)
{
	static const uint8_t none[CTL_CONTEXT_SIZE];

	if (ctl_build(&c->out, command, 0, transaction, none, body, msg))
		log_error("%s does not fit", ctl_command_name(command));
}

static void send_events(struct ctl_client *c)
{
	while (c->state == LINK_UP && c->unsent && c->n_sent < EVENTS_IN_FLIGHT) {
		struct queued *q = c->unsent;

		bytes_add_slice(&c->out, bytes_slice(&q->frame));
		q->sent = true;
		c->n_sent++;
		c->unsent = TAILQ_NEXT(q, link);
	}
}

static void drop_event(struct ctl_client *c, struct queued *q)
{
	if (q == c->unsent)
		c->unsent = TAILQ_NEXT(q, link);
	if (q->sent)
		c->n_sent--;
	TAILQ_REMOVE(&c->events, q, link);
	if (q->message)
		c->n_octets -= q->frame.len;
	else
		c->n_events--;
	*c->stats->event_octets = (int64_t)c->n_octets;
	(*c->stats->events_queued)--;
	bytes_fini(&q->frame);
	free(q);
}

/* Of those that are no messages: these have their own bound. */
static void drop_oldest(struct ctl_client *c)
{
	struct queued *q;

	TAILQ_FOREACH(q, &c->events, link) {
		if (q->message)
			continue;
		(*c->stats->events_dropped)++;
		c->n_untold++;
		drop_event(c, q);
		return;
	}
}

uint32_t ctl_client_notify(struct ctl_client *c, const uint8_t context[CTL_CONTEXT_SIZE],
			   const struct ctl_notify *event)
{
	bool message = event->event == CTL_EVENT_OWED && event->body.len;
	struct queued *q;

	if (message && c->n_octets + event->body.len > (size_t)c->opt->mp_event_bytes)
		return 0;
	while (!message && c->n_events >= (size_t)c->opt->mp_events)
		drop_oldest(c);
	q = xcalloc(1, sizeof(*q));
	q->message = message;
	if (!c->next_transaction)
		c->next_transaction = 1;
	q->transaction = c->next_transaction++;
	if (ctl_build(&q->frame, CTL_CMD_NOTIFY, 0, q->transaction, context, CTL_BODY_notify,
		      event))
		log_error("event does not fit");
	TAILQ_INSERT_TAIL(&c->events, q, link);
	if (!c->unsent)
		c->unsent = q;
	if (message)
		c->n_octets += q->frame.len;
	else
		c->n_events++;
	*c->stats->event_octets = (int64_t)c->n_octets;
	(*c->stats->events_queued)++;
	send_events(c);
	return q->transaction;
}

void ctl_client_withdraw(struct ctl_client *c, uint32_t transaction)
{
	struct queued *q;

	TAILQ_FOREACH(q, &c->events, link) {
		if (q->transaction == transaction) {
			drop_event(c, q);
			return;
		}
	}
}

/* Once there is room again: how many events the MRFC will never see. */
static void tell_dropped(struct ctl_client *c)
{
	static const uint8_t no_context[CTL_CONTEXT_SIZE];
	struct ctl_notify n = {0};
	char text[64];

	if (!c->n_untold || c->n_events > (size_t)c->opt->mp_events / 2)
		return;
	snprintf(text, sizeof(text), "%u events were dropped, too many waited", c->n_untold);
	log_warn("%s", text);
	c->n_untold = 0;
	CTL_SET(&n, notify, event, CTL_EVENT_ALARM);
	CTL_SET(&n, notify, text, slice_str(text));
	ctl_client_notify(c, no_context, &n);
}

static void send_service_change(struct ctl_client *c, uint8_t method)
{
	struct ctl_service_change m = {0};

	c->ops->describe(&m, c->arg);
	CTL_SET(&m, service_change, method, method);
	CTL_SET(&m, service_change, mrfp_id, slice_str(c->opt->mp_id));
	CTL_SET(&m, service_change, incarnation, c->incarnation);
	CTL_SET(&m, service_change, version_max, CTL_VERSION);
	c->registration = c->next_transaction++;
	send_request(c, CTL_CMD_SERVICE_CHANGE, c->registration, CTL_BODY_service_change, &m);
}

void ctl_client_announce(struct ctl_client *c, uint8_t method)
{
	if (c->state != LINK_UP)
		return;
	send_service_change(c, method);
	ctl_client_flush(c);
}

/* --- receiving --- */

static void on_registered(struct ctl_client *c, const struct ctl_result *r)
{
	char why[160];

	if (c->state != LINK_REGISTERING) {
		if (c->ops->announced)
			c->ops->announced(r->code, c->arg);
		return;
	}
	if (r->code != CTL_R_OK) {
		snprintf(why, sizeof(why), "registration refused: %s (" SLICE_FMT ")",
			 ctl_result_name(r->code), SLICE_ARG(r->reason));
		link_down(c, why);
		return;
	}
	if (r->incarnation != c->peer_incarnation) {
		ctl_dedup_reset(c->dedup);
		c->peer_incarnation = r->incarnation;
	}
	log_trouble_over(&c->trouble);
	c->backoff_ms = BACKOFF_MIN_MS;
	(*c->stats->ctl_links)++;
	set_state(c, LINK_UP, "registered");
	send_events(c);
}

static void on_reply(struct ctl_client *c, const struct ctl_frame *f, struct ctl_arena *arena)
{
	struct ctl_decode_error err;
	struct ctl_result r;
	struct queued *q;

	if (ctl_decode(f->tlvs, CTL_BODY_result, &r, arena, &err)) {
		log_warn("reply to %s: %s", ctl_command_name(f->command), err.text);
		return;
	}
	if (f->command == CTL_CMD_SERVICE_CHANGE && f->transaction == c->registration)
		on_registered(c, &r);
	if (f->command != CTL_CMD_NOTIFY)
		return;
	TAILQ_FOREACH(q, &c->events, link) {
		if (q->transaction == f->transaction) {
			drop_event(c, q);
			c->ops->event_done(f->transaction, &r, c->arg);
			tell_dropped(c);
			send_events(c);
			return;
		}
		if (!q->sent)
			return;
	}
}

static void on_request(struct ctl_client *c, const struct ctl_frame *f)
{
	struct slice saved = ctl_dedup_find(c->dedup, f->transaction);
	struct bytes reply = BYTES_INIT;

	if (f->command != CTL_CMD_KEEPALIVE && saved.len) {
		(*c->stats->ctl_repeats)++;
		bytes_add_slice(&c->out, saved);
		return;
	}
	/* Apart from c->out: events that the request causes are no part of what is repeated. */
	c->ops->request(f, &reply, c->arg);
	bytes_add_slice(&c->out, bytes_slice(&reply));
	if (f->command != CTL_CMD_KEEPALIVE && reply.len)
		ctl_dedup_save(c->dedup, f->transaction, bytes_slice(&reply));
	bytes_fini(&reply);
}

static void on_frames(struct ctl_client *c)
{
	struct ctl_arena *arena = xcalloc(1, sizeof(*arena));
	struct ctl_frame f;
	const char *fault = NULL;
	size_t used;
	int rc = 0;

	while (c->conn && (rc = ctl_frame_next(buf_held(&c->in), &f, &used)) > 0) {
		c->misses = 0;
		arena->used = 0;
		if ((fault = ctl_frame_fault(&f)))
			break;
		if (f.flags & CTL_FLAG_REPLY)
			on_reply(c, &f, arena);
		else
			on_request(c, &f);
		if (c->conn) {
			/* It may have had the key of a leg. */
			mem_wipe((char *)(uintptr_t)buf_held(&c->in).ptr, used);
			buf_consume(&c->in, used);
		}
	}
	free(arena);
	if (!c->conn || (rc >= 0 && !fault))
		return;
	(*c->stats->ctl_broken)++;
	link_down(c, fault ? fault : "malformed frame");
}

static void on_readable(struct ctl_client *c)
{
	char *chunk = xcalloc(1, READ_SIZE);
	ssize_t n = conn_read(c->conn, chunk, READ_SIZE);

	if (n > 0 &&
	    buf_keep(&c->in, slice_make(chunk, (size_t)n), CTL_FRAME_MAX + READ_SIZE + 4) == 0) {
		on_frames(c);
		if (c->conn)
			ctl_client_flush(c);
	} else if (n != -ERR_AGAIN) {
		link_down(c, n == 0 ? "closed by the MRFC" : "read failed");
	}
	mem_wipe(chunk, n > 0 ? (size_t)n : 0);
	free(chunk);
}

static void on_event(struct conn *conn, enum conn_event ev, void *arg)
{
	struct ctl_client *c = arg;

	switch (ev) {
	case CONN_CONNECTED:
		set_state(c, LINK_REGISTERING, "connected");
		c->misses = 0;
		send_service_change(c, CTL_REGISTER);
		arm(c->keepalive, c->opt->mp_keepalive_ms);
		ctl_client_flush(c);
		break;
	case CONN_READABLE:
		on_readable(c);
		break;
	case CONN_WRITABLE:
		ctl_client_flush(c);
		break;
	case CONN_FAILED:
		link_down(c, conn_why(conn));
		break;
	}
}

static void on_keepalive(evutil_socket_t fd, short what, void *arg)
{
	struct ctl_client *c = arg;
	struct ctl_keepalive m = {0};

	(void)fd;
	(void)what;
	if (!c->conn)
		return;
	if (c->misses++ >= MISSES_MAX) {
		link_down(c, "no sign of life");
		return;
	}
	if (c->ops->load)
		CTL_SET(&m, keepalive, load, c->ops->load(c->arg));
	if (c->state == LINK_UP)
		send_request(c, CTL_CMD_KEEPALIVE, c->next_transaction++, CTL_BODY_keepalive, &m);
	ctl_client_flush(c);
	if (c->conn)
		arm(c->keepalive, c->opt->mp_keepalive_ms);
}

static void on_redial(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	dial(arg);
}

static int connect_mrfc(struct ctl_client *c)
{
	return c->tls ? conn_connect_tls(c->base, c->tls, &c->mrfc, &c->pins, CONNECT_TIMEOUT_MS,
					 on_event, c, &c->conn)
		      : conn_connect(c->base, &c->mrfc, CONNECT_TIMEOUT_MS, on_event, c, &c->conn);
}

static void dial(struct ctl_client *c)
{
	if (connect_mrfc(c)) {
		tell_trouble(c, strerror(errno));
		redial_later(c);
		return;
	}
	c->reading = true;
	set_state(c, LINK_CONNECTING, "dialled");
}

struct ctl_client *ctl_client_new(struct event_base *base, const struct options *opt,
				  const struct addr *mrfc, struct stats *stats,
				  const struct ctl_client_ops *ops, void *arg)
{
	struct ctl_client *c = xcalloc(1, sizeof(*c));

	c->base = base;
	c->opt = opt;
	c->mrfc = *mrfc;
	c->stats = stats;
	c->ops = ops;
	c->arg = arg;
	c->dedup = ctl_dedup_new();
	c->incarnation = rand_u64();
	c->next_transaction = (uint32_t)rand_u64() | 1;
	c->backoff_ms = BACKOFF_MIN_MS;
	TAILQ_INIT(&c->events);
	c->redial = evtimer_new(base, on_redial, c);
	c->keepalive = evtimer_new(base, on_keepalive, c);
	arm(c->redial, 0);
	return c;
}

void ctl_client_secure(struct ctl_client *c, struct tls *tls, const struct fingerprint_list *pins)
{
	c->tls = tls;
	c->pins = *pins;
}

void ctl_client_free(struct ctl_client **cp)
{
	struct ctl_client *c = *cp;

	if (!c)
		return;
	while (!TAILQ_EMPTY(&c->events))
		drop_event(c, TAILQ_FIRST(&c->events));
	if (c->conn)
		conn_free(&c->conn);
	buf_fini(&c->in);
	bytes_fini(&c->out);
	event_free(c->redial);
	event_free(c->keepalive);
	ctl_dedup_free(&c->dedup);
	free(c);
	*cp = NULL;
}

bool ctl_client_up(const struct ctl_client *c)
{
	return c->state == LINK_UP;
}
