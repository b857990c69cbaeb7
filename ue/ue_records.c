/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed files of a UE. What was opened is only handed on when the last record said that it is the last
 * and stood at the very end: records cut off, swapped, repeated or added fail before.
 */
#include "ue/ue_records.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/mem.h"

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

/* len octets at pos of what the source holds. */
static int read_source(const struct ue_source *from, uint64_t pos, char *into, size_t len)
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

static int write_all(int fd, struct slice s)
{
	while (s.len > 0) {
		ssize_t n = write(fd, s.ptr, s.len);

		if (n < 0)
			return -ERR_IO;
		s = slice_from(s, (size_t)n);
	}
	return 0;
}

/* len octets at pos of front and source put together. */
static int read_plain(struct slice front, const struct ue_source *from, uint64_t pos, char *into,
		      size_t len)
{
	size_t n = 0;

	if (pos < front.len) {
		n = front.len - (size_t)pos < len ? front.len - (size_t)pos : len;
		memcpy(into, front.ptr + pos, n);
		pos += n;
	}
	return n < len ? read_source(from, pos - front.len, into + n, len - n) : 0;
}

int ue_records_seal(const struct ece_head *head, const struct ece_keys *keys, struct slice front,
		    const struct ue_source *from, int *fd_r, uint64_t *size_r)
{
	uint64_t total = front.len + from->size, pos = 0, n = 0, written = ECE_HEAD_SIZE;
	size_t most = head->record - ECE_OVERHEAD;
	uint8_t start[ECE_HEAD_SIZE];
	struct bytes record = BYTES_INIT;
	char *plain = xcalloc(1, most);
	int fd = -1, err = ue_records_temporary(&fd);

	ece_head_build(head, start);
	if (err == 0)
		err = write_all(fd, slice_make(start, sizeof(start)));
	for (; err == 0 && (pos < total || n == 0); n++) {
		size_t len = total - pos < most ? (size_t)(total - pos) : most;

		bytes_reset(&record);
		err = read_plain(front, from, pos, plain, len);
		pos += len;
		if (err == 0)
			err = ece_seal(keys, n, slice_make(plain, len), pos == total, &record);
		if (err == 0)
			err = write_all(fd, bytes_slice(&record));
		written += record.len;
	}
	mem_wipe(plain, most);
	free(plain);
	bytes_fini(&record);
	if (err < 0 && fd >= 0)
		close(fd);
	if (err < 0)
		return err;
	*fd_r = fd;
	*size_r = written;
	return 0;
}

static int open_all(const struct ece_head *head, const struct ece_keys *keys,
		    const struct ue_source *from, struct bytes *front, int fd, uint64_t *size_r)
{
	struct bytes plain = BYTES_INIT;
	char *sealed = xcalloc(1, head->record);
	uint64_t pos = ECE_HEAD_SIZE, n = 0, size = 0;
	int err = from->size > ECE_HEAD_SIZE ? 0 : -ERR_SYNTAX;

	for (; err == 0 && pos < from->size; n++) {
		size_t len =
			from->size - pos < head->record ? (size_t)(from->size - pos) : head->record;

		bytes_reset(&plain);
		err = read_source(from, pos, sealed, len);
		pos += len;
		if (err == 0)
			err = ece_open(keys, n, slice_make(sealed, len), pos == from->size, &plain);
		if (err == 0 && n == 0)
			bytes_add_slice(front, bytes_slice(&plain));
		if (err == 0)
			err = write_all(fd, bytes_slice(&plain));
		size += plain.len;
	}
	if (plain.data)
		mem_wipe(plain.data, plain.len);
	bytes_fini(&plain);
	free(sealed);
	*size_r = size;
	return err;
}

int ue_records_open(const struct ece_head *head, const struct ece_keys *keys,
		    const struct ue_source *from, struct bytes *front, int *fd_r, uint64_t *size_r)
{
	size_t before = front->len;
	uint64_t size = 0;
	int fd = -1, err = ue_records_temporary(&fd);

	if (err == 0)
		err = open_all(head, keys, from, front, fd, &size);
	if (err < 0) {
		if (fd >= 0)
			close(fd);
		if (front->len > before)
			mem_wipe(front->data + before, front->len - before);
		front->len = before;
		return err;
	}
	*fd_r = fd;
	*size_r = size;
	return 0;
}
