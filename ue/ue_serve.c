/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A UE that is the key server of its conference: binds ue_keyserver to the session that its frames
 * travel in, to its own seal and to the clock.
 */
#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "ue/ue_priv.h"
#include "ue/ue_sdp.h"

#define LOG_PLACE "ue"
#define AGE_S     60

static struct keyserver_now now(const struct ue *ue)
{
	return (struct keyserver_now){.mono_ms = clock_now_ms(),
				      .wall_us = ue_seal_wall_ms(ue->seal) * 1000};
}

static void on_send(struct slice body, void *arg)
{
	struct ue *ue = arg;

	if (ue_msrp_send_frames(ue->msrp, body) < 0)
		log_debug("keys are not sent: the session is not up");
}

static void on_serving(const char *room, enum gke_suite suite, void *arg)
{
	struct ue *ue = arg;

	ue_seal_serve(ue->seal, room, suite);
	ue_files_seal(ue->files, ue->seal);
	ue->ops->serving(room, ue_keyserver_keys(ue->keyserver), ue->arg);
}

static void on_epoch(const struct gkid *id, struct slice tek, size_t n_members, void *arg)
{
	struct ue *ue = arg;

	evtimer_del(ue->ev_late);
	ue->n_key_members = (int64_t)n_members;
	ue_seal_put(ue->seal, id, tek);
	ue->n_key_members = -1;
}

static void on_member(const struct ue_key_news *news, void *arg)
{
	struct ue *ue = arg;

	ue->ops->key(news, ue->arg);
}

static void on_trouble(const char *text, void *arg)
{
	struct ue *ue = arg;

	ue->ops->trouble(text, ue->arg);
}

static void on_wait(void *arg)
{
	struct ue *ue = arg;

	event_add(ue->ev_late, &(struct timeval){UE_KEYSERVER_PATIENCE_MS / 1000,
						 UE_KEYSERVER_PATIENCE_MS % 1000 * 1000});
}

static const struct ue_keyserver_ops keyserver_ops = {
	.send = on_send,
	.serving = on_serving,
	.epoch = on_epoch,
	.member = on_member,
	.trouble = on_trouble,
	.wait = on_wait,
};

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	struct ue *ue = arg;

	(void)fd;
	(void)what;
	ue_keyserver_late(ue->keyserver);
}

static void on_age(evutil_socket_t fd, short what, void *arg)
{
	struct ue *ue = arg;
	struct keyserver_now at = now(ue);

	(void)fd;
	(void)what;
	ue_keyserver_age(ue->keyserver, &at);
}

int ue_serve_open(struct ue *ue, const struct ue_keyserver_config *config)
{
	struct ue_keyserver_config mine = *config;
	struct keyserver_now at = now(ue);
	bool shown;
	char *why = NULL;
	int err;

	mine.as = ue->as;
	err = ue_keyserver_new(&mine, &at, &keyserver_ops, ue, &ue->keyserver, &shown, &why);
	if (err < 0) {
		log_error("%s", why);
		free(why);
		return err;
	}
	if (shown)
		log_warn("%s: others than its owner may read it", config->keys_file);
	if (ue_keyserver_keys(ue->keyserver) == 0)
		log_warn("%s has no key: nobody but us can be in", config->keys_file);
	ue->ev_late = evtimer_new(ue->base, on_late, ue);
	ue->ev_age = event_new(ue->base, -1, EV_PERSIST, on_age, ue);
	event_add(ue->ev_age, &(struct timeval){AGE_S, 0});
	ue_msrp_take_frames(ue->msrp, true);
	return 0;
}

void ue_serve_close(struct ue *ue)
{
	ue_keyserver_free(&ue->keyserver);
	if (ue->ev_late)
		event_free(ue->ev_late);
	if (ue->ev_age)
		event_free(ue->ev_age);
	ue->ev_late = ue->ev_age = NULL;
}

bool ue_serve_agreed(struct ue *ue, const struct sdp_media *m)
{
	/* Whoever takes keys of ours gives us none. */
	if (!ue->keyserver || m->n_key_mgmt > 0 || !ue_sdp_takes_frames(m))
		return false;
	ue_keyserver_room(ue->keyserver, ue->names.conference);
	ue_seal_own(ue->seal);
	return true;
}

void ue_serve_take(struct slice body, void *arg)
{
	struct ue *ue = arg;
	struct keyserver_now at = now(ue);

	ue_keyserver_room(ue->keyserver, ue->names.conference);
	ue_keyserver_take(ue->keyserver, body, &at);
}

void ue_serve_gone(struct ue *ue, const char *why)
{
	bool served = ue->keyserver && ue_keyserver_serves(ue->keyserver);

	if (!ue->keyserver)
		return;
	evtimer_del(ue->ev_late);
	ue_keyserver_gone(ue->keyserver);
	if (served)
		ue->ops->not_serving(why, ue->arg);
}

void ue_serve_sent(struct ue *ue, int status, const char *reason)
{
	if (status == 200 || status == 0 || !ue->keyserver) /* 0: the session is lost, as is told */
		return;
	log_warn("keys were refused: %d %s", status, reason);
	ue_serve_gone(ue, status == 403 ? "the conference has another key server"
					: "the conference did not take our keys");
}

bool ue_each_key(const struct ue *ue, ue_key_holder_fn *fn, void *arg)
{
	if (!ue->keyserver || !ue_keyserver_serves(ue->keyserver))
		return false;
	ue_keyserver_each(ue->keyserver, fn, arg);
	return true;
}
