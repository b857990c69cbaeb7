/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways in by INVITE: the factory's URI makes a conference, a conference's URI joins it (and makes it
 * where that is allowed). Identity, policy, place, media, record, answer, in this order; any failure
 * goes through focus_unwind. RFC 4579 5.1, 5.4; TS 24.147 5.3.2; flows F1, F2.
 */
#include "mrfc/focus/focus_join.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfc/conference/psi.h"
#include "mrfc/focus/focus_access.h"
#include "mrfc/focus/focus_auth.h"
#include "mrfc/focus/focus_charging.h"
#include "mrfc/focus/focus_core.h"
#include "mrfc/focus/focus_file.h"
#include "mrfc/focus/focus_leave.h"
#include "mrfc/focus/focus_list.h"
#include "mrfc/focus/focus_member.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_privacy.h"
#include "mrfc/focus/focus_record.h"
#include "mrfc/focus/focus_recover.h"
#include "mrfc/focus/focus_refer.h"
#include "mrfc/focus/focus_reinvite.h"
#include "mrfc/focus/focus_replace.h"
#include "mrfc/focus/focus_reserve.h"
#include "mrfc/focus/focus_tls.h"
#include "mrfc/focus/focus_token.h"
#include "proto/sip_uri.h"

#define LOG_PLACE  "focus/join"
#define HEADER_MAX 512 /* of what is kept with a conference */

void session_enter_roster(struct session *s, enum confinfo_status status)
{
	struct room *room = s->room;
	struct participant *p = roster_user(room->c->roster, slice_str(s->who.uri), s->who.display);
	char *entity = session_entity(s);

	session_entered(s);
	roster_set_shown(p, s->shown);
	roster_set_aliases(p, (const char *const *)s->who.aliases, s->who.n_aliases);
	roster_set_role(p, room_role_shown(room_role_of(room, s->who.uri))); /* FOC-011 */
	s->endpoint =
		roster_endpoint_add(p, slice_str(entity), status,
				    s->dialled_out ? CONFINFO_DIALED_OUT : CONFINFO_DIALED_IN, s);
	free(entity);
	if (s->by != NULL)
		roster_endpoint_by(s->endpoint, s->by);
	member_entering(s);
}

void session_connected(struct session *s)
{
	bool first = !s->announced;

	session_step(s, SESSION_UP);
	if (first) {
		s->announced = true;
		s->room->n_entering--;
		log_info("%s: %s is in (%s)", s->room->c->name, s->who.uri,
			 s->dialled_out ? "dialed out" : "dialed in");
		stats_joined(s->room->focus->stats, s->dialled_out ? "dialed-out" : "dialed-in");
	}
	session_set_dir(s, s->dir);
	if (first)
		member_came(s);
	/* What else is recorded was known with the answer. A lost ACK is waited for again. */
	session_store_dialog(s);
	conf_store_soon(s->room->focus->store);
	room_changed(s->room);
	replace_go_on(s);
	if (s->refer != NULL) {
		struct refer *r = s->refer;

		s->refer = NULL;
		refer_done(r, 200, "OK");
	}
}

/* Stored: now the 200 may go. */
static void on_stored(int err, void *arg)
{
	struct session *s = arg;

	if (err != 0) {
		focus_unwind(s, UNWIND_STORE_FAILED, 0, NULL, NULL);
		return;
	}
	session_enter_roster(s, CONFINFO_DIALING_IN);
	if (reserve_start(s))
		return;
	session_step(s, SESSION_WAITING);
	dialog_answer(s->dialog, bytes_slice(&s->local.last));
	key_told_by_sdp(s);
	list_run(s); /* the answer does not wait for them (LIST-001) */
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
		join_describe(s);
}

void join_describe(struct session *s)
{
	struct focus *f = s->room->focus;

	f->sdp.max_size = room_max_size(f);
	s->local.reserving = s->has_peer && focus_sdp_awaits(&s->peer, &f->sdp) &&
			     dialog_can_progress(s->dialog);
	if (s->we_offered)
		focus_sdp_offer(&s->local, &f->sdp);
	else
		focus_sdp_answer(&s->local, &s->peer, &f->sdp);
	session_step(s, SESSION_STORING);
	session_store(s);
	conf_store_wait(f->store, on_stored, s);
}

/* The ACK goes out when another process would go on with the session. */
static void on_settled_stored(int err, void *arg)
{
	struct session *s = arg;

	if (err != 0) {
		focus_unwind(s, UNWIND_STORE_FAILED, 0, NULL, NULL);
		return;
	}
	dialog_ack(s->dialog);
	session_connected(s);
	reinvite_fall_back(s);
}

static void on_settled(const struct media_result *result, void *arg)
{
	struct session *s = arg;

	if (result->err != 0) {
		focus_unwind(s, unwind_of_media(result->err), 0, NULL, result->reason);
		return;
	}
	session_store(s);
	conf_store_wait(s->room->focus->store, on_settled_stored, s);
}

/* The answer to the offer of our 2xx or of our INVITE (MSRP-133). */
void join_on_answer(struct session *s, struct slice sdp)
{
	struct focus *f = s->room->focus;
	struct focus_sdp_why why = {399, "no answer"};
	struct focus_sdp_peer peer;
	const char *misfit;
	bool wait;

	if (sdp.ptr == NULL || focus_sdp_read(sdp, true, &f->sdp, &peer, &why) != 0) {
		focus_unwind(s, UNWIND_BAD_ANSWER, 0, NULL, why.text);
		return;
	}
	s->reoffer = focus_sdp_answered(&peer, &s->local);
	s->peer = peer;
	s->has_peer = s->peer_answered = true;
	misfit = focus_sdp_misfit(&s->peer, &s->local);
	if (misfit != NULL) {
		focus_unwind(s, UNWIND_BAD_ANSWER, 0, NULL, misfit);
		return;
	}
	misfit = key_take_answer(s, &s->peer, &wait);
	if (misfit != NULL) {
		focus_unwind(s, UNWIND_BAD_ANSWER, 0, NULL, misfit);
		return;
	}
	if (wait)
		key_prove(s);
	else
		join_proven(s);
}

void join_proven(struct session *s)
{
	struct focus *f = s->room->focus;
	const char *uris[1 + IDENTITY_MAX_ALIASES];
	struct media_remote remote;

	focus_sdp_remote(&s->peer, true, &f->sdp, &remote);
	remote.n_uris = session_uris(s, uris);
	remote.uris = uris;
	s->dir = remote.direction;
	session_step(s, SESSION_SETTLING);
	media_modify(f->media, session_context(s), session_epoch(s), s->termination, &remote, false,
		     on_settled, s);
}

/* Its Contribution-ID, the second key of a conference; NULL. */
static const char *contribution_of(const struct sip_in *in)
{
	const char *id = in->contribution_id;

	return id != NULL && id[0] != '\0' && strlen(id) <= HEADER_MAX ? id : NULL;
}

static struct room *room_of_contribution(struct focus *f, const struct sip_in *in)
{
	const char *id = contribution_of(in);
	struct conference *c = id != NULL ? conference_find_contribution(f->conferences, id) : NULL;

	return c != NULL ? room_of(c) : NULL;
}

static void keep_header(const struct sip_in *in, const char *name, char **value)
{
	const char *text = sip_in_header(in, name, 0);

	if (text != NULL && strlen(text) <= HEADER_MAX)
		*value = xstrdup(text);
}

/* What the creating request says of the conversation goes with each call of ours (IMS-004). */
static void keep_headers(struct room *room, const struct sip_in *in, const struct identity *who)
{
	struct conference *c = room->c;

	keep_header(in, "Conversation-ID", &c->conversation_id);
	keep_header(in, "InReplyTo-Contribution-ID", &c->in_reply_to);
	if (!who->hidden && focus_believes_referrer(in, who)) /* it says who asked (PRV-010) */
		keep_header(in, "Referred-By", &c->referred_by);
	if (replace_may_succeed(room->focus, in, who))
		keep_header(in, "Session-Replaces", &room->session_replaces);
	if (contribution_of(in) != NULL &&
	    conference_set_contribution(room->focus->conferences, c, contribution_of(in)) == 0)
		room_keep(room);
	conf_store_put_conference(room->focus->store, c);
}

/* The conference that the Request-URI means; made if need be. 0, or the status to refuse with. */
static int find_room(struct focus *f, const struct sip_in *in, const struct identity *who,
		     struct room **room_r)
{
	const char *subject = who->hidden ? NULL : in->subject;
	bool factory;
	struct slice name;
	char *text;
	int err;

	*room_r = room_by_uri(f, in->uri, &factory, &name);
	if (*room_r != NULL)
		return 0;
	if ((factory || f->config.create_on_join) &&
	    (*room_r = room_of_contribution(f, in)) != NULL)
		return 0; /* somebody was quicker to restart it (IMS-006) */
	if (f->config.max_per_user != 0 && !focus_is_operator(f, who->uri) &&
	    conference_count_of(f->conferences, who->uri) >= f->config.max_per_user)
		return 403;
	if (factory) {
		err = room_create(f, NULL, who->uri, subject, CONFERENCE_BY_FACTORY,
				  f->config.sealed, room_r);
		if (err == 0)
			keep_headers(*room_r, in, who);
		return err == 0 ? 0 : 500;
	}
	if (!f->config.create_on_join || name.len == 0 || !psi_set_has(f->psi, name) ||
	    !room_name_free(f, name))
		return 404;
	text = slice_dup(name);
	err = room_create(f, text, who->uri, subject, CONFERENCE_BY_JOIN, f->config.sealed, room_r);
	if (err == 0)
		keep_headers(*room_r, in, who);
	free(text);
	return err == 0 ? 0 : 404;
}

/* What can be refused before anything is made; room NULL: not there yet. Answers and returns false then. */
static bool acceptable(struct focus *f, const struct room *room, struct sip_in **in,
		       struct focus_sdp_peer *peer)
{
	struct focus_sdp_why why = {0};
	char *headers;
	int status;

	if (f->stopping || !conf_store_up(f->store) || !media_available(f->media)) {
		enum unwind_cause cause = f->stopping                ? UNWIND_SHUTDOWN
					  : !conf_store_up(f->store) ? UNWIND_STORE_FAILED
								     : UNWIND_NO_MRFP;
		const struct unwind_rule *rule = unwind_rule(cause);

		log_peer("INVITE by %s refused: %s", (*in)->from_uri, rule->text);
		stats_unwound(f->stats, cause);
		focus_refuse(in, rule->status, rule->retry_after_s, rule->text);
		return false;
	}
	if ((*in)->sdp.ptr == NULL && !focus_can_offer(f, room)) {
		focus_refuse(in, 488, 0, "MSRP over TLS is not served");
		return false;
	}
	if ((*in)->sdp.ptr == NULL)
		return true;
	focus_demand(f, room, *in);
	status = focus_sdp_read((*in)->sdp, false, &f->sdp, peer, &why);
	if (status == 0 && peer->tolerated)
		stats_tolerated(f->stats, "sdp");
	if (status == 0)
		return true;
	log_info("INVITE by %s refused: %d, %s", (*in)->from_uri, status, why.text);
	stats_unwound(f->stats, status == 400 ? UNWIND_BAD_SDP : UNWIND_NOT_ACCEPTABLE);
	headers = focus_refusal_headers(0, why.warning, why.text);
	sip_in_end(in, &(struct sip_answer){.status = status, .headers = headers});
	free(headers);
	return false;
}

static void start(struct session *s, struct sip_in *in)
{
	struct focus *f = s->room->focus;
	struct media_remote remote = {.setup = MEDIA_SETUP_UNKNOWN,
				      .tls = focus_offers_tls(s->room),
				      .match_session_only = f->sdp.session_match,
				      .v6 = addr_is_v6(&in->peer)};

	s->we_offered = in->sdp.ptr == NULL;
	if (dialog_accept(f->dialogs, &in, s->room->c->name, s, &s->dialog) != 0) {
		focus_unwind(s, UNWIND_NOT_ACCEPTABLE, 0, NULL, "session interval too small");
		return;
	}
	if (s->has_peer)
		focus_sdp_remote(&s->peer, false, &f->sdp, &remote);
	s->dir = remote.direction;
	if (key_leg_defers(s->room, &remote)) {
		remote.path = remote.connect = NULL;
		remote.setup = MEDIA_SETUP_UNKNOWN;
	}
	session_step(s, SESSION_ADDING);
	session_add_termination(s, &remote, on_added);
}

/* A sealed room wants more of an offer than others. True: it was answered. */
static bool refuse_keyless(struct room *room, struct sip_in **in, const struct identity *who,
			   const struct focus_sdp_peer *peer, const struct session *replaced)
{
	struct focus_sdp_why why;
	struct bytes sdp = BYTES_INIT;
	int status = key_judge_second(room, who, (*in)->contact, replaced, &why);
	struct sip_answer answer = {0};
	char *headers;

	if (status == 0)
		status = key_judge_offer(room, who, (*in)->sdp.ptr != NULL ? peer : NULL, &why,
					 &sdp);
	if (status == 0)
		return false;
	answer.status = status;
	log_info("INVITE by %s to %s refused: %d, %s", who->uri, room->c->name, status, why.text);
	stats_unwound(room->focus->stats,
		      status == 503 ? UNWIND_NO_KEY_SERVER : UNWIND_NOT_ACCEPTABLE);
	headers = focus_refusal_headers(
		status == 503 ? unwind_rule(UNWIND_NO_KEY_SERVER)->retry_after_s : 0, why.warning,
		why.text);
	answer.headers = headers;
	answer.body = bytes_slice(&sdp);
	answer.content_type = sdp.len > 0 ? "application/sdp" : NULL;
	sip_in_end(in, &answer);
	free(headers);
	bytes_fini(&sdp);
	return true;
}

/* The conference that it is for; NULL: made later, if at all. */
static const struct room *room_meant(struct focus *f, const struct sip_in *in,
				     const struct join_means *means)
{
	return means->room != NULL ? means->room : room_by_uri(f, in->uri, NULL, NULL);
}

void focus_on_invite(struct sip_in *in, void *arg)
{
	struct focus *f = arg;
	struct focus_sdp_peer peer = {0};
	enum access_denial denial = ACCESS_GRANTED;
	struct list_order *order;
	struct access_facts facts;
	struct join_means means;
	struct identity who;
	struct session *s;
	struct room *room;
	int status = 0;

	if (recover_holds(f, &in))
		return;
	if (core_refuses(f, &in) || focus_identify(f, &in, &who) != 0)
		return;
	/* Files are for those who are in: no list goes with them. */
	if ((in->require & SIP_OPT_RECIPIENT_LIST) == 0 && file_on_invite(f, &in, &who))
		return;
	if (token_missing(f, in)) {
		log_info("INVITE by %s refused: 429, no token for its Referred-By", who.uri);
		focus_refuse(&in, 429, 0, "Referred-By needs its token here");
		identity_fini(&who);
		return;
	}
	if (!replace_read(f, &in, &who, &means) ||
	    !acceptable(f, room_meant(f, in, &means), &in, &peer)) {
		identity_fini(&who);
		return;
	}
	if (!list_of_invite(f, &in, &who, &order)) {
		focus_sdp_peer_fini(&peer);
		identity_fini(&who);
		return;
	}
	room = means.room;
	denial = focus_judge_hidden(f, &who);
	if (denial != ACCESS_GRANTED)
		status = access_status(denial);
	else if (room == NULL)
		status = find_room(f, in, &who, &room);
	if (status == 0) {
		room_unify(room, &who);
		focus_facts_who(room, &who, &facts);
		if (means.replaced != NULL && facts.n_users > 0)
			facts.n_users--; /* takes no further place */
		denial = access_judge(ACCESS_JOIN, &facts);
		status = access_status(denial);
	}
	if (status == 0 && !room_can_hide(room, &who))
		status = 500; /* critical, and too late (RFC 3323 5) */
	if (status == 0 && refuse_keyless(room, &in, &who, &peer, means.replaced)) {
		focus_sdp_peer_fini(&peer);
		list_order_free(&order);
		identity_fini(&who);
		room_check(room);
		return;
	}
	if (status != 0) {
		log_info("INVITE by %s to %s refused: %d %s", who.uri, in->uri, status,
			 access_text(denial));
		focus_refuse(&in, status, 0,
			     denial != ACCESS_GRANTED ? focus_denial_text(f, denial)
			     : status == 403          ? "The user has too many conferences"
						      : NULL);
		focus_sdp_peer_fini(&peer);
		list_order_free(&order);
		identity_fini(&who);
		return;
	}
	s = session_new(room, &who, in->contact);
	s->order = order;
	s->peer = peer;
	s->has_peer = in->sdp.ptr != NULL;
	if (means.replaced != NULL)
		replace_begin(s, means.replaced);
	else
		replace_former(s);
	charging_take(s, in);
	start(s, in);
}
