/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Caps on connections: in all, without a session, and from one address outside
 * msrp.trusted_media (an IPv6 subscriber is a /64). A trusted address carries many subscribers and
 * is not counted (IMS-014).
 */
#include "mrfp/admit.h"

#include <stdlib.h>
#include <uthash.h>

#include "common/log.h"
#include "common/mem.h"

#define LOG_PLACE "admit"

struct admit_source {
	UT_hash_handle hh;
	uint64_t key;
	int64_t n;
};

/* IPv4 address, or the network half of an IPv6 one. */
static uint64_t key_of(const struct addr *peer)
{
	uint64_t key = 0;

	if (peer->sa.sa_family == AF_INET6)
		memcpy(&key, peer->in6.sin6_addr.s6_addr, sizeof(key));
	else if (peer->sa.sa_family == AF_INET)
		key = UINT64_C(1) << 32 | peer->in4.sin_addr.s_addr;
	return key;
}

static struct admit_source *find(struct plane *plane, const struct addr *peer)
{
	uint64_t key = key_of(peer);
	struct admit_source *src;

	HASH_FIND(hh, plane->sources, &key, sizeof(key), src);
	return src;
}

static void add(struct plane *plane, const struct addr *peer)
{
	struct admit_source *src = find(plane, peer);

	if (!src) {
		src = xcalloc(1, sizeof(*src));
		src->key = key_of(peer);
		HASH_ADD(hh, plane->sources, key, sizeof(src->key), src);
	}
	src->n++;
}

bool admit(struct plane *plane, const struct addr *peer)
{
	const struct options *opt = plane->opt;
	const struct admit_source *src = find(plane, peer);
	bool trusted = addr_set_has(plane->trusted, peer);
	char text[ADDR_STRLEN];
	enum stats_turned_away why;

	if (*plane->stats.connections >= opt->max_connections) {
		why = TURNED_AWAY_TOTAL;
	} else if (*plane->stats.unbound >= opt->max_unbound) {
		why = TURNED_AWAY_UNBOUND;
	} else if (!trusted && src && src->n >= opt->max_per_address) {
		why = TURNED_AWAY_ADDRESS;
	} else {
		if (!trusted)
			add(plane, peer);
		return true;
	}
	(*plane->stats.turned_away[why])++;
	log_peer("connection from %s turned away: too many", addr_host(peer, text));
	return false;
}

void admit_release(struct plane *plane, const struct addr *peer)
{
	struct admit_source *src = find(plane, peer);

	if (!src || addr_set_has(plane->trusted, peer) || --src->n > 0)
		return;
	HASH_DEL(plane->sources, src);
	free(src);
}
