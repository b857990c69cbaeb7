/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Caps on connections: in all, without a session, and from one address outside
 * msrp.trusted_media (an IPv6 subscriber is a /64); and addresses that guess session-ids. A trusted
 * address carries many subscribers and is neither counted nor banned (IMS-014).
 */
#include "mrfp/admit.h"

#include <stdlib.h>
#include <uthash.h>

#include "common/log.h"
#include "common/mem.h"

#define LOG_PLACE "admit"

#define PROBE_WINDOW_MS 60000
#define SWEEP_MS        5000

struct admit_source {
	UT_hash_handle hh;
	uint64_t key;
	int64_t n;             /* connections now */
	unsigned n_probes;     /* in the minute that began at probed_ms */
	uint64_t probed_ms;    /* 0: never */
	uint64_t banned_until; /* 0: never was */
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

static struct admit_source *get(struct plane *plane, const struct addr *peer)
{
	struct admit_source *src = find(plane, peer);

	if (!src) {
		src = xcalloc(1, sizeof(*src));
		src->key = key_of(peer);
		HASH_ADD(hh, plane->sources, key, sizeof(src->key), src);
	}
	return src;
}

static void forget_idle(struct plane *plane, struct admit_source *src)
{
	if (src->n > 0 || src->banned_until > plane->now_ms ||
	    (src->probed_ms && plane->now_ms - src->probed_ms < PROBE_WINDOW_MS))
		return;
	HASH_DEL(plane->sources, src);
	free(src);
}

bool admit(struct plane *plane, const struct addr *peer)
{
	const struct options *opt = plane->opt;
	const struct admit_source *src = find(plane, peer);
	bool trusted = addr_set_has(plane->trusted, peer);
	char text[ADDR_STRLEN];
	enum stats_turned_away why;

	if (!trusted && src && src->banned_until > plane->now_ms) {
		why = TURNED_AWAY_BANNED;
	} else if (*plane->stats.connections >= opt->max_connections) {
		why = TURNED_AWAY_TOTAL;
	} else if (*plane->stats.unbound >= opt->max_unbound) {
		why = TURNED_AWAY_UNBOUND;
	} else if (!trusted && src && src->n >= opt->max_per_address) {
		why = TURNED_AWAY_ADDRESS;
	} else {
		if (!trusted)
			get(plane, peer)->n++;
		return true;
	}
	(*plane->stats.turned_away[why])++;
	log_peer("connection from %s turned away: %s", addr_host(peer, text),
		 why == TURNED_AWAY_BANNED ? "it asked for sessions that do not exist"
					   : "too many");
	return false;
}

void admit_release(struct plane *plane, const struct addr *peer)
{
	struct admit_source *src = find(plane, peer);

	if (!src || addr_set_has(plane->trusted, peer))
		return;
	src->n--;
	forget_idle(plane, src);
}

void admit_probe(struct plane *plane, const struct addr *peer)
{
	int64_t limit = plane->opt->probe_limit;
	struct admit_source *src;
	char text[ADDR_STRLEN];

	(*plane->stats.probes)++;
	if (!limit || addr_set_has(plane->trusted, peer))
		return;
	src = get(plane, peer);
	if (!src->probed_ms || plane->now_ms - src->probed_ms >= PROBE_WINDOW_MS) {
		src->probed_ms = plane->now_ms;
		src->n_probes = 0;
	}
	if (++src->n_probes < limit)
		return;
	src->banned_until = plane->now_ms + (uint64_t)plane->opt->probe_ban_ms;
	src->probed_ms = 0;
	log_peer("%s asked for %lld sessions that do not exist and is banned for %lld ms",
		 addr_host(peer, text), (long long)limit, (long long)plane->opt->probe_ban_ms);
}

void admit_sweep(struct plane *plane)
{
	struct admit_source *src, *next;

	if (plane->now_ms - plane->sources_swept_ms < SWEEP_MS)
		return;
	plane->sources_swept_ms = plane->now_ms;
	HASH_ITER(hh, plane->sources, src, next) {
		forget_idle(plane, src);
	}
}

void admit_clear(struct plane *plane)
{
	struct admit_source *src, *next;

	HASH_ITER(hh, plane->sources, src, next) {
		HASH_DEL(plane->sources, src);
		free(src);
	}
}
