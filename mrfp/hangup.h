/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_HANGUP_H
#define MRFP_HANGUP_H

#include "mrfp/wire.h"

/* Ends of sessions, whoever ends them: one way to settle, tell and let go. */

/*
 * The session's connection ends: its messages are aborted, its open copies settled as lost, it
 * leaves the logs and its wire. With cause (enum ctl_lost) its state is LOST and the MRFC is told;
 * with 0 nobody is told (the MRFC asked for it) and the caller sets the state.
 */
void hangup(struct session *s, int cause);
/* All sessions of a wire that has been closed. */
void hangup_wire(struct wire *w, int cause);
/* End the session and, when it was the last one on its connection, the connection too. */
void hangup_and_close(struct session *s, int cause);
/* The MRFC takes the session away: its connection stays to say 481 until it is closed or idle. */
void hangup_free(struct session **s);

#endif
