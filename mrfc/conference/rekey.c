/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times of group keys: windows that gather changes of membership, repetitions of a copy that nobody
 * confirms. Knows neither members nor keys.
 */
#include "mrfc/conference/rekey.h"

#include <stddef.h>

#include "common/mem.h"

#define JOIN_MIN_MS  200
#define LEAVE_MIN_MS 2000

static uint64_t max_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t due_of(const struct rekey *r, enum rekey_change change, uint32_t n_members,
		       uint64_t now_ms)
{
	uint64_t fifth_ms = (n_members + 4) / 5; /* 0.2 ms each */

	switch (change) {
	case REKEY_JOIN:
		return now_ms + max_of(JOIN_MIN_MS, fifth_ms);
	case REKEY_LEAVE:
		return now_ms + max_of(LEAVE_MIN_MS, UINT64_C(2) * n_members);
	case REKEY_KICK:
		break;
	}
	return r->any ? max_of(now_ms, r->last_ms + fifth_ms) : now_ms;
}

void rekey_note(struct rekey *r, enum rekey_change change, uint32_t n_members, uint64_t now_ms)
{
	uint64_t due_ms = due_of(r, change, n_members, now_ms);

	if (r->n_changes == 0 || due_ms < r->due_ms)
		r->due_ms = due_ms;
	r->n_changes++;
}

uint64_t rekey_due(const struct rekey *r)
{
	return r->n_changes > 0 ? r->due_ms : REKEY_NEVER;
}

uint32_t rekey_begin(struct rekey *r, uint64_t now_ms)
{
	uint32_t n = r->n_changes;

	*r = (struct rekey){.any = true, .last_ms = now_ms};
	return n;
}

void rekey_copy_open(struct rekey_copy *c)
{
	struct rekey_copy former = *c;

	*c = (struct rekey_copy){.open = true};
	if (!former.open)
		return;
	c->waits = former.waits;
	c->first_ms = former.first_ms;
	c->reoffered = former.reoffered;
	c->reoffer_ms = former.reoffer_ms;
}

void rekey_copy_sent(struct rekey_copy *c, uint64_t now_ms)
{
	if (c->n_sent++ == 0)
		c->since_ms = now_ms;
	if (!c->waits)
		c->first_ms = now_ms;
	c->waits = true;
}

void rekey_copy_lags(struct rekey_copy *c, uint64_t now_ms)
{
	if (!c->open)
		return;
	c->waits = c->n_sent > 0;
	c->first_ms = now_ms;
	c->reoffered = false;
}

void rekey_copy_reoffered(struct rekey_copy *c, uint64_t now_ms)
{
	c->reoffered = true;
	c->reoffer_ms = now_ms;
}

void rekey_copy_park(struct rekey_copy *c)
{
	if (c->open)
		*c = (struct rekey_copy){.open = true};
}

void rekey_copy_close(struct rekey_copy *c)
{
	*c = (struct rekey_copy){0};
}

static enum rekey_step at(enum rekey_step step, uint64_t due_ms, uint64_t now_ms,
			  uint64_t *due_ms_r)
{
	*due_ms_r = due_ms;
	return now_ms >= due_ms ? step : REKEY_WAIT;
}

enum rekey_step rekey_copy_next(const struct rekey_copy *c, uint64_t patience_ms, uint64_t now_ms,
				uint64_t *due_ms_r)
{
	static const uint64_t again_ms[] = {2000, 4000, 8000}; /* after the first time */
	uint64_t over_ms;

	*due_ms_r = REKEY_NEVER;
	if (!c->open)
		return REKEY_WAIT;
	if (c->n_sent == 0)
		return at(REKEY_SEND, now_ms, now_ms, due_ms_r);
	over_ms = c->reoffered ? c->reoffer_ms + REKEY_ANSWER_MS : c->first_ms + patience_ms;
	if (c->n_sent <= ARRAY_LEN(again_ms) && (!c->reoffered || c->since_ms > c->reoffer_ms) &&
	    c->since_ms + again_ms[c->n_sent - 1] < over_ms)
		return at(REKEY_SEND, c->since_ms + again_ms[c->n_sent - 1], now_ms, due_ms_r);
	return at(c->reoffered ? REKEY_GIVE_UP : REKEY_REOFFER, over_ms, now_ms, due_ms_r);
}
