/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_ALIVE_H
#define MRFP_ALIVE_H

#include "mrfp/plane.h"

/*
 * Dead peers and quiet sessions (IMS-022), looked for once a second where a setting asks for it:
 * msrp.keepalive, msrp.session_idle. What TCP itself finds is set at connection (msrp.tcp_timeout).
 */
void alive_tick(struct plane *plane);

#endif
