/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CONN_TLS_PSK_H
#define COMMON_CONN_TLS_PSK_H

#include "common/tls_priv.h"

/* Its handshake is about to begin: keys are offered, or accepted. */
void tls_psk_begin(struct tls_stream *ts);
/* The handshake is over, or given up: the key is wiped. */
void tls_psk_over(struct tls_stream *ts);

#endif
