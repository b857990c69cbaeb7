/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files in further lines of a member's own dialog (RFC 5547 8.2, by re-INVITE or UPDATE): each new
 * line becomes a share as an INVITE of its own would; a known id starts nothing anew, another file
 * under it is refused, port 0 is the end. Our end of a line is a new offer with port 0.
 */
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfc/focus/focus_file.h"
#include "mrfc/focus/focus_file_priv.h"
#include "mrfc/focus/focus_reinvite.h"

#define LOG_PLACE "focus/file"

void file_lines_closed(struct file_share *share)
{
	struct session *s = share->member;
	bool was_open = false;

	if (s == NULL)
		return;
	share->member = NULL;
	for (size_t j = 0; j < share->offer.n_media; j++) {
		was_open = was_open || s->local.extra[share->at[j]].path != NULL;
		focus_sdp_extra_fini(&s->local.extra[share->at[j]]);
	}
	if (was_open)
		reinvite_lines_closed(s);
}

void file_member_gone(struct session *s)
{
	struct focus *f = s->room->focus;
	struct file_share *share, *next;

	for (share = LIST_FIRST(&f->shares); share != NULL; share = next) {
		next = LIST_NEXT(share, link);
		if (share->member != s)
			continue;
		share->member = NULL;
		if (share->sender != NULL)
			file_share_sender_left(share, "left");
	}
}

/* --- a change of the member's description --- */

static bool is_seen(const struct session *s, const char *id)
{
	for (size_t i = 0; i < SESSION_FILE_IDS; i++) {
		if (s->file_ids[i] != NULL && slice_eq_str(slice_str(s->file_ids[i]), id))
			return true;
	}
	return false;
}

static void see(struct session *s, const char *id)
{
	char **at = &s->file_ids[s->n_file_ids++ % SESSION_FILE_IDS];

	free(*at);
	*at = xstrdup(id);
}

/* Lines of this share that the offer ends, or that mean another file by now. */
static void end_lines(struct session *s, struct file_share *share)
{
	const struct sdp_session *offer = &s->offered->sdp;

	for (size_t j = 0; j < share->offer.n_media; j++) {
		size_t i = share->at[j];

		if (i < offer->n_media && offer->media[i].port != 0 &&
		    file_same(&share->offer.media[j], &offer->media[i]))
			continue;
		focus_sdp_extra_fini(&s->local.extra[i]);
		file_leg_drop_line(share->sender, j);
	}
	if (!file_leg_has_line(share->sender)) {
		share->member = NULL;
		file_share_sender_left(share, "its lines are closed");
	}
}

/* Is line i a file that is to be passed on now? */
static bool is_new_file(struct session *s, size_t i)
{
	struct focus *f = s->room->focus;
	const struct sdp_media *m = &s->offered->sdp.media[i];
	struct focus_sdp_peer probe = {.chat = i};
	struct focus_sdp_why why = {0};

	if (i == s->offered->chat || !m->is_message || m->port == 0 || !sdp_is_file(m) ||
	    s->local.extra[i].path != NULL)
		return false;
	if (room_is_sealed(s->room))
		why.text = key_may_read(s) ? file_sdp_leak(m->file) : "it has no key";
	if (why.text != NULL) {
		log_info("%s: a file of %s is refused: %s", s->room->c->name, s->who.uri, why.text);
		return false;
	}
	if (sdp_is_websocket(m) || sdp_push_problem(m, f->sdp.by_name, &why.text) != 0 ||
	    focus_sdp_check_line(m, false, &f->sdp, &probe, &why) != 0) {
		log_info("%s: a file of %s is refused: %s", s->room->c->name, s->who.uri,
			 why.text != NULL ? why.text : "it is over WebSocket");
		return false;
	}
	if (f->config.max_file != 0 && m->file->has_size && m->file->size > f->config.max_file)
		return false;
	return !is_seen(s, m->file->transfer_id);
}

/* The new lines alone, as a description of their own. 0, or -ERR_ when they cannot be had. */
static int take_lines(struct session *s, const bool wanted[SDP_MAX_MEDIA], size_t at[SDP_MAX_MEDIA],
		      struct sdp_session *only_r)
{
	struct sdp_session all, rest = {0};
	struct bytes text = BYTES_INIT;
	size_t n = 0;
	int err;

	sdp_build(&text, &s->offered->sdp); /* a copy that owns its strings */
	err = sdp_parse_msrp(bytes_slice(&text), false, &all);
	bytes_fini(&text);
	if (err != 0)
		return err;
	rest.media = xcalloc(all.n_media, sizeof(*rest.media));
	for (size_t i = 0; i < all.n_media; i++) {
		if (wanted[i]) {
			at[n] = i;
			all.media[n++] = all.media[i];
		} else {
			rest.media[rest.n_media++] = all.media[i];
		}
	}
	all.n_media = n;
	sdp_fini(&rest);
	*only_r = all;
	return 0;
}

bool file_lines_change(struct session *s)
{
	struct focus *f = s->room->focus;
	struct file_share *share, *next;
	bool wanted[SDP_MAX_MEDIA] = {false};
	size_t at[SDP_MAX_MEDIA] = {0}, n = 0;
	struct identity who = {0};
	struct sdp_session only;

	for (share = LIST_FIRST(&f->shares); share != NULL; share = next) {
		next = LIST_NEXT(share, link);
		if (share->member == s && share->sender != NULL)
			end_lines(s, share);
	}
	for (size_t i = 0; i < s->offered->sdp.n_media; i++) {
		wanted[i] = is_new_file(s, i);
		n += wanted[i];
	}
	if (n == 0 || !file_share_allowed(s->room, s->who.uri) ||
	    take_lines(s, wanted, at, &only) != 0)
		return false;
	for (size_t j = 0; j < n; j++)
		see(s, only.media[j].file->transfer_id);
	who.uri = xstrdup(s->who.uri);
	share = file_share_new(s->room, &who, &only, (UINT32_C(1) << n) - 1);
	share->member = s;
	memcpy(share->at, at, sizeof(at));
	share->sender = file_leg_new(share);
	log_info("%s: %s sends %zu files in its dialog", s->room->c->name, s->who.uri, n);
	file_leg_add(share->sender);
	return true;
}

static void open_line(struct focus_sdp_extra *e, const struct file_sdp_line *line)
{
	focus_sdp_extra_fini(e);
	e->path = xstrdup(line->path);
	e->host = xstrdup(line->host);
	e->fingerprint = line->fingerprint != NULL ? xstrdup(line->fingerprint) : NULL;
	e->port = line->port;
}

void file_lines_ready(struct file_share *share)
{
	struct session *s = share->member;
	bool any = false;

	for (size_t j = 0; j < share->offer.n_media; j++) {
		const struct file_sdp_line *line = &share->sender->local.line[j];

		if (!share->line[j].open || line->path == NULL)
			continue;
		open_line(&s->local.extra[share->at[j]], line);
		any = true;
	}
	file_leg_step(share->sender, FILE_LEG_UP);
	if (any && file_call_members(share) > 0)
		file_share_started(share);
	else
		file_share_end(share, 480, 480, "Nobody else is here");
	reinvite_lines_ready(s);
}
