/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rooms whose key server is a member's terminal, and what each waits for: a terminal, its answer to our
 * HELLO, its answer to the PING behind the last body. Frames that wait are gathered meanwhile. A
 * terminal is believed in what concerns its own room, within a rate, and in nothing else.
 */
#include "mrfc/groupkey/member_server.h"

#include <stdlib.h>
#include <uthash.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "mrfc/groupkey/ks_relay.h"
#include "mrfc/timer.h"

#define LOG_PLACE "groupkey"

#define ANSWER_MS   10000
#define HELD_MAX    (4u << 20) /* octets that wait: then members' requests are dropped */
#define PING_SIZE   29         /* a frame without fields */
#define STRIKES_MAX 10         /* wrong frames of one terminal */
#define RATE_ROOM   500        /* frames a second, and at once ten times as many */
#define RATE_MEMBER 2
#define EPOCH_COST  10 /* frames */

enum state {
	AWAY,    /* there is no terminal */
	COMING,  /* one is on its way */
	GREETED, /* our HELLO is out */
	SERVES
};

struct served {
	struct by_member *owner;
	char *uri;
	enum gke_suite suite;
	enum state state;
	bool silent;        /* it did not answer in time: greeted again and again */
	bool waiting;       /* for PONG */
	bool hello_due;     /* to be sent */
	unsigned hellos;    /* sent and not answered */
	unsigned n_greeted; /* tells one beginning from the next */
	char *down;         /* that it is gone is to be told: why; NULL */
	struct bytes held;  /* frames that wait */
	uint64_t n_members; /* as far as we told */
	unsigned strikes;
	const char *bad; /* it is to be cut: why; NULL */
	double budget;   /* frames that it may send now */
	uint64_t budget_ms;
	struct timer *turn, *answer;
	UT_hash_handle hh;
};

struct by_member {
	struct groupkey g;
	struct event_base *base;
	struct member_carrier carrier;
	struct served *rooms;
	struct served *at_work; /* whose events are being told; NULL once it is freed */
	struct metrics_family *frames;
	int64_t *n_serving, *n_silent;
};

static struct by_member *of(struct groupkey *g)
{
	return CONTAINER_OF(g, struct by_member, g);
}

static struct served *find(const struct by_member *b, const char *room)
{
	struct served *r;

	HASH_FIND_STR(b->rooms, room, r);
	return r;
}

static void count(struct by_member *b, const char *what)
{
	++*metrics_cell(b->frames, &what, 1);
}

static void set_state(struct served *r, enum state state)
{
	*r->owner->n_serving += (state == SERVES) - (r->state == SERVES);
	r->state = state;
}

static void hold(struct served *r, const struct ks_frame *f)
{
	ks_frame_build(f, &r->held);
	timer_start(r->turn, 0);
}

/* --- out --- */

/* It has not answered: it is gone until it does. */
static void is_silent(struct served *r, const char *why)
{
	if (!r->silent) {
		log_warn("%s: %s", r->uri, why);
		++*r->owner->n_silent;
		free(r->down);
		r->down = xstrdup(why);
	}
	r->silent = true;
	r->waiting = false;
	r->hello_due = true;
	bytes_reset(&r->held);
	set_state(r, GREETED);
}

static void send_body(struct served *r, struct slice body)
{
	const struct member_carrier *c = &r->owner->carrier;

	timer_start(r->answer, ANSWER_MS);
	if (c->send == NULL || c->send(r->uri, body, c->arg) != 0)
		log_debug("%s: its key server takes nothing now", r->uri); /* no answer comes */
}

static void send_hello(struct served *r)
{
	struct bytes body = BYTES_INIT;

	r->hello_due = false;
	r->hellos++;
	ks_frame_build(&(struct ks_frame){.verb = KS_HELLO, .number = KS_VERSION}, &body);
	send_body(r, bytes_slice(&body));
	bytes_fini(&body);
}

/* As many of the frames that wait as one body takes. */
static void send_held(struct served *r)
{
	struct slice rest = bytes_slice(&r->held), first = rest;
	struct bytes body = BYTES_INIT, left = BYTES_INIT;
	struct ks_frame f;
	size_t used, n = 0;

	while (ks_frame_next(rest, &f, &used) > 0 && n + used + PING_SIZE <= KS_BODY_MAX) {
		n += used;
		rest = slice_from(rest, used);
	}
	bytes_add_slice(&body, slice_first(first, n));
	bytes_add_slice(&left, rest);
	bytes_fini(&r->held);
	r->held = left;
	ks_frame_build(&(struct ks_frame){.verb = KS_PING}, &body);
	r->waiting = true;
	send_body(r, bytes_slice(&body));
	bytes_fini(&body);
}

static void on_turn(void *arg)
{
	struct served *r = arg;
	struct by_member *b = r->owner;
	char *down = r->down;

	r->down = NULL;
	b->at_work = r;
	if (down != NULL && b->g.events != NULL)
		b->g.events->down(r->uri, down, b->g.arg);
	free(down);
	if (b->at_work == NULL)
		return;
	b->at_work = NULL;
	if (r->state == GREETED && r->hello_due)
		send_hello(r);
	else if (r->state == SERVES && !r->waiting && r->held.len > 0)
		send_held(r);
}

static void on_answer_late(void *arg)
{
	struct served *r = arg;

	if (r->state < GREETED)
		return;
	is_silent(r, "the owner's terminal does not answer as key server");
	timer_start(r->turn, 0);
}

/* --- in --- */

static void strike(struct served *r, const char *why)
{
	count(r->owner, "wrong");
	log_peer("audit: a frame of the owner's terminal in %s is refused: %s", r->uri, why);
	if (++r->strikes >= STRIKES_MAX)
		r->bad = "its key server sends what it should not";
}

static bool affords(struct served *r, double cost)
{
	double rate = RATE_ROOM + RATE_MEMBER * (double)r->n_members, most = 10 * rate;
	uint64_t now_ms = clock_now_ms();

	r->budget += (double)(now_ms - r->budget_ms) * rate / 1000;
	r->budget_ms = now_ms;
	if (r->budget > most)
		r->budget = most;
	if (r->budget < cost)
		return false;
	r->budget -= cost;
	return true;
}

static void take_hello(struct served *r, const struct ks_frame *f)
{
	struct by_member *b = r->owner;

	if (r->hellos == 0) {
		strike(r, "a hello that nobody asked for");
		return;
	}
	r->hellos--;
	if (r->state != GREETED || r->hello_due)
		return; /* an answer to one before */
	if (f->number != KS_VERSION) {
		strike(r, "another version");
		return;
	}
	set_state(r, SERVES);
	r->silent = r->waiting = false;
	timer_stop(r->answer);
	bytes_reset(&r->held);
	log_info("%s: the owner's terminal makes its keys", r->uri);
	if (b->g.events != NULL)
		b->g.events->back(r->uri, b->g.arg);
}

static void take_frame(struct served *r, const struct ks_frame *f)
{
	struct by_member *b = r->owner;

	if (f->verb == KS_HELLO) {
		take_hello(r, f);
	} else if (r->state != SERVES) {
		count(b, "early"); /* of what it knew before */
	} else if (f->verb == KS_PONG) {
		if (!r->waiting)
			return;
		r->waiting = false;
		timer_stop(r->answer);
		timer_start(r->turn, 0);
	} else if (f->verb == KS_PING) {
		hold(r, &(struct ks_frame){.verb = KS_PONG}); /* behind what came of those before */
	} else if (!slice_eq_str(f->room, r->uri)) {
		strike(r, "it is about another conference");
	} else if (ks_relay_tell(&b->g, f) == 0) {
		count(b, "told");
	} else if (b->at_work != NULL) {
		strike(r, "it makes no sense");
	}
}

int member_server_take(struct groupkey *g, const char *room, struct slice body)
{
	struct by_member *b = of(g);
	struct served *r = find(b, room);
	unsigned before, greeted;
	struct ks_frame f;
	size_t used;
	int rc = 0;

	if (r == NULL || r->state < GREETED)
		return -ERR_SYNTAX;
	before = r->strikes;
	greeted = r->n_greeted;
	b->at_work = r;
	while (body.len > 0 && (rc = ks_frame_next(body, &f, &used)) > 0) {
		if (!affords(r, f.verb == KS_EPOCH ? EPOCH_COST : 1)) {
			r->bad = "its key server sends too much";
			break;
		}
		take_frame(r, &f);
		if (b->at_work == NULL)
			return 0; /* the room ended by it */
		if (r->bad != NULL || r->n_greeted != greeted)
			break;
		body = slice_from(body, used);
	}
	b->at_work = NULL;
	if (rc <= 0 && body.len > 0)
		strike(r, "it is no frame, or a part of one");
	if (r->bad == NULL)
		return r->strikes == before ? 0 : -ERR_SYNTAX;
	if (b->carrier.cut != NULL)
		b->carrier.cut(room, r->bad, b->carrier.arg);
	return -ERR_SYNTAX;
}

/* --- terminals --- */

static void begin(struct served *r, enum state state)
{
	set_state(r, state);
	r->n_greeted++;
	r->silent = r->waiting = r->hello_due = false;
	r->hellos = 0;
	r->bad = NULL;
	bytes_reset(&r->held);
	timer_stop(r->answer);
}

void member_server_expect(struct groupkey *g, const char *room)
{
	struct served *r = find(of(g), room);

	if (r == NULL)
		return;
	if (r->state == AWAY)
		begin(r, COMING);
	r->strikes = 0;
	r->budget_ms = 0; /* as much as there may be */
}

void member_server_up(struct groupkey *g, const char *room)
{
	struct served *r = find(of(g), room);
	unsigned hellos;

	if (r == NULL)
		return;
	hellos = r->state == GREETED || r->state == SERVES ? r->hellos : 0;
	begin(r, GREETED);
	r->hellos = hellos;
	r->hello_due = true;
	timer_start(r->turn, 0);
}

void member_server_probe(struct groupkey *g, const char *room)
{
	struct served *r = find(of(g), room);

	if (r != NULL && r->state == SERVES && !r->waiting)
		send_held(r);
}

void member_server_gone(struct groupkey *g, const char *room, const char *why)
{
	struct served *r = find(of(g), room);

	if (r == NULL || r->state == AWAY)
		return;
	begin(r, AWAY);
	free(r->down);
	r->down = xstrdup(why);
	timer_start(r->turn, 0);
}

/* --- calls --- */

static int member_open(struct groupkey *g, const char *room, const struct groupkey_policy *policy)
{
	struct by_member *b = of(g);
	struct served *r = find(b, room);

	if (r == NULL) {
		r = xcalloc(1, sizeof(*r));
		r->owner = b;
		r->uri = xstrdup(room);
		r->turn = timer_new(b->base, on_turn, r);
		r->answer = timer_new(b->base, on_answer_late, r);
		HASH_ADD_KEYPTR(hh, b->rooms, r->uri, strlen(r->uri), r);
	}
	r->suite = policy->suite;
	r->n_members = 0;
	if (r->state == SERVES)
		hold(r, &(struct ks_frame){
				.verb = KS_OPEN, .room = slice_str(room), .number = policy->suite});
	return 0;
}

static void served_free(struct served *r)
{
	struct by_member *b = r->owner;

	set_state(r, AWAY);
	if (b->at_work == r)
		b->at_work = NULL;
	HASH_DEL(b->rooms, r);
	timer_free(&r->turn);
	timer_free(&r->answer);
	bytes_fini(&r->held);
	free(r->down);
	free(r->uri);
	free(r);
}

static void member_close(struct groupkey *g, const char *room)
{
	struct served *r = find(of(g), room);

	if (r == NULL)
		return;
	if (r->state == SERVES) { /* if its session lives on so long */
		bytes_reset(&r->held);
		hold(r, &(struct ks_frame){.verb = KS_CLOSE, .room = slice_str(room)});
		send_held(r);
	}
	served_free(r);
}

static void add_change(struct served *r, struct bytes *list)
{
	hold(r, &(struct ks_frame){
			.verb = KS_CHANGE, .room = slice_str(r->uri), .bytes = bytes_slice(list)});
	bytes_reset(list);
}

/* A list that is too long for one body becomes several. */
static void add_items(struct served *r, struct bytes *list, bool joined,
		      const struct groupkey_member *who, size_t n)
{
	size_t most = KS_BODY_MAX - 2 * PING_SIZE - strlen(r->uri);
	struct bytes one = BYTES_INIT;

	for (size_t i = 0; i < n; i++) {
		bytes_reset(&one);
		ks_relay_add(&one, joined, &who[i]);
		if (list->len > 0 && list->len + one.len > most)
			add_change(r, list);
		bytes_add_slice(list, bytes_slice(&one));
	}
	bytes_fini(&one);
}

static int member_change(struct groupkey *g, const char *room, const struct groupkey_member *joined,
			 size_t n_joined, const struct groupkey_member *left, size_t n_left)
{
	struct served *r = find(of(g), room);
	struct bytes list = BYTES_INIT;

	if (r == NULL || r->state == AWAY || r->silent)
		return -ERR_CLOSED;
	if (r->state != SERVES)
		return -ERR_AGAIN;
	add_items(r, &list, false, left, n_left);
	add_items(r, &list, true, joined, n_joined);
	add_change(r, &list);
	bytes_fini(&list);
	r->n_members += n_joined;
	r->n_members -= n_left < r->n_members ? n_left : r->n_members;
	return 0;
}

static int ask(struct groupkey *g, const char *room, const struct groupkey_member *from,
	       struct slice bytes, bool renews)
{
	struct served *r = find(of(g), room);
	struct ks_frame f = ks_relay_request(room, from, bytes);

	f.number = renews;
	if (r == NULL || r->state != SERVES)
		return -ERR_CLOSED;
	if (r->held.len + bytes.len > HELD_MAX) {
		count(r->owner, "dropped");
		return -ERR_LIMIT;
	}
	hold(r, &f);
	return 0;
}

static int member_request(struct groupkey *g, const char *room, const struct groupkey_member *from,
			  struct slice bytes)
{
	return ask(g, room, from, bytes, false);
}

static int member_renew(struct groupkey *g, const char *room, const struct groupkey_member *from,
			struct slice bytes)
{
	return ask(g, room, from, bytes, true);
}

static void member_sent(struct groupkey *g, const char *room, uint64_t n_messages)
{
	struct served *r = find(of(g), room);

	if (r != NULL && r->state == SERVES && r->held.len <= HELD_MAX)
		hold(r, &(struct ks_frame){
				.verb = KS_SENT, .room = slice_str(room), .number = n_messages});
}

static bool member_ready(const struct groupkey *g, const char *room)
{
	const struct by_member *b = of((struct groupkey *)(uintptr_t)g);
	const struct served *r = room != NULL ? find(b, room) : NULL;

	return room == NULL || (r != NULL && r->state != AWAY && !r->silent);
}

static void member_free(struct groupkey *g)
{
	struct by_member *b = of(g);

	while (b->rooms != NULL)
		served_free(b->rooms);
	free(b);
}

static const struct groupkey_ops member_ops = {
	.open = member_open,
	.close = member_close,
	.change = member_change,
	.request = member_request,
	.renew = member_renew,
	.sent = member_sent,
	.ready = member_ready,
	.free = member_free,
};

struct groupkey *member_server_new(struct event_base *base, struct metrics *metrics)
{
	struct by_member *b = xcalloc(1, sizeof(*b));

	b->g.ops = &member_ops;
	b->base = base;
	b->frames = metrics_add(
		metrics, METRICS_COUNTER, "mrfc_groupkey_owner_frames_total", "what",
		"Frames of owners' terminals that make keys: told (acted on), early (of what was "
		"before our hello), wrong (refused); dropped: members' requests that found too "
		"many before them.");
	b->n_serving = metrics_cell(metrics_add(metrics, METRICS_GAUGE, "mrfc_groupkey_owners", "",
						"Conferences whose owner's terminal makes keys."),
				    NULL, 0);
	b->n_silent = metrics_cell(
		metrics_add(metrics, METRICS_COUNTER, "mrfc_groupkey_owner_silent_total", "",
			    "Times that an owner's terminal did not answer as key server."),
		NULL, 0);
	return &b->g;
}

bool member_server_is(const struct groupkey *g)
{
	return g != NULL && g->ops == &member_ops;
}

void member_server_carry(struct groupkey *g, const struct member_carrier *carrier)
{
	of(g)->carrier = *carrier;
}
