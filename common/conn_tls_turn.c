/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which handshakes of connecting peers run: so many at a time, the others wait in order and the
 * oldest has a second while they do; in one turn of the loop only some steps. A handshake costs
 * half a millisecond and 55 KiB, and the loop is also others'.
 */
#include "common/conn_tls_turn.h"

#include "common/clock.h"
#include "common/conn_priv.h"

#define HURRIED_MS     1000
#define STEPS_PER_TURN 8

static void hurry_oldest(struct tls *t)
{
	struct tls_stream *oldest = TAILQ_FIRST(&t->running);
	uint64_t now_ms = clock_now_ms(), age;

	if (!oldest || TAILQ_EMPTY(&t->waiting))
		return;
	age = now_ms - oldest->begun_ms;
	conn_hurry(oldest->layer->conn, age < HURRIED_MS ? (uint32_t)(HURRIED_MS - age) : 0);
}

static void run(struct tls_stream *ts)
{
	ts->running = true;
	ts->begun_ms = clock_now_ms();
	TAILQ_INSERT_TAIL(&ts->tls->running, ts, link);
	ts->tls->n_handshakes++;
}

void tls_turn_end(struct tls_stream *ts)
{
	struct tls *t = ts->tls;
	struct tls_stream *next;

	if (ts->waiting)
		TAILQ_REMOVE(&t->waiting, ts, link);
	ts->waiting = false;
	if (!ts->running)
		return;
	ts->running = false;
	TAILQ_REMOVE(&t->running, ts, link);
	t->n_handshakes--;
	next = TAILQ_FIRST(&t->waiting);
	if (next && t->n_handshakes < t->max_handshakes) {
		TAILQ_REMOVE(&t->waiting, next, link);
		next->waiting = false;
		run(next);
		conn_retry(next->layer->conn);
	}
	hurry_oldest(t);
}

bool tls_turn_begin(struct tls_stream *ts)
{
	struct tls *t = ts->tls;

	if (ts->running || ts->client)
		return true;
	if (t->n_handshakes < t->max_handshakes) {
		run(ts);
		return true;
	}
	if (!ts->waiting) {
		ts->waiting = true;
		TAILQ_INSERT_TAIL(&t->waiting, ts, link);
		hurry_oldest(t);
	}
	return false;
}

bool tls_turn_is_spent(struct tls_stream *ts)
{
	struct tls *t = ts->tls;
	struct timeval turn;

	if (event_base_gettimeofday_cached(event_get_base(&ts->layer->conn->on_read), &turn) != 0)
		return false;
	if (evutil_timercmp(&turn, &t->turn, !=)) {
		t->turn = turn;
		t->turn_steps = 0;
	}
	return t->turn_steps++ >= STEPS_PER_TURN;
}
