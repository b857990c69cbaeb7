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
/*
 * This address asked for a session that does not exist, on a connection that had none: too many of
 * these in a minute and it is not admitted for a while. Trusted addresses are spared.
 */
void admit_probe(struct plane *plane, const struct addr *peer);
/* Forget all of them: no connection is left. */
void admit_clear(struct plane *plane);
/* Forget addresses that nothing is known of any more; looks every few seconds. */
void admit_sweep(struct plane *plane);
/* The connection that was admitted is closed. */
void admit_release(struct plane *plane, const struct addr *peer);

#endif
