/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_INJECT_H
#define MRFP_INJECT_H

#include "mrfp/session.h"

#define INJECT_MAX (64u << 10)

/*
 * Send a whole message as the focus to one bound leg, or to all (to NULL). -ERR_SYNTAX for a bad
 * type or CPIM head, -ERR_LIMIT for a body over INJECT_MAX. number (0: none; only to one leg): an
 * event tells what became of it; one that is not above the leg's last has no effect.
 * -ERR_WRONG_STATE: a numbered one, and the leg is not bound.
 */
MUST_CHECK int inject(struct context *ctx, struct session *to, struct slice content_type,
		      struct slice body, uint64_t number);

#endif
