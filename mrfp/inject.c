/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of the focus (SW-045): notices to the room or to one leg. Content is the MRFC's; here
 * it only gets its class and goes out as any other message.
 */
#include "mrfp/inject.h"

#include <stdlib.h>

#include "common/mem.h"
#include "mrfp/policy.h"
#include "mrfp/publish.h"
#include "proto/media_type.h"

static void to_one_told(struct session *to, struct outmsg *m, struct slice body, uint64_t number)
{
	struct receipt *r = receipt_new(to, m->meta.serial, m->meta.kind, &to, 1);

	r->number = number;
	r->input_done = true;
	to->injected = number;
	if (publish_direct_whole(to, m, body)) {
		session_log_lost(to, m->meta.serial, "its queue is full");
		receipt_settle(r, to, OUTCOME_LOST, 481);
	}
}

static void to_one(struct session *to, struct outmsg *m, struct slice body, uint64_t number)
{
	unsigned kind = m->meta.kind;

	publish_begin_private(to->ctx, m);
	if (!to->joined)
		return;
	if (number) {
		to_one_told(to, m, body, number);
		return;
	}
	stats_owe(&to->ctx->plane->stats, kind);
	to->open[kind]++;
	if (publish_direct_whole(to, m, body)) {
		session_log_lost(to, m->meta.serial, "its queue is full");
		session_settle(to, kind, OUTCOME_LOST);
	}
}

static void to_all(struct context *ctx, struct outmsg *m, struct slice body)
{
	uint64_t pos = 1;

	m->stream = STREAM_CHAT;
	publish_begin(ctx, m);
	do {
		struct slice part = slice_first(body, context_chunk(ctx));
		bool last = part.len == body.len;
		publish_chunk(ctx, m, pos, part, last ? '$' : '+', last);
		pos += part.len;
		body = slice_from(body, part.len);
	} while (body.len);
}

int inject(struct context *ctx, struct session *to, struct slice content_type, struct slice body,
	   uint64_t number)
{
	struct cpim_head cpim = {.kind = CPIM_CHAT};
	struct outmsg m = {.total = body.len};

	if (body.len > INJECT_MAX)
		return -ERR_LIMIT;
	if (!media_type_ok(content_type))
		return -ERR_SYNTAX;
	if (to && number && !to->joined)
		return -ERR_WRONG_STATE;
	if (to && number && number <= to->injected)
		return 0;
	if (policy_top_type(content_type) == TOP_CPIM) {
		if (cpim_parse(body, INJECT_MAX, true, false, &cpim) != 1)
			return -ERR_SYNTAX;
	} else {
		cpim.kind = cpim_kind_of(content_type, SLICE_NULL);
	}
	m.meta.kind = (uint8_t)cpim.kind;
	m.meta.control = policy_is_control(cpim.kind);
	m.meta.size = body.len;
	m.meta.admit = context_admit(ctx, cpim.kind, content_type, cpim.content_type);
	m.content_type = slice_dup(content_type);
	if (slice_copy(media_type_base(cpim.content_type.len ? cpim.content_type : content_type),
		       m.type, sizeof(m.type)))
		m.type[0] = '\0';
	if (to)
		to_one(to, &m, body, number);
	else
		to_all(ctx, &m, body);
	outmsg_fini(&m);
	return 0;
}
