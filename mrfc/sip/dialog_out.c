/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INVITE sessions, the part where we act: our INVITE, re-offers with their retry after glare
 * (RFC 3261 14.1), and the session timer: refresh by UPDATE or re-INVITE at half time, the end when
 * nobody refreshes (RFC 4028 7.4, 10).
 */
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "mrfc/sip/dialog_priv.h"

#define LOG_PLACE "dialog"

#define RESUME_SPREAD_MS 2000
#define TOO_SMALL_MAX    4 /* answers 422 in a row: such a peer will never be content */

static void on_session_timer(void *arg)
{
	struct dialog *d = arg;

	dialog_enter(d);
	if (d->state == DIALOG_CONFIRMED && d->session.we_refresh && !d->session_ending) {
		d->session_ending = true;
		timer_start(d->session_timer,
			    session_timer_end_ms(&d->session) - session_timer_due_ms(&d->session));
		dialog_refresh(d);
	} else if (d->state == DIALOG_CONFIRMED) {
		dialog_tell_ended(d, DIALOG_END_EXPIRED, 408, "Session expired");
	}
	dialog_leave(d);
}

void dialog_session_start(struct dialog *d)
{
	uint64_t due_ms = session_timer_due_ms(&d->session);
	/* With the first answer: dialog_save() foresaw the end. */
	bool recorded = d->state == DIALOG_ACCEPTED && d->expires_wall_ms == 0;

	d->session_ending = false;
	d->expires_wall_ms =
		due_ms != 0 ? clock_wall_ms() + (uint64_t)d->session.expires_s * 1000 : 0;
	if (!recorded)
		dialog_tell_changed(d);
	if (due_ms == 0) {
		timer_free(&d->session_timer);
		return;
	}
	if (d->session_timer == NULL)
		d->session_timer = timer_new(d->set->base, on_session_timer, d);
	timer_start(d->session_timer, due_ms);
}

void dialog_session_resume(struct dialog *d)
{
	uint64_t all_ms = (uint64_t)d->session.expires_s * 1000, now_ms = clock_wall_ms();
	uint64_t left_ms = d->expires_wall_ms > now_ms ? d->expires_wall_ms - now_ms : 0;
	uint64_t gone_ms = left_ms < all_ms ? all_ms - left_ms : 0;
	uint64_t due_ms = session_timer_due_ms(&d->session);

	if (due_ms == 0)
		return;
	/* Many may be due after a pause: not all in one moment. */
	due_ms = due_ms > gone_ms ? due_ms - gone_ms : rand_u64() % RESUME_SPREAD_MS;
	d->session_timer = timer_new(d->set->base, on_session_timer, d);
	timer_start(d->session_timer, due_ms);
}

static void on_call_result(const struct sip_out_result *r, void *arg)
{
	struct dialog *d = arg;

	dialog_enter(d);
	if (r->status < 200) {
		if (dialog_event(d, DIALOG_EV_PROVISIONAL) && !d->closed)
			d->set->ops->ringing(d, r->status, d->arg);
		if (r->reliable && r->sdp.ptr != NULL && d->early.len == 0 && !d->closed) {
			dialog_keep_early(d, r->sdp);
			if (d->set->ops->early_answer != NULL)
				d->set->ops->early_answer(d, r->sdp, d->arg);
		}
	} else if (r->status < 300) {
		(void)dialog_event(d, DIALOG_EV_OK);
		if (d->closed) { /* the 2xx crossed our CANCEL */
			sip_out_ack(d->out);
			dialog_send_bye(d, 487, "Cancelled");
			dialog_release(d);
		} else {
			free(d->remote_contact);
			d->remote_contact = r->contact != NULL ? xstrdup(r->contact) : NULL;
			d->peer_updates = r->allows_update;
			session_timer_accepted(&r->timer, d->set->settings.session_expires_s,
					       d->set->settings.min_se_s, &d->session);
			dialog_session_start(d);
			d->set->ops->accepted(d, r, d->arg);
			/* What came in a reliable 18x need not come again (RFC 3262 5). */
			if (!d->closed)
				d->set->ops->answer(d,
						    r->sdp.ptr != NULL || d->early.len == 0
							    ? r->sdp
							    : bytes_slice(&d->early),
						    d->arg);
			if (!d->closed)
				d->set->ops->confirmed(d, d->arg);
		}
	} else {
		free(d->remote_contact); /* of a 3xx: where to go instead */
		d->remote_contact = r->contact != NULL ? xstrdup(r->contact) : NULL;
		sip_out_free(&d->out);
		(void)dialog_event(d, DIALOG_EV_FAILED);
		if (!d->closed && d->set->ops->refused != NULL)
			d->set->ops->refused(d, r, d->arg);
		if (d->closed)
			dialog_release(d);
		else
			dialog_tell_ended(d, DIALOG_END_REFUSED, r->status, r->phrase);
	}
	dialog_leave(d);
}

int dialog_prepare(struct dialog_set *set, const struct dialog_call_to *to, void *arg,
		   struct dialog **dialog_r)
{
	struct bytes who = BYTES_INIT, me = BYTES_INIT;
	struct dialog *d = dialog_new(set, to->name, arg);
	struct sip_leg *leg;
	char ident[21];

	rand_ident(ident, 20);
	d->call_id = xasprintf("%s@%s", ident, sip_agent_domain(set->agent));
	bytes_addf(&me, "<%s>", to->from);
	bytes_addf(&who, "<%s>", to->target);
	leg = sip_leg_call(set->agent, bytes_cstr(&me), bytes_cstr(&who), d->call_id);
	bytes_fini(&who);
	bytes_fini(&me);
	if (leg == NULL) {
		dialog_release(d);
		return -ERR_SYNTAX;
	}
	sip_leg_attach(leg, &d->usage);
	*dialog_r = d;
	return 0;
}

int dialog_invite(struct dialog *d, const struct dialog_call_to *to)
{
	const struct dialog_settings *settings = &d->set->settings;
	struct bytes h = BYTES_INIT;
	char *contact = dialog_contact(d);
	bool mixed = to->content_type != NULL;

	dialog_common_headers(d, &h);
	if (settings->session_expires_s != 0)
		bytes_addf(&h, "Session-Expires: %u\r\nMin-SE: %u\r\n", settings->session_expires_s,
			   settings->min_se_s);
	if (to->headers != NULL)
		bytes_add_str(&h, to->headers);
	bytes_add_slice(&d->local, to->sdp);
	d->out_is_offer = true;
	d->out = sip_out_send(d->usage.leg,
			      &(struct sip_out_request){.method = "INVITE",
							.uri = to->target,
							.route = to->route,
							.contact = contact,
							.headers = bytes_cstr(&h),
							.trusted = to->trusted,
							.content_type = mixed ? to->content_type
									      : "application/sdp",
							.body = mixed ? to->body : to->sdp},
			      on_call_result, d);
	bytes_fini(&h);
	free(contact);
	if (d->out == NULL)
		return -ERR_SYNTAX;
	(void)dialog_event(d, DIALOG_EV_INVITE_OUT);
	return 0;
}

int dialog_call(struct dialog_set *set, const struct dialog_call_to *to, void *arg,
		struct dialog **dialog_r)
{
	struct dialog *d;
	int err = dialog_prepare(set, to, arg, &d);

	if (err == 0 && (err = dialog_invite(d, to)) != 0)
		dialog_release(d);
	if (err == 0)
		*dialog_r = d;
	return err;
}

static void on_retry(void *arg)
{
	struct dialog *d = arg;

	dialog_enter(d);
	dialog_continue(d);
	dialog_leave(d);
}

/* After 491: the side that chose the Call-ID waits longer (RFC 3261 14.1). */
static void retry_later(struct dialog *d)
{
	uint64_t ms = d->incoming ? rand_u64() % 2000 : 2100 + rand_u64() % 1900;

	if (d->retry_timer == NULL)
		d->retry_timer = timer_new(d->set->base, on_retry, d);
	timer_start(d->retry_timer, ms);
}

/* 422 to a refresh: take the peer's minimum and ask again (TIM-007). */
static bool raise_session(struct dialog *d, const struct sip_out_result *r)
{
	if (r->status != 422 || r->timer.min_se_s <= d->session.expires_s)
		return false;
	d->n_too_small++;
	d->session.expires_s = d->min_se_s = r->timer.min_se_s;
	return true;
}

/* The offer that failed is made anew when its turn comes, unless a newer one waits. */
static void offer_again(struct dialog *d)
{
	if (d->offer_waits)
		return;
	bytes_reset(&d->next_offer);
	bytes_add_slice(&d->next_offer, bytes_slice(&d->local));
	d->offer_waits = true;
}

static void on_change_failed(struct dialog *d, const struct sip_out_result *r, bool offer)
{
	if (r->status == 481 || r->status == 408) {
		dialog_tell_ended(d, DIALOG_END_GONE, r->status, r->phrase);
	} else if (r->status == 422 && d->n_too_small == TOO_SMALL_MAX) {
		log_peer("%s: no session interval is long enough for the peer", d->call_id);
		dialog_tell_ended(d, DIALOG_END_EXPIRED, r->status, r->phrase);
	} else if (raise_session(d, r)) {
		if (d->out_is_refresh)
			dialog_refresh(d);
		else
			offer_again(d); /* our caller goes on with it */
	} else if (d->out_is_refresh && (r->status == 405 || r->status == 501) && d->peer_updates) {
		d->peer_updates = false;
		dialog_refresh(d);
	} else if (offer && !d->out_is_refresh) {
		d->set->ops->change_failed(d, r->status, d->arg);
	}
	/* Else: the session timer that runs will end it. */
}

static void on_change_result(const struct sip_out_result *r, void *arg)
{
	struct dialog *d = arg;
	bool offer = d->out_is_offer;

	if (r->status < 200)
		return;
	dialog_enter(d);
	if (r->status >= 300 || !offer || d->out_is_refresh || d->closed) {
		sip_out_free(&d->out); /* else the owner says when */
		d->out_is_offer = false;
	}
	if (d->closed) {
		dialog_leave(d);
		return;
	}
	if (r->status < 300) {
		bool refresh = d->out_is_refresh;

		if (d->session.expires_s != 0) {
			d->n_too_small = 0;
			session_timer_accepted(&r->timer, d->session.expires_s,
					       d->set->settings.min_se_s, &d->session);
			dialog_session_start(d);
		}
		if (offer && !refresh)
			d->set->ops->answer(d, r->sdp, d->arg);
	} else if (r->status == 491 && offer) {
		if (!d->out_is_refresh)
			offer_again(d);
		retry_later(d);
	} else {
		on_change_failed(d, r, offer);
	}
	if (!d->closed)
		dialog_continue(d);
	dialog_leave(d);
}

static void send_change(struct dialog *d, const char *method, struct slice sdp, bool refresh)
{
	struct bytes h = BYTES_INIT;
	char *contact = dialog_contact(d);

	dialog_common_headers(d, &h);
	if (d->session.expires_s != 0)
		bytes_addf(&h, "Session-Expires: %u;refresher=%s\r\nMin-SE: %u\r\n",
			   d->session.expires_s, d->session.we_refresh ? "uac" : "uas",
			   d->min_se_s != 0 ? d->min_se_s : d->set->settings.min_se_s);
	d->out_is_offer = sdp.len > 0;
	d->out_is_refresh = refresh;
	d->out = sip_out_send(
		d->usage.leg,
		&(struct sip_out_request){.method = method,
					  .contact = contact,
					  .headers = bytes_cstr(&h),
					  .content_type = sdp.len > 0 ? "application/sdp" : NULL,
					  .body = sdp},
		on_change_result, d);
	bytes_fini(&h);
	free(contact);
}

static bool idle(const struct dialog *d)
{
	return d->state == DIALOG_CONFIRMED && !d->closed && d->out == NULL && d->invite == NULL &&
	       d->update == NULL && !d->change_waits &&
	       (d->retry_timer == NULL || !timer_running(d->retry_timer));
}

void dialog_refresh(struct dialog *d)
{
	if (!idle(d))
		return; /* what is in progress refreshes too, or the timer ends it */
	if (d->peer_updates)
		send_change(d, "UPDATE", SLICE_NULL, true);
	else if (d->set->ops->refresh == NULL || !d->set->ops->refresh(d, d->arg))
		send_change(d, "INVITE", bytes_slice(&d->local), true);
}

void dialog_continue(struct dialog *d)
{
	if (!d->offer_waits || !idle(d))
		return;
	d->offer_waits = false;
	bytes_reset(&d->local);
	bytes_add_slice(&d->local, bytes_slice(&d->next_offer));
	send_change(d, "INVITE", bytes_slice(&d->local), false);
	if (d->out == NULL)
		d->set->ops->change_failed(d, 503, d->arg);
}

void dialog_ack(struct dialog *d)
{
	if (d->out == NULL || d->state != DIALOG_CONFIRMED)
		return;
	sip_out_free(&d->out);
	d->out_is_offer = false;
	dialog_enter(d);
	dialog_continue(d);
	dialog_leave(d);
}

void dialog_offer(struct dialog *d, struct slice sdp)
{
	bytes_reset(&d->next_offer);
	bytes_add_slice(&d->next_offer, sdp);
	d->offer_waits = true;
	dialog_enter(d);
	dialog_continue(d);
	dialog_leave(d);
}

bool dialog_offer_waits(const struct dialog *d)
{
	return d->offer_waits;
}
