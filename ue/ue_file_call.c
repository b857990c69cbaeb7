/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of files, RFC 5547: offers of pushes taken or refused, answers to ours, ends. A file is one
 * call with one m-line; what passes in it is ue_file.c's.
 */
#include <stdlib.h>
#include <unistd.h>

#include "ue/ue_file_priv.h"
#include "ue/ue_sdp.h"

static struct ue_file *find(struct ue_files *files, const struct ue_call *call)
{
	struct ue_file *f;

	LIST_FOREACH(f, &files->all, link)
		if (f->call == call)
			return f;
	return NULL;
}

/* The one file of an offer; NULL when it is not of that kind. */
static const struct sdp_media *pushed(const struct sdp_session *sdp)
{
	const char *why;

	for (size_t i = 0; i < sdp->n_media; i++) {
		const struct sdp_media *m = &sdp->media[i];

		if (m->is_message && m->port && sdp_is_file(m))
			return i == 0 && sdp->n_media == 1 && sdp_push_problem(m, false, &why) == 0
				       ? m
				       : NULL;
	}
	return NULL;
}

static bool is_file_offer(const struct sdp_session *sdp)
{
	for (size_t i = 0; i < sdp->n_media; i++)
		if (sdp->media[i].is_message && sdp->media[i].port)
			return sdp_is_file(&sdp->media[i]);
	return false;
}

static void accept_push(struct ue_files *files, struct ue_call *call, const char *from,
			const struct sdp_media *m)
{
	enum sdp_setup setup = m->setup == SDP_SETUP_ACTIVE ? SDP_SETUP_PASSIVE : SDP_SETUP_ACTIVE;
	unsigned ticket = 0;
	bool sealed = files->seal != NULL;
	int fd = sealed ? -1 : files->ops->offered(from, m->file, 0, &ticket, files->arg);
	struct ue_file *f;

	if (sealed ? !ue_file_is_sealed(m->file) || !files->ops->wanted(files->arg) : fd < 0) {
		ue_call_reject(call, 603);
		return;
	}
	if (ue_file_new(files, false, &f) < 0) {
		if (fd >= 0)
			close(fd);
		ue_call_reject(call, 603);
		return;
	}
	if (sealed)
		ue_file_expect_sealed(f, from);
	f->call = call;
	f->fd = fd;
	f->ticket = ticket;
	sdp_file_copy(&f->file, m->file);
	free(f->file.icon); /* not in an answer (RFC 5547 8.3.1) */
	free(f->file.date);
	free(f->file.disposition);
	f->file.icon = f->file.date = f->file.disposition = NULL;
	f->size = m->file->has_size ? m->file->size : 0;
	f->from = m->file->has_range ? m->file->range_start - 1 : 0;
	ue_file_make_secure(f, m->transport == SDP_TCP_TLS_MSRP);
	ue_file_describe(f, setup, ue_msrp_port(f->msrp));
	ue_call_accept(call, bytes_slice(&f->last));
	if (ue_file_start(f, m, setup == SDP_SETUP_ACTIVE) < 0)
		ue_file_finish(f, UE_FILE_LOST, "the MSRP session cannot be opened");
}

bool ue_files_invited(struct ue_files *files, struct ue_call *call, const char *from,
		      struct slice text)
{
	const struct sdp_media *m;
	struct sdp_session sdp;
	bool file;

	if (sdp_parse_msrp(text, false, &sdp) < 0)
		return false;
	file = is_file_offer(&sdp);
	m = pushed(&sdp);
	if (m)
		accept_push(files, call, from, m);
	else if (file)
		ue_call_reject(call, 488);
	sdp_fini(&sdp);
	return file;
}

bool ue_files_answered(struct ue_files *files, struct ue_call *call, struct slice text)
{
	struct ue_file *f = find(files, call);
	struct sdp_session sdp;

	if (!f)
		return false;
	if (sdp_parse_msrp(text, false, &sdp) < 0) {
		ue_file_finish(f, 488, "the answer has no usable description");
		return true;
	}
	if (sdp.n_media != 1 || !sdp.media[0].port || !sdp.media[0].path) {
		ue_file_finish(f, 488, "the file is not taken");
	} else {
		ue_msrp_limit(f->msrp, sdp.media[0].max_size);
		if (ue_file_start(f, &sdp.media[0], sdp.media[0].setup != SDP_SETUP_ACTIVE) < 0)
			ue_file_finish(f, UE_FILE_LOST, "the MSRP session cannot be opened");
	}
	sdp_fini(&sdp);
	return true;
}

bool ue_files_offered(struct ue_files *files, struct ue_call *call, struct slice text,
		      struct bytes *answer_r, int *status_r)
{
	struct ue_file *f = find(files, call);
	struct sdp_session sdp;

	if (!f)
		return false;
	*status_r = 200;
	if (text.len && sdp_parse_msrp(text, false, &sdp) < 0) {
		*status_r = 400;
		return true;
	}
	if (text.len) { /* port 0: done, or given up (8.4) */
		bool over = sdp.n_media != 1 || sdp.media[0].port == 0;

		sdp_fini(&sdp);
		if (over) {
			ue_file_describe(f, SDP_SETUP_NONE, 0);
			ue_file_tell(f, UE_FILE_STOPPED, "given up by the peer");
		}
	}
	bytes_add_slice(answer_r, bytes_slice(&f->last));
	return true;
}

bool ue_files_ended(struct ue_files *files, struct ue_call *call, int cause, const char *text)
{
	struct ue_file *f = find(files, call);

	if (!f)
		return false;
	f->call = NULL;
	ue_file_tell(f, cause >= 300 ? cause : UE_FILE_LOST, text[0] ? text : "hung up");
	ue_file_free(f);
	return true;
}
