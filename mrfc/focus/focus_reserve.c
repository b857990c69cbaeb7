/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preconditions of sessions, RFC 3312 and TS 24.229 5.1.4: a peer that calls before it has its
 * resources gets our answer in a reliable 183 and its 200 when it says that it has them; a peer that
 * is called and asks for ours is told that they are there. We reserve nothing ourselves.
 */
#include "mrfc/focus/focus_reserve.h"

#include <stdlib.h>

#include "common/log.h"
#include "mrfc/focus/focus_leave.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_record.h"
#include "mrfc/focus/focus_tls.h"

#define LOG_PLACE "focus/reserve"

bool reserve_start(struct session *s)
{
	if (!s->local.reserving)
		return false;
	log_debug("%s: %s has no resources yet", s->room->c->name, s->who.uri);
	session_step(s, SESSION_RESERVING);
	dialog_progress(s->dialog, bytes_slice(&s->local.last));
	return true;
}

static void on_modified(const struct media_result *result, void *arg)
{
	struct session *s = arg;
	struct focus *f = s->room->focus;

	if (result->err != 0) {
		focus_unwind(s, unwind_of_media(result->err), 0, NULL, result->reason);
		return;
	}
	focus_sdp_peer_fini(&s->peer);
	s->peer = *s->offered;
	s->has_offered = false;
	s->dir = (int)s->peer.sdp.media[s->peer.chat].dir;
	s->local.reserving = focus_sdp_awaits(&s->peer, &f->sdp);
	focus_sdp_answer(&s->local, &s->peer, &f->sdp);
	session_store(s);
	dialog_answer(s->dialog, bytes_slice(&s->local.last));
	if (s->local.reserving)
		return;
	session_step(s, SESSION_WAITING);
	dialog_take_call(s->dialog);
}

void reserve_on_offer(struct session *s, struct slice offer)
{
	struct focus *f = s->room->focus;
	struct focus_sdp_why why = {399, "no description"};
	struct media_remote remote;
	int status;

	focus_demand(f, s->room, NULL);
	status = focus_sdp_read(offer, false, &f->sdp, session_offered(s), &why);
	if (status == 0 && focus_sdp_misfit(s->offered, &s->local) != NULL) {
		focus_sdp_peer_fini(s->offered);
		why = (struct focus_sdp_why){399, "another transport"};
		status = 488;
	} else if (status == 0 && (status = key_judge_change(s, s->offered, &why, NULL)) != 0) {
		focus_sdp_peer_fini(s->offered);
	}
	if (status != 0) {
		char *headers = focus_refusal_headers(0, why.warning, why.text);

		dialog_refuse(s->dialog, status, headers);
		free(headers);
		return;
	}
	s->has_offered = true;
	key_leg_of_theirs(s, s->offered);
	focus_sdp_remote(s->offered, false, &f->sdp, &remote);
	media_modify(f->media, session_context(s), session_epoch(s), s->termination, &remote, false,
		     on_modified, s);
}

void reserve_on_early_answer(struct session *s, struct slice sdp)
{
	struct focus *f = s->room->focus;
	struct focus_sdp_why why;
	struct focus_sdp_peer peer;

	if (s->step != SESSION_CALLING || focus_sdp_read(sdp, true, &f->sdp, &peer, &why) != 0)
		return; /* the 200 has it again, or the session fails by it then */
	if (focus_sdp_confirm(&s->local, &peer, &f->sdp))
		dialog_early_offer(s->dialog, bytes_slice(&s->local.last));
	focus_sdp_peer_fini(&peer);
}
