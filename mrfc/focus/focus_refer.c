/* SPDX-License-Identifier: Apache-2.0 */
/*
 * REFER to the focus, RFC 3515 and RFC 4579 5.5-5.11: bring a user in, remove one, end the
 * conference. Each accepted REFER is an implicit subscription whose NOTIFYs tell how far it got,
 * unless the sender wants none (RFC 4488). Flows F4, F10.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfc/focus/focus_priv.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "focus/refer"

#define REFER_EXPIRES_S 180
#define SIPFRAG         "message/sipfrag;version=2.0"

struct refer {
	LIST_ENTRY(refer) link;
	struct focus *focus;
	struct sip_event *event; /* NULL: nobody is told */
	bool final;              /* its last NOTIFY is out */
};

static void refer_free(struct refer *r)
{
	LIST_REMOVE(r, link);
	sip_event_free(&r->event);
	free(r);
}

void refer_forget(struct refer **r)
{
	refer_free(*r);
	*r = NULL;
}

static void drop_event(struct refer *r)
{
	sip_event_free(&r->event);
	if (r->final)
		refer_free(r);
}

/* Unsubscribing ends the reports, not what was asked for (REF-011). */
static void on_refresh(struct sip_event *e, struct sip_in *in, void *arg)
{
	int64_t expires_s =
		in->expires < 0 || in->expires > REFER_EXPIRES_S ? REFER_EXPIRES_S : in->expires;

	(void)arg;
	sip_event_answer(e, &in, 200, expires_s, NULL);
	if (expires_s == 0 && sip_event_notify(e, "terminated;reason=timeout", SIPFRAG,
					       SLICE_LIT("SIP/2.0 100 Trying\r\n")) != 0)
		log_debug("a last NOTIFY could not be sent");
}

static void on_notified(struct sip_event *e, int status, uint32_t retry_after_s, void *arg)
{
	struct refer *r = arg;

	(void)e;
	(void)retry_after_s;
	stats_notified(r->focus->stats, "refer", status);
	if (status >= 300 || r->final)
		drop_event(r);
}

static const struct sip_event_ops refer_ops = {.refresh = on_refresh, .notified = on_notified};

static void tell(struct refer *r, const char *state, int status, const char *phrase)
{
	char *line;

	if (r->event == NULL)
		return;
	line = xasprintf("SIP/2.0 %d %s\r\n", status, phrase);
	if (sip_event_notify(r->event, state, SIPFRAG, slice_str(line)) != 0)
		sip_event_free(&r->event);
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

void refer_done(struct refer *r, int status, const char *phrase)
{
	r->final = true;
	tell(r, "terminated;reason=noresource", status,
	     phrase != NULL ? phrase : usual_phrase(status));
	if (r->event == NULL)
		refer_free(r);
}

/* 202, and 100 Trying to who listens (REF-005, REF-008). */
static struct refer *accept_refer(struct focus *f, struct room *room, struct sip_in **in,
				  struct sip_leg *leg)
{
	struct refer *r = xcalloc(1, sizeof(*r));
	bool silent = (*in)->refer_sub_false &&
		      (((*in)->supported | (*in)->require) & SIP_OPT_NOREFERSUB) != 0;
	struct bytes contact = BYTES_INIT;
	char id[16];

	r->focus = f;
	LIST_INSERT_HEAD(&f->refers, r, link);
	if (silent) {
		sip_agent_focus_contact(f->sip, room->c->name, &contact);
		sip_in_end(in, &(struct sip_answer){.status = 202,
						    .contact = bytes_cstr(&contact),
						    .headers = "Refer-Sub: false\r\n"});
		bytes_fini(&contact);
		return r;
	}
	/* In a dialog that was there before, the id tells several REFERs apart (REF-007). */
	snprintf(id, sizeof(id), "%u", (*in)->cseq);
	r->event = sip_event_new(*in, leg, "refer", leg != NULL ? id : NULL, room->c->name,
				 &refer_ops, r);
	sip_event_answer(r->event, in, 202, -1, NULL);
	snprintf(id, sizeof(id), "%d", REFER_EXPIRES_S);
	char *state = xasprintf("active;expires=%s", id);
	tell(r, state, 100, "Trying");
	free(state);
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
	struct refer *r = accept_refer(f, room, &in, leg);
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
	struct refer *r = accept_refer(f, room, &in, leg);
	int err = room_remove(room, slice_str(target), who->uri);

	refer_done(r, err == 0 ? 200 : 404, NULL);
	free(target);
}

static void end_room(struct room *room, struct sip_in *in, struct sip_leg *leg)
{
	struct refer *r = accept_refer(room->focus, room, &in, leg);

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
		end_room(room, in, leg);
	} else if (bye) {
		remove_user(room, in, leg, &who);
	} else {
		invite(room, in, leg, &who);
	}
	identity_fini(&who);
}
