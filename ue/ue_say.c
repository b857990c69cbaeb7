/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of a UE in its conference, in and out: text, files, notifications and indications. In a sealed
 * conference each is sealed before it goes and opened before anything else looks at it.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "ue/ue_part.h"
#include "ue/ue_priv.h"
#include "ue/ue_records.h"

#define LOG_PLACE "ue"

/* --- what comes --- */

static void show(const struct ue_message *m, void *arg)
{
	struct ue *ue = arg;
	bool from_room = !ue_names_private(&ue->names, m->cpim.from, ue->as);

	if (ue_signals_take(ue->signals, m, from_room))
		return;
	ue->ops->message(m, ue_names_private(&ue->names, m->cpim.to, ue->as), ue->arg);
	ue_signals_shown(ue->signals, m);
}

/* The focus has no key: what it tells in its own name (summaries of notifications) is not sealed. */
static bool is_of_the_focus(const struct ue *ue, const struct ue_message *m)
{
	return !ue_names_private(&ue->names, m->cpim.from, ue->as) &&
	       (m->cpim.kind == CPIM_IMDN ||
		slice_istarts(m->cpim.content_disposition, SLICE_LIT("notification")));
}

void ue_take_message(const struct ue_message *m, void *arg)
{
	struct ue *ue = arg;

	if (!ue_seal_on(ue->seal) || is_of_the_focus(ue, m))
		show(m, ue);
	else if (ue_seal_is_sealed(&m->cpim))
		ue_seal_take(ue->seal, m);
	else
		ue_seal_refuse(ue->seal, m);
}

void ue_take_key(struct slice mikey, void *arg)
{
	struct ue *ue = arg;

	if (ue->seal)
		ue_seal_key(ue->seal, mikey);
}

bool ue_take_growing(const char *id, const struct ue_source *here, void *arg)
{
	struct ue *ue = arg;

	return ue_seal_on(ue->seal) && ue_seal_growing(ue->seal, id, here);
}

void ue_take_gone(const char *id, void *arg)
{
	struct ue *ue = arg;

	if (ue->seal)
		ue_seal_gone(ue->seal, id);
}

/* --- what goes --- */

/* From, To and DateTime of a message of ours. */
void ue_cpim_to(const struct ue *ue, const char *to, char when[CLOCK_RFC3339_SIZE],
		struct cpim_fields *f)
{
	const char *room =
		ue_seal_on(ue->seal) ? ue_seal_conference(ue->seal) : ue->names.conference;

	f->from_display = slice_str(ue->display);
	f->from_uri = slice_str(ue->as);
	f->to_uri = slice_str(to ? to : room);
	f->date_time = slice_str(clock_rfc3339(ue_seal_wall_ms(ue->seal), when));
}

static int send_sealed_file(struct ue *ue, struct cpim_fields *f, const struct ue_source *from_take,
			    unsigned ticket)
{
	struct ue_octets octets;
	struct ue_seal_id id;
	uint64_t size;
	int err = ue_seal_file(ue->seal, f, from_take, &id, &octets, &size);

	return err < 0 ? err : ue_msrp_send_octets(ue->msrp, f, NULL, NULL, &octets, size, ticket);
}

/* to: as of ue_say. */
static int send_text(struct ue *ue, const char *to, struct cpim_fields *f, struct slice payload,
		     unsigned ticket)
{
	struct bytes sealed = BYTES_INIT;
	struct ue_seal_id id;
	int err;

	if (!ue_seal_on(ue->seal))
		return ue_msrp_send(ue->msrp, f, payload, ticket);
	if (payload.len > UE_SEAL_TEXT_MAX && to && ue_seal_reaches(ue->seal, to))
		return -ERR_LIMIT; /* as a file all could read it */
	if (payload.len > UE_SEAL_TEXT_MAX)
		return send_sealed_file(
			ue, f, &(struct ue_source){.mem = payload, .fd = -1, .size = payload.len},
			ticket);
	err = ue_seal_text(ue->seal, f, payload, to != NULL, &id, &sealed);
	if (err == 0)
		err = ue_msrp_send(ue->msrp, f, bytes_slice(&sealed), ticket);
	bytes_fini(&sealed);
	return err;
}

static void on_signal(const char *to, struct cpim_fields *f, struct slice document, void *arg)
{
	struct ue *ue = arg;
	char when[CLOCK_RFC3339_SIZE];

	if (!ue->up || ue->leaving)
		return;
	ue_cpim_to(ue, to, when, f);
	if (send_text(ue, to, f, document, 0) < 0)
		log_debug("a notification was not sent");
}

static void on_receipt(const struct ue_receipt *receipt, void *arg)
{
	struct ue *ue = arg;

	ue->ops->receipt(receipt, ue->arg);
}

static void on_typing(struct slice who, bool active, void *arg)
{
	struct ue *ue = arg;

	ue->ops->typing(who, active, ue->arg);
}

const struct ue_signals_ops ue_signal_ops = {
	.send = on_signal,
	.receipt = on_receipt,
	.typing = on_typing,
};

static void on_send_key(struct slice mikey, void *arg)
{
	struct ue *ue = arg;

	if (ue_msrp_send_key(ue->msrp, mikey) < 0)
		log_debug("a key message was not sent");
}

static void on_dropped(const struct ue_dropped *d, void *arg)
{
	struct ue *ue = arg;

	ue->ops->dropped(d, ue->arg);
}

static void on_epoch(const struct gkid *id, void *arg)
{
	struct ue *ue = arg;

	ue->ops->epoch(id, ue->n_key_members, ue->arg);
	ue_files_key(ue->files);
}

static void on_clock(int64_t behind_s, void *arg)
{
	struct ue *ue = arg;

	ue->ops->clock(behind_s, ue->arg);
}

static void on_trouble(const char *text, void *arg)
{
	struct ue *ue = arg;

	ue->ops->trouble(text, ue->arg);
}

const struct ue_seal_ops ue_sealed_ops = {
	.trouble = on_trouble,
	.send_key = on_send_key,
	.opened = show,
	.dropped = on_dropped,
	.epoch = on_epoch,
	.clock = on_clock,
};

struct ue_said ue_said(const struct ue *ue)
{
	return ue_seal_on(ue->seal) ? ue_seal_said(ue->seal) : (struct ue_said){.sealed = false};
}

int ue_say(struct ue *ue, const char *to, struct slice text, unsigned ticket)
{
	struct cpim_fields f = {.content_type = SLICE_LIT("text/plain;charset=UTF-8")};
	char when[CLOCK_RFC3339_SIZE];
	struct ue_signals_id id;
	int err;

	ue_cpim_to(ue, to, when, &f);
	ue_signals_saying(ue->signals, &f, &id);
	err = send_text(ue, to, &f, text, ticket);
	ue_signals_said(ue->signals, &id, ticket, err);
	return err;
}

int ue_send_file(struct ue *ue, const char *name, const char *type, int fd_take, uint64_t size,
		 unsigned ticket)
{
	struct cpim_fields f = {.content_type = slice_str(type)};
	char when[CLOCK_RFC3339_SIZE], *disposition;
	int err;

	ue_cpim_to(ue, NULL, when, &f);
	disposition = ue_range_disposition(name, &(struct ue_range){.total = size});
	f.content_disposition = slice_str(disposition);
	if (ue_seal_on(ue->seal)) {
		err = send_sealed_file(ue, &f, &(struct ue_source){.fd = fd_take, .size = size},
				       ticket);
	} else {
		err = ue_msrp_send_file(ue->msrp, &f, fd_take, size, ticket);
	}
	free(disposition);
	return err;
}
