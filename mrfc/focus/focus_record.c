/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of sessions and subscriptions is written down, so that another process can go on with them
 * (focus_recover.c): the session with both sides' descriptions, its dialog apart from it, as that
 * changes more often. Writes only; when an answer has to wait for it is its caller's business.
 */
#include "mrfc/focus/focus_record.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_refer.h"

static const char *local_tag(const struct session *s)
{
	struct sip_leg *leg = s->dialog != NULL ? dialog_leg(s->dialog) : NULL;

	return leg != NULL ? sip_leg_local_tag(leg) : NULL;
}

/* Ours, as it will be once what the peer offered holds. */
static void local_to_be(const struct session *s, struct focus_sdp_local *l)
{
	*l = s->local;
	l->last = BYTES_INIT;
	bytes_add_slice(&l->last, bytes_slice(&s->local.last));
	if (s->step == SESSION_CHANGING && s->has_offered)
		focus_sdp_answer(l, s->offered, &s->room->focus->sdp);
}

/* Keys are not written down, wrapped as they are: after a start there are new ones. */
static char *without_keys(struct slice sdp)
{
	struct bytes out = BYTES_INIT;
	struct slice line;

	while (slice_next(&sdp, '\n', &line)) {
		if (line.len > 0 && !slice_starts(line, SLICE_LIT("a=key-mgmt:"))) {
			bytes_add_slice(&out, line);
			bytes_add_char(&out, '\n');
		}
	}
	return bytes_take(&out);
}

static void put_session(struct session *s, const struct focus_sdp_local *l,
			const struct focus_sdp_peer *peer, const char *peer_sdp)
{
	const struct roster_endpoint *e = s->endpoint;
	bool moving = s->step == SESSION_MOVING; /* what it has on the media side is not in use */
	char *local_sdp = l->last.len > 0 ? without_keys(bytes_slice(&l->last)) : NULL;
	char *key_id = key_id_of(s).len > 0 ? slice_dup(key_id_of(s)) : NULL;
	const struct session_record record = {
		.termination = s->termination,
		.dialog = local_tag(s),
		.uri = s->who.uri,
		.shown = s->shown,
		.display = s->who.display,
		.aliases = (const char *const *)s->who.aliases,
		.n_aliases = s->who.n_aliases,
		.contact = s->contact,
		.dialled_out = s->dialled_out,
		.announced = s->announced,
		.ended = s->ended,
		.by = s->by,
		.referred_by = s->referred_by,
		.refer = s->refer != NULL ? refer_key(s->refer) : NULL,
		.nickname = e != NULL && e->holds_nickname ? e->user->nickname : NULL,
		.joined_wall_ms = e != NULL ? e->joined_wall_ms : 0,
		.origin_id = l->origin_id,
		.origin_version = l->version,
		.path = moving ? NULL : l->path,
		.host = l->host,
		.fingerprint = l->fingerprint,
		.port = l->port,
		.ws = l->ws,
		.wss_proto = l->wss_proto,
		.cema = l->cema,
		.plain = l->plain,
		.local_dir = (int)l->dir,
		.local_setup = (int)l->setup,
		.local_sdp = local_sdp,
		.peer_sdp = peer_sdp,
		.we_offered = s->we_offered,
		.peer_answered = peer == &s->peer && s->peer_answered,
		.dir = peer != NULL && peer == s->offered ? (int)peer->sdp.media[peer->chat].dir
							  : s->dir,
		.key_id = key_id,
		.charging_vector = s->charging.vector,
		.charging_functions = s->charging.functions,
		.access_network = s->charging.access_network,
		.visited_network = s->charging.visited_network,
		.related_vector = s->charging.related,
	};

	conf_store_put_session(s->room->focus->store, s->room->c->name, &record);
	free(key_id);
	free(local_sdp);
}

void session_store_dialog(struct session *s)
{
	struct dialog_record record;

	if (s->dialog == NULL || dialog_leg(s->dialog) == NULL)
		return;
	dialog_save(s->dialog, &record);
	conf_store_put_dialog(s->room->focus->store, s->room->c->name, &record);
	dialog_record_fini(&record);
}

/* Which MRFP the conference is on is known with its first termination there. */
static void store_place(struct room *room)
{
	const char *mrfp = media_mrfp_of(room->focus->media, room->c->context);

	if (mrfp[0] == '\0' || (room->c->mrfp != NULL && strcmp(room->c->mrfp, mrfp) == 0))
		return;
	free(room->c->mrfp);
	room->c->mrfp = xstrdup(mrfp);
	conf_store_put_conference(room->focus->store, room->c);
}

void session_store(struct session *s)
{
	const struct focus_sdp_peer *peer = s->step == SESSION_CHANGING && s->has_offered
						    ? s->offered
					    : s->has_peer ? &s->peer
							  : NULL;
	struct bytes peer_sdp = BYTES_INIT;
	struct focus_sdp_local local;

	if (s->termination == 0)
		return;
	if (s->recorded_as != 0 && s->recorded_as != s->termination)
		conf_store_del_session(s->room->focus->store, s->room->c->name, s->recorded_as);
	store_place(s->room);
	if (peer != NULL)
		sdp_build(&peer_sdp, &peer->sdp);
	local_to_be(s, &local);
	put_session(s, &local, peer, peer != NULL ? bytes_cstr(&peer_sdp) : NULL);
	bytes_fini(&local.last);
	bytes_fini(&peer_sdp);
	session_store_dialog(s);
	s->recorded_as = s->termination;
}

void session_unstore(struct session *s)
{
	struct focus *f = s->room->focus;

	if (s->recorded_as == 0)
		return;
	conf_store_del_session(f->store, s->room->c->name, s->recorded_as);
	if (local_tag(s) != NULL)
		conf_store_del_dialog(f->store, s->room->c->name, local_tag(s));
	s->recorded_as = 0;
}

void watcher_store(struct watcher *w)
{
	struct subscription_record r = {
		.event_id = w->event_id, .user = w->user, .expires_wall_ms = w->expires_wall_ms};

	sip_event_save(w->event, &r.leg);
	/* Each document took a NOTIFY, each NOTIFY a CSeq, from 1 both. */
	r.version = r.leg.local_cseq;
	conf_store_put_subscription(w->room->focus->store, w->room->c->name,
				    sip_event_key(w->event), &r);
	leg_record_fini(&r.leg);
}
