/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_GROUPKEY_KS_RELAY_H
#define MRFC_GROUPKEY_KS_RELAY_H

#include "mrfc/groupkey/groupkey.h"
#include "proto/ks/ks_frame.h"

/* What all key servers outside of this process have in common: calls as frames, frames as events. */

/* Appends an item of KS_CHANGE. */
void ks_relay_add(struct bytes *list, bool joined, const struct groupkey_member *who);
struct ks_frame ks_relay_request(const char *room, const struct groupkey_member *from,
				 struct slice bytes);
/*
 * Tells what a frame of the key server says. -ERR_SYNTAX: it is none of KS_EPOCH to KS_JUDGED, or its
 * fields make no sense: nothing was told.
 */
MUST_CHECK int ks_relay_tell(const struct groupkey *g, const struct ks_frame *f);

#endif
