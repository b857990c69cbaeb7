/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contexts: names of the room, accept lists shared by legs, the two logs. Membership itself is the
 * list of sessions; who gets a message is decided per leg by its taste (chunklog.h).
 */
#include "mrfp/context.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "proto/media_type.h"

struct context *context_new(struct plane *plane, const uint8_t id[CTL_CONTEXT_SIZE])
{
	struct context *ctx = xcalloc(1, sizeof(*ctx));

	ctx->plane = plane;
	ctx->kind = CTL_KIND_CHAT;
	memcpy(ctx->id, id, sizeof(ctx->id));
	for (size_t i = 0; i < sizeof(ctx->id); i++)
		snprintf(ctx->name + 2 * i, 3, "%02x", id[i]);
	for (int i = 0; i < N_LOGS; i++) {
		chunklog_init(&ctx->log[i]);
		ctx->log[i].meter = &plane->budget.logs;
	}
	series_init(&ctx->direct);
	series_init(&ctx->message_ids);
	TAILQ_INIT(&ctx->sessions);
	HASH_ADD(hh, plane->contexts, id, sizeof(ctx->id), ctx);
	(*plane->stats.contexts)++;
	return ctx;
}

size_t context_chunk(const struct context *ctx)
{
	return ctx->n_relayed ? (size_t)ctx->plane->opt->relay_chunk : CONTEXT_CHUNK;
}

struct context *context_find(struct plane *plane, const uint8_t id[CTL_CONTEXT_SIZE])
{
	struct context *ctx;

	HASH_FIND(hh, plane->contexts, id, CTL_CONTEXT_SIZE, ctx);
	return ctx;
}

void context_free(struct context **ctxp)
{
	struct context *ctx = *ctxp;

	if (!ctx)
		return;
	HASH_DEL(ctx->plane->contexts, ctx);
	if (ctx->dirty)
		TAILQ_REMOVE(&ctx->plane->dirty_contexts, ctx, dirty_link);
	for (int i = 0; i < N_LOGS; i++)
		chunklog_fini(&ctx->log[i]);
	for (uint8_t i = 0; i < ACCEPT_LISTS; i++) {
		if (ctx->accepts[i].n_users) {
			ctx->accepts[i].n_users = 1;
			context_accept_put(ctx, i);
		}
	}
	if (ctx->enlisted)
		LIST_REMOVE(ctx, throttled_link);
	free(ctx->recent);
	if (ctx->file) {
		free(ctx->file->message_id);
		free(ctx->file->content_type);
	}
	free(ctx->file);
	uris_fini(&ctx->room);
	(*ctx->plane->stats.contexts)--;
	free(ctx);
	*ctxp = NULL;
}

void context_set_room(struct context *ctx, struct slice conference, const struct ctl_list *aliases)
{
	struct slice items[CTL_LIST_MAX];
	struct ctl_list list = {items, 0};
	struct uris old = ctx->room;

	ctx->room = (struct uris){0};
	if (conference.len)
		items[list.n++] = conference;
	else if (old.n)
		items[list.n++] = slice_str(old.uri[0]);
	for (size_t i = 1; !aliases && i < old.n; i++)
		items[list.n++] = slice_str(old.uri[i]);
	for (size_t i = 0; aliases && i < aliases->n && list.n < CTL_LIST_MAX; i++)
		items[list.n++] = aliases->items[i];
	uris_set(&ctx->room, &list);
	uris_fini(&old);
}

uint64_t context_max_size(const struct context *ctx, unsigned kind)
{
	uint64_t all = (uint64_t)ctx->plane->opt->max_size;
	uint64_t own = kind == CPIM_FILE ? ctx->max_file : ctx->max_message;

	return own && own < all ? own : all;
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

int context_accept_get(struct context *ctx, const char *types, const char *wrapped,
		       const char *refused, uint8_t *index_r)
{
	int found = -1;

	for (int i = 0; i < ACCEPT_LISTS; i++) {
		struct accept_list *a = &ctx->accepts[i];
		if (!a->n_users) {
			found = found < 0 ? i : found;
		} else if (same(a->types, types) && same(a->wrapped, wrapped) &&
			   same(a->refused, refused)) {
			a->n_users++;
			*index_r = (uint8_t)i;
			return 0;
		}
	}
	if (found < 0)
		return -ERR_LIMIT;
	ctx->accepts[found] = (struct accept_list){
		.types = xstrdup(types),
		.wrapped = wrapped ? xstrdup(wrapped) : NULL,
		.refused = xstrdup(refused),
		.n_users = 1,
	};
	*index_r = (uint8_t)found;
	return 0;
}

void context_accept_put(struct context *ctx, uint8_t index)
{
	struct accept_list *a = &ctx->accepts[index];

	if (--a->n_users)
		return;
	free(a->types);
	free(a->wrapped);
	free(a->refused);
	memset(a, 0, sizeof(*a));
}

bool accept_list_admits(const struct accept_list *a, unsigned kind, struct slice top,
			struct slice inner)
{
	if (a->types[0] && !media_type_listed(slice_str(a->types), top))
		return false;
	if (a->refused[0] && media_type_listed(slice_str(a->refused), inner.len ? inner : top))
		return false;
	if (!inner.len || !a->wrapped || kind == CPIM_IMDN || kind == CPIM_COMPOSING)
		return true;
	/* A type at top level is a type understood: either list will do (RFC 4975 8.6). */
	return media_type_listed(slice_str(a->wrapped), inner) ||
	       media_type_listed(slice_str(a->types), inner);
}

uint64_t context_admit(const struct context *ctx, unsigned kind, struct slice top,
		       struct slice inner)
{
	uint64_t bits = UINT64_C(1) << ACCEPT_OWN;

	for (unsigned i = 0; i < ACCEPT_LISTS; i++) {
		if (ctx->accepts[i].n_users &&
		    accept_list_admits(&ctx->accepts[i], kind, top, inner))
			bits |= UINT64_C(1) << i;
	}
	return bits;
}

void context_note_type(struct context *ctx, uint64_t serial, struct slice content_type)
{
	struct slice base = media_type_base(content_type);
	struct recent_type *r;

	if (!ctx->recent)
		ctx->recent = xcalloc(RECENT_TYPES, sizeof(*ctx->recent));
	r = &ctx->recent[serial % RECENT_TYPES];
	r->serial = serial;
	if (slice_copy(base, r->type, sizeof(r->type)))
		r->type[0] = '\0';
}

struct slice context_type_of(const struct context *ctx, uint64_t serial)
{
	const struct recent_type *r = ctx->recent ? &ctx->recent[serial % RECENT_TYPES] : NULL;

	return r && r->serial == serial ? slice_str(r->type) : SLICE_NULL;
}

void context_touch(struct context *ctx)
{
	if (ctx->dirty)
		return;
	ctx->dirty = true;
	TAILQ_INSERT_TAIL(&ctx->plane->dirty_contexts, ctx, dirty_link);
}

uint64_t context_held(const struct context *ctx)
{
	return chunklog_held(&ctx->log[STREAM_CHAT]) + chunklog_held(&ctx->log[STREAM_BULK]);
}
