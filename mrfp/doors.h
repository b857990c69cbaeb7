/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_DOORS_H
#define MRFP_DOORS_H

#include "mrfp/plane.h"

/* The listeners for MSRP, by the settings; what they accept becomes a wire, if admitted. */
enum door { DOOR_TCP, DOOR_TLS, DOOR_WSS, DOOR_WS, DOORS };
struct doors;

/*
 * Open them and set host, ports and certificates in the plane, which owns those: doors_release()
 * frees them, after all connections. An exit code of common/daemon.h; what is wrong was logged.
 * *doors_r is set in any case.
 */
MUST_CHECK int doors_open(struct plane *plane, struct doors **doors_r);
/* The real address; NULL: off. */
const struct addr *doors_addr(const struct doors *d, enum door which);
/* The same in text, or "off"; d may be NULL. */
const char *doors_place(const struct doors *d, enum door which, char text[ADDR_STRLEN]);
/* No new connections from now on. Nulls the pointer. */
void doors_close(struct doors **d);
void doors_release(struct plane *plane);
/* TLS handshakes of all doors into the plane's stats. */
void doors_collect(struct plane *plane);

#endif
