/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_DIAL_H
#define MRFP_DIAL_H

#include "mrfp/wire.h"

/* The active side: connects where msrp.connect_allow permits and binds by an empty SEND. */

/*
 * May the session connect where its `connect`, else the leftmost URI of its remote path, says?
 * -ERR_SYNTAX, -ERR_DENIED (outside connect_allow, a group of hosts, a listener of ours). A name is judged when it is resolved.
 */
MUST_CHECK int dial_check(const struct session *s);
/*
 * Connect, or use the open connection there (MSRP-045); a name's addresses are tried in order
 * (MSRP-039). Failure is told as lost.
 */
void dial_start(struct session *s);
/* wire_ops.connected: bind the sessions that waited for it (MSRP-041). */
void dial_connected(struct wire *w);
/* wire_ops.lost: who could not connect tries its next address, all others are hung up. */
void dial_lost(struct wire *w, int cause);

#endif
