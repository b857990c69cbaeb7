/* SPDX-License-Identifier: Apache-2.0 */
/* The users of SIP digest in memory, found by their names. Owns them and wipes their secrets. */
#include "mrfc/conference/users.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/mem.h"
#include "proto/sip_uri.h"

#define NAME_MAX_LEN 64

struct user_entry {
	UT_hash_handle hh;
	struct user user;
};
struct users {
	struct user_entry *all;
};

static const struct user_entry *entry_of(const struct user *u)
{
	return (const struct user_entry *)(const void *)((const char *)u -
							 offsetof(struct user_entry, user));
}

struct users *users_new(void)
{
	return xcalloc(1, sizeof(struct users));
}

void users_free(struct users **setp)
{
	struct users *set = *setp;

	if (set == NULL)
		return;
	*setp = NULL;
	while (set->all != NULL)
		users_remove(set, &set->all->user);
	free(set);
}

size_t users_count(const struct users *set)
{
	return HASH_COUNT(set->all);
}

struct user *users_find(const struct users *set, const char *name)
{
	struct user_entry *e;

	HASH_FIND(hh, set->all, name, strlen(name), e);
	return e != NULL ? &e->user : NULL;
}

struct user *users_first(const struct users *set)
{
	return set->all != NULL ? &set->all->user : NULL;
}

struct user *users_next(const struct user *u)
{
	struct user_entry *next = entry_of(u)->hh.next;

	return next != NULL ? &next->user : NULL;
}

static bool name_ok(const char *name)
{
	size_t len = strlen(name), ats = 0;

	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		ats += c == '@';
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      strchr("._-+@", c) != NULL))
			return false;
	}
	return len > 0 && len <= NAME_MAX_LEN && ats <= 1;
}

/* The identity in canonical form; NULL when it is none. */
static char *identity(const char *name, const char *realm, const char *uri)
{
	char *text = uri != NULL                 ? xstrdup(uri)
		     : strchr(name, '@') != NULL ? xasprintf("sip:%s", name)
						 : xasprintf("sip:%s@%s", name, realm);
	struct bytes aor = BYTES_INIT;
	struct sip_uri parsed;
	char *out = NULL;

	if (sip_uri_parse(slice_str(text), &parsed) == 0 && parsed.user.len > 0 &&
	    (parsed.scheme == SIP_URI_SIP || parsed.scheme == SIP_URI_SIPS) &&
	    sip_uri_aor(slice_str(text), &aor) == 0)
		out = bytes_take(&aor);
	bytes_fini(&aor);
	free(text);
	return out;
}

int users_add(struct users *set, const char *name, const char *realm, const char *uri,
	      const char *display, struct user **user_r)
{
	struct user_entry *e;
	char *who;

	if (!name_ok(name) || (display != NULL && !slice_is_utf8(slice_str(display))))
		return -ERR_SYNTAX;
	if (users_find(set, name) != NULL)
		return -ERR_EXISTS;
	who = identity(name, realm, uri);
	if (who == NULL)
		return -ERR_SYNTAX;
	e = xcalloc(1, sizeof(*e));
	e->user.name = xstrdup(name);
	e->user.uri = who;
	e->user.display = display != NULL && display[0] != '\0' ? xstrdup(display) : NULL;
	HASH_ADD_KEYPTR(hh, set->all, e->user.name, strlen(e->user.name), e);
	*user_r = &e->user;
	return 0;
}

void users_remove(struct users *set, struct user *u)
{
	struct user_entry *e;

	HASH_FIND(hh, set->all, u->name, strlen(u->name), e);
	HASH_DEL(set->all, e);
	free(e->user.name);
	free(e->user.uri);
	free(e->user.display);
	mem_wipe(&e->user.secret, sizeof(e->user.secret));
	free(e);
}
