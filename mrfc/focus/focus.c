/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The focus: owns conferences' SIP side (rooms, sessions), hands SIP requests and media events to
 * the piece of their verb, and has what all pieces share. RFC 4353, RFC 4579, TS 24.147. No SIP
 * stack, no control protocol, no loop in here.
 */
#include "mrfc/focus/focus.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfc/conference/event_rate.h"
#include "mrfc/conference/psi.h"
#include "mrfc/conference/trust.h"
#include "mrfc/focus/focus_auth.h"
#include "mrfc/focus/focus_control.h"
#include "mrfc/focus/focus_dialout.h"
#include "mrfc/focus/focus_events.h"
#include "mrfc/focus/focus_file.h"
#include "mrfc/focus/focus_join.h"
#include "mrfc/focus/focus_key_owner.h"
#include "mrfc/focus/focus_leave.h"
#include "mrfc/focus/focus_list.h"
#include "mrfc/focus/focus_media.h"
#include "mrfc/focus/focus_member.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_record.h"
#include "mrfc/focus/focus_recover.h"
#include "mrfc/focus/focus_refer.h"
#include "mrfc/focus/focus_reinvite.h"
#include "mrfc/focus/focus_reserve.h"
#include "mrfc/focus/focus_turn.h"
#include "mrfc/focus/focus_user.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "focus"

#define TICK_MS       1000
#define SWEEP_TICKS   600     /* of what is too old in the queues of absent members */
#define SHOW_ENDED_MS 60000   /* the admin API shows ended endpoints that long */
#define EMPTY_ROOM_MS 3600000 /* an operator's conference may be empty that long */

char *focus_refusal_headers(uint32_t retry_after_s, int warning, const char *why)
{
	struct bytes h = BYTES_INIT;

	if (retry_after_s != 0)
		bytes_addf(&h, "Retry-After: %u\r\n", retry_after_s);
	if (why != NULL) {
		bytes_addf(&h, "Warning: %d mrfc \"", warning);
		for (const char *p = why; *p != '\0'; p++) /* stays one quoted string */
			bytes_add_char(&h, *p == '"' || *p == '\\' || (unsigned char)*p < ' ' ? ' '
											      : *p);
		bytes_add_str(&h, "\"\r\n");
	}
	return bytes_take(&h);
}

void focus_refuse(struct sip_in **in, int status, uint32_t retry_after_s, const char *why)
{
	char *headers = focus_refusal_headers(retry_after_s, 399, why);

	sip_in_end(in, &(struct sip_answer){.status = status, .headers = headers});
	free(headers);
}

bool focus_uri_is_ours(struct focus *f, const char *uri)
{
	bool factory;

	return room_by_uri(f, uri, &factory, NULL) != NULL || factory;
}

bool focus_uri_is_list(const struct focus *f, const char *uri)
{
	struct sip_uri u;

	return f->config.list[0] != '\0' && room_uri_is_mine(f, uri) &&
	       sip_uri_parse(slice_str(uri), &u) == 0 && slice_eq_str(u.user, f->config.list);
}

/* What we can do with m=message, files included (RFC 3264 9; RFC 5547 8.5). */
static void describe(const struct focus *f, struct bytes *out)
{
	struct sdp_file files = {.has_selector = true};
	struct sdp_media line = {.type = (char *)"message",
				 .is_message = true,
				 .proto = (char *)"TCP/MSRP",
				 .formats = (char *)"*",
				 .file = &files};
	struct sdp_session s = {.origin_user = (char *)"mrf",
				.origin_id = 1,
				.origin_version = 1,
				.media = &line,
				.n_media = 1};
	char host[ADDR_STRLEN];

	s.origin_host = (char *)(uintptr_t)addr_host(sip_agent_addr(f->sip), host);
	s.origin_v6 = addr_is_v6(sip_agent_addr(f->sip));
	sdp_build(out, &s);
}

/* OPTIONS: what this server or conference can do, without joining (FOC-013). */
static void on_options(struct sip_in *in, void *arg)
{
	struct focus *f = arg;
	struct bytes contact = BYTES_INIT, h = BYTES_INIT, sdp = BYTES_INIT;
	struct slice name;
	bool factory;
	struct room *room = room_by_uri(f, in->uri, &factory, &name);

	/* Anybody may ask, but only who is trusted learns which conferences there are. */
	if (!in->trusted)
		room = NULL;
	if (room == NULL && !factory &&
	    ((in->trusted && name.len > 0) || !room_uri_is_mine(f, in->uri))) {
		sip_in_end_status(&in, 404);
		return;
	}
	sip_agent_focus_contact(f->sip, room != NULL ? room->c->name : f->config.factory, &contact);
	sip_header_add(&h, "Allow", sip_in_allow());
	sip_header_add(
		&h, "Accept",
		"application/sdp, multipart/mixed, multipart/related, message/sipfrag, application/resource-lists+xml");
	sip_header_add(&h, "Accept-Encoding", "identity");
	sip_header_add(&h, "Accept-Language", "en");
	sip_header_add(&h, "Supported", sip_in_supported());
	sip_header_add(&h, "Allow-Events", "conference");
	describe(f, &sdp);
	sip_in_end(&in, &(struct sip_answer){.status = 200,
					     .contact = bytes_cstr(&contact),
					     .headers = bytes_cstr(&h),
					     .content_type = "application/sdp",
					     .body = bytes_slice(&sdp)});
	bytes_fini(&sdp);
	bytes_fini(&contact);
	bytes_fini(&h);
}

static void on_answered(const char *method, int status, void *arg)
{
	struct focus *f = arg;

	stats_answered(f->stats, method, status);
}

static void on_shed(const char *reason, bool overloaded, void *arg)
{
	struct focus *f = arg;

	stats_shed(f->stats, reason, overloaded);
}

static void on_hop(const char *name, const char *what, bool up, void *arg)
{
	struct focus *f = arg;

	stats_hop(f->stats, name, what, up);
}

static bool trusts(const struct addr *peer, const char *name, void *arg)
{
	struct focus *f = arg;

	return trust_has(f->trusted, peer, &name, name != NULL);
}

static const struct sip_handlers sip_handlers = {.admit = focus_admit,
						 .invite = focus_on_invite,
						 .subscribe = focus_on_subscribe,
						 .refer = focus_on_refer,
						 .options = on_options,
						 .trusts = trusts,
						 .hop = on_hop,
						 .shed = on_shed,
						 .answered = on_answered};

static void on_change(struct dialog *d, struct slice offer, void *arg)
{
	struct session *s = arg;

	(void)d;
	if (s->step == SESSION_RESERVING)
		reserve_on_offer(s, offer);
	else
		reinvite_on_change(s, offer);
}

static void on_change_cancelled(struct dialog *d, void *arg)
{
	(void)d;
	reinvite_on_cancelled(arg);
}

static void on_early_answer(struct dialog *d, struct slice sdp, void *arg)
{
	(void)d;
	reserve_on_early_answer(arg, sdp);
}

static void on_answer(struct dialog *d, struct slice sdp, void *arg)
{
	struct session *s = arg;

	(void)d;
	if (s->step == SESSION_MOVING || s->step == SESSION_UP)
		reinvite_on_answer(s, sdp);
	else
		join_on_answer(s, sdp);
}

static void on_ringing(struct dialog *d, int status, void *arg)
{
	(void)d;
	(void)status;
	dialout_on_ringing(arg);
}

static void on_accepted(struct dialog *d, const struct sip_out_result *result, void *arg)
{
	(void)d;
	dialout_on_accepted(arg, result);
}

static void on_refused(struct dialog *d, const struct sip_out_result *result, void *arg)
{
	(void)d;
	list_on_refused(arg, result);
}

static void on_confirmed(struct dialog *d, void *arg)
{
	struct session *s = arg;

	(void)d;
	if (s->step != SESSION_WAITING)
		return;
	if (s->has_peer)
		session_connected(s);
	else /* the ACK that had the answer was for an earlier process */
		focus_unwind(s, UNWIND_BAD_ANSWER, 0, NULL, "no answer");
}

static bool on_refresh(struct dialog *d, void *arg)
{
	(void)d;
	return reinvite_refresh(arg);
}

static void on_change_failed(struct dialog *d, int status, void *arg)
{
	(void)d;
	reinvite_on_failed(arg, status);
}

static void on_ended(struct dialog *d, enum dialog_end how, int status, const char *phrase,
		     void *arg)
{
	(void)d;
	leave_on_ended(arg, how, status, phrase);
}

static void on_dialog_changed(struct dialog *d, void *arg)
{
	struct session *s = arg;

	(void)d;
	if (s->recorded_as == 0)
		return;
	session_store_dialog(s);
	conf_store_flush(s->room->focus->store);
}

static const struct dialog_ops dialog_handlers = {.change = on_change,
						  .changed = on_dialog_changed,
						  .change_cancelled = on_change_cancelled,
						  .early_answer = on_early_answer,
						  .answer = on_answer,
						  .ringing = on_ringing,
						  .accepted = on_accepted,
						  .refused = on_refused,
						  .confirmed = on_confirmed,
						  .refresh = on_refresh,
						  .change_failed = on_change_failed,
						  .ended = on_ended};

/* Nobody had a session for too long (IMS-005). */
static bool is_idle(const struct room *room, uint64_t now_ms)
{
	const struct conference *c = room->c;
	uint64_t limit_ms = c->max_idle_ms;

	if (limit_ms == 0 && (c->kept || c->end_policy == CONFERENCE_END_MAX_IDLE))
		limit_ms = room->focus->config.max_idle_ms;
	else if (limit_ms == 0)
		limit_ms = EMPTY_ROOM_MS;
	return c->state == CONFERENCE_ACTIVE && c->empty_since_ms != 0 && limit_ms != 0 &&
	       now_ms - c->empty_since_ms > limit_ms && LIST_EMPTY(&room->sessions);
}

static void on_drain_timer(void *arg)
{
	drain_run(arg);
}

/* Once a second: forget ended endpoints, end conferences that nobody uses. */
static void on_tick(void *arg)
{
	struct focus *f = arg;
	uint64_t now_ms = clock_now_ms();
	struct conference *c, *next;
	bool sweep = ++f->n_ticks % SWEEP_TICKS == 0;

	timer_start(f->tick, TICK_MS);
	if (media_draining(f->media))
		drain_run(f);
	for (c = conference_first(f->conferences); c != NULL; c = next) {
		next = conference_next(c);
		roster_sweep(c->roster, now_ms, SHOW_ENDED_MS);
		if (sweep && f->member_hooks != NULL)
			owed_sweep(room_of(c), clock_wall_ms());
		if (is_idle(room_of(c), now_ms)) {
			log_info("%s: nobody was in for too long", c->name);
			room_end(room_of(c), UNWIND_ENDED);
		}
		room_check_time(room_of(c), clock_wall_ms());
	}
}

static void split_aliases(struct focus *f, const char *list)
{
	struct slice rest = slice_str(list), one;

	while (slice_next(&rest, ',', &one)) {
		one = slice_trim(one);
		if (one.len == 0 || f->n_aliases == FOCUS_MAX_ALIASES)
			continue;
		f->aliases = xrealloc(f->aliases, (f->n_aliases + 1) * sizeof(*f->aliases));
		f->aliases[f->n_aliases++] = slice_dup(one);
	}
}

int focus_new(struct event_base *base, const struct focus_config *config, struct sip_agent *sip,
	      struct media *media, struct store *store, struct stats *stats, struct focus **focus_r)
{
	struct focus *f = xcalloc(1, sizeof(*f));
	const struct dialog_settings settings = {.session_expires_s = config->session_expires_s,
						 .min_se_s = config->min_se_s};

	f->base = base;
	f->config = *config;
	if (trust_new(config->trusted, config->trusted_names, &f->trusted) != 0 ||
	    psi_set_parse(config->psi, config->domain, &f->psi, &(struct slice){0}) != 0) {
		trust_free(&f->trusted);
		free(f);
		return -ERR_SYNTAX;
	}
	f->sdp = (struct focus_sdp_policy){.wrapped_types = config->wrapped_types,
					   .nicknames = config->nicknames,
					   .private_messages = config->private_messages,
					   .strict = config->strict,
					   .session_match = config->session_match,
					   .prefer_active = config->prefer_active,
					   .preconditions = config->preconditions,
					   .by_name = config->by_name,
					   .reject_cema_mismatch = config->reject_cema_mismatch,
					   .cema = config->cema};
	split_aliases(f, config->aliases);
	f->sip = sip;
	f->media = media;
	f->stats = stats;
	f->store = conf_store_new(store);
	f->users = focus_users_new(config, f->store);
	f->conferences = conference_table_new(config->domain);
	f->dialogs = dialog_set_new(base, sip, &settings, &dialog_handlers);
	f->subscribe_rate = event_rate_new(config->event_subscribe_rate);
	f->member_hooks = config->offline ? owed_hooks() : NULL;
	key_init(f);
	LIST_INIT(&f->owed_waits);
	LIST_INIT(&f->refers);
	turns_init(f);
	f->file_dialogs = dialog_set_new(base, sip, &settings, file_dialog_ops());
	LIST_INIT(&f->shares);
	LIST_INIT(&f->draining);
	f->drain_timer = timer_new(base, on_drain_timer, f);
	f->tick = timer_new(base, on_tick, f);
	timer_start(f->tick, TICK_MS);
	sip_agent_set_handlers(sip, &sip_handlers, f);
	media_set_events(media, focus_media_events(), f);
	*focus_r = f;
	return 0;
}

static void on_flushed(int err, void *arg)
{
	struct focus *f = arg;

	(void)err; /* what is not stored is lost, like in any other end */
	f->flushed = true;
}

/* What the next process cannot go on with ends now; nobody hears of the rest. */
static void stop_silently(struct focus *f)
{
	struct conference *c, *next;
	struct session *s;

	for (c = conference_first(f->conferences); c != NULL; c = next) {
		next = conference_next(c);
		while (c->state == CONFERENCE_ACTIVE) {
			LIST_FOREACH(s, &room_of(c)->sessions, link) {
				if (s->recorded_as == 0 || s->step == SESSION_CALLING ||
				    (s->step == SESSION_STORING && s->dialled_out))
					break;
			}
			if (s == NULL)
				break;
			focus_unwind(s, UNWIND_SHUTDOWN, 0, NULL, NULL);
		}
	}
	conf_store_wait(f->store, on_flushed, f);
}

void focus_stop(struct focus *f)
{
	struct conference *c, *next;

	f->stopping = true;
	recover_free(f);
	if (f->config.keep_on_stop) {
		stop_silently(f);
		return;
	}
	for (c = conference_first(f->conferences); c != NULL; c = next) {
		next = conference_next(c);
		if (c->state == CONFERENCE_ACTIVE)
			room_end(room_of(c), UNWIND_SHUTDOWN);
	}
}

bool focus_idle(const struct focus *f)
{
	if (f->config.keep_on_stop && f->stopping)
		return f->flushed;
	return conference_count(f->conferences) == 0 && dialog_set_count(f->dialogs) == 0 &&
	       dialog_set_count(f->file_dialogs) == 0 && LIST_EMPTY(&f->refers);
}

void focus_free(struct focus **fp)
{
	struct focus *f = *fp;
	struct conference *c;

	if (f == NULL)
		return;
	*fp = NULL;
	recover_free(f);
	while (!LIST_EMPTY(&f->refers)) {
		struct refer *r = LIST_FIRST(&f->refers);
		refer_forget(&r);
	}
	while ((c = conference_first(f->conferences)) != NULL)
		room_free(room_of(c));
	owed_fini(f);
	namings_free(f);
	timer_free(&f->tick);
	timer_free(&f->drain_timer);
	turns_fini(f);
	dialog_set_free(&f->dialogs);
	dialog_set_free(&f->file_dialogs);
	conf_store_free(&f->store);
	conference_table_free(&f->conferences);
	focus_users_free(&f->users);
	event_rate_free(&f->subscribe_rate);
	trust_free(&f->trusted);
	psi_set_free(&f->psi);
	for (size_t i = 0; i < f->n_aliases; i++)
		free(f->aliases[i]);
	free(f->aliases);
	free(f);
}

void focus_count(struct focus *f)
{
	size_t sessions = 0, subscriptions = 0, owed = 0;
	struct session *s;

	for (struct conference *c = conference_first(f->conferences); c != NULL;
	     c = conference_next(c)) {
		LIST_FOREACH(s, &room_of(c)->sessions, link)
			sessions++;
		subscriptions += event_pkg_count(c->events);
		owed += owed_count(room_of(c));
	}
	stats_set_owed(f->stats, owed);
	stats_set_now(f->stats, conference_count(f->conferences), sessions, subscriptions,
		      dialog_set_count(f->dialogs) + dialog_set_count(f->file_dialogs));
}

struct conference_table *focus_conferences(struct focus *f)
{
	return f->conferences;
}

int focus_create(struct focus *f, const struct focus_wanted *wanted,
		 struct conference **conference_r)
{
	const char *name = wanted->name, *owner = wanted->owner;
	bool sealed = wanted->sealed;
	struct room *room;
	int err;

	if (f->stopping)
		return -ERR_WRONG_STATE;
	if (!conf_store_up(f->store))
		return -ERR_IO;
	if (sealed && (f->config.keys == NULL || !f->config.keys->ops->ready(f->config.keys, NULL)))
		return -ERR_UNSUPPORTED;
	if (owner != NULL && (!focus_uri_is_user(owner) || room_uri_is_mine(f, owner)))
		return -ERR_DENIED;
	if (sealed && owner == NULL && owner_mode(f))
		return -ERR_CONFIG;
	/* The names of services belong to them. */
	if (name != NULL && name[0] != '\0' &&
	    (strcmp(name, f->config.factory) == 0 || strcmp(name, f->config.list) == 0))
		return -ERR_EXISTS;
	if (name != NULL && !psi_set_has(f->psi, slice_str(name)))
		return -ERR_SYNTAX;
	if (name != NULL)
		(void)room_name_free(f, slice_str(name));
	err = room_create(f, name, owner, wanted->subject, CONFERENCE_BY_API, sealed, &room);
	if (err != 0)
		return err;
	room->c->require_tls = wanted->require_tls;
	conf_store_put_conference(f->store, room->c);
	conf_store_flush(f->store);
	*conference_r = room->c;
	return 0;
}

void focus_stored(struct focus *f, focus_stored_fn *fn, void *arg)
{
	conf_store_wait(f->store, fn, arg);
}

void focus_stored_forget(struct focus *f, const void *arg)
{
	conf_store_cancel(f->store, arg);
}
