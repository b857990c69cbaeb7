/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of sealed conferences in calls of their own: descriptions tell the sealed size alone; what
 * comes is opened as it comes, waits for a key that is a little late unread, and is thrown away when any
 * of it is not genuine. The sender gets the same answers whatever becomes of it.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/rand.h"
#include "proto/media_type.h"
#include "ue/ue_file_priv.h"
#include "ue/ue_held.h"
#include "ue/ue_records.h"

#define SEALED_TYPE     "application/octet-stream"
#define TRANSFER_ID_LEN 32

int ue_files_push_sealed(struct ue_files *files, const char *uri,
			 const struct ue_octets *octets_take, uint64_t size, unsigned ticket)
{
	char id[TRANSFER_ID_LEN + 1];
	struct ue_file *f;
	int err = ue_file_new(files, true, &f);

	if (err < 0) {
		octets_take->drop(octets_take->arg);
		return err;
	}
	ue_file_make_secure(f, files->secure);
	f->ticket = ticket;
	f->octets = *octets_take;
	f->size = size;
	rand_ident(id, TRANSFER_ID_LEN);
	f->file = (struct sdp_file){.has_selector = true,
				    .type = xstrdup(SEALED_TYPE),
				    .has_size = true,
				    .size = size,
				    .transfer_id = xstrdup(id),
				    .disposition = xstrdup("attachment")};
	ue_file_describe(f, SDP_SETUP_ACTPASS, ue_msrp_port(f->msrp));
	return ue_file_call(f, uri);
}

bool ue_file_is_sealed(const struct sdp_file *file)
{
	return !file->name && file->n_hashes == 0 && !file->has_range &&
	       slice_ieq_str(slice_str(file->type), SEALED_TYPE);
}

static void tell_unopened(struct ue_file *f, const char *reason)
{
	f->set->ops->unopened(
		&(struct ue_dropped){.from = slice_str(f->sealed_from),
				     .size = f->done,
				     .epoch = ue_seal_push_epoch(f->sealed),
				     .replay = ue_seal_push_is_replay(f->sealed),
				     .why = reason ? reason : "it stopped before its end"},
		f->set->arg);
}

/* --- what is opened --- */

/* Its first octets: where to they go. */
static const char *begin(struct ue_file *f, const struct gke_inner *inner, struct slice name,
			 const struct ue_range *range, uint32_t epoch)
{
	struct sdp_file what = {.has_selector = true, .transfer_id = f->file.transfer_id};
	char *from = slice_dup(inner->from);

	what.has_size = range->digest[0] != '\0';
	what.size = range->total;
	what.name = name.len ? slice_dup(name) : NULL;
	what.type = slice_dup(inner->content_type);
	f->fd = f->set->ops->offered(from, &what, epoch, &f->ticket, f->set->arg);
	f->described = f->fd >= 0;
	free(what.name);
	free(what.type);
	free(from);
	if (!f->described)
		return "it cannot be kept";
	if (range->digest[0]) {
		ue_parts_begin(f->set->parts, inner->from, name);
		f->part = ue_part_new(inner->from, name, range, f->fd, f->ticket);
		f->fd = -1; /* the part's now */
	}
	return NULL;
}

/* The rest of one that broke off. */
static const char *go_on_with(struct ue_file *f, const struct gke_inner *inner, struct slice name,
			      const struct ue_range *range, uint32_t epoch)
{
	f->part = ue_parts_take(f->set->parts, inner->from, name, range, f->why);
	if (!f->part)
		return f->why;
	f->ticket = ue_part_ticket(f->part);
	f->described = true;
	f->set->ops->resumed(f->ticket, epoch, f->set->arg);
	return NULL;
}

static const char *on_begun(const struct gke_inner *inner, uint32_t epoch, void *arg)
{
	struct slice name = media_type_param(inner->disposition, "filename");
	struct ue_range range;

	if (ue_range_read(inner->disposition, &range) < 0)
		return "what its sender says of its size, its digest or where it goes on makes no sense";
	return range.first > 1 ? go_on_with(arg, inner, name, &range, epoch)
			       : begin(arg, inner, name, &range, epoch);
}

static int on_plain(struct slice plain, void *arg)
{
	struct ue_file *f = arg;

	if (f->part)
		return ue_part_write(f->part, plain);
	f->n_plain += plain.len;
	return ue_records_write(f->fd, plain);
}

static const struct ue_seal_push_ops push_ops = {.begun = on_begun, .octets = on_plain};

void ue_file_expect_sealed(struct ue_file *f, const char *from)
{
	f->sealed_from = xstrdup(from);
	f->sealed = ue_seal_push_new(f->set->seal, from, &push_ops, f);
}

/* --- what broke off --- */

#define AGE_S 60 /* parts are looked at */

static void on_parts(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval later = {AGE_S, 0};
	struct ue_files *files = arg;

	(void)fd;
	(void)what;
	if (ue_parts_age(files->parts, clock_now_ms()))
		evtimer_add(files->ev_parts, &later);
}

static void on_gone(unsigned ticket, void *arg)
{
	struct ue_files *files = arg;

	files->ops->forgotten(ticket, files->arg);
}

void ue_files_parts_open(struct ue_files *files)
{
	files->parts = ue_parts_new(on_gone, files);
	files->ev_parts = evtimer_new(files->base, on_parts, files);
}

void ue_files_parts_close(struct ue_files *files)
{
	ue_parts_free(&files->parts);
	event_free(files->ev_parts);
}

void ue_file_tell_sealed(struct ue_file *f, int result, const char *reason)
{
	struct ue_files *files = f->set;
	uint64_t size = f->part ? ue_part_there(f->part) : f->n_plain;
	bool kept = f->part && result != UE_FILE_OK && result != UE_FILE_DAMAGED && size > 0;

	if (!f->described) {
		tell_unopened(f, reason);
		return;
	}
	if (kept) {
		ue_parts_keep(files->parts, f->part, clock_now_ms());
		f->part = NULL;
		on_parts(-1, 0, files);
	}
	files->ops->received(f->ticket, result, size, reason, kept, files->arg);
}

/* Nothing of it is kept. The call goes on until the focus ends it. */
static void throw_away(struct ue_file *f, const char *why)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	ue_file_tell(f, UE_FILE_DAMAGED, why);
}

static void end(struct ue_file *f)
{
	if (ue_seal_push_end(f->sealed) < 0)
		throw_away(f, ue_seal_push_why(f->sealed));
	else if (f->part && !ue_part_is_whole(f->part))
		throw_away(f, "the whole is not the file that its sender said it is");
	else
		ue_file_tell(f, UE_FILE_OK, NULL);
}

/* --- its key is late --- */

static void on_key_late(evutil_socket_t fd, short what, void *arg)
{
	struct ue_file *f = arg;

	(void)fd;
	(void)what;
	if (!f->told)
		end(f); /* without its key */
	ue_msrp_hold(f->msrp, false);
}

static void wait_for_key(struct ue_file *f)
{
	struct timeval patience = {UE_HELD_MS / 1000, 0};

	if (f->ev_key)
		return;
	f->ev_key = evtimer_new(f->set->base, on_key_late, f);
	evtimer_add(f->ev_key, &patience);
	ue_msrp_hold(f->msrp, true);
}

static void go_on(struct ue_file *f)
{
	int err = ue_seal_push_go(f->sealed);

	if (err == -ERR_AGAIN)
		return;
	event_free(f->ev_key);
	f->ev_key = NULL;
	if (err < 0)
		throw_away(f, ue_seal_push_why(f->sealed));
	else if (f->whole)
		end(f);
	ue_msrp_hold(f->msrp, false);
}

void ue_files_key(struct ue_files *files)
{
	struct ue_file *f;

	LIST_FOREACH(f, &files->all, link)
		if (f->ev_key && !f->told)
			go_on(f);
}

/* --- what comes --- */

int ue_file_sealed_octets(struct ue_file *f, uint64_t pos, struct slice piece)
{
	int err;

	if (f->size && (pos > f->size || piece.len > f->size - pos))
		return 413; /* more than was announced */
	if (f->told)
		return 200;
	err = pos == f->done ? ue_seal_push_take(f->sealed, piece)
			     : ue_seal_push_skipped(f->sealed);
	f->done = pos + piece.len;
	if (err == -ERR_AGAIN)
		wait_for_key(f);
	else if (err < 0)
		throw_away(f, ue_seal_push_why(f->sealed));
	else
		f->set->ops->progress(f->done, f->size, f->set->arg);
	return 200;
}

int ue_file_sealed_whole(struct ue_file *f)
{
	f->whole = true;
	if (!f->told && !f->ev_key)
		end(f);
	return 200; /* the focus hangs up */
}
