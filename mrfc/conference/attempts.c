/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A counter for each address that failed of late. When there is no place for a further address,
 * the one that failed longest ago gives way. The clock is given.
 */
#include "mrfc/conference/attempts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <uthash.h>

#include "common/mem.h"

#define MAX_ADDRESSES 4096
#define KEY_LEN       9

struct attempt {
	UT_hash_handle hh;
	TAILQ_ENTRY(attempt) link;
	uint8_t key[KEY_LEN];
	unsigned n;
	uint64_t since_ms;
};

struct attempts {
	unsigned limit;
	uint64_t window_ms;
	struct attempt *by_key;
	TAILQ_HEAD(, attempt) all; /* oldest window first */
	size_t count;
};

struct attempts *attempts_new(unsigned limit, uint64_t window_ms)
{
	struct attempts *a = xcalloc(1, sizeof(*a));

	a->limit = limit;
	a->window_ms = window_ms;
	TAILQ_INIT(&a->all);
	return a;
}

static void drop(struct attempts *a, struct attempt *t)
{
	HASH_DEL(a->by_key, t);
	TAILQ_REMOVE(&a->all, t, link);
	a->count--;
	free(t);
}

void attempts_free(struct attempts **ap)
{
	struct attempts *a = *ap;

	if (a == NULL)
		return;
	*ap = NULL;
	while (!TAILQ_EMPTY(&a->all))
		drop(a, TAILQ_FIRST(&a->all));
	free(a);
}

static void key_of(const struct addr *from, uint8_t key[KEY_LEN])
{
	memset(key, 0, KEY_LEN);
	if (addr_is_v6(from)) {
		key[0] = 6;
		memcpy(key + 1, &from->in6.sin6_addr, 8);
	} else {
		key[0] = 4;
		memcpy(key + 1, &from->in4.sin_addr, 4);
	}
}

static struct attempt *find(const struct attempts *a, const struct addr *from)
{
	uint8_t key[KEY_LEN];
	struct attempt *t;

	key_of(from, key);
	HASH_FIND(hh, a->by_key, key, KEY_LEN, t);
	return t;
}

bool attempts_over(const struct attempts *a, const struct addr *from, uint64_t now_ms)
{
	const struct attempt *t = find(a, from);

	return t != NULL && now_ms - t->since_ms < a->window_ms && t->n >= a->limit;
}

bool attempts_failed(struct attempts *a, const struct addr *from, uint64_t now_ms)
{
	struct attempt *t;

	while ((t = TAILQ_FIRST(&a->all)) != NULL &&
	       (now_ms - t->since_ms >= a->window_ms || a->count >= MAX_ADDRESSES))
		drop(a, t);
	t = find(a, from);
	if (t == NULL) {
		t = xcalloc(1, sizeof(*t));
		key_of(from, t->key);
		t->since_ms = now_ms;
		HASH_ADD(hh, a->by_key, key, KEY_LEN, t);
		TAILQ_INSERT_TAIL(&a->all, t, link);
		a->count++;
	}
	return ++t->n == a->limit;
}
