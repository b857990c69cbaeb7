/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys for the TLS of members' legs: what the message in the offer of a session comes to at the key server,
 * told to the media side, which wipes it with the leg. Nothing waits for one: without it the leg goes by
 * certificates. The focus keeps none.
 */
#include "common/log.h"
#include "common/secret.h"
#include "mrfc/focus/focus_dialout.h"
#include "mrfc/focus/focus_join.h"
#include "mrfc/focus/focus_leave.h"
#include "mrfc/focus/focus_priv.h"
#include "proto/key_mgmt.h"

#define LOG_PLACE "focus/key"

static bool room_has_keys(const struct room *room)
{
	const struct groupkey *g = room->focus->config.keys;

	return room->key != NULL && room->focus->config.tls_psk && g != NULL && g->ops->leg != NULL;
}

static bool wants(const struct session *s)
{
	return s->key != NULL && s->local.fingerprint != NULL && s->termination != 0 &&
	       room_has_keys(s->room);
}

/* False: there is none to give. */
static bool give(struct session *s, struct slice message, media_result_fn *fn)
{
	struct groupkey *g = s->room->focus->config.keys;
	struct gke_leg *leg = secret_alloc(sizeof(*leg));
	int err = g->ops->leg(g, s->room->c->uri, s->who.uri, message, leg);

	if (err == 0)
		media_set_psk(s->room->focus->media, session_context(s), session_epoch(s),
			      s->termination, slice_str(leg->identity),
			      slice_make(leg->psk, sizeof(leg->psk)), fn, s);
	else
		log_debug("%s: %s has no key for TLS: %s", s->room->c->name, s->who.uri,
			  err_name(err));
	secret_free(&leg, sizeof(*leg));
	return err == 0;
}

bool key_leg_defers(const struct room *room, const struct media_remote *remote)
{
	return room_has_keys(room) && remote->tls && remote->setup == MEDIA_ACTIVE;
}

bool key_leg_of_ours(struct session *s, media_result_fn *fn)
{
	return wants(s) && s->key->last.len != 0 && give(s, bytes_slice(&s->key->last), fn);
}

void key_leg_of_theirs(struct session *s, const struct focus_sdp_peer *p)
{
	const struct sdp_media *line = &p->sdp.media[p->chat];
	struct bytes message = BYTES_INIT, ids = BYTES_INIT;

	if (wants(s) && key_mgmt_read(line->key_mgmt, line->n_key_mgmt, &message, &ids) == 1)
		(void)give(s, bytes_slice(&message), NULL);
	bytes_fini(&message);
	bytes_fini(&ids);
}

/* Our offer has the message: who answers may connect at once. */
static void on_offer_given(const struct media_result *result, void *arg)
{
	struct session *s = arg;

	(void)result; /* without it by certificates */
	if (s->dialled_out)
		dialout_describe(s);
	else
		join_describe(s);
}

static void on_given(const struct media_result *result, void *arg)
{
	struct session *s = arg;

	if (result->err != 0)
		focus_unwind(s, unwind_of_media(result->err), 0, NULL, result->reason);
	else
		join_describe(s);
}

bool key_leg_waits(struct session *s)
{
	struct media_remote remote;

	if (!wants(s))
		return false;
	if (s->dialled_out || !s->has_peer || s->we_offered) {
		if (!key_leg_of_ours(s, on_offer_given))
			return false;
		session_step(s, SESSION_ADDING);
		return true;
	}
	key_leg_of_theirs(s, &s->peer);
	focus_sdp_remote(&s->peer, false, &s->room->focus->sdp, &remote);
	session_step(s, SESSION_ADDING);
	media_modify(s->room->focus->media, session_context(s), session_epoch(s), s->termination,
		     &remote, false, on_given, s);
	return true;
}
