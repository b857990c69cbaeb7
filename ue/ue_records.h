/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_RECORDS_H
#define UE_UE_RECORDS_H

#include "proto/ece.h"

/*
 * Whole files sealed as records of RFC 8188 and opened again, one record at a time, from and to
 * unlinked temporary files.
 */

/* Where octets come from: memory, or a file from an offset on (fd >= 0). */
struct ue_source {
	struct slice mem;
	int fd;
	uint64_t offset, size;
};

/*
 * Seal front and then size octets of the source. *fd_r is the caller's. -ERR_IO with errno, also when the
 * source is shorter than its size.
 */
MUST_CHECK int ue_records_seal(const struct ece_head *head, const struct ece_keys *keys,
			       struct slice front, const struct ue_source *from, int *fd_r,
			       uint64_t *size_r);
/*
 * Open all of a sealed source, its header included: plaintext in *fd_r, the beginning of it also in
 * front (appended, all of the first record). -ERR_DENIED: wrong key, changed, or records in wrong
 * places; -ERR_SYNTAX: cut off, or octets behind the end; -ERR_IO. Nothing is left on failure.
 */
MUST_CHECK int ue_records_open(const struct ece_head *head, const struct ece_keys *keys,
			       const struct ue_source *from, struct bytes *front, int *fd_r,
			       uint64_t *size_r);
/* An empty file that has no name; -ERR_IO with errno. */
MUST_CHECK int ue_records_temporary(int *fd_r);

#endif
