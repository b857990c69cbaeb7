/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a UE keeps: read once, then replaced by one that was written beside it. A lock is held on a
 * file of its own, as the file itself is another one after each write.
 */
#include "ue/ue_kept.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/mem.h"

struct ue_kept {
	char *path, *next; /* the file, and the one that takes its place */
	int lock_fd, folder_fd;
};

static int open_lock(struct ue_kept *k)
{
	char *path = xasprintf("%s.lock", k->path);
	int err = 0;

	k->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (k->lock_fd < 0)
		err = -ERR_IO;
	else if (flock(k->lock_fd, LOCK_EX | LOCK_NB) < 0)
		err = errno == EWOULDBLOCK ? -ERR_EXISTS : -ERR_IO;
	free(path);
	return err;
}

static int open_folder(struct ue_kept *k)
{
	char *copy = xstrdup(k->path);

	k->folder_fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	return k->folder_fd < 0 ? -ERR_IO : 0;
}

int ue_kept_open(const char *path, struct ue_kept **k_r)
{
	struct ue_kept *k = xcalloc(1, sizeof(*k));
	int err;

	k->path = xstrdup(path);
	k->next = xasprintf("%s.new", path);
	k->lock_fd = k->folder_fd = -1;
	err = open_lock(k);
	if (err == 0)
		err = open_folder(k);
	if (err < 0)
		ue_kept_close(&k);
	*k_r = k;
	return err;
}

void ue_kept_close(struct ue_kept **k_p)
{
	struct ue_kept *k = *k_p;
	int why = errno;

	if (k == NULL)
		return;
	*k_p = NULL;
	if (k->lock_fd >= 0)
		close(k->lock_fd);
	if (k->folder_fd >= 0)
		close(k->folder_fd);
	free(k->path);
	free(k->next);
	free(k);
	errno = why;
}

int ue_kept_read(const struct ue_kept *k, struct bytes *text)
{
	int fd = open(k->path, O_RDONLY | O_CLOEXEC), why;
	char buf[4096];
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : -ERR_IO;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		bytes_add(text, buf, (size_t)n);
	why = errno;
	close(fd);
	errno = why;
	if (n < 0)
		return -ERR_IO;
	return bytes_ok(text) ? 1 : -ERR_SYNTAX;
}

static int write_next(const char *path, struct slice text)
{
	int why, fd;

	if (unlink(path) < 0 && errno != ENOENT) /* one that a crash left */
		return -ERR_IO;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -ERR_IO;
	while (text.len > 0) {
		ssize_t n = write(fd, text.ptr, text.len);

		if (n < 0)
			break;
		text = slice_from(text, (size_t)n);
	}
	if (text.len == 0 && fsync(fd) == 0)
		return close(fd) == 0 ? 0 : -ERR_IO;
	why = errno;
	close(fd);
	errno = why;
	return -ERR_IO;
}

int ue_kept_replace(struct ue_kept *k, struct slice text)
{
	int err = write_next(k->next, text);

	if (err == 0 && (rename(k->next, k->path) < 0 || fsync(k->folder_fd) < 0))
		err = -ERR_IO;
	return err;
}
