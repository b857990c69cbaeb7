/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CONN_TLS_TURN_H
#define COMMON_CONN_TLS_TURN_H

#include "common/tls_priv.h"

/*
 * May the stream's handshake run? False: it waits, and conn_retry() comes when it may. Our own
 * connections always may: who dials limits them.
 */
bool tls_turn_begin(struct tls_stream *ts);
/* It is over, or given up; another may begin. Idempotent. */
void tls_turn_end(struct tls_stream *ts);
/* This turn of the loop has seen its share of steps: try again in the next. Counts one if not. */
bool tls_turn_is_spent(struct tls_stream *ts);

#endif
