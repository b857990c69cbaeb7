/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User equipment in a conference: binds the call to its media. A media session that was lost may come
 * back by an offer of the focus within a grace time. It knows no SIP message and no MSRP frame.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "proto/sip_uri.h"
#include "ue/ue_priv.h"

#define LOG_PLACE   "ue"
#define SUBSCRIBE_S 3600
#define GRACE_S     30 /* for a lost session to come back */

void ue_fail(struct ue *ue, int code, const char *text)
{
	ue->failed = true;
	ue->ops->error(code, text, ue->arg);
	if (ue->call)
		ue_call_bye(ue->call);
}

static void on_answered(struct ue_call *call, const char *uri, bool is_focus, struct slice text,
			void *arg)
{
	struct ue *ue = arg;

	(void)is_focus;
	if (ue_files_answered(ue->files, call, text))
		return;
	ue_names_focus(&ue->names, uri);
	if (ue->seal)
		(void)ue_seal_date(ue->seal, ue_call_date(call));
	ue_media_answered(ue, text);
}

static void on_invited(struct ue_call *call, const char *from, const char *by, struct slice sdp,
		       void *arg)
{
	struct ue *ue = arg;
	struct bytes out = BYTES_INIT;

	if (ue_files_invited(ue->files, call, by ? by : from, sdp))
		return;
	if (ue->call) {
		ue_call_reject(call, 486);
		return;
	}
	ue->call = call;
	ue_names_focus(&ue->names, from);
	ue->ops->invitation(ue->names.conference, from, by, ue->arg);
	ue_call_ring(call);
	if (ue->seal)
		(void)ue_seal_date(ue->seal, ue_call_date(call));
	if (ue_media_answer(ue, sdp, &out))
		ue_call_accept(call, bytes_slice(&out));
	else
		ue_call_reject(call, 488);
	bytes_fini(&out);
}

static int on_offered(struct ue_call *call, struct slice sdp, struct bytes *answer_r, void *arg)
{
	struct ue *ue = arg;
	int status;

	if (ue_files_offered(ue->files, call, sdp, answer_r, &status))
		return status;
	if (sdp.len == 0) {
		ue_media_offer(ue, answer_r);
		return 200;
	}
	return ue_media_answer(ue, sdp, answer_r) ? 200 : 488;
}

static void on_progress(struct ue_call *call, int status, const char *phrase, void *arg)
{
	(void)call;
	(void)arg;
	log_debug("%d %s", status, phrase);
}

/* What a refusal says of our key: with that another offer may be taken, once. */
static void on_refused(struct ue_call *call, int status, struct slice sdp, void *arg)
{
	struct ue *ue = arg;

	(void)status;
	if (call != ue->call || ue->leaving)
		return;
	ue->again = ue_media_refused(ue, sdp, &ue->refused_why) && !ue->tried;
}

static int place_call(struct ue *ue)
{
	struct bytes sdp = BYTES_INIT;
	int err;

	ue_media_offer(ue, &sdp);
	err = ue_call_invite(ue->sip, ue->names.called, bytes_slice(&sdp), &ue->call);
	bytes_fini(&sdp);
	return err;
}

static bool try_again(struct ue *ue)
{
	if (!ue->again || ue->leaving)
		return false;
	ue->again = false;
	ue->tried = true;
	log_warn("refused: %s; once more", ue->refused_why);
	ue->refused_why = NULL;
	return place_call(ue) == 0;
}

void ue_leave_when_sent(struct ue *ue)
{
	if (ue->leaving && ue->call && !ue_is_pushing(ue) && (!ue->up || ue_msrp_idle(ue->msrp)))
		ue_call_bye(ue->call);
}

/*
 * The first call may be refused because our request for a key had the time of a wrong clock. The refusal says
 * what time it is: once more then.
 */
static bool again_in_time(struct ue *ue, const struct ue_call *refused)
{
	if (!ue->seal || !ue->calling || ue->joined || ue->leaving || ue->failed)
		return false;
	return ue_seal_date(ue->seal, ue_call_date(refused)) && ue_join(ue, ue->calling) == 0;
}

static void on_ended(struct ue_call *call, bool by_peer, int cause, const char *text, void *arg)
{
	struct ue *ue = arg;
	char *said;

	if (ue_files_ended(ue->files, call, cause, text)) {
		ue_leave_when_sent(ue);
		return;
	}
	if (call != ue->call)
		return;
	ue->call = NULL;
	ue_serve_gone(ue, "the call is over");
	event_del(ue->ev_grace);
	if (try_again(ue))
		return;
	if (by_peer && cause >= 400 && again_in_time(ue, call))
		return;
	said = ue->refused_why ? xasprintf("%s: %s", text, ue->refused_why) : NULL;
	if (!ue->joined && !ue->failed && (by_peer || !ue->leaving))
		ue->ops->error(cause, said ? said : text[0] ? text : "the caller gave up", ue->arg);
	free(said);
	ue->ops->ended(by_peer, cause, text, ue->arg);
}

/* Are we this user? Who was called is in the roster by the URI that was called. */
static bool is_self(const struct ue *ue, const char *uri)
{
	char *here = ue_sip_contact_uri(ue->sip);
	bool self = sip_uri_same(slice_str(uri), slice_str(ue->as)) ||
		    sip_uri_same(slice_str(uri), slice_str(here));

	free(here);
	return self;
}

static void on_change(const struct ue_roster_user *user, enum ue_roster_change change, void *arg)
{
	struct ue *ue = arg;

	if (change == UE_ROSTER_DEPARTED && is_self(ue, user->uri))
		return; /* the end of the call tells it */
	ue->ops->presence(user, change, ue->arg);
}

static void on_conference_info(struct ue_call *call, const char *state, struct slice xml, void *arg)
{
	struct ue *ue = arg;
	struct confinfo_parsed *parsed;
	const struct confinfo_doc *doc;
	int err;

	if (xml.len == 0)
		return;
	if (confinfo_parse(xml, &parsed) < 0) {
		log_warn("a conference-info document is malformed");
		return;
	}
	doc = confinfo_doc(parsed);
	if (doc->entity)
		ue_names_entity(&ue->names, doc->entity);
	err = ue_roster_apply(&ue->roster, doc, on_change, ue);
	if (err == 0 && ue->seal)
		ue_seal_roster(ue->seal, ue->roster.epoch);
	if (err == 0)
		ue->ops->roster(doc->entity ? doc->entity : "", &ue->roster, ue->arg);
	else if (err == -ERR_WRONG_STATE &&
		 !slice_starts(slice_str(state), SLICE_LIT("terminated")) &&
		 ue_call_subscribe(call, SUBSCRIBE_S) < 0)
		log_warn("cannot subscribe afresh");
	confinfo_free(&parsed);
}

static void on_referred(struct ue_call *call, unsigned ticket, int status, const char *reason,
			bool final, bool refused, void *arg)
{
	struct ue *ue = arg;

	(void)call;
	ue->ops->referred(ticket, status, reason, final, refused, ue->arg);
}

static void on_unwatched(struct ue_call *call, int status, const char *reason, void *arg)
{
	struct ue *ue = arg;

	(void)call;
	if (!ue->leaving)
		ue->ops->unwatched(status, reason, ue->arg);
}

static const struct ue_sip_ops sip_ops = {
	.invited = on_invited,
	.refused = on_refused,
	.progress = on_progress,
	.answered = on_answered,
	.offered = on_offered,
	.ended = on_ended,
	.conference_info = on_conference_info,
	.referred = on_referred,
	.unwatched = on_unwatched,
};

static void on_up(void *arg)
{
	struct ue *ue = arg;

	ue->up = true;
	event_del(ue->ev_grace);
	if (ue->seal)
		ue_seal_up(ue->seal);
	if (ue->joined) {
		ue->ops->rejoined(ue->arg);
		return;
	}
	ue->joined = true;
	ue->ops->joined(
		&(struct ue_joined){
			.conference = ue->names.conference,
			.nickname = (ue->chatroom & SDP_CHATROOM_NICKNAME) != 0,
			.private_messages = (ue->chatroom & SDP_CHATROOM_PRIVATE) != 0,
			.tls = ue->secure,
			.psk = ue_msrp_by_key(ue->msrp),
			.sealed = ue_seal_on(ue->seal),
			.could_seal = ue->seal != NULL,
			.serves = ue_seal_owned(ue->seal),
		},
		ue->arg);
	if (ue->subscribe && ue->call && ue_call_subscribe(ue->call, SUBSCRIBE_S) < 0)
		log_warn("cannot subscribe to the conference's state");
}

static void on_grace(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ue_fail(arg, 0, "the session was lost and did not come back");
}

/* The focus may bring the session back (it is told by the switch), or end the call. */
static void on_down(const char *why, void *arg)
{
	struct ue *ue = arg;
	bool was_up = ue->up;
	struct timeval grace = {GRACE_S, 0};

	ue->up = false;
	ue_serve_gone(ue, why);
	if (!ue->call || ue->leaving || ue->failed)
		return;
	if (!ue->joined) {
		ue_fail(ue, 0, why);
		return;
	}
	if (was_up)
		ue->ops->lost(why, ue->arg);
	if (!event_pending(ue->ev_grace, EV_TIMEOUT, NULL))
		evtimer_add(ue->ev_grace, &grace);
}

static void on_aborted(struct slice from, uint64_t size, void *arg)
{
	struct ue *ue = arg;

	ue->ops->aborted(from, size, ue->arg);
}

static void on_receiving(uint64_t done, uint64_t total, void *arg)
{
	struct ue *ue = arg;

	ue->ops->receiving(done, total, ue->arg);
}

static void on_sent(unsigned ticket, int status, const char *reason, void *arg)
{
	struct ue *ue = arg;

	if (ticket == UE_MSRP_FRAMES)
		ue_serve_sent(ue, status, reason);
	else
		ue->ops->sent(ticket, status, reason, ue->arg);
	ue_leave_when_sent(ue);
}

static void on_nickname(unsigned ticket, int status, const char *reason, void *arg)
{
	struct ue *ue = arg;

	ue->ops->nickname(ticket, status, reason, ue->arg);
	ue_leave_when_sent(ue);
}

static const struct ue_msrp_ops msrp_ops = {
	.up = on_up,
	.down = on_down,
	.message = ue_take_message,
	.key = ue_take_key,
	.frames = ue_serve_take,
	.growing = ue_take_growing,
	.gone = ue_take_gone,
	.aborted = on_aborted,
	.receiving = on_receiving,
	.sent = on_sent,
	.nickname = on_nickname,
};

static int make_seal(struct ue *ue, const struct ue_config *config)
{
	struct ue_seal_config seal = config->seal;
	char *here = ue_sip_contact_uri(ue->sip);
	int err;

	seal.as = config->as;
	err = ue_seal_new(ue->base, &seal, &ue_sealed_ops, ue, &ue->seal);
	if (err == 0)
		ue_seal_alias(ue->seal, here);
	free(here);
	return err;
}

int ue_new(struct event_base *base, const struct ue_config *config, const struct ue_ops *ops,
	   void *arg, struct ue **ue_r)
{
	struct ue *ue = xcalloc(1, sizeof(*ue));
	struct ue_sip_config sip = {.listen = config->listen,
				    .proxy = config->proxy,
				    .as = config->as,
				    .display = config->display,
				    .user = config->user,
				    .password = config->password,
				    .udp = config->udp};
	char why_tls[TLS_WHY_SIZE];
	int err;

	ue->base = base;
	ue->ops = ops;
	ue->arg = arg;
	ue->as = xstrdup(config->as);
	ue->display = config->display ? xstrdup(config->display) : NULL;
	ue->passive = config->passive;
	ue->insist_tls = ue->secure = config->tls;
	ue->insist_seal = config->require_e2e;
	ue->subscribe = config->subscribe;
	ue->sdp_id = clock_wall_ms();
	ue->n_key_members = -1;
	ue->ev_grace = evtimer_new(base, on_grace, ue);
	ue->resolver = resolver_new(base, NULL);
	ue_roster_init(&ue->roster);
	ue->signals = ue_signals_new(base, config->ask, config->answers, &ue_signal_ops, ue);
	err = tls_new(&(struct tls_settings){.ask_peer = true}, &ue->tls, why_tls);
	if (err == 0)
		err = ue_sip_open(base, &sip, &sip_ops, ue, &ue->sip);
	if (err == 0)
		ue->files = ue_files_new(base, ue->sip, ue->resolver, &config->listen, ue->tls,
					 ops->files, arg);
	if (err == 0)
		err = ue_msrp_open(base, ue->resolver, &config->listen, ue->tls, &msrp_ops, ue,
				   &ue->msrp);
	if (err == 0 && (config->seal.key_file || config->serve.keys_file))
		err = make_seal(ue, config);
	if (err == 0 && config->serve.keys_file)
		err = ue_serve_open(ue, &config->serve);
	if (err < 0) {
		int why = errno;

		ue_free(&ue);
		errno = why;
		return err;
	}
	*ue_r = ue;
	return 0;
}

void ue_free(struct ue **ue_p)
{
	struct ue *ue = *ue_p;

	if (!ue)
		return;
	ue_serve_close(ue);
	ue_push_forget(ue);
	ue_files_free(&ue->files);
	ue_msrp_free(&ue->msrp);
	resolver_free(&ue->resolver);
	ue_sip_free(&ue->sip);
	ue_roster_fini(&ue->roster);
	ue_signals_free(&ue->signals);
	ue_seal_free(&ue->seal);
	free(ue->as);
	free(ue->display);
	free(ue->calling);
	ue_names_fini(&ue->names);
	event_free(ue->ev_grace);
	tls_free(&ue->tls);
	free(ue);
	*ue_p = NULL;
}

const struct addr *ue_addr(const struct ue *ue)
{
	return ue_sip_addr(ue->sip);
}

int ue_join(struct ue *ue, const char *uri)
{
	if (uri != ue->calling) {
		free(ue->calling);
		ue->calling = xstrdup(uri);
	}
	ue_names_called(&ue->names, uri);
	if (ue->seal)
		ue_seal_room(ue->seal, ue->names.called);
	return place_call(ue);
}

int ue_nickname(struct ue *ue, struct slice nick, unsigned ticket)
{
	return ue->up ? ue_msrp_nickname(ue->msrp, nick, ticket) : -ERR_WRONG_STATE;
}

int ue_invite(struct ue *ue, const char *uri, unsigned ticket)
{
	return ue->call ? ue_call_refer(ue->call, uri, "INVITE", ticket) : -ERR_WRONG_STATE;
}

int ue_remove(struct ue *ue, const char *uri, unsigned ticket)
{
	return ue->call ? ue_call_refer(ue->call, uri, "BYE", ticket) : -ERR_WRONG_STATE;
}

void ue_typing(struct ue *ue, bool active)
{
	ue_signals_typing(ue->signals, active);
}

void ue_leave(struct ue *ue)
{
	if (ue->leaving || !ue->call)
		return;
	ue->leaving = true;
	ue_leave_when_sent(ue);
}

const struct ue_roster *ue_roster(const struct ue *ue)
{
	return &ue->roster;
}

uint64_t ue_max_size(const struct ue *ue)
{
	return ue->max_size;
}

bool ue_is_sealed(const struct ue *ue)
{
	return ue_seal_on(ue->seal);
}
