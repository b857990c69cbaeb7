/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONFERENCE_USERS_H
#define MRFC_CONFERENCE_USERS_H

#include "mrfc/conference/credential.h"

/* Users who sign in by SIP digest, by name. Pure state; who changes it writes it down. */
struct users;
struct user {
	char *name;    /* in credentials */
	char *uri;     /* the identity he gets; canonical */
	char *display; /* NULL */
	struct credential_secret secret;
};

struct users *users_new(void);
void users_free(struct users **set);
size_t users_count(const struct users *set);
struct user *users_find(const struct users *set, const char *name);
struct user *users_first(const struct users *set); /* in order of arrival */
struct user *users_next(const struct user *u);
/*
 * A new one, without a secret. uri NULL: sip:NAME, with @realm where the name has none. -ERR_EXISTS,
 * -ERR_SYNTAX: name (1..64 of A-Z a-z 0-9 . _ - + @, at most one @) or URI.
 */
MUST_CHECK int users_add(struct users *set, const char *name, const char *realm, const char *uri,
			 const char *display, struct user **user_r);
void users_remove(struct users *set, struct user *u);

#endif
