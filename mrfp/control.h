/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_CONTROL_H
#define MRFP_CONTROL_H

#include "mrfp/plane.h"
#include "proto/ctl_frame.h"

/*
 * Carry out one request of the MRFC and append the whole reply frame to out. Every request gets a
 * reply; what is wrong with it is named there. Repeated requests are the caller's matter
 * (ctl_dedup.h).
 */
void control_request(struct plane *plane, const struct ctl_frame *f, struct bytes *out);
/* Remove all contexts without a word to the MRFC. */
void control_clear(struct plane *plane);

#endif
