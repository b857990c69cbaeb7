/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The members of one conference, found by any of their names. Owns them. Knows neither sessions nor
 * the store: the focus tells it what happens, the state room writes it down.
 */
#include "mrfc/conference/members.h"

#include <stdlib.h>
#include <uthash.h>

#include "common/bytes.h"
#include "common/mem.h"
#include "proto/sip_uri.h"

/* One name of a member, in comparable form. */
struct member_key {
	UT_hash_handle hh;
	struct member *member;
	size_t len;
	char text[];
};

struct members {
	TAILQ_HEAD(, member) all;
	struct member_key *keys;
	size_t n;
};

static const char *const role_names[] = {"listener", "speaker", "moderator", "owner"};

struct members *members_new(void)
{
	struct members *set = xcalloc(1, sizeof(*set));

	TAILQ_INIT(&set->all);
	return set;
}

static struct member_key *key_find(const struct members *set, struct slice uri)
{
	struct bytes key = BYTES_INIT;
	struct member_key *k = NULL;

	sip_uri_name_key(uri, &key);
	if (key.len > 0)
		HASH_FIND(hh, set->keys, key.data, key.len, k);
	bytes_fini(&key);
	return k;
}

/* The first owner of a name keeps it. */
static void key_add(struct member *m, struct slice uri)
{
	struct bytes key = BYTES_INIT;
	struct member_key *k;

	if (key_find(m->set, uri) != NULL)
		return;
	sip_uri_name_key(uri, &key);
	if (key.len > 0) {
		k = xcalloc(1, sizeof(*k) + key.len);
		k->member = m;
		k->len = key.len;
		memcpy(k->text, key.data, key.len);
		HASH_ADD_KEYPTR(hh, m->set->keys, k->text, k->len, k);
	}
	bytes_fini(&key);
}

static void key_drop(struct member *m, const char *uri)
{
	struct member_key *k = key_find(m->set, slice_str(uri));

	if (k != NULL && k->member == m) {
		HASH_DEL(m->set->keys, k);
		free(k);
	}
}

struct member *members_find(const struct members *set, struct slice uri)
{
	struct member_key *k = key_find(set, uri);

	return k != NULL ? k->member : NULL;
}

struct member *members_add(struct members *set, struct slice uri, const char *display)
{
	struct member *m = members_find(set, uri);

	if (m == NULL) {
		m = xcalloc(1, sizeof(*m));
		m->set = set;
		m->uri = sip_uri_name(uri);
		m->role = MEMBER_SPEAKER;
		TAILQ_INSERT_TAIL(&set->all, m, link);
		set->n++;
		key_add(m, slice_str(m->uri));
	}
	if (display != NULL && display[0] != '\0') {
		free(m->display);
		m->display = xstrdup(display);
	}
	return m;
}

static void aliases_drop(struct member *m)
{
	for (size_t i = 0; i < m->n_aliases; i++) {
		key_drop(m, m->aliases[i]);
		free(m->aliases[i]);
	}
	free(m->aliases);
	m->aliases = NULL;
	m->n_aliases = 0;
}

void member_set_aliases(struct member *m, const char *const *uris, size_t n)
{
	char **mine = n > 0 ? xcalloc(n, sizeof(*mine)) : NULL;

	for (size_t i = 0; i < n; i++) /* uris may be the old ones */
		mine[i] = xstrdup(uris[i]);
	aliases_drop(m);
	m->aliases = mine;
	m->n_aliases = n;
	key_add(m, slice_str(m->uri)); /* it may have been among the old ones */
	for (size_t i = 0; i < n; i++)
		key_add(m, slice_str(mine[i]));
}

void member_set_shown(struct member *m, const char *uri)
{
	if (m->shown != NULL) {
		key_drop(m, m->shown);
		free(m->shown);
	}
	m->shown = uri != NULL ? xstrdup(uri) : NULL;
	if (uri != NULL)
		key_add(m, slice_str(uri));
}

const char *member_shown(const struct member *m)
{
	return m->shown != NULL ? m->shown : m->uri;
}

void member_remove(struct member *m)
{
	struct members *set = m->set;

	aliases_drop(m);
	member_set_shown(m, NULL);
	key_drop(m, m->uri);
	TAILQ_REMOVE(&set->all, m, link);
	set->n--;
	free(m->uri);
	free(m->display);
	free(m->invited_by);
	free(m);
}

void members_free(struct members **setp)
{
	struct members *set = *setp;

	if (set == NULL)
		return;
	*setp = NULL;
	while (!TAILQ_EMPTY(&set->all))
		member_remove(TAILQ_FIRST(&set->all));
	free(set);
}

struct member *members_first(const struct members *set)
{
	return TAILQ_FIRST(&set->all);
}

struct member *members_next(const struct member *m)
{
	return TAILQ_NEXT(m, link);
}

size_t members_count(const struct members *set)
{
	return set->n;
}

size_t members_count_in(const struct members *set, enum member_state state)
{
	const struct member *m;
	size_t n = 0;

	TAILQ_FOREACH(m, &set->all, link)
		n += m->state == state;
	return n;
}

const char *member_role_name(enum member_role role)
{
	return role_names[role];
}

int member_role_parse(struct slice name, enum member_role *role_r)
{
	for (size_t i = 0; i < ARRAY_LEN(role_names); i++) {
		if (slice_eq_str(name, role_names[i])) {
			*role_r = (enum member_role)i;
			return 0;
		}
	}
	return -ERR_NOT_FOUND;
}
