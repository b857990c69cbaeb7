/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_RESOLVE_H
#define COMMON_RESOLVE_H

#include "common/addr.h"

struct event_base;

/*
 * Host names to addresses without blocking the loop: A and AAAA records, the hosts file, in the
 * order they came; no SRV (RFC 4975 6.2). Numeric hosts are answered without asking anybody.
 */
struct resolver;
struct resolver_query;

#define RESOLVE_MAX 8

/* n is 0 when the name has no address or nobody answered in time. */
typedef void resolver_fn(const struct addr *addrs, size_t n, void *arg);

/* nameserver "HOST:PORT"; NULL: those of the system. */
struct resolver *resolver_new(struct event_base *base, const char *nameserver);
/* Open queries end without a callback. */
void resolver_free(struct resolver **r);
/* Calls back once, from the loop, never before returning; the query is gone then. */
struct resolver_query *resolver_lookup(struct resolver *r, struct slice host, uint16_t port,
				       resolver_fn *fn, void *arg);
/* No callback any more. Accepts NULL inside, nulls the pointer. */
void resolver_cancel(struct resolver_query **q);

#endif
