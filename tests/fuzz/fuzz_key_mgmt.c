/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of a=key-mgmt, a value a line: what is read reads the same when it is written. */
#include <stdlib.h>

#include "common/mem.h"
#include "proto/key_mgmt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_again(const struct bytes *message)
{
	struct bytes text = BYTES_INIT, back = BYTES_INIT, ids = BYTES_INIT;
	char *value;

	key_mgmt_build(bytes_slice(message), &text);
	value = bytes_take(&text);
	check(message->len == 0 || strlen(value) > KEY_MGMT_MAX_SIZE ||
	      (key_mgmt_read(&value, 1, &back, &ids) == 1 &&
	       slice_eq(bytes_slice(&back), bytes_slice(message)) &&
	       slice_eq_str(bytes_slice(&ids), "mikey")));
	free(value);
	bytes_fini(&back);
	bytes_fini(&ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_make(data, size), line;
	struct bytes message = BYTES_INIT, ids = BYTES_INIT;
	char *values[KEY_MGMT_MAX + 2];
	size_t n = 0;
	int got;

	while (n < ARRAY_LEN(values) && slice_next(&rest, '\n', &line))
		values[n++] = slice_dup(line);
	got = key_mgmt_read(values, n, &message, &ids);
	check(got == 1 ? ids.len > 0 : !ids.len && !message.len);
	check(got <= 0 || n <= KEY_MGMT_MAX);
	if (got == 1)
		check_again(&message);
	while (n > 0)
		free(values[--n]);
	bytes_fini(&message);
	bytes_fini(&ids);
	return 0;
}
