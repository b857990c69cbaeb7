/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_STATE_H
#define UE_UE_STATE_H

#include "ue/ue_marks.h"

/*
 * A UE's marks against replays in a file that outlives it: mode 0600, replaced as a whole, so that it is never
 * half written. FILE.lock beside it keeps a second process away, which would undo what the first one marks.
 */
struct ue_state;

/*
 * A file that is not there is made. -ERR_IO with errno; -ERR_EXISTS: another process has it; -ERR_SYNTAX: it is
 * no such file.
 */
MUST_CHECK int ue_state_open(const char *path, struct ue_state **s_r);
void ue_state_close(struct ue_state **s);
/* Of this file; the caller of ue_state_open does not free them. */
struct ue_marks *ue_state_marks(struct ue_state *s);
/* The marks are on the disk afterwards. -ERR_IO with errno: the file is as it was. */
MUST_CHECK int ue_state_save(struct ue_state *s);

#endif
