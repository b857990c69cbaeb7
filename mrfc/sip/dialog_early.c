/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INVITE sessions before their final answer: reliable provisional answers of ours (RFC 3262), with a
 * description in them where the peer still reserves resources (RFC 3312), and offers in an early dialog
 * of our own call (RFC 3311 5.1). Who waits for what is the owner's.
 */
#include <stdlib.h>

#include "common/log.h"
#include "mrfc/sip/dialog_priv.h"

#define LOG_PLACE "dialog"

#define RESERVE_MS 60000 /* a peer that never gets its resources gives up by itself, or we do */

void dialog_ring(struct dialog *d, int status, struct slice sdp)
{
	struct bytes h = BYTES_INIT;
	char *contact = dialog_contact(d);

	dialog_common_headers(d, &h);
	if (sdp.len > 0)
		sip_header_add(&h, "Require", "precondition");
	d->wait_prack = true;
	sip_in_ring_reliably(
		d->invite,
		&(struct sip_answer){.status = status,
				     .contact = contact,
				     .headers = bytes_cstr(&h),
				     .content_type = sdp.len > 0 ? "application/sdp" : NULL,
				     .body = sdp});
	bytes_fini(&h);
	free(contact);
}

bool dialog_can_progress(const struct dialog *d)
{
	unsigned options = d->invite != NULL ? d->invite->supported | d->invite->require : 0;

	return d->state == DIALOG_INCOMING && !d->wait_prack && (options & SIP_OPT_100REL) != 0 &&
	       (options & SIP_OPT_PRECONDITION) != 0;
}

static void on_reserve_timer(void *arg)
{
	struct dialog *d = arg;

	dialog_enter(d);
	if (d->state == DIALOG_INCOMING)
		dialog_tell_ended(d, DIALOG_END_NO_PRACK, 504, "No resources");
	dialog_leave(d);
}

void dialog_progress(struct dialog *d, struct slice sdp)
{
	if (d->state != DIALOG_INCOMING || d->invite == NULL)
		return; /* cancelled meanwhile */
	bytes_reset(&d->local);
	bytes_add_slice(&d->local, sdp);
	d->progressed = true;
	d->reserve_timer = timer_new(d->set->base, on_reserve_timer, d);
	timer_start(d->reserve_timer, RESERVE_MS);
	dialog_ring(d, 183, sdp);
}

void dialog_take_call(struct dialog *d)
{
	timer_free(&d->reserve_timer);
	if (d->invite == NULL || sip_in_answered(d->invite) || !dialog_event(d, DIALOG_EV_ANSWER))
		return;
	dialog_send_ok(d, d->invite,
		       SLICE_NULL); /* the descriptions are exchanged (RFC 6337 2.2) */
}

bool dialog_takes_early(const struct dialog *d, const struct sip_in *in)
{
	return d->state == DIALOG_INCOMING && d->progressed && !d->wait_prack && !d->change_waits &&
	       in->method != SIP_IN_INVITE;
}

static void on_early_result(const struct sip_out_result *r, void *arg)
{
	struct dialog *d = arg;

	if (r->status < 200)
		return;
	dialog_enter(d);
	sip_out_free(&d->early_out);
	if (r->status >= 300)
		log_peer("%s: UPDATE before the answer refused: %d", d->call_id, r->status);
	else if (r->sdp.ptr != NULL)
		dialog_keep_early(d, r->sdp);
	dialog_leave(d);
}

void dialog_keep_early(struct dialog *d, struct slice sdp)
{
	bytes_reset(&d->early);
	bytes_add_slice(&d->early, sdp);
}

void dialog_early_offer(struct dialog *d, struct slice sdp)
{
	struct bytes h = BYTES_INIT;
	char *contact;

	if (d->early_out != NULL || (d->state != DIALOG_CALLING && d->state != DIALOG_RINGING))
		return;
	contact = dialog_contact(d);
	bytes_reset(&d->local);
	bytes_add_slice(&d->local, sdp);
	dialog_common_headers(d, &h);
	sip_header_add(&h, "Require", "precondition");
	d->early_out = sip_out_send(d->usage.leg,
				    &(struct sip_out_request){.method = "UPDATE",
							      .contact = contact,
							      .headers = bytes_cstr(&h),
							      .content_type = "application/sdp",
							      .body = sdp},
				    on_early_result, d);
	bytes_fini(&h);
	free(contact);
}
