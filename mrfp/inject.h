/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_INJECT_H
#define MRFP_INJECT_H

#include "mrfp/session.h"

#define INJECT_MAX (64u << 10)

/*
 * Send a whole message as the focus to one bound leg, or to all (to NULL). -ERR_SYNTAX for a bad
 * type or CPIM head, -ERR_LIMIT for a body over INJECT_MAX.
 */
MUST_CHECK int inject(struct context *ctx, struct session *to, struct slice content_type,
		      struct slice body);

#endif
