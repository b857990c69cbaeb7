/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back-pressure and its bounds. The distance of a leg's cursor to the head of the log is the
 * measure. Senders wait before anything is lost; a leg that only is slow makes them wait, one that
 * takes nothing is cut, so that nobody waits for the dead (RFC 7701 6.4). Who waits is paused by
 * throttle.c, who goes is found by victim.c.
 */
#include "mrfp/pressure.h"

#include "common/log.h"
#include "mrfp/hangup.h"
#include "mrfp/relay.h"
#include "mrfp/throttle.h"
#include "mrfp/victim.h"

#define LOG_PLACE "pressure"

#define CUTS_A_TURN 64 /* of the process; the next turn goes on */

static uint64_t since(const struct plane *plane, uint64_t then_ms)
{
	return plane->now_ms - then_ms;
}

static void cut(struct session *s, int cause, const char *why)
{
	log_warn("%s/%llu: cut, %llu octets behind and %s", s->ctx->name,
		 (unsigned long long)s->termination, (unsigned long long)session_lag(s), why);
	hangup_and_close(s, cause);
}

/* Blocked, and for the stall time it took nothing and said nothing. */
static bool is_stalled(const struct wire *w)
{
	const struct plane *p = w->plane;
	uint64_t stall_ms = (uint64_t)p->opt->stall_ms;

	return w->blocked && since(p, w->moved_ms) >= stall_ms && since(p, w->said_ms) >= stall_ms;
}

/*
 * A leg for which others wait. Who sends itself and takes nothing may be waiting for us to read:
 * it is read from again, once, before it is judged. True when it is to be cut.
 */
static bool is_dead_weight(const struct session *s)
{
	struct wire *w = s->wire;

	if (!is_stalled(w))
		return false;
	if (!(w->paused & WIRE_PAUSE_SENDER))
		return true;
	wire_let_go(w);
	return false;
}

/* --- one context --- */

/* Over the limit: the leg that is farthest behind pays, until the rest fits. */
static void cut_slowest(struct context *ctx)
{
	uint64_t limit = (uint64_t)ctx->plane->opt->log_bytes;
	struct session *s;

	while (context_held(ctx) > limit && (s = victim_in_logs(ctx)))
		cut(s, CTL_LOST_LOG, "the log is full");
}

/* Is a leg so far behind that senders of bulk must wait? */
static bool is_behind(const struct context *ctx, uint64_t mark, size_t direct_mark)
{
	const struct session *s;

	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		/* In a file context a leg that has not bound yet waits in the log. */
		if (victim_log_lag(s) > mark || s->direct.n_bytes > direct_mark)
			return true;
	}
	return false;
}

static bool has_full_queue(const struct context *ctx)
{
	const struct session *s;

	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		if (s->wire && s->direct.n_bytes > s->direct.max_bytes / 2)
			return true;
	}
	return false;
}

/* Below this the senders of chat go on; the gap is what a slow leg must take in its grace time. */
static uint64_t release_mark(const struct options *opt)
{
	uint64_t mark = (uint64_t)opt->chat_water, gap = (uint64_t)opt->log_bytes / 16;

	return gap < mark / 2 ? mark - gap : mark / 2;
}

/* Legs for which all senders wait: the dead go, and after the grace time the slowest. */
static void judge(struct context *ctx)
{
	struct plane *plane = ctx->plane;
	uint64_t mark = release_mark(plane->opt), grace = (uint64_t)plane->opt->grace_ms;
	struct session *s;

	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		bool in_logs, in_queue;

		if (!s->wire)
			continue;
		in_logs = ctx->throttle & THROTTLE_ALL && victim_log_lag(s) > mark;
		in_queue = ctx->throttle & THROTTLE_PRIVATE &&
			   s->direct.n_bytes > s->direct.max_bytes / 2;
		if ((in_logs || in_queue) && is_dead_weight(s))
			cut(s, CTL_LOST_SLOW, "takes nothing while senders wait");
	}
	if (ctx->throttle & THROTTLE_ALL && since(plane, ctx->all_ms) >= grace &&
	    context_held(ctx) > mark && (s = victim_in_logs(ctx)))
		cut(s, CTL_LOST_SLOW, "too slow for the senders to wait longer");
	if (!(ctx->throttle & THROTTLE_PRIVATE) || since(plane, ctx->private_ms) < grace)
		return;
	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		if (s->wire && s->direct.n_bytes > s->direct.max_bytes / 2)
			cut(s, CTL_LOST_SLOW, "too slow for private messages");
	}
}

/* Senders of bulk wait for legs that are behind, and those may be such senders themselves. */
static void let_go(struct context *ctx)
{
	uint64_t mark = (uint64_t)ctx->plane->opt->high_water / 2;
	struct session *s;

	TAILQ_FOREACH(s, &ctx->sessions, in_context) {
		if (s->wire && s->wire->paused & WIRE_PAUSE_SENDER && is_stalled(s->wire) &&
		    (victim_log_lag(s) > mark || !outq_empty(&s->direct)))
			wire_let_go(s->wire);
	}
}

static void check_marks(struct context *ctx)
{
	const struct options *opt = ctx->plane->opt;
	uint64_t held = context_held(ctx), mark = (uint64_t)opt->high_water;

	if ((held > mark || ctx->direct_high) &&
	    is_behind(ctx, mark, (size_t)opt->private_bytes / 4)) {
		if (!(ctx->throttle & THROTTLE_BULK))
			log_debug("%s: senders of bulk wait", ctx->name);
		ctx->throttle |= THROTTLE_BULK;
		throttle_enlist(ctx);
	}
	ctx->direct_high = false;
	if (held <= (uint64_t)opt->chat_water || ctx->throttle & THROTTLE_ALL)
		return;
	log_peer("%s: all senders wait, %llu octets are held", ctx->name, (unsigned long long)held);
	ctx->throttle |= THROTTLE_ALL;
	ctx->all_ms = ctx->plane->now_ms;
	throttle_enlist(ctx);
	throttle_reads(ctx->plane, true);
	judge(ctx);
}

void pressure_check(struct context *ctx)
{
	if (ctx->kind == CTL_KIND_RELAY) { /* a sender is stopped long before the log is full */
		if (relay_pressure(ctx)) {
			ctx->throttle |= THROTTLE_PEER;
			throttle_enlist(ctx);
		}
		return;
	}
	cut_slowest(ctx);
	check_marks(ctx);
}

/* Lift what need not be any longer; nothing left: off the list. */
static void relieve(struct context *ctx)
{
	const struct options *opt = ctx->plane->opt;
	uint8_t old = ctx->throttle, paused = THROTTLE_ALL | THROTTLE_PRIVATE;

	if (ctx->throttle & THROTTLE_PEER && !relay_pressure(ctx))
		ctx->throttle &= (uint8_t)~THROTTLE_PEER;
	if (ctx->throttle & THROTTLE_ALL && context_held(ctx) <= release_mark(opt))
		ctx->throttle &= (uint8_t)~THROTTLE_ALL;
	if (ctx->throttle & THROTTLE_PRIVATE && !has_full_queue(ctx))
		ctx->throttle &= (uint8_t)~THROTTLE_PRIVATE;
	if (ctx->throttle & THROTTLE_BULK &&
	    !is_behind(ctx, (uint64_t)opt->high_water / 2, (size_t)opt->private_bytes / 8))
		ctx->throttle &= (uint8_t)~THROTTLE_BULK;
	if (old & THROTTLE_BULK && !(ctx->throttle & THROTTLE_BULK))
		throttle_release(ctx, WIRE_PAUSE_CONTEXT);
	if (old & paused && !(ctx->throttle & paused))
		throttle_release(ctx, WIRE_PAUSE_CHAT);
	if (ctx->throttle)
		return;
	ctx->enlisted = false;
	LIST_REMOVE(ctx, throttled_link);
}

/* --- the process --- */

static void release_memory(struct plane *plane)
{
	struct wire *w;

	LIST_FOREACH(w, &plane->wires, in_all)
		wire_resume(w, WIRE_PAUSE_MEMORY);
}

static void look_at_level(struct plane *plane)
{
	struct budget *b = &plane->budget;
	enum budget_level old = b->level;

	if (!budget_update(b))
		return;
	log_peer("%llu of %llu octets (process.memory) are held: %s",
		 (unsigned long long)budget_total(b), (unsigned long long)b->ceiling,
		 budget_level_name(b->level));
	if (old == BUDGET_FREE || b->level < old)
		plane->level_ms = plane->now_ms; /* it moves */
	if (b->level != BUDGET_FREE)
		throttle_reads(plane, true);
	if (b->level < old)
		release_memory(plane); /* who still has to wait does so after one more read */
}

/*
 * Nothing more fits: the largest pay, at once who takes nothing. All senders wait and no message
 * begins, so who does take something has a sixteenth more before it goes too.
 */
static void keep_ceiling(struct plane *plane)
{
	struct budget *b = &plane->budget;
	uint64_t hard = b->ceiling + b->ceiling / 16;

	for (int i = 0; i < CUTS_A_TURN && budget_total(b) >= b->ceiling; i++) {
		struct session *s = victim_in_process(plane);
		uint64_t open;

		if (!s || (s->wire && budget_total(b) < hard && !is_stalled(s->wire)))
			return;
		open = victim_open(s);
		cut(s, CTL_LOST_LOG, "process.memory is used up");
		b->open -= open < b->open ? open : b->open;
	}
}

void pressure_relieve(struct plane *plane)
{
	struct context *ctx, *next;

	for (ctx = LIST_FIRST(&plane->throttled); ctx; ctx = next) {
		next = LIST_NEXT(ctx, throttled_link);
		relieve(ctx);
	}
	look_at_level(plane);
	if (plane->budget.level != BUDGET_FULL)
		return;
	keep_ceiling(plane);
	look_at_level(plane);
}

/* Senders of all contexts wait: for the dead not at all, for anyone no longer than the grace time. */
static void tick_process(struct plane *plane)
{
	struct context *ctx = NULL;
	struct session *s;

	if (plane->budget.level == BUDGET_FREE)
		return;
	if (plane->budget.level >= BUDGET_ALL)
		ctx = victim_context(plane);
	s = ctx ? victim_in_context(ctx) : NULL;
	if (s && is_dead_weight(s))
		cut(s, CTL_LOST_SLOW, "takes nothing while all senders wait");
	else if (since(plane, plane->level_ms) >= (uint64_t)plane->opt->grace_ms &&
		 (s = victim_in_process(plane)))
		cut(s, CTL_LOST_LOG, "most of process.memory is held for it");
}

static void count_open(struct plane *plane)
{
	const struct session *s;
	uint64_t sum = 0;

	TAILQ_FOREACH(s, &plane->busy, in_busy)
		sum += victim_open(s);
	plane->budget.open = sum;
}

void pressure_tick(struct plane *plane)
{
	struct context *ctx, *next;

	count_open(plane);
	for (ctx = LIST_FIRST(&plane->throttled); ctx; ctx = next) {
		next = LIST_NEXT(ctx, throttled_link);
		if (ctx->throttle & (THROTTLE_ALL | THROTTLE_PRIVATE))
			judge(ctx);
		let_go(ctx);
	}
	tick_process(plane);
	if (LIST_EMPTY(&plane->throttled) && plane->budget.level == BUDGET_FREE)
		throttle_reads(plane, false);
}

/* --- for /metrics --- */

static void collect_scopes(struct plane *plane)
{
	const struct options *opt = plane->opt;
	int64_t now[SCOPE_COUNT] = {0};
	struct session *s, *tmp;
	struct context *ctx, *next;

	now[SCOPE_PROCESS] = (int64_t)budget_total(&plane->budget);
	HASH_ITER(hh, plane->contexts, ctx, next) {
		int64_t held = (int64_t)context_held(ctx);
		now[SCOPE_CONTEXT] = held > now[SCOPE_CONTEXT] ? held : now[SCOPE_CONTEXT];
	}
	HASH_ITER(by_local, plane->sessions, s, tmp) {
		int64_t lag = (int64_t)session_lag(s), queue = (int64_t)s->direct.n_bytes;
		now[SCOPE_LEG] = lag > now[SCOPE_LEG] ? lag : now[SCOPE_LEG];
		now[SCOPE_QUEUE] = queue > now[SCOPE_QUEUE] ? queue : now[SCOPE_QUEUE];
	}
	*plane->stats.budget_peak[SCOPE_PROCESS] = (int64_t)plane->budget.peak;
	*plane->stats.budget_peak[SCOPE_CONTEXT] = (int64_t)plane->peak_context;
	for (int i = 0; i < SCOPE_COUNT; i++) {
		*plane->stats.budget[i] = now[i];
		if (now[i] > *plane->stats.budget_peak[i])
			*plane->stats.budget_peak[i] = now[i];
	}
	*plane->stats.budget_limit[SCOPE_PROCESS] = opt->memory;
	*plane->stats.budget_limit[SCOPE_CONTEXT] = opt->log_bytes;
	*plane->stats.budget_limit[SCOPE_LEG] = opt->log_bytes + opt->private_bytes;
	*plane->stats.budget_limit[SCOPE_QUEUE] = opt->private_bytes;
}

static void collect_throttled(struct plane *plane)
{
	static const uint8_t bit[SENDERS_COUNT] = {THROTTLE_BULK, THROTTLE_ALL, THROTTLE_PRIVATE,
						   THROTTLE_PEER};
	const struct context *ctx;

	for (int i = 0; i < SENDERS_COUNT; i++)
		*plane->stats.throttled[i] = 0;
	LIST_FOREACH(ctx, &plane->throttled, throttled_link) {
		for (int i = 0; i < SENDERS_COUNT; i++)
			*plane->stats.throttled[i] += (ctx->throttle & bit[i]) != 0;
	}
	*plane->stats.memory_level = (int64_t)plane->budget.level;
}

void pressure_collect(struct plane *plane)
{
	const struct budget *b = &plane->budget;

	collect_scopes(plane);
	collect_throttled(plane);
	for (int i = 0; i < BUDGET_PARTS; i++)
		*plane->stats.held[i] = (int64_t)budget_part(b, (enum budget_part)i);
	for (unsigned k = 0; k < STATS_CLASSES; k++)
		*plane->stats.waiting[k] = (int64_t)(b->logs.by_class[k] + b->queues.by_class[k]);
	*plane->stats.log_octets = (int64_t)b->logs.held;
}
