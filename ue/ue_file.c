/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pushing and receiving files, RFC 5547: one call, one m-line, one message each. A receiver writes
 * octets where they belong as they come and compares the hash of the whole at the end; a sender
 * hangs up when its last octet was answered. Names of files are never used here.
 */
#include "ue/ue_file.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/digest.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rand.h"
#include "common/tls.h"
#include "ue/ue_file_priv.h"
#include "ue/ue_sdp.h"

#define LOG_PLACE "ue_file"

#define TRANSFER_ID_LEN 32

struct ue_files *ue_files_new(struct event_base *base, struct ue_sip *sip,
			      struct resolver *resolver, const struct addr *listen, struct tls *tls,
			      const struct ue_files_ops *ops, void *arg)
{
	struct ue_files *files = xcalloc(1, sizeof(*files));

	files->base = base;
	files->sip = sip;
	files->resolver = resolver;
	files->listen = *listen;
	files->tls = tls;
	files->ops = ops;
	files->arg = arg;
	LIST_INIT(&files->all);
	ue_files_parts_open(files);
	return files;
}

void ue_files_secure(struct ue_files *files, bool on)
{
	files->secure = on;
}

void ue_files_seal(struct ue_files *files, struct ue_seal *seal)
{
	files->seal = seal;
}

void ue_file_free(struct ue_file *f)
{
	LIST_REMOVE(f, link);
	ue_msrp_free(&f->msrp);
	if (f->fd >= 0)
		close(f->fd);
	if (f->octets.drop)
		f->octets.drop(f->octets.arg);
	if (f->ev_key)
		event_free(f->ev_key);
	ue_seal_push_free(&f->sealed);
	ue_part_free(&f->part);
	free(f->sealed_from);
	sdp_file_fini(&f->file);
	bytes_fini(&f->last);
	free(f);
}

void ue_files_free(struct ue_files **files)
{
	if (!*files)
		return;
	while (!LIST_EMPTY(&(*files)->all))
		ue_file_free(LIST_FIRST(&(*files)->all));
	ue_files_parts_close(*files);
	free(*files);
	*files = NULL;
}

bool ue_files_sending(const struct ue_files *files)
{
	const struct ue_file *f;

	LIST_FOREACH(f, &files->all, link)
		if (f->sending && !f->told)
			return true;
	return false;
}

/* What became of it, told once. */
void ue_file_tell(struct ue_file *f, int result, const char *reason)
{
	struct ue_files *files = f->set;

	if (f->told)
		return;
	f->told = true;
	if (f->sending)
		files->ops->sent(f->ticket, result, reason, files->arg);
	else if (f->sealed)
		ue_file_tell_sealed(f, result, reason);
	else
		files->ops->received(f->ticket, result, f->from + f->done, reason, false,
				     files->arg);
}

void ue_file_finish(struct ue_file *f, int result, const char *reason)
{
	ue_file_tell(f, result, reason);
	if (f->call)
		ue_call_bye(f->call);
}

/* --- hashes --- */

/* SHA-1 of the first size octets, as a selector has it; false: they cannot be read. */
static bool hash_file(int fd, uint64_t size, struct bytes *out)
{
	struct digest *d = digest_new_sha1();
	uint8_t value[DIGEST_SHA1_LEN];
	char buf[65536];
	uint64_t at = 0;
	ssize_t n = 1;

	while (at < size && n > 0) {
		size_t want = size - at < sizeof(buf) ? (size_t)(size - at) : sizeof(buf);

		n = pread(fd, buf, want, (off_t)at);
		if (n > 0) {
			digest_add(d, slice_make(buf, (size_t)n));
			at += (uint64_t)n;
		}
	}
	digest_finish_sha1(&d, value);
	sdp_file_hash_text(out, "sha-1", value, sizeof(value));
	return at == size;
}

/* Is the whole what was announced (FT-007)? Hashes of other kinds are not judged. */
static bool is_sound(const struct ue_file *f, uint64_t size)
{
	struct bytes text = BYTES_INIT;
	bool ok = !f->file.has_size || f->file.size == size;

	for (size_t i = 0; ok && i < f->file.n_hashes; i++) {
		struct slice hash = slice_str(f->file.hashes[i]);

		if (!slice_istarts(hash, SLICE_LIT("sha-1:")))
			continue;
		bytes_reset(&text);
		ok = hash_file(f->fd, size, &text) && slice_ieq(hash, bytes_slice(&text));
	}
	bytes_fini(&text);
	return ok;
}

/* --- media --- */

static void on_up(void *arg)
{
	struct ue_file *f = arg;
	struct ue_octets octets = f->octets;
	int fd = f->fd, err;

	if (!f->sending || (fd < 0 && !octets.read))
		return;
	f->fd = -1; /* the session's now, as the octets are */
	f->octets = (struct ue_octets){0};
	err = octets.read ? ue_msrp_send_octets(f->msrp, NULL, f->file.type,
						"Content-Encoding: aes128gcm\r\n", &octets, f->size,
						f->ticket)
			  : ue_msrp_send_raw(f->msrp, f->file.type, fd, f->from, f->size - f->from,
					     f->ticket);
	if (err < 0)
		ue_file_finish(f, err == -ERR_LIMIT ? 413 : UE_FILE_LOST, "not sent");
}

static void on_down(const char *why, void *arg)
{
	ue_file_finish(arg, UE_FILE_LOST, why);
}

static void on_sent(unsigned ticket, int status, const char *reason, void *arg)
{
	struct ue_file *f = arg;

	(void)ticket;
	ue_file_finish(f, status == 0 ? UE_FILE_LOST : status, reason);
}

static int on_octets(uint64_t pos, struct slice piece, void *arg)
{
	struct ue_file *f = arg;
	uint64_t at = f->from + pos;

	if (f->sealed)
		return ue_file_sealed_octets(f, pos, piece);
	if (f->sending || f->fd < 0 || f->told)
		return 413;
	if (f->size && (at > f->size || piece.len > f->size - at))
		return 413; /* more than was announced */
	if (pwrite(f->fd, piece.ptr, piece.len, (off_t)at) != (ssize_t)piece.len)
		return 413;
	f->done = pos + piece.len;
	f->set->ops->progress(at + piece.len, f->size, f->set->arg);
	return 200;
}

static int on_whole(uint64_t size, void *arg)
{
	struct ue_file *f = arg;

	if (f->sealed)
		return ue_file_sealed_whole(f);
	if (f->sending || f->told)
		return 413;
	ue_file_tell(f, is_sound(f, f->from + size) ? UE_FILE_OK : UE_FILE_DAMAGED, NULL);
	return 200; /* the focus hangs up */
}

static void on_stopped(void *arg)
{
	ue_file_tell(arg, UE_FILE_STOPPED, NULL);
}

static void on_nickname(unsigned ticket, int status, const char *reason, void *arg)
{
	(void)ticket;
	(void)status;
	(void)reason;
	(void)arg;
}

static const struct ue_msrp_ops msrp_ops = {.up = on_up,
					    .down = on_down,
					    .sent = on_sent,
					    .nickname = on_nickname,
					    .octets = on_octets,
					    .whole = on_whole,
					    .stopped = on_stopped};

int ue_file_new(struct ue_files *files, bool sending, struct ue_file **file_r)
{
	struct ue_file *f = xcalloc(1, sizeof(*f));
	int err = ue_msrp_open(files->base, files->resolver, &files->listen, files->tls, &msrp_ops,
			       f, &f->msrp);

	if (err < 0) {
		free(f);
		return err;
	}
	f->set = files;
	f->sending = sending;
	f->fd = -1;
	f->sdp_id = clock_wall_ms();
	LIST_INSERT_HEAD(&files->all, f, link);
	*file_r = f;
	return 0;
}

/* --- descriptions --- */

void ue_file_describe(struct ue_file *f, enum sdp_setup setup, uint16_t port)
{
	char host[ADDR_STRLEN];
	struct sdp_media line;
	struct sdp_session sdp = {.origin_user = (char *)"-",
				  .origin_id = f->sdp_id,
				  .origin_version = ++f->sdp_version,
				  .media = &line,
				  .n_media = 1};

	sdp.origin_host = (char *)(uintptr_t)addr_host(ue_sip_addr(f->set->sip), host);
	sdp.origin_v6 = addr_is_v6(ue_sip_addr(f->set->sip));
	line = (struct sdp_media){
		.type = (char *)"message",
		.is_message = true,
		.formats = (char *)"*",
		.port = port,
		.host = sdp.origin_host,
		.host_is_v6 = sdp.origin_v6,
		.path = (char *)(uintptr_t)ue_msrp_path(f->msrp),
		.accept_types = f->sending ? f->file.type : (char *)"*",
		.setup = setup,
		.dir = f->sending ? SDP_SENDONLY : SDP_RECVONLY,
		.file = &f->file,
	};
	ue_sdp_transport(&line, f->secure ? tls_fingerprint(f->set->tls) : NULL);
	bytes_reset(&f->last);
	sdp_build(&f->last, &sdp);
}

/* The peer's line is known; over TLS with whom it names, if that was agreed. */
int ue_file_start(struct ue_file *f, const struct sdp_media *m, bool active)
{
	struct fingerprint_list pins;
	bool tls = ue_sdp_pins(m, &pins);

	return tls != f->secure ? -ERR_UNSUPPORTED
				: ue_msrp_start(f->msrp, m->path, active, tls ? &pins : NULL);
}

void ue_file_make_secure(struct ue_file *f, bool on)
{
	f->secure = on;
	ue_msrp_secure(f->msrp, on);
}

int ue_file_call(struct ue_file *f, const char *uri)
{
	int err = ue_call_invite(f->set->sip, uri, bytes_slice(&f->last), &f->call);

	if (err < 0)
		ue_file_free(f);
	return err;
}

int ue_files_push(struct ue_files *files, const char *uri, const char *name, const char *type,
		  int fd_take, uint64_t size, uint64_t from, unsigned ticket)
{
	struct bytes hash = BYTES_INIT;
	char id[TRANSFER_ID_LEN + 1];
	struct ue_file *f;
	int err = ue_file_new(files, true, &f);

	if (err < 0) {
		close(fd_take);
		return err;
	}
	ue_file_make_secure(f, files->secure);
	f->ticket = ticket;
	f->fd = fd_take;
	f->size = size;
	f->from = from;
	rand_ident(id, TRANSFER_ID_LEN);
	f->file = (struct sdp_file){.has_selector = true,
				    .name = xstrdup(name),
				    .type = xstrdup(type),
				    .has_size = size > 0,
				    .size = size,
				    .transfer_id = xstrdup(id),
				    .disposition = xstrdup("attachment"),
				    .has_range = from > 0,
				    .range_start = from + 1};
	err = hash_file(f->fd, size, &hash) ? 0 : -ERR_IO;
	f->file.hashes[f->file.n_hashes++] = bytes_take(&hash);
	ue_file_describe(f, SDP_SETUP_ACTPASS, ue_msrp_port(f->msrp));
	if (err == 0)
		return ue_file_call(f, uri);
	ue_file_free(f);
	return err;
}

void ue_files_stop(struct ue_files *files)
{
	struct ue_file *f, *next;

	for (f = LIST_FIRST(&files->all); f; f = next) {
		next = LIST_NEXT(f, link);
		if (!f->sending || f->told)
			continue;
		ue_msrp_abort(f->msrp);
		ue_file_finish(f, UE_FILE_STOPPED, "given up");
	}
}
