/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subscriptions to the conference event, RFC 4575: SUBSCRIBE judged, stored and answered, then
 * the event package decides what each subscriber is told and when; here its NOTIFYs meet SIP.
 */
#include "mrfc/focus/focus_events.h"

#include <stdlib.h>
#include <strings.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfc/conference/event_rate.h"
#include "mrfc/focus/focus_access.h"
#include "mrfc/focus/focus_auth.h"
#include "mrfc/focus/focus_leave.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_privacy.h"
#include "mrfc/focus/focus_record.h"

#define LOG_PLACE "focus/events"

#define MIN_EXPIRES_S   60
#define CROWDED_RETRY_S 60

static void on_refresh(struct sip_event *e, struct sip_in *in_take, void *arg);
static void on_notified(struct sip_event *e, int status, uint32_t retry_after_s, void *arg);
static void on_changed(struct sip_event *e, void *arg);

static const struct sip_event_ops watcher_ops = {
	.refresh = on_refresh, .notified = on_notified, .changed = on_changed};

void watcher_free(struct watcher *w)
{
	LIST_REMOVE(w, link);
	conf_store_cancel(w->room->focus->store, w);
	sip_in_free(&w->in);
	sip_event_free(&w->event);
	free(w->event_id);
	free(w->user);
	free(w);
}

/* The package's orders. */
static void on_send(void *dialog, const char *state_header, struct slice body, void *arg)
{
	struct watcher *w = dialog;

	(void)arg;
	if (sip_event_notify(w->event, state_header, "application/conference-info+xml", body) !=
	    0) {
		log_info("%s: NOTIFY to %s could not be sent", w->room->c->name, w->user);
		event_pkg_notified(w->room->c->events, w->sub, 503, 0, clock_now_ms());
	}
}

static void on_package_ended(void *dialog, void *arg)
{
	struct watcher *w = dialog;
	struct room *room = arg;

	conf_store_del_subscription(room->focus->store, room->c->name, sip_event_key(w->event));
	conf_store_flush(room->focus->store);
	watcher_free(w);
}

const struct event_pkg_ops *events_ops(void)
{
	static const struct event_pkg_ops ops = {.send = on_send, .ended = on_package_ended};

	return &ops;
}

void events_run(struct room *room)
{
	struct conference *c = room->c;
	uint64_t next_ms;

	if (room->ending_run)
		return;
	if (c->state == CONFERENCE_ENDING && event_pkg_count(c->events) == 0 &&
	    LIST_EMPTY(&room->sessions) && !timer_running(room->events_timer) && room->reaping) {
		room_free(room);
		return;
	}
	next_ms = event_pkg_run(c->events, clock_now_ms());
	if (c->state == CONFERENCE_ENDING && event_pkg_count(c->events) == 0) {
		room->reaping = true; /* freed from the loop: callers still hold the room */
		next_ms = 0;
	}
	if (next_ms == UINT64_MAX)
		timer_stop(room->events_timer);
	else
		timer_start(room->events_timer, next_ms);
}

static void on_notified(struct sip_event *e, int status, uint32_t retry_after_s, void *arg)
{
	struct watcher *w = arg;
	struct room *room = w->room;

	(void)e;
	stats_notified(room->focus->stats, "conference", status);
	if (w->sub != NULL) /* may end it: w is gone then */
		event_pkg_notified(room->c->events, w->sub, status, retry_after_s, clock_now_ms());
	events_run(room);
}

static void on_changed(struct sip_event *e, void *arg)
{
	struct watcher *w = arg;

	(void)e;
	if (w->sub == NULL)
		return; /* about to be recorded, or over */
	watcher_store(w);
	conf_store_flush(w->room->focus->store);
}

int watcher_restore(struct room *room, const struct subscription_record *r)
{
	uint64_t now_ms = clock_wall_ms();
	uint64_t left_s = r->expires_wall_ms > now_ms ? (r->expires_wall_ms - now_ms) / 1000 : 0;
	struct watcher *w = xcalloc(1, sizeof(*w));

	w->room = room;
	w->event = sip_event_restore(room->focus->sip, &r->leg, "conference", r->event_id,
				     room->c->name, &watcher_ops, w);
	if (w->event == NULL) {
		free(w);
		return -ERR_SYNTAX;
	}
	w->user = xstrdup(r->user);
	w->event_id = r->event_id != NULL ? xstrdup(r->event_id) : NULL;
	w->expires_s = left_s < UINT32_MAX ? (uint32_t)left_s : UINT32_MAX;
	w->expires_wall_ms = r->expires_wall_ms;
	LIST_INSERT_HEAD(&room->watchers, w, link);
	w->sub = event_pkg_subscribe(room->c->events, w, slice_str(w->user), w->expires_s,
				     clock_now_ms());
	event_pkg_resume(w->sub, r->version);
	watcher_store(w);
	return 0;
}

static void on_stored(int err, void *arg)
{
	struct watcher *w = arg;
	struct room *room = w->room;

	if (err != 0 || room->c->state != CONFERENCE_ACTIVE) {
		focus_refuse(&w->in, err != 0 ? 503 : 404, err != 0 ? 5 : 0, NULL);
		watcher_free(w);
		return;
	}
	sip_event_answer(w->event, &w->in, 200, w->expires_s, NULL);
	w->sub = event_pkg_subscribe(room->c->events, w, slice_str(w->user), w->expires_s,
				     clock_now_ms());
	events_run(room);
}

/* Granted life; -ERR_LIMIT: 423 went out. Zero ends or fetches. */
static int grant(struct focus *f, struct sip_in **in, uint32_t *expires_r)
{
	struct bytes h = BYTES_INIT;
	int64_t asked = (*in)->expires;

	if (asked < 0 || asked > (int64_t)f->config.event_expires_s)
		asked = f->config.event_expires_s;
	if (asked == 0 || asked >= MIN_EXPIRES_S) {
		*expires_r = (uint32_t)asked;
		return 0;
	}
	bytes_addf(&h, "Min-Expires: %d\r\n", MIN_EXPIRES_S);
	sip_in_end(in, &(struct sip_answer){.status = 423, .headers = bytes_cstr(&h)});
	bytes_fini(&h);
	return -ERR_LIMIT;
}

/* Who asks too often, or for too many. Answers and returns true. */
static bool is_flood(struct focus *f, struct sip_in **in, const struct room *room, const char *user)
{
	uint32_t wait_s = event_rate_take(f->subscribe_rate, slice_str(user), clock_now_ms());
	uint32_t most = f->config.event_max_per_user;

	if (wait_s == 0 && (room == NULL || most == 0 ||
			    event_pkg_count_user(room->c->events, slice_str(user)) < most))
		return false;
	log_peer("SUBSCRIBE of %s refused: %s", user, wait_s ? "too often" : "too many");
	focus_refuse(in, 503, wait_s ? wait_s : CROWDED_RETRY_S,
		     wait_s ? "Too many SUBSCRIBEs" : "Too many subscriptions of one user");
	return true;
}

static void record(struct watcher *w)
{
	w->expires_wall_ms = clock_wall_ms() + w->expires_s * 1000ull;
	watcher_store(w);
}

static void on_refresh(struct sip_event *e, struct sip_in *in, void *arg)
{
	struct watcher *w = arg;
	struct room *room = w->room;
	struct access_facts facts;
	uint32_t expires_s;

	if (w->sub == NULL || !event_pkg_active(w->sub)) {
		sip_in_end_status(&in, 481);
		return;
	}
	if (!in->accepts_confinfo) {
		sip_in_end_status(&in, 406);
		return;
	}
	/* Who may watch no more may stop, and is told nothing new past what was granted. */
	focus_facts(room, w->user, &facts);
	facts.trusted = in->trusted;
	if (in->expires != 0 && access_judge(ACCESS_SUBSCRIBE, &facts) != ACCESS_GRANTED) {
		focus_deny(room->focus, &in, access_judge(ACCESS_SUBSCRIBE, &facts));
		return;
	}
	if (in->expires != 0 && is_flood(room->focus, &in, NULL, w->user))
		return;
	if (grant(room->focus, &in, &expires_s) != 0)
		return;
	w->expires_s = expires_s;
	record(w);
	conf_store_flush(room->focus->store);
	sip_event_answer(e, &in, 200, expires_s, NULL);
	event_pkg_refresh(room->c->events, w->sub, expires_s, clock_now_ms());
	events_run(room);
}

/* Checks of the package itself (CONF-001, 003). Answers and returns false on refusal. */
static bool acceptable(struct focus *f, struct sip_in **in, uint32_t *expires_r)
{
	if ((*in)->event != NULL && strcasecmp((*in)->event, "refer") == 0) {
		sip_in_end_status(in, 403); /* REF-010: none exists in this dialog */
		return false;
	}
	if ((*in)->event == NULL || strcasecmp((*in)->event, "conference") != 0) {
		sip_in_end(in, &(struct sip_answer){.status = 489,
						    .headers = "Allow-Events: conference\r\n"});
		return false;
	}
	if (!(*in)->accepts_confinfo) {
		sip_in_end(in, &(struct sip_answer){
				       .status = 406,
				       .headers = "Accept: application/conference-info+xml\r\n"});
		return false;
	}
	return grant(f, in, expires_r) == 0;
}

static void start(struct room *room, struct sip_in *in, struct sip_leg *leg,
		  const struct identity *who, uint32_t expires_s)
{
	struct watcher *w = xcalloc(1, sizeof(*w));
	struct focus *f = room->focus;

	w->room = room;
	w->user = xstrdup(who->uri);
	w->expires_s = expires_s;
	w->in = in;
	w->event =
		sip_event_new(in, leg, "conference", in->event_id, room->c->name, &watcher_ops, w);
	w->event_id = in->event_id != NULL ? xstrdup(in->event_id) : NULL;
	LIST_INSERT_HEAD(&room->watchers, w, link);
	record(w);
	conf_store_wait(f->store, on_stored, w);
}

void focus_on_subscribe(struct sip_in *in, struct sip_leg *leg, void *arg)
{
	struct focus *f = arg;
	struct access_facts facts;
	struct identity who;
	struct room *room;
	uint32_t expires_s;
	enum access_denial denial = ACCESS_ENDED;

	if (focus_identify(f, &in, &who) != 0)
		return;
	room = room_by_uri(f, in->uri, NULL, NULL);
	if (!is_flood(f, &in, room, who.uri) && acceptable(f, &in, &expires_s)) {
		if (room != NULL) {
			room_unify(room, &who);
			focus_facts_who(room, &who, &facts);
			facts.trusted = in->trusted;
			denial = access_judge(ACCESS_SUBSCRIBE, &facts);
		}
		if (denial != ACCESS_GRANTED)
			focus_deny(f, &in, denial);
		else
			start(room, in, leg, &who, expires_s);
	}
	identity_fini(&who);
}
