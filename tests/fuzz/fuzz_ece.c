/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed files, as a receiver takes them: heads and sizes are written again as they were read, records as they were opened. */
#include <stdlib.h>

#include "proto/ece.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t file_key[32] = {0xe1, 0x14, 0x47, 0xa1, 0x39, 0xe5, 0xcd, 0x2e,
				     0x23, 0x29, 0xf7, 0x96, 0xf6, 0xe2, 0xde, 0xfd,
				     0xb9, 0xdf, 0x6f, 0x88, 0x9f, 0x37, 0x64, 0xdd,
				     0x00, 0x3d, 0xe0, 0x4d, 0xb8, 0x8b, 0x60, 0x01};

static void check_record(const struct ece_keys *keys, uint64_t n, struct slice record, bool last)
{
	struct bytes plain = BYTES_INIT, again = BYTES_INIT;
	int rc = ece_open(keys, n, record, last, &plain);

	if (rc < 0) {
		if (plain.len > 0)
			abort();
		return;
	}
	if (ece_seal(keys, n, bytes_slice(&plain), last, &again) < 0)
		abort();
	/* Padding may have stood behind the delimiter. */
	if (again.len > record.len ||
	    (again.len == record.len && !slice_eq(bytes_slice(&again), record)))
		abort();
	bytes_fini(&plain);
	bytes_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_make(data, size);
	uint8_t head_again[ECE_HEAD_SIZE];
	struct ece_head head;
	struct ece_keys keys;

	if (ece_head_read(rest, &head) < 0)
		return 0;
	ece_head_build(&head, head_again);
	if (memcmp(head_again, data, sizeof(head_again)) != 0)
		abort();
	rest = slice_from(rest, ECE_HEAD_SIZE);
	if (rest.len == 0)
		return 0;
	ece_keys(&head, file_key, &keys);
	for (uint64_t n = 0; rest.len > 0; n++) {
		struct slice record = slice_first(rest, head.record);

		rest = slice_from(rest, head.record);
		check_record(&keys, n, record, rest.len == 0);
	}
	return 0;
}
