/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a message: refused, to all legs of the room, or to the legs of one participant.
 * Asked twice at most, when its first chunk begins and when its CPIM head is complete; passing its
 * octets on is forward.c's.
 */
#include "mrfp/route.h"

#include <stdlib.h>

#include "common/mem.h"
#include "mrfp/absorb.h"
#include "mrfp/file.h"
#include "mrfp/keep.h"
#include "mrfp/key.h"
#include "mrfp/policy.h"
#include "mrfp/relay.h"
#include "mrfp/seal.h"
#include "proto/media_type.h"
#include "proto/msrp_head.h"

static void owe_private(struct inmsg *m, const struct cpim_head *cpim, struct session **targets,
			size_t n_targets)
{
	struct session *s = m->from;

	m->cpim_from = slice_dup(cpim->from_raw);
	m->cpim_to = slice_dup(cpim->to_raw);
	publish_begin_private(s->ctx, &m->out);
	m->receipt = receipt_new(s, m->out.meta.serial, m->out.meta.kind, targets, n_targets);
	m->receipt->message_id = xstrdup(m->id);
	m->receipt->cpim_from = xstrdup(m->cpim_from);
	m->receipt->cpim_to = xstrdup(m->cpim_to);
	m->receipt->want_failure = m->failure_report != MSRP_FR_NO;
}

/* For all: who accepts its type; it begins with its first chunk, when its class is known. */
static void open_room(struct inmsg *m, struct slice top, struct slice inner)
{
	m->out.stream = STREAM_BULK;
	if (slice_copy(media_type_base(inner.len ? inner : top), m->out.type, sizeof(m->out.type)))
		m->out.type[0] = '\0';
}

/* Where that is policy, a sender gets its own lines too, as the others do (SW-041). */
static bool echoes(const struct inmsg *m, unsigned kind)
{
	const struct context *ctx = m->from->ctx;

	return ctx->kind == CTL_KIND_CHAT && ctx->policy & CTL_POLICY_ECHO &&
	       !policy_is_control(kind);
}

static void set_out(struct inmsg *m, unsigned kind)
{
	m->out.meta.kind = (uint8_t)kind;
	m->out.meta.control = policy_is_control(kind);
	m->out.meta.source = echoes(m, kind) ? 0 : m->from->taste.number;
	m->out.meta.size = m->total == MSRP_UNSPECIFIED ? 0 : m->total;
	m->out.total = m->total;
}

/* Is this message, which is whole, kept from who it is for? */
static bool is_absorbed(struct inmsg *m, const struct cpim_head *cpim, enum route route,
			struct session **targets)
{
	struct slice document = slice_from(bytes_slice(&m->head), cpim->head_len);

	if (cpim->kind == CPIM_IMDN)
		return route == ROUTE_PRIVATE && absorb_imdn(m, cpim, targets[0], document);
	return route == ROUTE_ROOM && absorb_composing(m, document);
}

/* Opaque bytes for the focus: nobody else gets them. */
static int open_key(struct inmsg *m, size_t head_len)
{
	set_out(m, CPIM_KEY);
	if (m->total != MSRP_UNSPECIFIED && m->total > KEY_MESSAGE_MAX)
		return 413;
	key_begin(m, head_len);
	return 200;
}

/* Somebody is away, and it is small enough: the MRFC knows whether he is the one (IMS-007). */
static bool may_be_owed(const struct inmsg *m, unsigned kind)
{
	const struct context *ctx = m->from->ctx;

	if (!keep_wanted(ctx) || (!ctx->away && !ctx->n_missing) || m->total > KEY_ABSENT_MAX)
		return false;
	return kind == CPIM_IMDN || (!policy_is_control(kind) && ctx->policy & CTL_POLICY_PRIVATE);
}

static int open_absent(struct inmsg *m, const struct cpim_head *cpim)
{
	set_out(m, cpim->kind);
	key_begin_absent(m, cpim->to);
	return 200;
}

/* The same of the key server that a member is. */
static int open_frames(struct inmsg *m)
{
	if (!m->from->key_server)
		return 403;
	set_out(m, CPIM_KEY);
	if (m->total != MSRP_UNSPECIFIED && m->total > KEY_FRAMES_MAX)
		return 413;
	m->state = INMSG_OPEN;
	key_begin_frames(m);
	return 200;
}

static int chat_head(struct inmsg *m, const struct cpim_head *cpim)
{
	struct session *s = m->from, **targets = NULL;
	struct slice top = slice_str(m->out.content_type);
	uint64_t max = context_max_size(s->ctx, cpim->kind);
	enum route route;
	size_t n_targets = 0;
	int status;

	if (cpim->kind == CPIM_KEY) {
		if (policy_is_keyserver(cpim->content_type))
			return 415;
		status = policy_from(s, cpim);
		return status == 200 ? open_key(m, cpim->head_len) : status;
	}
	m->out.meta.admit = context_admit(s->ctx, cpim->kind, top, cpim->content_type);
	status = policy_route(s, cpim, m->out.meta.admit, &route, &targets, &n_targets);
	m->out.meta.kind = (uint8_t)cpim->kind;
	if (status == 200 && m->sealed)
		status = m->sealed;
	if (status == 404 && may_be_owed(m, cpim->kind)) {
		free(targets);
		return open_absent(m, cpim);
	}
	if (status == 200 &&
	    ((m->total != MSRP_UNSPECIFIED && m->total > max) || ranges_top(&m->got) > max))
		status = 413;
	if (status == 200 && cpim->kind == CPIM_COMPOSING && m->state != INMSG_GATHER &&
	    absorb_samples(s->ctx))
		status = 413; /* too long to be looked at: none may pass unsampled */
	if (status == 200) {
		set_out(m, cpim->kind);
		if (m->state == INMSG_GATHER && is_absorbed(m, cpim, route, targets))
			m->state = INMSG_TAKEN;
		else if (route == ROUTE_PRIVATE)
			owe_private(m, cpim, targets, n_targets);
		else
			open_room(m, top, cpim->content_type);
	}
	free(targets);
	return status;
}

/* isComposing without CPIM (IMS-012). */
static void open_bare(struct inmsg *m)
{
	struct slice type = slice_str(m->out.content_type);

	m->out.meta.admit = context_admit(m->from->ctx, CPIM_COMPOSING, type, SLICE_NULL);
	open_room(m, type, SLICE_NULL);
	m->state = INMSG_OPEN;
}

static int chat_start(struct inmsg *m, const struct msrp_head *head)
{
	enum top_type top = policy_top_type(head->content_type);

	if (top == TOP_OTHER || !policy_disposition_ok(head->content_disposition))
		return 415;
	if (top == TOP_COMPOSING && m->from->listener)
		return 403;
	if (top == TOP_COMPOSING && m->from->ctx->policy & CTL_POLICY_SEALED)
		return 415;
	if (top == TOP_COMPOSING) {
		set_out(m, CPIM_COMPOSING);
		if (absorb_samples(m->from->ctx))
			m->state = INMSG_GATHER;
		else
			open_bare(m);
	}
	if (top == TOP_KEYSERVER)
		return open_frames(m);
	if (top == TOP_KEY) {
		m->state = INMSG_OPEN;
		return open_key(m, 0);
	}
	return 200;
}

/* Any type, and the receivers have accepted it by their answers. */
static int start_file(struct inmsg *m, const struct msrp_head *head)
{
	int status = file_start(m, head);

	if (status != 200)
		return status;
	if (m->from->ctx->policy & CTL_POLICY_SEALED &&
	    seal_form(head->content_type, head->content_encoding) == SEAL_NONE)
		return 415;
	set_out(m, CPIM_FILE);
	m->out.meta.admit = context_admit(m->from->ctx, CPIM_FILE, head->content_type, SLICE_NULL);
	open_room(m, head->content_type, SLICE_NULL);
	if (!(m->from->ctx->policy & CTL_POLICY_SEALED)) /* else its first octets decide */
		m->state = INMSG_OPEN;
	return 200;
}

int route_bare(struct inmsg *m)
{
	set_out(m, CPIM_COMPOSING);
	if (absorb_composing(m, bytes_slice(&m->head)))
		m->state = INMSG_TAKEN;
	else
		open_bare(m);
	return 200;
}

int route_start(struct inmsg *m, const struct msrp_head *head)
{
	switch (m->from->ctx->kind) {
	case CTL_KIND_CHAT:
		return chat_start(m, head);
	case CTL_KIND_FILE:
		return start_file(m, head);
	case CTL_KIND_RELAY:
		return relay_start(m, head);
	default:
		return 415;
	}
}

int route_head(struct inmsg *m, const struct cpim_head *cpim)
{
	return m->from->ctx->kind == CTL_KIND_RELAY ? relay_head(m, cpim) : chat_head(m, cpim);
}

uint64_t route_max_size(const struct inmsg *m)
{
	const struct context *ctx = m->from->ctx;

	return ctx->kind == CTL_KIND_RELAY ? relay_max_size(m)
					   : context_max_size(ctx, m->out.meta.kind);
}
