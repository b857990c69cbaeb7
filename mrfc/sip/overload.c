/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shed before collapse: how late we are (the time since nothing waited to be read), how many
 * requests each address sends, how many INVITEs wait. Remembers a bounded number of addresses, the
 * one that was silent longest gives way. Knows no socket and no SIP message.
 */
#include "mrfc/sip/overload.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/mem.h"
#include "common/rate.h"

#define RETRY_RATE_S 10
#define RETRY_S      5

struct peer {
	uint8_t key[8]; /* IPv4: ::ffff:0:0 and the address; IPv6: its /64 */
	struct rate rate;
	UT_hash_handle hh; /* in the order of their last request */
};

struct overload {
	struct overload_config config;
	struct peer *peers;
	uint64_t rested_ms; /* 0: never */
	uint64_t shed_ms;   /* last time; 0: not shedding */
	uint64_t n_shed;
	bool told;
};

const char *overload_name(enum overload_verdict v)
{
	static const char *const names[] = {[OVERLOAD_PASS] = "",
					    [OVERLOAD_RATE] = "rate",
					    [OVERLOAD_LAG] = "lag",
					    [OVERLOAD_PENDING] = "pending"};

	return names[v];
}

uint32_t overload_retry_s(enum overload_verdict v)
{
	return v == OVERLOAD_RATE ? RETRY_RATE_S : RETRY_S;
}

struct overload *overload_new(const struct overload_config *config)
{
	struct overload *o = xcalloc(1, sizeof(*o));

	o->config = *config;
	return o;
}

void overload_free(struct overload **op)
{
	struct overload *o = *op;
	struct peer *p, *next;

	if (o == NULL)
		return;
	*op = NULL;
	HASH_ITER(hh, o->peers, p, next) {
		HASH_DEL(o->peers, p);
		free(p);
	}
	free(o);
}

/* False: of no address that could be told from others. */
static bool key_of(const struct addr *a, uint8_t key[8])
{
	const uint8_t *v6 = a->in6.sin6_addr.s6_addr;

	memset(key, 0, 8);
	if (a->len == 0 || (a->sa.sa_family != AF_INET && a->sa.sa_family != AF_INET6))
		return false;
	if (a->sa.sa_family == AF_INET) {
		key[2] = key[3] = 0xff; /* no /64 that is in use */
		memcpy(key + 4, &a->in4.sin_addr, 4);
	} else if (IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr)) {
		key[2] = key[3] = 0xff;
		memcpy(key + 4, v6 + 12, 4);
	} else {
		memcpy(key, v6, 8);
	}
	return true;
}

static struct peer *peer_of(struct overload *o, const uint8_t key[8])
{
	struct peer *p;

	HASH_FIND(hh, o->peers, key, sizeof(p->key), p);
	if (p == NULL && HASH_COUNT(o->peers) >= OVERLOAD_PEERS) {
		p = o->peers; /* the head is the oldest */
		HASH_DEL(o->peers, p);
		memset(p, 0, sizeof(*p));
	} else if (p == NULL) {
		p = xcalloc(1, sizeof(*p));
	} else {
		HASH_DEL(o->peers, p);
	}
	memcpy(p->key, key, sizeof(p->key));
	HASH_ADD(hh, o->peers, key, sizeof(p->key), p);
	return p;
}

void overload_rested(struct overload *o, uint64_t now_ms)
{
	o->rested_ms = now_ms;
}

static enum overload_verdict shed(struct overload *o, enum overload_verdict v, uint64_t now_ms)
{
	o->shed_ms = now_ms;
	o->n_shed++;
	return v;
}

enum overload_verdict overload_judge(struct overload *o, const struct overload_request *r,
				     uint32_t n_pending, uint64_t now_ms)
{
	const struct overload_config *c = &o->config;
	uint8_t key[8];

	if (!r->trusted && c->max_rate != 0 && key_of(r->peer, key) &&
	    !rate_take(&peer_of(o, key)->rate, c->max_rate, RATE_ONE, now_ms))
		return OVERLOAD_RATE;
	if (r->trusted && r->priority)
		return OVERLOAD_PASS;
	if (c->max_lag_ms != 0 && o->rested_ms != 0 && now_ms - o->rested_ms > c->max_lag_ms)
		return shed(o, OVERLOAD_LAG, now_ms);
	if (r->invite && n_pending >= c->max_pending)
		return shed(o, OVERLOAD_PENDING, now_ms);
	return OVERLOAD_PASS;
}

int overload_turn(struct overload *o, uint64_t now_ms, uint64_t *n_shed_r)
{
	if (o->shed_ms == 0)
		return 0;
	if (!o->told) {
		o->told = true;
		return 1;
	}
	if (now_ms - o->shed_ms < OVERLOAD_QUIET_MS)
		return 0;
	*n_shed_r = o->n_shed;
	o->shed_ms = o->n_shed = 0;
	o->told = false;
	return -1;
}
