/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_DIAL_H
#define MRFP_DIAL_H

#include "mrfp/wire.h"

/* The active side: connects where msrp.connect_allow permits and binds by an empty SEND. */

/*
 * Where would the session connect to? Its `connect`, else the leftmost URI of its remote path;
 * numeric. -ERR_SYNTAX, -ERR_DENIED (outside connect_allow).
 */
MUST_CHECK int dial_target(const struct session *s, struct addr *to_r);
/* Connect or use the open connection there (MSRP-045). Failure is told as lost. */
void dial_start(struct session *s, const struct addr *to);
/* wire_ops.connected: bind the sessions that waited for it (MSRP-041). */
void dial_connected(struct wire *w);

#endif
