/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User equipment in a conference: binds the call to its media. A media session that was lost may come
 * back by an offer of the focus within a grace time. It knows no SIP message and no MSRP frame.
 */
#include "ue/ue.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "common/resolve.h"
#include "proto/sip_uri.h"
#include "ue/ue_names.h"
#include "ue/ue_sdp.h"
#include "ue/ue_sip.h"

#define LOG_PLACE   "ue"
#define SUBSCRIBE_S 3600
#define GRACE_S     30 /* for a lost session to come back */

struct ue {
	struct event_base *base;
	const struct ue_ops *ops;
	void *arg;
	char *as, *display;
	bool passive, subscribe;
	struct ue_sip *sip;
	struct ue_call *call;
	struct ue_msrp *msrp;
	struct ue_files *files;
	struct resolver *resolver;
	struct ue_roster roster;
	struct ue_names names;
	struct ue_signals *signals;
	uint64_t sdp_id, sdp_version;
	bool up, joined, leaving, failed;
	unsigned chatroom;      /* of the peer's SDP */
	uint64_t max_size;      /* of the peer's SDP; 0: none */
	struct event *ev_grace; /* runs while the session is lost */
};

static void write_sdp(struct ue *ue, enum sdp_setup setup, enum sdp_dir dir, struct bytes *out)
{
	char host[ADDR_STRLEN];

	ue_sdp_write(&(struct ue_sdp){.host = addr_host(ue_sip_addr(ue->sip), host),
				      .v6 = addr_is_v6(ue_sip_addr(ue->sip)),
				      .port = ue_msrp_port(ue->msrp),
				      .path = ue_msrp_path(ue->msrp),
				      .id = ue->sdp_id,
				      .version = ++ue->sdp_version,
				      .setup = setup,
				      .dir = dir},
		     out);
}

static void fail(struct ue *ue, int code, const char *text)
{
	ue->failed = true;
	ue->ops->error(code, text, ue->arg);
	if (ue->call)
		ue_call_bye(ue->call);
}

/* The media is agreed: start it. */
static void start_media(struct ue *ue, const struct sdp_media *m, bool active)
{
	ue->chatroom = m->has_chatroom ? m->chatroom : 0;
	ue->max_size = m->max_size;
	ue_msrp_limit(ue->msrp, m->max_size);
	if (ue_msrp_start(ue->msrp, m->path, active) < 0)
		fail(ue, 0, "the MSRP session cannot be opened");
}

static void on_answered(struct ue_call *call, const char *uri, bool is_focus, struct slice text,
			void *arg)
{
	struct ue *ue = arg;
	struct sdp_session sdp;
	int line;

	(void)is_focus;
	if (ue_files_answered(ue->files, call, text))
		return;
	ue_names_focus(&ue->names, uri);
	if (sdp_parse_msrp(text, false, &sdp) < 0) {
		fail(ue, 0, "the answer has no usable description");
		return;
	}
	line = ue_sdp_chat_line(&sdp);
	if (line < 0)
		fail(ue, 0, "the answer accepts no chat session");
	else /* no setup in the answer: the offerer is active (RFC 4975 5.4) */
		start_media(ue, &sdp.media[line], sdp.media[line].setup != SDP_SETUP_ACTIVE);
	sdp_fini(&sdp);
}

/* Answer an offer; false when it has no chat line for us. */
static bool answer(struct ue *ue, struct slice offer, struct bytes *out)
{
	struct sdp_session sdp;
	enum sdp_setup setup = SDP_SETUP_PASSIVE;
	int line;

	if (sdp_parse_msrp(offer, false, &sdp) < 0)
		return false;
	line = ue_sdp_chat_line(&sdp);
	if (line >= 0) {
		enum sdp_setup offered = sdp.media[line].setup;
		enum sdp_dir dir = sdp_dir_answer(sdp.media[line].dir, SDP_SENDRECV);

		if (offered == SDP_SETUP_PASSIVE || (offered == SDP_SETUP_ACTPASS && !ue->passive))
			setup = SDP_SETUP_ACTIVE;
		write_sdp(ue, setup, dir, out);
		start_media(ue, &sdp.media[line], setup == SDP_SETUP_ACTIVE);
	}
	sdp_fini(&sdp);
	return line >= 0;
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
	if (answer(ue, sdp, &out))
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
		write_sdp(ue, SDP_SETUP_ACTPASS, SDP_SENDRECV, answer_r);
		return 200;
	}
	return answer(ue, sdp, answer_r) ? 200 : 488;
}

static void on_progress(struct ue_call *call, int status, const char *phrase, void *arg)
{
	(void)call;
	(void)arg;
	log_debug("%d %s", status, phrase);
}

/* A leaver's BYE waits until everything queued is answered. */
static void leave_when_sent(struct ue *ue)
{
	if (ue->leaving && ue->call && !ue_files_sending(ue->files) &&
	    (!ue->up || ue_msrp_idle(ue->msrp)))
		ue_call_bye(ue->call);
}

static void on_ended(struct ue_call *call, bool by_peer, int cause, const char *text, void *arg)
{
	struct ue *ue = arg;

	if (ue_files_ended(ue->files, call, cause, text)) {
		leave_when_sent(ue);
		return;
	}
	if (call != ue->call)
		return;
	ue->call = NULL;
	event_del(ue->ev_grace);
	if (!ue->joined && !ue->failed && (by_peer || !ue->leaving))
		ue->ops->error(cause, text[0] ? text : "the caller gave up", ue->arg);
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
	if (ue->joined) {
		ue->ops->rejoined(ue->arg);
		return;
	}
	ue->joined = true;
	ue->ops->joined(ue->names.conference, (ue->chatroom & SDP_CHATROOM_NICKNAME) != 0,
			(ue->chatroom & SDP_CHATROOM_PRIVATE) != 0, ue->arg);
	if (ue->subscribe && ue->call && ue_call_subscribe(ue->call, SUBSCRIBE_S) < 0)
		log_warn("cannot subscribe to the conference's state");
}

static void on_grace(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fail(arg, 0, "the session was lost and did not come back");
}

/* The focus may bring the session back (it is told by the switch), or end the call. */
static void on_down(const char *why, void *arg)
{
	struct ue *ue = arg;
	bool was_up = ue->up;
	struct timeval grace = {GRACE_S, 0};

	ue->up = false;
	if (!ue->call || ue->leaving || ue->failed)
		return;
	if (!ue->joined) {
		fail(ue, 0, why);
		return;
	}
	if (was_up)
		ue->ops->lost(why, ue->arg);
	if (!event_pending(ue->ev_grace, EV_TIMEOUT, NULL))
		evtimer_add(ue->ev_grace, &grace);
}

static void on_message(const struct ue_message *m, void *arg)
{
	struct ue *ue = arg;

	bool from_room = !ue_names_private(&ue->names, m->cpim.from, ue->as);

	if (ue_signals_take(ue->signals, m, from_room))
		return;
	ue->ops->message(m, ue_names_private(&ue->names, m->cpim.to, ue->as), ue->arg);
	ue_signals_shown(ue->signals, m);
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

	ue->ops->sent(ticket, status, reason, ue->arg);
	leave_when_sent(ue);
}

static void on_nickname(unsigned ticket, int status, const char *reason, void *arg)
{
	struct ue *ue = arg;

	ue->ops->nickname(ticket, status, reason, ue->arg);
	leave_when_sent(ue);
}

static const struct ue_msrp_ops msrp_ops = {
	.up = on_up,
	.down = on_down,
	.message = on_message,
	.aborted = on_aborted,
	.receiving = on_receiving,
	.sent = on_sent,
	.nickname = on_nickname,
};

/* From, To and DateTime of a message of ours. */
static void cpim_to(const struct ue *ue, const char *to, char when[CLOCK_RFC3339_SIZE],
		    struct cpim_fields *f)
{
	f->from_display = slice_str(ue->display);
	f->from_uri = slice_str(ue->as);
	f->to_uri = slice_str(to ? to : ue->names.conference);
	f->date_time = slice_str(clock_rfc3339(clock_wall_ms(), when));
}

static void on_signal(const char *to, struct cpim_fields *f, struct slice document, void *arg)
{
	struct ue *ue = arg;
	char when[CLOCK_RFC3339_SIZE];

	if (!ue->up || ue->leaving)
		return;
	cpim_to(ue, to, when, f);
	if (ue_msrp_send(ue->msrp, f, document, 0) < 0)
		log_debug("a notification was not sent");
}

static void on_receipt(const struct ue_receipt *receipt, void *arg)
{
	struct ue *ue = arg;

	ue->ops->receipt(receipt, ue->arg);
}

static void on_typing(struct slice who, bool active, void *arg)
{
	struct ue *ue = arg;

	ue->ops->typing(who, active, ue->arg);
}

static const struct ue_signals_ops signals_ops = {
	.send = on_signal,
	.receipt = on_receipt,
	.typing = on_typing,
};

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
	int err;

	ue->base = base;
	ue->ops = ops;
	ue->arg = arg;
	ue->as = xstrdup(config->as);
	ue->display = config->display ? xstrdup(config->display) : NULL;
	ue->passive = config->passive;
	ue->subscribe = config->subscribe;
	ue->sdp_id = clock_wall_ms();
	ue->ev_grace = evtimer_new(base, on_grace, ue);
	ue->resolver = resolver_new(base, NULL);
	ue_roster_init(&ue->roster);
	ue->signals = ue_signals_new(base, config->ask, config->answers, &signals_ops, ue);
	err = ue_sip_open(base, &sip, &sip_ops, ue, &ue->sip);
	if (err == 0)
		ue->files =
			ue_files_new(base, ue->sip, ue->resolver, &config->listen, ops->files, arg);
	if (err == 0)
		err = ue_msrp_open(base, ue->resolver, &config->listen, &msrp_ops, ue, &ue->msrp);
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
	ue_files_free(&ue->files);
	ue_msrp_free(&ue->msrp);
	resolver_free(&ue->resolver);
	ue_sip_free(&ue->sip);
	ue_roster_fini(&ue->roster);
	ue_signals_free(&ue->signals);
	free(ue->as);
	free(ue->display);
	ue_names_fini(&ue->names);
	event_free(ue->ev_grace);
	free(ue);
	*ue_p = NULL;
}

const struct addr *ue_addr(const struct ue *ue)
{
	return ue_sip_addr(ue->sip);
}

int ue_join(struct ue *ue, const char *uri)
{
	struct bytes sdp = BYTES_INIT;
	int err;

	write_sdp(ue, SDP_SETUP_ACTPASS, SDP_SENDRECV, &sdp);
	ue_names_called(&ue->names, uri);
	err = ue_call_invite(ue->sip, uri, bytes_slice(&sdp), &ue->call);
	bytes_fini(&sdp);
	return err;
}

int ue_say(struct ue *ue, const char *to, struct slice text, unsigned ticket)
{
	struct cpim_fields f = {.content_type = SLICE_LIT("text/plain;charset=UTF-8")};
	char when[CLOCK_RFC3339_SIZE];
	struct ue_signals_id id;
	int err;

	cpim_to(ue, to, when, &f);
	ue_signals_saying(ue->signals, &f, &id);
	err = ue_msrp_send(ue->msrp, &f, text, ticket);
	ue_signals_said(ue->signals, &id, ticket, err);
	return err;
}

int ue_send_file(struct ue *ue, const char *name, const char *type, int fd_take, uint64_t size,
		 unsigned ticket)
{
	struct cpim_fields f = {.content_type = slice_str(type)};
	char when[CLOCK_RFC3339_SIZE], *disposition;
	int err;

	cpim_to(ue, NULL, when, &f);
	disposition =
		xasprintf("attachment; filename=\"%s\"; size=%llu", name, (unsigned long long)size);
	f.content_disposition = slice_str(disposition);
	err = ue_msrp_send_file(ue->msrp, &f, fd_take, size, ticket);
	free(disposition);
	return err;
}

int ue_push(struct ue *ue, const char *name, const char *type, int fd_take, uint64_t size,
	    uint64_t from, unsigned ticket)
{
	if (!ue->joined || !ue->call) {
		close(fd_take);
		return -ERR_WRONG_STATE;
	}
	return ue_files_push(ue->files, ue->names.conference, name, type, fd_take, size, from,
			     ticket);
}

bool ue_stop_pushing(struct ue *ue)
{
	bool any = ue_files_sending(ue->files);

	ue_files_stop(ue->files);
	return any;
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
	leave_when_sent(ue);
}

const struct ue_roster *ue_roster(const struct ue *ue)
{
	return &ue->roster;
}

uint64_t ue_max_size(const struct ue *ue)
{
	return ue->max_size;
}
