/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timestamps in a small file: lines "<16 hex digits> <name>". The first, "*", is for names that are not
 * there: who was never heard of when the file was begun may have been heard by who had none.
 */
#include "ue/ue_times.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "common/bytes.h"
#include "common/mem.h"
#include "proto/mikey.h"

#define SINCE    "*"
#define FILE_MAX (16u << 20)

struct time {
	char *name;
	uint64_t t;
	UT_hash_handle hh;
};

struct ue_times {
	char *path, *beside; /* the file, and what becomes it */
	int lock_fd;
	struct time *all;
	bool changed;
	struct keyserver_memory hooks;
};

static struct time *find(const struct ue_times *t, const char *name)
{
	struct time *one;

	HASH_FIND_STR(t->all, name, one);
	return one;
}

static void set(struct ue_times *t, struct slice name, uint64_t value)
{
	char *text = slice_dup(name);
	struct time *one = find(t, text);

	if (one == NULL) {
		one = xcalloc(1, sizeof(*one));
		one->name = text;
		text = NULL;
		HASH_ADD_KEYPTR(hh, t->all, one->name, strlen(one->name), one);
	}
	free(text);
	one->t = value;
}

static uint64_t hook_last_t(const char *name, void *arg)
{
	const struct ue_times *t = arg;
	const struct time *one = find(t, name);

	if (one == NULL && strcmp(name, KEYSERVER_OWN_T) != 0)
		one = find(t, SINCE);
	return one != NULL ? one->t : 0;
}

static void hook_set_last_t(const char *name, uint64_t value, void *arg)
{
	struct ue_times *t = arg;

	set(t, slice_str(name), value);
	t->changed = true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_line(struct ue_times *t, struct slice line)
{
	uint64_t value = 0;
	struct slice digits;

	if (!slice_next(&line, ' ', &digits) || digits.len != 16 || line.len == 0)
		return -ERR_SYNTAX;
	for (size_t i = 0; i < digits.len; i++) {
		int digit = hex_digit(digits.ptr[i]);

		if (digit < 0)
			return -ERR_SYNTAX;
		value = value << 4 | (uint64_t)digit;
	}
	set(t, line, value);
	return 0;
}

static int read_file(struct ue_times *t)
{
	int err = 0, fd = open(t->path, O_RDONLY | O_CLOEXEC);
	struct bytes text = BYTES_INIT;
	struct slice rest, line;
	char buf[4096];
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : -ERR_IO;
	bytes_init(&text, FILE_MAX);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		bytes_add(&text, buf, (size_t)n);
	close(fd);
	if (n < 0)
		err = -ERR_IO;
	else if (!bytes_ok(&text) || text.len == 0 || text.data[text.len - 1] != '\n')
		err = -ERR_SYNTAX;
	rest = slice_first(bytes_slice(&text), text.len - (err == 0));
	while (err == 0 && slice_next(&rest, '\n', &line))
		err = read_line(t, line);
	if (err == 0 && find(t, SINCE) == NULL)
		err = -ERR_SYNTAX;
	bytes_fini(&text);
	return err;
}

/* A request that old is refused for its time. */
static void forget_old(struct ue_times *t, uint64_t skew_ms, uint64_t wall_us)
{
	struct time *one, *next;

	HASH_ITER(hh, t->all, one, next) {
		if (strcmp(one->name, SINCE) == 0 || strcmp(one->name, KEYSERVER_OWN_T) == 0 ||
		    mikey_time_us(one->t) + 2 * skew_ms * 1000 > wall_us)
			continue;
		HASH_DEL(t->all, one);
		free(one->name);
		free(one);
	}
}

/* Of two processes each would undo what the other wrote. */
static int lock(struct ue_times *t)
{
	char *path = xasprintf("%s.lock", t->path);
	int err = 0;

	t->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
	free(path);
	if (t->lock_fd < 0)
		err = -ERR_IO;
	else if (flock(t->lock_fd, LOCK_EX | LOCK_NB) < 0)
		err = errno == EWOULDBLOCK ? -ERR_EXISTS : -ERR_IO;
	return err;
}

int ue_times_open(const char *path, uint64_t skew_ms, uint64_t wall_us, struct ue_times **times_r)
{
	struct ue_times *t = xcalloc(1, sizeof(*t));
	int err;

	t->path = xstrdup(path);
	t->beside = xasprintf("%s.new", path);
	t->hooks = (struct keyserver_memory){hook_last_t, hook_set_last_t, t};
	err = lock(t);
	if (err == 0)
		err = read_file(t);
	if (err == 0 && find(t, SINCE) == NULL) {
		set(t, slice_str(SINCE), mikey_time(wall_us));
		t->changed = true;
		err = ue_times_save(t);
	}
	if (err < 0) {
		int why = errno;

		ue_times_free(&t);
		errno = why;
		return err;
	}
	forget_old(t, skew_ms, wall_us);
	*times_r = t;
	return 0;
}

void ue_times_free(struct ue_times **t_p)
{
	struct ue_times *t = *t_p;
	struct time *one, *next;

	if (t == NULL)
		return;
	*t_p = NULL;
	HASH_ITER(hh, t->all, one, next) {
		HASH_DEL(t->all, one);
		free(one->name);
		free(one);
	}
	if (t->lock_fd >= 0)
		close(t->lock_fd);
	free(t->path);
	free(t->beside);
	free(t);
}

const struct keyserver_memory *ue_times_hooks(const struct ue_times *t)
{
	return &t->hooks;
}

static int write_all(int fd, struct slice text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.ptr, text.len);

		if (n <= 0)
			return -ERR_IO;
		text = slice_from(text, (size_t)n);
	}
	return fsync(fd) == 0 ? 0 : -ERR_IO;
}

int ue_times_save(struct ue_times *t)
{
	struct bytes text = BYTES_INIT;
	int err, fd;

	if (!t->changed)
		return 0;
	if (unlink(t->beside) < 0 && errno != ENOENT) /* one that a crash left */
		return -ERR_IO;
	fd = open(t->beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		  S_IRUSR | S_IWUSR);
	if (fd < 0)
		return -ERR_IO;
	for (const struct time *one = t->all; one != NULL; one = one->hh.next)
		bytes_addf(&text, "%016llx %s\n", (unsigned long long)one->t, one->name);
	err = write_all(fd, bytes_slice(&text));
	bytes_fini(&text);
	if (close(fd) < 0 || err < 0 || rename(t->beside, t->path) < 0)
		return -ERR_IO;
	t->changed = false;
	return 0;
}
