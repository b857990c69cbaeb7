/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_REPLAY_H
#define UE_UE_REPLAY_H

#include "common/slice.h"

/*
 * Which messages under one epoch's key were seen: a window of 64 sequence numbers for each device
 * (token) of each member. Pure.
 */
struct ue_replay;

#define UE_REPLAY_TOKENS  16    /* devices of one member */
#define UE_REPLAY_WINDOWS 16384 /* of all members */

struct ue_replay *ue_replay_new(void);
void ue_replay_free(struct ue_replay **r);
/*
 * from: a URI, compared as such. 0: fresh, and noted; -ERR_EXISTS: seen before, or too old to
 * tell; -ERR_LIMIT: too many devices.
 */
MUST_CHECK int ue_replay_take(struct ue_replay *r, struct slice from, uint32_t token, uint64_t seq);

#endif
