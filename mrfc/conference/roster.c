/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The roster of one conference: users, their endpoints and nicknames, RFC 4575 and RFC 7701 7. Owns
 * all of it. Each visible change takes the next serial and moves its user to the end of a list, so
 * that what changed since a serial is found without a walk over all users. No clock, no SIP.
 */
#include "mrfc/conference/roster.h"

#include <stdlib.h>
#include <uthash.h>

#include "common/mem.h"
#include "mrfc/conference/roster_priv.h"
#include "proto/sip_uri.h"

/* One name of a participant, in comparable form. */
struct roster_key {
	UT_hash_handle hh;
	struct participant *user;
	size_t len;
	char text[];
};

struct roster *roster_new(const char *conference_uri)
{
	struct roster *r = xcalloc(1, sizeof(*r));

	r->uri = xstrdup(conference_uri);
	r->serial = 1;
	TAILQ_INIT(&r->users);
	TAILQ_INIT(&r->changed);
	TAILQ_INIT(&r->ranked);
	TAILQ_INIT(&r->ended);
	TAILQ_INIT(&r->retired);
	return r;
}

static struct roster_key *key_find(const struct roster *r, struct slice uri)
{
	struct bytes key = BYTES_INIT;
	struct roster_key *k = NULL;

	sip_uri_name_key(uri, &key);
	if (key.len > 0)
		HASH_FIND(hh, r->keys, key.data, key.len, k);
	bytes_fini(&key);
	return k;
}

/* The first owner of a name keeps it. */
static void key_add(struct participant *p, struct slice uri)
{
	struct roster *r = p->roster;
	struct bytes key = BYTES_INIT;
	struct roster_key *k;

	if (key_find(r, uri))
		return;
	sip_uri_name_key(uri, &key);
	if (key.len > 0) {
		k = xcalloc(1, sizeof(*k) + key.len);
		k->user = p;
		k->len = key.len;
		memcpy(k->text, key.data, key.len);
		HASH_ADD_KEYPTR(hh, r->keys, k->text, k->len, k);
	}
	bytes_fini(&key);
}

static void key_drop(struct participant *p, const char *uri)
{
	struct roster_key *k = key_find(p->roster, slice_str(uri));

	if (k && k->user == p) {
		HASH_DEL(p->roster->keys, k);
		free(k);
	}
}

struct participant *roster_find(struct roster *r, struct slice uri)
{
	struct roster_key *k = key_find(r, uri);

	return k ? k->user : NULL;
}

struct participant *roster_user(struct roster *r, struct slice uri, const char *display)
{
	struct participant *p = roster_find(r, uri);

	if (!p) {
		p = xcalloc(1, sizeof(*p));
		p->roster = r;
		p->uri = sip_uri_name(uri);
		LIST_INIT(&p->endpoints);
		TAILQ_INSERT_TAIL(&r->users, p, link);
		key_add(p, slice_str(p->uri));
	}
	if (display && *display)
		roster_set_display(p, display);
	return p;
}

struct participant *roster_first(struct roster *r)
{
	return TAILQ_FIRST(&r->users);
}

struct participant *roster_next(struct participant *p)
{
	return TAILQ_NEXT(p, link);
}

uint32_t roster_count(const struct roster *r)
{
	return r->n_present;
}

uint64_t roster_serial(const struct roster *r)
{
	return r->serial;
}

void roster_touch(struct roster *r)
{
	r->described = ++r->serial;
}

void roster_user_changed(struct participant *p)
{
	struct roster *r = p->roster;

	if (p->changed)
		TAILQ_REMOVE(&r->changed, p, by_change);
	p->changed = ++r->serial;
	TAILQ_INSERT_TAIL(&r->changed, p, by_change);
}

void roster_detail_changed(struct participant *p)
{
	if (!LIST_EMPTY(&p->endpoints))
		roster_user_changed(p);
}

static void aliases_drop(struct participant *p)
{
	for (size_t i = 0; i < p->n_aliases; i++) {
		key_drop(p, p->aliases[i]);
		free(p->aliases[i]);
	}
	free(p->aliases);
	p->aliases = NULL;
	p->n_aliases = 0;
}

void roster_set_aliases(struct participant *p, const char *const *uris, size_t n)
{
	aliases_drop(p);
	if (n > 0)
		p->aliases = xcalloc(n, sizeof(*p->aliases));
	for (size_t i = 0; i < n; i++)
		p->aliases[p->n_aliases++] = xstrdup(uris[i]);
	/* The own URI may have been among the old ones. */
	key_add(p, slice_str(p->uri));
	for (size_t i = 0; i < n; i++)
		key_add(p, slice_str(uris[i]));
}

void roster_set_display(struct participant *p, const char *display)
{
	bool none = !display || !*display;

	if (p->display ? !none && strcmp(p->display, display) == 0 : none)
		return;
	free(p->display);
	p->display = none ? NULL : xstrdup(display);
	roster_detail_changed(p);
}

static void set_ranked(struct participant *p, bool ranked)
{
	struct roster *r = p->roster;

	if (ranked && !p->ranked)
		TAILQ_INSERT_TAIL(&r->ranked, p, by_rank);
	else if (!ranked && p->ranked)
		TAILQ_REMOVE(&r->ranked, p, by_rank);
	p->ranked = ranked;
}

void roster_set_role(struct participant *p, const char *role)
{
	bool was = p->ranked;

	if (p->role == role || (p->role && role && strcmp(p->role, role) == 0))
		return;
	p->role = role;
	set_ranked(p, role && (strcmp(role, "owner") == 0 || strcmp(role, "moderator") == 0));
	roster_detail_changed(p);
	if (was && !p->ranked)
		p->roster->demoted = p->roster->serial;
}

static bool is_present(enum confinfo_status s)
{
	return s == CONFINFO_CONNECTED || s == CONFINFO_ON_HOLD || s == CONFINFO_MUTED;
}

/* The only place where an endpoint's status changes: keeps the counts true. */
static void set_status(struct roster_endpoint *e, enum confinfo_status status)
{
	struct participant *p = e->user;
	bool was = is_present(e->status), is = is_present(status);

	e->status = status;
	if (!was && is && p->n_present++ == 0)
		p->roster->n_present++;
	if (was && !is && --p->n_present == 0)
		p->roster->n_present--;
}

static void endpoint_free(struct roster_endpoint *e)
{
	struct roster *r = e->user->roster;

	if (e->ended && e->retired)
		TAILQ_REMOVE(&r->retired, e, by_end);
	else if (e->ended)
		TAILQ_REMOVE(&r->ended, e, by_end);
	LIST_REMOVE(e, link);
	free(e->entity);
	free(e->joined_by);
	free(e->left_by);
	free(e->leave_why);
	free(e);
}

static void user_free(struct participant *p)
{
	struct roster *r = p->roster;

	while (!LIST_EMPTY(&p->endpoints))
		endpoint_free(LIST_FIRST(&p->endpoints));
	if (p->nickname)
		nickname_release(&r->nicknames, slice_str(p->nickname), p);
	aliases_drop(p);
	key_drop(p, p->uri);
	if (p->shown)
		key_drop(p, p->shown);
	if (p->changed)
		TAILQ_REMOVE(&r->changed, p, by_change);
	set_ranked(p, false);
	TAILQ_REMOVE(&r->users, p, link);
	free(p->xml);
	free(p->uri);
	free(p->shown);
	free(p->display);
	free(p->nickname);
	free(p);
}

const char *roster_shown(const struct participant *p)
{
	return p->shown ? p->shown : p->uri;
}

void roster_set_shown(struct participant *p, const char *uri)
{
	struct roster_endpoint *e, *next;
	char *old = p->shown;

	if (uri == old || (uri && old && strcmp(uri, old) == 0))
		return;
	if (old)
		key_drop(p, old);
	p->shown = uri ? xstrdup(uri) : NULL;
	free(old);
	if (uri)
		key_add(p, slice_str(uri));
	/* Endpoints of his last stay must not stand below the new name. */
	for (e = LIST_FIRST(&p->endpoints); e; e = next) {
		next = LIST_NEXT(e, link);
		if (e->ended)
			endpoint_free(e);
	}
	if (p->changed) {
		roster_user_changed(p);
		p->roster->horizon = p->roster->serial;
	}
}

void roster_free(struct roster **rp)
{
	struct roster *r = *rp;

	if (!r)
		return;
	while (!TAILQ_EMPTY(&r->users))
		user_free(TAILQ_FIRST(&r->users));
	nickname_fini(&r->nicknames);
	free(r->uri);
	free(r);
	*rp = NULL;
}

void roster_forget(struct participant *p)
{
	if (LIST_EMPTY(&p->endpoints) && p->changed == 0)
		user_free(p);
}

static struct roster_endpoint *endpoint_find(struct participant *p, const char *entity)
{
	struct roster_endpoint *e;

	LIST_FOREACH(e, &p->endpoints, link) {
		if (strcmp(e->entity, entity) == 0)
			return e;
	}
	return NULL;
}

/* Contact, or with a number where a live endpoint has it already; an ended one makes room. */
static char *unique_entity(struct participant *p, struct slice contact)
{
	char *entity = slice_dup(contact);
	struct roster_endpoint *other;
	unsigned n = 1;

	while ((other = endpoint_find(p, entity)) != NULL) {
		if (other->ended) {
			endpoint_free(other);
			continue;
		}
		free(entity);
		entity = xasprintf(SLICE_FMT ";mrf-leg=%u", SLICE_ARG(contact), ++n);
	}
	return entity;
}

struct roster_endpoint *roster_endpoint_add(struct participant *p, struct slice contact,
					    enum confinfo_status status,
					    enum confinfo_joining joining, void *owner)
{
	struct roster_endpoint *e = xcalloc(1, sizeof(*e));

	e->user = p;
	e->entity = unique_entity(p, contact);
	e->joining = joining;
	e->owner = owner;
	e->status = CONFINFO_PENDING;
	LIST_INSERT_HEAD(&p->endpoints, e, link);
	p->n_live++;
	set_status(e, status);
	roster_user_changed(p);
	return e;
}

/* Who did something, as others may know him; NULL: nobody. */
static char *name_of(struct roster *r, const char *by)
{
	const struct participant *p = by ? roster_find(r, slice_str(by)) : NULL;

	return !by ? NULL : xstrdup(p ? roster_shown(p) : by);
}

void roster_endpoint_by(struct roster_endpoint *e, const char *by)
{
	free(e->joined_by);
	e->joined_by = name_of(e->user->roster, by);
	roster_user_changed(e->user);
}

void roster_endpoint_status(struct roster_endpoint *e, enum confinfo_status status,
			    uint64_t wall_ms)
{
	if (e->ended || e->status == status)
		return;
	if (status == CONFINFO_CONNECTED && e->joined_wall_ms == 0)
		e->joined_wall_ms = wall_ms;
	set_status(e, status);
	roster_user_changed(e->user);
}

void roster_endpoint_dir(struct roster_endpoint *e, int media_dir)
{
	if (e->media_dir == media_dir)
		return;
	e->media_dir = media_dir;
	roster_user_changed(e->user);
}

bool roster_endpoint_stale(struct roster_endpoint *e, bool stale)
{
	if (e->stale == stale || e->ended)
		return false;
	e->stale = stale;
	roster_user_changed(e->user);
	return true;
}

void roster_endpoint_lost(struct roster_endpoint *e, uint64_t n)
{
	e->lost += n;
	e->user->lost += n;
}

void roster_endpoint_end(struct roster_endpoint *e, enum confinfo_leaving leaving, int sip_cause,
			 const char *by, uint64_t now_ms)
{
	struct participant *p = e->user;

	if (e->ended)
		return;
	set_status(e, CONFINFO_DISCONNECTED);
	e->leaving = leaving;
	e->leave_cause = sip_cause;
	free(e->left_by);
	e->left_by = name_of(p->roster, by);
	e->ended = true;
	e->gone_at_ms = now_ms;
	e->owner = NULL;
	e->holds_nickname = false;
	p->n_live--;
	if (p->n_live == 0 || !roster_nickname_held(p))
		roster_drop_nickname(p);
	TAILQ_INSERT_TAIL(&p->roster->ended, e, by_end);
	roster_user_changed(p);
}

static struct roster_endpoint *absent_of(const struct participant *p)
{
	struct roster_endpoint *e;

	LIST_FOREACH(e, &p->endpoints, link) {
		if (e->absent && !e->ended)
			return e;
	}
	return NULL;
}

void roster_show_absent(struct participant *p, enum confinfo_status status,
			enum confinfo_leaving leaving, int sip_cause, const char *by)
{
	struct roster_endpoint *e = absent_of(p);

	if (e == NULL) {
		e = roster_endpoint_add(p, slice_str(roster_shown(p)), status, CONFINFO_JOIN_NONE,
					NULL);
		e->absent = true;
	} else if (e->status == status && e->leaving == leaving && e->leave_cause == sip_cause) {
		return;
	}
	set_status(e, status);
	e->leaving = leaving;
	e->leave_cause = sip_cause;
	free(e->left_by);
	e->left_by = name_of(p->roster, by);
	roster_user_changed(p);
}

void roster_hide_absent(struct participant *p, uint64_t now_ms)
{
	struct roster_endpoint *e = absent_of(p);

	if (e == NULL)
		return;
	if (p->n_live > 1) {
		p->n_live--;
		endpoint_free(e);
		roster_user_changed(p);
		return;
	}
	roster_endpoint_end(e, e->leaving != CONFINFO_LEFT_NONE ? e->leaving : CONFINFO_DEPARTED,
			    e->leave_cause, NULL, now_ms);
}

uint64_t roster_retire_at(const struct roster *r)
{
	const struct roster_endpoint *e = TAILQ_FIRST(&r->ended);

	return e ? e->gone_at_ms + ROSTER_SHOW_GONE_MS : UINT64_MAX;
}

bool roster_retire(struct roster *r, uint64_t now_ms)
{
	bool any = false;

	while (roster_retire_at(r) <= now_ms) {
		struct roster_endpoint *e = TAILQ_FIRST(&r->ended);

		TAILQ_REMOVE(&r->ended, e, by_end);
		TAILQ_INSERT_TAIL(&r->retired, e, by_end);
		e->retired = true;
		roster_user_changed(e->user);
		any = true;
	}
	return any;
}

void roster_sweep(struct roster *r, uint64_t now_ms, uint64_t keep_ms)
{
	struct roster_endpoint *e;

	(void)roster_retire(r, now_ms);
	while ((e = TAILQ_FIRST(&r->retired)) != NULL && now_ms - e->gone_at_ms >= keep_ms) {
		struct participant *p = e->user;

		endpoint_free(e);
		if (!LIST_EMPTY(&p->endpoints))
			continue;
		if (r->horizon < p->changed)
			r->horizon = p->changed;
		user_free(p);
	}
}
