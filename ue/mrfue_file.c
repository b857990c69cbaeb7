/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of the chat client: media types by name, safe names for what others sent (never a path of
 * theirs), hashes, a progress bar on terminals.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/digest.h"
#include "common/mem.h"
#include "proto/media_type.h"
#include "ue/mrfue_app.h"

#define NAME_MAX_BYTES 200

static const struct {
	const char *ending, *type;
} types[] = {
	{".png", "image/png"},       {".jpg", "image/jpeg"},   {".jpeg", "image/jpeg"},
	{".gif", "image/gif"},       {".txt", "text/plain"},   {".html", "text/html"},
	{".pdf", "application/pdf"}, {".md", "text/markdown"},
};

const char *mrfue_file_type(const char *path)
{
	const char *dot = strrchr(path, '.');
	size_t i;

	for (i = 0; dot && i < ARRAY_LEN(types); i++)
		if (strcasecmp(dot, types[i].ending) == 0)
			return types[i].type;
	return "application/octet-stream";
}

/* So many octets without a part of a character at their end. */
static size_t whole_characters(const char *text, size_t n)
{
	size_t at = n;

	while (at > 0 && n - at < 3 && ((unsigned char)text[at - 1] & 0xc0) == 0x80)
		at--;
	if (at > 0 && (unsigned char)text[at - 1] >= 0xc0 &&
	    !slice_is_utf8(slice_make(text + at - 1, n - at + 1)))
		return at - 1;
	return n;
}

char *mrfue_safe_name(struct slice wanted)
{
	char name[NAME_MAX_BYTES + 1];
	size_t i, n = 0;

	for (i = 0; i < wanted.len; i++)
		if (wanted.ptr[i] == '/' || wanted.ptr[i] == '\\')
			wanted = slice_from(wanted, i + 1), i = (size_t)-1;
	for (i = 0; i < wanted.len && n < NAME_MAX_BYTES; i++) {
		unsigned char c = (unsigned char)wanted.ptr[i];

		if (c < 0x20 || c == 0x7f || (n == 0 && c == '.'))
			continue;
		name[n++] = (char)c;
	}
	if (n == NAME_MAX_BYTES)
		n = whole_characters(name, n);
	name[n] = '\0';
	return xstrdup(n ? name : "file");
}

/* Create DIR/NAME, or DIR/NAME.1, .2 ... when it exists. */
static int create(const char *dir, const char *name, char **path_r)
{
	int fd = -1, i;

	for (i = 0; i < 1000 && fd < 0; i++) {
		char *path =
			i ? xasprintf("%s/%s.%d", dir, name, i) : xasprintf("%s/%s", dir, name);

		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0)
			*path_r = path;
		else
			free(path);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	return fd;
}

static bool write_all(int fd, struct slice s)
{
	while (s.len) {
		ssize_t n = write(fd, s.ptr, s.len);

		if (n < 0)
			return false;
		s = slice_from(s, (size_t)n);
	}
	return true;
}

/* Hash the payload and copy it to fd (-1: hash only). */
static bool copy(const struct ue_message *m, int fd, struct digest *d)
{
	char buf[65536];
	uint64_t done = 0;
	bool ok = true;

	if (m->payload.ptr) {
		digest_add(d, m->payload);
		return fd < 0 || write_all(fd, m->payload);
	}
	while (ok && done < m->size) {
		ssize_t n = pread(m->fd, buf, sizeof(buf), (off_t)(m->offset + done));

		if (n <= 0)
			return false;
		digest_add(d, slice_make(buf, (size_t)n));
		ok = fd < 0 || write_all(fd, slice_make(buf, (size_t)n));
		done += (uint64_t)n;
	}
	return ok;
}

void mrfue_file_keep(const struct ue_message *m, const char *dir, json_t *event)
{
	char *name = mrfue_safe_name(media_type_param(m->cpim.content_disposition, "filename"));
	char *path = NULL, hex[DIGEST_HEX_SIZE];
	struct digest *d = digest_new();
	int fd = -1;

	if (dir && daemon_mkdir(dir) == 0)
		fd = create(dir, name, &path);
	if (dir && fd < 0)
		fprintf(stderr, "mrfue: cannot save %s in %s: %s\n", name, dir, strerror(errno));
	if (!copy(m, fd, d) && path) {
		fprintf(stderr, "mrfue: cannot write %s: %s\n", path, strerror(errno));
		unlink(path);
		free(path);
		path = NULL;
	}
	digest_finish(&d, hex);
	if (fd >= 0)
		close(fd);
	json_object_set_new(event, "name", json_string(name));
	json_object_set_new(event, "size", json_integer((json_int_t)m->size));
	json_object_set_new(event, "sha256", json_string(hex));
	json_object_set_new(event, "path", path ? mrfue_text(slice_str(path)) : json_null());
	free(path);
	free(name);
}

void mrfue_progress(uint64_t done, uint64_t total)
{
	static const char bar[] = "########################################";
	unsigned percent, filled;

	if (total < (256u << 10) || !isatty(STDERR_FILENO))
		return;
	if (done > total)
		done = total;
	percent = (unsigned)(done * 100 / total);
	filled = percent * 40 / 100;
	fprintf(stderr, "\r[%-40.*s] %3u %%%s", (int)filled, bar, percent,
		done == total ? "\n" : "");
}
