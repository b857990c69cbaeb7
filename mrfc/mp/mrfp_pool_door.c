/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where MRFPs come in: the Unix socket, for processes of known users alone, and TLS for other
 * machines, for known certificates alone. Nothing of a frame is read before.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/tls.h"
#include "mrfc/mp/mrfp_pool_priv.h"

#define LOG_PLACE "mrfp_pool"

static void on_unix(int fd_take, const struct addr *peer, void *arg)
{
	struct mrfp_pool *p = arg;
	struct pool_stranger *s;
	uid_t uid;

	if (!peer_users_admit(&p->users, fd_take, &uid)) {
		++*p->stats.refused;
		log_seldom("a process of user %u is turned away from mp.socket (mp.users)",
			   (unsigned)uid);
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

int mrfp_pool_set_users(struct mrfp_pool *p, const struct peer_users *users)
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
