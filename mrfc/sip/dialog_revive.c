/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INVITE sessions that outlive their process: what is recorded of a dialog, and a dialog made of
 * that again (RFC 3261 12): confirmed, or accepted while nobody knows whether the ACK came, or a call
 * that nobody waits for any more.
 */
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfc/sip/dialog_priv.h"

#define LOG_PLACE "dialog"

#define NO_ACK_MS   32000  /* 64*T1: the peer's transaction is over by then */
#define RING_MAX_MS 180000 /* Timer C: proxies let a call ring that long */

void dialog_save(const struct dialog *d, struct dialog_record *record_r)
{
	struct dialog_record r = {.confirmed = d->state == DIALOG_CONFIRMED,
				  .confirmed_wall_ms = d->confirmed_wall_ms,
				  .peer_updates = d->peer_updates,
				  .expires_s = d->session.expires_s,
				  .min_se_s = d->min_se_s,
				  .we_refresh = d->session.we_refresh,
				  .expires_wall_ms = d->expires_wall_ms};

	if (r.expires_s != 0 && r.expires_wall_ms == 0) /* its answer is about to go out */
		r.expires_wall_ms = clock_wall_ms() + (uint64_t)r.expires_s * 1000;
	sip_leg_save(d->usage.leg, &r.leg);
	*record_r = r;
}

static void on_no_life(void *arg)
{
	struct dialog *d = arg;

	dialog_enter(d);
	dialog_no_ack(d);
	dialog_leave(d);
}

void dialog_alive(struct dialog *d)
{
	if (d->ack_timer == NULL || d->invite != NULL)
		return;
	dialog_enter(d);
	dialog_confirm(d, SLICE_NULL);
	dialog_leave(d);
}

int dialog_restore(struct dialog_set *set, const struct dialog_record *r, const char *name,
		   struct slice local, void *arg, struct dialog **dialog_r)
{
	struct sip_leg *leg;
	struct dialog *d;

	if (r->leg.remote_tag == NULL || r->leg.target == NULL)
		return -ERR_SYNTAX;
	leg = sip_leg_restore(set->agent, &r->leg);
	if (leg == NULL)
		return -ERR_SYNTAX;
	d = dialog_new(set, name, arg);
	sip_leg_attach(leg, &d->usage);
	d->state = r->confirmed ? DIALOG_CONFIRMED : DIALOG_ACCEPTED;
	d->incoming = r->leg.incoming;
	d->call_id = xstrdup(r->leg.call_id);
	d->remote_contact = xstrdup(r->leg.target);
	d->peer_updates = r->peer_updates;
	d->min_se_s = r->min_se_s;
	d->confirmed_wall_ms = r->confirmed_wall_ms;
	d->session = (struct session_timer){.expires_s = r->expires_s, .we_refresh = r->we_refresh};
	d->expires_wall_ms = r->expires_wall_ms;
	bytes_add_slice(&d->local, local);
	dialog_session_resume(d);
	if (!r->confirmed) {
		d->ack_timer = timer_new(set->base, on_no_life, d);
		timer_start(d->ack_timer, NO_ACK_MS);
	}
	*dialog_r = d;
	return 0;
}

static void on_forsaken(void *arg)
{
	struct dialog *d = arg;

	(void)dialog_event(d, DIALOG_EV_FAILED);
	dialog_release(d);
}

/* It is answered after all. */
static void on_late_answer(void *arg)
{
	struct dialog *d = arg;

	log_info("%s: answered, but nobody waits for it any more", d->call_id);
	(void)dialog_event(d, DIALOG_EV_OK);
	dialog_send_bye(d, 487, "Cancelled");
	dialog_release(d);
}

void dialog_forsake(struct dialog_set *set, const struct leg_record *r, const char *name)
{
	struct sip_leg *leg = sip_leg_restore(set->agent, r);
	struct dialog *d;

	if (leg == NULL)
		return;
	d = dialog_new(set, name, NULL);
	sip_leg_attach(leg, &d->usage);
	d->closed = true;
	d->state = DIALOG_CANCELLING;
	d->call_id = xstrdup(r->call_id);
	d->usage.late = on_late_answer;
	d->ack_timer = timer_new(set->base, on_forsaken, d);
	timer_start(d->ack_timer, RING_MAX_MS);
}
