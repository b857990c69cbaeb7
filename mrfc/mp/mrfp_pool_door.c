/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where MRFPs come in: the Unix socket, for processes of known users alone, and TLS for other
 * machines, for known certificates alone. Nothing of a frame is read before.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/tls.h"
#include "mrfc/mp/mrfp_pool_priv.h"

#define LOG_PLACE "mrfp_pool"

int mrfp_users_read(const char *text, struct mrfp_users *users_r)
{
	struct slice rest = slice_str(text), item;
	struct mrfp_users users = {.n = 0};

	while (slice_next(&rest, ',', &item)) {
		char name[64];
		const struct passwd *pw;
		uint64_t id;

		item = slice_trim(item);
		if (!item.len)
			continue;
		if (users.n == MRFP_USERS_MAX)
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

static bool may_come(const struct mrfp_pool *p, uid_t uid)
{
	if (uid == 0 || uid == geteuid())
		return true;
	for (size_t i = 0; i < p->users.n; i++) {
		if (p->users.uid[i] == uid)
			return true;
	}
	return false;
}

static void on_unix(int fd_take, const struct addr *peer, void *arg)
{
	struct mrfp_pool *p = arg;
	struct ucred who = {.uid = (uid_t)-1};
	socklen_t len = sizeof(who);
	struct pool_stranger *s;

	if (getsockopt(fd_take, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0 ||
	    !may_come(p, who.uid)) {
		++*p->stats.refused;
		log_peer("a process of user %u is turned away from mp.socket (mp.users)",
			 (unsigned)who.uid);
		close(fd_take);
		return;
	}
	s = pool_stranger_new(p);
	s->wire = mrfp_wire_new(p->base, fd_take, peer, s->events, s);
}

static void on_remote(int fd_take, const struct addr *peer, void *arg)
{
	struct mrfp_pool *p = arg;
	struct pool_stranger *s = pool_stranger_new(p);

	s->remote = true;
	addr_format(peer, s->peer);
	s->wire = mrfp_wire_new_tls(p->base, p->tls, &p->pins, fd_take, peer, s->events, s);
}

int pool_door_unix(struct mrfp_pool *p, const char *path)
{
	struct addr at;
	int rc = addr_from_unix(path, &at);

	return rc ? rc : listener_open(p->base, &at, on_unix, p, &p->listener);
}

int mrfp_pool_set_users(struct mrfp_pool *p, const struct mrfp_users *users)
{
	p->users = *users;
	return users->n > 0 ? listener_open_to_all(p->listener) : 0;
}

int mrfp_pool_listen_tls(struct mrfp_pool *p, const struct mrfp_remote *remote,
			 char why[TLS_WHY_SIZE])
{
	struct tls_settings set = {remote->certificate, remote->key, .only_1_3 = true,
				   .ask_peer = true};
	int rc = tls_new(&set, &p->tls, why);

	if (rc)
		return rc;
	p->pins = *remote->pins;
	rc = listener_open(p->base, remote->at, on_remote, p, &p->remote);
	if (rc)
		snprintf(why, TLS_WHY_SIZE, "%s", strerror(errno));
	return rc;
}

const struct addr *mrfp_pool_remote_addr(const struct mrfp_pool *p)
{
	return p->remote ? listener_addr(p->remote) : NULL;
}

void pool_doors_close(struct mrfp_pool *p)
{
	listener_free(&p->listener);
	listener_free(&p->remote);
}
