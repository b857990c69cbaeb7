/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switch as the endpoint of a sender's SENDs: byte ranges, what becomes of a message, its
 * end; who gets it is decided in ingress_head.c. Nothing is allocated by what a peer announces
 * (MSRP-073): after the decision one chunk is held. RFC 4975 7.3.1.
 */
#include "mrfp/ingress.h"

#include "mrfp/account.h"
#include "mrfp/file.h"
#include "mrfp/forward.h"
#include "mrfp/ingress_priv.h"
#include "mrfp/key.h"
#include "mrfp/owed.h"
#include "mrfp/relayed.h"
#include "mrfp/route.h"
#include "mrfp/sender.h"
#include "mrfp/throttle.h"
#include "mrfp/verdict.h"
#include "proto/media_type.h"

static void count(const struct inmsg *m, enum stats_result result)
{
	(*m->from->ctx->plane->stats.messages[m->out.meta.kind][result])++;
}

/*
 * What became of it, for charging. In a relay that is known when the receiver has answered, as soon as
 * something was sent to it.
 */
static void account(struct inmsg *m, uint8_t outcome, int status)
{
	struct account a = {
		.termination = m->from->termination,
		.message_id = slice_str(m->id),
		.type = m->out.type[0] ? slice_str(m->out.type) : slice_str(m->out.content_type),
		.size = ranges_top(&m->got),
		.started_ms = m->started_ms,
		.kind = m->out.meta.kind,
		.outcome = outcome,
		.status = status,
	};

	if (m->from->ctx->kind == CTL_KIND_FILE) { /* when the last copy is settled */
		file_ended(m, outcome, status);
		return;
	}
	if (m->from->ctx->kind == CTL_KIND_RELAY && m->out.meta.serial) {
		if (outcome == CTL_OUTCOME_DELIVERED)
			relayed_input_done(m);
		else
			relayed_given_up(m, outcome, status);
		return;
	}
	account_end(m->from->ctx, &a);
}

/* The private message is over before its last octet came. */
static void end_receipt(struct inmsg *m)
{
	struct receipt *r = m->receipt;

	m->receipt = NULL;
	if (!r)
		return;
	for (size_t i = 0; i < r->n_targets && m->state == INMSG_VERDICT; i++) {
		struct session *s = session_by_number(m->from->ctx, r->targets[i].number);
		if (s) /* nothing of it was sent, so nobody will answer */
			receipt_settle(r, s, OUTCOME_ABORTED, 0);
	}
	receipt_input_done(r, ranges_top(&m->got), false);
}

void ingress_refuse(struct request *rq, int status)
{
	struct inmsg *m = rq->msg;

	if (m->state == INMSG_REFUSED)
		return;
	forward_abort(m);
	end_receipt(m);
	m->status = rq->status = status;
	count(m, RESULT_REFUSED);
	account(m, CTL_OUTCOME_REFUSED, status);
	inmsg_set_state(m, INMSG_REFUSED, msrp_status_text(status));
	verdict_answer_all(m, status);
}

static void set_due(struct inmsg *m)
{
	m->due_ms =
		wire_clock(m->from->wire) + (uint64_t)m->from->ctx->plane->opt->message_timeout_ms;
}

/* --- requests --- */

/* No room for more, or no time. */
static bool must_shed(struct plane *plane)
{
	if (plane->budget.level != BUDGET_FULL && !plane->draining)
		return false;
	(*plane->stats.shed)++;
	return true;
}

/* A new Message-ID. */
static void open_message(struct request *rq, const struct msrp_head *head)
{
	struct session *s = rq->session;
	const struct options *opt = s->ctx->plane->opt;
	struct inmsg *m;
	int status;

	if (must_shed(s->ctx->plane)) {
		rq->status = 413;
		return;
	}
	if (s->n_inbox - s->n_verdicts >= (size_t)opt->max_open_messages &&
	    !inmsg_forget_refused(s)) {
		rq->status = 413;
		return;
	}
	m = rq->msg = inmsg_new(s, head->message_id);
	m->success_report = head->success_report;
	m->failure_report = head->failure_report;
	m->total = head->range.present ? head->range.total : MSRP_UNSPECIFIED;
	m->started_ms = account_begin(s->ctx);
	m->out.content_type = slice_dup(head->content_type);
	m->out.sender = s->termination;
	m->out.id = m->id;
	m->out.disposition =
		head->content_disposition.len ? slice_dup(head->content_disposition) : NULL;
	m->out.other_mime = msrp_other_mime(head);
	status = route_start(m, head);
	if (status == 200 && m->state != INMSG_HEAD)
		status = sender_message(s, m->out.meta.kind);
	if (status != 200)
		ingress_refuse(rq, status);
	else if (m->state == INMSG_OPEN && verdict_wanted(m))
		verdict_ask(m, media_type_base(head->content_type));
}

void ingress_begin(struct request *rq, const struct msrp_head *head)
{
	struct session *s = rq->session;
	struct inmsg *m = inmsg_find(s, head->message_id);
	int status = inmsg_check_range(m, head);

	rq->pos = head->range.present ? head->range.start : 1;
	if (status) {
		rq->status = status;
		return;
	}
	if (!m && !head->has_body) {
		rq->keepalive = true;
		return;
	}
	if (!m && session_has_seen(s, head->message_id)) {
		rq->repeat = true;
		(*s->ctx->plane->stats.duplicates)++;
		return;
	}
	rq->msg = m;
	if (!m)
		open_message(rq, head);
	m = rq->msg;
	if (!m)
		return;
	set_due(m);
	rq->failure_report = m->failure_report;
	if (m->state == INMSG_REFUSED)
		rq->status = m->status;
	else if (m->total == MSRP_UNSPECIFIED && head->range.present &&
		 head->range.total >= ranges_top(&m->got))
		m->total = head->range.total;
}

void ingress_body(struct request *rq, struct slice piece)
{
	struct inmsg *m = rq->msg;
	uint64_t pos = rq->pos, end = pos + piece.len - 1;
	uint64_t max;

	rq->pos += piece.len;
	if (rq->session) {
		rq->session->octets_in += piece.len;
		sender_octets(rq->session, piece.len);
	}
	if (!m || m->state == INMSG_REFUSED)
		return;
	set_due(m);
	max = m->key ? key_max(m) : route_max_size(m);
	if (end > inmsg_size_limit(m)) {
		ingress_refuse(rq, 400);
	} else if ((m->state != INMSG_HEAD && (end > max || m->n_passed + piece.len > max)) ||
		   ranges_add(&m->got, pos, piece.len)) {
		ingress_refuse(rq, 413);
	} else if (m->from->ctx->file && file_is_futile(m)) {
		ingress_refuse(rq, 413); /* every receiver has had enough (MSRP-075) */
	} else if (m->state <= INMSG_GATHER) {
		rq->pos = pos;
		ingress_before_head(rq, piece);
		rq->pos = end + 1;
	} else if (m->state == INMSG_VERDICT) {
		ingress_hold(rq, pos, piece);
	} else {
		m->n_passed += piece.len;
		forward_octets(m, pos, piece, true);
	}
	if (m->from->ctx->throttle || m->from->ctx->plane->budget.level)
		throttle_content(m->from, forward_is_bulk(m));
}

static void finish(struct request *rq)
{
	struct inmsg *m = rq->msg;
	struct session *s = m->from;
	struct report report = {
		.message_id = slice_str(m->id),
		.size = m->length,
		.total = m->length,
		.status = 200,
		.cpim_from = slice_str(m->cpim_from),
		.cpim_to = slice_str(m->cpim_to),
	};

	count(m, RESULT_ACCEPTED);
	account(m, CTL_OUTCOME_DELIVERED, 200);
	if (m->out.meta.kind != CPIM_COMPOSING)
		s->messages_in++;
	session_see(s, report.message_id);
	if (m->success_report && !forward_is_futile(m) && s->ctx->kind != CTL_KIND_RELAY)
		rq->report = report_build(s, &report);
	owed_message(rq);
	if (m->receipt)
		receipt_input_done(m->receipt, m->length, true);
	m->receipt = NULL;
	inmsg_free(&rq->msg);
}

/* The sender gives the message up (MSRP-070). */
static void aborted(struct request *rq)
{
	struct inmsg *m = rq->msg;

	forward_abort(m);
	end_receipt(m);
	if (m->state != INMSG_REFUSED) {
		count(m, RESULT_ABORTED);
		account(m, CTL_OUTCOME_ABORTED, 0);
	}
	inmsg_free(&rq->msg);
}

/* '$' before the head was complete: without a gap this is all there is. */
static void end_before_head(struct request *rq)
{
	struct inmsg *m = rq->msg;

	if (m->length == MSRP_UNSPECIFIED || !ranges_complete(&m->got, m->length))
		return;
	ingress_try_whole(rq, true);
}

void ingress_end(struct request *rq, char flag)
{
	struct inmsg *m = rq->msg;
	bool last;

	if (!m)
		return;
	if (flag == '#') {
		verdict_answer_all(m, 200);
		aborted(rq);
		return;
	}
	if (flag == '$' && m->length == MSRP_UNSPECIFIED) {
		m->length = rq->pos - 1;
		if (ranges_top(&m->got) > m->length)
			ingress_refuse(rq, 400);
	}
	if (m->state <= INMSG_GATHER)
		end_before_head(rq);
	if (m->state == INMSG_REFUSED) {
		rq->status = m->status;
		if (flag == '$')
			inmsg_free(&rq->msg);
		return;
	}
	m->acked = true;
	if (m->state <= INMSG_GATHER) {
		inmsg_count(m);
		return;
	}
	if (m->state == INMSG_VERDICT) {
		verdict_defer(m, rq);
		rq->answered = true;
		inmsg_count(m);
		return;
	}
	last = m->length != MSRP_UNSPECIFIED && ranges_complete(&m->got, m->length);
	if (last && m->out.total != m->length)
		m->out.total = m->length; /* content decides, not what was announced (MSRP-069) */
	if (m->state != INMSG_TAKEN)
		forward_end(m, rq->pos, flag, last);
	if (last)
		finish(rq);
	else
		inmsg_count(m);
}

void ingress_resume(struct inmsg *m, int status)
{
	struct session *s = m->from;
	struct request own = {.session = s, .msg = m, .status = 200};
	struct request *rq = wire_receives(s->wire, m) ? &s->wire->rx->req : &own;
	bool last = m->length != MSRP_UNSPECIFIED && ranges_complete(&m->got, m->length);

	if (status == VERDICT_JUDGE) {
		ingress_judge_again(rq, last);
		if (m->state == INMSG_VERDICT)
			return;
	} else if (status == 200) {
		inmsg_go_on(m);
		ingress_pass_held(m);
	} else {
		ingress_refuse(rq, status);
	}
	verdict_answer_all(m, 200);
	if (rq != &own) /* its end-line is still to come */
		return;
	if (m->state == INMSG_REFUSED && m->length != MSRP_UNSPECIFIED) {
		inmsg_free(&own.msg);
	} else if (m->state != INMSG_REFUSED && last) {
		m->out.total = m->length;
		if (m->state != INMSG_TAKEN)
			forward_end(m, m->length + 1, '$', true);
		finish(&own);
		if (own.report)
			wire_push(s->wire, own.report);
	}
}

void ingress_batch_end(struct request *rq)
{
	if (!rq->msg)
		return;
	if (rq->msg->state == INMSG_OPEN)
		forward_views_die(rq->msg);
	inmsg_count(rq->msg);
}

/* --- ends without the sender's doing --- */

static void give_up(struct inmsg *m)
{
	struct request rq = {.session = m->from, .msg = m};

	verdict_answer_all(m, 413);
	aborted(&rq);
}

void ingress_abort_all(struct session *s)
{
	struct inmsg *m;

	while ((m = TAILQ_FIRST(&s->inbox)))
		give_up(m);
}

void ingress_tick(struct session *s, uint64_t clock_ms)
{
	struct inmsg *m, *next;

	for (m = TAILQ_FIRST(&s->inbox); m; m = next) {
		next = TAILQ_NEXT(m, link);
		if (clock_ms < m->due_ms)
			continue;
		(*s->ctx->plane->stats.expired)++;
		if (!s->wire || !wire_receives(s->wire, m)) {
			give_up(m);
			continue;
		}
		ingress_refuse(&s->wire->rx->req, 413); /* in the middle of a chunk */
		set_due(m);
	}
}
