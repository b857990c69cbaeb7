/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_PEER_USERS_H
#define COMMON_PEER_USERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/slice.h"

/* Users of this machine whose processes may come by a Unix socket, besides root and our own. */
#define PEER_USERS_MAX 16
struct peer_users {
	uid_t uid[PEER_USERS_MAX];
	size_t n;
};

/* Names or numbers, comma-separated. -ERR_NOT_FOUND: there is no such user; -ERR_LIMIT. */
MUST_CHECK int peer_users_read(const char *text, struct peer_users *users_r);
/* Is the process at the other end of an accepted Unix socket theirs? *uid_r: whose it is, -1 unknown. */
bool peer_users_admit(const struct peer_users *users, int fd, uid_t *uid_r);

#endif
