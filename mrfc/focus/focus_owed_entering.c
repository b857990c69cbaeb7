/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who comes in while his room is between two MRFPs hears what is said at the other one by way of the
 * queue alone. His bound event is on one link and the messages are on the other, so a message that
 * was sent after he was told that he is in may be here before that event. So from the answer to his
 * call on what comes in the other context is remembered here, and becomes his with the event.
 */
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "mrfc/focus/focus_priv.h"

#define LOG_PLACE "focus/owed"

#define EARLY_MAX    1024 /* messages of a room, and their octets */
#define EARLY_OCTETS (1u << 20)

struct owed_early {
	TAILQ_ENTRY(owed_early) link;
	uint64_t serial, number;
	bool before; /* it is of the former context */
	struct kept_message kept;
	char *message_id, *content_type, *sender;
	struct bytes body;
};

static void drop(struct room_owed *q, struct owed_early *e)
{
	TAILQ_REMOVE(&q->early, e, link);
	q->n_early--;
	q->early_octets -= e->body.len;
	bytes_fini(&e->body);
	free(e->message_id);
	free(e->content_type);
	free(e->sender);
	free(e);
}

void owed_entering_drop(struct room *room)
{
	while (!TAILQ_EMPTY(&room->owed.early))
		drop(&room->owed, TAILQ_FIRST(&room->owed.early));
}

/* Answered, and whether he is there is not known yet. */
static bool is_entering(const struct session *s)
{
	return (s->step == SESSION_WAITING || s->step == SESSION_SETTLING ||
		s->step == SESSION_UP) &&
	       !s->live && !s->ended && s->former == 0;
}

void owed_entering(struct session *s)
{
	if (s->room->drain.on && s->entered == 0 && is_entering(s))
		s->entered = s->room->owed.early_serial + 1;
}

static bool somebody_enters(const struct room *room)
{
	const struct session *s;

	LIST_FOREACH(s, &room->sessions, link) {
		if (s->entered != 0 && is_entering(s))
			return true;
	}
	return false;
}

/* The oldest gives way; who is on the way in will not have it, as with a queue that is full. */
static void give_way(struct room *room)
{
	struct owed_early *e = TAILQ_FIRST(&room->owed.early);
	const struct session *s;

	LIST_FOREACH(s, &room->sessions, link) {
		if (s->entered == 0 || s->entered > e->serial || e->before == s->stays ||
		    !is_entering(s))
			continue;
		log_peer("%s: too much is said before %s is in, the oldest goes", room->c->name,
			 s->who.uri);
		stats_owed(room->focus->stats, "dropped", 1);
	}
	drop(&room->owed, e);
}

void owed_entering_message(struct room *room, bool before, uint64_t number,
			   const struct kept_message *k)
{
	struct room_owed *q = &room->owed;
	struct owed_early *e;

	if (!room->drain.on)
		return;
	if (!somebody_enters(room)) {
		owed_entering_drop(room);
		return;
	}
	e = xcalloc(1, sizeof(*e));
	e->serial = ++q->early_serial;
	e->number = number;
	e->before = before;
	e->kept = *k;
	e->kept.message_id = e->message_id = xstrdup(k->message_id);
	e->kept.content_type = e->content_type = xstrdup(k->content_type);
	e->kept.sender = e->sender = xstrdup(k->sender);
	bytes_add_slice(&e->body, k->body);
	e->kept.body = bytes_slice(&e->body);
	TAILQ_INSERT_TAIL(&q->early, e, link);
	q->n_early++;
	q->early_octets += e->body.len;
	while (q->n_early > EARLY_MAX || q->early_octets > EARLY_OCTETS)
		give_way(room);
}

void owed_entered(struct session *s, struct member *m)
{
	const struct owed_early *e;

	if (s->entered == 0)
		return;
	TAILQ_FOREACH(e, &s->room->owed.early, link) {
		if (e->serial >= s->entered && e->before == !s->stays)
			owed_owe(s->room, m, e->number, &e->kept);
	}
	s->entered = 0;
}
