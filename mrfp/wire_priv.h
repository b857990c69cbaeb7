/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_WIRE_PRIV_H
#define MRFP_WIRE_PRIV_H

#include "mrfp/wire.h"

/* Between wire.c and wire_send.c only. */

/* Off the plane's list of connections with something to send. */
void wire_undirty(struct wire *w);
/*
 * s leaves while a frame of it is partly out: keep the frame's end, or nothing else on this
 * connection could be understood.
 */
void wire_keep_rest(struct wire *w, struct session *s);

#endif
