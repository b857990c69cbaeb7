/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of MRFCs to calls of the key server, its events to frames. Writes down whom it refused. */
#include "mrfc/groupkey/ks_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <uthash.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "mrfc/timer.h"

#define LOG_PLACE "ks"

#define EVENTS_A_TURN 64
#define TICK_MS       1000
#define SILENT_TICKS  10 /* an MRFC says something each second */
#define AGE_TICKS     60
#define MAX_CHANGE    100000 /* items */

struct peer {
	LIST_ENTRY(peer) link;
	struct ks_service *service;
	struct ks_stream *stream;
	bool hello, broken;
	unsigned silent;
	char where[ADDR_STRLEN];
};

/* Whose a room is. */
struct owned {
	char *room;
	struct peer *peer;
	UT_hash_handle hh;
};

struct ks_service {
	struct event_base *base;
	struct keyserver *ks;
	LIST_HEAD(, peer) peers;
	struct owned *rooms;
	struct timer *turn, *tick;
	unsigned n_ticks;
	struct metrics_family *made, *dropped;
	int64_t *n_peers, *n_rooms;
};

static struct keyserver_now now(void)
{
	return (struct keyserver_now){.mono_ms = clock_now_ms(), .wall_us = clock_wall_ms() * 1000};
}

static void count(struct metrics_family *f, const char *what)
{
	++*metrics_cell(f, &what, 1);
}

static struct owned *owned_find(const struct ks_service *s, const char *room)
{
	struct owned *o;

	HASH_FIND_STR(s->rooms, room, o);
	return o;
}

static void owned_drop(struct ks_service *s, struct owned *o)
{
	if (keyserver_close(s->ks, o->room) != 0)
		log_error("%s was not there to be closed", o->room);
	HASH_DEL(s->rooms, o);
	*s->n_rooms = HASH_COUNT(s->rooms);
	free(o->room);
	free(o);
}

static void peer_drop(struct peer *p)
{
	struct ks_service *s = p->service;
	struct owned *o, *next;

	HASH_ITER(hh, s->rooms, o, next) {
		if (o->peer == p)
			owned_drop(s, o);
	}
	*s->n_peers -= p->hello;
	LIST_REMOVE(p, link);
	ks_stream_free(&p->stream);
	free(p);
}

static void send_to(struct peer *p, const struct ks_frame *f)
{
	if (ks_stream_send(p->stream, f) != 0)
		p->broken = true;
}

/* --- what came of calls --- */

static void send_event(struct ks_service *s, const struct keyserver_event *e)
{
	static const uint8_t verbs[] = {[KEYSERVER_EPOCH] = KS_EPOCH,
					[KEYSERVER_MESSAGE] = KS_MESSAGE,
					[KEYSERVER_CONFIRMED] = KS_CONFIRMED,
					[KEYSERVER_REFUSED] = KS_REFUSED};
	static const char *const names[] = {[KEYSERVER_EPOCH] = "epoch",
					    [KEYSERVER_MESSAGE] = "message",
					    [KEYSERVER_CONFIRMED] = "confirmed",
					    [KEYSERVER_REFUSED] = "refused"};
	struct owned *o = owned_find(s, e->room);
	struct ks_frame f = {.verb = verbs[e->kind],
			     .room = slice_str(e->room),
			     .uri = slice_str(e->uri),
			     .key_id = e->key_id,
			     .bytes = slice_make(e->gkid.octets, GKID_SIZE)};

	count(s->made, names[e->kind]);
	if (e->kind == KEYSERVER_MESSAGE) {
		f.bytes = e->bytes;
		f.number = e->fresh;
	} else if (e->kind == KEYSERVER_REFUSED) {
		log_peer("audit: no key of %s for %s: %s", e->room, e->uri, e->why);
		f.bytes = slice_str(e->why);
		f.number = (uint64_t)-e->err;
	}
	if (o != NULL)
		send_to(o->peer, &f);
}

static void on_turn(void *arg)
{
	struct ks_service *s = arg;
	struct keyserver_event e;
	struct peer *p, *next;

	for (int i = 0; i < EVENTS_A_TURN; i++) {
		struct keyserver_now at = now();

		if (!keyserver_next(s->ks, &at, &e))
			break;
		send_event(s, &e);
	}
	if (e.kind != KEYSERVER_NOTHING)
		timer_start(s->turn, 0);
	for (p = LIST_FIRST(&s->peers); p != NULL; p = next) {
		next = LIST_NEXT(p, link);
		if (p->broken || p->silent > SILENT_TICKS) {
			log_warn("%s is let go: it takes nothing, or is silent", p->where);
			peer_drop(p);
		}
	}
}

static void on_tick(void *arg)
{
	struct ks_service *s = arg;
	struct keyserver_now at = now();
	struct peer *p;

	LIST_FOREACH(p, &s->peers, link)
		p->silent++;
	if (++s->n_ticks % AGE_TICKS == 0)
		keyserver_age(s->ks, &at);
	timer_start(s->turn, 0);
	timer_start(s->tick, TICK_MS);
}

/* --- frames --- */

static int open_room(struct peer *p, const char *room, uint64_t suite)
{
	struct ks_service *s = p->service;
	struct owned *o = owned_find(s, room);
	int err = suite > GKE_SUITE_A ? -ERR_SYNTAX
				      : keyserver_open(s->ks, room, (enum gke_suite)suite);

	if (err != 0)
		return err;
	if (o != NULL && o->peer != p)
		log_warn("%s is %s's now, no more %s's", room, p->where, o->peer->where);
	if (o == NULL) {
		o = xcalloc(1, sizeof(*o));
		o->room = xstrdup(room);
		HASH_ADD_KEYPTR(hh, s->rooms, o->room, strlen(o->room), o);
		*s->n_rooms = HASH_COUNT(s->rooms);
	}
	o->peer = p;
	return 0;
}

/* A change's list as the key server takes it. */
struct change {
	struct groupkey_member *joined, *left;
	size_t n_joined, n_left;
};

static void change_fini(struct change *c)
{
	for (size_t i = 0; i < c->n_joined; i++)
		free((char *)(uintptr_t)c->joined[i].uri);
	for (size_t i = 0; i < c->n_left; i++)
		free((char *)(uintptr_t)c->left[i].uri);
	free(c->joined);
	free(c->left);
}

static int change_read(struct slice list, struct change *c)
{
	struct slice rest = list;
	struct ks_item_view item;
	size_t n = 0;
	int rc;

	while ((rc = ks_list_next(&rest, &item)) > 0)
		n++;
	if (rc < 0 || n > MAX_CHANGE)
		return -ERR_SYNTAX;
	c->joined = xcalloc(n + 1, sizeof(*c->joined));
	c->left = xcalloc(n + 1, sizeof(*c->left));
	while (ks_list_next(&list, &item) > 0) {
		struct groupkey_member m = {
			.uri = slice_dup(item.uri), .key_id = item.key_id, .request = item.request};

		if (item.joined)
			c->joined[c->n_joined++] = m;
		else
			c->left[c->n_left++] = m;
	}
	return 0;
}

static int change_room(struct peer *p, const char *room, struct slice list)
{
	struct keyserver_now at = now();
	struct change c = {0};
	int err = change_read(list, &c);

	if (err == 0)
		err = keyserver_change(p->service->ks, room, c.joined, c.n_joined, c.left, c.n_left,
				       &at);
	change_fini(&c);
	return err;
}

/* What is not right is dropped, and is no fault of the MRFC. */
static int request(struct peer *p, const char *room, const struct ks_frame *f)
{
	struct keyserver_now at = now();
	struct groupkey_member from = {.uri = slice_dup(f->uri), .key_id = f->key_id};
	int err = keyserver_request(p->service->ks, room, &from, f->bytes, &at);

	free((char *)(uintptr_t)from.uri);
	if (err != 0)
		count(p->service->dropped, keyserver_reason(err));
	return 0;
}

static int take(struct peer *p, const char *room, const struct ks_frame *f)
{
	struct ks_service *s = p->service;
	struct owned *o = owned_find(s, room);
	struct keyserver_now at = now();

	if (f->verb < KS_OPEN || f->verb > KS_SENT || f->room.len == 0)
		return -ERR_SYNTAX;
	if (f->verb == KS_OPEN)
		return open_room(p, room, f->number);
	if (o == NULL || o->peer != p) /* it went to another meanwhile, or was never opened */
		return 0;
	switch (f->verb) {
	case KS_CLOSE:
		owned_drop(s, o);
		return 0;
	case KS_CHANGE:
		return change_room(p, room, f->bytes);
	case KS_REQUEST:
		return request(p, room, f);
	default: /* KS_SENT */
		keyserver_sent(s->ks, room, f->number, &at);
		return 0;
	}
}

static void on_hello(struct peer *p, const struct ks_frame *f)
{
	const struct ks_frame hello = {.verb = KS_HELLO, .number = KS_VERSION};

	if (f->verb != KS_HELLO || p->hello) {
		p->broken = true;
		return;
	}
	p->hello = true;
	++*p->service->n_peers;
	log_info("an MRFC at %s is served", p->where);
	send_to(p, &hello);
}

static void on_frame(struct ks_stream *stream, const struct ks_frame *f, void *arg)
{
	const struct ks_frame pong = {.verb = KS_PONG};
	struct peer *p = arg;
	char *room;

	(void)stream;
	p->silent = 0;
	if (p->broken)
		return;
	if (f->verb == KS_HELLO || !p->hello) {
		on_hello(p, f);
	} else if (f->verb == KS_PING) {
		send_to(p, &pong);
	} else {
		room = slice_dup(f->room);
		if (take(p, room, f) != 0) {
			log_warn("%s sent what cannot be understood", p->where);
			p->broken = true;
		}
		free(room);
	}
	timer_start(p->service->turn, 0);
}

static void on_up(struct ks_stream *stream, void *arg)
{
	(void)stream;
	(void)arg; /* the MRFC talks first */
}

static void on_closed(struct ks_stream *stream, const char *why, void *arg)
{
	struct peer *p = arg;

	(void)stream;
	log_info("the connection of %s ended: %s", p->where, why);
	peer_drop(p);
}

static const struct ks_stream_events stream_events = {
	.up = on_up, .frame = on_frame, .closed = on_closed};

void ks_service_accept(struct ks_service *s, const struct ks_security *security, int fd_take,
		       const struct addr *peer)
{
	struct peer *p = xcalloc(1, sizeof(*p));

	p->service = s;
	if (security->tls != NULL)
		addr_format(peer, p->where);
	else
		snprintf(p->where, sizeof(p->where), "the socket");
	LIST_INSERT_HEAD(&s->peers, p, link);
	p->stream = ks_stream_accept(s->base, security, fd_take, peer, &stream_events, p);
}

struct ks_service *ks_service_new(struct event_base *base,
				  const struct keyserver_settings *settings,
				  struct member_keys *keys, struct metrics *metrics)
{
	struct ks_service *s = xcalloc(1, sizeof(*s));
	struct keyserver_now at = now();

	s->base = base;
	s->ks = keyserver_new(settings, keys, &at);
	LIST_INIT(&s->peers);
	s->turn = timer_new(base, on_turn, s);
	s->tick = timer_new(base, on_tick, s);
	timer_start(s->tick, TICK_MS);
	s->made = metrics_add(metrics, METRICS_COUNTER, "mrfks_events_total", "event",
			      "Of mrfks: epoch (a new key of a conference), message (a key for one "
			      "member), confirmed (he has it), refused (no key for him).");
	s->dropped =
		metrics_add(metrics, METRICS_COUNTER, "mrfks_dropped_total", "reason",
			    "Of mrfks: key messages of members that changed nothing, reasons as in "
			    "mrfc_groupkey_dropped_total.");
	s->n_peers = metrics_cell(metrics_add(metrics, METRICS_GAUGE, "mrfks_mrfcs", "",
					      "Of mrfks: MRFCs that are connected."),
				  NULL, 0);
	s->n_rooms = metrics_cell(metrics_add(metrics, METRICS_GAUGE, "mrfks_conferences", "",
					      "Of mrfks: conferences with keys."),
				  NULL, 0);
	return s;
}

void ks_service_free(struct ks_service **sp)
{
	struct ks_service *s = *sp;

	if (s == NULL)
		return;
	*sp = NULL;
	while (!LIST_EMPTY(&s->peers))
		peer_drop(LIST_FIRST(&s->peers));
	timer_free(&s->turn);
	timer_free(&s->tick);
	keyserver_free(&s->ks);
	free(s);
}

size_t ks_service_count(const struct ks_service *s)
{
	return (size_t)*s->n_peers;
}
