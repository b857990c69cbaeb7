/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timestamps in a small file: lines "<16 hex digits> <name>". The first, "*", is for names that are not
 * there: who was never heard of when the file was begun may have been heard by who had none.
 */
#include "ue/ue_times.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

#include "common/bytes.h"
#include "common/mem.h"
#include "proto/mikey.h"
#include "ue/ue_kept.h"

#define SINCE    "*"
#define FILE_MAX (16u << 20)

struct time {
	char *name;
	uint64_t t;
	UT_hash_handle hh;
};

struct ue_times {
	struct ue_kept *file;
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

static int read_text(struct ue_times *t, struct slice text)
{
	struct slice line;
	int err = 0;

	if (text.len == 0 || text.ptr[text.len - 1] != '\n')
		return -ERR_SYNTAX;
	text = slice_first(text, text.len - 1);
	while (err == 0 && slice_next(&text, '\n', &line))
		err = read_line(t, line);
	if (err == 0 && find(t, SINCE) == NULL)
		err = -ERR_SYNTAX;
	return err;
}

/* One that is not there begins now. */
static int read_file(struct ue_times *t, uint64_t wall_us)
{
	struct bytes text = BYTES_INIT;
	int err;

	bytes_init(&text, FILE_MAX);
	err = ue_kept_read(t->file, &text);
	if (err == 1) {
		err = read_text(t, bytes_slice(&text));
	} else if (err == 0) {
		set(t, slice_str(SINCE), mikey_time(wall_us));
		t->changed = true;
		err = ue_times_save(t);
	}
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

int ue_times_open(const char *path, uint64_t skew_ms, uint64_t wall_us, struct ue_times **times_r)
{
	struct ue_times *t = xcalloc(1, sizeof(*t));
	int err;

	t->hooks = (struct keyserver_memory){hook_last_t, hook_set_last_t, t};
	err = ue_kept_open(path, &t->file);
	if (err == 0)
		err = read_file(t, wall_us);
	if (err < 0) {
		ue_times_free(&t);
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
	int why = errno;

	if (t == NULL)
		return;
	*t_p = NULL;
	HASH_ITER(hh, t->all, one, next) {
		HASH_DEL(t->all, one);
		free(one->name);
		free(one);
	}
	ue_kept_close(&t->file);
	free(t);
	errno = why;
}

const struct keyserver_memory *ue_times_hooks(const struct ue_times *t)
{
	return &t->hooks;
}

int ue_times_save(struct ue_times *t)
{
	struct bytes text = BYTES_INIT;
	int err, why;

	if (!t->changed)
		return 0;
	for (const struct time *one = t->all; one != NULL; one = one->hh.next)
		bytes_addf(&text, "%016llx %s\n", (unsigned long long)one->t, one->name);
	err = ue_kept_replace(t->file, bytes_slice(&text));
	why = errno;
	bytes_fini(&text);
	errno = why;
	if (err == 0)
		t->changed = false;
	return err;
}
