/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CONN_TLS_PEER_H
#define COMMON_CONN_TLS_PEER_H

#include "common/tls_priv.h"

/*
 * The handshake is over: of what the peer showed only that is kept which conn_peer_is() and
 * conn_peer_is_named() need; its certificate, taken apart, and the session's secret are given up.
 */
void tls_peer_keep(struct tls_stream *ts);
void tls_peer_drop(struct tls_stream *ts);

#endif
