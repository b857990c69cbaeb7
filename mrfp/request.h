/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_REQUEST_H
#define MRFP_REQUEST_H

#include "mrfp/wire.h"

/* MSRP semantics of what a connection reads; handed to wire.c by server.c. */
extern const struct wire_ops request_ops;

/* Queue the response to the request of rq; its paths are known. */
void request_answer(struct wire *w, struct slice tid, struct slice paths, int status);

/* Bind a session to a wire: paths as the peer writes them. Tells the MRFC. */
void request_bind(struct wire *w, struct session *s, struct slice to_raw, struct slice from_raw);

#endif
