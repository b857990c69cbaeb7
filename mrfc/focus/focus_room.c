/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rooms and sessions, the focus' side of conferences and endpoints: made, found, described to the
 * media side and to the store. What happens to them is in the files of the verbs.
 */
#include <ctype.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "mrfc/conference/privacy.h"
#include "mrfc/conference/psi.h"
#include "mrfc/focus/focus_access.h"
#include "mrfc/focus/focus_control.h"
#include "mrfc/focus/focus_events.h"
#include "mrfc/focus/focus_key_owner.h"
#include "mrfc/focus/focus_priv.h"
#include "mrfc/focus/focus_privacy.h"
#include "mrfc/focus/focus_reinvite.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "focus"

#define COALESCE_MS     100
#define PSI_RANDOM_LEN  20
#define ANONYMOUS_ALIAS PRIVACY_ANONYMOUS

static const char *const step_names[] = {"new",      "adding",  "keying",   "reserving",
					 "storing",  "waiting", "calling",  "proving",
					 "settling", "up",      "changing", "moving"};

struct room *room_of(const struct conference *c)
{
	return c->focus;
}

void session_step(struct session *s, enum session_step step)
{
	if (s->step != step)
		log_debug("%s %s: %s -> %s", s->room->c->name, s->who.uri, step_names[s->step],
			  step_names[step]);
	s->step = step;
	if (step == SESSION_WAITING || step == SESSION_SETTLING)
		owed_entering(s);
	if (owner_is_maker(s))
		owner_look(s->room);
}

static void on_events_timer(void *arg)
{
	events_run(arg);
}

static void on_move_timer(void *arg)
{
	room_move(arg);
}

/* Words nobody may be called by, and whether names may look alike. */
static void set_nickname_policy(const struct focus_config *config, struct roster *r)
{
	struct slice rest = slice_str(config->reserved_nicknames), word;

	if (config->refuse_lookalikes)
		roster_refuse_lookalikes(r);
	while (slice_next(&rest, ',', &word)) {
		if (slice_trim(word).len)
			roster_reserve_nickname(r, slice_trim(word));
	}
}

/* A name that the core routes to us, where it does so by identities (TGPP-005). */
static char *psi_name(struct focus *f)
{
	struct bytes name = BYTES_INIT;
	char random[PSI_RANDOM_LEN + 1];

	do {
		rand_ident(random, PSI_RANDOM_LEN);
		for (char *c = random; *c != '\0'; c++)
			*c = (char)tolower((unsigned char)*c);
		bytes_reset(&name);
		if (!psi_set_name(f->psi, random, &name))
			return NULL;
	} while (conference_find(f->conferences, bytes_slice(&name)) != NULL);
	return bytes_take(&name);
}

struct room *room_new(struct focus *f, struct conference *c)
{
	const struct event_pkg_limits limits = {.coalesce_ms = COALESCE_MS,
						.burst = f->config.event_burst,
						.min_interval_ms = f->config.event_min_interval_ms,
						.roster_limit = f->config.event_roster_limit};
	struct room *room = xcalloc(1, sizeof(*room));

	room->focus = f;
	room->c = c;
	LIST_INIT(&room->sessions);
	LIST_INIT(&room->watchers);
	room->events_timer = timer_new(f->base, on_events_timer, room);
	room->move_timer = timer_new(f->base, on_move_timer, room);
	c->focus = room;
	owed_room_init(room);
	c->empty_since_ms = clock_now_ms();
	set_nickname_policy(&f->config, c->roster);
	c->events = event_pkg_new(c->roster, &limits, events_ops(), room);
	room_view(room);
	return room;
}

int room_create(struct focus *f, const char *name, const char *creator, const char *subject,
		enum conference_origin origin, bool sealed, struct room **room_r)
{
	static const char *const origins[] = {"factory", "join", "api"};
	struct conference *c;
	struct room *room;
	char *made = name == NULL ? psi_name(f) : NULL;
	int err = conference_create(f->conferences, made != NULL ? made : name, creator, origin,
				    clock_wall_ms(), &c);

	free(made);
	if (err != 0)
		return err;
	c->subject = subject != NULL && subject[0] != '\0' ? xstrdup(subject) : NULL;
	c->end_policy = f->config.end_policy;
	c->kept = f->config.durable;
	c->e2e = sealed;
	if (f->config.lifetime_ms != 0)
		c->until_wall_ms = c->created_wall_ms + f->config.lifetime_ms;
	room = room_new(f, c);
	if (sealed)
		key_room_open(room, false);
	conf_store_put_conference(f->store, c);
	stats_created(f->stats, origins[origin]);
	log_info("%s: made by %s (%s)", c->name, creator != NULL ? creator : "the operator",
		 origins[origin]);
	*room_r = room;
	return 0;
}

void room_view(struct room *room)
{
	char epoch[GKID_HEX_SIZE];
	const struct roster_view view = {.subject = room->c->subject,
					 .epoch = key_epoch_hex(room, epoch) ? epoch : NULL,
					 .max_users = room_max_users(room),
					 .locked = room->c->locked,
					 .active = room->c->state == CONFERENCE_ACTIVE,
					 .own = room->focus->config.event_own,
					 .reveal = room->focus->config.reveal_to_moderators,
					 .administrator = room->focus->config.show_administrator};

	event_pkg_set_view(room->c->events, &view);
}

uint64_t room_max_size(const struct focus *f)
{
	uint64_t all = media_max_size(f->media);
	uint64_t most = f->config.max_message > f->config.max_file ? f->config.max_message
								   : f->config.max_file;

	if (f->config.max_message == 0 || f->config.max_file == 0)
		return all; /* one of them has no limit of its own */
	return all == 0 || most < all ? most : all;
}

void room_changed(struct room *room)
{
	if (roster_count(room->c->roster) > 0)
		room->c->empty_since_ms = 0;
	else if (room->c->empty_since_ms == 0)
		room->c->empty_since_ms = clock_now_ms();
	event_pkg_changed(room->c->events, clock_now_ms());
	events_run(room);
}

bool room_uri_is_mine(const struct focus *f, const char *uri)
{
	struct sip_uri u;

	return sip_uri_parse(slice_str(uri), &u) == 0 &&
	       (u.scheme == SIP_URI_SIP || u.scheme == SIP_URI_SIPS) &&
	       sip_agent_is_me(f->sip, u.host, u.port);
}

struct room *room_by_uri(struct focus *f, const char *uri, bool *is_factory_r, struct slice *name_r)
{
	struct sip_uri u;
	struct conference *c;

	if (is_factory_r != NULL)
		*is_factory_r = false;
	if (name_r != NULL)
		*name_r = SLICE_NULL;
	if (sip_uri_parse(slice_str(uri), &u) != 0 ||
	    (u.scheme != SIP_URI_SIP && u.scheme != SIP_URI_SIPS) ||
	    !sip_agent_is_me(f->sip, u.host, u.port))
		return NULL;
	if ((f->config.factory[0] != '\0' && slice_eq_str(u.user, f->config.factory)) ||
	    (f->config.list[0] != '\0' && slice_eq_str(u.user, f->config.list))) {
		if (is_factory_r != NULL)
			*is_factory_r = true;
		return NULL;
	}
	if (name_r != NULL)
		*name_r = u.user;
	c = conference_find(f->conferences, u.user);
	return c != NULL && c->state == CONFERENCE_ACTIVE ? room_of(c) : NULL;
}

struct session *session_new(struct room *room, struct identity *who_take, const char *contact)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->room = room;
	s->who = *who_take;
	*who_take = (struct identity){0};
	s->contact = xstrdup(contact != NULL ? contact : "");
	s->shown = room_hide(room, &s->who);
	LIST_INSERT_HEAD(&room->sessions, s, link);
	room->n_entering++;
	session_entering(s);
	return s;
}

/* By its GRUU (RFC 5627), or by a Contact that is nobody's address-of-record. */
struct session *session_of_device(struct room *room, struct slice uri)
{
	struct slice gr, his;
	struct session *s, *found = NULL;
	struct sip_uri u, c;
	bool has_gr = sip_uri_parse(uri, &u) == 0 && sip_uri_param(u.params, "gr", &gr);

	if (!has_gr && (roster_find(room->c->roster, uri) != NULL ||
			members_find(room->c->members, uri) != NULL))
		return NULL;
	LIST_FOREACH(s, &room->sessions, link) {
		if (!sip_uri_same(slice_str(s->contact), uri))
			continue;
		if (has_gr && (sip_uri_parse(slice_str(s->contact), &c) != 0 ||
			       !sip_uri_param(c.params, "gr", &his) || !slice_eq(gr, his)))
			continue;
		if (found != NULL)
			return NULL; /* a border's Contact, of several */
		found = s;
	}
	return found;
}

struct focus_sdp_peer *session_offered(struct session *s)
{
	if (s->offered == NULL)
		s->offered = xcalloc(1, sizeof(*s->offered));
	return s->offered;
}

struct media_context room_media(struct room *room, const char *aliases[], size_t max)
{
	struct focus *f = room->focus;
	struct media_context ctx = {.epoch = room->c->epoch,
				    .conference_uri = room->c->uri,
				    .aliases = aliases,
				    .private_messages = f->config.private_messages,
				    .nicknames = f->config.nicknames,
				    .echo = f->config.echo,
				    .strict = f->config.strict,
				    .keep = f->member_hooks != NULL,
				    .away = owed_is_away(room),
				    .max_message = f->config.max_message,
				    .max_file = f->config.max_file};

	memcpy(ctx.id, room->c->context, sizeof(ctx.id));
	key_media(room, &ctx);
	if (f->config.anonymous_alias && ctx.n_aliases < max)
		aliases[ctx.n_aliases++] = ANONYMOUS_ALIAS;
	for (size_t i = 0; i < f->n_aliases && ctx.n_aliases < max; i++)
		aliases[ctx.n_aliases++] = f->aliases[i];
	return ctx;
}

size_t session_uris(const struct session *s, const char *uris[])
{
	size_t n = 0;

	if (s->shown != NULL) { /* the real ones would give him away (PRV-004) */
		uris[n++] = s->shown;
		if (s->room->focus->config.anonymous_alias)
			uris[n++] = ANONYMOUS_ALIAS;
		return n;
	}
	uris[n++] = s->who.uri;
	for (size_t i = 0; i < s->who.n_aliases; i++)
		uris[n++] = s->who.aliases[i];
	return n;
}

void session_add_termination(struct session *s, const struct media_remote *remote,
			     media_result_fn *fn)
{
	const char *aliases[18], *uris[1 + IDENTITY_MAX_ALIASES];
	size_t n = session_uris(s, uris);
	const struct sip_agent *sip = s->room->focus->sip;
	struct bytes own = BYTES_INIT, over_tls = BYTES_INIT;
	struct media_context ctx = room_media(s->room, aliases, 16);
	struct media_remote with_role = *remote;

	/* The conference is also called by the address of our Contact, whichever it is. */
	bytes_addf(&own, "sip:%s@%s", s->room->c->name, sip_agent_contact(sip));
	aliases[ctx.n_aliases++] = bytes_cstr(&own);
	if (sip_agent_tls_contact(sip) != NULL) {
		bytes_addf(&over_tls, "sip:%s@%s", s->room->c->name, sip_agent_tls_contact(sip));
		aliases[ctx.n_aliases++] = bytes_cstr(&over_tls);
	}
	session_set_termination(s, s->room->c->next_termination++);
	s->live = s->ended = false;
	s->held = with_role.hold = owed_holds(s);
	with_role.listener = room_is_listener(s->room, &s->who);
	media_add(s->room->focus->media, &ctx, s->termination, uris, n, &with_role, fn, s);
	bytes_fini(&over_tls);
	bytes_fini(&own);
}

void session_set_dir(struct session *s, int dir)
{
	s->dir = dir;
	if (s->endpoint == NULL)
		return;
	roster_endpoint_dir(s->endpoint, dir);
	/* Hold is the peer not wanting to hear (FOC-021). */
	roster_endpoint_status(s->endpoint,
			       dir == SDP_INACTIVE || dir == SDP_SENDONLY ? CONFINFO_ON_HOLD
									  : CONFINFO_CONNECTED,
			       clock_wall_ms());
	key_nudge(s);
}
