/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of a sealed conference on the wire (RFC 4567 in descriptions, MIKEY as messages), and what we say
 * there. A key that is missing, because a message came under it or the roster names it, is asked
 * for after a random time: all members miss it at once.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "common/secret.h"
#include "proto/mikey.h"
#include "ue/ue_records.h"
#include "ue/ue_seal_priv.h"

#define LOG_PLACE "ue_seal"

#define ASK_WITHIN_MS 2000 /* random up to this */
#define ASK_EVERY_MS  5000
#define ID_LEN        16
#define SECOND_US     ((int64_t)1000000)
#define SEALED_TYPE   "application/pkcs7-mime; smime-type=auth-enveloped-data; name=\"smime.p7m\""

static void on_tick(evutil_socket_t fd, short what, void *arg);
static void on_ask(evutil_socket_t fd, short what, void *arg);

int ue_seal_new(struct event_base *base, const struct ue_seal_config *config,
		const struct ue_seal_ops *ops, void *arg, struct ue_seal **seal_r)
{
	struct ue_key *key = secret_alloc(sizeof(*key));
	int why, err = config->key_file ? ue_key_load(config->key_file, key) : 0;
	struct ue_seal *s;

	if (err == 1)
		log_warn("%s: others than its owner may read it", config->key_file);
	if (err >= 0) {
		s = xcalloc(1, sizeof(*s));
		s->ops = ops;
		s->arg = arg;
		s->crypto = ue_crypto_new(config->key_file ? key : NULL, config->as, config->suite);
		ue_crypto_cipher(s->crypto, config->cipher);
		ue_crypto_signing(s->crypto, config->signing, config->signing_arg);
		s->signs = config->signing && config->signing->sign;
		s->state = config->state;
		if (s->state)
			ue_crypto_marks(s->crypto, ue_state_marks(s->state));
		s->off_us = config->clock_off_s * SECOND_US;
		if (config->tls_psk)
			s->leg = secret_alloc(sizeof(*s->leg));
		s->held = ue_held_new();
		bytes_init(&s->confirm, MIKEY_MAX_SIZE);
		s->ev_ask = evtimer_new(base, on_ask, s);
		s->ev_tick = event_new(base, -1, EV_PERSIST, on_tick, s);
		event_add(s->ev_tick, &(struct timeval){1, 0});
		*seal_r = s;
	}
	why = errno;
	secret_free(&key, sizeof(*key));
	errno = why;
	return err < 0 ? err : 0;
}

void ue_seal_free(struct ue_seal **sp)
{
	struct ue_seal *s = *sp;

	if (!s)
		return;
	ue_seal_forget_files(s);
	event_free(s->ev_tick);
	event_free(s->ev_ask);
	bytes_fini(&s->confirm);
	secret_free(&s->leg, sizeof(*s->leg));
	ue_held_free(&s->held);
	ue_crypto_free(&s->crypto);
	free(s);
	*sp = NULL;
}

void ue_seal_room(struct ue_seal *s, const char *uri)
{
	ue_crypto_room(s->crypto, uri);
}

void ue_seal_alias(struct ue_seal *s, const char *uri)
{
	ue_crypto_alias(s->crypto, uri);
}

const char *ue_seal_conference(const struct ue_seal *s)
{
	return ue_crypto_room_name(s->crypto);
}

bool ue_seal_on(const struct ue_seal *s)
{
	return s && s->on;
}

bool ue_seal_owned(const struct ue_seal *s)
{
	return s && s->own;
}

/* --- time, and what outlives us --- */

static uint64_t set_right(uint64_t us, int64_t by_us)
{
	return by_us < 0 ? us - (uint64_t)-by_us : us + (uint64_t)by_us;
}

uint64_t ue_seal_wall_us(const struct ue_seal *s)
{
	return set_right(clock_wall_us(), s->off_us);
}

uint64_t ue_seal_wall_ms(const struct ue_seal *s)
{
	return s ? ue_seal_wall_us(s) / 1000 : clock_wall_ms();
}

bool ue_seal_date(struct ue_seal *s, uint64_t date_s)
{
	int64_t behind_s = (int64_t)date_s - (int64_t)(ue_seal_wall_us(s) / SECOND_US);

	if (s->dated || date_s == 0 || date_s > INT32_MAX * (uint64_t)2)
		return false;
	s->dated = true;
	if (behind_s >= -UE_SEAL_CLOCK_S && behind_s <= UE_SEAL_CLOCK_S)
		return false;
	s->off_us += behind_s * SECOND_US;
	s->ops->clock(behind_s, s->arg);
	return true;
}

void ue_seal_keep(struct ue_seal *s)
{
	if (s->state && ue_state_save(s->state) < 0)
		log_warn("what was seen is not kept, replays may pass after a restart: %s",
			 strerror(errno));
}

/* --- keys --- */

static bool is_behind(struct ue_seal *s)
{
	return ue_crypto_is_behind(s->crypto, s->has_roster ? &s->roster : NULL, clock_now_ms());
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct ue_seal *s = arg;

	(void)fd;
	(void)what;
	ue_crypto_age(s->crypto, clock_now_ms());
	ue_seal_release(s);
	if (s->on && is_behind(s))
		ue_seal_ask(s);
}

void ue_seal_ask(struct ue_seal *s)
{
	uint64_t now = clock_now_ms(), wait = rand_u64() % ASK_WITHIN_MS;
	struct timeval tv;

	if (!s->up || s->own || event_pending(s->ev_ask, EV_TIMEOUT, NULL))
		return;
	if (s->asked_ms && s->asked_ms + ASK_EVERY_MS > now + wait)
		wait = s->asked_ms + ASK_EVERY_MS - now;
	tv = (struct timeval){(time_t)(wait / 1000), (suseconds_t)(wait % 1000 * 1000)};
	evtimer_add(s->ev_ask, &tv);
}

static void on_ask(evutil_socket_t fd, short what, void *arg)
{
	struct ue_seal *s = arg;
	struct bytes out = BYTES_INIT;

	(void)fd;
	(void)what;
	if (!s->up)
		return;
	s->asked_ms = clock_now_ms();
	if (ue_crypto_request(s->crypto, false, ue_seal_wall_us(s), &out) == 0) {
		ue_seal_keep(s);
		s->ops->send_key(bytes_slice(&out), s->arg);
	}
	bytes_fini(&out);
}

/* 1 or 0 as ue_crypto_take(); an answer to it is in reply. */
static int take(struct ue_seal *s, struct slice mikey, struct bytes *reply, const char **why_r)
{
	int rc = ue_crypto_take(s->crypto, mikey, ue_seal_wall_us(s), clock_now_ms(), reply, why_r);

	if (rc != 1)
		return rc;
	s->complaint = NULL;
	ue_seal_keep(s);
	evtimer_del(s->ev_ask);
	s->ops->epoch(ue_crypto_epoch(s->crypto), s->arg);
	ue_seal_release(s);
	return rc;
}

/* Once for each reason, until a key comes that is good. */
static void complain(struct ue_seal *s, const char *why)
{
	char *text;

	log_debug("dropped: %s", why);
	if (s->complaint != NULL && strcmp(s->complaint, why) == 0)
		return;
	s->complaint = why;
	text = xasprintf("a key message was dropped: %s", why);
	s->ops->trouble(text, s->arg);
	free(text);
}

void ue_seal_key(struct ue_seal *s, struct slice mikey)
{
	struct bytes reply = BYTES_INIT;
	const char *why;
	int rc = s->on ? take(s, mikey, &reply, &why) : 0;

	if (rc < 0)
		complain(s, why);
	else if (reply.len)
		s->ops->send_key(bytes_slice(&reply), s->arg);
	bytes_fini(&reply);
}

void ue_seal_own(struct ue_seal *s)
{
	s->on = s->own = true;
	bytes_reset(&s->confirm);
	evtimer_del(s->ev_ask);
}

void ue_seal_serve(struct ue_seal *s, const char *room, enum gke_suite suite)
{
	ue_seal_own(s);
	ue_crypto_serve(s->crypto, room, suite);
}

void ue_seal_put(struct ue_seal *s, const struct gkid *id, struct slice tek)
{
	ue_crypto_put(s->crypto, id, tek, clock_now_ms());
	s->ops->epoch(ue_crypto_epoch(s->crypto), s->arg);
	ue_seal_release(s);
}

void ue_seal_up(struct ue_seal *s)
{
	s->up = true;
	if (s->on && s->confirm.len)
		s->ops->send_key(bytes_slice(&s->confirm), s->arg);
	bytes_reset(&s->confirm);
}

void ue_seal_roster(struct ue_seal *s, const char *hex)
{
	s->has_roster = gkid_parse(slice_str(hex), &s->roster) == 0;
	(void)is_behind(s); /* time runs from now */
}

static char *value_of(const struct bytes *message)
{
	struct bytes value = BYTES_INIT;

	key_mgmt_build(bytes_slice(message), &value);
	return bytes_take(&value);
}

const struct gke_leg *ue_seal_leg(const struct ue_seal *s)
{
	return s && s->leg && s->leg->identity[0] ? s->leg : NULL;
}

static void make_leg(struct ue_seal *s, struct slice offer)
{
	if (s->leg && ue_crypto_leg(s->crypto, offer, s->leg) != 0)
		mem_wipe(s->leg, sizeof(*s->leg));
}

char *ue_seal_offer(struct ue_seal *s)
{
	struct bytes message = BYTES_INIT;
	char *value = NULL;

	if (ue_crypto_request(s->crypto, true, ue_seal_wall_us(s), &message) == 0) {
		ue_seal_keep(s);
		value = value_of(&message);
		make_leg(s, bytes_slice(&message));
	}
	bytes_fini(&message);
	return value;
}

int ue_seal_refused(struct ue_seal *s, const struct sdp_media *m, const char **why_r)
{
	struct bytes message = BYTES_INIT, ids = BYTES_INIT;
	int64_t off_us = 0;
	int again = 0;

	*why_r = NULL;
	if (key_mgmt_read(m->key_mgmt, m->n_key_mgmt, &message, &ids) == 1)
		again = ue_crypto_refused(s->crypto, bytes_slice(&message), ue_seal_wall_us(s),
					  &off_us, why_r);
	s->off_us += off_us;
	if (off_us != 0) { /* a Date that proves nothing does not change it any more */
		s->dated = true;
		s->ops->clock(off_us / SECOND_US, s->arg);
	}
	bytes_fini(&message);
	bytes_fini(&ids);
	return again;
}

static int take_line(struct ue_seal *s, const struct sdp_media *m, bool offer, struct bytes *reply,
		     const char **why_r)
{
	struct bytes message = BYTES_INIT, ids = BYTES_INIT;
	int rc = s->own ? 0 : key_mgmt_read(m->key_mgmt, m->n_key_mgmt, &message, &ids);

	if (rc < 0)
		*why_r = "the description's key is in a form that is not understood here";
	if (rc == 1) {
		rc = take(s, bytes_slice(&message), reply, why_r);
		rc = rc == 0 ? 1 : rc; /* the one that is here already */
		s->on = s->on || rc == 1;
		if (offer && rc == 1)
			make_leg(s, bytes_slice(&message));
	}
	bytes_fini(&message);
	bytes_fini(&ids);
	return rc;
}

int ue_seal_answered(struct ue_seal *s, const struct sdp_media *m, const char **why_r)
{
	bytes_reset(&s->confirm);
	return take_line(s, m, false, &s->confirm, why_r);
}

int ue_seal_offered(struct ue_seal *s, const struct sdp_media *m, char **value_r,
		    const char **why_r)
{
	struct bytes reply = BYTES_INIT;
	int rc = take_line(s, m, true, &reply, why_r);

	*value_r = rc == 1 && reply.len ? value_of(&reply) : NULL;
	bytes_fini(&reply);
	return rc;
}

/* --- what we say --- */

int ue_seal_ready(struct ue_seal *s)
{
	if (is_behind(s)) {
		ue_seal_ask(s);
		return -ERR_STALE;
	}
	return ue_crypto_epoch(s->crypto) ? 0 : -ERR_AGAIN;
}

/* What goes inside; the outer head keeps what the switch routes by. */
static void split(struct cpim_fields *f, struct ue_seal_id *id, struct gke_inner *inner)
{
	if (!f->imdn_message_id.len) {
		rand_ident(id->text, ID_LEN);
		f->imdn_message_id = slice_str(id->text);
	}
	*inner = (struct gke_inner){.from = f->from_uri,
				    .to = f->to_uri,
				    .date_time = f->date_time,
				    .message_id = f->imdn_message_id,
				    .content_type = f->content_type,
				    .disposition = f->content_disposition};
	f->content_disposition = SLICE_NULL;
}

bool ue_seal_reaches(const struct ue_seal *s, const char *who)
{
	return ue_crypto_reaches(s->crypto, slice_str(who));
}

struct ue_said ue_seal_said(const struct ue_seal *s)
{
	return s->said;
}

static void note_said(struct ue_seal *s, bool alone, bool is_signed)
{
	s->said = (struct ue_said){
		.sealed = true,
		.alone = alone,
		.is_signed = is_signed,
		.epoch = alone ? 0 : gkid_epoch(ue_crypto_epoch(s->crypto)),
	};
}

int ue_seal_text(struct ue_seal *s, struct cpim_fields *f, struct slice payload, bool for_one,
		 struct ue_seal_id *id, struct bytes *out)
{
	struct gke_inner inner;
	int err = ue_seal_ready(s);
	bool alone;

	if (err < 0)
		return err;
	split(f, id, &inner);
	inner.payload = payload;
	f->content_type = SLICE_LIT(SEALED_TYPE);
	f->transfer_encoding = SLICE_LIT("binary");
	alone = for_one && ue_crypto_reaches(s->crypto, inner.to);
	err = alone ? ue_crypto_seal_alone(s->crypto, &inner, ue_seal_wall_us(s), out)
		    : ue_crypto_seal(s->crypto, &inner, ue_seal_wall_us(s), out);
	if (err == 0)
		note_said(s, alone, s->signs);
	return err;
}

static int key_of_now(void *arg, struct ece_head *head_r, struct ece_keys *keys_r)
{
	struct ue_seal *s = arg;

	return ue_crypto_file(s->crypto, head_r, keys_r);
}

int ue_seal_file(struct ue_seal *s, struct cpim_fields *f, const struct ue_source *from_take,
		 struct ue_seal_id *id, struct ue_octets *octets_r, uint64_t *size_r)
{
	struct bytes front = BYTES_INIT;
	struct gke_inner inner;
	int err = ue_seal_ready(s);

	if (err < 0) {
		if (from_take->fd >= 0)
			close(from_take->fd);
		return err;
	}
	split(f, id, &inner);
	ue_crypto_file_inner(s->crypto, &inner, ue_seal_wall_us(s), &front);
	s->said = (struct ue_said){.sealed = true};
	ue_records_seal(bytes_slice(&front), from_take, key_of_now, s, octets_r, size_r);
	f->content_type = SLICE_LIT("application/octet-stream");
	f->content_encoding = SLICE_LIT("aes128gcm");
	mem_wipe(front.data, front.len);
	bytes_fini(&front);
	return 0;
}
