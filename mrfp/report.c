/* SPDX-License-Identifier: Apache-2.0 */
/*
 * REPORT requests of ours and the receipts of private messages. A REPORT is never answered, so
 * nothing is kept after it is queued. RFC 4975 7.1.2-7.1.4, RFC 7701 6.2 and 6.3.
 */
#include "mrfp/report.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"

struct chunk *report_build(struct session *to, const struct report *r)
{
	char tid[MSRP_TID_MAX + 1], status[32];
	struct bytes b = BYTES_INIT;
	struct msrp_rest rest = {.message_id = r->message_id};
	struct chunk *frame = NULL;
	struct slice id;

	if (!to->wire || to->state != SESSION_BOUND)
		return NULL;
	id = slice_make(tid,
			series_format(&to->ctx->direct, to->ctx->direct.next++, SLICE_NULL, tid));
	snprintf(status, sizeof(status), "000 %d %s", r->status, msrp_status_text(r->status));
	rest.status = slice_trim(slice_str(status));
	rest.range = (struct msrp_range){true, r->start ? r->start : 1, r->size, r->total};
	msrp_build_start(&b, id, SLICE_LIT("REPORT"));
	msrp_build_paths(&b, slice_make(to->from_raw, to->from_raw_len), slice_str(to->local_uri));
	if (r->cpim_from.len && r->cpim_to.len) {
		rest.content_type = SLICE_LIT("message/cpim");
		msrp_build_rest(&b, &rest);
		bytes_add_str(&b, "From: ");
		bytes_add_slice(&b, r->cpim_from);
		bytes_add_str(&b, "\r\nTo: ");
		bytes_add_slice(&b, r->cpim_to);
		bytes_add_str(&b, "\r\n\r\nContent-Type: text/plain\r\n\r\n");
	} else {
		msrp_build_rest(&b, &rest);
	}
	msrp_build_end(&b, id, rest.content_type.len != 0, '$');
	if (bytes_ok(&b)) {
		frame = chunk_from(bytes_slice(&b));
		(*to->ctx->plane->stats.reports_out)++;
	}
	bytes_fini(&b);
	return frame;
}

void report_send(struct session *to, const struct report *r)
{
	struct chunk *frame = report_build(to, r);

	if (frame)
		wire_push(to->wire, frame);
}

struct receipt *receipt_new(struct session *sender, uint64_t serial, unsigned kind,
			    struct session *const *targets, size_t n_targets)
{
	struct context *ctx = sender->ctx;
	struct receipt *r = xcalloc(1, sizeof(*r));

	r->ctx = ctx;
	r->serial = serial;
	r->sender = sender->taste.number;
	r->kind = (uint8_t)kind;
	r->n_targets = r->n_open = n_targets;
	r->targets = xcalloc(n_targets ? n_targets : 1, sizeof(*r->targets));
	for (size_t i = 0; i < n_targets; i++) {
		r->targets[i].number = targets[i]->taste.number;
		targets[i]->open[kind]++;
		stats_owe(&ctx->plane->stats, kind);
	}
	HASH_ADD(hh, ctx->receipts, serial, sizeof(r->serial), r);
	return r;
}

struct receipt *receipt_find(struct context *ctx, uint64_t serial)
{
	struct receipt *r;

	HASH_FIND(hh, ctx->receipts, &serial, sizeof(serial), r);
	return r;
}

static void receipt_free(struct receipt *r)
{
	HASH_DEL(r->ctx->receipts, r);
	free(r->message_id);
	free(r->cpim_from);
	free(r->cpim_to);
	free(r->targets);
	free(r);
}

/* Nobody got it: tell the sender once. Frees what is finished. */
static void check_done(struct receipt *r)
{
	if (r->n_open)
		return;
	if (!r->n_delivered && r->code && r->want_failure && !r->reported) {
		struct session *sender = session_by_number(r->ctx, r->sender);
		struct report report = {
			.message_id = slice_str(r->message_id),
			.size = r->size,
			.total = r->input_done ? r->size : MSRP_UNSPECIFIED,
			.status = r->code,
			.cpim_from = slice_str(r->cpim_from),
			.cpim_to = slice_str(r->cpim_to),
		};
		if (sender)
			report_send(sender, &report);
		r->reported = true;
	}
	if (r->input_done)
		receipt_free(r);
}

/* What became of an Inject. A copy that is lost may be tried again, with the same number. */
static void tell(const struct receipt *r, struct session *to, int code)
{
	struct plane *p = r->ctx->plane;
	struct ctl_notify n = {0};

	if (code == 481 || code == 408)
		to->injected = 0;
	CTL_SET(&n, notify, event, CTL_EVENT_TOLD);
	CTL_SET(&n, notify, termination, to->termination);
	CTL_SET(&n, notify, number, r->number);
	CTL_SET(&n, notify, status, (uint16_t)code);
	p->notify(r->ctx, &n, p->notify_arg);
}

void receipt_settle(struct receipt *r, struct session *target, enum stats_outcome outcome, int code)
{
	for (size_t i = 0; i < r->n_targets; i++) {
		struct receipt_target *t = &r->targets[i];
		if (t->number != target->taste.number || t->state != RECEIPT_OPEN)
			continue;
		t->state = outcome == OUTCOME_DELIVERED ? RECEIPT_DELIVERED : RECEIPT_FAILED;
		session_settle(target, r->kind, outcome);
		r->n_open--;
		if (outcome == OUTCOME_DELIVERED)
			r->n_delivered++;
		else if (outcome != OUTCOME_ABORTED)
			r->code = code;
		if (r->number)
			tell(r, target, outcome == OUTCOME_DELIVERED ? 200 : code);
		check_done(r);
		return;
	}
}

void receipt_input_done(struct receipt *r, uint64_t size, bool ok)
{
	r->input_done = true;
	r->size = size;
	if (!ok)
		r->want_failure = false;
	check_done(r);
}

void receipts_leg_lost(struct session *s)
{
	struct receipt *r, *next;

	for (r = s->ctx->receipts; r; r = next) {
		next = r->hh.next;
		receipt_settle(r, s, OUTCOME_LOST, 481);
	}
}

void receipts_free(struct context *ctx)
{
	struct receipt *r;

	while ((r = ctx->receipts))
		receipt_free(r);
}
