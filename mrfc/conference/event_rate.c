/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rate of requests by user. Each user has one time: until when what he asked is paid for at the
 * average rate (a virtual schedule). Users stand in the order of their last request; whose time is
 * over is forgotten by the next request of anybody.
 */
#include "mrfc/conference/event_rate.h"

#include <stdlib.h>
#include <sys/queue.h>
#include <uthash.h>

#include "common/bytes.h"
#include "common/mem.h"
#include "proto/sip_uri.h"

struct rate_user {
	UT_hash_handle hh;
	TAILQ_ENTRY(rate_user) link;
	uint64_t paid_until_us;
	size_t len;
	char key[];
};

struct event_rate {
	uint64_t each_us; /* what one request pays; 0: no limit */
	struct rate_user *users;
	TAILQ_HEAD(rate_head, rate_user) by_use; /* longest silent first */
};

struct event_rate *event_rate_new(uint32_t per_s)
{
	struct event_rate *r = xcalloc(1, sizeof(*r));

	r->each_us = per_s ? 1000000u / per_s : 0;
	TAILQ_INIT(&r->by_use);
	return r;
}

static void forget(struct event_rate *r, struct rate_user *u)
{
	HASH_DEL(r->users, u);
	TAILQ_REMOVE(&r->by_use, u, link);
	free(u);
}

void event_rate_free(struct event_rate **rp)
{
	struct event_rate *r = *rp;

	if (!r)
		return;
	while (!TAILQ_EMPTY(&r->by_use))
		forget(r, TAILQ_FIRST(&r->by_use));
	free(r);
	*rp = NULL;
}

static void sweep(struct event_rate *r, uint64_t now_us)
{
	struct rate_user *u;

	while ((u = TAILQ_FIRST(&r->by_use)) != NULL &&
	       (u->paid_until_us <= now_us || HASH_COUNT(r->users) >= EVENT_RATE_MAX_USERS))
		forget(r, u);
}

static struct rate_user *user_of(struct event_rate *r, struct slice user, uint64_t now_us)
{
	struct bytes key = BYTES_INIT;
	struct rate_user *u;

	if (sip_uri_key(user, &key) < 0) {
		bytes_reset(&key);
		bytes_add_slice(&key, user);
	}
	bytes_add_char(&key, '\0'); /* never empty */
	HASH_FIND(hh, r->users, key.data, key.len, u);
	if (u) {
		TAILQ_REMOVE(&r->by_use, u, link);
	} else {
		sweep(r, now_us);
		u = xcalloc(1, sizeof(*u) + key.len);
		u->len = key.len;
		memcpy(u->key, key.data, key.len);
		HASH_ADD_KEYPTR(hh, r->users, u->key, u->len, u);
	}
	TAILQ_INSERT_TAIL(&r->by_use, u, link);
	bytes_fini(&key);
	return u;
}

uint32_t event_rate_take(struct event_rate *r, struct slice user, uint64_t now_ms)
{
	uint64_t now_us = now_ms * 1000, most_us = EVENT_RATE_BURST * 1000000ull, wait_us;
	struct rate_user *u;

	if (r->each_us == 0)
		return 0;
	u = user_of(r, user, now_us);
	if (u->paid_until_us < now_us)
		u->paid_until_us = now_us;
	if (u->paid_until_us + r->each_us <= now_us + most_us) {
		u->paid_until_us += r->each_us;
		return 0;
	}
	wait_us = u->paid_until_us + r->each_us - now_us - most_us;
	return (uint32_t)((wait_us + 999999) / 1000000);
}
