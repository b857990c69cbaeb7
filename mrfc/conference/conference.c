/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of conferences: by name and by media context, each name in use once. Owns the
 * conferences with their rosters and event packages; the focus fills in policy and its own side.
 * No SIP, no media, no clock.
 */
#include "mrfc/conference/conference.h"

#include <stdlib.h>
#include <uthash.h>

#include "common/mem.h"
#include "common/rand.h"

#define NAME_MAX_LEN       64
#define TERMINATIONS_AHEAD 4096 /* more than were asked for since the record was written */
#define RANDOM_NAME_LEN    14   /* more than 80 bits: never guessed, never met twice */

struct conference_entry {
	struct conference c; /* first: what others hold */
	struct maker *maker; /* NULL: the operator */
	struct conference_table *table;
	UT_hash_handle by_name;
	UT_hash_handle by_context;
	UT_hash_handle by_contribution;
};

/* A user and how many there are of his. */
struct maker {
	UT_hash_handle hh;
	size_t n;
	char uri[];
};

struct conference_table {
	char *domain;
	struct maker *makers;
	struct conference_entry *names;
	struct conference_entry *contexts;
	struct conference_entry *contributions;
};

static struct conference_entry *entry_of(struct conference *c)
{
	return CONTAINER_OF(c, struct conference_entry, c);
}

struct conference_table *conference_table_new(const char *domain)
{
	struct conference_table *t = xcalloc(1, sizeof(*t));

	t->domain = xstrdup(domain);
	return t;
}

static bool name_ok(struct slice name)
{
	if (name.len == 0 || name.len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char ch = name.ptr[i];
		bool alnum = (ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z') ||
			     (ch >= 'a' && ch <= 'z');

		if (!alnum && ch != '.' && ch != '_' && ch != '-')
			return false;
	}
	return true;
}

struct conference *conference_find(struct conference_table *t, struct slice name)
{
	struct conference_entry *e = NULL;

	if (name.len > 0)
		HASH_FIND(by_name, t->names, name.ptr, name.len, e);
	return e ? &e->c : NULL;
}

struct conference *conference_find_context(struct conference_table *t,
					   const uint8_t context[MEDIA_CONTEXT_SIZE])
{
	struct conference_entry *e = NULL;

	HASH_FIND(by_context, t->contexts, context, MEDIA_CONTEXT_SIZE, e);
	return e ? &e->c : NULL;
}

void conference_move_context(struct conference_table *t, struct conference *c,
			     uint8_t former_r[MEDIA_CONTEXT_SIZE])
{
	struct conference_entry *e = entry_of(c);

	memcpy(former_r, c->context, sizeof(c->context));
	HASH_DELETE(by_context, t->contexts, e);
	do
		rand_bytes(c->context, sizeof(c->context));
	while (conference_find_context(t, c->context));
	c->epoch++;
	HASH_ADD_KEYPTR(by_context, t->contexts, c->context, MEDIA_CONTEXT_SIZE, e);
}

struct conference *conference_find_contribution(struct conference_table *t, const char *id)
{
	struct conference_entry *e = NULL;

	HASH_FIND(by_contribution, t->contributions, id, strlen(id), e);
	return e ? &e->c : NULL;
}

int conference_set_contribution(struct conference_table *t, struct conference *c, const char *id)
{
	struct conference_entry *e = entry_of(c);

	if (id && conference_find_contribution(t, id))
		return -ERR_EXISTS;
	if (c->contribution_id) {
		HASH_DELETE(by_contribution, t->contributions, e);
		free(c->contribution_id);
		c->contribution_id = NULL;
	}
	if (!id)
		return 0;
	c->contribution_id = xstrdup(id);
	HASH_ADD_KEYPTR(by_contribution, t->contributions, c->contribution_id,
			strlen(c->contribution_id), e);
	return 0;
}

/* Every conference of every run has its own context id and a ctl epoch not below earlier ones. */
static struct conference_entry *entry_new(struct conference_table *t, const char *name,
					  uint64_t wall_ms)
{
	struct conference_entry *e = xcalloc(1, sizeof(*e));
	struct conference *c = &e->c;

	e->table = t;
	c->name = xstrdup(name);
	c->uri = xasprintf("sip:%s@%s", name, t->domain);
	c->state = CONFERENCE_ACTIVE;
	c->created_wall_ms = wall_ms;
	c->epoch = wall_ms ? wall_ms : 1;
	c->next_termination = 1;
	do
		rand_bytes(c->context, sizeof(c->context));
	while (conference_find_context(t, c->context));
	c->roster = roster_new(c->uri);
	c->members = members_new();
	c->bars = bars_new();
	return e;
}

static struct maker *maker_find(const struct conference_table *t, const char *uri)
{
	struct maker *m = NULL;

	if (uri != NULL)
		HASH_FIND_STR(t->makers, uri, m);
	return m;
}

static void maker_add(struct conference_table *t, struct conference_entry *e)
{
	struct maker *m;

	if (e->c.origin == CONFERENCE_BY_API)
		return; /* the operator's, whoever owns it */
	m = maker_find(t, e->c.creator);
	if (m == NULL && e->c.creator != NULL) {
		size_t len = strlen(e->c.creator);

		m = xcalloc(1, sizeof(*m) + len + 1);
		memcpy(m->uri, e->c.creator, len);
		HASH_ADD_KEYPTR(hh, t->makers, m->uri, len, m);
	}
	e->maker = m;
	if (m != NULL)
		m->n++;
}

static void maker_drop(struct conference_table *t, struct conference_entry *e)
{
	struct maker *m = e->maker;

	if (m == NULL || --m->n > 0)
		return;
	HASH_DELETE(hh, t->makers, m);
	free(m);
}

size_t conference_count_of(const struct conference_table *t, const char *creator)
{
	const struct maker *m = maker_find(t, creator);

	return m != NULL ? m->n : 0;
}

int conference_create(struct conference_table *t, const char *name, const char *creator,
		      enum conference_origin origin, uint64_t wall_ms,
		      struct conference **conference_r)
{
	char random[RANDOM_NAME_LEN + 1];
	struct conference_entry *e;

	if (!name || !*name) {
		do
			rand_ident(random, RANDOM_NAME_LEN);
		while (conference_find(t, slice_str(random)));
		name = random;
	}
	if (!name_ok(slice_str(name)))
		return -ERR_SYNTAX;
	if (conference_find(t, slice_str(name)))
		return -ERR_EXISTS;
	e = entry_new(t, name, wall_ms);
	e->c.creator = creator ? xstrdup(creator) : NULL;
	e->c.origin = origin;
	maker_add(t, e);
	HASH_ADD_KEYPTR(by_name, t->names, e->c.name, strlen(e->c.name), e);
	HASH_ADD_KEYPTR(by_context, t->contexts, e->c.context, MEDIA_CONTEXT_SIZE, e);
	*conference_r = &e->c;
	return 0;
}

static char *dup_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

int conference_restore(struct conference_table *t, const struct conference *from,
		       struct conference **conference_r)
{
	struct conference_entry *e;
	struct conference *c;

	if (!name_ok(slice_str(from->name)))
		return -ERR_SYNTAX;
	if (conference_find(t, slice_str(from->name)) ||
	    conference_find_context(t, from->context) ||
	    (from->contribution_id && conference_find_contribution(t, from->contribution_id)))
		return -ERR_EXISTS;
	e = entry_new(t, from->name, from->created_wall_ms);
	c = &e->c;
	c->subject = dup_or_null(from->subject);
	c->creator = dup_or_null(from->creator);
	c->origin = from->origin;
	c->end_policy = from->end_policy;
	c->mode = from->mode;
	c->e2e = from->e2e;
	c->require_tls = from->require_tls;
	c->locked = from->locked;
	c->kept = from->kept;
	c->max_users = from->max_users;
	c->max_idle_ms = from->max_idle_ms;
	c->until_wall_ms = from->until_wall_ms;
	c->most_in = from->most_in;
	c->conversation_id = dup_or_null(from->conversation_id);
	c->in_reply_to = dup_or_null(from->in_reply_to);
	c->referred_by = dup_or_null(from->referred_by);
	c->mrfp = dup_or_null(from->mrfp);
	memcpy(c->context, from->context, sizeof(c->context));
	c->epoch = from->epoch + 1;
	c->next_termination = from->next_termination + TERMINATIONS_AHEAD;
	maker_add(t, e);
	HASH_ADD_KEYPTR(by_name, t->names, c->name, strlen(c->name), e);
	HASH_ADD_KEYPTR(by_context, t->contexts, c->context, MEDIA_CONTEXT_SIZE, e);
	if (from->contribution_id && conference_set_contribution(t, c, from->contribution_id) != 0)
		return -ERR_EXISTS; /* looked up above */
	*conference_r = c;
	return 0;
}

struct conference *conference_first(struct conference_table *t)
{
	return t->names ? &t->names->c : NULL;
}

struct conference *conference_next(struct conference *c)
{
	struct conference_entry *e = entry_of(c)->by_name.next;

	return e ? &e->c : NULL;
}

void conference_remove(struct conference_table *t, struct conference **c)
{
	struct conference_entry *e = entry_of(*c);

	maker_drop(t, e);
	HASH_DELETE(by_name, t->names, e);
	HASH_DELETE(by_context, t->contexts, e);
	if (e->c.contribution_id)
		HASH_DELETE(by_contribution, t->contributions, e);
	event_pkg_free(&e->c.events);
	roster_free(&e->c.roster);
	free(e->c.name);
	free(e->c.uri);
	free(e->c.subject);
	free(e->c.creator);
	free(e->c.mrfp);
	members_free(&e->c.members);
	bars_free(&e->c.bars);
	free(e->c.contribution_id);
	free(e->c.conversation_id);
	free(e->c.in_reply_to);
	free(e->c.referred_by);
	free(e);
	*c = NULL;
}

size_t conference_count(const struct conference_table *t)
{
	return HASH_CNT(by_name, t->names);
}

void conference_table_free(struct conference_table **tp)
{
	struct conference_table *t = *tp;
	struct conference *c;

	if (!t)
		return;
	while ((c = conference_first(t)) != NULL)
		conference_remove(t, &c);
	free(t->domain);
	free(t);
	*tp = NULL;
}
