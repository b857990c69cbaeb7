/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_DOORS_H
#define MRFP_DOORS_H

#include "mrfp/plane.h"

/* The listeners for MSRP, by the settings; what they accept becomes a wire, if admitted. */
enum door { DOOR_TCP, DOOR_TLS, DOOR_WSS, DOOR_WS, DOORS };
struct doors;

#define DOORS_STRLEN (PLACES_MAX * ADDR_STRLEN)

/*
 * Open them and set places and certificates in the plane, which owns those: doors_release()
 * frees them, after all connections. An exit code of common/daemon.h; what is wrong was logged.
 * *doors_r is set in any case.
 */
MUST_CHECK int doors_open(struct plane *plane, struct doors **doors_r);
/* The real addresses; the result is how many. d may be NULL. */
size_t doors_addrs(const struct doors *d, enum door which, const struct addr *addrs_r[PLACES_MAX]);
/* The same in text with commas between, or "off". */
const char *doors_text(const struct doors *d, enum door which, char text[DOORS_STRLEN]);
/* No new connections from now on. Nulls the pointer. */
/*
 * New certificates from opt's files: announced at once, shown to peers opt->tls_overlap_ms later, as
 * descriptions that are on their way name the old one. Browsers see it at once. Errors are logged,
 * and the old one stays. d NULL: the doors are closed, nothing happens.
 */
void doors_reload(struct doors *d, struct plane *plane, const struct options *opt);
/* Of plane->now_ms: is it time to show it? */
void doors_tick(struct doors *d, struct plane *plane);
void doors_close(struct doors **d);
void doors_release(struct plane *plane);
/* TLS handshakes of all doors into the plane's stats. */
void doors_collect(struct plane *plane);

#endif
