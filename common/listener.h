/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_LISTENER_H
#define COMMON_LISTENER_H

#include "common/addr.h"

struct event_base;
struct listener;

/* A new connection; fd is the callee's. */
typedef void listener_accept_fn(int fd_take, const struct addr *peer, void *arg);

/*
 * Listen on a TCP or Unix address (port 0 picks one; a stale Unix socket file is replaced, its
 * folder made 0700; the file is removed at free). -ERR_IO with errno: the caller prints which
 * address. Out of descriptors: pauses 100 ms, counts, and goes on (no spin).
 */
MUST_CHECK int listener_open(struct event_base *base, const struct addr *at, listener_accept_fn *fn,
			     void *arg, struct listener **listener_r);
/*
 * Let processes of all users connect to a Unix listener (made 0600): the callee then has to look at
 * SO_PEERCRED. Its folder must let them through, too. -ERR_IO with errno.
 */
MUST_CHECK int listener_open_to_all(const struct listener *l);
const struct addr *listener_addr(const struct listener *l); /* the real one */
/* How often it rested for want of descriptors or memory. */
uint64_t listener_n_pauses(const struct listener *l);
/* Close now; safe inside the accept callback. Nulls the pointer. */
void listener_free(struct listener **l);

/* Only the bound, listening, non-blocking descriptor (the caller's) and its real address. */
MUST_CHECK int listener_socket(const struct addr *at, int *fd_r, struct addr *real_r);

#endif
