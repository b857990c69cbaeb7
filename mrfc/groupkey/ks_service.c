/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of MRFCs to calls of the key server, its events to frames. Writes down whom it refused. */
#include "mrfc/groupkey/ks_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "common/secret.h"
#include "mrfc/timer.h"

#define LOG_PLACE "ks"

#define EVENTS_A_TURN 64
#define TICK_MS       1000
#define SILENT_TICKS  10 /* an MRFC says something each second */
#define AGE_TICKS     60

struct peer {
	LIST_ENTRY(peer) link;
	struct ks_service *service;
	struct ks_stream *stream;
	struct ks_client client;
	bool broken;
	unsigned silent;
	char where[ADDR_STRLEN];
};

struct ks_service {
	struct event_base *base;
	struct ks_serve *serve;
	LIST_HEAD(, peer) peers;
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

static struct peer *peer_of(struct ks_client *c)
{
	return CONTAINER_OF(c, struct peer, client);
}

static void peer_drop(struct peer *p)
{
	struct ks_service *s = p->service;

	ks_serve_gone(s->serve, &p->client);
	*s->n_rooms = (int64_t)ks_serve_rooms(s->serve);
	*s->n_peers -= p->client.hello;
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

static void send_event(struct ks_service *s, const struct ks_out *out)
{
	static const char *const names[] = {[KEYSERVER_EPOCH] = "epoch",
					    [KEYSERVER_MESSAGE] = "message",
					    [KEYSERVER_CONFIRMED] = "confirmed",
					    [KEYSERVER_REFUSED] = "refused",
					    [KEYSERVER_ERROR] = "error"};

	if (out->kind != KEYSERVER_JUDGED) /* it is counted as such */
		count(s->made, names[out->kind]);
	if (out->kind == KEYSERVER_REFUSED)
		log_peer("audit: no key of %s for %s: %s", out->room, out->uri, out->why);
	if (out->to != NULL)
		send_to(peer_of(out->to), &out->frame);
}

static void on_turn(void *arg)
{
	struct ks_service *s = arg;
	struct ks_out out;
	struct peer *p, *next;

	for (int i = 0; i < EVENTS_A_TURN; i++) {
		struct keyserver_now at = now();

		if (!ks_serve_next(s->serve, &at, &out))
			break;
		send_event(s, &out);
	}
	if (out.kind != KEYSERVER_NOTHING)
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
		ks_serve_age(s->serve, &at);
	timer_start(s->turn, 0);
	timer_start(s->tick, TICK_MS);
}

/* --- frames --- */

static void take(struct peer *p, const struct ks_frame *f)
{
	struct ks_service *s = p->service;
	bool hello = p->client.hello;
	struct keyserver_now at = now();
	struct ks_taken taken;
	int err = ks_serve_take(s->serve, &p->client, f, &at, &taken);

	*s->n_peers += p->client.hello && !hello;
	*s->n_rooms = (int64_t)ks_serve_rooms(s->serve);
	if (err != 0) {
		log_warn("%s sent what cannot be understood", p->where);
		p->broken = true;
	}
	if (taken.answer == KS_HELLO)
		log_info("an MRFC at %s is served", p->where);
	if (taken.answer != 0)
		send_to(p, &(struct ks_frame){.verb = taken.answer,
					      .number = taken.answer == KS_HELLO ? KS_VERSION : 0});
	if (taken.dropped != 0)
		count(s->dropped, keyserver_reason(taken.dropped));
	if (taken.lost != NULL)
		log_warn("a conference is %s's now, no more %s's", p->where,
			 peer_of(taken.lost)->where);
}

static void on_frame(struct ks_stream *stream, const struct ks_frame *f, void *arg)
{
	struct peer *p = arg;

	(void)stream;
	p->silent = 0;
	if (p->broken)
		return;
	take(p, f);
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
	if (p->client.hello)
		log_info("the connection of %s ended: %s", p->where, why);
	else
		log_seldom("%s did not say hello: %s", p->where, why);
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
	struct keyserver_keys lookup = member_keys_lookup(keys);
	struct keyserver_settings with = *settings;
	struct keyserver_now at = now();

	if (with.random == NULL)
		with.random = secret_random_to;
	s->base = base;
	s->serve = ks_serve_new(&with, &lookup, &at);
	LIST_INIT(&s->peers);
	s->turn = timer_new(base, on_turn, s);
	s->tick = timer_new(base, on_tick, s);
	timer_start(s->tick, TICK_MS);
	s->made = metrics_add(metrics, METRICS_COUNTER, "mrfks_events_total", "event",
			      "Of mrfks: epoch (a new key of a conference), message (a key for one "
			      "member), confirmed (he has it), refused (no key for him), error "
			      "(he is told why).");
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
	ks_serve_free(&s->serve);
	free(s);
}
