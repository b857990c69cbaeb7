/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks against replays that have to outlive a process. All names are kept as hashes: the file tells nobody who
 * wrote, and its lines hold nothing that somebody else chose. Messages are few (who writes to one alone is a person) and short-lived, so they stand
 * in a row.
 */
#include "ue/ue_marks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "common/mem.h"
#include "proto/sip_uri.h"

#define HASH_HEX 32 /* digits, half of a SHA-256 */
#define HEAD     "mrf-ue-state 1"
#define END      "end\n" /* else a file that was cut would pass for one with fewer marks */

struct server {
	char name[HASH_HEX + 1];
	uint64_t t;
};

struct seen {
	uint64_t until_us, seq;
	uint32_t token;
	char from[HASH_HEX + 1], id[HASH_HEX + 1];
};

struct ue_marks {
	uint64_t own_t;
	struct server servers[UE_MARKS_SERVERS];
	size_t n_servers;
	struct seen *seen;
	size_t n_seen, room;
};

struct ue_marks *ue_marks_new(void)
{
	return xcalloc(1, sizeof(struct ue_marks));
}

static void clear(struct ue_marks *m)
{
	free(m->seen);
	*m = (struct ue_marks){0};
}

void ue_marks_free(struct ue_marks **m)
{
	if (*m)
		clear(*m);
	free(*m);
	*m = NULL;
}

static void hash(struct slice a, struct slice b, char out[HASH_HEX + 1])
{
	struct digest *d = digest_new();
	char hex[DIGEST_HEX_SIZE];

	digest_add(d, a);
	digest_add(d, slice_make("", 1));
	digest_add(d, b);
	digest_finish(&d, hex);
	memcpy(out, hex, HASH_HEX);
	out[HASH_HEX] = '\0';
}

/* --- times of key messages --- */

/* The index of a server; n_servers: none. */
static size_t find_server(const struct ue_marks *m, const char *name)
{
	size_t i = 0;

	while (i < m->n_servers && strcmp(m->servers[i].name, name) != 0)
		i++;
	return i;
}

uint64_t ue_marks_last(const struct ue_marks *m, struct slice server)
{
	char name[HASH_HEX + 1];
	size_t i;

	hash(server, SLICE_NULL, name);
	i = find_server(m, name);
	return i < m->n_servers ? m->servers[i].t : 0;
}

static struct server *new_server(struct ue_marks *m)
{
	struct server *oldest = &m->servers[0];

	if (m->n_servers < UE_MARKS_SERVERS)
		return &m->servers[m->n_servers++];
	for (size_t i = 1; i < m->n_servers; i++)
		if (m->servers[i].t < oldest->t)
			oldest = &m->servers[i];
	return oldest;
}

static void set_server(struct ue_marks *m, const char name[HASH_HEX + 1], uint64_t t)
{
	size_t i = find_server(m, name);
	struct server *s = i < m->n_servers ? &m->servers[i] : new_server(m);

	memcpy(s->name, name, sizeof(s->name));
	s->t = t;
}

void ue_marks_take(struct ue_marks *m, struct slice server, uint64_t t)
{
	char name[HASH_HEX + 1];

	hash(server, SLICE_NULL, name);
	set_server(m, name, t);
}

uint64_t ue_marks_own(const struct ue_marks *m)
{
	return m->own_t;
}

void ue_marks_set_own(struct ue_marks *m, uint64_t t)
{
	m->own_t = t;
}

/* --- messages --- */

static void forget_old(struct ue_marks *m, uint64_t now_us)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n_seen; i++)
		if (m->seen[i].until_us > now_us)
			m->seen[kept++] = m->seen[i];
	m->n_seen = kept;
}

static void note(struct ue_marks *m, const struct seen *s)
{
	if (m->n_seen == m->room) {
		m->room = m->room ? 2 * m->room : 16;
		m->seen = xrealloc(m->seen, m->room * sizeof(m->seen[0]));
	}
	m->seen[m->n_seen++] = *s;
}

int ue_marks_message(struct ue_marks *m, const struct ue_marked *one, uint64_t now_us)
{
	struct seen s = {.until_us = one->until_us, .seq = one->seq, .token = one->token};
	struct bytes key = BYTES_INIT;
	size_t of_one = 0;

	sip_uri_name_key(one->from, &key);
	hash(bytes_slice(&key), SLICE_NULL, s.from);
	hash(bytes_slice(&key), one->id, s.id);
	bytes_fini(&key);
	forget_old(m, now_us);
	for (size_t i = 0; i < m->n_seen; i++) {
		const struct seen *o = &m->seen[i];

		if (strcmp(o->from, s.from) != 0)
			continue;
		of_one++;
		if (strcmp(o->id, s.id) == 0 || (o->token == s.token && o->seq == s.seq))
			return -ERR_EXISTS;
	}
	if (m->n_seen == UE_MARKS_MESSAGES || of_one == UE_MARKS_OF_ONE)
		return -ERR_LIMIT;
	note(m, &s);
	return 0;
}

/* --- as text --- */

void ue_marks_write(const struct ue_marks *m, struct bytes *out)
{
	bytes_add_str(out, HEAD "\n");
	bytes_addf(out, "own %" PRIu64 "\n", m->own_t);
	for (size_t i = 0; i < m->n_servers; i++)
		bytes_addf(out, "server %" PRIu64 " %s\n", m->servers[i].t, m->servers[i].name);
	for (size_t i = 0; i < m->n_seen; i++)
		bytes_addf(out, "seen %" PRIu64 " %s %s %" PRIu32 " %" PRIu64 "\n",
			   m->seen[i].until_us, m->seen[i].from, m->seen[i].id, m->seen[i].token,
			   m->seen[i].seq);
	bytes_add_str(out, END);
}

static int take_number(struct slice *line, uint64_t max, uint64_t *n_r)
{
	struct slice word = SLICE_NULL;

	if (!slice_next(line, ' ', &word))
		return -ERR_SYNTAX;
	return slice_u64(word, max, n_r) < 0 ? -ERR_SYNTAX : 0;
}

static int take_hash(struct slice *line, char out[HASH_HEX + 1])
{
	struct slice word = SLICE_NULL;

	if (!slice_next(line, ' ', &word) || word.len != HASH_HEX)
		return -ERR_SYNTAX;
	return slice_copy(word, out, HASH_HEX + 1);
}

static int read_server(struct ue_marks *m, struct slice line)
{
	char name[HASH_HEX + 1];
	uint64_t t;

	if (take_number(&line, UINT64_MAX, &t) < 0 || take_hash(&line, name) < 0 || line.len > 0)
		return -ERR_SYNTAX;
	set_server(m, name, t);
	return 0;
}

static int read_seen(struct ue_marks *m, struct slice line)
{
	struct seen s = {.until_us = 0};
	uint64_t token = 0;
	int err = take_number(&line, UINT64_MAX, &s.until_us);

	if (err == 0)
		err = take_hash(&line, s.from);
	if (err == 0)
		err = take_hash(&line, s.id);
	if (err == 0)
		err = take_number(&line, UINT32_MAX, &token);
	if (err == 0)
		err = take_number(&line, UINT64_MAX, &s.seq);
	if (err < 0 || line.len > 0 || m->n_seen == UE_MARKS_MESSAGES)
		return -ERR_SYNTAX;
	s.token = (uint32_t)token;
	note(m, &s);
	return 0;
}

static int read_line(struct ue_marks *m, struct slice line)
{
	struct slice word = SLICE_NULL;

	(void)slice_next(&line, ' ', &word);
	if (slice_eq_str(word, "own"))
		return take_number(&line, UINT64_MAX, &m->own_t) < 0 || line.len > 0 ? -ERR_SYNTAX
										     : 0;
	if (slice_eq_str(word, "server"))
		return read_server(m, line);
	return slice_eq_str(word, "seen") ? read_seen(m, line) : -ERR_SYNTAX;
}

int ue_marks_read(struct ue_marks *m, struct slice text)
{
	struct ue_marks next = {.own_t = 0};
	struct slice line = SLICE_NULL;
	size_t end = strlen(END);
	bool whole = text.len > end && text.ptr[text.len - end - 1] == '\n' &&
		     slice_eq_str(slice_from(text, text.len - end), END);
	int err = -ERR_SYNTAX;

	if (whole) {
		text = slice_first(text, text.len - end);
		err = slice_next(&text, '\n', &line) && slice_eq_str(line, HEAD) ? 0 : err;
	}
	while (err == 0 && slice_next(&text, '\n', &line))
		if (line.len > 0)
			err = read_line(&next, line);
	if (err < 0) {
		clear(&next);
		return err;
	}
	clear(m);
	*m = next;
	return 0;
}
