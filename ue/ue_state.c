/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of a UE's marks. It is small and written seldom: with each key message, each request, and each
 * message that is sealed to us alone, before that is shown.
 */
#include "ue/ue_state.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/mem.h"

struct ue_state {
	char *path, *next; /* the file, and the one that takes its place */
	int lock_fd, folder_fd;
	struct ue_marks *marks;
};

static int open_lock(struct ue_state *s)
{
	char *path = xasprintf("%s.lock", s->path);
	int err = 0;

	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd < 0)
		err = -ERR_IO;
	else if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
		err = errno == EWOULDBLOCK ? -ERR_EXISTS : -ERR_IO;
	free(path);
	return err;
}

static int open_folder(struct ue_state *s)
{
	char *copy = xstrdup(s->path);

	s->folder_fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	return s->folder_fd < 0 ? -ERR_IO : 0;
}

/* What is in the file; one that is not there has nothing. */
static int load(struct ue_state *s)
{
	int fd = open(s->path, O_RDONLY | O_CLOEXEC), err = 0;
	struct bytes text = BYTES_INIT;
	char buf[4096];
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : -ERR_IO;
	bytes_init(&text, UE_MARKS_TEXT_MAX);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		bytes_add(&text, buf, (size_t)n);
	if (n < 0)
		err = -ERR_IO;
	else
		err = bytes_ok(&text) ? ue_marks_read(s->marks, bytes_slice(&text)) : -ERR_SYNTAX;
	bytes_fini(&text);
	n = errno;
	close(fd);
	errno = (int)n;
	return err;
}

int ue_state_open(const char *path, struct ue_state **s_r)
{
	struct ue_state *s = xcalloc(1, sizeof(*s));
	int err, why;

	s->path = xstrdup(path);
	s->next = xasprintf("%s.new", path);
	s->lock_fd = s->folder_fd = -1;
	s->marks = ue_marks_new();
	err = open_lock(s);
	if (err == 0)
		err = open_folder(s);
	if (err == 0)
		err = load(s);
	if (err == 0)
		err = ue_state_save(s); /* it can be written */
	if (err < 0) {
		why = errno;
		ue_state_close(&s);
		errno = why;
		return err;
	}
	*s_r = s;
	return 0;
}

void ue_state_close(struct ue_state **sp)
{
	struct ue_state *s = *sp;

	if (!s)
		return;
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	if (s->folder_fd >= 0)
		close(s->folder_fd);
	ue_marks_free(&s->marks);
	free(s->path);
	free(s->next);
	free(s);
	*sp = NULL;
}

struct ue_marks *ue_state_marks(struct ue_state *s)
{
	return s->marks;
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

int ue_state_save(struct ue_state *s)
{
	struct bytes text = BYTES_INIT;
	int err, why;

	ue_marks_write(s->marks, &text);
	err = write_next(s->next, bytes_slice(&text));
	if (err == 0 && (rename(s->next, s->path) < 0 || fsync(s->folder_fd) < 0))
		err = -ERR_IO;
	why = errno;
	bytes_fini(&text);
	errno = why;
	return err;
}
