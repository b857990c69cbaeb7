/* SPDX-License-Identifier: Apache-2.0 */
/* Last timestamps as sealed rows: sender's name to NTP-UTC, 8 octets. All of them are in memory, too. */
#include "mrfc/groupkey/t_memory.h"

#include <stdlib.h>
#include <uthash.h>

#include "common/log.h"
#include "common/mem.h"
#include "proto/mikey.h"

#define LOG_PLACE "groupkey/time"

#define TABLE     "mikey_t"
#define T_SIZE    8
#define OLD_US    (86400ull * 1000000) /* far outside any window */
#define SKEW_PLUS 1000                 /* ms */

struct last {
	char *name;
	uint64_t t;
	UT_hash_handle hh;
};

struct t_memory {
	struct key_rows *rows;
	struct keyserver_memory hooks;
	struct last *all;
	uint64_t wall_us, lost_t; /* of the start; what a lost one counts as */
};

static void set(struct t_memory *m, struct slice name, uint64_t t)
{
	struct last *l;

	HASH_FIND(hh, m->all, name.ptr, name.len, l);
	if (l == NULL) {
		l = xcalloc(1, sizeof(*l));
		l->name = slice_dup(name);
		HASH_ADD_KEYPTR(hh, m->all, l->name, name.len, l);
	}
	l->t = t;
}

static uint64_t hook_last_t(const char *name, void *arg)
{
	const struct t_memory *m = arg;
	struct last *l;

	HASH_FIND_STR(m->all, name, l);
	return l != NULL ? l->t : 0;
}

static void hook_set_last_t(const char *name, uint64_t t, void *arg)
{
	struct t_memory *m = arg;
	uint8_t octets[T_SIZE];

	for (int i = 0; i < T_SIZE; i++)
		octets[i] = (uint8_t)(t >> (8 * (T_SIZE - 1 - i)));
	set(m, slice_str(name), t);
	key_rows_put(m->rows, TABLE, slice_str(name), slice_make(octets, sizeof(octets)), NULL,
		     NULL);
}

static void on_row(struct slice name, struct slice value, void *arg)
{
	struct t_memory *m = arg;
	uint64_t t = 0;

	for (size_t i = 0; i < value.len && i < T_SIZE; i++)
		t = t << 8 | (uint8_t)value.ptr[i];
	if (value.len != T_SIZE) {
		log_error("alarm: the stored timestamp of '" SLICE_FMT
			  "' was changed, or sealed with another store key: it counts as lost",
			  SLICE_ARG(name));
		/* Ours must stay in the members' window. */
		t = slice_eq_str(name, KEYSERVER_OWN_T) ? mikey_time(m->wall_us) : m->lost_t;
	}
	set(m, name, t);
}

static void forget_old(struct t_memory *m)
{
	struct last *l, *next;

	HASH_ITER(hh, m->all, l, next) {
		if (mikey_time_us(l->t) + OLD_US > m->wall_us)
			continue;
		key_rows_del(m->rows, TABLE, slice_str(l->name), NULL, NULL);
		HASH_DEL(m->all, l);
		free(l->name);
		free(l);
	}
}

int t_memory_new(struct key_rows *rows, uint64_t skew_ms, uint64_t wall_us,
		 struct t_memory **memory_r)
{
	struct t_memory *m = xcalloc(1, sizeof(*m));
	int err;

	m->rows = rows;
	m->wall_us = wall_us;
	m->lost_t = mikey_time(wall_us + (skew_ms + SKEW_PLUS) * 1000);
	m->hooks = (struct keyserver_memory){
		.last_t = hook_last_t, .set_last_t = hook_set_last_t, .arg = m};
	err = key_rows_each(rows, TABLE, on_row, m);
	if (err != 0) {
		t_memory_free(&m);
		return err;
	}
	forget_old(m);
	*memory_r = m;
	return 0;
}

void t_memory_free(struct t_memory **mp)
{
	struct t_memory *m = *mp;
	struct last *l, *next;

	if (m == NULL)
		return;
	*mp = NULL;
	HASH_ITER(hh, m->all, l, next) {
		HASH_DEL(m->all, l);
		free(l->name);
		free(l);
	}
	free(m);
}

const struct keyserver_memory *t_memory_hooks(const struct t_memory *m)
{
	return &m->hooks;
}
