/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may come by a Unix socket. The kernel says whose process the peer is; nothing of what it sends
 * is believed for that.
 */
#include "common/peer_users.h"

#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

int peer_users_read(const char *text, struct peer_users *users_r)
{
	struct slice rest = slice_str(text), item;
	struct peer_users users = {.n = 0};

	while (slice_next(&rest, ',', &item)) {
		char name[64];
		const struct passwd *pw;
		uint64_t id;

		item = slice_trim(item);
		if (!item.len)
			continue;
		if (users.n == PEER_USERS_MAX)
			return -ERR_LIMIT;
		if (slice_u64(item, UINT32_MAX - 1, &id) == 0) {
			users.uid[users.n++] = (uid_t)id;
			continue;
		}
		if (slice_copy(item, name, sizeof(name)) < 0 || !(pw = getpwnam(name)))
			return -ERR_NOT_FOUND;
		users.uid[users.n++] = pw->pw_uid;
	}
	*users_r = users;
	return 0;
}

static bool may_come(const struct peer_users *users, uid_t uid)
{
	if (uid == 0 || uid == geteuid())
		return true;
	for (size_t i = 0; i < users->n; i++) {
		if (users->uid[i] == uid)
			return true;
	}
	return false;
}

bool peer_users_admit(const struct peer_users *users, int fd, uid_t *uid_r)
{
	struct ucred who = {.uid = (uid_t)-1};
	socklen_t len = sizeof(who);
	bool known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0;

	*uid_r = who.uid;
	return known && may_come(users, who.uid);
}
