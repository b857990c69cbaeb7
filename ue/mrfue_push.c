/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that the chat client pushes and receives by RFC 5547. What comes is written to a part file
 * in the download folder, named by the announced hash so that a later push can go on where one
 * broke off, and gets its own (safe, free) name when it is whole and sound. A part of a sealed file has a
 * random name, and lives no longer than we do.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/mem.h"
#include "common/rand.h"
#include "ue/mrfue_app.h"

#define PART_ID     24 /* characters of the hash or id in a part file's name */
#define FIRST_EVENT 1000000u

struct mrfue_incoming {
	struct mrfue_incoming *next;
	unsigned ticket;
	uint32_t epoch; /* of the key it is sealed with; 0: it is not */
	uint64_t total; /* of a sealed one that may go on; 0: not known */
	char *from, *name, *type, *part;
};

static struct mrfue_incoming **find(struct mrfue_app *app, unsigned ticket)
{
	struct mrfue_incoming **at = &app->incoming;

	while (*at && (*at)->ticket != ticket)
		at = &(*at)->next;
	return at;
}

static void drop(struct mrfue_incoming **at)
{
	struct mrfue_incoming *in = *at;

	*at = in->next;
	free(in->from);
	free(in->name);
	free(in->type);
	free(in->part);
	free(in);
}

/* Parts of sealed ones go on for as long as we know of them. */
void mrfue_incoming_free(struct mrfue_app *app)
{
	while (app->incoming) {
		if (app->incoming->epoch)
			unlink(app->incoming->part);
		drop(&app->incoming);
	}
}

/* DIR/NAME.ID.part: the same file is the same part again. One that is sealed has a part of its own. */
static char *part_path(const char *dir, const char *name, const struct sdp_file *file, bool sealed)
{
	const char *id = file->n_hashes ? strchr(file->hashes[0], ':') : NULL;
	char text[PART_ID + 1];
	size_t n = 0;

	if (sealed) {
		rand_ident(text, PART_ID);
		return xasprintf("%s/%s.%s.sealed.part", dir, name, text);
	}
	for (id = id ? id : file->transfer_id; *id && n < PART_ID; id++) {
		bool plain = (*id >= '0' && *id <= '9') || (*id >= 'A' && *id <= 'Z') ||
			     (*id >= 'a' && *id <= 'z');

		if (plain)
			text[n++] = *id;
	}
	text[n] = '\0';
	return xasprintf("%s/%s.%s.part", dir, name, text);
}

static bool is_in_use(const struct mrfue_app *app, const char *part)
{
	const struct mrfue_incoming *in;

	for (in = app->incoming; in; in = in->next)
		if (strcmp(in->part, part) == 0)
			return true;
	return false;
}

static bool from_start(const struct sdp_file *file)
{
	return !file->has_range || file->range_start == 1;
}

/* Is the part there that this push goes on from? */
static bool continues(int fd, const struct sdp_file *file)
{
	struct stat st;

	if (from_start(file))
		return ftruncate(fd, 0) == 0;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size >= file->range_start - 1;
}

static bool on_wanted(void *arg)
{
	struct mrfue_app *app = arg;

	return app->opt.download && daemon_mkdir(app->opt.download) == 0;
}

static int on_offered(const char *from, const struct sdp_file *file, uint32_t epoch,
		      unsigned *ticket_r, void *arg)
{
	struct mrfue_app *app = arg;
	const char *dir = app->opt.download;
	struct mrfue_incoming *in;
	char *name, *part;
	int fd = -1;

	if (!dir || daemon_mkdir(dir) != 0)
		return -1;
	name = mrfue_safe_name(slice_str(file->name));
	part = part_path(dir, name, file, epoch != 0);
	if (!is_in_use(app, part))
		fd = open(part,
			  O_RDWR | O_NOFOLLOW | O_CLOEXEC | (from_start(file) ? O_CREAT : 0) |
				  (epoch ? O_EXCL : 0),
			  0600);
	if (fd >= 0 && !continues(fd, file)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0) {
		free(name);
		free(part);
		return -1;
	}
	in = xcalloc(1, sizeof(*in));
	in->next = app->incoming;
	in->ticket = app->incoming ? app->incoming->ticket + 1 : FIRST_EVENT;
	in->epoch = epoch;
	in->total = epoch && file->has_size ? file->size : 0;
	in->from = xstrdup(from);
	in->name = name;
	in->type = xstrdup(file->type ? file->type : "application/octet-stream");
	in->part = part;
	app->incoming = in;
	*ticket_r = in->ticket;
	return fd;
}

/* Give the part its name, or NAME.1, .2 ... when that is taken: never over another file. */
static char *settle(const char *dir, const struct mrfue_incoming *in)
{
	for (int i = 0; i < 1000; i++) {
		char *path = i ? xasprintf("%s/%s.%d", dir, in->name, i)
			       : xasprintf("%s/%s", dir, in->name);

		if (link(in->part, path) == 0) {
			unlink(in->part);
			return path;
		}
		free(path);
		if (errno != EEXIST)
			break;
	}
	return NULL;
}

/* "file", or "aborted". */
static json_t *event_of(const struct mrfue_app *app, const struct mrfue_incoming *in,
			const char *name, uint64_t size)
{
	const struct ue_roster_user *user = ue_roster_find(ue_roster(app->ue), slice_str(in->from));
	json_t *e = json_pack("{s:s, s:o, s:o, s:o, s:I, s:o, s:b}", "event", name, "from",
			      mrfue_text(slice_str(in->from)), "display",
			      mrfue_or_null(user ? user->display : NULL), "nickname",
			      mrfue_or_null(user ? user->nickname : NULL), "size", (json_int_t)size,
			      "name", mrfue_text(slice_str(in->name)), "sealed", in->epoch != 0);

	if (in->epoch)
		json_object_set_new(e, "epoch", json_integer(in->epoch));
	return e;
}

static void tell_file(struct mrfue_app *app, const struct mrfue_incoming *in, uint64_t size,
		      const char *path)
{
	json_t *e = event_of(app, in, "file", size);

	json_object_set_new(e, "private", json_false());
	json_object_set_new(e, "type", mrfue_text(slice_str(in->type)));
	json_object_set_new(e, "by", json_string("push"));
	json_object_set_new(e, "path", path ? mrfue_text(slice_str(path)) : json_null());
	mrfue_emit(app, e);
}

static void tell_aborted(struct mrfue_app *app, const struct mrfue_incoming *in, uint64_t size,
			 int result, const char *reason, bool kept)
{
	json_t *e = event_of(app, in, "aborted", size);

	json_object_set_new(e, "why",
			    json_string(result == UE_FILE_DAMAGED   ? "damaged"
					: result == UE_FILE_STOPPED ? "stopped"
								    : "lost"));
	json_object_set_new(e, "reason", mrfue_or_null(reason));
	json_object_set_new(e, "kept", json_boolean(kept));
	if (in->total)
		json_object_set_new(e, "total", json_integer((json_int_t)in->total));
	mrfue_emit(app, e);
}

static void on_received(unsigned ticket, int result, uint64_t size, const char *reason, bool kept,
			void *arg)
{
	struct mrfue_app *app = arg;
	struct mrfue_incoming **at = find(app, ticket), *in = *at;
	char *path = NULL;

	if (!in)
		return;
	if (result == UE_FILE_OK)
		path = settle(app->opt.download, in);
	else if (!in->epoch)
		kept = result != UE_FILE_DAMAGED;
	if (result != UE_FILE_OK && !kept)
		unlink(in->part);
	if (result == UE_FILE_OK)
		tell_file(app, in, size, path);
	else
		tell_aborted(app, in, size, result, reason, kept);
	free(path);
	if (!in->epoch || !kept)
		drop(at);
}

static void on_resumed(unsigned ticket, uint32_t epoch, void *arg)
{
	struct mrfue_incoming *in = *find(arg, ticket);

	if (in)
		in->epoch = epoch;
}

static void on_forgotten(unsigned ticket, void *arg)
{
	struct mrfue_incoming **at = find(arg, ticket);

	if (!*at)
		return;
	unlink((*at)->part);
	drop(at);
}

static void on_unopened(const struct ue_dropped *d, void *arg)
{
	mrfue_ue_ops.dropped(d, arg);
}

static void on_sent(unsigned ticket, int result, const char *reason, void *arg)
{
	struct mrfue_app *app = arg;
	struct pending *p = mrfue_find_pending(app, ticket);

	if (!p)
		return;
	if (result == UE_FILE_OK)
		mrfue_emit(app, json_pack("{s:s, s:i, s:b, s:o, s:I}", "event", "sent", "line",
					  (int)ticket, "private", false, "file",
					  mrfue_or_null(p->detail), "size", (json_int_t)p->size));
	else
		mrfue_failed(app, ticket, p->command, result >= 300 ? result : 0,
			     reason ? reason : "");
	mrfue_forget(app, mrfue_find_pending(app, ticket));
}

static void on_progress(uint64_t done, uint64_t total, void *arg)
{
	struct mrfue_app *app = arg;

	if (!app->opt.json)
		mrfue_progress(done, total);
}

const struct ue_files_ops mrfue_files_ops = {
	.wanted = on_wanted,
	.offered = on_offered,
	.received = on_received,
	.resumed = on_resumed,
	.forgotten = on_forgotten,
	.unopened = on_unopened,
	.sent = on_sent,
	.progress = on_progress,
};

/* "PATH [OCTET]"; a number behind the last blank is where to go on. */
static struct slice split(struct slice rest, uint64_t *from_r)
{
	size_t n = rest.len;
	uint64_t octet;

	*from_r = 0;
	while (n > 0 && rest.ptr[n - 1] != ' ')
		n--;
	if (n < 2 || slice_u64(slice_from(rest, n), INT64_MAX, &octet) < 0 || octet == 0)
		return rest;
	*from_r = octet - 1;
	return slice_trim(slice_first(rest, n));
}

static void fail(struct mrfue_app *app, unsigned line, const char *reason)
{
	mrfue_failed(app, line, "/push", 0, reason);
	mrfue_forget(app, mrfue_find_pending(app, line));
}

void mrfue_push(struct mrfue_app *app, struct slice rest, unsigned line)
{
	uint64_t from = 0;
	char *path = slice_dup(split(rest, &from));
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct stat st;
	int fd, err;

	mrfue_remember(app, line, "/push", path, false, 0);
	fd = path[0] ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (!path[0]) {
		fail(app, line, "usage: /push PATH [OCTET]");
	} else if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		fail(app, line, fd < 0 ? strerror(errno) : "not a regular file");
	} else if (from > 0 ? from >= (uint64_t)st.st_size
			    : st.st_size == 0 && !ue_is_sealed(app->ue)) {
		fail(app, line, "there is nothing to send");
	} else if (!slice_is_utf8(slice_str(base))) {
		fail(app, line, "the file's name is not UTF-8");
	} else if (ue_is_sealed(app->ue) && strpbrk(base, "\"\\\r\n")) {
		fail(app, line, "the file's name cannot be sent (quote, backslash)");
	} else {
		mrfue_find_pending(app, line)->size = (uint64_t)st.st_size;
		err = ue_push(app->ue, base, mrfue_file_type(base), fd, (uint64_t)st.st_size, from,
			      line);
		fd = -1;
		if (err < 0)
			fail(app, line, mrfue_reason(err));
	}
	if (fd >= 0)
		close(fd);
	free(path);
}
