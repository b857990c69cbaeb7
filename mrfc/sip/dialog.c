/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INVITE sessions, the part where the peer acts: its INVITE and our answer, ACK, CANCEL, BYE,
 * re-INVITE and UPDATE with their glare and overlap rules, RFC 3261 13-15, RFC 3311, RFC 3262. Owns
 * the dialog and its requests in progress. Knows SDP only as text; its owner decides.
 */
#include "mrfc/sip/dialog.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "mrfc/sip/dialog_priv.h"

#define LOG_PLACE "dialog"

struct dialog_set *dialog_set_new(struct event_base *base, struct sip_agent *a,
				  const struct dialog_settings *settings,
				  const struct dialog_ops *ops)
{
	struct dialog_set *set = xcalloc(1, sizeof(*set));

	set->base = base;
	set->agent = a;
	set->settings = *settings;
	set->ops = ops;
	LIST_INIT(&set->all);
	return set;
}

void dialog_set_free(struct dialog_set **setp)
{
	struct dialog_set *set = *setp;

	if (set == NULL)
		return;
	*setp = NULL;
	while (!LIST_EMPTY(&set->all))
		dialog_release(LIST_FIRST(&set->all));
	free(set);
}

size_t dialog_set_count(const struct dialog_set *set)
{
	return set->n;
}

void dialog_tell_changed(struct dialog *d)
{
	if (!d->closed && d->set->ops->changed != NULL)
		d->set->ops->changed(d, d->arg);
}

static void on_leg_changed(void *arg)
{
	dialog_tell_changed(arg);
}

/* Its INVITE comes again, in a transaction that this process knows nothing of. */
static void on_repeated(struct sip_in *in, void *arg)
{
	struct dialog *d = arg;

	dialog_enter(d);
	if (d->ack_timer != NULL && d->invite == NULL)
		dialog_answer_again(d, in);
	else
		dialog_request(in, d);
	dialog_leave(d);
}

static void on_late_ack(void *arg)
{
	struct dialog *d = arg;

	dialog_alive(d);
}

struct dialog *dialog_new(struct dialog_set *set, const char *name, void *arg)
{
	struct dialog *d = xcalloc(1, sizeof(*d));

	d->set = set;
	d->name = xstrdup(name);
	d->arg = arg;
	d->usage = (struct sip_usage){.invite = true,
				      .request = dialog_request,
				      .repeated = on_repeated,
				      .changed = on_leg_changed,
				      .acked = on_late_ack,
				      .arg = d};
	LIST_INSERT_HEAD(&set->all, d, link);
	set->n++;
	return d;
}

static void destroy(struct dialog *d)
{
	LIST_REMOVE(d, link);
	d->set->n--;
	dialog_note_over(d);
	if (d->bye != NULL)
		sip_in_end_status(&d->bye, 200);
	sip_in_free(&d->invite);
	sip_in_free(&d->update);
	sip_out_free(&d->out);
	sip_out_free(&d->early_out);
	timer_free(&d->reserve_timer);
	bytes_fini(&d->early);
	timer_free(&d->session_timer);
	timer_free(&d->retry_timer);
	timer_free(&d->ack_timer);
	sip_leg_detach(&d->usage);
	bytes_fini(&d->held);
	bytes_fini(&d->local);
	bytes_fini(&d->explanation);
	bytes_fini(&d->next_offer);
	free(d->bye_text);
	free(d->name);
	free(d->call_id);
	free(d->remote_contact);
	free(d);
}

void dialog_enter(struct dialog *d)
{
	d->busy++;
}

void dialog_leave(struct dialog *d)
{
	if (--d->busy == 0 && d->doomed)
		destroy(d);
}

void dialog_release(struct dialog *d)
{
	d->closed = true;
	if (d->busy > 0)
		d->doomed = true;
	else
		destroy(d);
}

bool dialog_event(struct dialog *d, enum dialog_event event)
{
	int next = dialog_state_next(d->state, event);

	if (next < 0) {
		log_debug("%s: %s does not fit state %s", d->call_id, dialog_event_name(event),
			  dialog_state_name(d->state));
		return false;
	}
	if ((enum dialog_state)next != d->state)
		log_debug("%s: %s -> %s (%s)", d->call_id, dialog_state_name(d->state),
			  dialog_state_name((enum dialog_state)next), dialog_event_name(event));
	if (next == DIALOG_CONFIRMED)
		d->confirmed_wall_ms = clock_wall_ms();
	d->state = (enum dialog_state)next;
	return true;
}

void dialog_tell_ended(struct dialog *d, enum dialog_end how, int status, const char *phrase)
{
	if (!d->closed)
		d->set->ops->ended(d, how, status, phrase, d->arg);
}

char *dialog_contact(const struct dialog *d)
{
	struct bytes b = BYTES_INIT;

	sip_agent_focus_contact(d->set->agent, d->name, &b);
	return bytes_take(&b);
}

void dialog_common_headers(const struct dialog *d, struct bytes *h)
{
	sip_header_add(h, "Allow", sip_in_allow());
	bytes_addf(h, "Supported: %s%s\r\n", sip_in_supported(),
		   sip_agent_preconditions(d->set->agent) ? ", precondition" : "");
	sip_header_add(h, "Allow-Events", "conference");
}

void dialog_send_bye(struct dialog *d, int cause, const char *text)
{
	struct bytes h = BYTES_INIT;
	char *reason = xasprintf("SIP;cause=%d;text=\"%s\"", cause, text);

	sip_header_add(&h, "Reason", reason);
	sip_out_fire(d->usage.leg,
		     &(struct sip_out_request){.method = "BYE", .headers = bytes_cstr(&h)});
	bytes_fini(&h);
	free(reason);
}

static void refuse_422(struct sip_in **in, uint32_t min_se_s)
{
	struct bytes h = BYTES_INIT;

	bytes_addf(&h, "Min-SE: %u\r\n", min_se_s);
	sip_in_end(in, &(struct sip_answer){.status = 422, .headers = bytes_cstr(&h)});
	bytes_fini(&h);
}

static void refuse_overlap(struct sip_in **in)
{
	struct bytes h = BYTES_INIT;

	bytes_addf(&h, "Retry-After: %u\r\n", (unsigned)(rand_u64() % 10)); /* RFC 3261 14.2 */
	sip_in_end(in, &(struct sip_answer){.status = 500, .headers = bytes_cstr(&h)});
	bytes_fini(&h);
}

/* 200 to an INVITE or UPDATE, with the session timer it brings. */
void dialog_send_ok(struct dialog *d, struct sip_in *in, struct slice sdp)
{
	struct bytes h = BYTES_INIT;
	char *contact = dialog_contact(d);

	dialog_common_headers(d, &h);
	sip_header_add(&h, "Accept", sip_in_accept());
	/* Checked when the request came in; the result is the same. */
	if (session_timer_answer(&in->timer, d->set->settings.session_expires_s,
				 d->set->settings.min_se_s, &d->session) == 0 &&
	    d->session.expires_s != 0) {
		bytes_addf(&h, "Session-Expires: %u;refresher=%s\r\n", d->session.expires_s,
			   d->session.we_refresh ? "uas" : "uac");
		if (d->session.require)
			sip_header_add(&h, "Require", "timer");
	}
	sip_in_answer(in,
		      &(struct sip_answer){.status = 200,
					   .contact = contact,
					   .headers = bytes_cstr(&h),
					   .content_type = sdp.len > 0 ? "application/sdp" : NULL,
					   .body = sdp});
	bytes_fini(&h);
	free(contact);
	dialog_session_start(d);
}

static void answer_now(struct dialog *d, struct slice sdp)
{
	if (sdp.ptr != d->local.data) {
		bytes_reset(&d->local);
		bytes_add_slice(&d->local, sdp);
	}
	if (d->update != NULL) {
		dialog_send_ok(d, d->update, bytes_slice(&d->local));
		sip_in_free(&d->update);
		dialog_continue(d);
		return;
	}
	if (d->invite == NULL || sip_in_answered(d->invite))
		return; /* cancelled meanwhile */
	if (d->state == DIALOG_INCOMING && !dialog_event(d, DIALOG_EV_ANSWER))
		return;
	dialog_send_ok(d, d->invite, bytes_slice(&d->local));
}

void dialog_answer(struct dialog *d, struct slice sdp)
{
	d->change_waits = false;
	if (d->wait_prack) {
		d->holding = true;
		bytes_reset(&d->held);
		bytes_add_slice(&d->held, sdp);
		return;
	}
	answer_now(d, sdp);
}

void dialog_explain(struct dialog *d, struct slice sdp)
{
	bytes_reset(&d->explanation);
	bytes_add_slice(&d->explanation, sdp);
}

static struct sip_answer refusal(const struct dialog *d, int status, const char *headers)
{
	bool explained = status == 488 && d->explanation.len > 0;

	return (struct sip_answer){.status = status,
				   .headers = headers,
				   .content_type = explained ? "application/sdp" : NULL,
				   .body = explained ? bytes_slice(&d->explanation) : SLICE_NULL};
}

void dialog_refuse(struct dialog *d, int status, const char *headers)
{
	const struct sip_answer answer = refusal(d, status, headers);

	d->change_waits = false;
	if (d->update != NULL)
		sip_in_end(&d->update, &answer);
	else if (d->invite != NULL)
		sip_in_end(&d->invite, &answer);
	bytes_reset(&d->explanation);
	dialog_continue(d);
}

void dialog_confirm(struct dialog *d, struct slice sdp)
{
	bool first = d->state == DIALOG_ACCEPTED || d->state == DIALOG_LEAVING;
	bool ours = d->we_offer;

	timer_free(&d->ack_timer);
	sip_in_free(&d->invite);
	d->we_offer = false;
	if (d->state == DIALOG_LEAVING) {
		dialog_send_bye(d, d->bye_cause, d->bye_text);
		(void)dialog_event(d, DIALOG_EV_ACK);
		dialog_release(d);
		return;
	}
	if (first && !dialog_event(d, DIALOG_EV_ACK))
		return;
	if (ours && !d->closed)
		d->set->ops->answer(d, sdp, d->arg);
	if (first && !d->closed)
		d->set->ops->confirmed(d, d->arg);
	if (!d->closed)
		dialog_continue(d);
}

void dialog_no_ack(struct dialog *d)
{
	bool lingering = d->state == DIALOG_LEAVING;

	timer_free(&d->ack_timer);
	sip_in_free(&d->invite);
	if (d->state == DIALOG_CONFIRMED) { /* of a re-INVITE: the owner hangs up */
		dialog_tell_ended(d, DIALOG_END_NO_ACK, 408, "No ACK");
		return;
	}
	dialog_send_bye(d, 408, "No ACK");
	(void)dialog_event(d, DIALOG_EV_NO_ACK);
	if (lingering)
		dialog_release(d);
	else
		dialog_tell_ended(d, DIALOG_END_NO_ACK, 408, "No ACK");
}

/* The session stays as it was; nothing else changes it until the owner has seen to that. */
static void on_change_cancelled(struct dialog *d)
{
	if (d->change_waits && !d->closed)
		d->set->ops->change_cancelled(d, d->arg);
	if (!d->closed)
		dialog_continue(d);
}

static void on_change(struct dialog *d, struct sip_in *in);

static void on_pracked(struct dialog *d)
{
	struct sip_in *offer = d->invite != NULL ? sip_in_take_prack(d->invite) : NULL;

	if (offer != NULL)
		on_change(d, offer);
	else if (d->holding)
		answer_now(d, bytes_slice(&d->held));
}

static void on_invite_event(enum sip_in_event event, struct slice sdp, void *arg)
{
	struct dialog *d = arg;

	dialog_enter(d);
	switch (event) {
	case SIP_IN_ACKED:
		dialog_confirm(d, sdp);
		break;
	case SIP_IN_CANCELLED:
		sip_in_free(&d->invite);
		if (d->state != DIALOG_INCOMING)
			on_change_cancelled(d);
		else if (dialog_event(d, DIALOG_EV_CANCEL_IN))
			dialog_tell_ended(d, DIALOG_END_CANCELLED, 487, "Request Terminated");
		break;
	case SIP_IN_NO_ACK:
		dialog_no_ack(d);
		break;
	case SIP_IN_PRACKED:
		d->wait_prack = false;
		on_pracked(d);
		break;
	case SIP_IN_NO_PRACK:
		d->wait_prack = false;
		if (d->state == DIALOG_INCOMING)
			dialog_tell_ended(d, DIALOG_END_NO_PRACK, 504, "No PRACK");
		break;
	}
	dialog_leave(d);
}

void dialog_answer_again(struct dialog *d, struct sip_in *in)
{
	d->invite = in;
	sip_in_bind(in, on_invite_event, d);
	dialog_send_ok(d, in, bytes_slice(&d->local));
}

int dialog_accept(struct dialog_set *set, struct sip_in **in, const char *name, void *arg,
		  struct dialog **dialog_r)
{
	struct session_timer timer;
	struct dialog *d;

	if (session_timer_answer(&(*in)->timer, set->settings.session_expires_s,
				 set->settings.min_se_s, &timer) != 0) {
		refuse_422(in, set->settings.min_se_s);
		return -ERR_LIMIT;
	}
	d = dialog_new(set, name, arg);
	d->incoming = true;
	d->invite = *in;
	*in = NULL;
	d->call_id = xstrdup(d->invite->call_id);
	d->remote_contact = xstrdup(d->invite->contact);
	d->peer_updates = d->invite->allows_update;
	d->we_offer = d->invite->sdp.ptr == NULL;
	d->session = timer; /* is recorded before the answer goes */
	(void)dialog_event(d, DIALOG_EV_INVITE_IN);
	sip_leg_attach(sip_leg_accept(d->invite), &d->usage);
	sip_in_bind(d->invite, on_invite_event, d);
	sip_in_status(d->invite, 100);
	/* Nobody is called before he has his resources (RFC 3312 6). */
	if ((d->invite->require & SIP_OPT_100REL) != 0 &&
	    !(sip_agent_preconditions(set->agent) &&
	      ((d->invite->supported | d->invite->require) & SIP_OPT_PRECONDITION) != 0))
		dialog_ring(d, 180, SLICE_NULL);
	*dialog_r = d;
	return 0;
}

/* A re-INVITE, or an UPDATE: RFC 3261 14.2 and RFC 3311 5.2. */
static void on_change(struct dialog *d, struct sip_in *in)
{
	bool offer = in->method == SIP_IN_INVITE || in->sdp.ptr != NULL;
	struct session_timer timer;

	if (d->closed || (d->state != DIALOG_CONFIRMED && d->state != DIALOG_ACCEPTED &&
			  d->state != DIALOG_INCOMING)) {
		sip_in_end_status(&in, 481);
	} else if (session_timer_answer(&in->timer, d->set->settings.session_expires_s,
					d->set->settings.min_se_s, &timer) != 0) {
		refuse_422(&in, d->set->settings.min_se_s);
	} else if (!offer) {
		sip_leg_refresh_target(d->usage.leg, in);
		dialog_send_ok(d, in, SLICE_NULL);
		sip_in_free(&in);
	} else if (d->out != NULL && d->out_is_offer) {
		sip_in_end_status(&in, 491);
	} else if ((d->change_waits || d->invite != NULL || d->state != DIALOG_CONFIRMED) &&
		   !dialog_takes_early(d, in)) {
		refuse_overlap(&in);
	} else {
		sip_leg_refresh_target(d->usage.leg, in);
		if (in->contact != NULL) {
			free(d->remote_contact);
			d->remote_contact = xstrdup(in->contact);
		}
		if (in->allows_update)
			d->peer_updates = true;
		d->change_waits = true;
		if (in->method != SIP_IN_INVITE) {
			d->update = in;
		} else {
			d->invite = in;
			d->we_offer = in->sdp.ptr == NULL;
			sip_in_bind(in, on_invite_event, d);
			sip_in_status(in, 100);
		}
		d->set->ops->change(d, in->sdp, d->arg);
	}
}

static void on_bye(struct dialog *d, struct sip_in *in)
{
	bool early = d->state == DIALOG_INCOMING;

	if (!dialog_event(d, DIALOG_EV_BYE_IN)) {
		/* We hung up ourselves, or it is an early dialog of our own call. */
		sip_in_end_status(&in, d->state == DIALOG_ENDED ? 200 : 481);
		return;
	}
	d->bye = in;
	if (early)
		sip_in_end_status(&d->invite, 487);
	if (d->closed)
		dialog_release(d);
	else
		dialog_tell_ended(d, early ? DIALOG_END_CANCELLED : DIALOG_END_BYE, 200, "BYE");
}

void dialog_request(struct sip_in *in, void *arg)
{
	struct dialog *d = arg;

	dialog_enter(d);
	dialog_alive(d);
	if (in->method == SIP_IN_BYE)
		on_bye(d, in);
	else if (in->method == SIP_IN_INVITE || in->method == SIP_IN_UPDATE)
		on_change(d, in);
	else
		sip_in_end_status(&in, 481); /* PRACK of nothing */
	dialog_leave(d);
}

struct sip_in *dialog_take_bye(struct dialog *d)
{
	struct sip_in *bye = d->bye;

	d->bye = NULL;
	return bye;
}

void dialog_close(struct dialog **dp, int status, const char *headers, int cause, const char *text)
{
	struct dialog *d = *dp;
	struct sip_answer answer;

	if (d == NULL)
		return;
	*dp = NULL;
	dialog_enter(d);
	d->closed = true;
	switch (d->state) {
	case DIALOG_INCOMING:
		answer = refusal(d, status, headers);
		sip_in_end(&d->invite, &answer);
		(void)dialog_event(d, DIALOG_EV_REFUSE);
		dialog_release(d);
		break;
	case DIALOG_ACCEPTED:
		(void)dialog_event(d, DIALOG_EV_HANGUP);
		d->bye_cause = cause;
		d->bye_text = xstrdup(text);
		break;
	case DIALOG_CALLING:
	case DIALOG_RINGING:
		(void)dialog_event(d, DIALOG_EV_HANGUP);
		if (d->out != NULL)
			sip_out_cancel(d->out);
		else
			dialog_release(d);
		break;
	case DIALOG_CONFIRMED:
		(void)dialog_event(d, DIALOG_EV_HANGUP);
		if (d->out != NULL)
			sip_out_ack(d->out); /* no BYE before it (RFC 3261 13.2.2.4) */
		dialog_send_bye(d, cause, text);
		dialog_release(d);
		break;
	default:
		dialog_release(d);
		break;
	}
	dialog_leave(d);
}

enum dialog_state dialog_state(const struct dialog *d)
{
	return d->state;
}

struct sip_leg *dialog_leg(struct dialog *d)
{
	return d->usage.leg;
}

const char *dialog_remote_contact(const struct dialog *d)
{
	return d->remote_contact;
}
