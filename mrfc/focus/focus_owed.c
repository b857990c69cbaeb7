/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What members miss is kept for them (IMS-007). Who misses a message is
 * focus_owed_away.c's. Bodies are stored once, with one key for each who misses
 * them, before the MRFP (and so the sender) has its answer. The oldest give way to limits.
 */
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfc/focus/focus_member.h"
#include "mrfc/focus/focus_priv.h"
#include "proto/cpim.h"

#define LOG_PLACE "focus/owed"

#define RECENT      1024 /* messages of a room that are known again when handed up twice */
#define FORMERS_MAX 256

/* A message by what tells it from others, and the number it was kept by. */
struct owed_id {
	uint64_t id, number;
};

/* An event of the MRFP's that waits for the store. */
struct owed_wait {
	LIST_ENTRY(owed_wait) link;
	struct focus *focus;
	struct media_later later;
};

/* --- the queue --- */

void owed_room_init(struct room *room)
{
	LIST_INIT(&room->owed.formers);
	LIST_INIT(&room->owed.runs);
	TAILQ_INIT(&room->owed.early);
	/* Rising over restarts too, though nothing may be left that tells the last one. */
	room->owed.next_number = clock_wall_ms() << 12;
}

void owed_room_fini(struct room *room)
{
	while (!LIST_EMPTY(&room->owed.formers))
		owed_former_free(LIST_FIRST(&room->owed.formers));
	owed_give_stop(room, 0);
	owed_entering_drop(room);
	free(room->owed.recent);
}

static uint64_t hash(uint64_t h, struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.ptr[i]) * UINT64_C(1099511628211);
	return (h ^ 0x100) * UINT64_C(1099511628211);
}

/*
 * What tells a message from others, over repeats of the event and of the message: who sent it and
 * its imdn.Message-ID, else session and Message-ID. 0: nothing.
 */
static uint64_t id_of(const char *user, uint64_t termination, struct slice message_id,
		      struct slice body)
{
	uint64_t h = UINT64_C(14695981039346656037);
	struct cpim_head head;

	if (cpim_parse(body, body.len, true, false, &head) == 1 && head.imdn_message_id.len > 0)
		return hash(hash(h, slice_str(user)), head.imdn_message_id);
	if (message_id.len == 0)
		return 0;
	h = hash(h, slice_make((const char *)&termination, sizeof(termination)));
	return hash(h, message_id);
}

static void remember(struct room *room, uint64_t id, uint64_t number)
{
	struct room_owed *q = &room->owed;

	if (id == 0)
		return;
	if (q->recent == NULL)
		q->recent = xcalloc(RECENT, sizeof(*q->recent));
	q->recent[q->n_recent++ % RECENT] = (struct owed_id){id, number};
}

/* 0: it is new. */
static uint64_t number_of(const struct room *room, uint64_t id)
{
	const struct room_owed *q = &room->owed;
	uint32_t n = q->n_recent < RECENT ? q->n_recent : RECENT;

	for (uint32_t i = 0; id != 0 && i < n; i++) {
		if (q->recent[i].id == id)
			return q->recent[i].number;
	}
	return 0;
}

/* The first that he is owed from a number on. */
struct first {
	uint64_t number, wall_ms;
	size_t octets;
};

static bool on_first(uint64_t number, const struct kept_message *k, void *arg)
{
	*(struct first *)arg = (struct first){number, k->wall_ms, k->body.len};
	return false;
}

static struct first first_from(const struct room *room, const struct member *m, uint64_t from)
{
	struct first first = {0};

	if (m->n_owed > 0 && conf_store_owed_each(room->focus->store, room->c->name, m->uri, from,
						  on_first, &first) != 0)
		log_warn("%s: what %s is owed cannot be read", room->c->name, m->uri);
	return first;
}

void owed_forget(struct room *room, struct member *m, uint64_t number, size_t octets,
		 const char *why)
{
	conf_store_owed_done(room->focus->store, room->c->name, m->uri, number);
	m->n_owed -= m->n_owed > 0 ? 1 : 0;
	m->owed_octets -= octets < m->owed_octets ? octets : m->owed_octets;
	stats_owed(room->focus->stats, why, 1);
}

/* The latest are worth most: the oldest go. */
static void keep_limits(struct room *room, struct member *m)
{
	const struct focus_config *config = &room->focus->config;
	bool told = false;

	while (m->n_owed > config->queue_messages || m->owed_octets > config->queue_octets) {
		struct first oldest = first_from(room, m, 0);

		if (oldest.number == 0)
			return;
		if (!told)
			log_peer("%s: too much waits for %s, the oldest goes", room->c->name,
				 m->uri);
		told = true;
		owed_forget(room, m, oldest.number, oldest.octets, "dropped");
	}
}

void owed_sweep(struct room *room, uint64_t wall_ms)
{
	uint64_t expires_ms = room->focus->config.queue_expires_ms;
	struct member *m;

	if (expires_ms == 0)
		return;
	for (m = members_first(room->c->members); m != NULL; m = members_next(m)) {
		while (m->n_owed > 0) {
			struct first oldest = first_from(room, m, 0);

			if (oldest.number == 0 || wall_ms - oldest.wall_ms < expires_ms)
				break;
			owed_forget(room, m, oldest.number, oldest.octets, "expired");
		}
	}
}

size_t owed_count(const struct room *room)
{
	const struct member *m;
	size_t n = 0;

	for (m = members_first(room->c->members); m != NULL; m = members_next(m))
		n += m->n_owed;
	return n;
}

/* --- a message --- */

static void on_stored(int err, void *arg)
{
	struct owed_wait *w = arg;

	LIST_REMOVE(w, link);
	if (err != 0)
		stats_owed(w->focus->stats, "unstored", 1);
	if (err != 0 && !w->focus->owed_fails)
		log_error("messages for who is away cannot be stored; their senders are told");
	w->focus->owed_fails = err != 0;
	media_owed_done(w->focus->media, &w->later, err == 0);
	free(w);
}

static void answer_when_stored(struct focus *f, const struct media_later *later)
{
	struct owed_wait *w = xcalloc(1, sizeof(*w));

	w->focus = f;
	w->later = *later;
	LIST_INSERT_HEAD(&f->owed_waits, w, link);
	conf_store_wait(f->store, on_stored, w);
}

void owed_fini(struct focus *f)
{
	struct owed_wait *w;

	while ((w = LIST_FIRST(&f->owed_waits)) != NULL) {
		LIST_REMOVE(w, link);
		free(w);
	}
}

/* One message on its way into queues. */
struct keeping {
	struct room *room;
	struct kept_message kept;
	uint64_t number;
	bool before; /* it is of the former context */
	bool known;  /* it has its number since before */
	bool stored; /* its body is, in this turn */
};

static void owe(struct keeping *k, struct member *m)
{
	struct focus *f = k->room->focus;

	if (room_is_sealed(k->room) && m->state != MEMBER_IN)
		return; /* sealed under a key that he does not get */
	if (k->known && first_from(k->room, m, k->number).number == k->number)
		return; /* he has it in his queue */
	if (!k->stored && conf_store_keep(f->store, k->room->c->name, k->number, &k->kept) != 0) {
		log_warn("%s: a message of %zu octets is too long to be kept", k->room->c->name,
			 k->kept.body.len);
		return;
	}
	k->stored = true;
	conf_store_owe(f->store, k->room->c->name, m->uri, k->number, k->kept.body.len);
	m->n_owed++;
	m->owed_octets += k->kept.body.len;
	stats_owed(f->stats, "kept", 1);
	keep_limits(k->room, m);
}

void owed_owe(struct room *room, struct member *m, uint64_t number, const struct kept_message *k)
{
	struct keeping again = {.room = room, .kept = *k, .number = number, .known = true};

	owe(&again, m);
	if (again.stored)
		remember(room,
			 id_of(k->sender, k->sender_termination, slice_str(k->message_id), k->body),
			 number);
}

static bool is_missed(const struct keeping *k, const struct member *m)
{
	return k->before ? m->misses_before : m->misses;
}

/* Who has moved on already, or not yet, may get it at once. */
static void give_elsewhere(struct keeping *k, struct member *m)
{
	struct session *s;

	if (!k->room->drain.on || k->room->drain.hold)
		return;
	LIST_FOREACH(s, &k->room->sessions, link) {
		if (s->live && member_of(k->room, &s->who) == m) {
			owed_give(s, m);
			return;
		}
	}
}

/* For one leg: others of its user that are live have the message. */
static void owe_leg(struct keeping *k, uint64_t termination)
{
	struct room *room = k->room;
	struct member *m = owed_member_of(room, termination);
	struct session *s = session_by_termination(room, termination);

	if (m == NULL || owed_n_live(m, k->before) > (owed_is_live(room, termination) ? 1u : 0u))
		return;
	owe(k, m);
	if (s != NULL && s->live)
		owed_give(s, m); /* it came back while the message was under way */
	give_elsewhere(k, m);
}

static void owe_absent(struct keeping *k, const struct member *sender)
{
	struct member *m;

	if ((k->before ? k->room->owed.n_missing_before : k->room->owed.n_missing) == 0)
		return;
	for (m = members_first(k->room->c->members); m != NULL; m = members_next(m)) {
		if (!is_missed(k, m) || m == sender)
			continue;
		owe(k, m);
		give_elsewhere(k, m);
	}
}

/* A private message: to a member who is away, or to nobody. */
static void owe_one(struct keeping *k, struct slice to, const struct member *sender)
{
	struct member *m = members_find(k->room->c->members, to);

	if (m == NULL || !is_missed(k, m) || m == sender)
		return;
	owe(k, m);
	give_elsewhere(k, m);
}

void owed_message(struct room *room, bool before, const struct media_owed *o,
		  const struct media_later *later)
{
	struct member *sender = o->sender != 0 ? owed_member_of(room, o->sender) : NULL;
	char *message_id = slice_dup(o->message_id), *type = slice_dup(o->content_type);
	struct keeping k = {.room = room,
			    .before = before,
			    .kept = {.message_id = message_id,
				     .content_type = type,
				     .sender = sender != NULL ? sender->uri : "",
				     .sender_termination = o->sender,
				     .wall_ms = clock_wall_ms(),
				     .body = o->body}};
	uint64_t id = id_of(k.kept.sender, o->sender, o->message_id, o->body);

	k.number = number_of(room, id);
	k.known = k.number != 0;
	if (!k.known)
		k.number = room->drain.on && !before ? room->owed.next_ahead++
						     : room->owed.next_number++;
	if (o->to.len != 0)
		owe_one(&k, o->to, sender);
	else if (o->missed_by != 0)
		owe_leg(&k, o->missed_by);
	else
		owe_absent(&k, sender);
	if (o->to.len == 0 && o->missed_by == 0)
		owed_entering_message(room, before, k.number, &k.kept);
	if (!k.known && k.stored)
		remember(room, id, k.number);
	if (k.stored || k.known)
		answer_when_stored(room->focus, later);
	else
		media_owed_done(room->focus->media, later, o->to.len == 0);
	free(message_id);
	free(type);
}

/* --- after a start --- */

void owed_restored(struct room *room, struct member *m, uint64_t number, size_t octets)
{
	m->n_owed++;
	m->owed_octets += octets;
	if (number >= room->owed.next_number)
		room->owed.next_number = number + 1;
}

static bool on_again(uint64_t number, const struct kept_message *k, void *arg)
{
	struct room *room = arg;
	uint64_t id = id_of(k->sender != NULL ? k->sender : "", k->sender_termination,
			    slice_str(k->message_id), k->body);

	if (number_of(room, id) == 0)
		remember(room, id, number);
	return true;
}

void owed_recovered(struct room *room)
{
	struct member *m;

	if (room->focus->member_hooks == NULL)
		return;
	owed_legs_restored(room);
	for (m = members_first(room->c->members); m != NULL; m = members_next(m)) {
		if (m->n_owed > 0 && conf_store_owed_each(room->focus->store, room->c->name, m->uri,
							  0, on_again, room) != 0)
			log_warn("%s: what %s is owed cannot be read", room->c->name, m->uri);
	}
}
