/* SPDX-License-Identifier: Apache-2.0 */
/* The file with a member's pairwise key. Nothing of it stays in buffers that are not wiped. */
#include "ue/ue_key.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/slice.h"

#define LINE_MAX_OCTETS (UE_KEY_ID_MAX + 1 + 2 * UE_KEY_SIZE)

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_id(struct slice id)
{
	for (size_t i = 0; i < id.len; i++)
		if (id.ptr[i] <= 0x20 || id.ptr[i] >= 0x7f)
			return false;
	return id.len > 0 && id.len <= UE_KEY_ID_MAX;
}

int ue_key_parse(struct slice line, struct ue_key *key)
{
	struct slice id = SLICE_NULL;

	if (!slice_next(&line, ' ', &id) || !is_id(id) || line.len != (size_t)2 * UE_KEY_SIZE)
		return -ERR_SYNTAX;
	for (size_t i = 0; i < UE_KEY_SIZE; i++) {
		int high = hex_digit(line.ptr[2 * i]), low = hex_digit(line.ptr[2 * i + 1]);

		if (high < 0 || low < 0)
			return -ERR_SYNTAX;
		key->key[i] = (uint8_t)(high << 4 | low);
	}
	return slice_copy(id, key->id, sizeof(key->id));
}

int ue_key_load(const char *path, struct ue_key *key_r)
{
	char text[LINE_MAX_OCTETS + 2];
	struct ue_key key = {0};
	struct slice rest, line = SLICE_NULL;
	struct stat st;
	size_t len = 0;
	ssize_t n = 1;
	int err = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
	bool shown = false;

	if (fd < 0)
		return -ERR_IO;
	if (fstat(fd, &st) < 0)
		err = -ERR_IO;
	else
		shown = S_ISREG(st.st_mode) && (st.st_mode & (S_IRWXG | S_IRWXO));
	while (err == 0 && len < sizeof(text) && (n = read(fd, text + len, sizeof(text) - len)) > 0)
		len += (size_t)n;
	if (err == 0 && n < 0)
		err = -ERR_IO;
	rest = slice_make(text, len);
	if (err == 0 && slice_next(&rest, '\n', &line))
		err = ue_key_parse(slice_trim(line), &key);
	else if (err == 0)
		err = -ERR_SYNTAX;
	if (err == 0)
		*key_r = key;
	close(fd);
	mem_wipe(&key, sizeof(key));
	mem_wipe(text, sizeof(text));
	return err == 0 && shown ? 1 : err;
}
