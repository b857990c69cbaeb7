/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of ours take turns: so many a second over all conferences (dialout.rate), that a list of a
 * hundred does not flood the next hop. Who waits is in the roster already. Conferences take turns, and in each: first come, first called.
 */
#include "mrfc/focus/focus_turn.h"

#include "common/clock.h"
#include "mrfc/focus/focus_dialout.h"
#include "mrfc/focus/focus_priv.h"

#define SECOND_US 1000000u
#define BURST_US  100000u /* what its rate gives in this time may go at once */

/* When the first one may go: turn_next_us runs ahead of the clock by what went before its time. */
static uint64_t wait_us(const struct focus *f, uint64_t now_us)
{
	return f->turn_next_us > now_us + BURST_US ? f->turn_next_us - BURST_US - now_us : 0;
}

static void take(struct focus *f, uint64_t now_us)
{
	if (f->turn_next_us < now_us)
		f->turn_next_us = now_us;
	f->turn_next_us += SECOND_US / f->config.dialout_rate;
}

static void arm(struct focus *f, uint64_t now_us)
{
	if (!TAILQ_EMPTY(&f->turns))
		timer_start(f->turn_timer, (wait_us(f, now_us) + 999) / 1000);
}

/* The first of another conference than the last one's: none waits behind all calls of one. */
static struct session *next(const struct focus *f)
{
	struct session *s;

	TAILQ_FOREACH(s, &f->turns, turn) {
		if (s->room != f->turn_room)
			return s;
	}
	return TAILQ_FIRST(&f->turns);
}

static void on_turn(void *arg)
{
	struct focus *f = arg;
	uint64_t now_us = clock_now_us();
	struct session *s;

	while (wait_us(f, now_us) == 0 && (s = next(f)) != NULL) {
		turn_forget(s);
		f->turn_room = s->room;
		take(f, now_us);
		dialout_go(s);
	}
	arm(f, now_us);
}

void turns_init(struct focus *f)
{
	TAILQ_INIT(&f->turns);
	f->turn_timer = timer_new(f->base, on_turn, f);
}

void turns_fini(struct focus *f)
{
	timer_free(&f->turn_timer);
}

bool turn_take(struct focus *f)
{
	uint64_t now_us = clock_now_us();

	if (f->config.dialout_rate == 0)
		return true;
	if (!TAILQ_EMPTY(&f->turns) || wait_us(f, now_us) > 0)
		return false;
	take(f, now_us);
	return true;
}

void turn_wait(struct session *s)
{
	struct focus *f = s->room->focus;

	s->waits_turn = true;
	s->room->n_waiting++;
	TAILQ_INSERT_TAIL(&f->turns, s, turn);
	if (!timer_running(f->turn_timer))
		arm(f, clock_now_us());
}

void turn_forget(struct session *s)
{
	if (!s->waits_turn)
		return;
	s->waits_turn = false;
	s->room->n_waiting--;
	TAILQ_REMOVE(&s->room->focus->turns, s, turn);
}

bool turn_is_crowded(const struct room *room)
{
	return room->focus->config.dialout_waiting != 0 &&
	       room->n_waiting >= room->focus->config.dialout_waiting;
}
