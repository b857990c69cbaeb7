/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_KEPT_H
#define UE_UE_KEPT_H

#include "common/bytes.h"

/*
 * A small file that outlives a UE: mode 0600, replaced as a whole, so that it is never half written.
 * FILE.lock beside it keeps a second process away, which would undo what the first one writes.
 */
struct ue_kept;

/* The file need not be there. -ERR_IO with errno; -ERR_EXISTS: another process has it. */
MUST_CHECK int ue_kept_open(const char *path, struct ue_kept **k_r);
void ue_kept_close(struct ue_kept **k); /* keeps errno */
/*
 * Appends what is in it; text's limit is the file's. 1; 0: there is no file; -ERR_IO with errno;
 * -ERR_SYNTAX: longer than that.
 */
MUST_CHECK int ue_kept_read(const struct ue_kept *k, struct bytes *text);
/* On the disk afterwards. -ERR_IO with errno: the file is as it was. */
MUST_CHECK int ue_kept_replace(struct ue_kept *k, struct slice text);

#endif
