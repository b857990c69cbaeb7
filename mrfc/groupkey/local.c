/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key server in this process: gives the pure one the clock, tells what came of calls from the
 * loop, a few at a time, so that a large room's new key does not stop the others. Writes down who
 * asked without being a member.
 */
#include "mrfc/groupkey/local.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "common/secret.h"
#include "mrfc/timer.h"

#define LOG_PLACE "groupkey"

#define EVENTS_A_TURN 64
#define AGE_EVERY_MS  60000

struct local {
	struct groupkey g;
	struct keyserver *ks;
	struct timer *turn, *age;
	struct metrics_family *made, *dropped;
};

static struct local *local_of(struct groupkey *g)
{
	return CONTAINER_OF(g, struct local, g);
}

static struct keyserver_now now(void)
{
	return (struct keyserver_now){.mono_ms = clock_now_ms(), .wall_us = clock_wall_ms() * 1000};
}

static void count(struct metrics_family *f, const char *what)
{
	++*metrics_cell(f, &what, 1);
}

static void soon(struct local *l)
{
	timer_start(l->turn, 0);
}

static void tell_refused(struct local *l, const struct keyserver_event *e)
{
	count(l->made, "refused");
	log_peer("audit: no key of %s for %s: %s", e->room, e->uri, e->why);
	if (l->g.events != NULL)
		l->g.events->refused(e->room, e->uri, e->key_id, e->err, e->why, l->g.arg);
}

static void tell(struct local *l, const struct keyserver_event *e)
{
	const struct groupkey_events *to = l->g.events;

	switch (e->kind) {
	case KEYSERVER_EPOCH:
		count(l->made, "epoch");
		if (to != NULL)
			to->epoch(e->room, &e->gkid, l->g.arg);
		break;
	case KEYSERVER_MESSAGE:
		count(l->made, "message");
		if (to != NULL)
			to->message(e->room, e->uri, e->key_id, e->bytes, e->fresh, l->g.arg);
		break;
	case KEYSERVER_CONFIRMED:
		count(l->made, "confirmed");
		if (to != NULL)
			to->confirmed(e->room, e->uri, e->key_id, &e->gkid, l->g.arg);
		break;
	case KEYSERVER_ERROR:
		count(l->made, "error");
		if (to != NULL)
			to->error(e->room, e->uri, e->key_id, e->bytes, l->g.arg);
		break;
	case KEYSERVER_JUDGED:
		if (to != NULL)
			to->judged(e->room, e->uri, e->key_id, e->err, e->why, l->g.arg);
		break;
	default:
		tell_refused(l, e);
		break;
	}
}

static void on_turn(void *arg)
{
	struct local *l = arg;
	struct keyserver_event e;

	for (int i = 0; i < EVENTS_A_TURN; i++) {
		struct keyserver_now at = now();

		if (!keyserver_next(l->ks, &at, &e))
			return;
		tell(l, &e);
	}
	soon(l);
}

static void on_age(void *arg)
{
	struct local *l = arg;
	struct keyserver_now at = now();

	keyserver_age(l->ks, &at);
	soon(l);
	timer_start(l->age, AGE_EVERY_MS);
}

/* --- calls --- */

static int local_open(struct groupkey *g, const char *room, const struct groupkey_policy *policy)
{
	return keyserver_open(local_of(g)->ks, room, policy->suite);
}

static void local_close(struct groupkey *g, const char *room)
{
	if (keyserver_close(local_of(g)->ks, room) != 0)
		log_debug("%s is closed already", room);
}

static int local_change(struct groupkey *g, const char *room, const struct groupkey_member *joined,
			size_t n_joined, const struct groupkey_member *left, size_t n_left)
{
	struct local *l = local_of(g);
	struct keyserver_now at = now();
	int err = keyserver_change(l->ks, room, joined, n_joined, left, n_left, &at);

	soon(l);
	return err;
}

static void was_taken(struct local *l, const char *room, const struct groupkey_member *from,
		      int err)
{
	soon(l);
	if (err != 0) {
		count(l->dropped, keyserver_reason(err));
		log_debug("a key message of %s in %s is dropped: %s", from->uri, room,
			  keyserver_reason(err));
	}
}

/* What was dropped is as if it had not come. */
static int local_request(struct groupkey *g, const char *room, const struct groupkey_member *from,
			 struct slice bytes)
{
	struct local *l = local_of(g);
	struct keyserver_now at = now();

	was_taken(l, room, from, keyserver_request(l->ks, room, from, bytes, &at));
	return 0;
}

static int local_renew(struct groupkey *g, const char *room, const struct groupkey_member *from,
		       struct slice bytes)
{
	struct local *l = local_of(g);
	struct keyserver_now at = now();

	was_taken(l, room, from, keyserver_renew(l->ks, room, from, bytes, &at));
	return 0;
}

static void local_sent(struct groupkey *g, const char *room, uint64_t n_messages)
{
	struct local *l = local_of(g);
	struct keyserver_now at = now();

	keyserver_sent(l->ks, room, n_messages, &at);
	soon(l);
}

static int local_leg(struct groupkey *g, const char *room, const char *uri, struct slice offer,
		     struct gke_leg *leg_r)
{
	return keyserver_leg(local_of(g)->ks, room, uri, offer, leg_r);
}

static bool local_ready(const struct groupkey *g, const char *room)
{
	(void)g;
	(void)room;
	return true;
}

static void local_free(struct groupkey *g)
{
	struct local *l = local_of(g);

	timer_free(&l->turn);
	timer_free(&l->age);
	keyserver_free(&l->ks);
	free(l);
}

static const struct groupkey_ops local_ops = {
	.open = local_open,
	.close = local_close,
	.change = local_change,
	.request = local_request,
	.renew = local_renew,
	.sent = local_sent,
	.leg = local_leg,
	.ready = local_ready,
	.free = local_free,
};

struct groupkey *groupkey_local_new(struct event_base *base,
				    const struct keyserver_settings *settings,
				    struct member_keys *keys, struct metrics *metrics)
{
	struct local *l = xcalloc(1, sizeof(*l));
	struct keyserver_keys lookup = member_keys_lookup(keys);
	struct keyserver_settings with = *settings;
	struct keyserver_now at = now();

	if (with.random == NULL)
		with.random = secret_random_to;
	l->g.ops = &local_ops;
	l->ks = keyserver_new(&with, &lookup, &at);
	l->turn = timer_new(base, on_turn, l);
	l->age = timer_new(base, on_age, l);
	timer_start(l->age, AGE_EVERY_MS);
	l->made = metrics_add(
		metrics, METRICS_COUNTER, "mrfc_groupkey_events_total", "event",
		"What the key server did: epoch (a new key of a conference), message "
		"(a key for one member), confirmed (he has it), refused (no key for him), error (he "
		"is told why).");
	l->dropped = metrics_add(
		metrics, METRICS_COUNTER, "mrfc_groupkey_dropped_total", "reason",
		"Key messages of members that changed nothing: malformed, unknown (no such key or "
		"conference), stale (replayed, or a clock is off), denied (not authentic, or not meant), "
		"rate.");
	return &l->g;
}
