/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a=key-mgmt, RFC 4567: which protocol of a list is spoken here, its message, and the list of all of
 * them. A malformed value spoils the whole list, be it of a protocol that is not spoken here
 * (section 4.1.2). What the message says is proto/mikey's to tell.
 */
#include "proto/key_mgmt.h"

#include "proto/base64.h"
#include "proto/chars.h"

#define MIKEY_WORD "mikey"

/* "0*1SP prtcl-id SP keymgmt-data" (section 3.1). */
static int split(struct slice value, struct slice *id_r, struct slice *data_r)
{
	struct slice rest = value;

	if (value.len > KEY_MGMT_MAX_SIZE)
		return -ERR_LIMIT;
	if (rest.len && rest.ptr[0] == ' ')
		rest = slice_from(rest, 1);
	if (!slice_next(&rest, ' ', id_r) || !chars_all(*id_r, CHARS_TOKEN) || rest.len == 0)
		return -ERR_SYNTAX;
	*data_r = rest;
	return 0;
}

/* The whole list in order; the first message of MIKEY goes to message. */
static int read_all(char *const *values, size_t n, struct bytes *message, struct bytes *ids)
{
	struct bytes others = BYTES_INIT; /* decoded to be checked only */
	bool found = false;
	int err = 0;

	for (size_t i = 0; i < n && err == 0; i++) {
		struct slice id, data;
		bool ours;

		err = split(slice_str(values[i]), &id, &data);
		if (err < 0)
			break;
		ours = slice_eq_str(id, MIKEY_WORD) && !found;
		found = found || ours;
		err = base64_parse(data, ours ? message : &others);
		bytes_add_str(ids, i ? ";" : "");
		bytes_add_slice(ids, id);
	}
	bytes_fini(&others);
	if (err == 0 && !found)
		err = -ERR_UNSUPPORTED;
	return err;
}

int key_mgmt_read(char *const *values, size_t n, struct bytes *message_r, struct bytes *ids_r)
{
	struct bytes message = BYTES_INIT, ids = BYTES_INIT;
	int err;

	if (n == 0)
		return 0;
	if (n > KEY_MGMT_MAX)
		return -ERR_LIMIT;
	err = read_all(values, n, &message, &ids);
	if (err == 0) {
		bytes_add_slice(message_r, bytes_slice(&message));
		bytes_add_slice(ids_r, bytes_slice(&ids));
	}
	bytes_fini(&message);
	bytes_fini(&ids);
	return err < 0 ? err : 1;
}

void key_mgmt_build(struct slice message, struct bytes *out)
{
	bytes_add_str(out, MIKEY_WORD " ");
	base64_build(message, out);
}
