/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What members miss is kept for them (IMS-007). Who misses a message is decided by the order of the
 * MRFP's events alone: a leg is live from its bound event to its end mark, and a member without a
 * live leg misses what is handed up. Bodies are stored once, with one key for each who misses
 * them, before the MRFP (and so the sender) has its answer. The oldest give way to limits.
 */
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "mrfc/focus/focus_priv.h"
#include "proto/cpim.h"

#define LOG_PLACE "focus/owed"

#define RECENT      1024 /* messages of a room that are known again when handed up twice */
#define FORMERS_MAX 256

/* A termination that was taken away, until its end mark comes. */
struct owed_former {
	LIST_ENTRY(owed_former) link;
	uint64_t termination;
	bool live;
	char *uri; /* of its member */
};

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

/* --- who misses what comes --- */

bool owed_is_away(struct room *room)
{
	room->owed.told_away = room->owed.n_missing > 0 || !LIST_EMPTY(&room->owed.formers);
	return room->owed.told_away;
}

static void update_away(struct room *room)
{
	bool before = room->owed.told_away;

	if (owed_is_away(room) != before)
		media_set_away(room->focus->media, room->c->context, room->c->epoch,
			       room->owed.told_away);
}

static void set_misses(struct room *room, struct member *m, bool misses)
{
	if (m->misses == misses)
		return;
	m->misses = misses;
	room->owed.n_missing += misses ? 1 : (uint32_t)-1;
	log_debug("%s: %s %s what comes", room->c->name, m->uri, misses ? "misses" : "gets live");
}

static struct owed_former *former_find(const struct room *room, uint64_t termination)
{
	struct owed_former *o;

	LIST_FOREACH(o, &room->owed.formers, link) {
		if (o->termination == termination)
			return o;
	}
	return NULL;
}

static void former_free(struct owed_former *o)
{
	LIST_REMOVE(o, link);
	free(o->uri);
	free(o);
}

struct member *owed_member_of(struct room *room, uint64_t termination)
{
	struct session *s = session_by_termination(room, termination);
	const struct owed_former *o = s == NULL ? former_find(room, termination) : NULL;

	if (s != NULL)
		return member_of(room, &s->who);
	return o != NULL ? members_find(room->c->members, slice_str(o->uri)) : NULL;
}

static bool is_live(struct room *room, uint64_t termination)
{
	struct session *s = session_by_termination(room, termination);
	const struct owed_former *o = s == NULL ? former_find(room, termination) : NULL;

	return s != NULL ? s->live : o != NULL && o->live;
}

static void leg_is_live(struct session *s, struct member *m)
{
	if (!s->live) {
		s->live = true;
		m->n_live++;
	}
	set_misses(s->room, m, false);
	update_away(s->room);
	owed_give(s, m);
}

void owed_bound(struct session *s)
{
	struct member *m = member_of(s->room, &s->who);

	if (s->room->focus->member_hooks == NULL || m == NULL)
		return; /* not yet: comes with the hook */
	if (s->live)
		s->held = true; /* told again: the MRFP waits for us */
	leg_is_live(s, m);
}

static void on_bound(struct session *s, struct member *m)
{
	if (!s->live)
		leg_is_live(s, m);
}

static void leg_ends(struct room *room, struct member *m)
{
	if (m == NULL)
		return;
	if (m->n_live > 0)
		m->n_live--;
	if (m->n_live == 0)
		set_misses(room, m, true);
}

void owed_leg_ended(struct room *room, uint64_t termination)
{
	struct session *s = session_by_termination(room, termination);
	struct owed_former *o = s == NULL ? former_find(room, termination) : NULL;
	struct member *m = owed_member_of(room, termination);

	if (room->focus->member_hooks == NULL)
		return;
	owed_give_stop(room, termination);
	if (s != NULL ? s->live : o != NULL && o->live)
		leg_ends(room, m);
	if (s != NULL) {
		s->live = false;
		s->held = true; /* the MRFP does so by itself */
	}
	if (o != NULL)
		former_free(o);
	update_away(room);
}

void owed_context_lost(struct room *room)
{
	struct session *s;

	if (room->focus->member_hooks == NULL)
		return;
	LIST_FOREACH(s, &room->sessions, link) {
		if (s->termination != 0)
			owed_leg_ended(room, s->termination);
	}
	while (!LIST_EMPTY(&room->owed.formers))
		owed_leg_ended(room, LIST_FIRST(&room->owed.formers)->termination);
}

bool owed_taken(struct session *s)
{
	struct room *room = s->room;
	struct member *m = member_of(room, &s->who);
	struct owed_former *o;
	unsigned n = 0;

	if (room->focus->member_hooks == NULL || room->ending_run)
		return false;
	owed_give_stop(room, s->termination);
	if (m == NULL || !s->live)
		return false;
	LIST_FOREACH(o, &room->owed.formers, link)
		n++;
	if (n >= FORMERS_MAX)
		return false;
	o = xcalloc(1, sizeof(*o));
	o->termination = s->termination;
	o->live = true;
	o->uri = xstrdup(m->uri);
	s->live = false;
	LIST_INSERT_HEAD(&room->owed.formers, o, link);
	update_away(room); /* before the termination goes */
	return true;
}

bool owed_holds(const struct session *s)
{
	struct member *m = member_of(s->room, &s->who);
	const struct owed_former *o;

	if (s->room->focus->member_hooks == NULL || m == NULL)
		return false;
	LIST_FOREACH(o, &s->room->owed.formers, link) {
		if (members_find(s->room->c->members, slice_str(o->uri)) == m && m->n_live <= 1)
			return true;
	}
	return m->misses || (m->n_live == 0 && m->n_owed > 0);
}

/* --- hooks of members --- */

static void on_away(struct room *room, struct member *m)
{
	if (m->state == MEMBER_INVITED && !room->c->kept)
		return;
	if (m->n_live == 0) /* else its end mark is on the way */
		set_misses(room, m, true);
	update_away(room);
}

static void on_gone(struct room *room, struct member *m)
{
	if (m->n_owed > 0)
		stats_owed(room->focus->stats, "left", m->n_owed);
	conf_store_owed_drop(room->focus->store, room->c->name, m->uri);
	m->n_owed = 0;
	m->owed_octets = 0;
	set_misses(room, m, false);
	update_away(room);
}

const struct member_hooks *owed_hooks(void)
{
	static const struct member_hooks hooks = {
		.away = on_away, .bound = on_bound, .gone = on_gone};

	return &hooks;
}

/* --- the queue --- */

void owed_room_init(struct room *room)
{
	LIST_INIT(&room->owed.formers);
	LIST_INIT(&room->owed.runs);
	/* Rising over restarts too, though nothing may be left that tells the last one. */
	room->owed.next_number = clock_wall_ms() << 12;
}

void owed_room_fini(struct room *room)
{
	struct owed_former *o;

	while ((o = LIST_FIRST(&room->owed.formers)) != NULL)
		former_free(o);
	owed_give_stop(room, 0);
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
	bool known;  /* it has its number since before */
	bool stored; /* its body is, in this turn */
};

static void owe(struct keeping *k, struct member *m)
{
	struct focus *f = k->room->focus;

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

/* For one leg: others of its user that are live have the message. */
static void owe_leg(struct keeping *k, uint64_t termination)
{
	struct room *room = k->room;
	struct member *m = owed_member_of(room, termination);
	struct session *s = session_by_termination(room, termination);

	if (m == NULL || m->n_live > (is_live(room, termination) ? 1u : 0u))
		return;
	owe(k, m);
	if (s != NULL && s->live)
		owed_give(s, m); /* it came back while the message was under way */
}

static void owe_absent(struct keeping *k, const struct member *sender)
{
	struct member *m;

	if (k->room->owed.n_missing == 0)
		return;
	for (m = members_first(k->room->c->members); m != NULL; m = members_next(m)) {
		if (m->misses && m != sender)
			owe(k, m);
	}
}

/* A private message: to a member who is away, or to nobody. */
static void owe_one(struct keeping *k, struct slice to, const struct member *sender)
{
	struct member *m = members_find(k->room->c->members, to);

	if (m != NULL && m->misses && m != sender)
		owe(k, m);
}

void owed_message(struct room *room, const struct media_owed *o, const struct media_later *later)
{
	struct member *sender = o->sender != 0 ? owed_member_of(room, o->sender) : NULL;
	char *message_id = slice_dup(o->message_id), *type = slice_dup(o->content_type);
	struct keeping k = {.room = room,
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
		k.number = room->owed.next_number++;
	if (o->to.len != 0)
		owe_one(&k, o->to, sender);
	else if (o->missed_by != 0)
		owe_leg(&k, o->missed_by);
	else
		owe_absent(&k, sender);
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
	struct session *s;
	struct member *m;

	if (room->focus->member_hooks == NULL)
		return;
	LIST_FOREACH(s, &room->sessions, link) {
		m = member_of(room, &s->who);
		if (m == NULL || !s->announced || s->live || s->termination == 0)
			continue;
		s->live = true; /* what says otherwise is among the events to come */
		m->n_live++;
	}
	for (m = members_first(room->c->members); m != NULL; m = members_next(m)) {
		if (m->n_live == 0 && (m->state != MEMBER_INVITED || room->c->kept))
			set_misses(room, m, true);
		if (m->n_owed > 0 && conf_store_owed_each(room->focus->store, room->c->name, m->uri,
							  0, on_again, room) != 0)
			log_warn("%s: what %s is owed cannot be read", room->c->name, m->uri);
	}
	update_away(room);
}
