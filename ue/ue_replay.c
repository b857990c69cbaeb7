/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays in a sealed conference. Only authentic messages come here, so it is members alone who
 * can fill the tables; what is full refuses the new and forgets nothing old.
 */
#include "ue/ue_replay.h"

#include <stdlib.h>
#include <uthash.h>

#include "common/mem.h"
#include "proto/gke_body.h"
#include "proto/sip_uri.h"

struct device {
	uint32_t token;
	struct gke_window window;
};

struct member {
	UT_hash_handle hh;
	char *name;
	struct device devices[UE_REPLAY_TOKENS];
	size_t n_devices;
};

struct ue_replay {
	struct member *members;
	size_t n_windows;
};

struct ue_replay *ue_replay_new(void)
{
	return xcalloc(1, sizeof(struct ue_replay));
}

void ue_replay_free(struct ue_replay **rp)
{
	struct ue_replay *r = *rp;
	struct member *m, *next;

	if (!r)
		return;
	HASH_ITER(hh, r->members, m, next) {
		HASH_DEL(r->members, m);
		free(m->name);
		free(m);
	}
	free(r);
	*rp = NULL;
}

static struct member *member_of(struct ue_replay *r, struct slice from)
{
	struct bytes key = BYTES_INIT;
	struct member *m;

	sip_uri_name_key(from, &key);
	HASH_FIND(hh, r->members, bytes_cstr(&key), key.len, m);
	if (!m && r->n_windows < UE_REPLAY_WINDOWS) {
		size_t len = key.len;

		m = xcalloc(1, sizeof(*m));
		m->name = bytes_take(&key);
		HASH_ADD_KEYPTR(hh, r->members, m->name, len, m);
	}
	bytes_fini(&key);
	return m;
}

int ue_replay_take(struct ue_replay *r, struct slice from, uint32_t token, uint64_t seq)
{
	struct member *m = member_of(r, from);
	size_t i = 0;

	while (m && i < m->n_devices && m->devices[i].token != token)
		i++;
	if (!m || i == UE_REPLAY_TOKENS || (i == m->n_devices && r->n_windows == UE_REPLAY_WINDOWS))
		return -ERR_LIMIT;
	if (i == m->n_devices) {
		m->devices[m->n_devices++].token = token;
		r->n_windows++;
	}
	return gke_window_take(&m->devices[i].window, seq) ? 0 : -ERR_EXISTS;
}
