/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The book of a relay's messages: which Message-ID of ours is which of the sender's, what the
 * sender wants to be told, and what it has been told. Reports are end to end, responses hop by
 * hop (RFC 4975 5.3, 7.1.2-7.1.4, 7.3.2; RFC 4976 6.4). Bounded: what waits for a fate by the logs and
 * the window of open transactions, what waits for proof or late REPORTs by number.
 */
#include "mrfp/relayed.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfp/account.h"
#include "proto/msrp_head.h"

#define LOG_PLACE "relay"

struct relay_book {
	struct relayed *table;
	TAILQ_HEAD(, relayed) unproven, done, due;
	size_t n_unproven, n_done;
};

static struct relay_book *book_of(struct context *ctx)
{
	struct relay_book *b = ctx->book;

	if (b)
		return b;
	b = ctx->book = xcalloc(1, sizeof(*b));
	TAILQ_INIT(&b->unproven);
	TAILQ_INIT(&b->done);
	TAILQ_INIT(&b->due);
	return b;
}

struct relayed *relayed_find(const struct context *ctx, uint64_t serial)
{
	struct relayed *r = NULL;

	if (ctx->book)
		HASH_FIND(hh, ctx->book->table, &serial, sizeof(serial), r);
	return r;
}

static void drop(struct relay_book *b, struct relayed *r)
{
	if (r->state == RELAYED_UNPROVEN) {
		TAILQ_REMOVE(&b->unproven, r, in_state);
		b->n_unproven--;
	} else if (r->state == RELAYED_DONE) {
		TAILQ_REMOVE(&b->done, r, in_state);
		b->n_done--;
	}
	if (r->due)
		TAILQ_REMOVE(&b->due, r, in_due);
	HASH_DEL(b->table, r);
	ranges_fini(&r->proven);
	free(r);
}

/* --- fates --- */

static void account(struct context *ctx, const struct relayed *r)
{
	struct account a = {
		.termination = r->termination,
		.message_id = slice_str(r->id),
		.type = slice_str(r->type),
		.size = r->size,
		.started_ms = r->started_ms,
		.kind = r->kind,
		.outcome = r->outcome,
		.status = r->status,
	};

	account_end(ctx, &a);
}

static void set_state(struct context *ctx, struct relayed *r, enum relayed_state to)
{
	struct relay_book *b = ctx->book;

	if (r->state == RELAYED_UNPROVEN) {
		TAILQ_REMOVE(&b->unproven, r, in_state);
		b->n_unproven--;
	}
	r->state = to;
	if (to == RELAYED_UNPROVEN) {
		TAILQ_INSERT_TAIL(&b->unproven, r, in_state);
		b->n_unproven++;
	} else {
		TAILQ_INSERT_TAIL(&b->done, r, in_state);
		b->n_done++;
		account(ctx, r);
	}
}

static bool is_proven(const struct relayed *r)
{
	return !r->want_success || ranges_complete(&r->proven, r->size);
}

/* Is all known that there is to know? */
static void conclude(struct context *ctx, struct relayed *r)
{
	if (r->state == RELAYED_DONE || !r->settled)
		return;
	if (r->outcome != CTL_OUTCOME_DELIVERED) {
		set_state(ctx, r, RELAYED_DONE);
		return;
	}
	if (!r->input_done)
		return;
	if (is_proven(r))
		set_state(ctx, r, RELAYED_DONE);
	else if (r->state == RELAYED_OPEN)
		set_state(ctx, r, RELAYED_UNPROVEN);
}

/* The session is over, or too many wait: no success REPORT will be waited for (MSRP-111). */
static void give_up_proof(struct context *ctx, struct relayed *r)
{
	log_info("%s: no success REPORT about message %s of %llu came", ctx->name, r->id,
		 (unsigned long long)r->termination);
	r->outcome = CTL_OUTCOME_UNPROVEN;
	set_state(ctx, r, RELAYED_DONE);
}

/* --- REPORTs to the sender --- */

static bool has_room(const struct session *sender)
{
	return sender && sender->wire && sender->state == SESSION_BOUND &&
	       sender->wire->own.n_bytes < WIRE_OWN_HIGH;
}

static void send_report(struct session *sender, const struct relayed *r)
{
	struct report report = {
		.message_id = slice_str(r->id),
		.size = r->size,
		.total = r->input_done ? r->size : MSRP_UNSPECIFIED,
		.status = r->status,
	};

	if (r->outcome == CTL_OUTCOME_DELIVERED && r->proven.first.end) {
		report.start = r->proven.first.start;
		report.size = r->proven.first.end;
	}
	report_send(sender, &report);
}

static void owe_report(struct context *ctx, struct relayed *r)
{
	struct session *sender = session_by_number(ctx, r->from);

	if (!sender || r->due)
		return;
	if (has_room(sender)) {
		send_report(sender, r);
		return;
	}
	r->due = true;
	TAILQ_INSERT_TAIL(&book_of(ctx)->due, r, in_due);
	session_busy(sender);
}

bool relayed_flush(struct session *sender)
{
	struct relay_book *b = sender->ctx->book;
	struct relayed *r, *next;

	for (r = b ? TAILQ_FIRST(&b->due) : NULL; r; r = next) {
		next = TAILQ_NEXT(r, in_due);
		if (r->from != sender->taste.number)
			continue;
		if (!has_room(sender))
			return true;
		r->due = false;
		TAILQ_REMOVE(&b->due, r, in_due);
		send_report(sender, r);
	}
	return false;
}

/* --- failures --- */

/* The message that is still coming in; NULL when it is not. */
static struct inmsg *find_input(struct context *ctx, const struct relayed *r)
{
	struct session *s = r->input_done ? NULL : session_by_number(ctx, r->from);
	struct inmsg *m;

	if (!s)
		return NULL;
	TAILQ_FOREACH(m, &s->inbox, link) {
		if (m->out.meta.serial == r->serial)
			return m;
	}
	return NULL;
}

/*
 * The rest is not wanted: its chunks get this answer. What concerns the other hop alone (408, 481) is no
 * answer for this one: there 413 ends the message and not the session (RFC 4975 10.5).
 */
static void stop_input(struct inmsg *m, int status)
{
	struct wire *w = m->from->wire;

	if (m->state != INMSG_OPEN)
		return;
	m->status = status == 408 || status == 481 ? 413 : status;
	(*m->from->ctx->plane->stats.messages[m->out.meta.kind][RESULT_REFUSED])++;
	inmsg_set_state(m, INMSG_REFUSED, "stopped by the receiver");
	if (w && wire_receives(w, m))
		w->rx->req.status = m->status;
}

static void tell_failure(struct context *ctx, struct relayed *r)
{
	if (!r->want_failure || r->told || r->outcome == CTL_OUTCOME_DELIVERED)
		return;
	r->told = true;
	owe_report(ctx, r);
}

static void fail(struct context *ctx, struct relayed *r, uint8_t outcome, int status)
{
	struct inmsg *m = find_input(ctx, r);
	bool answered = r->input_done || (m && m->acked);

	r->settled = true;
	r->outcome = outcome;
	r->status = status;
	if (m) {
		r->size = ranges_top(&m->got);
		stop_input(m, status);
	}
	if (answered)
		tell_failure(ctx, r);
	conclude(ctx, r);
}

/* --- one message's life --- */

/* Has it a place in the logs, or was its session lost? As in publish_begin(). */
static bool takes_copies(const struct session *s)
{
	return s->cur[0].attached || s->parked[0].attached;
}

static void trim(struct context *ctx)
{
	struct relay_book *b = ctx->book;
	struct relayed *r;

	while (b->n_unproven > RELAYED_UNPROVEN_MAX)
		give_up_proof(ctx, TAILQ_FIRST(&b->unproven));
	while (b->n_done > RELAYED_DONE_MAX && (r = TAILQ_FIRST(&b->done)) && !r->due)
		drop(b, r);
}

void relayed_begin(struct inmsg *m, struct session *to)
{
	struct context *ctx = m->from->ctx;
	struct relay_book *b = book_of(ctx);
	struct relayed *r = xcalloc(1, sizeof(*r));

	if (to && !takes_copies(to))
		to = NULL;
	trim(ctx);
	r->serial = m->out.meta.serial;
	r->termination = m->from->termination;
	r->from = m->from->taste.number;
	r->to = to ? to->taste.number : 0;
	r->kind = m->out.meta.kind;
	r->shift = (uint32_t)m->out.wrap.len;
	r->want_success = m->success_report;
	r->want_failure = m->failure_report != MSRP_FR_NO;
	r->started_ms = m->started_ms;
	memcpy(r->id, m->id, sizeof(r->id));
	memcpy(r->type, m->out.type, sizeof(r->type));
	HASH_ADD(hh, b->table, serial, sizeof(r->serial), r);
	/* The receiver went, or its lists changed, since the decision: told when all has come. */
	if (!to || taste_is_settled(&to->taste, r->serial)) {
		r->settled = true;
		r->outcome = to ? CTL_OUTCOME_REFUSED_BY_PEER : CTL_OUTCOME_LOST;
		r->status = to ? 415 : 481;
	} else if (!to->cur[0].attached) {
		session_busy(to); /* waits for its connection, not for ever */
	}
}

void relayed_settled(struct session *to, uint64_t serial, enum stats_outcome outcome, int status)
{
	struct relayed *r = relayed_find(to->ctx, serial);

	if (!r || r->settled)
		return;
	if (outcome == OUTCOME_REFUSED || outcome == OUTCOME_LOST) {
		fail(to->ctx, r,
		     outcome == OUTCOME_LOST ? CTL_OUTCOME_LOST : CTL_OUTCOME_REFUSED_BY_PEER,
		     status == 506 ? 481 : status);
		return;
	}
	r->settled = true;
	r->outcome = outcome == OUTCOME_DELIVERED ? CTL_OUTCOME_DELIVERED : CTL_OUTCOME_ABORTED;
	r->status = outcome == OUTCOME_DELIVERED ? 200 : 0;
	conclude(to->ctx, r);
}

void relayed_input_done(struct inmsg *m)
{
	struct relayed *r = relayed_find(m->from->ctx, m->out.meta.serial);

	if (!r)
		return;
	r->input_done = true;
	r->size = m->length;
	if (r->settled)
		tell_failure(m->from->ctx, r);
	conclude(m->from->ctx, r);
}

void relayed_given_up(struct inmsg *m, uint8_t outcome, int status)
{
	struct relayed *r = relayed_find(m->from->ctx, m->out.meta.serial);

	if (!r)
		return;
	r->size = ranges_top(&m->got);
	if (!r->settled) {
		r->settled = true;
		r->outcome = outcome;
		r->status = status;
	}
	conclude(m->from->ctx, r);
}

/* --- REPORTs of the receiver --- */

/* Octets of the sender's message that a REPORT is about; false when it is about our head alone. */
static bool map_range(const struct relayed *r, const struct msrp_range *in, struct report *out)
{
	uint64_t end = in->end;

	if (!in->present) {
		out->start = 1;
		out->size = r->size;
		out->total = r->input_done ? r->size : MSRP_UNSPECIFIED;
		return true;
	}
	if (end != MSRP_UNSPECIFIED && end <= r->shift && r->shift)
		return false;
	out->start = in->start > r->shift ? in->start - r->shift : 1;
	out->size = end == MSRP_UNSPECIFIED ? end : end - r->shift;
	out->total = in->total == MSRP_UNSPECIFIED || in->total < r->shift ? MSRP_UNSPECIFIED
									   : in->total - r->shift;
	return true;
}

static void note_proof(struct context *ctx, struct relayed *r, const struct report *report)
{
	uint64_t end = report->size == MSRP_UNSPECIFIED ? r->size : report->size;

	if (end >= report->start && ranges_add(&r->proven, report->start, end - report->start + 1))
		log_debug("%s: success REPORTs about message %s in too many pieces", ctx->name,
			  r->id);
	if (r->state == RELAYED_UNPROVEN && is_proven(r))
		set_state(ctx, r, RELAYED_DONE);
}

static void on_success(struct session *from, struct relayed *r, struct report *report)
{
	struct session *sender = session_by_number(from->ctx, r->from);

	if (!r->want_success || (r->settled && r->outcome != CTL_OUTCOME_DELIVERED))
		return;
	note_proof(from->ctx, r, report);
	if (has_room(sender))
		report_send(sender, report);
	else if (r->settled)
		owe_report(from->ctx, r);
}

static void on_failure(struct session *from, struct relayed *r, struct report *report)
{
	struct session *sender = session_by_number(from->ctx, r->from);

	if (r->want_failure && !r->told && has_room(sender)) {
		r->told = true;
		report_send(sender, report);
	}
	if (!r->settled)
		return; /* the caller settles its copy; fail() does the rest */
	if (r->outcome == CTL_OUTCOME_DELIVERED) {
		r->outcome = CTL_OUTCOME_REFUSED_BY_PEER;
		r->status = report->status;
	}
	tell_failure(from->ctx, r);
	if (r->state == RELAYED_UNPROVEN)
		set_state(from->ctx, r, RELAYED_DONE);
}

bool relayed_report(struct session *from, const struct msrp_head *head)
{
	struct report report = {.status = head->status_code};
	struct relayed *r;
	struct slice suffix;
	uint64_t serial;

	if (!series_match(&from->ctx->message_ids, head->message_id, &serial, &suffix) ||
	    suffix.len)
		return false;
	r = relayed_find(from->ctx, serial);
	if (!r || r->to != from->taste.number || !map_range(r, &head->range, &report))
		return false;
	report.message_id = slice_str(r->id);
	if (head->status_code >= 200 && head->status_code < 300)
		on_success(from, r, &report);
	else
		on_failure(from, r, &report);
	return head->status_code == 408 && head->range.present;
}

/* --- legs that go --- */

static const struct cursor *cursor_of(const struct session *s, int stream)
{
	return s->parked[stream].attached ? &s->parked[stream] : &s->cur[stream];
}

/* Mark the messages of which the leg has got nothing; what is not in the book goes. */
static void mark_waiting(struct session *s)
{
	for (int i = 0; i < N_LOGS; i++) {
		const struct cursor *c = cursor_of(s, i);
		const struct chunk_meta *meta;

		for (uint64_t seq = c->seq; (meta = chunklog_at(&s->ctx->log[i], seq)); seq++) {
			struct relayed *r = relayed_find(s->ctx, meta->serial);
			bool begun = seq == c->seq && c->off;

			if (meta->source == s->taste.number || meta->serial <= s->taste.since)
				continue;
			if (!r || r->settled)
				taste_settle(&s->taste, meta->serial);
			else if (meta->first && !begun &&
				 !taste_is_settled(&s->taste, meta->serial))
				r->keep = true;
		}
	}
}

/* Copies that are open and not kept are lost; with the book their senders are told. */
static void lose(struct session *s, int status)
{
	struct relayed *r, *next;

	for (r = s->ctx->book ? s->ctx->book->table : NULL; r; r = next) {
		next = r->hh.next;
		if (r->to != s->taste.number || r->settled)
			continue;
		if (r->keep) {
			s->kept[r->kind]++;
			continue;
		}
		taste_settle(&s->taste, r->serial);
		fail(s->ctx, r, CTL_OUTCOME_LOST, status);
	}
}

/* The sender is gone, and with it whom to report to. */
static void forget_due(struct relay_book *b, const struct session *sender)
{
	struct relayed *r, *next;

	for (r = TAILQ_FIRST(&b->due); r; r = next) {
		next = TAILQ_NEXT(r, in_due);
		if (r->from != sender->taste.number)
			continue;
		r->due = false;
		TAILQ_REMOVE(&b->due, r, in_due);
	}
}

void relayed_leave(struct session *s, bool keep)
{
	struct relay_book *b = s->ctx->book;
	struct relayed *r, *next;

	memset(s->kept, 0, sizeof(s->kept));
	for (r = b ? b->table : NULL; r; r = r->hh.next) {
		if (r->to == s->taste.number)
			r->keep = false;
	}
	if (keep)
		mark_waiting(s);
	lose(s, keep ? 408 : 481);
	if (b && !keep)
		forget_due(b, s);
	for (r = b && !keep ? TAILQ_FIRST(&b->unproven) : NULL; r; r = next) {
		next = TAILQ_NEXT(r, in_state);
		if (r->to == s->taste.number || r->from == s->taste.number)
			give_up_proof(s->ctx, r);
	}
}

void relayed_give_up_waiting(struct session *s)
{
	struct relayed *r;

	for (r = s->ctx->book ? s->ctx->book->table : NULL; r; r = r->hh.next) {
		if (r->to != s->taste.number || r->settled)
			continue;
		session_settle(s, r->kind, OUTCOME_LOST);
		fail(s->ctx, r, CTL_OUTCOME_LOST, 408);
	}
}

void relayed_free(struct context *ctx)
{
	struct relay_book *b = ctx->book;

	if (!b)
		return;
	while (b->table)
		drop(b, b->table);
	free(b);
	ctx->book = NULL;
}
