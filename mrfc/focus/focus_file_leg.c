/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Legs of a file's way: terminations for each line, the call to a receiver with its answer, the end
 * of a leg. The share they belong to is focus_file.c's. RFC 5547 section 8; TS 24.247.
 */
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfc/conference/unwind.h"
#include "mrfc/focus/focus_auth.h"
#include "mrfc/focus/focus_file_priv.h"
#include "mrfc/focus/focus_privacy.h"
#include "mrfc/focus/focus_tls.h"
#include "proto/media_type.h"

#define LOG_PLACE "focus/file"

#define CPIM_SLACK 8192

struct file_leg *file_leg_new(struct file_share *share)
{
	struct file_leg *leg = xcalloc(1, sizeof(*leg));

	leg->share = share;
	leg->termination = ++share->next_termination;
	for (size_t i = 0; i < SDP_MAX_MEDIA; i++) {
		leg->part[i].leg = leg;
		leg->part[i].i = i;
	}
	return leg;
}

bool file_leg_has_line(const struct file_leg *leg)
{
	for (size_t i = 0; i < SDP_MAX_MEDIA; i++) {
		if (leg->part[i].exists)
			return true;
	}
	return false;
}

const char *file_leg_host(const struct file_leg *leg)
{
	for (size_t i = 0; i < SDP_MAX_MEDIA; i++) {
		if (leg->local.line[i].host != NULL)
			return leg->local.line[i].host;
	}
	return "0.0.0.0"; /* all lines are refused */
}

void file_leg_drop_line(struct file_leg *leg, size_t i)
{
	struct file_share *share = leg->share;
	struct file_part *part = &leg->part[i];

	if (!part->exists)
		return;
	part->exists = false;
	file_sdp_close(&leg->local, i);
	media_subtract(share->focus->media, share->line[i].context, FILE_EPOCH, leg->termination,
		       NULL, NULL);
}

void file_leg_end(struct file_leg *leg, int status, int cause, const char *text)
{
	struct file_share *share = leg->share;
	char *headers = focus_refusal_headers(0, 399, text);

	if (share->sender == leg) {
		share->sender = NULL;
		file_lines_closed(share);
	} else {
		LIST_REMOVE(leg, link);
	}
	for (size_t i = 0; i < SDP_MAX_MEDIA; i++)
		media_cancel(share->focus->media, &leg->part[i]);
	for (size_t i = 0; i < SDP_MAX_MEDIA; i++)
		file_leg_drop_line(leg, i);
	dialog_close(&leg->dialog, status, headers, cause, text);
	free(headers);
	file_sdp_fini(&leg->local);
	if (leg->has_peer)
		sdp_fini(&leg->peer);
	free(leg->user);
	free(leg->target);
	free(leg);
}

/* --- terminations --- */

static void call(struct file_leg *leg);

static void on_added(const struct media_result *result, void *arg)
{
	struct file_part *part = arg;
	struct file_leg *leg = part->leg;
	struct file_share *share = leg->share;

	leg->n_pending--;
	if (result->err != 0) {
		part->exists = false;
		leg->failed = result->err;
	} else if (part->exists) {
		file_sdp_set(&leg->local, part->i, result);
	}
	if (leg->n_pending > 0)
		return;
	if (leg == share->sender) {
		file_sender_ready(share);
	} else if (file_leg_has_line(leg)) {
		call(leg);
	} else {
		file_leg_end(leg, 503, 503, "media server");
		file_share_check(share);
	}
}

static struct media_context context_of(const struct file_share *share, size_t i)
{
	const struct sdp_media *m = &share->offer.media[i];
	const struct sdp_file *file = m->file;
	uint64_t max = share->focus->config.max_file;
	struct media_context ctx = {
		.epoch = FILE_EPOCH, .conference_uri = share->room->c->uri, .file = true};

	/* What was announced binds the sender; octets are counted, not claims. */
	if (file->has_size && file->size != 0 && (max == 0 || file->size < max))
		max = file->size;
	/* In a CPIM wrapper there is more than the file. */
	if (max != 0 && media_type_listed(slice_str(m->accept_types), SLICE_LIT("message/cpim")))
		max += CPIM_SLACK;
	ctx.max_file = max;
	key_media(share->room, &ctx);
	memcpy(ctx.id, share->line[i].context, sizeof(ctx.id));
	return ctx;
}

void file_leg_add(struct file_leg *leg)
{
	struct file_share *share = leg->share;
	struct focus *f = share->focus;
	bool sender = leg == share->sender;
	const char *uris[1] = {sender ? room_shown(share->room, &share->who) : leg->user};

	for (size_t i = 0; i < share->offer.n_media; i++) {
		struct media_context ctx;
		struct media_remote remote = {.setup = MEDIA_SETUP_UNKNOWN,
					      .match_session_only = f->sdp.session_match,
					      .direction = SDP_RECVONLY,
					      .v6 = addr_is_v6(sip_agent_addr(f->sip)),
					      .tls = focus_offers_tls(share->room)};

		if (!share->line[i].open)
			continue;
		ctx = context_of(share, i);
		if (sender)
			file_sdp_remote(&share->offer, i, false, &f->sdp, leg->part[i].connect,
					&remote);
		leg->part[i].exists = true;
		leg->n_pending++;
		media_add(f->media, &ctx, leg->termination, uris, 1, &remote, on_added,
			  &leg->part[i]);
	}
}

/* --- receivers --- */

static void call_headers(const struct file_share *share, struct bytes *h, struct bytes *trusted)
{
	const struct conference *c = share->room->c;
	char *by = xasprintf("<%s>", room_shown(share->room, &share->who));

	focus_assert_headers(share->focus, c->uri, NULL, false, h, trusted);
	sip_header_add(h, "Referred-By", by);
	if (c->subject != NULL)
		sip_header_add(h, "Subject", c->subject);
	if (share->contribution_id != NULL)
		sip_header_add(h, "Contribution-ID", share->contribution_id);
	if (share->conversation_id != NULL)
		sip_header_add(h, "Conversation-ID", share->conversation_id);
	free(by);
}

/* Our description with the sender's icons behind it (RFC 5547 8.8). */
static char *related_body(const struct file_share *share, struct slice sdp, struct bytes *body)
{
	bytes_addf(body, "--%s\r\nContent-Type: application/sdp\r\n\r\n", share->boundary);
	bytes_add_slice(body, sdp);
	bytes_addf(body, "\r\n");
	bytes_add_slice(body, bytes_slice(&share->parts));
	bytes_addf(body, "--%s--\r\n", share->boundary);
	return xasprintf("multipart/related;type=\"application/sdp\";boundary=\"%s\"",
			 share->boundary);
}

static void call(struct file_leg *leg)
{
	struct file_share *share = leg->share;
	struct focus *f = share->focus;
	bool icons = share->parts.len > 0 && !leg->plain;
	struct bytes h = BYTES_INIT, trusted = BYTES_INIT, body = BYTES_INIT;
	const char *route;
	char *type = NULL;
	int err;

	file_sdp_offer(&leg->local, &share->offer, file_leg_host(leg), icons);
	err = sip_agent_route(f->sip, leg->target, &route);
	call_headers(share, &h, &trusted);
	if (icons)
		type = related_body(share, bytes_slice(&leg->local.last), &body);
	file_leg_step(leg, FILE_LEG_CALLING);
	if (err == 0)
		err = dialog_call(f->file_dialogs,
				  &(struct dialog_call_to){.name = share->room->c->name,
							   .from = share->room->c->uri,
							   .target = leg->target,
							   .route = route,
							   .headers = bytes_cstr(&h),
							   .trusted = bytes_cstr(&trusted),
							   .sdp = bytes_slice(&leg->local.last),
							   .content_type = type,
							   .body = bytes_slice(&body)},
				  leg, &leg->dialog);
	bytes_fini(&h);
	bytes_fini(&trusted);
	bytes_fini(&body);
	free(type);
	if (err != 0) {
		file_leg_end(leg, 0, 0, NULL);
		file_share_check(share);
	}
}

static bool is_called(const struct file_share *share, const char *user)
{
	const struct file_leg *leg;

	LIST_FOREACH(leg, &share->receivers, link) {
		if (slice_eq_str(slice_str(user), leg->user))
			return true;
	}
	return false;
}

/* The address-of-record where requests to it find their way, else the device that is in the room. */
static const char *target_of(const struct file_share *share, const struct session *s)
{
	const char *route;

	return sip_agent_route(share->focus->sip, s->who.uri, &route) == 0 ? s->who.uri
									   : s->contact;
}

size_t file_call_members(struct file_share *share)
{
	struct participant *own = roster_find(share->room->c->roster, slice_str(share->who.uri));
	struct session *s;
	size_t n = 0;

	LIST_FOREACH(s, &share->room->sessions, link) {
		struct file_leg *leg;

		if (!s->announced || s->endpoint == NULL || s->endpoint->user == own ||
		    is_called(share, s->who.uri) || !key_may_read(s))
			continue;
		leg = file_leg_new(share);
		leg->user = xstrdup(s->who.uri);
		leg->target = xstrdup(target_of(share, s));
		LIST_INSERT_HEAD(&share->receivers, leg, link);
		file_leg_add(leg);
		n++;
	}
	return n;
}

static void on_settled(const struct media_result *result, void *arg)
{
	struct file_part *part = arg;
	struct file_leg *leg = part->leg;
	struct file_share *share = leg->share;

	leg->n_pending--;
	if (result->err != 0) {
		leg->failed = result->err;
		file_leg_drop_line(leg, part->i);
	}
	if (leg->n_pending > 0)
		return;
	if (!file_leg_has_line(leg)) {
		file_leg_end(leg, 0, unwind_rule(unwind_of_media(leg->failed))->reason,
			     "media server");
		file_share_check(share);
		return;
	}
	dialog_ack(leg->dialog);
	file_leg_step(leg, FILE_LEG_UP);
	log_info("%s: %s takes a file of %s", share->room->c->name, leg->user, share->who.uri);
	file_share_taken(share);
}

void file_receiver_answer(struct file_leg *leg, struct slice sdp)
{
	struct file_share *share = leg->share;
	struct focus *f = share->focus;
	struct focus_sdp_why why = {399, "no answer"};
	uint32_t good = 0;

	if (sdp.ptr == NULL || file_sdp_read(sdp, true, share->offer.n_media, 0, &f->sdp,
					     &leg->peer, &good, &why) != 0) {
		log_info("%s: %s takes no file: %s", share->room->c->name, leg->user, why.text);
		file_share_refused(share, 488);
		file_leg_end(leg, 0, 488, why.text);
		file_share_check(share);
		return;
	}
	leg->has_peer = true;
	leg->peer_id = leg->peer.origin_id;
	leg->peer_version = leg->peer.origin_version;
	file_leg_step(leg, FILE_LEG_SETTLING);
	for (size_t i = 0; i < share->offer.n_media; i++) {
		struct media_remote remote;

		if (!(good >> i & 1) || !leg->part[i].exists ||
		    file_sdp_misfit(&leg->local, i, &leg->peer.media[i])) {
			file_leg_drop_line(leg, i);
			continue;
		}
		file_sdp_remote(&leg->peer, i, true, &f->sdp, leg->part[i].connect, &remote);
		leg->n_pending++;
		media_modify(f->media, share->line[i].context, FILE_EPOCH, leg->termination,
			     &remote, false, on_settled, &leg->part[i]);
	}
	if (leg->n_pending == 0) { /* it took only what is over meanwhile */
		file_leg_end(leg, 0, 480, "The file is gone");
		file_share_check(share);
	}
}

void file_receiver_refused(struct file_leg *leg, int status)
{
	struct file_share *share = leg->share;

	if (status == 415 && share->parts.len > 0 && !leg->plain) {
		dialog_close(&leg->dialog, 0, NULL, 0, NULL); /* is over */
		leg->plain = true;
		call(leg);
		return;
	}
	log_info("%s: %s refused a file of %s: %d", share->room->c->name, leg->user, share->who.uri,
		 status);
	file_share_refused(share, status);
	file_leg_end(leg, 0, 0, NULL);
	file_share_check(share);
}
