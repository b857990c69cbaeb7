/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin API's view of conferences, participants and MRFPs as JSON: snake_case, times in RFC
 * 3339, states in the words of RFC 4575. Reads the model, changes nothing.
 */
#include "mrfc/admin/api_json.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"
#include "mrfc/focus/focus.h"
#include "proto/confinfo.h"

/* jansson refuses text that is not UTF-8; a display name may be such. */
static json_t *text(const char *s)
{
	json_t *json;
	char *mended;

	if (!s)
		return json_null();
	if (slice_is_utf8(slice_str(s)))
		return json_string(s);
	mended = xstrdup(s);
	for (char *c = mended; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	json = json_string(mended);
	free(mended);
	return json;
}

static json_t *wall_time(uint64_t wall_ms)
{
	char buf[CLOCK_RFC3339_SIZE];

	return wall_ms ? json_string(clock_rfc3339(wall_ms, buf)) : json_null();
}

/* Messages that wait for members, shown in the roster or not. */
static size_t owed(const struct conference *c)
{
	size_t n = 0;

	for (const struct member *m = members_first(c->members); m; m = members_next(m))
		n += m->n_owed;
	return n;
}

static const char *const tls_words[] = {[CONFERENCE_TLS_OFF] = "off",
					[CONFERENCE_TLS_ACCESS_OR_HOP] = "access-or-hop",
					[CONFERENCE_TLS_HOP] = "hop"};

const char *api_json_tls(enum conference_tls tls)
{
	return tls_words[tls];
}

bool api_json_read_tls(const char *word, enum conference_tls *tls_r)
{
	for (size_t i = 0; i < ARRAY_LEN(tls_words); i++) {
		if (strcmp(word, tls_words[i]) == 0) {
			*tls_r = (enum conference_tls)i;
			return true;
		}
	}
	return false;
}

json_t *api_json_conference(const struct conference *c, const char *mrfp, enum conference_tls tls)
{
	char epoch[GKID_HEX_SIZE];
	json_t *o = json_object();

	json_object_set_new(o, "name", text(c->name));
	json_object_set_new(o, "uri", text(c->uri));
	json_object_set_new(o, "state", text(c->state == CONFERENCE_ACTIVE ? "active" : "ending"));
	json_object_set_new(o, "subject", text(c->subject));
	json_object_set_new(o, "e2e", json_boolean(c->e2e));
	json_object_set_new(o, "epoch", focus_epoch(c, epoch) ? text(epoch) : json_null());
	json_object_set_new(o, "require_tls", text(api_json_tls(tls)));
	json_object_set_new(o, "creator", text(c->creator));
	json_object_set_new(o, "created", wall_time(c->created_wall_ms));
	json_object_set_new(o, "participant_count", json_integer(roster_count(c->roster)));
	json_object_set_new(o, "locked", json_boolean(c->locked));
	json_object_set_new(o, "mode", text(c->mode == CONFERENCE_CLOSED ? "closed" : "open"));
	json_object_set_new(o, "max_users",
			    c->max_users ? json_integer(c->max_users) : json_null());
	json_object_set_new(o, "until", wall_time(c->until_wall_ms));
	json_object_set_new(o, "mrfp", mrfp[0] ? text(mrfp) : json_null());
	json_object_set_new(o, "kept", json_boolean(c->kept));
	json_object_set_new(o, "member_count", json_integer((json_int_t)members_count(c->members)));
	json_object_set_new(o, "contribution_id", text(c->contribution_id));
	json_object_set_new(o, "owed", json_integer((json_int_t)owed(c)));
	return o;
}

/*
 * Of a user with several endpoints the state nearest to being in counts: the order of RFC 4575's
 * words by that.
 */
static int nearness(enum confinfo_status s)
{
	static const int rank[] = {
		[CONFINFO_CONNECTED] = 9, [CONFINFO_MUTED] = 8,         [CONFINFO_ON_HOLD] = 7,
		[CONFINFO_ALERTING] = 6,  [CONFINFO_DIALING_OUT] = 5,   [CONFINFO_DIALING_IN] = 4,
		[CONFINFO_PENDING] = 3,   [CONFINFO_DISCONNECTING] = 2, [CONFINFO_DISCONNECTED] = 1,
	};

	return rank[s];
}

/*
 * A dial-out that came to nothing is shown until the roster forgets it, one that left is not; who
 * is absent is shown for as long as he belongs.
 */
static bool is_shown(const struct roster_endpoint *e)
{
	if (e->absent)
		return !e->ended;
	return e->status != CONFINFO_DISCONNECTED || e->leaving == CONFINFO_FAILED ||
	       e->leaving == CONFINFO_BUSY;
}

static json_t *endpoint_json(const struct roster_endpoint *e)
{
	const char *joining =
		e->joining == CONFINFO_JOIN_NONE ? NULL : confinfo_joining_name(e->joining);
	json_t *o = json_object();

	json_object_set_new(o, "contact", text(e->entity));
	json_object_set_new(o, "state", text(confinfo_status_name(e->status)));
	json_object_set_new(o, "joining_method", text(joining));
	json_object_set_new(o, "since", wall_time(e->joined_wall_ms));
	if (e->stale)
		json_object_set_new(o, "stale", json_true());
	return o;
}

json_t *api_json_participant(const struct conference *c, const struct participant *p)
{
	static const char *const member_states[] = {"invited", "in", "away"};
	const struct member *m = members_find(c->members, slice_str(p->uri));
	const struct roster_endpoint *e, *best = NULL;
	json_t *roles = json_array();
	json_t *endpoints = json_array();
	json_t *o = json_object();

	LIST_FOREACH(e, &p->endpoints, link) {
		if (!best || nearness(e->status) > nearness(best->status))
			best = e;
		if (is_shown(e) && !e->absent)
			json_array_append_new(endpoints, endpoint_json(e));
	}
	if (p->role)
		json_array_append_new(roles, text(p->role));
	json_object_set_new(o, "uri", text(p->uri));
	if (p->shown)
		json_object_set_new(o, "shown", text(p->shown));
	json_object_set_new(o, "display", text(p->display));
	json_object_set_new(o, "nickname", text(p->nickname));
	json_object_set_new(o, "roles", roles);
	json_object_set_new(
		o, "state",
		text(confinfo_status_name(best ? best->status : CONFINFO_DISCONNECTED)));
	if (best && best->status == CONFINFO_DISCONNECTED && best->leave_cause)
		json_object_set_new(o, "cause", json_integer(best->leave_cause));
	if (best && best->status == CONFINFO_DISCONNECTED && best->leave_why)
		json_object_set_new(o, "reason", text(best->leave_why));
	json_object_set_new(o, "member", text(m ? member_states[m->state] : NULL));
	json_object_set_new(o, "lost", json_integer((json_int_t)p->lost));
	json_object_set_new(o, "owed", json_integer(m ? m->n_owed : 0));
	json_object_set_new(o, "endpoints", endpoints);
	return o;
}

json_t *api_json_participants(const struct conference *c)
{
	json_t *list = json_array();

	for (struct participant *p = roster_first(c->roster); p; p = roster_next(p)) {
		const struct roster_endpoint *e;

		LIST_FOREACH(e, &p->endpoints, link)
			if (is_shown(e))
				break;
		if (e)
			json_array_append_new(list, api_json_participant(c, p));
	}
	return list;
}

json_t *api_json_mrfp(const struct mrfp_info *info)
{
	static const char *const states[] = {"up", "draining", "down"};
	json_t *o = json_object();

	json_object_set_new(o, "id", text(info->id));
	json_object_set_new(o, "state", text(states[info->state]));
	json_object_set_new(o, "msrp", text(info->msrp));
	json_object_set_new(o, "contexts", json_integer(info->contexts));
	json_object_set_new(o, "terminations", json_integer(info->terminations));
	json_object_set_new(o, "max_terminations", json_integer(info->max_terminations));
	json_object_set_new(o, "load", json_integer(info->load));
	json_object_set_new(o, "tls", json_boolean(info->tls));
	json_object_set_new(o, "websocket", json_boolean(info->websocket));
	json_object_set_new(o, "drain", json_boolean(info->held_back));
	return o;
}
