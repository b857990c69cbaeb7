/* SPDX-License-Identifier: Apache-2.0 */
/*
 * REFER to the focus, RFC 3515 and RFC 4579 5.5-5.11: bring a user in, remove one, end the
 * conference. Each accepted REFER is an implicit subscription whose NOTIFYs tell how far it got,
 * unless the sender wants none (RFC 4488). Flows F4, F10.
 */
#include "mrfc/focus/focus_refer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfc/focus/focus_access.h"
#include "mrfc/focus/focus_auth.h"
#include "mrfc/focus/focus_charging.h"
#include "mrfc/focus/focus_dialout.h"
#include "mrfc/focus/focus_leave.h"
#include "mrfc/focus/focus_list.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_privacy.h"
#include "mrfc/focus/focus_token.h"
#include "mrfc/focus/focus_turn.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "focus/refer"

#define REFER_EXPIRES_S 180
#define SIPFRAG         "message/sipfrag;version=2.0"

struct refer {
	LIST_ENTRY(refer) link;
	struct focus *focus;
	struct sip_event *event; /* NULL: nobody is told */
	char *conference, *user, *id;
	struct sip_in *in; /* the request, until its record is stored */
	bool storing;      /* that is under way: nothing is told yet */
	int outcome;       /* SIP status; 0: not known yet */
	char *phrase;
	bool final; /* its last NOTIFY is out */
	bool ended; /* by its sender: what comes is not told */
};

/* A conference that is over has taken its records along. */
static bool is_recorded(const struct refer *r)
{
	const struct conference *c =
		conference_find(r->focus->conferences, slice_str(r->conference));

	return r->event != NULL && c != NULL && c->state == CONFERENCE_ACTIVE;
}

static void refer_store(struct refer *r)
{
	struct subscription_record record = {
		.event_id = r->id, .user = r->user, .refer = true, .outcome = (uint32_t)r->outcome};

	if (!is_recorded(r))
		return;
	sip_event_save(r->event, &record.leg);
	conf_store_put_subscription(r->focus->store, r->conference, sip_event_key(r->event),
				    &record);
	leg_record_fini(&record.leg);
}

static void end_event(struct refer *r)
{
	if (is_recorded(r)) {
		conf_store_del_subscription(r->focus->store, r->conference,
					    sip_event_key(r->event));
		conf_store_flush(r->focus->store);
	}
	sip_event_free(&r->event);
}

const char *refer_key(const struct refer *r)
{
	return r->event != NULL ? sip_event_key(r->event) : NULL;
}

static void refer_free(struct refer *r)
{
	LIST_REMOVE(r, link);
	conf_store_cancel(r->focus->store, r);
	sip_in_free(&r->in);
	sip_event_free(&r->event);
	free(r->conference);
	free(r->user);
	free(r->id);
	free(r->phrase);
	free(r);
}

void refer_forget(struct refer **r)
{
	refer_free(*r);
	*r = NULL;
}

static void drop_event(struct refer *r)
{
	end_event(r);
	if (r->final)
		refer_free(r);
}

/* Unsubscribing ends the reports, not what was asked for (REF-011). */
static void on_refresh(struct sip_event *e, struct sip_in *in, void *arg)
{
	struct refer *r = arg;
	int64_t expires_s =
		in->expires < 0 || in->expires > REFER_EXPIRES_S ? REFER_EXPIRES_S : in->expires;

	sip_event_answer(e, &in, 200, expires_s, NULL);
	if (expires_s != 0)
		return;
	r->ended = true;
	if (sip_event_notify(e, "terminated;reason=timeout", SIPFRAG,
			     SLICE_LIT("SIP/2.0 100 Trying\r\n")) != 0)
		log_debug("a last NOTIFY could not be sent");
}

static void on_notified(struct sip_event *e, int status, uint32_t retry_after_s, void *arg)
{
	struct refer *r = arg;

	(void)e;
	(void)retry_after_s;
	stats_notified(r->focus->stats, "refer", status);
	if (status >= 300 || r->final || r->ended)
		drop_event(r);
}

static void on_changed(struct sip_event *e, void *arg)
{
	struct refer *r = arg;

	(void)e;
	refer_store(r);
	conf_store_flush(r->focus->store);
}

static const struct sip_event_ops refer_ops = {
	.refresh = on_refresh, .notified = on_notified, .changed = on_changed};

static void tell(struct refer *r, const char *state, int status, const char *phrase)
{
	char *line;

	if (r->event == NULL)
		return;
	line = xasprintf("SIP/2.0 %d %s\r\n", status, phrase);
	if (sip_event_notify(r->event, state, SIPFRAG, slice_str(line)) != 0)
		end_event(r);
	free(line);
}

static const char *usual_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {{200, "OK"},
		       {403, "Forbidden"},
		       {404, "Not Found"},
		       {408, "Request Timeout"},
		       {410, "Gone"},
		       {480, "Temporarily Unavailable"},
		       {486, "Busy Here"},
		       {487, "Request Terminated"},
		       {488, "Not Acceptable Here"},
		       {500, "Server Internal Error"},
		       {503, "Service Unavailable"},
		       {603, "Decline"}};

	for (size_t i = 0; i < ARRAY_LEN(phrases); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return status < 300 ? "OK" : "Refused";
}

static void tell_outcome(struct refer *r)
{
	r->final = true;
	if (!r->ended)
		tell(r, "terminated;reason=noresource", r->outcome,
		     r->phrase != NULL ? r->phrase : usual_phrase(r->outcome));
	if (r->event == NULL)
		refer_free(r);
}

void refer_done(struct refer *r, int status, const char *phrase)
{
	r->outcome = status;
	r->phrase = phrase != NULL ? xstrdup(phrase) : NULL;
	refer_store(r);
	conf_store_flush(r->focus->store);
	if (!r->storing)
		tell_outcome(r);
}

/* Another process would tell how it ended: now the sender may count on that. */
static void on_stored(int err, void *arg)
{
	struct refer *r = arg;

	(void)err; /* what was asked for goes on in any case */
	r->storing = false;
	if (r->in != NULL) {
		char *state = xasprintf("active;expires=%d", REFER_EXPIRES_S);

		sip_event_answer(r->event, &r->in, 202, -1, NULL);
		tell(r, state, 100, "Trying");
		free(state);
	}
	if (r->outcome != 0)
		tell_outcome(r);
}

static struct refer *refer_new(struct focus *f, const char *conference, const char *user)
{
	struct refer *r = xcalloc(1, sizeof(*r));

	r->focus = f;
	r->conference = xstrdup(conference);
	r->user = xstrdup(user);
	LIST_INSERT_HEAD(&f->refers, r, link);
	return r;
}

/* Its record is under way; what it has to tell waits for that. */
static void store_first(struct refer *r)
{
	r->storing = true;
	refer_store(r);
	conf_store_wait(r->focus->store, on_stored, r);
}

/* 202, and 100 Trying to who listens (REF-005, REF-008). */
static struct refer *accept_refer(struct focus *f, struct room *room, struct sip_in **in,
				  struct sip_leg *leg, const struct identity *who)
{
	struct refer *r = refer_new(f, room->c->name, who->uri);
	bool silent = (*in)->refer_sub_false &&
		      (((*in)->supported | (*in)->require) & SIP_OPT_NOREFERSUB) != 0;
	struct bytes contact = BYTES_INIT;

	if (silent) {
		sip_agent_focus_contact(f->sip, room->c->name, &contact);
		sip_in_end(in, &(struct sip_answer){.status = 202,
						    .contact = bytes_cstr(&contact),
						    .headers = "Refer-Sub: false\r\n"});
		bytes_fini(&contact);
		return r;
	}
	/* In a dialog that was there before, the id tells several REFERs apart (REF-007). */
	if (leg != NULL)
		r->id = xasprintf("%u", (*in)->cseq);
	r->event = sip_event_new(*in, leg, "refer", r->id, room->c->name, &refer_ops, r);
	r->in = *in;
	*in = NULL;
	store_first(r);
	return r;
}

/* Nobody finds out who hides by asking for him: he is in by the name that others have (PRV-004). */
static bool is_known_in(struct room *room, const struct identity *who, const char *target)
{
	const struct session *s = session_of_user(room, slice_str(target), false);

	return s == NULL || s->shown == NULL ||
	       sip_uri_same(slice_str(s->shown), slice_str(target)) ||
	       sip_uri_same(slice_str(s->who.uri), slice_str(who->uri));
}

/* The call that a REFER waited for, as far as it is known; NULL. */
static struct session *call_of(struct room *room, const char *key)
{
	struct session *s;

	LIST_FOREACH(s, &room->sessions, link) {
		if (s->refer_key != NULL && strcmp(s->refer_key, key) == 0)
			return s;
	}
	return NULL;
}

int refer_restore(struct room *room, const char *key, const struct subscription_record *record)
{
	struct session *s = call_of(room, key);
	struct refer *r = refer_new(room->focus, room->c->name, record->user);

	r->id = record->event_id != NULL ? xstrdup(record->event_id) : NULL;
	r->event = sip_event_restore(room->focus->sip, &record->leg, "refer", r->id, room->c->name,
				     &refer_ops, r);
	if (r->event == NULL) {
		refer_free(r);
		return -ERR_SYNTAX;
	}
	r->outcome = record->outcome <= 699 ? (int)record->outcome : 503;
	if (r->outcome == 0 && s != NULL && !s->announced)
		s->refer = r; /* tells when it goes, or comes up yet */
	else if (r->outcome == 0)
		r->outcome = s != NULL ? 200 : 503;
	store_first(r);
	return 0;
}

static void invite(struct room *room, struct sip_in *in, struct sip_leg *leg,
		   const struct identity *who)
{
	struct focus *f = room->focus;
	char *target = in->refer_headers != NULL
			       ? xasprintf("%s?%s", in->refer_to, in->refer_headers)
			       : xstrdup(in->refer_to);
	char *display = in->refer_display != NULL ? xstrdup(in->refer_display) : NULL;
	char *asker = xstrdup(room_shown(room, who));
	bool hidden = strcmp(asker, who->uri) != 0;
	char *by = focus_referrer(in, who, asker);
	char *charging = in->charging != NULL ? xstrdup(in->charging) : NULL;
	const char *asked = sip_in_header(in, "Privacy", 0);
	char *privacy = asked != NULL ? xstrdup(asked) : NULL;
	struct chunk *token = hidden ? NULL : token_of(in);
	struct refer *r = accept_refer(f, room, &in, leg, who);
	struct session *s;
	int err;

	if (hidden)
		log_info("%s: %s asks for %s", room->c->name, who->uri, target);
	err = turn_is_crowded(room)
		      ? -ERR_LIMIT
		      : dialout_start(room, slice_str(target), display, asker, by, r, &s);

	switch (err) {
	case 0:
		charging_relate(s, charging);
		s->asked_privacy = privacy;
		privacy = NULL;
		s->token = token;
		token = NULL;
		break;
	case -ERR_EXISTS:
		refer_done(r, is_known_in(room, who, target) ? 200 : 480, NULL); /* REF-023 */
		break;
	case -ERR_LIMIT:
		refer_done(r, 486, NULL);
		break;
	case -ERR_DENIED:
		refer_done(r, 403, NULL);
		break;
	case -ERR_CLOSED:
	case -ERR_IO:
		refer_done(r, 503, NULL);
		break;
	default:
		refer_done(r, 404, NULL);
		break;
	}
	free(target);
	free(display);
	free(by);
	free(asker);
	free(charging);
	free(privacy);
	chunk_unref(&token);
}

static void remove_user(struct room *room, struct sip_in *in, struct sip_leg *leg,
			const struct identity *who)
{
	struct focus *f = room->focus;
	char *target = xstrdup(in->refer_to);
	struct refer *r = accept_refer(f, room, &in, leg, who);
	int err = room_remove(room, slice_str(target), who->uri);

	refer_done(r, err == 0 ? 200 : 404, NULL);
	free(target);
}

static void end_room(struct room *room, struct sip_in *in, struct sip_leg *leg,
		     const struct identity *who)
{
	struct refer *r = accept_refer(room->focus, room, &in, leg, who);

	room_end(room, UNWIND_ENDED);
	refer_done(r, 200, NULL);
}

static enum access_denial allowed(struct room *room, const struct sip_in *in,
				  const struct identity *who, bool bye, bool self)
{
	struct access_facts facts;
	enum access_denial d;

	if (self) { /* the conference itself */
		focus_facts_who(room, who, &facts);
		return bye ? access_judge(ACCESS_END, &facts) : ACCESS_ROLE;
	}
	if (bye)
		return focus_judge_remove(room, who, slice_str(in->refer_to));
	d = focus_judge_bring(room, who, in->refer_to);
	return d == ACCESS_FULL ? ACCESS_GRANTED : d; /* the NOTIFY tells of that */
}

/* What is asked, and whether it may be: 0 or the status to refuse with. */
static int judge(struct room *room, const struct sip_in *in, const struct identity *who, bool bye,
		 bool self, enum access_denial *denial_r)
{
	struct sip_uri target;

	if (in->refer_to == NULL)
		return 400; /* REF-003 */
	if (in->refer_method != NULL && !bye && strcasecmp(in->refer_method, "INVITE") != 0)
		return 501; /* REF-004 */
	if (sip_uri_parse(slice_str(in->refer_to), &target) != 0)
		return 400;
	if (target.scheme != SIP_URI_SIP && target.scheme != SIP_URI_SIPS &&
	    target.scheme != SIP_URI_TEL)
		return 416; /* REF-012 */
	if (room == NULL)
		return 404;
	*denial_r = allowed(room, in, who, bye, self);
	return access_status(*denial_r);
}

void focus_on_refer(struct sip_in *in, struct sip_leg *leg, void *arg)
{
	struct focus *f = arg;
	struct identity who;
	struct room *room, *target;
	enum access_denial denial = ACCESS_GRANTED;
	bool bye;
	int status;

	if (focus_identify(f, &in, &who) != 0)
		return;
	if (list_on_refer(f, &in, &who)) {
		identity_fini(&who);
		return;
	}
	room = room_by_uri(f, in->uri, NULL, NULL);
	bye = in->refer_method != NULL && strcasecmp(in->refer_method, "BYE") == 0;
	target = in->refer_to != NULL ? room_by_uri(f, in->refer_to, NULL, NULL) : NULL;
	status = judge(room, in, &who, bye, target != NULL && target == room, &denial);
	if (status != 0) {
		log_info("REFER by %s to %s refused: %d %s", who.uri, in->uri, status,
			 access_text(denial));
		focus_refuse(&in, status, 0,
			     denial != ACCESS_GRANTED ? focus_denial_text(f, denial) : NULL);
	} else if (target == room) {
		end_room(room, in, leg, &who);
	} else if (bye) {
		remove_user(room, in, leg, &who);
	} else {
		invite(room, in, leg, &who);
	}
	identity_fini(&who);
}
