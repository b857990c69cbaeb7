/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a member sends in a dialog of their own (RFC 5547): the INVITE to the conference's
 * URI, one to each other member, contexts of the media side in which the octets pass, the end of
 * all of them. No place in the roster, nothing stored. The legs are focus_file_leg.c's.
 */
#include "mrfc/focus/focus_file.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "mrfc/conference/unwind.h"
#include "mrfc/focus/focus_file_priv.h"
#include "mrfc/focus/focus_list.h"
#include "mrfc/focus/focus_tls.h"
#include "proto/ctl_msgs.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "focus/file"

#define SHARES_MAX   8           /* of one user in one conference at a time */
#define RING_MS      180000      /* nobody has answered by then */
#define LAST_WORD_MS 5000        /* the sender may hang up by itself */
#define PARTS_MAX    (32u << 10) /* icons of one INVITE; without them above */

static const char *const step_names[] = {"adding", "calling", "settling", "up"};

void file_leg_step(struct file_leg *leg, enum file_step step)
{
	if (leg->step != step)
		log_debug("%s: file leg %llu: %s -> %s", leg->share->room->c->name,
			  (unsigned long long)leg->termination, step_names[leg->step],
			  step_names[step]);
	leg->step = step;
}

static void share_free(struct file_share *share)
{
	LIST_REMOVE(share, link);
	timer_free(&share->timer);
	identity_fini(&share->who);
	sdp_fini(&share->offer);
	bytes_fini(&share->parts);
	free(share->contribution_id);
	free(share->conversation_id);
	free(share);
}

void file_share_end(struct file_share *share, int status, int cause, const char *text)
{
	log_info("%s: file of %s ends: %s", share->room->c->name, share->who.uri, text);
	share->ending = true;
	while (!LIST_EMPTY(&share->receivers))
		file_leg_end(LIST_FIRST(&share->receivers), status, cause, text);
	if (share->sender != NULL)
		file_leg_end(share->sender, status, cause, text);
	share_free(share);
}

static bool is_over(const struct file_share *share)
{
	for (size_t i = 0; i < SDP_MAX_MEDIA; i++) {
		if (share->line[i].open)
			return false;
	}
	return true;
}

void file_share_refused(struct file_share *share, int status)
{
	/* RFC 3261 16.7: a 6xx decides, else the lowest class. */
	if (share->refusal == 0 || status >= 600 ||
	    (share->refusal < 600 && status < share->refusal))
		share->refusal = status;
}

void file_share_check(struct file_share *share)
{
	int status = share->refusal != 0 ? share->refusal : 480;

	if (share->ending || !LIST_EMPTY(&share->receivers))
		return;
	if (share->sender == NULL || !is_over(share))
		file_share_end(share, status, status,
			       share->delivered ? "Done" : "No member takes the file");
}

/* Who has not answered yet comes too late. */
static void stop_calling(struct file_share *share)
{
	struct file_leg *leg, *next;

	for (leg = LIST_FIRST(&share->receivers); leg != NULL; leg = next) {
		next = LIST_NEXT(leg, link);
		if (leg->step == FILE_LEG_ADDING || leg->step == FILE_LEG_CALLING) {
			log_info("%s: %s did not take the file in time", share->room->c->name,
				 leg->user);
			file_leg_end(leg, 0, 480, "Too late");
		}
	}
	file_share_check(share);
}

/* All that could be done is done. */
static void end_over(struct file_share *share)
{
	if (share->delivered)
		file_share_end(share, 480, 200, "Done");
	else
		file_share_end(share, 480, 480, "The file did not come through");
}

static void on_timer(void *arg)
{
	struct file_share *share = arg;

	if (!share->accepted)
		file_share_end(share, 480, 480, "No member answers");
	else if (is_over(share))
		end_over(share);
	else
		stop_calling(share);
}

uint64_t file_share_max(const struct focus *f)
{
	uint64_t all = media_max_size(f->media), own = f->config.max_file;

	return own != 0 && (all == 0 || own < all) ? own : all;
}

void file_share_taken(struct file_share *share)
{
	struct focus *f = share->focus;
	struct file_leg *leg = share->sender;

	if (share->accepted || leg == NULL)
		return;
	file_sdp_answer(&leg->local, &share->offer, file_leg_host(leg), file_share_max(f), &f->sdp);
	file_leg_step(leg, FILE_LEG_UP);
	dialog_answer(leg->dialog, bytes_slice(&leg->local.last));
	file_share_started(share);
}

void file_share_started(struct file_share *share)
{
	share->accepted = true;
	timer_start(share->timer, share->focus->config.file_hold_ms);
}

/* The sender's terminations are there, or could not be had. */
void file_sender_ready(struct file_share *share)
{
	struct file_leg *leg = share->sender;

	for (size_t i = 0; i < SDP_MAX_MEDIA; i++)
		share->line[i].open = share->line[i].open && leg->part[i].exists;
	if (share->member != NULL) {
		file_lines_ready(share);
		return;
	}
	if (is_over(share)) {
		const struct unwind_rule *rule = unwind_rule(unwind_of_media(leg->failed));

		file_share_end(share, rule->status, rule->reason, rule->text);
		return;
	}
	file_leg_step(leg, FILE_LEG_CALLING);
	timer_start(share->timer, RING_MS);
	if (file_call_members(share) == 0)
		file_share_end(share, 480, 480, "Nobody else is here");
}

void file_share_sender_left(struct file_share *share, const char *why)
{
	log_info("%s: sender %s of a file leaves: %s", share->room->c->name, share->who.uri, why);
	file_leg_end(share->sender, 487, 487, why);
	if (!share->accepted || is_over(share))
		file_share_end(share, 487, 487, share->delivered ? "Done" : why);
	/* Else what is under way goes on to the receivers; its end is told. */
}

/* --- a new one --- */

/* What goes along with the files. */
static void keep_company(struct file_share *share, const struct sip_in *in)
{
	if (in->contribution_id != NULL)
		share->contribution_id = xstrdup(in->contribution_id);
	if (in->conversation_id != NULL)
		share->conversation_id = xstrdup(in->conversation_id);
	rand_ident(share->boundary, sizeof(share->boundary) - 1);
	for (size_t i = 0; i < in->n_parts && !room_is_sealed(share->room); i++) {
		const struct sip_part *p = &in->parts[i];

		if (list_is_part(p)) /* whom it lists is not for all to read */
			continue;
		bytes_addf(&share->parts, "--%s\r\n", share->boundary);
		sip_header_add(&share->parts, "Content-Type", p->type);
		if (p->id != NULL)
			sip_header_add(&share->parts, "Content-ID", p->id);
		if (p->encoding != NULL)
			sip_header_add(&share->parts, "Content-Transfer-Encoding", p->encoding);
		if (p->disposition != NULL)
			sip_header_add(&share->parts, "Content-Disposition", p->disposition);
		bytes_add_str(&share->parts, "\r\n");
		bytes_add_slice(&share->parts, p->body);
		bytes_add_str(&share->parts, "\r\n");
	}
	if (share->parts.len > PARTS_MAX)
		bytes_fini(&share->parts);
}

struct file_share *file_share_new(struct room *room, struct identity *who_take,
				  struct sdp_session *offer_take, uint32_t good)
{
	struct file_share *share = xcalloc(1, sizeof(*share));
	struct focus *f = room->focus;

	share->focus = f;
	share->room = room;
	share->who = *who_take;
	*who_take = (struct identity){0};
	share->offer = *offer_take;
	for (size_t i = 0; i < share->offer.n_media; i++) {
		rand_bytes(share->line[i].context, sizeof(share->line[i].context));
		share->line[i].open = good >> i & 1;
	}
	LIST_INIT(&share->receivers);
	share->timer = timer_new(f->base, on_timer, share);
	LIST_INSERT_HEAD(&f->shares, share, link);
	return share;
}

bool file_share_allowed(const struct room *room, const char *user)
{
	const struct file_share *share;
	size_t n = 0;

	LIST_FOREACH(share, &room->focus->shares, link) {
		if (share->room == room && sip_uri_same(slice_str(share->who.uri), slice_str(user)))
			n++;
	}
	return n < SHARES_MAX;
}

static bool is_in(const struct room *room, const char *user)
{
	const struct participant *p = roster_find(room->c->roster, slice_str(user));
	const struct session *s;

	LIST_FOREACH(s, &room->sessions, link) {
		if (p != NULL && s->announced && s->endpoint != NULL && s->endpoint->user == p &&
		    key_may_read(s))
			return true;
	}
	return false;
}

/* 0, or the status to refuse with. */
static int may_send(struct focus *f, const struct sip_in *in, const struct identity *who,
		    struct room **room_r)
{
	struct room *room = room_by_uri(f, in->uri, NULL, NULL);

	if (f->stopping || !media_available(f->media))
		return 503;
	if (room == NULL)
		return 404;
	if (!is_in(room, who->uri))
		return 403; /* only who is in the room, with its key if it is sealed */
	if (!file_share_allowed(room, who->uri))
		return 486;
	*room_r = room;
	return 0;
}

/* As file_sdp_read(), by the rules of the room. */
static int read_offer(const struct room *room, struct slice text, struct sdp_session *offer_r,
		      uint32_t *good_r, struct focus_sdp_why *why_r)
{
	struct focus *f = room->focus;
	int status =
		file_sdp_read(text, false, 0, f->config.max_file, &f->sdp, offer_r, good_r, why_r);

	if (status == 0 && room_is_sealed(room)) {
		status = file_sdp_judge_sealed(offer_r, why_r);
		if (status != 0)
			sdp_fini(offer_r);
	}
	return status;
}

bool file_on_invite(struct focus *f, struct sip_in **in, struct identity *who)
{
	struct focus_sdp_why why = {399, NULL};
	struct sdp_session offer;
	struct file_share *share;
	struct room *room = NULL;
	struct sip_in *invite = *in;
	uint32_t good = 0;
	int status;

	if (invite->sdp.ptr == NULL || !file_sdp_is_offer(invite->sdp, f->sdp.strict))
		return false;
	*in = NULL;
	status = may_send(f, invite, who, &room);
	if (status == 0) {
		focus_demand(f, room, invite);
		f->sdp.websocket = false; /* files of browsers go through their chat */
		status = read_offer(room, invite->sdp, &offer, &good, &why);
	}
	if (status != 0) {
		char *headers = focus_refusal_headers(status == 503 ? 5 : 0, why.warning, why.text);

		log_info("file of %s to %s refused: %d %s", who->uri, invite->uri, status,
			 why.text != NULL ? why.text : "");
		sip_in_end(&invite, &(struct sip_answer){.status = status, .headers = headers});
		free(headers);
		identity_fini(who);
		return true;
	}
	share = file_share_new(room, who, &offer, good);
	keep_company(share, invite);
	share->sender = file_leg_new(share);
	share->sender->peer_id = share->offer.origin_id;
	share->sender->peer_version = share->offer.origin_version;
	if (dialog_accept(f->file_dialogs, &invite, room->c->name, share->sender,
			  &share->sender->dialog) != 0) {
		file_share_end(share, 0, 0, "session interval too small");
		return true;
	}
	log_info("%s: %s sends %zu lines of files", room->c->name, share->who.uri,
		 share->offer.n_media);
	file_leg_add(share->sender);
	return true;
}

/* --- what the media side tells --- */

static struct file_share *find(struct focus *f, const uint8_t *ctx, size_t *i_r)
{
	struct file_share *share;

	LIST_FOREACH(share, &f->shares, link) {
		for (size_t i = 0; i < share->offer.n_media; i++) {
			if (memcmp(share->line[i].context, ctx, MEDIA_CONTEXT_SIZE) == 0) {
				*i_r = i;
				return share;
			}
		}
	}
	return NULL;
}

static struct file_leg *leg_of(struct file_share *share, uint64_t termination)
{
	struct file_leg *leg;

	if (share->sender != NULL && share->sender->termination == termination)
		return share->sender;
	LIST_FOREACH(leg, &share->receivers, link) {
		if (leg->termination == termination)
			return leg;
	}
	return NULL;
}

void file_on_over(struct focus *f, const uint8_t *ctx, int outcome, uint64_t size)
{
	size_t i = 0;
	struct file_share *share = find(f, ctx, &i);

	if (share == NULL)
		return;
	log_info("%s: file %zu of %s is over, %llu octets (outcome %d)", share->room->c->name,
		 i + 1, share->who.uri, (unsigned long long)size, outcome);
	share->line[i].open = false;
	if (room_is_sealed(share->room))
		key_used(share->room, 1);
	share->delivered = share->delivered || outcome == CTL_OUTCOME_DELIVERED;
	if (!is_over(share))
		return;
	share->ending = true;
	while (!LIST_EMPTY(&share->receivers))
		file_leg_end(LIST_FIRST(&share->receivers), 0, 200, "Done");
	share->ending = false;
	if (share->sender != NULL)
		timer_start(share->timer, LAST_WORD_MS);
	else
		end_over(share);
}

bool file_on_lost(struct focus *f, const uint8_t *ctx, uint64_t termination, int cause)
{
	size_t i = 0;
	struct file_share *share = find(f, ctx, &i);
	struct file_leg *leg;

	if (share == NULL)
		return false;
	leg = leg_of(share, termination);
	if (leg == NULL || leg == share->sender)
		return true; /* the end of a sender's connection ends the file, which is told */
	log_info("%s: %s lost its connection for a file", share->room->c->name, leg->user);
	file_leg_drop_line(leg, i);
	if (!file_leg_has_line(leg)) {
		const struct unwind_rule *rule = unwind_rule(unwind_of_lost(cause));

		file_leg_end(leg, 0, rule->reason, rule->text);
		file_share_check(share);
	}
	return true;
}

bool file_on_context_lost(struct focus *f, const uint8_t *ctx)
{
	size_t i = 0;
	struct file_share *share = find(f, ctx, &i);

	if (share != NULL)
		file_share_end(share, 503, 503, "MRFP lost");
	return share != NULL;
}

bool file_knows(struct focus *f, const uint8_t *ctx, uint64_t termination)
{
	size_t i = 0;
	struct file_share *share = find(f, ctx, &i);
	struct file_leg *leg;

	if (share == NULL)
		return false;
	leg = leg_of(share, termination);
	return termination == 0 || (leg != NULL && leg->part[i].exists);
}

/* --- what the room tells --- */

void file_regate(struct room *room, const struct media_keys *keys)
{
	const struct file_share *share;

	LIST_FOREACH(share, &room->focus->shares, link) {
		for (size_t i = 0; share->room == room && i < share->offer.n_media; i++) {
			if (share->line[i].open)
				media_set_keys(room->focus->media, share->line[i].context,
					       FILE_EPOCH, keys, NULL, NULL);
		}
	}
}

void file_room_ends(struct room *room)
{
	struct focus *f = room->focus;
	struct file_share *share, *next;

	for (share = LIST_FIRST(&f->shares); share != NULL; share = next) {
		next = LIST_NEXT(share, link);
		if (share->room == room)
			file_share_end(share, 410, 410, "Conference ended");
	}
}

void file_user_left(struct room *room, const char *user)
{
	struct focus *f = room->focus;
	struct file_share *share, *next;

	for (share = LIST_FIRST(&f->shares); share != NULL; share = next) {
		struct file_leg *leg;

		next = LIST_NEXT(share, link);
		if (share->room != room)
			continue;
		if (sip_uri_same(slice_str(share->who.uri), slice_str(user))) {
			if (share->sender != NULL) /* what it has sent already goes on */
				file_share_sender_left(share, "Not in the conference");
			continue;
		}
		LIST_FOREACH(leg, &share->receivers, link) {
			if (slice_eq_str(slice_str(user), leg->user))
				break;
		}
		if (leg != NULL) {
			file_leg_end(leg, 0, 403, "Not in the conference");
			file_share_check(share);
		}
	}
}
