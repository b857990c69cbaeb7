/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_CTL_DEDUP_H
#define MRFP_CTL_DEDUP_H

#include <stdint.h>

#include "common/slice.h"

/*
 * The last replies sent on the control link, by the peer's transaction id: a repeated request
 * gets the saved reply and never a second effect. One set per incarnation of the peer.
 */
#define CTL_DEDUP_MAX   4096
#define CTL_DEDUP_BYTES (8u << 20) /* older replies are forgotten above this */

struct ctl_dedup;
struct ctl_dedup *ctl_dedup_new(void);
void ctl_dedup_free(struct ctl_dedup **d);
/* Forget all: the peer is another process than before. */
void ctl_dedup_reset(struct ctl_dedup *d);
/* The saved reply, or an empty view. Valid until the next call. */
struct slice ctl_dedup_find(const struct ctl_dedup *d, uint32_t transaction);
/* Save a copy; the oldest goes when full. */
void ctl_dedup_save(struct ctl_dedup *d, uint32_t transaction, struct slice reply);

#endif
