/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_ADMIT_H
#define MRFP_ADMIT_H

#include "mrfp/plane.h"

/* May one more connection from this address be kept? Counts and logs a refusal (MSRP-056). */
bool admit(struct plane *plane, const struct addr *peer);

#endif
