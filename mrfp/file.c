/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File contexts: who may send, how much, when it is over. The octets go the way of all messages
 * (forward.c, chunklog.c); nothing is stored but what back-pressure leaves in the log. RFC 5547
 * sections 8.2 to 8.4 and 8.7.
 */
#include "mrfp/file.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfp/policy.h"
#include "mrfp/seal.h"
#include "mrfp/sender.h"
#include "proto/msrp_head.h"

#define LOG_PLACE "file"

void file_added(struct session *s)
{
	struct context *ctx = s->ctx;

	if (policy_may_send(s, CPIM_FILE)) {
		if (!ctx->file)
			ctx->file = xcalloc(1, sizeof(*ctx->file));
		ctx->file->termination = s->termination;
		return;
	}
	for (int i = 0; i < N_LOGS; i++) {
		if (!s->cur[i].attached)
			chunklog_attach(&ctx->log[i], &s->cur[i]);
	}
}

int file_start(struct inmsg *m, const struct msrp_head *head)
{
	struct session *s = m->from;
	struct file_state *f = s->ctx->file;

	if (!policy_disposition_ok(head->content_disposition))
		return 415;
	m->out.meta.kind = CPIM_FILE;
	if (!f || f->termination != s->termination || !policy_may_send(s, CPIM_FILE))
		return 403;
	if (f->begun) /* one session, one file (RFC 5547 8.6) */
		return 413;
	if (m->total != MSRP_UNSPECIFIED && m->total > context_max_size(s->ctx, CPIM_FILE))
		return 413;
	f->begun = true;
	f->started_ms = clock_wall_ms();
	f->message_id = xstrdup(m->id);
	f->content_type = slice_dup(head->content_type);
	return 200;
}

int file_head(struct inmsg *m, struct slice octets, bool complete)
{
	int status = seal_judge(&m->from->ctx->seal, SEAL_ECE, false, octets, complete);

	return status == 200 ? sender_message(m->from, CPIM_FILE) : status;
}

bool file_is_futile(const struct inmsg *m)
{
	const struct session *s;

	if (!m->out.meta.serial)
		return false;
	TAILQ_FOREACH(s, &m->from->ctx->sessions, in_context) {
		if (s->open[CPIM_FILE])
			return false;
	}
	return true;
}

/* Who has not come yet need not learn of a file that was given up. */
static void settle_absent(struct inmsg *m)
{
	struct session *s;

	TAILQ_FOREACH(s, &m->from->ctx->sessions, in_context) {
		if (s->wire || !s->open[CPIM_FILE])
			continue;
		session_settle(s, CPIM_FILE, OUTCOME_ABORTED);
		taste_settle(&s->taste, m->out.meta.serial);
	}
}

void file_ended(struct inmsg *m, int outcome, int status)
{
	struct file_state *f = m->from->ctx->file;

	if (!f || !f->begun || f->ended || strcmp(f->message_id, m->id) != 0)
		return;
	f->ended = true;
	f->outcome = (uint8_t)outcome;
	f->status = (uint16_t)status;
	f->size = ranges_top(&m->got);
	if (outcome != CTL_OUTCOME_DELIVERED)
		settle_absent(m);
	context_touch(m->from->ctx);
}

/* Is the sender's leg still there? */
static bool has_sender(const struct context *ctx)
{
	const struct session *s;

	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		if (s->termination == ctx->file->termination)
			return s->state != SESSION_LOST;
	}
	return false;
}

static bool is_over(const struct context *ctx)
{
	const struct session *s;

	if (!ctx->file->begun)
		return !has_sender(ctx);
	if (!ctx->file->ended)
		return false;
	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		if (s->open[CPIM_FILE])
			return false;
	}
	return true;
}

/* What the whole comes to: it was delivered if somebody has it. */
static int outcome_of(const struct file_state *f)
{
	if (!f->begun)
		return CTL_OUTCOME_ABORTED;
	if (f->outcome != CTL_OUTCOME_DELIVERED)
		return f->outcome;
	if (f->settled[OUTCOME_DELIVERED])
		return CTL_OUTCOME_DELIVERED;
	return f->settled[OUTCOME_REFUSED] ? CTL_OUTCOME_REFUSED_BY_PEER : CTL_OUTCOME_LOST;
}

void file_check(struct context *ctx)
{
	struct plane *p = ctx->plane;
	struct file_state *f = ctx->file;
	struct ctl_notify n = {0};

	if (!f || f->told || !is_over(ctx))
		return;
	f->told = true;
	CTL_SET(&n, notify, event, CTL_EVENT_ACCOUNTING);
	CTL_SET(&n, notify, termination, f->termination);
	CTL_SET(&n, notify, message_id, slice_str(f->message_id));
	CTL_SET(&n, notify, content_type, slice_str(f->content_type));
	CTL_SET(&n, notify, size, f->size);
	CTL_SET(&n, notify, started, f->started_ms);
	CTL_SET(&n, notify, ended, clock_wall_ms());
	CTL_SET(&n, notify, outcome, (uint8_t)outcome_of(f));
	CTL_SET(&n, notify, status, f->status);
	CTL_SET(&n, notify, copies_lost, f->settled[OUTCOME_LOST]);
	log_debug("%s: file of %llu octets is over, %u have it", ctx->name,
		  (unsigned long long)f->size, f->settled[OUTCOME_DELIVERED]);
	p->notify(ctx, &n, p->notify_arg);
}
