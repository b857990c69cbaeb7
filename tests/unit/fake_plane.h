/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_FAKE_PLANE_H
#define TESTS_UNIT_FAKE_PLANE_H

/*
 * A media plane without loop and sockets for unit tests: the clock is plane.now_ms, connections are
 * plain structs that never write, events to the MRFC are remembered. Include after cmocka.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "mrfp/absorb.h"
#include "mrfp/hangup.h"
#include "mrfp/ingress.h"
#include "mrfp/keep.h"
#include "mrfp/owed.h"
#include "mrfp/relayed.h"
#include "mrfp/report.h"
#include "mrfp/verdict.h"

#define ROOM "sip:room@conf.example.com"

struct fake_plane {
	struct plane plane;
	struct options opt;
	int64_t cells[sizeof(struct stats) / sizeof(int64_t *)];
	struct context *ctx;
	struct ctl_notify last; /* event; views are dead */
	unsigned n_events;
	uint32_t withdrawn; /* transaction */
	int last_answer;    /* to a message that waited for its verdict */
	uint64_t next_termination;
};

static inline uint32_t fake_notify(const struct context *ctx, const struct ctl_notify *event,
				   void *arg)
{
	struct fake_plane *f = arg;

	(void)ctx;
	f->last = *event;
	return ++f->n_events;
}

static inline void fake_withdraw(uint32_t transaction, void *arg)
{
	((struct fake_plane *)arg)->withdrawn = transaction;
}

static inline uint64_t fake_wall_ms(void)
{
	return 1700000000000;
}

static inline void fake_answer(struct session *s, struct slice tid, struct slice paths, int status)
{
	(void)tid;
	(void)paths;
	((struct fake_plane *)s->ctx->plane->notify_arg)->last_answer = status;
}

static inline void fake_plane_open(struct fake_plane *f)
{
	static const uint8_t id[CTL_CONTEXT_SIZE] = {1};
	int64_t **cells = (int64_t **)(void *)&f->plane.stats;

	memset(f, 0, sizeof(*f));
	for (size_t i = 0; i < ARRAY_LEN(f->cells); i++)
		cells[i] = &f->cells[i];
	f->opt = (struct options){
		.max_size = 100000,
		.relay_chunk = 8192,
		.bind_timeout_ms = 30000,
		.message_timeout_ms = 540000,
		.response_timeout_ms = 30000,
		.verdict_timeout_ms = 5000,
		.max_sessions = 10,
		.max_open_messages = 32,
		.log_bytes = 1 << 20,
		.high_water = 1 << 18,
		.private_bytes = 1 << 17,
		.grace_ms = 10000,
		.imdn_pass_limit = 10,
		.imdn_window_ms = 5000,
		.composing_limit = 20,
		.composing_interval_ms = 10000,
		.composing_rate = 5,
		.chat_water = INT64_MAX,
		.stall_ms = 1000,
		.memory = INT64_C(1) << 30,
		.keep_bytes = 1 << 20,
		.keep_wait_ms = 5000,
		.keep_hold_ms = 30000,
	};
	f->plane.opt = &f->opt;
	f->plane.now_ms = 1000000;
	f->plane.places.n = 1;
	f->plane.places.item[0].host = (char *)(uintptr_t) "127.0.0.1";
	f->plane.places.item[0].port = 2855;
	f->plane.withdraw = fake_withdraw;
	f->plane.wall_ms = fake_wall_ms;
	f->plane.notify = fake_notify;
	f->plane.notify_arg = f;
	LIST_INIT(&f->plane.wires);
	LIST_INIT(&f->plane.watched);
	LIST_INIT(&f->plane.aggregating);
	LIST_INIT(&f->plane.throttled);
	LIST_INIT(&f->plane.keeping);
	budget_init(&f->plane.budget, UINT64_C(1) << 30);
	f->plane.read_now = f->plane.read_most = PLANE_READ_SIZE;
	TAILQ_INIT(&f->plane.dirty_wires);
	TAILQ_INIT(&f->plane.dead_wires);
	TAILQ_INIT(&f->plane.readable);
	TAILQ_INIT(&f->plane.websockets);
	TAILQ_INIT(&f->plane.dirty_contexts);
	TAILQ_INIT(&f->plane.busy);
	f->plane.verdicts = verdicts_new(&f->plane, fake_answer, ingress_resume);
	f->plane.owed = owed_new(&f->plane, fake_answer);
	f->ctx = context_new(&f->plane, id);
	context_set_room(f->ctx, SLICE_LIT(ROOM), NULL);
	f->ctx->policy = CTL_POLICY_PRIVATE | CTL_POLICY_NICKNAME;
}

/* A connection that takes nothing: what is queued stays to be looked at. */
static inline struct wire *fake_wire(struct fake_plane *f)
{
	struct wire *w = xcalloc(1, sizeof(*w));

	w->plane = &f->plane;
	w->connected = true;
	LIST_INIT(&w->sessions);
	w->rx = xcalloc(1, sizeof(*w->rx));
	outq_init(&w->own, WIRE_OWN_MAX);
	return w;
}

static inline void fake_wire_free(struct wire *w)
{
	if (w->dirty)
		TAILQ_REMOVE(&w->plane->dirty_wires, w, in_list);
	if (w->watched)
		LIST_REMOVE(w, in_watched);
	outq_fini(&w->own);
	chunk_unref(&w->rest);
	wire_rx_free(&w->rx);
	free(w);
}

/* A bound participant sip:NAME@example.com on a connection of its own. */
static inline struct session *fake_member(struct fake_plane *f, const char *name)
{
	struct session *s = NULL;
	struct slice uri;
	struct ctl_list list = {&uri, 1};
	char *text = xasprintf("sip:%s@example.com", name);
	char *path = xasprintf("msrp://127.0.0.1:9/%s00000000;tcp", name);

	assert_int_equal(session_make(f->ctx, ++f->next_termination, SLICE_NULL, &s), 0);
	uri = slice_str(text);
	uris_set(&s->uris, &list);
	s->caps = CTL_CAPS_CHATROOM | CTL_CAPS_PRIVATE;
	free(s->remote_path);
	s->remote_path = path;
	session_set_state(s, SESSION_WAITING, "test");
	wire_add_session(fake_wire(f), s);
	session_set_paths(s, slice_str(s->local_uri), slice_str(s->remote_path));
	session_set_state(s, SESSION_BOUND, "test");
	session_join(s);
	free(text);
	return s;
}

static inline void fake_leave(struct session *s)
{
	struct wire *w = s->wire;

	hangup(s, 0);
	if (w)
		fake_wire_free(w);
	session_free(&s);
}

/* What is left when the contexts are gone. */
static inline void fake_plane_end(struct fake_plane *f)
{
	verdicts_free(&f->plane.verdicts);
	owed_free(&f->plane.owed);
	wire_rx_free(&f->plane.spare_rx);
}

static inline void fake_plane_close(struct fake_plane *f)
{
	struct session *s;

	while ((s = TAILQ_FIRST(&f->ctx->sessions)))
		fake_leave(s);
	receipts_free(f->ctx);
	absorb_end(f->ctx);
	relayed_free(f->ctx);
	keep_free(f->ctx);
	context_free(&f->ctx);
	fake_plane_end(f);
}

/* copies = settled + open, for every class (stats.def). */
static inline void fake_check_sums(struct fake_plane *f)
{
	struct stats *st = &f->plane.stats;

	for (unsigned k = 0; k < STATS_CLASSES; k++) {
		int64_t sum = *st->open[k];
		for (unsigned o = 0; o < OUTCOME_COUNT; o++)
			sum += *st->settled[k][o];
		assert_int_equal(*st->copies[k], sum);
	}
}

/* Bytes of the frames that wait for a leg in one log, without sending them. */
static inline void fake_pending(struct session *s, int stream, struct bytes *out)
{
	struct iovec iov[256];
	size_t n_bytes;
	int n = chunklog_iov(&s->ctx->log[stream], &s->cur[stream], &s->taste, &s->block, iov, 256,
			     SIZE_MAX, SIZE_MAX, &n_bytes);

	for (int i = 0; i < n; i++)
		bytes_add(out, iov[i].iov_base, iov[i].iov_len);
}

struct fake_sent {
	struct session *s;
	int stream;
	uint64_t nums[64];
	size_t n;
};

static inline void fake_on_sent(const struct chunk_meta *m, uint64_t num, void *arg)
{
	struct fake_sent *a = arg;

	session_sent(a->s, a->stream, m, num, a->s->ctx->plane->now_ms);
	a->nums[a->n++ % ARRAY_LEN(a->nums)] = num;
}

/* Let a leg take all that waits for it in one log; the transactions are then open. */
static inline struct fake_sent fake_take(struct session *s, int stream)
{
	struct fake_sent a = {.s = s, .stream = stream};
	struct bytes b = BYTES_INIT;

	fake_pending(s, stream, &b);
	chunklog_advance(&s->ctx->log[stream], &s->cur[stream], &s->taste, &s->block, b.len,
			 fake_on_sent, &a);
	bytes_fini(&b);
	return a;
}

#endif
