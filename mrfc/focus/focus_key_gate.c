/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which epochs of a sealed conference are in use: what the media side lets pass, what the roster tells.
 * The newest at once, the one before it for ten seconds more, nothing of another domain. This is
 * hygiene: what nobody has a key for is secret without it.
 */
#include "common/clock.h"
#include "mrfc/focus/focus_file.h"
#include "mrfc/focus/focus_key_owner.h"
#include "mrfc/focus/focus_priv.h"

#define OLD_EPOCH_MS 10000

bool room_is_sealed(const struct room *room)
{
	return room->key != NULL;
}

bool key_may_read(const struct session *s)
{
	return s->room->key == NULL || (s->key != NULL && s->key->stage >= KEY_HOLDER);
}

void key_media(const struct room *room, struct media_context *ctx)
{
	if (room->key == NULL)
		return;
	ctx->sealed = true;
	ctx->keys = room->key->gate;
}

bool key_epoch_hex(const struct room *room, char hex[GKID_HEX_SIZE])
{
	if (room->key == NULL || room->key->gate.newest == 0)
		return false;
	gkid_hex(&room->key->epoch, hex);
	return true;
}

bool focus_epoch(const struct conference *c, char hex[GKID_HEX_SIZE])
{
	return key_epoch_hex(room_of(c), hex);
}

void key_regate(struct room *room)
{
	const struct room_key *k = room->key;
	struct media *media = room->focus->media;

	if (k == NULL || k->gate.newest == 0)
		return;
	media_set_keys(media, room->c->context, room->c->epoch, &k->gate, NULL, NULL);
	if (room->drain.on)
		media_set_keys(media, room->drain.context, room->drain.epoch, &k->gate, NULL, NULL);
	file_regate(room, &k->gate);
}

static void on_gate_timer(void *arg)
{
	struct room *room = arg;

	room->key->gate.oldest = room->key->gate.newest;
	key_regate(room);
}

void key_gate_init(struct room *room)
{
	room->key->gate_timer = timer_new(room->focus->base, on_gate_timer, room);
}

void key_take_epoch(struct room *room, const struct gkid *id)
{
	struct room_key *k = room->key;
	uint32_t e = gkid_epoch(id);
	bool follows = k->gate.newest != 0 && gkid_same_domain(&k->epoch, id);

	k->epoch = *id;
	memcpy(k->gate.domain, id->octets, sizeof(k->gate.domain));
	k->gate.newest = e;
	k->gate.oldest = follows && e > 1 ? e - 1 : e;
	if (k->gate.oldest != e)
		timer_start(k->gate_timer, OLD_EPOCH_MS);
	else
		timer_stop(k->gate_timer);
	key_regate(room);
	stats_key(room->focus->stats, STATS_KEY_EPOCH);
	roster_touch(room->c->roster);
	room_view(room);
	room_changed(room);
}

void key_audited(struct focus *f, const char *mrfp)
{
	for (struct conference *c = conference_first(f->conferences); c != NULL;
	     c = conference_next(c)) {
		struct room *room = room_of(c);
		struct session_key *sk;

		if (room->key == NULL || room->recovering || c->state != CONFERENCE_ACTIVE)
			continue;
		key_regate(room);
		LIST_FOREACH(sk, &room->key->unconfirmed, unconfirmed)
			rekey_copy_park(&sk->copy);
		key_soon(room);
		if (strcmp(media_mrfp_of(f->media, c->context), mrfp) == 0)
			owner_again(room);
	}
}
