/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed files of a UE, RFC 8188, record by record. Of what comes a record is opened when it is known
 * whether it is the last: when octets follow it, or the file ends. So records cut off, swapped,
 * repeated or added fail, each in its place.
 */
#include "ue/ue_records.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/secret.h"

#define PLAIN_MAX (ECE_RECORD - ECE_OVERHEAD)

int ue_records_temporary(int *fd_r)
{
	FILE *f = tmpfile();
	int fd;

	if (!f)
		return -ERR_IO;
	fd = dup(fileno(f));
	fclose(f);
	if (fd < 0)
		return -ERR_IO;
	*fd_r = fd;
	return 0;
}

int ue_source_read(const struct ue_source *from, uint64_t pos, char *into, size_t len)
{
	while (from->fd >= 0 && len > 0) {
		ssize_t n = pread(from->fd, into, len, (off_t)(from->offset + pos));

		if (n <= 0) {
			errno = n == 0 ? EIO : errno;
			return -ERR_IO;
		}
		into += n;
		pos += (uint64_t)n;
		len -= (size_t)n;
	}
	if (len > 0)
		memcpy(into, from->mem.ptr + pos, len);
	return 0;
}

int ue_records_write(int fd, struct slice s)
{
	while (s.len > 0) {
		ssize_t n = write(fd, s.ptr, s.len);

		if (n < 0)
			return -ERR_IO;
		s = slice_from(s, (size_t)n);
	}
	return 0;
}

/* --- sealing --- */

struct sealer {
	ue_records_key_fn *key;
	void *arg;
	struct ece_head head;
	struct ece_keys *keys; /* secret memory; NULL: nothing was asked for yet */
	struct bytes front;    /* and what came from memory */
	struct ue_source from;
	uint64_t total;      /* octets of plaintext */
	uint64_t n;          /* records sealed */
	struct bytes record; /* the newest; at first the head */
	uint64_t at;         /* its place among the sealed octets */
	bool broken;
	char plain[PLAIN_MAX];
};

static int read_plain(struct sealer *s, uint64_t pos, size_t len)
{
	char *into = s->plain;

	if (pos < s->front.len) {
		size_t n = s->front.len - (size_t)pos < len ? s->front.len - (size_t)pos : len;

		memcpy(into, s->front.data + pos, n);
		into += n;
		pos += n;
		len -= n;
	}
	return len > 0 ? ue_source_read(&s->from, pos - s->front.len, into, len) : 0;
}

/* Head and key; that of now, though the file may have waited long. */
static int begin(struct sealer *s)
{
	uint8_t start[ECE_HEAD_SIZE];
	struct ece_keys *keys = secret_alloc(sizeof(*keys));
	int err = s->key(s->arg, &s->head, keys);

	if (err < 0) {
		secret_free(&keys, sizeof(*keys));
		return err;
	}
	s->keys = keys;
	ece_head_build(&s->head, start);
	bytes_add(&s->record, start, sizeof(start));
	return 0;
}

/* The next record; false: there is none. */
static bool next(struct sealer *s)
{
	uint64_t pos = s->n * PLAIN_MAX;
	size_t len = s->total - pos < PLAIN_MAX ? (size_t)(s->total - pos) : PLAIN_MAX;

	if (s->broken || (s->n > 0 && pos >= s->total))
		return false;
	s->at += s->record.len;
	bytes_reset(&s->record);
	s->broken =
		read_plain(s, pos, len) < 0 || ece_seal(s->keys, s->n, slice_make(s->plain, len),
							pos + len == s->total, &s->record) < 0;
	s->n++;
	return !s->broken;
}

static size_t read_sealed(void *arg, uint64_t pos, char *into, size_t len)
{
	struct sealer *s = arg;
	size_t done = 0;

	if (!s->keys && !s->broken)
		s->broken = begin(s) < 0;
	while (done < len && !s->broken && pos >= s->at) {
		size_t skip = (size_t)(pos - s->at), n;

		if (skip >= s->record.len) {
			if (!next(s))
				break;
			continue;
		}
		n = s->record.len - skip < len - done ? s->record.len - skip : len - done;
		memcpy(into + done, s->record.data + skip, n);
		done += n;
		pos += n;
	}
	return done;
}

static void drop_sealer(void *arg)
{
	struct sealer *s = arg;

	if (s->from.fd >= 0)
		close(s->from.fd);
	if (s->front.data)
		mem_wipe(s->front.data, s->front.len);
	bytes_fini(&s->front);
	bytes_fini(&s->record);
	secret_free(&s->keys, sizeof(*s->keys));
	mem_wipe(s, sizeof(*s));
	free(s);
}

void ue_records_seal(struct slice front, const struct ue_source *from_take, ue_records_key_fn *key,
		     void *arg, struct ue_octets *octets_r, uint64_t *size_r)
{
	struct sealer *s = xcalloc(1, sizeof(*s));

	s->key = key;
	s->arg = arg;
	s->from = *from_take;
	s->total = front.len + from_take->size;
	bytes_add_slice(&s->front, front);
	if (from_take->fd < 0)
		bytes_add_slice(&s->front, slice_first(from_take->mem, (size_t)from_take->size));
	*octets_r = (struct ue_octets){read_sealed, drop_sealer, s};
	*size_r = ece_sealed_size(ECE_RECORD, s->total);
}

/* --- opening --- */

struct ue_opener {
	struct ece_keys *keys; /* secret memory */
	size_t record;
	ue_opener_fn *fn;
	void *arg;
	uint64_t n; /* records opened */
	struct bytes held, plain;
	int err;
};

struct ue_opener *ue_opener_new(const struct ece_head *head, const struct ece_keys *keys,
				ue_opener_fn *fn, void *arg)
{
	struct ue_opener *o = xcalloc(1, sizeof(*o));

	o->keys = secret_alloc(sizeof(*o->keys));
	*o->keys = *keys;
	o->record = head->record;
	o->fn = fn;
	o->arg = arg;
	return o;
}

void ue_opener_free(struct ue_opener **op)
{
	struct ue_opener *o = *op;

	if (!o)
		return;
	secret_free(&o->keys, sizeof(*o->keys));
	if (o->plain.data)
		mem_wipe(o->plain.data, o->plain.len);
	bytes_fini(&o->plain);
	bytes_fini(&o->held);
	free(o);
	*op = NULL;
}

static void open_record(struct ue_opener *o, struct slice record, bool last)
{
	bytes_reset(&o->plain);
	o->err = ece_open(o->keys, o->n, record, last, &o->plain);
	o->n++;
	if (o->err == 0)
		o->err = o->fn(bytes_slice(&o->plain), o->arg);
	if (o->plain.data)
		mem_wipe(o->plain.data, o->plain.len);
}

int ue_opener_take(struct ue_opener *o, struct slice sealed)
{
	while (sealed.len > 0 && o->err == 0) {
		size_t n = o->record - o->held.len;

		if (n == 0) { /* something follows: it is not the last */
			open_record(o, bytes_slice(&o->held), false);
			bytes_reset(&o->held);
			continue;
		}
		if (o->held.len == 0 && sealed.len > o->record) {
			open_record(o, slice_first(sealed, o->record), false);
		} else {
			n = n < sealed.len ? n : sealed.len;
			bytes_add_slice(&o->held, slice_first(sealed, n));
		}
		sealed = slice_from(sealed, n);
	}
	return o->err;
}

int ue_opener_end(struct ue_opener *o)
{
	if (o->err == 0 && o->held.len == 0)
		o->err = -ERR_SYNTAX;
	if (o->err == 0)
		open_record(o, bytes_slice(&o->held), true);
	bytes_reset(&o->held);
	return o->err;
}
