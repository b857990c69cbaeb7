/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_ADMIT_H
#define MRFP_ADMIT_H

#include "mrfp/plane.h"

/* Caps on connections (MSRP-056). */

/*
 * May one more connection from this address be kept? Counts it when yes: admit_release() takes it
 * back. Counts and logs a refusal.
 */
bool admit(struct plane *plane, const struct addr *peer);
/* The connection that was admitted is closed. */
void admit_release(struct plane *plane, const struct addr *peer);

#endif
