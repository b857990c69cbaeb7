/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recent messages of a context, for legs that go away before they have answered (IMS-007). Owns
 * references to chunks, no copies. What every leg has answered goes at the next tick: a leg has
 * answered whatever is older than its oldest open transaction and its place in the log.
 */
#include "mrfp/keep.h"

#include <stdlib.h>

#include "common/mem.h"
#include "mrfp/session.h"

static void forget(struct keep *keep, struct kept *k)
{
	TAILQ_REMOVE(&keep->messages, k, link);
	keep->n_bytes -= k->n_bytes;
	keep->ctx->plane->budget.kept -= k->n_bytes;
	for (size_t i = 0; i < k->n_parts; i++)
		chunk_unref(&k->parts[i].bytes);
	free(k->parts);
	free(k->message_id);
	free(k->content_type);
	free(k);
}

static struct kept *find(const struct context *ctx, uint64_t serial)
{
	struct kept *k;

	if (!ctx->keep)
		return NULL;
	TAILQ_FOREACH_REVERSE(k, &ctx->keep->messages, kept_list, link)
	{ /* mostly the newest */
		if (k->serial <= serial)
			return k->serial == serial ? k : NULL;
	}
	return NULL;
}

const struct kept *keep_find(const struct context *ctx, uint64_t serial)
{
	return find(ctx, serial);
}

static void count(struct keep *keep, struct kept *k, size_t n)
{
	k->n_bytes += n;
	keep->n_bytes += n;
	keep->ctx->plane->budget.kept += n;
}

void keep_begin(struct context *ctx, const struct keep_message *m)
{
	struct kept *k = xcalloc(1, sizeof(*k));

	if (!ctx->keep) {
		ctx->keep = xcalloc(1, sizeof(*ctx->keep));
		ctx->keep->ctx = ctx;
		TAILQ_INIT(&ctx->keep->messages);
		LIST_INSERT_HEAD(&ctx->plane->keeping, ctx->keep, link);
	}
	k->serial = m->serial;
	k->sender = m->sender;
	k->source = m->source;
	k->kind = m->kind;
	k->message_id = xstrdup(m->message_id ? m->message_id : "");
	k->content_type = xstrdup(m->content_type);
	TAILQ_INSERT_TAIL(&ctx->keep->messages, k, link);
	count(ctx->keep, k, sizeof(*k));
}

void keep_chunk(struct context *ctx, uint64_t serial, const struct chunklog_entry *entry,
		uint64_t start, size_t at, size_t len, bool last, bool aborted)
{
	size_t max = (size_t)ctx->plane->opt->keep_bytes;
	struct kept *k = find(ctx, serial), *oldest;

	if (!k)
		return;
	if (aborted) {
		forget(ctx->keep, k);
		return;
	}
	k->parts = xrealloc(k->parts, (k->n_parts + 1) * sizeof(*k->parts));
	k->parts[k->n_parts++] = (struct kept_part){.bytes = chunk_ref(entry->bytes),
						    .start = start,
						    .at = (uint32_t)at,
						    .len = (uint32_t)len};
	count(ctx->keep, k, sizeof(*k->parts) + sizeof(struct chunk) + entry->bytes->len);
	if (start - 1 + len > k->length)
		k->length = start - 1 + len;
	if (last) {
		k->complete = true;
		k->last_num = entry->num;
	}
	while (ctx->keep->n_bytes > max && (oldest = TAILQ_FIRST(&ctx->keep->messages)) != k)
		forget(ctx->keep, oldest);
}

void keep_join(const struct kept *k, struct bytes *out)
{
	char *text = xcalloc(1, k->length + 1);

	for (size_t i = 0; i < k->n_parts; i++) {
		const struct kept_part *p = &k->parts[i];
		memcpy(text + p->start - 1, p->bytes->data + p->at, p->len);
	}
	bytes_add(out, text, k->length);
	free(text);
}

/* Number of the oldest transaction that this leg has not answered, or not got yet. */
static uint64_t oldest_open(const struct session *s)
{
	const struct chunklog *l = &s->ctx->log[STREAM_CHAT];
	const struct cursor *c =
		s->parked[STREAM_CHAT].attached ? &s->parked[STREAM_CHAT] : &s->cur[STREAM_CHAT];
	uint64_t num;

	if (txring_oldest(&s->tx[STREAM_CHAT], &num))
		return num;
	return c->attached && c->seq < l->head ? chunklog_num_at(l, c->seq) : UINT64_MAX;
}

static void tick(struct keep *keep)
{
	struct context *ctx = keep->ctx;
	uint64_t oldest = UINT64_MAX;
	const struct session *s;
	struct kept *k, *next;

	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		uint64_t num = oldest_open(s);
		oldest = num < oldest ? num : oldest;
	}
	for (k = TAILQ_FIRST(&keep->messages); k; k = next) {
		next = TAILQ_NEXT(k, link);
		if (k->complete && k->last_num < oldest)
			forget(keep, k);
	}
	if (TAILQ_EMPTY(&keep->messages))
		keep_free(ctx);
}

void keep_tick(struct plane *plane)
{
	struct keep *keep, *next;

	for (keep = LIST_FIRST(&plane->keeping); keep; keep = next) {
		next = LIST_NEXT(keep, link);
		tick(keep);
	}
}

void keep_free(struct context *ctx)
{
	struct keep *keep = ctx->keep;

	if (!keep)
		return;
	while (!TAILQ_EMPTY(&keep->messages))
		forget(keep, TAILQ_FIRST(&keep->messages));
	LIST_REMOVE(keep, link);
	free(keep);
	ctx->keep = NULL;
}
