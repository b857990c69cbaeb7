/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_SUMMARY_H
#define MRFP_SUMMARY_H

#include "mrfp/aggregate.h"
#include "mrfp/session.h"

#define SUMMARY_MAX (60u << 10) /* octets of one summary */

/*
 * Send what is held of g to the legs of the message's sender, as the room: one multipart/mixed of the
 * documents (RFC 5438 8.3), or several of at most SUMMARY_MAX, to a leg that lists that type by
 * name; else one document for each kind and status, which tells the number and no names (14.2). False
 * when the sender has no leg. What a leg does not get is counted as its lost copy.
 */
bool summary_send(struct context *ctx, const struct aggregate *g);

#endif
