/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message may overtake the key it is sealed with: it waits here, briefly, within bounds that whoever
 * sends nonsense under unknown keys cannot exceed.
 */
#include "ue/ue_held.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "common/mem.h"

struct entry {
	struct ue_held_item item;
	TAILQ_ENTRY(entry) link;
};

struct ue_held {
	TAILQ_HEAD(, entry) entries;
	size_t n, octets;
};

struct ue_held *ue_held_new(void)
{
	struct ue_held *h = xcalloc(1, sizeof(*h));

	TAILQ_INIT(&h->entries);
	return h;
}

static void take_out(struct ue_held *h, struct entry *e)
{
	TAILQ_REMOVE(&h->entries, e, link);
	h->n--;
	h->octets -= e->item.len;
}

void ue_held_drop(struct ue_held_item **item)
{
	struct entry *e;

	if (!*item)
		return;
	e = CONTAINER_OF(*item, struct entry, item);
	free(e->item.octets);
	free(e);
	*item = NULL;
}

void ue_held_free(struct ue_held **hp)
{
	struct ue_held *h = *hp;
	struct ue_held_item *item;

	if (!h)
		return;
	while (!TAILQ_EMPTY(&h->entries)) {
		item = &TAILQ_FIRST(&h->entries)->item;
		take_out(h, TAILQ_FIRST(&h->entries));
		ue_held_drop(&item);
	}
	free(h);
	*hp = NULL;
}

int ue_held_add(struct ue_held *h, const struct gkid *gkid, struct slice octets, uint64_t now_ms,
		uint64_t wall_us)
{
	struct entry *e;

	if (h->n == UE_HELD_MESSAGES || octets.len > UE_HELD_OCTETS - h->octets)
		return -ERR_LIMIT;
	e = xcalloc(1, sizeof(*e));
	e->item = (struct ue_held_item){.octets = slice_dup(octets),
					.len = octets.len,
					.gkid = *gkid,
					.since_ms = now_ms,
					.wall_us = wall_us};
	TAILQ_INSERT_TAIL(&h->entries, e, link);
	h->n++;
	h->octets += octets.len;
	return 0;
}

bool ue_held_next(struct ue_held *h, bool (*ready)(const struct gkid *id, void *arg), void *arg,
		  uint64_t now_ms, struct ue_held_item **item_r)
{
	struct entry *e;

	TAILQ_FOREACH(e, &h->entries, link)
		if (ready(&e->item.gkid, arg) || now_ms >= e->item.since_ms + UE_HELD_MS)
			break;
	if (!e)
		return false;
	take_out(h, e);
	*item_r = &e->item;
	return true;
}
