/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who comes back gets what he missed (IMS-007): in order, a few messages at a time, each out of the
 * store when the peer has answered it; then his leg is let go to what is live. If he vanishes
 * meanwhile the rest stays. Numbers tell the MRFP what it has had already.
 */
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfc/focus/focus_priv.h"

#define LOG_PLACE "focus/owed"

#define WINDOW        32 /* messages under way */
#define WINDOW_OCTETS (256u << 10)

struct flight {
	uint64_t number;
	size_t octets;
};

/* A member who is being given what he missed, on one leg. */
struct owed_run {
	LIST_ENTRY(owed_run) link;
	struct room *room;
	uint64_t termination;
	uint64_t next; /* number to go on from */
	struct flight flight[WINDOW];
	unsigned n_flight;
	size_t n_octets; /* of them */
	unsigned n_given;
	bool failed; /* one did not arrive: the rest waits for another time */
	bool all;    /* nothing more is in the store */
};

static struct owed_run *run_find(const struct room *room, uint64_t termination)
{
	struct owed_run *r;

	LIST_FOREACH(r, &room->owed.runs, link) {
		if (r->termination == termination)
			return r;
	}
	return NULL;
}

static void run_free(struct owed_run *r)
{
	LIST_REMOVE(r, link);
	media_cancel(r->room->focus->media, r);
	free(r);
}

void owed_give_stop(struct room *room, uint64_t termination)
{
	struct owed_run *r, *next;

	for (r = LIST_FIRST(&room->owed.runs); r != NULL; r = next) {
		next = LIST_NEXT(r, link);
		if (termination == 0 || r->termination == termination)
			run_free(r);
	}
}

static struct member *member_here(struct owed_run *r)
{
	return owed_member_of(r->room, r->termination);
}

static void let_go(struct session *s)
{
	if (!s->held)
		return;
	s->held = false;
	media_release(s->room->focus->media, session_context(s), session_epoch(s), s->termination);
}

static void on_injected(const struct media_result *result, void *arg)
{
	struct owed_run *r = arg;

	if (result->err == 0)
		return; /* what became of it is told */
	log_info("%s: what was missed cannot be given now: %s", r->room->c->name,
		 err_name(result->err));
	run_free(r);
}

static bool on_next(uint64_t number, const struct kept_message *k, void *arg)
{
	struct owed_run *r = arg;
	struct room *room = r->room;
	struct focus *f = room->focus;
	uint64_t expires_ms = f->config.queue_expires_ms;

	if (expires_ms != 0 && clock_wall_ms() - k->wall_ms > expires_ms) {
		owed_forget(room, member_here(r), number, k->body.len, "expired");
		return true;
	}
	if (r->n_flight == WINDOW || (r->n_flight && r->n_octets + k->body.len > WINDOW_OCTETS)) {
		r->all = false;
		return false;
	}
	r->flight[r->n_flight++] = (struct flight){number, k->body.len};
	r->n_octets += k->body.len;
	r->next = number + 1;
	media_inject(f->media, room->c->context, room->c->epoch, r->termination,
		     slice_str(k->content_type), k->body, number, on_injected, r);
	return true;
}

/* As much as may be under way; when nothing is left, live messages are let in. */
static void pump(struct owed_run *r)
{
	struct session *s = session_by_termination(r->room, r->termination);
	struct member *m = member_here(r);

	if (s == NULL || m == NULL) {
		run_free(r);
		return;
	}
	r->all = true;
	if (m->n_owed > r->n_flight && conf_store_owed_each(r->room->focus->store, r->room->c->name,
							    m->uri, r->next, on_next, r) != 0) {
		log_warn("%s: what %s is owed cannot be read", r->room->c->name, m->uri);
		r->failed = true;
	}
	conf_store_flush(r->room->focus->store);
	if (r->n_flight > 0 || (!r->all && !r->failed))
		return;
	if (r->n_given > 0)
		log_info("%s: %s has the %u messages that came while he was away", r->room->c->name,
			 m->uri, r->n_given);
	run_free(r);
	let_go(s);
}

void owed_give(struct session *s, struct member *m)
{
	struct owed_run *r = run_find(s->room, s->termination);

	if (!drain_may_give(s, m))
		return; /* when the room is on one MRFP again */
	if (r == NULL) {
		LIST_FOREACH(r, &s->room->owed.runs, link) {
			if (member_here(r) == m) { /* on another device of his */
				let_go(s);
				return;
			}
		}
		if (m->n_owed == 0) {
			let_go(s);
			return;
		}
		r = xcalloc(1, sizeof(*r));
		r->room = s->room;
		r->termination = s->termination;
		LIST_INSERT_HEAD(&s->room->owed.runs, r, link);
	}
	pump(r);
}

struct looked_up {
	uint64_t number;
	size_t octets;
	bool found;
};

static bool on_lookup(uint64_t number, const struct kept_message *k, void *arg)
{
	struct looked_up *l = arg;

	l->found = number == l->number;
	l->octets = k->body.len;
	return false;
}

/* The octets of one that this process has not sent itself; false: it is not owed any more. */
static bool look_up(struct room *room, const struct member *m, uint64_t number, size_t *octets_r)
{
	struct looked_up l = {.number = number};

	if (conf_store_owed_each(room->focus->store, room->c->name, m->uri, number, on_lookup,
				 &l) != 0 ||
	    !l.found)
		return false;
	*octets_r = l.octets;
	return true;
}

/* Out of those under way. */
static bool land(struct owed_run *r, uint64_t number, size_t *octets_r)
{
	for (unsigned i = 0; i < r->n_flight; i++) {
		if (r->flight[i].number != number)
			continue;
		*octets_r = r->flight[i].octets;
		r->n_octets -= *octets_r;
		r->flight[i] = r->flight[--r->n_flight];
		return true;
	}
	return false;
}

void owed_told(struct room *room, uint64_t termination, uint64_t number, int status)
{
	struct member *m = owed_member_of(room, termination);
	struct owed_run *r = run_find(room, termination);
	bool arrived = status != 481 && status != 408;
	size_t octets;
	bool known;

	if (m == NULL)
		return; /* it stays in the queue, or has gone with its member */
	known = r != NULL && land(r, number, &octets);
	if (arrived && (known || look_up(room, m, number, &octets))) {
		owed_forget(room, m, number, octets, status == 200 ? "delivered" : "refused");
		conf_store_flush(room->focus->store);
		if (r != NULL)
			r->n_given++;
	}
	if (r == NULL)
		return;
	r->failed = r->failed || !arrived;
	if (!r->failed && r->n_flight <= WINDOW / 2)
		pump(r);
	else if (r->failed && r->n_flight == 0)
		run_free(r); /* when he comes back */
}
