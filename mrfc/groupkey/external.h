/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_GROUPKEY_EXTERNAL_H
#define MRFC_GROUPKEY_EXTERNAL_H

#include "common/addr.h"
#include "mrfc/groupkey/groupkey.h"
#include "mrfc/groupkey/ks_stream.h"

struct event_base;
struct metrics;

/*
 * A key server in a process, and best on a machine, of its own (mrfks): this one holds no key and
 * makes none. Calls are frames, pipelined; while there is no connection they are -ERR_CLOSED. It is
 * dialled again after 0.1 to 1 s. `back` comes with every connection, also the first: the key
 * server knows nothing then.
 */
struct groupkey *groupkey_external_new(struct event_base *base, const struct addr *at,
				       const struct ks_security *security, struct metrics *metrics);

#endif
