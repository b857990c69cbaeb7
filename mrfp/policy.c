/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switch's decisions about one message, RFC 7701 6.1 and 6.2, RFC 4975 8.9. The order of the
 * checks is fixed (SW-056), so that a message with several faults gets the same answer always.
 */
#include "mrfp/policy.h"

#include <stdlib.h>

#include "common/mem.h"
#include "mrfp/seal.h"
#include "proto/media_type.h"

bool policy_is_control(unsigned kind)
{
	return kind == CPIM_COMPOSING || kind == CPIM_IMDN || kind == CPIM_KEY;
}

bool policy_is_gated(const struct session *s, unsigned kind)
{
	return s->ctx->kind == CTL_KIND_CHAT && s->ctx->policy & CTL_POLICY_SEALED &&
	       kind != CPIM_KEY;
}

bool policy_may_send(const struct session *s, unsigned kind)
{
	return policy_is_control(kind) || s->direction == CTL_DIR_SENDRECV ||
	       s->direction == CTL_DIR_SENDONLY;
}

bool policy_is_keyserver(struct slice content_type)
{
	return slice_ieq_str(media_type_base(content_type), "application/vnd.mrf.keyserver");
}

enum top_type policy_top_type(struct slice content_type)
{
	struct slice base = media_type_base(content_type);

	if (slice_ieq_str(base, "message/cpim"))
		return TOP_CPIM;
	if (slice_ieq_str(base, "application/mikey"))
		return TOP_KEY;
	if (policy_is_keyserver(content_type))
		return TOP_KEYSERVER;
	return slice_ieq_str(base, "application/im-iscomposing+xml") ? TOP_COMPOSING : TOP_OTHER;
}

bool policy_disposition_ok(struct slice disposition)
{
	static const char *const known[] = {"render",       "inline", "attachment",
					    "notification", "icon",   "session"};
	struct slice base = disposition;
	ptrdiff_t semi = slice_chr(disposition, ';');

	if (semi >= 0)
		base = slice_first(disposition, (size_t)semi);
	base = slice_trim(base);
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (slice_ieq_str(base, known[i]))
			return true;
	}
	return !base.len || !slice_ieq_str(media_type_param(disposition, "handling"), "required");
}

/*
 * Legs of the participant that `to` names: all that can take this private message. Statuses in the
 * order of SW-056: 404, 403, 428, 415.
 */
static int find_targets(struct session *from, const struct cpim_head *cpim, uint64_t admit,
			struct session ***targets_r, size_t *n_targets_r)
{
	struct context *ctx = from->ctx;
	struct session **targets = NULL, *s;
	size_t n = 0, cap = 0;
	bool control = policy_is_control(cpim->kind);
	bool member = false, self = false, able = false, admitted = false;
	char *key = uris_key(cpim->to);

	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		if (!uris_has_key(&s->uris, cpim->to, key))
			continue;
		member = true;
		if (!control && !(s->caps & CTL_CAPS_PRIVATE))
			continue;
		able = true;
		if (!(admit >> s->taste.accept & 1) ||
		    !session_admits(s, cpim->kind, SLICE_LIT("message/cpim"), cpim->content_type))
			continue;
		admitted = true;
		if (!s->joined)
			continue;
		if (s == from) {
			self = true;
			continue;
		}
		if (n == cap) {
			cap = cap ? cap * 2 : 4;
			targets = xrealloc(targets, cap * sizeof(struct session *));
		}
		targets[n++] = s;
	}
	free(key);
	if (!n && self) { /* to oneself, with one session: it echoes (SW-058) */
		targets = xcalloc(1, sizeof(struct session *));
		targets[n++] = from;
	}
	*targets_r = targets;
	*n_targets_r = n;
	if (!member)
		return 404;
	if (!control && !(from->ctx->policy & CTL_POLICY_PRIVATE))
		return 403;
	if (!able)
		return 428;
	if (!admitted)
		return 415;
	return n ? 200 : 404; /* a member without a session now */
}

int policy_from(struct session *from, const struct cpim_head *cpim)
{
	if (!cpim->n_from || !cpim->n_to || cpim->n_from > 1 || !cpim->content_type.len ||
	    !media_type_ok(cpim->content_type))
		return 400;
	if (!uris_has(&from->uris, cpim->from) || !policy_may_send(from, cpim->kind))
		return 403;
	return 200;
}

bool policy_waits_for_peer(struct session *from, const struct cpim_head *cpim)
{
	return !from->remote_path[0] && cpim->n_from == 1 && !uris_has(&from->uris, cpim->from);
}

static int find_route(struct session *from, const struct cpim_head *cpim, uint64_t admit,
		      enum route *route_r, struct session ***targets_r, size_t *n_targets_r)
{
	if (uris_has(&from->ctx->room, cpim->to)) {
		*route_r = ROUTE_ROOM;
		return from->listener && cpim->kind != CPIM_IMDN ? 403 : 200;
	}
	*route_r = ROUTE_PRIVATE;
	return find_targets(from, cpim, admit, targets_r, n_targets_r);
}

int policy_route(struct session *from, const struct cpim_head *cpim, uint64_t admit,
		 enum route *route_r, struct session ***targets_r, size_t *n_targets_r)
{
	int status = policy_from(from, cpim);

	*targets_r = NULL;
	*n_targets_r = 0;
	if (status == 200 && cpim->n_to > 1)
		status = 403;
	if (status == 200)
		status = find_route(from, cpim, admit, route_r, targets_r, n_targets_r);
	if (status == 200 && from->ctx->policy & CTL_POLICY_SEALED &&
	    seal_form(cpim->content_type, cpim->content_encoding) == SEAL_NONE)
		status = 415;
	return status;
}
