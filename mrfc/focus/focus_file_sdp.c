/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offers and answers for files, RFC 5547 section 8: a push is answered recvonly with its selector
 * and id, refused with port 0 under the same names; each receiver gets a push of ours under a new
 * id. Lines keep their places; what is no file or not wanted stays as a refused line.
 */
#include "mrfc/focus/focus_file_sdp.h"

#include <stdlib.h>

#include "common/mem.h"
#include "common/rand.h"

#define TRANSFER_ID_LEN 32 /* characters: over 64 random bits (RFC 5547 section 6) */

void file_sdp_set(struct file_sdp_local *l, size_t i, const struct media_result *result)
{
	struct file_sdp_line *line = &l->line[i];

	free(line->path);
	free(line->host);
	free(line->fingerprint);
	line->path = xstrdup(result->local_path);
	line->fingerprint = NULL;
	if (slice_starts(slice_str(line->path), SLICE_LIT("msrps:")) && result->fingerprint != NULL)
		line->fingerprint = xstrdup(result->fingerprint);
	line->host = xstrdup(result->host);
	line->port = result->port;
}

void file_sdp_close(struct file_sdp_local *l, size_t i)
{
	free(l->line[i].path);
	l->line[i].path = NULL;
}

void file_sdp_fini(struct file_sdp_local *l)
{
	for (size_t i = 0; i < SDP_MAX_MEDIA; i++) {
		free(l->line[i].path);
		free(l->line[i].host);
		free(l->line[i].fingerprint);
		free(l->line[i].transfer_id);
	}
	bytes_fini(&l->last);
	*l = (struct file_sdp_local){0};
}

static int parse(struct slice text, bool strict, struct sdp_session *sdp_r)
{
	int err = sdp_parse_msrp(text, true, sdp_r);

	return err != 0 && !strict ? sdp_parse_msrp(text, false, sdp_r) : err;
}

bool file_sdp_is_offer(struct slice text, bool strict)
{
	struct sdp_session sdp;
	bool file = false, chat = false;

	/* Every other offer is spared a second parse. */
	if (slice_find(text, SLICE_LIT("file-")) < 0 || parse(text, strict, &sdp) != 0)
		return false;
	for (size_t i = 0; i < sdp.n_media; i++) {
		const struct sdp_media *m = &sdp.media[i];

		if (!m->is_message || m->port == 0)
			continue;
		file = file || sdp_is_file(m);
		chat = chat || !sdp_is_file(m);
	}
	sdp_fini(&sdp);
	return file && !chat;
}

/* 0, or 488 and why: may this line of an offer be passed on? */
static int judge_offer(const struct sdp_media *m, uint64_t max_file, bool by_name,
		       struct focus_sdp_why *why_r)
{
	int status = sdp_push_problem(m, by_name, &why_r->text);

	if (status == 0 && sdp_is_websocket(m)) {
		why_r->text = "files do not go over WebSocket here";
		status = 488;
	}
	if (status == 0 && max_file != 0 && m->file->has_size && m->file->size > max_file) {
		why_r->text = "the file is larger than allowed";
		status = 488;
	}
	return status;
}

int file_sdp_read(struct slice text, bool answer, size_t n, uint64_t max_file,
		  const struct focus_sdp_policy *policy, struct sdp_session *sdp_r,
		  uint32_t *good_r, struct focus_sdp_why *why_r)
{
	struct focus_sdp_peer p = {.chat = 0};
	struct sdp_session sdp;
	uint32_t good = 0;

	*why_r = (struct focus_sdp_why){399, "not a session description"};
	if (parse(text, policy->strict, &sdp) != 0)
		return 400;
	*why_r = (struct focus_sdp_why){305, "no file is taken"};
	for (size_t i = 0; i < sdp.n_media && (!answer || i < n); i++) {
		const struct sdp_media *m = &sdp.media[i];
		int status = 0;

		if (!m->is_message || m->port == 0)
			continue;
		if (!answer)
			status = judge_offer(m, max_file, policy->by_name, why_r);
		else if (!m->path || m->dir == SDP_SENDONLY || m->dir == SDP_INACTIVE)
			status = 488;
		if (status == 0)
			status = focus_sdp_check_line(m, answer, policy, &p, why_r);
		if (status == 0)
			good |= UINT32_C(1) << i;
	}
	if (good == 0 || (answer && sdp.n_media != n)) {
		sdp_fini(&sdp);
		return 488;
	}
	*sdp_r = sdp;
	*good_r = good;
	return 0;
}

#define SEALED "The conference is end-to-end protected: "

const char *file_sdp_leak(const struct sdp_file *file)
{
	if (file->name != NULL)
		return SEALED
			"the name in a=file-selector would tell the server, it belongs inside";
	if (file->n_hashes > 0)
		return SEALED "the hash in a=file-selector would tell the server";
	if (file->type == NULL || !slice_ieq_str(slice_str(file->type), "application/octet-stream"))
		return SEALED "a=file-selector says type:application/octet-stream of every file";
	if (file->date != NULL)
		return SEALED "a=file-date would tell the server";
	if (file->icon != NULL)
		return SEALED "a=file-icon would tell the server";
	if (file->has_range && (file->range_start != 1 || file->range_stop != 0))
		return SEALED "a sealed file is sent whole, without a=file-range";
	return NULL;
}

int file_sdp_judge_sealed(const struct sdp_session *sdp, struct focus_sdp_why *why_r)
{
	for (size_t i = 0; i < sdp->n_media; i++) {
		const struct sdp_media *m = &sdp->media[i];
		const char *why = NULL;

		if (m->is_message && m->port != 0 && sdp_is_file(m))
			why = file_sdp_leak(m->file);
		if (why != NULL) {
			*why_r = (struct focus_sdp_why){399, why};
			return 488;
		}
	}
	return 0;
}

void file_sdp_remote(const struct sdp_session *sdp, size_t i, bool answer,
		     const struct focus_sdp_policy *policy, char connect[300],
		     struct media_remote *remote_r)
{
	struct focus_sdp_peer p = {.sdp = *sdp, .chat = i}; /* borrowed */
	struct focus_sdp_why why;

	if (focus_sdp_check_line(&sdp->media[i], answer, policy, &p, &why) != 0)
		p.connect[0] = '\0'; /* it was checked when it was read */
	focus_sdp_remote(&p, answer, policy, remote_r);
	memcpy(connect, p.connect, sizeof(p.connect));
	remote_r->connect = connect[0] != '\0' ? connect : NULL;
	remote_r->direction = answer ? SDP_RECVONLY : SDP_SENDONLY;
	remote_r->accept_wrapped_types = NULL;
}

bool file_sdp_misfit(const struct file_sdp_local *l, size_t i, const struct sdp_media *m)
{
	return (m->transport == SDP_TCP_TLS_MSRP) != (l->line[i].fingerprint != NULL);
}

/* A line as it was offered, refused. */
static struct sdp_media refused(const struct sdp_media *m)
{
	return (struct sdp_media){.type = m->type,
				  .is_message = m->is_message,
				  .transport = m->transport,
				  .proto = m->proto,
				  .formats = m->formats};
}

static struct sdp_media own(const struct file_sdp_line *line, const struct sdp_media *m)
{
	struct sdp_media mine = refused(m);

	if (line->fingerprint != NULL) {
		mine.fingerprints[0] = line->fingerprint;
		mine.n_fingerprints = 1;
	}
	mine.transport = line->fingerprint != NULL ? SDP_TCP_TLS_MSRP : SDP_TCP_MSRP;
	mine.proto = (char *)(line->fingerprint != NULL ? "TCP/TLS/MSRP" : "TCP/MSRP");
	mine.port = line->port;
	mine.host = line->host;
	mine.host_is_v6 = strchr(line->host, ':') != NULL;
	mine.path = line->path;
	mine.accept_types = m->accept_types;
	mine.accept_wrapped_types = m->accept_wrapped_types;
	return mine;
}

void file_sdp_answer(struct file_sdp_local *l, const struct sdp_session *offer, const char *host,
		     uint64_t max_size, const struct focus_sdp_policy *policy)
{
	struct sdp_media media[SDP_MAX_MEDIA];
	struct sdp_session s = {.media = media, .n_media = offer->n_media};
	struct sdp_file file[SDP_MAX_MEDIA];

	for (size_t i = 0; i < s.n_media; i++) {
		const struct sdp_media *m = &offer->media[i];
		const struct file_sdp_line *line = &l->line[i];

		media[i] = line->path != NULL ? own(line, m) : refused(m);
		if (line->path != NULL) {
			media[i].max_size = max_size;
			media[i].setup = focus_sdp_setup(m, policy);
			media[i].dir = m->dir == SDP_RECVONLY ? SDP_SENDONLY : SDP_RECVONLY;
		}
		if (m->file == NULL)
			continue;
		file[i] = *m->file; /* borrowed; without what an answer does not have (8.3.1) */
		file[i].disposition = file[i].date = file[i].icon = NULL;
		media[i].file = &file[i];
	}
	focus_sdp_write(&s, host, &l->origin_id, &l->version, &l->last);
}

void file_sdp_offer(struct file_sdp_local *l, const struct sdp_session *from, const char *host,
		    bool icons)
{
	struct sdp_media media[SDP_MAX_MEDIA];
	struct sdp_session s = {.media = media, .n_media = from->n_media};
	struct sdp_file file[SDP_MAX_MEDIA];

	for (size_t i = 0; i < s.n_media; i++) {
		const struct sdp_media *m = &from->media[i];
		struct file_sdp_line *line = &l->line[i];

		media[i] = line->path != NULL ? own(line, m) : refused(m);
		if (line->path == NULL)
			continue;
		if (line->transfer_id == NULL) {
			line->transfer_id = xcalloc(1, TRANSFER_ID_LEN + 1);
			rand_ident(line->transfer_id, TRANSFER_ID_LEN);
		}
		media[i].setup = SDP_SETUP_ACTPASS;
		media[i].dir = SDP_SENDONLY;
		file[i] = *m->file; /* borrowed */
		file[i].transfer_id = line->transfer_id;
		if (!icons)
			file[i].icon = NULL;
		media[i].file = &file[i];
	}
	focus_sdp_write(&s, host, &l->origin_id, &l->version, &l->last);
}
