/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the dialogs of files tell: answers of receivers, ends, and new offers, in which lines may only
 * end. A known id starts nothing anew (RFC 5547 8.1, 8.3.2). What follows is the share's business.
 */
#include "mrfc/focus/focus_file.h"
#include "mrfc/focus/focus_file_priv.h"

static void on_answer(struct dialog *d, struct slice sdp, void *arg)
{
	(void)d;
	file_receiver_answer(arg, sdp);
}

static void on_ended(struct dialog *d, enum dialog_end how, int status, const char *phrase,
		     void *arg)
{
	struct file_leg *leg = arg;
	struct file_share *share = leg->share;

	(void)d;
	if (leg == share->sender) {
		file_share_sender_left(share, phrase != NULL ? phrase : "gone");
	} else if (how == DIALOG_END_REFUSED) {
		file_receiver_refused(leg, status);
	} else {
		file_leg_end(leg, 0, 408, "Gone");
		file_share_check(share);
	}
}

bool file_same(const struct sdp_media *was, const struct sdp_media *now)
{
	return now->file != NULL && !now->file->malformed && was->file != NULL &&
	       now->file->transfer_id != NULL && was->file->transfer_id != NULL &&
	       slice_eq_str(slice_str(now->file->transfer_id), was->file->transfer_id) &&
	       sdp_file_same(was->file, now->file);
}

/*
 * A new offer in a dialog of files: lines may only end (port 0: done, or given up). An id that is
 * known starts nothing anew; another file under it, or in a new line, is refused (8.3.2).
 */
static void apply_change(struct file_leg *leg, const struct sdp_session *offer)
{
	struct file_share *share = leg->share;
	struct focus *f = share->focus;
	bool sender = leg == share->sender;

	leg->peer_id = offer->origin_id;
	leg->peer_version = offer->origin_version;
	for (size_t i = 0; i < SDP_MAX_MEDIA; i++) {
		bool there = i < offer->n_media && offer->media[i].port != 0;

		if (leg->part[i].exists &&
		    (!there || (sender && !file_same(&share->offer.media[i], &offer->media[i]))))
			file_leg_drop_line(leg, i);
	}
	file_sdp_answer(&leg->local, offer, file_leg_host(leg), sender ? file_share_max(f) : 0,
			&f->sdp);
}

static void on_change(struct dialog *d, struct slice offer, void *arg)
{
	struct file_leg *leg = arg;
	struct sdp_session sdp;

	if (offer.ptr == NULL) {
		dialog_answer(d, bytes_slice(&leg->local.last));
		return;
	}
	if (sdp_parse_msrp(offer, leg->share->focus->sdp.strict, &sdp) != 0) {
		dialog_refuse(d, 400, NULL);
		return;
	}
	if (sdp.origin_id == leg->peer_id && sdp.origin_version == leg->peer_version) {
		dialog_answer(d, bytes_slice(&leg->local.last)); /* a refresh (8.1) */
	} else if (sdp.n_media < leg->share->offer.n_media) {
		dialog_refuse(d, 488, NULL); /* lines never go away (RFC 3264 8) */
	} else {
		apply_change(leg, &sdp);
		dialog_answer(d, bytes_slice(&leg->local.last));
	}
	sdp_fini(&sdp);
	if (leg != leg->share->sender && !file_leg_has_line(leg)) {
		struct file_share *share = leg->share;

		file_leg_end(leg, 0, 200, "Done");
		file_share_check(share);
	}
}

static void on_nothing(struct dialog *d, void *arg)
{
	(void)d;
	(void)arg;
}

static void on_change_cancelled(struct dialog *d, void *arg)
{
	(void)arg;
	dialog_refuse(d, 487, NULL);
}

static void on_ringing(struct dialog *d, int status, void *arg)
{
	(void)d;
	(void)status;
	(void)arg;
}

static void on_accepted(struct dialog *d, const struct sip_out_result *result, void *arg)
{
	(void)d;
	(void)result;
	(void)arg;
}

static void on_change_failed(struct dialog *d, int status, void *arg)
{
	(void)d;
	(void)status;
	(void)arg;
}

const struct dialog_ops *file_dialog_ops(void)
{
	static const struct dialog_ops ops = {.change = on_change,
					      .change_cancelled = on_change_cancelled,
					      .answer = on_answer,
					      .ringing = on_ringing,
					      .accepted = on_accepted,
					      .confirmed = on_nothing,
					      .change_failed = on_change_failed,
					      .ended = on_ended};

	return &ops;
}
