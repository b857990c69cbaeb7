/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounting of single messages (policy bit 16): who sent how much of what, when, and what became
 * of it. The event queue of the control link keeps the events while the MRFC is away.
 */
#include "mrfp/account.h"

#include "mrfp/seal.h"

uint64_t account_begin(const struct context *ctx)
{
	return ctx->policy & CTL_POLICY_ACCOUNT ? ctx->plane->wall_ms() : 0;
}

void account_end(const struct context *ctx, const struct account *a)
{
	struct plane *p = ctx->plane;
	struct ctl_notify n = {0};
	uint64_t now_ms;

	if (!(ctx->policy & CTL_POLICY_ACCOUNT) || a->kind == CPIM_COMPOSING ||
	    a->kind == CPIM_IMDN)
		return; /* neither is content, so neither is charged (COMP-003, IMS-013) */
	if (ctx->kind == CTL_KIND_FILE)
		return; /* a file's one event is file.c's */
	now_ms = p->wall_ms();
	CTL_SET(&n, notify, event, CTL_EVENT_ACCOUNTING);
	CTL_SET(&n, notify, termination, a->termination);
	CTL_SET(&n, notify, message_id, a->message_id);
	if (a->type.len)
		CTL_SET(&n, notify, content_type, a->type);
	CTL_SET(&n, notify, size, a->size);
	CTL_SET(&n, notify, started, a->started_ms ? a->started_ms : now_ms);
	CTL_SET(&n, notify, ended, now_ms);
	CTL_SET(&n, notify, outcome, a->outcome);
	if (a->status)
		CTL_SET(&n, notify, status, (uint16_t)a->status);
	p->notify(ctx, &n, p->notify_arg);
}

void account_sealed(struct context *ctx)
{
	struct ctl_notify n = {0};
	uint64_t count;

	if (!seal_count(&ctx->seal, &count))
		return;
	CTL_SET(&n, notify, event, CTL_EVENT_SEALED);
	CTL_SET(&n, notify, number, count);
	ctx->plane->notify(ctx, &n, ctx->plane->notify_arg);
}
