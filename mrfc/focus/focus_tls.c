/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which conferences want MSRP over TLS of whom (SEC-013, IMS-017): the server's policy holds for all,
 * that of one conference adds to it.
 */
#include "mrfc/focus/focus_tls.h"

#include "mrfc/focus/focus_priv.h"

enum conference_tls focus_tls(const struct focus *f, const struct conference *c)
{
	return c != NULL && c->require_tls > f->config.require_tls ? c->require_tls
								   : f->config.require_tls;
}

static enum conference_tls tls_in(const struct focus *f, const struct room *room)
{
	return focus_tls(f, room != NULL ? room->c : NULL);
}

bool focus_can_offer(const struct focus *f, const struct room *room)
{
	return tls_in(f, room) != CONFERENCE_TLS_HOP || media_has_tls(f->media);
}

bool focus_offers_tls(const struct room *room)
{
	const struct focus *f = room->focus;

	return (f->config.offer_tls || tls_in(f, room) == CONFERENCE_TLS_HOP) &&
	       media_has_tls(f->media);
}

void focus_demand(struct focus *f, const struct room *room, const struct sip_in *in)
{
	enum conference_tls wanted = tls_in(f, room);

	f->sdp.tls = media_has_tls(f->media);
	f->sdp.websocket = media_has_websocket(f->media);
	f->sdp.tls_only = wanted == CONFERENCE_TLS_HOP ||
			  (wanted == CONFERENCE_TLS_ACCESS_OR_HOP && in != NULL && !in->trusted);
	f->sdp.unprotected =
		in != NULL && f->config.fingerprint_needs_sips && !in->tls && !in->trusted;
}
