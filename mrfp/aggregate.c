/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting and holding of notifications per message. Messages are found by a hash of their sender
 * and Message-ID, kept in the order of their last news and, while they hold something, in the order
 * in which their windows end. What is over a limit is due at once instead of being refused.
 */
#include "mrfp/aggregate.h"

#include <stdlib.h>

#include "common/mem.h"
#include "proto/sip_uri.h"

TAILQ_HEAD(aggregate_list, aggregate);

struct aggregates {
	struct aggregate *table; /* uthash, by key */
	struct aggregate_list by_use, by_due;
	size_t n_open;
	size_t held_bytes;
};

struct aggregates *aggregates_new(void)
{
	struct aggregates *a = xcalloc(1, sizeof(*a));

	TAILQ_INIT(&a->by_use);
	TAILQ_INIT(&a->by_due);
	return a;
}

/* Nothing is held any more. */
static void empty(struct aggregates *a, struct aggregate *g)
{
	struct aggregate_part *p;

	if (g->n_held)
		TAILQ_REMOVE(&a->by_due, g, by_due);
	while ((p = STAILQ_FIRST(&g->parts))) {
		STAILQ_REMOVE_HEAD(&g->parts, link);
		free(p);
	}
	a->held_bytes -= g->held_bytes;
	g->held_bytes = 0;
	g->n_held = 0;
	memset(g->counts, 0, sizeof(g->counts));
}

static void forget(struct aggregates *a, struct aggregate *g)
{
	empty(a, g);
	HASH_DEL(a->table, g);
	TAILQ_REMOVE(&a->by_use, g, by_use);
	a->n_open--;
	free(g->to);
	free(g->message_id);
	free(g->date_time);
	free(g);
}

uint64_t aggregates_free(struct aggregates **ap)
{
	struct aggregates *a = *ap;
	struct aggregate *g;
	uint64_t n = 0;

	if (!a)
		return 0;
	while ((g = TAILQ_FIRST(&a->by_use))) {
		n += g->n_held;
		forget(a, g);
	}
	free(a);
	*ap = NULL;
	return n;
}

/* To the head of what is due, now. */
static void make_due(struct aggregates *a, struct aggregate *g)
{
	TAILQ_REMOVE(&a->by_due, g, by_due);
	TAILQ_INSERT_HEAD(&a->by_due, g, by_due);
	g->due_ms = 0;
}

/* The one without news for longest gives way; what it holds goes first. */
static void make_room(struct aggregates *a)
{
	struct aggregate *g = TAILQ_FIRST(&a->by_use);

	if (a->n_open < AGGREGATE_OPEN_MAX)
		return;
	if (!g->n_held) {
		forget(a, g);
		return;
	}
	g->leaving = true;
	make_due(a, g);
}

static struct aggregate *follow(struct aggregates *a, const struct aggregate_item *item)
{
	size_t id_len = strlen(item->imdn->message_id);
	size_t len = item->owner.len + 1 + id_len;
	struct aggregate *g = xcalloc(1, sizeof(*g) + len + 1), *old;

	memcpy(g->key, item->owner.ptr, item->owner.len);
	memcpy(g->key + item->owner.len + 1, item->imdn->message_id, id_len);
	g->key_len = len;
	HASH_FIND(hh, a->table, g->key, len, old);
	if (old) {
		free(g);
		TAILQ_REMOVE(&a->by_use, old, by_use);
		TAILQ_INSERT_TAIL(&a->by_use, old, by_use);
		return old;
	}
	make_room(a);
	STAILQ_INIT(&g->parts);
	g->to = slice_dup(item->to);
	g->message_id = xstrdup(item->imdn->message_id);
	HASH_ADD(hh, a->table, key, len, g);
	TAILQ_INSERT_TAIL(&a->by_use, g, by_use);
	a->n_open++;
	return g;
}

/* The document, or one that names its sender. */
static struct aggregate_part *make_part(const struct aggregate_item *item)
{
	const struct imdn *doc = item->imdn;
	struct bytes b = BYTES_INIT;
	struct slice text = item->document;
	struct aggregate_part *p;
	bool named = doc->recipient && sip_uri_same(slice_str(doc->recipient), item->from);

	if (!named) {
		struct imdn anew = *doc;
		char *from = slice_dup(item->from);

		anew.recipient = from;
		if (!anew.original_recipient)
			anew.original_recipient = doc->recipient;
		imdn_build(&b, &anew);
		free(from);
		text = bytes_slice(&b);
	}
	p = xcalloc(1, sizeof(*p) + text.len);
	p->len = text.len;
	memcpy(p->text, text.ptr, text.len);
	bytes_fini(&b);
	return p;
}

bool aggregates_hold(struct aggregates *a, const struct aggregate_limits *limits,
		     const struct aggregate_item *item, uint64_t now_ms)
{
	const struct imdn *doc = item->imdn;
	struct aggregate *g = follow(a, item);
	struct aggregate_part *p;

	g->used_ms = now_ms;
	if (!g->date_time && doc->date_time)
		g->date_time = xstrdup(doc->date_time);
	if (g->passed[doc->kind] < limits->pass) {
		g->passed[doc->kind]++;
		return false;
	}
	p = make_part(item);
	STAILQ_INSERT_TAIL(&g->parts, p, link);
	g->held_bytes += p->len;
	a->held_bytes += p->len;
	g->counts[doc->kind][doc->status]++;
	if (g->n_held++ == 0) {
		g->due_ms = now_ms + limits->window_ms;
		TAILQ_INSERT_TAIL(&a->by_due, g, by_due);
	}
	if (g->held_bytes >= AGGREGATE_FULL)
		make_due(a, g);
	if (a->held_bytes >= AGGREGATE_HELD_MAX)
		make_due(a, TAILQ_FIRST(&a->by_due));
	return true;
}

struct aggregate *aggregates_due(struct aggregates *a, uint64_t now_ms)
{
	struct aggregate *g = TAILQ_FIRST(&a->by_due);

	return g && g->due_ms <= now_ms ? g : NULL;
}

void aggregates_done(struct aggregates *a, struct aggregate *g)
{
	empty(a, g);
	if (g->leaving)
		forget(a, g);
}

bool aggregates_expire(struct aggregates *a, uint64_t now_ms)
{
	struct aggregate *g;

	while ((g = TAILQ_FIRST(&a->by_use)) && !g->n_held &&
	       now_ms - g->used_ms >= AGGREGATE_KEEP_MS)
		forget(a, g);
	return a->n_open != 0;
}
