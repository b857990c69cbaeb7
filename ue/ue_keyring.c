/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file with the pairwise keys of a key server's members. Keys live in secret memory; what they were
 * read through is wiped.
 */
#include "ue/ue_keyring.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "common/bytes.h"
#include "common/mem.h"
#include "common/secret.h"
#include "proto/mikey.h"
#include "proto/sip_uri.h"
#include "ue/ue_key.h"

#define FILE_MAX (UE_KEYRING_MAX * 512u)

struct entry {
	struct member_key key; /* what it points to is ours */
	struct entry *next;    /* of the same user, as the file has them */
	UT_hash_handle hh;     /* the first of a user, by name */
	char *name;
};

struct table {
	struct entry *users;
	size_t n;
};

struct ue_keyring {
	char *path;
	struct table table;
	struct timespec written; /* of what was looked at last */
	off_t size;
	ino_t inode;
};

static void entry_free(struct entry *e)
{
	uint8_t *key = (uint8_t *)(uintptr_t)e->key.key;

	secret_free(&key, MEMBER_KEY_SIZE);
	free((char *)(uintptr_t)e->key.uri);
	free((char *)(uintptr_t)e->key.id);
	free(e->name);
	free(e);
}

static void table_fini(struct table *t)
{
	struct entry *e, *next;

	HASH_ITER(hh, t->users, e, next) {
		HASH_DEL(t->users, e);
		while (e != NULL) {
			struct entry *after = e->next;

			entry_free(e);
			e = after;
		}
	}
	t->n = 0;
}

/* --- lines --- */

static bool is_user(struct slice uri)
{
	struct sip_uri u;

	return uri.len <= MIKEY_ID_MAX && sip_uri_parse(uri, &u) == 0 && u.user.len > 0;
}

/* His first key. */
static struct entry *user_find(const struct table *t, struct slice uri)
{
	struct bytes name = BYTES_INIT;
	struct entry *e;

	sip_uri_name_key(uri, &name);
	HASH_FIND(hh, t->users, bytes_cstr(&name), name.len, e);
	bytes_fini(&name);
	return e;
}

static int add(struct table *t, struct slice uri, const struct ue_key *key)
{
	struct entry *e, *last = user_find(t, uri);
	struct bytes name = BYTES_INIT;
	uint8_t *octets;

	if (t->n == UE_KEYRING_MAX)
		return -ERR_LIMIT;
	for (e = last; e != NULL; e = e->next) {
		if (strcmp(e->key.id, key->id) == 0)
			return -ERR_EXISTS;
		last = e;
	}
	e = xcalloc(1, sizeof(*e));
	octets = secret_alloc(MEMBER_KEY_SIZE);
	memcpy(octets, key->key, MEMBER_KEY_SIZE);
	e->key = (struct member_key){slice_dup(uri), xstrdup(key->id), octets};
	t->n++;
	if (last != NULL) {
		last->next = e;
		return 0;
	}
	sip_uri_name_key(uri, &name);
	e->name = bytes_take(&name);
	HASH_ADD_KEYPTR(hh, t->users, e->name, strlen(e->name), e);
	return 0;
}

static int read_line(struct table *t, struct slice line, struct ue_key *key)
{
	struct slice uri = SLICE_NULL;
	int err = 0;

	line = slice_trim(line);
	if (line.len == 0 || line.ptr[0] == '#')
		return 0;
	if (!slice_next(&line, ' ', &uri) || !is_user(uri))
		return -ERR_SYNTAX;
	err = ue_key_parse(slice_trim(line), key);
	if (err == 0)
		err = add(t, uri, key);
	mem_wipe(key, sizeof(*key));
	return err;
}

static int read_text(struct slice text, struct table *t, unsigned *line_r)
{
	struct ue_key *key = secret_alloc(sizeof(*key));
	struct slice line;
	unsigned n = 0;
	int err = 0;

	while (err == 0 && slice_next(&text, '\n', &line)) {
		n++;
		err = read_line(t, line, key);
	}
	secret_free(&key, sizeof(*key));
	if (err < 0)
		*line_r = n;
	return err;
}

/* --- the file --- */

static void note_state(struct ue_keyring *ring, const struct stat *st)
{
	ring->written = st->st_mtim;
	ring->size = st->st_size;
	ring->inode = st->st_ino;
}

static bool is_noted(const struct ue_keyring *ring, const struct stat *st)
{
	return ring->written.tv_sec == st->st_mtim.tv_sec &&
	       ring->written.tv_nsec == st->st_mtim.tv_nsec && ring->size == st->st_size &&
	       ring->inode == st->st_ino;
}

static int read_all(int fd, char *text, size_t size, size_t *len_r)
{
	size_t len = 0;
	ssize_t n = 1;

	while (len < size && (n = read(fd, text + len, size - len)) > 0)
		len += (size_t)n;
	*len_r = len;
	return n < 0 ? -ERR_IO : n > 0 ? -ERR_LIMIT : 0; /* one octet more than may be */
}

/* What is there now becomes *t, and its state that of the ring. */
static int read_file(struct ue_keyring *ring, struct table *t, unsigned *line_r)
{
	int err, fd = open(ring->path, O_RDONLY | O_CLOEXEC);
	size_t len = 0, size;
	struct stat st;
	char *text;

	if (fd < 0)
		return -ERR_IO;
	if (fstat(fd, &st) < 0) {
		close(fd);
		return -ERR_IO;
	}
	note_state(ring, &st);
	*line_r = 1;
	size = (st.st_size < (off_t)FILE_MAX ? (size_t)st.st_size : FILE_MAX) + 1;
	if (!S_ISREG(st.st_mode)) /* its size says nothing */
		size = FILE_MAX + 1;
	text = xcalloc(1, size);
	err = read_all(fd, text, size, &len);
	close(fd);
	if (err == 0)
		err = read_text(slice_make(text, len), t, line_r);
	mem_wipe(text, size);
	free(text);
	if (err < 0)
		return err;
	return S_ISREG(st.st_mode) && (st.st_mode & (S_IRWXG | S_IRWXO)) ? 1 : 0;
}

int ue_keyring_load(const char *path, struct ue_keyring **ring_r, unsigned *line_r)
{
	struct ue_keyring *ring = xcalloc(1, sizeof(*ring));
	int rc;

	ring->path = xstrdup(path);
	rc = read_file(ring, &ring->table, line_r);
	if (rc < 0)
		ue_keyring_free(&ring);
	else
		*ring_r = ring;
	return rc;
}

int ue_keyring_renew(struct ue_keyring *ring, unsigned *line_r)
{
	struct table fresh = {0};
	struct stat st;
	int rc;

	if (stat(ring->path, &st) < 0)
		return -ERR_IO;
	if (!S_ISREG(st.st_mode) || is_noted(ring, &st))
		return 0;
	rc = read_file(ring, &fresh, line_r);
	if (rc < 0) {
		table_fini(&fresh);
		return rc;
	}
	table_fini(&ring->table);
	ring->table = fresh;
	return 1;
}

void ue_keyring_free(struct ue_keyring **ring_p)
{
	struct ue_keyring *ring = *ring_p;

	if (ring == NULL)
		return;
	*ring_p = NULL;
	table_fini(&ring->table);
	free(ring->path);
	free(ring);
}

size_t ue_keyring_count(const struct ue_keyring *ring)
{
	return ring->table.n;
}

const struct member_key *ue_keyring_find(const struct ue_keyring *ring, const char *uri,
					 struct slice id)
{
	const struct entry *e = user_find(&ring->table, slice_str(uri));

	while (e != NULL && id.len > 0 && !slice_eq_str(id, e->key.id))
		e = e->next;
	return e != NULL ? &e->key : NULL;
}
