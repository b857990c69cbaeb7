/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dial-out: the focus invites a user, asked by the operator or by a participant's REFER. A
 * termination first (its URI goes in the offer), then INVITE; the answer is settled as for an
 * offerless join. RFC 4579 5.5; flow F3.
 */
#include "mrfc/focus/focus_dialout.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfc/conference/trust.h"
#include "mrfc/focus/focus_access.h"
#include "mrfc/focus/focus_auth.h"
#include "mrfc/focus/focus_charging.h"
#include "mrfc/focus/focus_core.h"
#include "mrfc/focus/focus_join.h"
#include "mrfc/focus/focus_leave.h"
#include "mrfc/focus/focus_list.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_record.h"
#include "mrfc/focus/focus_replace.h"
#include "mrfc/focus/focus_tls.h"
#include "mrfc/focus/focus_turn.h"
#include "mrfc/sip/sip_ref.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "focus/dialout"

/* A header of the request that made the conference (IMS-004). */
static void add_kept(struct bytes *h, const char *name, const char *value)
{
	if (value != NULL)
		sip_header_add(h, name, value);
}

/* Its record would tell another process of it: now the INVITE may go. */
static void on_call_stored(int err, void *arg)
{
	struct session *s = arg;
	struct room *room = s->room;
	struct bytes h = BYTES_INIT, trusted = BYTES_INIT, body = BYTES_INIT;
	const char *route = NULL;
	char *type;

	if (err != 0) {
		focus_unwind(s, UNWIND_STORE_FAILED, 0, NULL, NULL);
		return;
	}
	err = sip_agent_route(room->focus->sip, s->contact, &route);
	if (err != 0) {
		focus_unwind(s, UNWIND_NO_ROUTE, 0, NULL, NULL);
		return;
	}
	focus_assert_headers(room->focus, room->c->uri, s->asked_privacy,
			     focus_trusts_hop(room->focus, route, s->contact), &h, &trusted);
	charging_call(s, &trusted);
	add_kept(&h, "Subject", room->c->subject);
	add_kept(&h, "Referred-By", s->referred_by != NULL ? s->referred_by : room->c->referred_by);
	add_kept(&h, "Contribution-ID", room->c->contribution_id);
	add_kept(&h, "Conversation-ID", room->c->conversation_id);
	add_kept(&h, "InReplyTo-Contribution-ID", room->c->in_reply_to);
	add_kept(&h, "Replaces", s->replaces);
	add_kept(&h, "Session-Replaces", room->session_replaces);
	core_call_headers(room->focus, &h, &trusted);
	list_headers(s, &h);
	type = list_body(s, &body);
	session_step(s, SESSION_CALLING);
	err = dialog_invite(s->dialog, &(struct dialog_call_to){.name = room->c->name,
								.from = room->c->uri,
								.target = s->contact,
								.route = route,
								.headers = bytes_cstr(&h),
								.trusted = bytes_cstr(&trusted),
								.sdp = bytes_slice(&s->local.last),
								.content_type = type,
								.body = bytes_slice(&body)});
	bytes_fini(&h);
	bytes_fini(&trusted);
	bytes_fini(&body);
	free(type);
	if (err != 0) {
		focus_unwind(s, UNWIND_NO_ROUTE, 0, NULL, "the URI cannot be called");
		return;
	}
	key_told_by_sdp(s);
	session_store_dialog(s); /* the hop is known */
	conf_store_flush(room->focus->store);
}

static void call(struct session *s)
{
	struct room *room = s->room;
	const struct dialog_call_to to = {
		.name = room->c->name, .from = room->c->uri, .target = s->contact};
	const char *route;

	if (sip_agent_route(room->focus->sip, s->contact, &route) != 0) {
		focus_unwind(s, UNWIND_NO_ROUTE, 0, NULL, NULL);
		return;
	}
	if (dialog_prepare(room->focus->dialogs, &to, s, &s->dialog) != 0) {
		focus_unwind(s, UNWIND_NO_ROUTE, 0, NULL, "the URI cannot be called");
		return;
	}
	session_step(s, SESSION_STORING);
	session_store(s);
	conf_store_wait(room->focus->store, on_call_stored, s);
}

static void on_added(const struct media_result *result, void *arg)
{
	struct session *s = arg;

	if (result->err != 0) {
		focus_unwind(s, unwind_of_media(result->err), 0, NULL, result->reason);
		return;
	}
	focus_sdp_local_set(&s->local, result);
	if (!key_wait(s))
		dialout_describe(s);
}

void dialout_describe(struct session *s)
{
	struct focus *f = s->room->focus;

	f->sdp.max_size = room_max_size(f);
	focus_sdp_offer(&s->local, &f->sdp);
	call(s);
}

bool dialout_follow(struct session *s, int status)
{
	const struct focus *f = s->room->focus;
	const char *to = s->dialog != NULL ? dialog_remote_contact(s->dialog) : NULL;
	struct sip_uri uri;
	char *contact;

	if (status < 300 || status > 399 || s->step != SESSION_CALLING || to == NULL ||
	    s->n_redirects >= f->config.max_redirects || sip_uri_parse(slice_str(to), &uri) != 0 ||
	    uri.scheme != SIP_URI_SIP || room_uri_is_mine(f, to) ||
	    bars_has(s->room->c->bars, slice_str(to)))
		return false;
	/* Headers in the URI are somebody else's wishes, as in REFER. */
	contact = slice_dup(
		slice_chr(slice_str(to), '?') < 0
			? slice_str(to)
			: slice_first(slice_str(to), (size_t)slice_chr(slice_str(to), '?')));
	s->n_redirects++;
	log_info("%s: %s is sent on to %s", s->room->c->name, s->who.uri, contact);
	session_unstore(s);
	dialog_close(&s->dialog, status, NULL, status, "Redirected");
	free(s->contact);
	s->contact = contact;
	roster_endpoint_status(s->endpoint, CONFINFO_DIALING_OUT, clock_wall_ms());
	room_changed(s->room);
	call(s);
	return true;
}

/* The callee as a user; -ERR_SYNTAX when its URI is none we can call. */
static int callee(struct slice uri, const char *display, struct identity *who_r)
{
	struct sip_uri u;
	struct bytes aor = BYTES_INIT;
	struct identity who = {0};
	int err = sip_uri_parse(uri, &u);
	char *text;

	if (err == 0 &&
	    ((u.scheme != SIP_URI_SIP && u.scheme != SIP_URI_SIPS && u.scheme != SIP_URI_TEL) ||
	     u.user.len == 0))
		err = -ERR_SYNTAX;
	if (err == 0)
		err = sip_uri_aor(uri, &aor);
	if (err != 0 || !bytes_ok(&aor)) {
		bytes_fini(&aor);
		return -ERR_SYNTAX;
	}
	who.uri = bytes_take(&aor);
	who.display =
		display != NULL && slice_is_utf8(slice_str(display)) ? xstrdup(display) : NULL;
	if (strncmp(who.uri, "sip", 3) == 0) {
		char *im = xasprintf("im%s", strchr(who.uri, ':'));

		identity_add_alias(&who, im);
		free(im);
	}
	text = slice_dup(uri);
	identity_add_number(&who, text);
	free(text);
	*who_r = who;
	return 0;
}

/*
 * Headers in a URI are somebody else's wishes; the one we follow is Replaces, by which a session of
 * two becomes part of the conference (REF-013, RFC 4579 5.10). NULL: none.
 */
static char *replaces_in(struct slice headers)
{
	struct bytes value = BYTES_INIT;
	struct sip_ref ref = {0};
	char *text = NULL;

	if (sip_uri_header(headers, "Replaces", &value) &&
	    sip_ref_parse(bytes_slice(&value), &ref) == 0)
		text = slice_dup(bytes_slice(&value));
	bytes_fini(&value);
	return text;
}

void dialout_go(struct session *s)
{
	struct focus *f = s->room->focus;
	const struct media_remote remote = {.setup = MEDIA_SETUP_UNKNOWN,
					    .tls = focus_offers_tls(s->room),
					    .match_session_only = f->sdp.session_match,
					    .v6 = addr_is_v6(sip_agent_addr(f->sip))};

	roster_endpoint_status(s->endpoint, CONFINFO_DIALING_OUT, clock_wall_ms());
	session_step(s, SESSION_ADDING);
	session_add_termination(s, &remote, on_added);
	room_changed(s->room);
}

int dialout_start(struct room *room, struct slice uri, const char *display, const char *by,
		  const char *referred_by, struct refer *refer, struct session **session_r)
{
	struct focus *f = room->focus;
	struct access_facts facts;
	enum access_denial denial;
	struct slice headers = SLICE_NULL;
	struct identity who;
	struct session *s;
	char *target;
	int status;

	if (room->c->state != CONFERENCE_ACTIVE || f->stopping)
		return -ERR_WRONG_STATE;
	if (slice_chr(uri, '?') >= 0) {
		headers = slice_from(uri, (size_t)slice_chr(uri, '?') + 1);
		uri = slice_first(uri, (size_t)slice_chr(uri, '?'));
	}
	target = slice_dup(uri);
	/* A conference calling this server would loop its messages. */
	if (room_uri_is_mine(f, target) || callee(uri, display, &who) != 0) {
		free(target);
		return -ERR_SYNTAX;
	}
	focus_facts_bring(room, who.uri, by, &facts);
	denial = access_bring(&facts);
	status = facts.present                                             ? -ERR_EXISTS
		 : denial == ACCESS_FULL                                   ? -ERR_LIMIT
		 : denial != ACCESS_GRANTED                                ? -ERR_DENIED
		 : !media_available(f->media) || !focus_can_offer(f, room) ? -ERR_CLOSED
		 : !conf_store_up(f->store)                                ? -ERR_IO
									   : 0;
	if (status != 0) {
		identity_fini(&who);
		free(target);
		return status;
	}
	s = session_new(room, &who, target);
	free(target);
	s->dialled_out = true;
	s->we_offered = true;
	s->by = by != NULL ? xstrdup(by) : NULL;
	s->referred_by = referred_by != NULL ? xstrdup(referred_by) : NULL;
	s->replaces = replaces_in(headers);
	replace_former(s);
	s->refer = refer;
	session_enter_roster(s, CONFINFO_PENDING);
	log_info("%s: calling %s%s%s", room->c->name, s->who.uri, by != NULL ? " for " : "",
		 by != NULL ? by : "");
	*session_r = s;
	if (turn_take(f)) {
		dialout_go(s);
	} else {
		turn_wait(s);
		room_changed(room);
	}
	return 0;
}

int focus_dial_out(struct focus *f, struct conference *c, struct slice uri, const char *display,
		   const char *by, struct participant **participant_r)
{
	struct session *s;
	int err;

	(void)f;
	err = dialout_start(room_of(c), uri, display, by, NULL, NULL, &s);
	if (err == 0)
		*participant_r = s->endpoint->user;
	return err;
}

void dialout_on_ringing(struct session *s)
{
	if (s->endpoint == NULL || s->step != SESSION_CALLING)
		return;
	roster_endpoint_status(s->endpoint, CONFINFO_ALERTING, clock_wall_ms());
	room_changed(s->room);
}

/* By one of the names that his network has for him. */
static bool is_barred(const struct session *s)
{
	for (size_t i = 0; i < s->who.n_aliases; i++) {
		if (bars_has(s->room->c->bars, slice_str(s->who.aliases[i])))
			return true;
	}
	return false;
}

void dialout_on_accepted(struct session *s, const struct sip_out_result *result)
{
	struct focus *f = s->room->focus;

	/* Who answered is known by the dialled URI and by what a trusted peer asserts. */
	if (!trust_has(f->trusted, &result->peer, result->subjects, result->n_subjects))
		return;
	for (size_t i = 0; i < result->n_asserted; i++) {
		if (!focus_uri_is_ours(f, result->asserted[i]))
			identity_add_alias(&s->who, result->asserted[i]);
	}
	if (s->endpoint != NULL)
		roster_set_aliases(s->endpoint->user, (const char *const *)s->who.aliases,
				   s->who.n_aliases);
	if (is_barred(s))
		focus_unwind(s, UNWIND_REMOVED, 0, NULL, access_text(ACCESS_BARRED));
}
